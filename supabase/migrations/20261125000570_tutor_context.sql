-- What a tutor's model is told for a question, read in one request.
-- Rows that are there: nothing changes.

create function public.tutor_context(
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
    from public.search_pages(
      place, regexp_replace(btrim(translate(question.content, '"-', '  ')), '\s+', ' or ', 'g'), books,
      tutor_context.language, tutor_context.pages
    ) with ordinality hit (source_id, title, page, excerpt, rank)
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
  'What a tutor''s model is told for the last question of a conversation: {messages, labs, pages}. The newest finished messages, oldest first; the labs that the question mentions, each with its task, the learner''s code and the newest run; the pages of mentioned sources, and of the labs'' sources, that have most of the question''s words, else the beginning of the lab''s chapter or of the file. At most so many messages and pages, and so many characters of each text. No stored solution is in it. Raises PT404 workspace_not_found.';

create function private.task(type text, content jsonb) returns text
language sql immutable parallel safe
return case type
  when 'code_lab' then content ->> 'instructions'
  when 'quiz_lab' then (
    select string_agg((q ->> 'question') || E'\n' || (q ->> 'choices'), E'\n\n') from jsonb_array_elements(content -> 'questions') q
  )
  when 'flashcard_lab' then (
    select string_agg((c ->> 'front') || E'\n' || (c ->> 'back'), E'\n\n') from jsonb_array_elements(content -> 'cards') c
  )
end;
comment on function private.task is
  'What a lab asks of its learner, in words: instructions, questions with their choices but without the answers, or cards. No search path applies: the body was bound when it was made.';

revoke execute on function public.tutor_context(uuid, text, integer, integer, integer, text), private.task(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.tutor_context(uuid, text, integer, integer, integer, text), private.task(text, jsonb)
  to authenticated, service_role;

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261125000570';
