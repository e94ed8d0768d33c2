-- Members: people other than its owner who may read a workspace, as viewers, or also write in it, as editors.
-- Rows that are there: no workspace has members, so that nobody reads or writes more or less than before. An exception
-- are files: whoever uploaded one to a workspace of others, which no rule has allowed so far, no longer sees it.

create table public.workspace_members (
  workspace_id uuid        not null,
  user_id      uuid        not null,
  role         text        not null,
  created_at   timestamptz not null default now(),
  constraint workspace_members_pkey primary key (workspace_id, user_id),
  constraint workspace_members_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id)
    on delete cascade,
  constraint workspace_members_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint workspace_members_role_known check (role in ('editor', 'viewer'))
);
comment on table public.workspace_members is
  'Who shares a workspace with its owner, who is not in here. Written by accept_invitation(), change_member() and remove_member().';
comment on column public.workspace_members.role is 'viewer: reads all that is in the workspace. editor: writes in it, too.';
comment on column public.workspace_members.created_at is 'Since when.';

create index workspace_members_user_id_workspace_id_idx on public.workspace_members (user_id, workspace_id)
  include (role);

create trigger workspace_members_keep before update on public.workspace_members
  for each row when (old.workspace_id <> new.workspace_id or old.user_id <> new.user_id)
  execute function private.refuse_change();
create trigger workspace_members_stamp before insert or update on public.workspace_members
  for each row execute function private.stamp_created_at();
create trigger workspace_members_touch_insert after insert on public.workspace_members referencing new table as changed
  for each statement execute function private.touch_workspaces();
create trigger workspace_members_touch_update after update on public.workspace_members referencing new table as changed
  for each statement execute function private.touch_workspaces();
create trigger workspace_members_touch_delete after delete on public.workspace_members referencing old table as changed
  for each statement execute function private.touch_workspaces();

-- Who reads, and who writes: all else asks these two.
create or replace function private.workspace_ids() returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return array(
    select w.id from public.workspaces w where w.owner_id = (select auth.uid())
    union all
    select m.workspace_id from public.workspace_members m where m.user_id = (select auth.uid())
  );
end $$;

create or replace function private.editable_workspace_ids() returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return array(
    select w.id from public.workspaces w where w.owner_id = (select auth.uid())
    union all
    select m.workspace_id from public.workspace_members m
    where m.user_id = (select auth.uid()) and m.role = 'editor'
  );
end $$;

revoke all on table public.workspace_members from public, anon, authenticated, service_role;
grant all on table public.workspace_members to service_role;
grant select on table public.workspace_members to authenticated;
alter table public.workspace_members enable row level security;
-- The own row first: to know the own role costs no list of workspaces.
create policy "People see who shares the workspaces that they may read" on public.workspace_members
  for select to authenticated using (
    user_id = (select auth.uid()) or workspace_id = any ((select private.workspace_ids())::uuid[])
  );

-- The owner apart: a workspace that is just being created is in no list yet, and most need no list.
alter policy "Owners see their workspaces" on public.workspaces using (
  owner_id = (select auth.uid()) or id = any ((select private.workspace_ids())::uuid[])
);
alter policy "Owners see their workspaces" on public.workspaces rename to "People see the workspaces that they may read";
alter policy "Owners change their workspaces" on public.workspaces
  using (owner_id = (select auth.uid()) or id = any ((select private.editable_workspace_ids())::uuid[]))
  with check (owner_id = (select auth.uid()) or id = any ((select private.editable_workspace_ids())::uuid[]));
alter policy "Owners change their workspaces" on public.workspaces rename to "People change the workspaces that they may edit";

comment on table public.workspaces is 'An infinite canvas and the chat next to it. All else belongs to a workspace and goes with it.';
comment on column public.workspaces.owner_id is
  'Whose it is: the caller who creates it, until change_member() hands it over.';

-- A definer function runs as the owner of the tables, so that change_member() may hand a workspace over.
create or replace trigger workspaces_keep before update on public.workspaces
  for each row when (
    old.id <> new.id
    or (old.owner_id <> new.owner_id and current_user in ('anon', 'authenticated', 'service_role'))
  )
  execute function private.refuse_change();

