-- Numbers of messages: every workspace counts its own, so that a number says nothing of other people's messages.
-- Rows that are there: messages keep their numbers, and each workspace counts on from its highest.

create table private.chat_counters (
  workspace_id uuid   not null,
  last_seq     bigint not null,
  constraint chat_counters_pkey primary key (workspace_id),
  constraint chat_counters_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id) on delete cascade
);
-- No row-level security, as with private.nodes.
comment on table private.chat_counters is 'The highest number that a workspace has given to a message, also to one that is gone.';
revoke all on table private.chat_counters from public, anon, authenticated, service_role;

create function private.sees_workspace(workspace_id uuid) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (select from public.workspaces w where w.id = sees_workspace.workspace_id);
end $$;
comment on function private.sees_workspace is
  'Whether the caller may see the workspace. Runs as the caller, so that the policies answer.';
revoke execute on function private.sees_workspace(uuid) from public, anon, authenticated, service_role;
grant execute on function private.sees_workspace(uuid) to authenticated, service_role;

create or replace function private.number_message() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'UPDATE' then
    new.seq := old.seq;
    return new;
  end if;
  -- One writer per workspace at a time, from the draw to the commit. The workspace first, as all locks are taken: a
  -- delete of it takes the counter too.
  perform from public.workspaces w where w.id = new.workspace_id for key share;
  if not found then
    return new; -- it has just gone, as the message's own foreign key is about to say
  end if;
  insert into private.chat_counters as counter (workspace_id, last_seq) values (new.workspace_id, 1)
    on conflict (workspace_id) do update set last_seq = counter.last_seq + 1
    returning counter.last_seq into new.seq;
  return new;
end $$;
comment on function private.number_message is
  'Owns seq: draws it in the order in which a workspace''s messages are committed. Definer, because nobody else writes counters; its trigger first asks whether the caller sees the workspace.';

-- Strangers reach no lock and no counter: row-level security refuses them, and a workspace that is not there has no key.
-- It does not refuse the default, which is also why generated types let clients leave the number out.
alter table public.chat_messages alter column seq set default 0;
create or replace trigger chat_messages_number before insert or update on public.chat_messages
  for each row when (private.sees_workspace(new.workspace_id))
  execute function private.number_message();

insert into private.chat_counters (workspace_id, last_seq)
  select m.workspace_id, max(m.seq) from public.chat_messages m group by m.workspace_id;
drop sequence private.chat_messages_seq;

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261125000130';
