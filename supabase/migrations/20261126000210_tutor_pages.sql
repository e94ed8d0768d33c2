-- The tutor's pages: those that answer a question in a script without spaces are found too.
-- Rows that are there: nothing changes.

create function private.matching_pages(workspace_id uuid, question text, source_ids uuid[], language text, size integer)
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
      select found.text, min(found.place) as place, max(char_length(found.text)) over () as longest
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
    order by piece.place, piece.text
    limit 50
  );
  return query
    select file.id, file.title, p.number
    from (
      -- A page that several sources share is found once.
      select distinct on (s.file_id) s.id, s.title, s.file_id
      from public.sources s
      where s.workspace_id = matching_pages.workspace_id and s.status = 'ready'
        and s.id = any (matching_pages.source_ids)
      order by s.file_id, s.created_at, s.id
    ) file
    join public.source_pages p on p.file_id = file.file_id
    -- Lines break within words. Without words there is no case, and to ignore it would take most of the time.
    cross join lateral (
      select replace(replace(replace(
        case when cardinality(words) > 0 then lower(p.text) else p.text end, ' ', ''), E'\n', ''), E'\r', '') as text
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
  'The pages of these sources that have most of a question''s words, best first, at most size. In scripts without spaces, pieces of words count, of the first 1,000 characters at most 50; for all others it is search_pages() with any of the words.';
revoke execute on function private.matching_pages(uuid, text, uuid[], text, integer)
  from public, anon, authenticated, service_role;
grant execute on function private.matching_pages(uuid, text, uuid[], text, integer) to authenticated, service_role;

create or replace function public.tutor_context(
  workspace_id uuid, chat_id text, messages integer, pages integer, size integer, language text default 'english'
) returns json
language plpgsql stable set search_path = '' as $$
declare
  place    constant uuid := tutor_context.workspace_id;
  question public.chat_messages;
  named    uuid[];
  books    uuid[];
  found    json;
begin
  select m.* into question from public.chat_messages m
    where m.workspace_id = place and m.chat_id = tutor_context.chat_id and m.role = 'user'
    order by m.seq desc limit 1;
  -- "And why?" still speaks of what the question before it named.
  named := array(
    select jsonb_array_elements_text(last.mentions)::uuid
    from (
      select m.mentions from public.chat_messages m
      where m.workspace_id = place and m.chat_id = tutor_context.chat_id and m.role = 'user' and m.mentions <> '[]'
      order by m.seq desc limit 1
    ) last
  );
  books := array(
    select s.id from public.sources s where s.workspace_id = place and s.id = any (named)
    union
    select l.source_id from public.labs l
    where l.workspace_id = place and l.id = any (named) and l.source_id is not null
  );

  -- A question has more words than the page that answers it: any of them counts, and the best pages have most.
  select json_agg(json_build_object(
      'source_id', hit.source_id, 'title', hit.title, 'page', hit.page, 'text', left(p.text, tutor_context.size)
    ) order by hit.rank) into found
    from private.matching_pages(
      place, question.content, books, tutor_context.language, tutor_context.pages
    ) with ordinality hit (source_id, title, page, rank)
    join public.sources s on s.id = hit.source_id
    join public.source_pages p on p.file_id = s.file_id and p.number = hit.page
    where cardinality(books) > 0;
  if found is null then
    -- Where no page has any of the words: the beginning of the chapter that a lab is about, else of the file.
    select json_agg(json_build_object(
        'source_id', page.id, 'title', page.title, 'page', page.number, 'text', left(page.text, tutor_context.size)
      ) order by page.place, page.number) into found
      from (
        select s.id, s.title, p.number, p.text, array_position(books, s.id) as place
        from public.sources s
        left join lateral (
          select c.first_page from public.labs l
          join public.chapters c on c.file_id = s.file_id and c.position::text = l.config ->> 'chapter'
          where l.id = any (named) and l.source_id = s.id
          order by c.first_page limit 1
        ) chapter on true
        join public.source_pages p on p.file_id = s.file_id and p.number >= coalesce(chapter.first_page, 1)
          and p.number < coalesce(chapter.first_page, 1) + tutor_context.pages
        where s.id = any (books)
        order by place, p.number limit tutor_context.pages
      ) page;
  end if;

  return json_build_object(
    'messages', (
      select coalesce(json_agg(json_build_object(
        'id', m.id, 'role', m.role, 'content', left(m.content, 100000)) order by m.seq), '[]')
      from (
        select * from public.chat_messages m
        where m.workspace_id = place and m.chat_id = tutor_context.chat_id
          and m.status in ('complete', 'stopped') and m.content <> ''
        order by m.seq desc limit tutor_context.messages
      ) m
    ),
    'labs', (
      select coalesce(json_agg(json_build_object(
        'title', coalesce(l.title, l.type),
        'task', left(private.task(l.type, l.generated_content), tutor_context.size),
        'code', left(l.user_state ->> 'code', tutor_context.size),
        'run', (
          select left(concat_ws(E'\n', r.status || ': ' || r.message, tests.failed), tutor_context.size)
          from public.lab_runs r
          cross join lateral (
            select string_agg(concat_ws(E'\n', (t ->> 'name') || ': ' || (t ->> 'status'), t ->> 'message'), E'\n') as failed
            from jsonb_array_elements(r.tests) t where t ->> 'status' <> 'pass'
          ) tests
          where r.lab_id = l.id
          order by r.created_at desc, r.id desc limit 1
        )
      ) order by array_position(named, l.id)), '[]')
      from public.labs l where l.workspace_id = place and l.id = any (named)
    ),
    'pages', coalesce(found, '[]')
  );
end $$;
comment on function public.tutor_context is
  'What a tutor''s model is told for the last question of a conversation: {messages, labs, pages}. The newest finished messages, oldest first; the labs that the question mentions, each with its task, the learner''s code and the newest run; the pages of mentioned sources, and of the labs'' sources, that have most of the question''s words, else the beginning of the lab''s chapter or of the file. At most so many messages and pages, and so many characters of each text. No stored solution is in it. Of a workspace that the caller does not see the three lists are empty.';
