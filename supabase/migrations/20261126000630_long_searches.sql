-- Searching: a query for any of many words takes little longer than one for two.
-- Rows that are there: nothing changes.

create or replace function public.search_pages(
  workspace_id uuid,
  query        text,
  source_ids   uuid[] default null,
  language     text default 'english',
  size         integer default 10
) returns table (source_id uuid, title text, page integer, excerpt text)
language plpgsql stable set search_path = '' set client_min_messages = warning as $$
declare
  config   regconfig := private.as_config(search_pages.language);
  asked    text := left(search_pages.query, 1000);
  words    tsquery := websearch_to_tsquery(config, asked) || websearch_to_tsquery('pg_catalog.simple', asked);
  -- Thai, Lao, Burmese, Khmer, Japanese, Chinese; Korean, whose particles follow a word without a space.
  sign     text := substring(
    asked from '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]'
  );
  patterns text[];
begin
  perform from public.workspaces w where w.id = search_pages.workspace_id;
  if not found then
    raise sqlstate 'PT404' using message = 'workspace_not_found';
  end if;
  if sign is not null then
    patterns := array(
      select private.literal(term)
      from regexp_split_to_table(left(asked, 200), '["\s\u3000]+') term
      where term <> ''
      limit 10
    );
  end if;

  return query
    with hits as (
      select
        file.id, file.title, p.number, p.text,
        case
          when patterns is not null then regexp_count(p.text, patterns[1], 1, 'i')
          -- How near to one another many words are takes ten times as long to tell.
          when numnode(words) > 64 then ts_rank(p.search, words, 1)
          else ts_rank_cd(p.search, words, 1)
        end as rank
      from (
        -- A page that several sources share is found once.
        select distinct on (s.file_id) s.id, s.title, s.file_id
        from public.sources s
        where s.workspace_id = search_pages.workspace_id and s.status = 'ready'
          and (search_pages.source_ids is null or s.id = any (search_pages.source_ids))
        order by s.file_id, s.created_at, s.id
      ) file
      join public.source_pages p on p.file_id = file.file_id
      where case
        when patterns is null then p.search @@ words
        else strpos(p.text, sign) > 0 and p.text ~* all (patterns) -- most pages are told by one character
      end
      order by rank desc, file.id, p.number
      limit least(greatest(search_pages.size, 0), 100)
    )
    select h.id, h.title, h.number, private.excerpt(h.text, words, config, patterns[1])
    from hits h
    order by h.rank desc, h.id, h.number;
end $$;
comment on function public.search_pages is
  'The pages of a workspace, or of some of its sources, that match: by words as web searches are written, in a language and as they are; in scripts without spaces every part of the query literally. Best first, at most size (100), excerpts marked as private.excerpt says; more than about 16 words are ranked by how often they occur, not by how near they are. Raises PT404 workspace_not_found.';
