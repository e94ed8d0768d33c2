-- Leases of labs: a lab that is being generated has a writer, as an unfinished answer has.
-- Rows that are there: a lab that is `generating` has no writer, so that whoever finds it ends it as failed. Versions
-- stay.

alter table public.labs
  add column failure     text,
  add column progress    jsonb,
  add column lease_until timestamptz,
  add constraint labs_failure_word check (failure ~ '^[a-z][a-z0-9_]{0,63}$'),
  add constraint labs_failure_of_failed check (failure is null or status = 'failed'),
  add constraint labs_progress_document check (private.is_document(progress));
comment on column public.labs.failure is 'Why a failed lab could not be generated: a word such as interrupted.';
comment on column public.labs.progress is
  'How far the generation of a lab has come: {turn, step, attempt}, whose turn is the one that may write. Null when nothing is being generated; version and updated_at stay.';
comment on column public.labs.lease_until is
  'Until when a lab that is generating is taken to have a writer: 15 seconds from the last write of its status or progress. Set by the database.';

create index labs_generating_idx on public.labs (workspace_id) where status = 'generating';

create function private.lease_lab() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.status = 'generating' then
    new.lease_until := clock_timestamp() + interval '15 seconds';
  else
    new.lease_until := null;
    new.progress    := null;
  end if;
  if new.status <> 'failed' then
    new.failure := null;
  end if;
  return new;
end $$;
comment on function private.lease_lab is
  'Owns lease_until, and clears what no longer holds: the progress of what is not being generated, the failure of what has not failed.';

-- Progress is no content, so that the stamp does not see it. A failure is.
create or replace trigger labs_stamp
  before insert or update of
    id, workspace_id, source_id, type, title, status, failure, config, generated_content, user_state,
    version, created_at, updated_at
  on public.labs for each row when (current_setting('private.stamped', true) is distinct from 'on')
  execute function private.stamp();
-- After labs_stamp, by its name, so that a lease raises no version.
create trigger labs_take_lease before insert or update of status, failure, progress, lease_until on public.labs
  for each row execute function private.lease_lab();
revoke execute on function private.lease_lab() from public, anon, authenticated, service_role;

grant insert (failure, progress, lease_until), update (failure, progress, lease_until)
  on table public.labs to authenticated;

create function public.end_lapsed_turns(workspace_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- The workspace first, as all locks are taken.
  perform from public.workspaces w
    where w.id = end_lapsed_turns.workspace_id and w.id = any (private.workspace_ids())
    for key share;
  if found then
    update public.chat_messages m set
      status = case m.status when 'stopping' then 'stopped' else 'failed' end,
      failure = case m.status when 'stopping' then null else 'interrupted' end
      where m.workspace_id = end_lapsed_turns.workspace_id and m.lease_until < clock_timestamp();
    update public.labs l set status = 'failed', failure = 'interrupted'
      where l.workspace_id = end_lapsed_turns.workspace_id and l.status = 'generating'
        and coalesce(l.lease_until < clock_timestamp(), true);
  end if;
end $$;
comment on function public.end_lapsed_turns is
  'Ends what has lost its writer in a workspace: an unfinished answer or a lab that is generating, whose lease is over, becomes failed, with the failure interrupted; an answer becomes stopped where that was asked for, and its text stays. Definer, because whoever finds it need not be whom it was written for; it asks itself who may read the workspace, and changes nothing else.';
revoke execute on function public.end_lapsed_turns(uuid) from public, anon, authenticated, service_role;
grant execute on function public.end_lapsed_turns(uuid) to authenticated, service_role;
