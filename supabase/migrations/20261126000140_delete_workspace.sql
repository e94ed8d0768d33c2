-- Deleting a workspace: it waits for a file that is being saved there, and the two do not deadlock.
-- Rows that are there: nothing changes.

create or replace function public.delete_workspace(id uuid, versions integer[] default null) returns text[]
language plpgsql security definer set search_path = '' as $$
begin
  -- The lock that a delete takes, and no weaker one before: who holds a key of the workspace, and then asks for more, is
  -- waited for, and does not wait.
  perform from public.workspaces w where w.id = delete_workspace.id and w.owner_id = auth.uid() for update;
  if not found then
    perform private.refuse_write(delete_workspace.id);
  end if;
  delete from public.workspaces w
    where w.id = delete_workspace.id
      and (delete_workspace.versions is null or w.version = any (delete_workspace.versions));
  if not found then
    raise sqlstate 'PT412' using message = 'stale_version';
  end if;
  return public.unused_files(delete_workspace.id);
end $$;
comment on function public.delete_workspace is
  'Deletes a workspace and all that is in it, for good. versions are those that it may have; null allows any. Answers the files to remove, which the caller has uploaded. Raises PT404 workspace_not_found, PT403 read_only and owner_only, and PT412 stale_version. Definer, as lock_own_workspace(); it asks who owns the workspace itself.';
