-- The lock of a workspace: one function takes it, and a drawn edge shares it.
-- Rows that are there: nothing changes.
--
-- The lock order of all that writes in a workspace: the workspace, its sources, its labs, their nodes, its edges, each
-- by id. Who changes several rows takes lock_workspace() first and then every row's lock before the first write. Who
-- draws edges shares the workspace, since an edge locks both of its ends, in the order in which it has them. Who writes
-- one row takes no lock but the row's own, and those below it: so a row's trigger never waits for the workspace.

create function private.lock_workspace(id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.workspaces w
    where w.id = lock_workspace.id and w.id = any (private.editable_workspace_ids())
    for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'workspace_not_found';
  end if;
  perform set_config('private.locked_workspace', lock_workspace.id::text, true);
end $$;
comment on function private.lock_workspace is
  'Keeps all others who write several rows, or draw edges, out of a workspace until the transaction ends. Raises PT404 workspace_not_found. Definer, because a row lock asks for more than the right to write in the workspace; it asks for that itself.';

create function private.share_workspace() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- Without a user it is a service, or somebody whom row-level security is about to refuse.
  perform from public.workspaces w
    where w.id = new.workspace_id
      and (auth.uid() is null or w.id = any (private.editable_workspace_ids()))
    for share;
  perform set_config('private.locked_workspace', new.workspace_id::text, true);
  return new;
end $$;
comment on function private.share_workspace is
  'Waits for whoever has locked the workspace, before an edge locks the nodes that it joins. Definer, because a row lock asks for more than the right to draw; it asks for that itself, so that no stranger locks anything.';

-- Once per workspace and transaction: a statement may draw thousands.
create trigger edges_share before insert on public.edges
  for each row when (current_setting('private.locked_workspace', true) is distinct from new.workspace_id::text)
  execute function private.share_workspace();

revoke execute on function private.lock_workspace(uuid), private.share_workspace()
  from public, anon, authenticated, service_role;
grant execute on function private.lock_workspace(uuid) to authenticated, service_role;
