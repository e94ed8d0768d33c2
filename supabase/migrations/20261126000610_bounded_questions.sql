-- The tutor's pages: a question is answered in time, however many books it mentions.
-- Rows that are there: nothing changes.

create or replace function private.matching_pages(workspace_id uuid, question text, source_ids uuid[], language text, size integer)
returns table (source_id uuid, title text, page integer)
language plpgsql stable set search_path = '' as $$
declare
  -- As in search_pages(): Thai, Lao, Burmese, Khmer; Japanese, Chinese, Korean.
  letters constant text := '\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff';
  signs   constant text := '\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff';
  asked   constant text := regexp_replace(btrim(translate(matching_pages.question, '"-', '  ')), '\s+', ' or ', 'g');
  begun   constant text := left(matching_pages.question, 1000);
  words   text[];
  pieces  text[];
begin
  if left(asked, 1000) !~ ('[' || letters || signs || ']') then
    return query
      select hit.source_id, hit.title, hit.page
      from public.search_pages(
        matching_pages.workspace_id, asked, matching_pages.source_ids, matching_pages.language, matching_pages.size
      ) hit;
    return;
  end if;

  -- Where no space ends a word, each two signs or three letters in a row count as one: a page that has the word has
  -- them. What is between them in another script counts as its words do. A single sign is on almost every page.
  words := tsvector_to_array(to_tsvector(
    private.as_config(matching_pages.language), regexp_replace(begun, '[' || letters || signs || ']+', ' ', 'g')
  ));
  pieces := array(
    select piece.text
    from (
      select
        found.text, min(found.place) as place, max(char_length(found.text)) over () as longest,
        row_number() over (order by min(found.place), found.text) as rank, count(*) over () as number
      from (
        select
          substr(coalesce(run.parts[1], run.parts[2]), place, case when run.parts[1] is null then 2 else 3 end), place
        from regexp_matches(begun, '([' || letters || ']+)|([' || signs || ']+)', 'g') run (parts)
        cross join generate_series(1, greatest(char_length(run.parts[1]) - 2, char_length(run.parts[2]) - 1, 1)) place
        union all
        select word.* from unnest(words) with ordinality word
      ) found (text, place)
      group by found.text
    ) piece
    where char_length(piece.text) >= least(piece.longest, 2)
      -- Of many every second, or third: a word that loses one of its pieces has others.
      and piece.rank % ceil(piece.number / 25.0) = 0
    order by piece.place, piece.text
  );
  return query
    select file.id, file.title, p.number
    from (
      -- In a turn there is time for so many pages: each file has the same share of them, at even distances.
      select once.*, ceil(once.page_count * count(*) over () / 10000.0) as distance
      from (
        -- A page that several sources share is found once.
        select distinct on (s.file_id) s.id, s.title, s.file_id, s.page_count
        from public.sources s
        where s.workspace_id = matching_pages.workspace_id and s.status = 'ready'
          and s.id = any (matching_pages.source_ids)
        order by s.file_id, s.created_at, s.id
      ) once
    ) file
    join public.source_pages p on p.file_id = file.file_id and (p.number - 1) % file.distance = 0
    -- Lines break within words. Without words there is no case, and to ignore it would take most of the time.
    cross join lateral (
      select replace(replace(replace(
        case when cardinality(words) > 0 then lower(left(p.text, 4000)) else left(p.text, 4000) end,
        ' ', ''), E'\n', ''), E'\r', '') as text
      offset 0
    ) whole
    -- A longer word counts as much as the pieces that it would have.
    cross join lateral (
      select sum(greatest(char_length(piece) - 1, 1)) as weight
      from unnest(pieces) piece where strpos(whole.text, piece) > 0
    ) found
    where found.weight > 0
    order by found.weight desc, file.id, p.number
    limit matching_pages.size;
end $$;
comment on function private.matching_pages is
  'The pages of these sources that have most of a question''s words, best first, at most size. In scripts without spaces, pieces of words count, at most 25 of the first 1,000 characters, in the first 4,000 characters of a page, of at most 10,000 pages and of each file the same share; for all others it is search_pages() with any of the words.';
