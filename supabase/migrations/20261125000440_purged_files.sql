-- Who deletes is told in the same request which files no source refers to any more, and removes them.
-- Rows that are there: nothing changes.

create or replace function private.purge_trash(workspace_id uuid) returns void
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
declare
  place   constant uuid := purge_trash.workspace_id;
  -- A transaction's time, so that what a request throws away is purged together.
  too_old constant timestamptz := now() - interval '7 days';
  -- One request pays for no more than this of each; the next one goes on.
  most    constant integer := 1000;
begin
  delete from public.sources where id = any (array(
    select s.id from public.sources s where s.workspace_id = place and s.deleted_at < too_old
    order by s.deleted_at limit most
  ));
  if found then
    perform set_config('private.purged_sources', place::text, true);
  end if;
  delete from public.labs where id = any (array(
    select l.id from public.labs l where l.workspace_id = place and l.deleted_at < too_old
    order by l.deleted_at limit most
  ));
  delete from public.edges where id = any (array(
    select e.id from public.edges e where e.workspace_id = place and e.deleted_at < too_old
    order by e.deleted_at limit most
  ));
end $$;

-- Only after a purge, since the file store's list is read for it.
create function private.purged_files(workspace_id uuid) returns text[]
language sql volatile set search_path = ''
return case
  when current_setting('private.purged_sources', true) = purged_files.workspace_id::text
    then public.unused_files(purged_files.workspace_id)
  else '{}'
end;
comment on function private.purged_files is
  'The files of a workspace that no source refers to any more, if this transaction has purged sources from its trash; else none.';

drop function public.move_to_trash(text, uuid, integer[]);
create function public.move_to_trash(kind text, id uuid, versions integer[] default null) returns text[]
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
     where id = $1 and workspace_id = any (private.editable_workspace_ids()) and deleted_at is null', move_to_trash.kind
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
  'Deletes one of the sources, labs or edges as a client sees it: into the trash, a node with its edges. versions are those that a source or lab may have; null allows any. Answers the files to remove: those of sources that have been in the trash for seven days. Raises PT404 not_found, PT412 stale_version and PT422 unknown_kind. Definer, because a row that leaves sight cannot be written by the caller; it asks for access itself.';

create or replace function public.edit_canvas(workspace_id uuid, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  result constant jsonb := private.edit_canvas(edit_canvas.workspace_id, edit_canvas.changes);
  files  constant text[] := private.purged_files(edit_canvas.workspace_id);
begin
  perform private.copy_solutions(coalesce(edit_canvas.changes #> '{copy,ids}', '{}'));
  return case when files = '{}' then result else result || jsonb_build_object('unused', files) end;
end $$;
comment on function public.edit_canvas is
  'Changes a workspace''s canvas, all of it or nothing: {create: {sources, labs, edges}, copy: {ids: {old: new}, offset: {x, y}}, delete: {nodes, edges}, restore: {nodes, edges}}, at most 2,000 things. Answers {created, copied, deleted, restored}, each {nodes, edges} of ids; unused lists the files to remove, if sources that have been in the trash for seven days were purged. To send it again does nothing and answers the same. Raises PT404 workspace_not_found; PT422 too_many_changes, duplicate_id, other_workspace, unknown_node, unknown_edge, unknown_source, refused_value; PT409 id_taken, duplicate. Details are [{loc, id, type, existing}, ...].';

create function public.delete_workspace(id uuid, versions integer[] default null) returns text[]
language plpgsql security invoker set search_path = '' as $$
begin
  delete from public.workspaces w
    where w.id = delete_workspace.id
      and (delete_workspace.versions is null or w.version = any (delete_workspace.versions));
  if not found then
    if exists (
      select from public.workspaces w where w.id = delete_workspace.id and w.version <> all (delete_workspace.versions)
    ) then
      raise sqlstate 'PT412' using message = 'stale_version';
    end if;
    raise sqlstate 'PT404' using message = 'not_found';
  end if;
  return public.unused_files(delete_workspace.id);
end $$;
comment on function public.delete_workspace is
  'Deletes a workspace and all that is in it, for good, if row-level security lets the caller. versions are those that it may have; null allows any. Answers the files to remove, which the caller has uploaded. Raises PT404 not_found and PT412 stale_version.';

revoke execute on function
  private.purged_files(uuid), public.move_to_trash(text, uuid, integer[]), public.delete_workspace(uuid, integer[])
  from public, anon, authenticated, service_role;
grant execute on function
  private.purged_files(uuid), public.move_to_trash(text, uuid, integer[]), public.delete_workspace(uuid, integer[])
  to authenticated, service_role;

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261125000440';
