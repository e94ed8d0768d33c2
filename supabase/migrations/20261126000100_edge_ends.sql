-- Edge ends: to draw an edge, or to delete a node, costs the same however much others have.
-- Rows that are there: nothing changes.

-- An id alone tells the workspace, and who throws nodes away asks by their ids.
create index edges_source_node_id_idx on public.edges (source_node_id);
drop index public.edges_workspace_id_source_node_id_idx;
comment on constraint edges_source_node_id_fkey on public.edges is
  'Deletes find their rows by edges_source_node_id_idx: an id alone tells the workspace.';

create or replace function private.refuse_trashed_ends() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
declare
  column_name text;
begin
  select p.column_name into column_name
    from drawn e
    cross join lateral (values ('source_node_id', e.source_node_id), ('target_node_id', e.target_node_id)) p (column_name, node_id)
    -- Without offset 0 everybody's trash would be read and joined.
    where exists (select from private.trashed_nodes t where t.id = p.node_id offset 0)
    limit 1;
  if found then
    raise foreign_key_violation using
      message = format('insert or update on table "edges" violates foreign key constraint "edges_%s_fkey"', column_name);
  end if;
  return null;
end $$;
