-- Returned roles: whoever is given a role back while a write asks for it is let in, and not told that the owner alone may
-- do this.
-- Rows that are there: nothing changes.

create function private.refuse_reader(workspace_id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not refuse_reader.workspace_id = any (private.workspace_ids()) then
    raise sqlstate 'PT404' using message = 'workspace_not_found';
  end if;
  if not refuse_reader.workspace_id = any (private.editable_workspace_ids()) then
    raise sqlstate 'PT403' using message = 'read_only';
  end if;
end $$;
comment on function private.refuse_reader is
  'Refuses whoever may not edit a workspace. Raises PT404 workspace_not_found for a stranger, PT403 read_only for a viewer.';

create or replace function private.refuse_write(workspace_id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform private.refuse_reader(refuse_write.workspace_id);
  raise sqlstate 'PT403' using message = 'owner_only';
end $$;
comment on function private.refuse_write is
  'Says why the caller may not do what the owner alone may. Raises as refuse_reader(), and PT403 owner_only for an editor.';

create or replace function private.lock_workspace(id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- Mostly it is the owner. That is asked again by itself when the lock was waited for, since it is in the row.
  perform from public.workspaces w where w.id = lock_workspace.id and w.owner_id = auth.uid() for no key update;
  if not found then
    loop
      perform from public.workspaces w
        where w.id = lock_workspace.id and w.id = any (private.editable_workspace_ids())
        for no key update;
      -- Asked again: the role may have been taken away while the lock was waited for.
      exit when found and lock_workspace.id = any (private.editable_workspace_ids());
      perform private.refuse_reader(lock_workspace.id); -- not refused: the role came back just now
    end loop;
  end if;
  perform set_config('private.locked_workspace', lock_workspace.id::text, true);
end $$;

revoke execute on function private.refuse_reader(uuid) from public, anon, authenticated, service_role;
grant execute on function private.refuse_reader(uuid) to authenticated, service_role;