create function private.refuse_write(workspace_id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not refuse_write.workspace_id = any (private.workspace_ids()) then
    raise sqlstate 'PT404' using message = 'workspace_not_found';
  end if;
  if not refuse_write.workspace_id = any (private.editable_workspace_ids()) then
    raise sqlstate 'PT403' using message = 'read_only';
  end if;
  raise sqlstate 'PT403' using message = 'owner_only';
end $$;
comment on function private.refuse_write is
  'Says why the caller may not do something in a workspace. Raises PT404 workspace_not_found for a stranger, PT403 read_only for a viewer, PT403 owner_only for an editor.';

create or replace function private.lock_workspace(id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- Mostly it is the owner. That is asked again by itself when the lock was waited for, since it is in the row.
  perform from public.workspaces w where w.id = lock_workspace.id and w.owner_id = auth.uid() for no key update;
  if not found then
    perform from public.workspaces w
      where w.id = lock_workspace.id and w.id = any (private.editable_workspace_ids())
      for no key update;
    -- Asked again: the role may have been taken away meanwhile.
    if not found or not lock_workspace.id = any (private.editable_workspace_ids()) then
      perform private.refuse_write(lock_workspace.id);
    end if;
  end if;
  perform set_config('private.locked_workspace', lock_workspace.id::text, true);
end $$;
comment on function private.lock_workspace is
  'Keeps all others who write several rows, or draw edges, or change members, out of a workspace until the transaction ends. Raises PT404 workspace_not_found and PT403 read_only. Definer, because a row lock asks for more than the right to write in the workspace; it asks for that itself.';

create function private.lock_own_workspace(id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.workspaces w where w.id = lock_own_workspace.id and w.owner_id = auth.uid() for no key update;
  if not found then
    perform private.refuse_write(lock_own_workspace.id);
  end if;
end $$;
comment on function private.lock_own_workspace is
  'As lock_workspace(), for what the owner alone may do. Raises PT404 workspace_not_found, PT403 read_only and PT403 owner_only. Definer, as that one.';

create or replace function public.move_to_trash(kind text, id uuid, versions integer[] default null) returns text[]
language plpgsql security definer set search_path = '' as $$
declare
  place uuid;
  found_version integer;
begin
  if move_to_trash.kind is null or move_to_trash.kind not in ('sources', 'labs', 'edges') then
    raise sqlstate 'PT422' using message = 'unknown_kind';
  end if;
  execute format(
    'select workspace_id from public.%I
     where id = $1 and workspace_id = any (private.workspace_ids()) and deleted_at is null', move_to_trash.kind
  ) into place using move_to_trash.id;
  if place is null then
    raise sqlstate 'PT404' using message = 'not_found';
  end if;

  perform private.lock_workspace(place);
  perform private.purge_trash(place);
  execute format(
    'select %s from public.%I where id = $1 and deleted_at is null for no key update',
    case move_to_trash.kind when 'edges' then '0' else 'version' end, move_to_trash.kind
  ) into found_version using move_to_trash.id;
  if found_version is null then
    raise sqlstate 'PT404' using message = 'not_found';
  end if;
  if move_to_trash.kind <> 'edges' and not found_version = any (move_to_trash.versions) then
    raise sqlstate 'PT412' using message = 'stale_version';
  end if;
  execute format('update public.%I set deleted_at = now() where id = $1', move_to_trash.kind) using move_to_trash.id;
  if move_to_trash.kind <> 'edges' then
    perform private.trash_edges_of(array[move_to_trash.id]);
  end if;
  return private.purged_files(place);
end $$;
comment on function public.move_to_trash is
  'Deletes one of the sources, labs or edges as a client sees it: into the trash, a node with its edges. versions are those that a source or lab may have; null allows any. Answers the files to remove: those of sources that have been in the trash for seven days. Raises PT404 not_found, PT403 read_only, PT412 stale_version and PT422 unknown_kind. Definer, because a row that leaves sight cannot be written by the caller; it asks for access itself.';

create or replace function public.delete_workspace(id uuid, versions integer[] default null) returns text[]
language plpgsql security definer set search_path = '' as $$
begin
  perform private.lock_own_workspace(delete_workspace.id);
  delete from public.workspaces w
    where w.id = delete_workspace.id
      and (delete_workspace.versions is null or w.version = any (delete_workspace.versions));
  if not found then
    raise sqlstate 'PT412' using message = 'stale_version';
  end if;
  return public.unused_files(delete_workspace.id);
end $$;
comment on function public.delete_workspace is
  'Deletes a workspace and all that is in it, for good. versions are those that it may have; null allows any. Answers the files to remove, which the caller has uploaded. Raises PT404 workspace_not_found, PT403 read_only and owner_only, and PT412 stale_version. Definer, as lock_own_workspace().';

create or replace function public.begin_generation(lab_id uuid, turn uuid) returns void
language plpgsql set search_path = '' as $$
declare
  lab public.labs;
begin
  select l.* into lab from public.labs l where l.id = begin_generation.lab_id;
  if not found then
    raise sqlstate 'PT404' using message = 'lab_not_found';
  end if;
  if not lab.workspace_id = any (private.editable_workspace_ids()) then
    raise sqlstate 'PT403' using message = 'read_only';
  end if;
  perform public.end_lapsed_turns(lab.workspace_id);
  update public.labs l
    set status = 'generating', progress = jsonb_build_object('turn', begin_generation.turn, 'step', 'reading')
    where l.id = begin_generation.lab_id and l.status <> 'generating' and l.generated_content is null;
  if found then
    return;
  end if;
  select l.* into lab from public.labs l where l.id = begin_generation.lab_id;
  if lab.status = 'generating' then
    raise sqlstate 'PT409' using message = 'turn_running';
  end if;
  if lab.generated_content is not null then
    raise sqlstate 'PT409' using message = 'lab_has_content';
  end if;
  raise sqlstate 'PT404' using message = 'lab_not_found';
end $$;
comment on function public.begin_generation is
  'Claims a lab without content for a turn that generates it, whose id stays in its progress. Raises PT404 lab_not_found, PT403 read_only, and PT409 turn_running and lab_has_content.';

create or replace function public.reset_lab(lab_id uuid) returns setof public.labs
language plpgsql set search_path = '' as $$
declare
  place uuid;
begin
  return query
    update public.labs l set status = 'in_progress', user_state = '{}'
    where l.id = reset_lab.lab_id and l.status <> 'generating' and l.generated_content is not null
    returning l.*;
  if found then
    return;
  end if;
  select l.workspace_id into place from public.labs l where l.id = reset_lab.lab_id;
  if not found then
    raise sqlstate 'PT404' using message = 'lab_not_found';
  end if;
  if not place = any (private.editable_workspace_ids()) then
    raise sqlstate 'PT403' using message = 'read_only';
  end if;
  raise sqlstate 'PT409' using message = 'lab_not_ready';
end $$;
comment on function public.reset_lab is
  'Starts a lab over: in progress, with an empty user_state; its runs stay. Answers the row. Raises PT404 lab_not_found, PT403 read_only, and PT409 lab_not_ready while it has no content or is being generated.';

create or replace function public.record_run(lab_id uuid, code text, result jsonb, tests_md5 text) returns setof public.lab_runs
language plpgsql set search_path = '' as $$
declare
  lab public.labs;
begin
  -- Before the run is written, so that two runs at once, or a run and a delete, come one after the other.
  select l.* into lab from public.labs l where l.id = record_run.lab_id for no key update;
  if not found then
    -- A viewer sees the lab, and cannot lock it.
    if exists (select from public.labs l where l.id = record_run.lab_id) then
      raise sqlstate 'PT403' using message = 'read_only';
    end if;
    raise sqlstate 'PT404' using message = 'lab_not_found';
  end if;
  return query
    insert into public.lab_runs as r (workspace_id, lab_id, code, status, message, tests, output, seconds)
    values (
      lab.workspace_id, lab.id, record_run.code, record_run.result ->> 'status', record_run.result ->> 'message',
      record_run.result -> 'tests', record_run.result ->> 'output', (record_run.result ->> 'seconds')::double precision
    )
    returning r.*;
  -- The tests may have been replaced while the run took its time.
  if record_run.result ->> 'status' = 'pass' and lab.status not in ('completed', 'generating')
    and md5(lab.generated_content ->> 'tests') = record_run.tests_md5 then
    update public.labs l set status = 'completed' where l.id = lab.id;
  end if;
end $$;
comment on function public.record_run is
  'Keeps a run {status, message, tests, output, seconds}, and completes the lab when it passed the tests that the lab has now, in one write. Answers the run. Raises PT404 lab_not_found and PT403 read_only.';

revoke execute on function private.refuse_write(uuid), private.lock_own_workspace(uuid)
  from public, anon, authenticated, service_role;
grant execute on function private.refuse_write(uuid) to authenticated, service_role;

-- Whoever uploaded a file to a workspace that is gone may still delete it; to one that is there, only who may edit it.
create function private.is_left_over(path text) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return path !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/'
    or not exists (select from public.workspaces w where w.id = split_part(path, '/', 1)::uuid);
end $$;
comment on function private.is_left_over is
  'Whether a file is in the folder of no workspace. Definer, because workspaces of others are hidden.';
revoke execute on function private.is_left_over(text) from public, anon, authenticated, service_role;
grant execute on function private.is_left_over(text) to authenticated, service_role;

do $$
begin
  if to_regclass('storage.objects') is null then
    return;
  end if;
  drop policy "People see the files in workspaces that they may read" on storage.objects;
  create policy "People see the files in workspaces that they may read" on storage.objects
    for select to authenticated using (
      bucket_id = 'sources' and (
        split_part(name, '/', 1) = any ((select private.workspace_ids())::text[])
        or (owner_id = (select auth.uid())::text and private.is_left_over(name))
      )
    );
  drop policy "People delete the files in workspaces that they may edit" on storage.objects;
  create policy "People delete the files in workspaces that they may edit" on storage.objects
    for delete to authenticated using (
      bucket_id = 'sources' and (
        split_part(name, '/', 1) = any ((select private.editable_workspace_ids())::text[])
        or (owner_id = (select auth.uid())::text and private.is_left_over(name))
      )
    );
end $$;
