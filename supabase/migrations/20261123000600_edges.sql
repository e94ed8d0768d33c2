-- Edges: the lines between two nodes of one canvas.

create table public.edges (
  id             uuid        not null default gen_random_uuid(),
  workspace_id   uuid        not null,
  source_node_id uuid        not null,
  target_node_id uuid        not null,
  source_handle  text,
  target_handle  text,
  label          text,
  created_at     timestamptz not null default now(),
  constraint edges_pkey primary key (id),
  constraint edges_ends_key unique nulls not distinct
    (workspace_id, source_node_id, target_node_id, source_handle, target_handle),
  -- Keys are checked in this order: the workspace before its nodes, as all locks are taken.
  constraint edges_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id) on delete cascade,
  constraint edges_source_node_id_fkey foreign key (workspace_id, source_node_id)
    references private.nodes (workspace_id, id) on delete cascade,
  constraint edges_target_node_id_fkey foreign key (workspace_id, target_node_id)
    references private.nodes (workspace_id, id) on delete cascade,
  constraint edges_ends_differ check (source_node_id <> target_node_id),
  constraint edges_source_handle_length check (char_length(source_handle) between 1 and 255),
  constraint edges_target_handle_length check (char_length(target_handle) between 1 and 255),
  constraint edges_label_length check (char_length(label) <= 500)
);
comment on table public.edges is 'A line between two nodes of the same workspace; it goes when either goes.';
comment on column public.edges.source_node_id is 'The source or lab where the edge begins.';
comment on column public.edges.target_node_id is 'The source or lab where the edge ends.';
comment on column public.edges.source_handle is 'Which of the node''s connection points; null for its only one.';
comment on column public.edges.target_handle is 'Which of the node''s connection points; null for its only one.';

create index edges_workspace_id_created_at_id_idx on public.edges (workspace_id, created_at, id);
create index edges_target_node_id_idx on public.edges (target_node_id);

create trigger edges_keep before update on public.edges
  for each row when (
    (old.id, old.workspace_id, old.source_node_id, old.target_node_id, old.source_handle, old.target_handle)
    is distinct from
    (new.id, new.workspace_id, new.source_node_id, new.target_node_id, new.source_handle, new.target_handle)
  )
  execute function private.refuse_change();
create trigger edges_stamp before insert or update on public.edges
  for each row execute function private.stamp_created_at();

revoke all on table public.edges from public, anon, authenticated, service_role;
grant all on table public.edges to service_role;
grant
  select,
  insert (id, workspace_id, source_node_id, target_node_id, source_handle, target_handle, label),
  update (label),
  delete
  on table public.edges to authenticated;

alter table public.edges enable row level security;
create policy "Owners see the edges in their workspaces" on public.edges
  for select to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));
create policy "Owners add edges to their workspaces" on public.edges
  for insert to authenticated with check (workspace_id = any ((select private.workspace_ids())::uuid[]));
create policy "Owners change the edges in their workspaces" on public.edges
  for update to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]))
  with check (workspace_id = any ((select private.workspace_ids())::uuid[]));
create policy "Owners delete the edges in their workspaces" on public.edges
  for delete to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));
