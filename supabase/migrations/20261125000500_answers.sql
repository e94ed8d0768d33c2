-- Answers: a message that a model is writing, for whom, in which conversation, and whether it is finished.
-- Rows that are there: every message is complete and belongs to the conversation `main`; who wrote it is not known.
--
-- An answer is unfinished while its status is streaming or stopping. Every write to it renews its lease; one whose lease
-- is over has lost its writer, and is ended by whoever finds it. The database's clock alone decides.

alter table public.chat_messages
  add column user_id     uuid,
  add column chat_id     text not null default 'main',
  add column status      text not null default 'complete',
  add column failure     text,
  add column sources     jsonb not null default '[]',
  add column tokens      integer,
  add column lease_until timestamptz,
  drop constraint chat_messages_content_text,
  -- An answer that was stopped or failed may have come to nothing.
  add constraint chat_messages_content_text check (status <> 'complete' or private.has_text(content)),
  add constraint chat_messages_chat_id_word check (chat_id ~ '^[A-Za-z0-9._~-]{1,64}$'),
  add constraint chat_messages_status_known check (status in ('complete', 'streaming', 'stopping', 'stopped', 'failed')),
  add constraint chat_messages_status_of_answer check (status = 'complete' or role = 'assistant'),
  add constraint chat_messages_failure_word check (failure ~ '^[a-z][a-z0-9_]{0,63}$'),
  add constraint chat_messages_failure_of_failed check ((status = 'failed') = (failure is not null)),
  add constraint chat_messages_sources_array check (
    jsonb_typeof(sources) = 'array' and octet_length(sources::text) <= 65536
  ),
  add constraint chat_messages_tokens_range check (tokens >= 0);
comment on table public.chat_messages is
  'What was said next to a canvas. Only an unfinished answer changes, and only by whom it is written for.';
comment on column public.chat_messages.user_id is
  'Who wrote it, or for whom the assistant did; null for messages that are older than this column. The account may be gone.';
comment on column public.chat_messages.chat_id is 'Which of the workspace''s conversations it belongs to.';
comment on column public.chat_messages.status is
  'Of an answer: streaming while it is written, stopping once its writer was asked to end, then complete, stopped or failed. Anything else is complete.';
comment on column public.chat_messages.failure is 'Why a failed answer ended early: a word such as interrupted.';
comment on column public.chat_messages.sources is 'What an answer is based on: [{source_id, title, page}].';
comment on column public.chat_messages.tokens is 'What the model took for an answer, read and written; null where it did not say.';
comment on column public.chat_messages.lease_until is
  'Until when an unfinished answer is taken to have a writer: 15 seconds from the last write to it. Set by the database.';

create index chat_messages_workspace_id_chat_id_seq_idx on public.chat_messages (workspace_id, chat_id, seq);
-- A conversation has one unfinished answer. There are few of them, so that those of a workspace are found here too.
create unique index chat_messages_running_key on public.chat_messages (chat_id, workspace_id)
  where lease_until is not null;

create function private.keep_message() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    new.user_id := coalesce(auth.uid(), new.user_id);
  else
    new.user_id  := old.user_id;
    new.chat_id  := old.chat_id;
    new.role     := old.role;
    new.mentions := old.mentions;
  end if;
  if new.status not in ('streaming', 'stopping') then
    new.lease_until := null;
  elsif tg_op = 'UPDATE' and old.status = 'streaming' and new.status = 'stopping' then
    new.lease_until := old.lease_until; -- whoever asks for the end is not the writer
  else
    new.lease_until := clock_timestamp() + interval '15 seconds';
  end if;
  return new;
end $$;
comment on function private.keep_message is
  'Owns user_id and lease_until, and keeps what never changes of a message. Every write to an unfinished answer renews its lease, but the one that asks its writer to end. Definer, because not everybody may look into the schema auth.';
create trigger chat_messages_keep_message before insert or update on public.chat_messages
  for each row execute function private.keep_message();
revoke execute on function private.keep_message() from public, anon, authenticated, service_role;

grant
  insert (user_id, chat_id, status, failure, sources, tokens, lease_until),
  update (content, status, failure, sources, tokens)
  on table public.chat_messages to authenticated;
create policy "People change their own unfinished answers" on public.chat_messages
  for update to authenticated
  using (
    workspace_id = any ((select private.editable_workspace_ids())::uuid[])
    and user_id = (select auth.uid()) and status in ('streaming', 'stopping')
  )
  with check (
    workspace_id = any ((select private.editable_workspace_ids())::uuid[]) and user_id = (select auth.uid())
  );

create function public.begin_answer(
  workspace_id uuid, chat_id text, answer_id uuid, question jsonb default null, replaced_id uuid default null
) returns setof public.chat_messages
language plpgsql set search_path = '' as $$
declare
  replaced public.chat_messages;
  asked    public.chat_messages;
begin
  perform public.end_lapsed_turns(begin_answer.workspace_id);

  if begin_answer.question is null or begin_answer.replaced_id is not null then
    select m.* into replaced from public.chat_messages m
      where m.workspace_id = begin_answer.workspace_id and m.chat_id = begin_answer.chat_id
        and (begin_answer.replaced_id is null or m.id = begin_answer.replaced_id)
      order by m.seq desc limit 1;
    if not found then
      raise sqlstate 'PT404' using message = 'message_not_found';
    end if;
    -- A question that is not asked anew stays, and is answered again.
    delete from public.chat_messages m
      where m.workspace_id = begin_answer.workspace_id and m.chat_id = begin_answer.chat_id and m.lease_until is null
        and m.seq >= replaced.seq + case when replaced.role = 'user' and begin_answer.question is null then 1 else 0 end;
  end if;

  if begin_answer.question is not null then
    insert into public.chat_messages (id, workspace_id, chat_id, role, content, mentions)
      values (
        (begin_answer.question ->> 'id')::uuid, begin_answer.workspace_id, begin_answer.chat_id, 'user',
        begin_answer.question ->> 'content', coalesce(begin_answer.question -> 'mentions', '[]')
      )
      returning * into asked;
  else
    select m.* into asked from public.chat_messages m
      where m.workspace_id = begin_answer.workspace_id and m.chat_id = begin_answer.chat_id and m.lease_until is null
      order by m.seq desc limit 1;
    if asked.role is distinct from 'user' then
      raise sqlstate 'PT404' using message = 'message_not_found';
    end if;
  end if;

  return next asked;
  return query
    insert into public.chat_messages (id, workspace_id, chat_id, role, content, status)
      values (begin_answer.answer_id, begin_answer.workspace_id, begin_answer.chat_id, 'assistant', '', 'streaming')
      returning *;
end $$;
comment on function public.begin_answer is
  'Adds a question {id, content, mentions} to a conversation and begins its answer, in one write; without a question, answers the last one again. replaced_id is a message that is said again: it goes with all that follows, but a question that is only answered again stays. Answers the question and the answer. Raises PT404 message_not_found; a second answer at the same time breaks chat_messages_running_key.';

revoke execute on function public.begin_answer(uuid, text, uuid, jsonb, uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.begin_answer(uuid, text, uuid, jsonb, uuid) to authenticated, service_role;
