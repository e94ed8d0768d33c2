-- Answers in order: who begins one waits for others who do so in the same workspace before anything else, so that the two
-- do not deadlock when the lease of an answer ends between them.
-- Rows that are there: nothing changes.

create function private.lock_conversations(workspace_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- The workspace first, as number_message() takes it.
  perform from public.workspaces w
    where w.id = lock_conversations.workspace_id and w.id = any (private.editable_workspace_ids())
    for key share;
  if found then
    perform from private.chat_counters c where c.workspace_id = lock_conversations.workspace_id for no key update;
  end if;
end $$;
comment on function private.lock_conversations is
  'Keeps all others who add messages out of a workspace until the transaction ends, as the first message that it adds would. Without a counter there are no messages yet. Definer, because counters are hidden, and a row lock asks for more than the right to write in the workspace; it asks for that itself, so that no stranger locks anything.';
revoke execute on function private.lock_conversations(uuid) from public, anon, authenticated, service_role;
grant execute on function private.lock_conversations(uuid) to authenticated, service_role;

create or replace function public.begin_answer(
  workspace_id uuid, chat_id text, answer_id uuid, question jsonb default null, replaced_id uuid default null
) returns setof public.chat_messages
language plpgsql set search_path = '' as $$
declare
  replaced public.chat_messages;
  asked    public.chat_messages;
begin
  -- Before anything is ended or deleted: who is faster may still need what is in the way of theirs.
  perform private.lock_conversations(begin_answer.workspace_id);
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
  'Adds a question {id, content, mentions} to a conversation and begins its answer, in one write; without a question, answers the last one again. replaced_id is a message that is said again: it goes with all that follows, but a question that is only answered again stays. Answers the question and the answer. In a workspace one is begun after the other. Raises PT404 message_not_found; a second answer at the same time breaks chat_messages_running_key.';
