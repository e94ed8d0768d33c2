-- Reading pages: from before the first page on is from the first page on.
-- Rows that are there: nothing changes.

create or replace function public.read_pages(source_id uuid, first integer default 1, last integer default 5000, size integer default 50)
returns table (number integer, text text, following integer)
language plpgsql stable set search_path = '' as $$
declare
  begun constant integer := greatest(read_pages.first, 1);
  file  uuid;
  final integer;
begin
  select s.file_id, least(s.page_count, read_pages.last) into file, final
    from public.sources s where s.id = read_pages.source_id;
  if not found then
    raise sqlstate 'PT404' using message = 'source_not_found';
  end if;
  return query
    select page.number, page.text, case when page.number < final then page.number + 1 end
    from (
      select p.number, p.text, sum(octet_length(p.text)) over (order by p.number) as bytes
      from public.source_pages p
      where p.file_id = file
        and p.number between begun and least(final, begun::bigint + least(read_pages.size, 100) - 1)
    ) page
    where page.bytes <= 4194304 or page.number = begun
    order by page.number;
end $$;
