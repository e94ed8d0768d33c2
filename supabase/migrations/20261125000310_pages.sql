-- Pages and chapters: the text of files, to be read, cited and searched. They belong to a file, not to a source, so that
-- copies of a source within a workspace share them.
-- Rows that are there: no source has text yet.

create table public.source_pages (
  file_id      uuid     not null,
  number       integer  not null,
  workspace_id uuid     not null,
  text         text     not null,
  search       tsvector not null,
  constraint source_pages_pkey primary key (file_id, number),
  constraint source_pages_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id) on delete cascade,
  constraint source_pages_number_range check (number between 1 and 5000)
);
comment on table public.source_pages is 'The text of files by page. Of a text file a page is a section.';
comment on column public.source_pages.number is 'The page''s place in the file, from 1.';
comment on column public.source_pages.search is
  'The first 100,000 characters as words, in the form of the language the file was saved with and as they are.';

-- A search reads the vector of every page: kept in the row and uncompressed, it costs a quarter.
alter table public.source_pages alter column search set storage external, set (toast_tuple_target = 8160);
-- No GIN index: @@ is not leakproof, so that under row-level security no plan may use one.
create index source_pages_workspace_id_file_id_number_idx on public.source_pages (workspace_id, file_id, number);

revoke all on table public.source_pages from public, anon, authenticated, service_role;
grant all on table public.source_pages to service_role;
grant select on table public.source_pages to authenticated;
alter table public.source_pages enable row level security;
create policy "People see the pages in workspaces that they may read" on public.source_pages
  for select to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));

create table public.chapters (
  file_id      uuid    not null,
  position     integer not null,
  workspace_id uuid    not null,
  level        integer not null,
  title        text    not null,
  first_page   integer not null,
  last_page    integer not null,
  constraint chapters_pkey primary key (file_id, position),
  constraint chapters_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id) on delete cascade,
  constraint chapters_position_range check (position between 1 and 5000),
  constraint chapters_level_range check (level between 1 and 20),
  constraint chapters_title_length check (char_length(title) <= 500),
  constraint chapters_title_text check (private.has_text(title)),
  constraint chapters_pages_order check (1 <= first_page and first_page <= last_page and last_page <= 5000)
);
comment on table public.chapters is 'The outlines of files, in reading order.';
comment on column public.chapters.position is 'The entry''s place in the outline, from 1.';
comment on column public.chapters.level is 'How deep the entry is, from 1.';
comment on column public.chapters.last_page is
  'The page before the next entry of the same or a higher level, but never before first_page.';

create index chapters_workspace_id_idx on public.chapters (workspace_id);

revoke all on table public.chapters from public, anon, authenticated, service_role;
grant all on table public.chapters to service_role;
grant select on table public.chapters to authenticated;
alter table public.chapters enable row level security;
create policy "People see the chapters in workspaces that they may read" on public.chapters
  for select to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));

create function private.drop_unused_pages(file_ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- Of two sources that share a file and go at once, the second must see that the first is gone.
  perform pg_advisory_xact_lock(hashtextextended(f.id::text, 0))
    from (select distinct id from unnest(file_ids) id where id is not null order by id) f;
  delete from public.source_pages p
    where p.file_id = any (file_ids) and not exists (select from public.sources s where s.file_id = p.file_id);
  delete from public.chapters c
    where c.file_id = any (file_ids) and not exists (select from public.sources s where s.file_id = c.file_id);
end $$;
comment on function private.drop_unused_pages is
  'Deletes the text of those files that no source refers to any more. Definer, because nobody else may delete it.';

create function private.drop_text_of_sources() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.drop_unused_pages(array(select file_id from gone where file_id is not null));
  return null;
end $$;
comment on function private.drop_text_of_sources is 'Deletes the text that only the deleted sources had.';

create function private.drop_text_of_source() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.drop_unused_pages(array[old.file_id]);
  return null;
end $$;
comment on function private.drop_text_of_source is 'Deletes the text of a replaced file.';

-- Once per statement, so that all files of a statement are locked in one order.
create trigger sources_drop_texts after delete on public.sources referencing old table as gone
  for each statement execute function private.drop_text_of_sources();
create trigger sources_drop_text after update of storage_path, file_id on public.sources
  for each row when (old.file_id is not null and old.file_id is distinct from new.file_id)
  execute function private.drop_text_of_source();

revoke execute on function
  private.drop_unused_pages(uuid[]), private.drop_text_of_sources(), private.drop_text_of_source()
  from public, anon, authenticated, service_role;

-- As the caller: what row-level security hides of a source, its text is hidden here too.
create function public.read_pages(source_id uuid, first integer default 1, last integer default 5000, size integer default 50)
returns table (number integer, text text, following integer)
language plpgsql stable set search_path = '' as $$
declare
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
        and p.number between read_pages.first and least(final, read_pages.first + least(read_pages.size, 100) - 1)
    ) page
    where page.bytes <= 4194304 or page.number = read_pages.first
    order by page.number;
end $$;
comment on function public.read_pages is
  'The pages first to last of a source''s file: at most size (100) and, but for the first, 4 MiB of them; each with the page to ask for after it, if there is one. Raises PT404 source_not_found.';

create function public.read_chapters(source_id uuid)
returns table ("position" integer, level integer, title text, first_page integer, last_page integer)
language plpgsql stable set search_path = '' as $$
declare
  file uuid;
begin
  select s.file_id into file from public.sources s where s.id = read_chapters.source_id;
  if not found then
    raise sqlstate 'PT404' using message = 'source_not_found';
  end if;
  return query
    select c.position, c.level, c.title, c.first_page, c.last_page
    from public.chapters c where c.file_id = file order by c.position;
end $$;
comment on function public.read_chapters is 'The outline of a source''s file, at most 5,000 entries. Raises PT404 source_not_found.';

revoke execute on function public.read_pages(uuid, integer, integer, integer), public.read_chapters(uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.read_pages(uuid, integer, integer, integer), public.read_chapters(uuid)
  to authenticated, service_role;
