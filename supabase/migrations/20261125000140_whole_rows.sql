-- Whole rows: a client may send back a row as it read it, as supabase-js does in an upsert or an undo, and may name
-- itself as the owner. Triggers own versions, times and numbers, and keep ids, owners and workspaces as they are;
-- row-level security refuses what is for somebody else.
-- Rows that are there: nothing changes.

grant
  insert (owner_id, version, created_at, updated_at, active_at),
  update (id, owner_id, version, created_at, updated_at, active_at)
  on table public.workspaces to authenticated;
grant
  insert (version, created_at, updated_at),
  update (id, workspace_id, version, created_at, updated_at)
  on table public.sources to authenticated;
grant
  insert (version, created_at, updated_at),
  update (id, workspace_id, version, created_at, updated_at)
  on table public.labs to authenticated;
grant
  insert (created_at),
  update (id, workspace_id, source_node_id, target_node_id, source_handle, target_handle, created_at)
  on table public.edges to authenticated;
-- Messages are never edited, so never upserted either.
grant insert (seq, created_at) on table public.chat_messages to authenticated;
