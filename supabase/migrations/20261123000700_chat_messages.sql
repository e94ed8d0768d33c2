-- Chat messages: the conversation beside a canvas, written once and never edited.

create sequence private.chat_messages_seq;
comment on sequence private.chat_messages_seq is 'Numbers the messages of all workspaces; drawn by private.number_message().';

create table public.chat_messages (
  id           uuid        not null default gen_random_uuid(),
  workspace_id uuid        not null,
  seq          bigint      not null,
  role         text        not null,
  content      text        not null,
  mentions     jsonb       not null default '[]',
  created_at   timestamptz not null default now(),
  constraint chat_messages_pkey primary key (id),
  constraint chat_messages_workspace_id_seq_key unique (workspace_id, seq),
  constraint chat_messages_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id) on delete cascade,
  constraint chat_messages_role_known check (role in ('user', 'assistant', 'system')),
  constraint chat_messages_content_length check (char_length(content) <= 100000),
  constraint chat_messages_content_text check (private.has_text(content)),
  constraint chat_messages_mentions_array check (jsonb_typeof(mentions) = 'array'),
  constraint chat_messages_mentions_length check (not mentions @? '$[50]'),
  constraint chat_messages_mentions_uuid check (
    not mentions @? 'strict $[*] ? (@.type() != "string" || !(@ like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))'
  )
);
comment on table public.chat_messages is 'What was said beside a canvas. Written once, never edited.';
comment on column public.chat_messages.seq is 'The order of the conversation. Never ties, and rises in the order of commits: who has seen n misses nothing by asking for what is greater.';
comment on column public.chat_messages.mentions is 'Ids of nodes of the same workspace, at the time of writing; a node may go later.';

create function private.number_message() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' then
    new.seq := old.seq;
    return new;
  end if;
  -- One writer per workspace at a time, from the draw to the commit. Runs as the caller, so
  -- that row-level security keeps strangers from locking a workspace that is not theirs.
  perform from public.workspaces w where w.id = new.workspace_id for no key update;
  new.seq := nextval('private.chat_messages_seq');
  return new;
end $$;
comment on function private.number_message is 'Owns seq: draws it in the order in which a workspace''s messages are committed.';

create function private.check_mentions() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  mentioned constant uuid[] := array(select distinct m::uuid from jsonb_array_elements_text(new.mentions) m);
  known integer;
begin
  perform from private.nodes n
    where n.workspace_id = new.workspace_id and n.id = any (mentioned)
    order by n.id for key share;
  get diagnostics known = row_count;
  if known < cardinality(mentioned) then
    raise sqlstate 'PT422' using message = 'unknown_node';
  end if;
  return null;
end $$;
comment on function private.check_mentions is
  'Refuses a mention of what is no node of the workspace; the lock keeps the node until the message is there. Definer, because nobody else reads the registry; after the insert, so that row-level security has spoken and nothing can be probed.';

create trigger chat_messages_keep before update on public.chat_messages
  for each row when (old.id <> new.id or old.workspace_id <> new.workspace_id)
  execute function private.refuse_change();
create trigger chat_messages_number before insert or update on public.chat_messages
  for each row execute function private.number_message();
create trigger chat_messages_stamp before insert or update on public.chat_messages
  for each row execute function private.stamp_created_at();
create trigger chat_messages_mentions after insert on public.chat_messages
  for each row when (new.mentions <> '[]') execute function private.check_mentions();

revoke execute on function private.number_message(), private.check_mentions()
  from public, anon, authenticated, service_role;
revoke all on sequence private.chat_messages_seq from public, anon, authenticated, service_role;
grant usage on sequence private.chat_messages_seq to authenticated, service_role;
revoke all on table public.chat_messages from public, anon, authenticated, service_role;
grant all on table public.chat_messages to service_role;
grant select, insert (id, workspace_id, role, content, mentions), delete on table public.chat_messages to authenticated;

alter table public.chat_messages enable row level security;
create policy "Owners see the chat in their workspaces" on public.chat_messages
  for select to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));
-- System messages steer the model; they are not for clients to write.
create policy "Owners add user and assistant messages to their workspaces" on public.chat_messages
  for insert to authenticated
  with check (workspace_id = any ((select private.workspace_ids())::uuid[]) and role in ('user', 'assistant'));
create policy "Owners delete the chat in their workspaces" on public.chat_messages
  for delete to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));
