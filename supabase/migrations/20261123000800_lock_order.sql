-- Lock order: what goes with a deleted row is locked first, always in the same order.
--
-- Cascades lock rows as they meet them, so that two of them can meet the same rows in
-- opposite orders and deadlock. Whoever locks more than one row of a workspace therefore
-- does it in this order: the workspace, its sources, its labs, their nodes, their edges,
-- each by id. The row that is being deleted is locked when these triggers run, so nothing
-- can be added below it meanwhile. Definer: a cascade runs for whoever deletes, and also
-- past row-level security.

create function private.lock_workspace_content() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- No key update, as an update would: a lab that is just being given a source holds itself
  -- and asks for the source's key, which this leaves free.
  perform from public.sources s where s.workspace_id = old.id order by s.id for no key update;
  perform from public.labs l where l.workspace_id = old.id order by l.id for no key update;
  return old;
end $$;
comment on function private.lock_workspace_content is 'Locks the nodes that a deleted workspace takes with it.';

create function private.lock_source_labs() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.labs l where l.source_id = old.id order by l.id for no key update;
  return old;
end $$;
comment on function private.lock_source_labs is 'Locks the labs that lose a deleted source.';

create function private.lock_node_edges() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.edges e
    where e.workspace_id = old.workspace_id and old.id in (e.source_node_id, e.target_node_id)
    order by e.id for update;
  return old;
end $$;
comment on function private.lock_node_edges is 'Locks the edges that a deleted node takes with it.';

create trigger workspaces_lock before delete on public.workspaces
  for each row execute function private.lock_workspace_content();
create trigger sources_lock before delete on public.sources
  for each row execute function private.lock_source_labs();
create trigger nodes_lock before delete on private.nodes
  for each row execute function private.lock_node_edges();

revoke execute on function private.lock_workspace_content(), private.lock_source_labs(), private.lock_node_edges()
  from public, anon, authenticated, service_role;
