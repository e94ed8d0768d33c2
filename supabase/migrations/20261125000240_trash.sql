-- The trash: a source, lab or edge that is deleted is hidden everywhere, keeps all that it is, and can come back.
-- Rows that are there: nothing is in the trash. Versions stay.
--
-- A row with deleted_at is in the trash. Policies hide it from every client, so that nothing but edit_canvas() brings it
-- back. What is older than seven days is deleted for good by whoever next throws something away in that workspace.
-- An edge goes along with a node, and then has its node's deleted_at; that is how it is told from an edge that was
-- thrown away by itself.

alter table public.sources add column deleted_at timestamptz;
alter table public.labs add column deleted_at timestamptz;
alter table public.edges add column deleted_at timestamptz;
comment on column public.sources.deleted_at is 'Since when it is in the trash; null for all that a client can see.';
comment on column public.labs.deleted_at is 'Since when it is in the trash; null for all that a client can see.';
comment on column public.edges.deleted_at is 'Since when it is in the trash; null for all that a client can see. That of a node, if it went along with one.';

-- The purge finds what is old. Pages and canvases read past the trash with the indexes that there are.
create index sources_workspace_id_deleted_at_idx on public.sources (workspace_id, deleted_at)
  where deleted_at is not null;
create index labs_workspace_id_deleted_at_idx on public.labs (workspace_id, deleted_at) where deleted_at is not null;
create index edges_workspace_id_deleted_at_idx on public.edges (workspace_id, deleted_at) where deleted_at is not null;

-- The same edge exists once, not counting the trash.
alter table public.edges drop constraint edges_ends_key;
create unique index edges_ends_key on public.edges
  (workspace_id, source_node_id, target_node_id, source_handle, target_handle) nulls not distinct
  where deleted_at is null;
create index edges_workspace_id_source_node_id_idx on public.edges (workspace_id, source_node_id);
-- A copy of a source has its path, so that a path no longer names one source.
drop index public.sources_workspace_id_storage_path_key;
comment on column public.sources.storage_path is 'Where the file is in storage. Copies of a source share it.';

-- Whole rows are sent back, so the column may be named; the policies let nothing but null through.
grant insert (deleted_at), update (deleted_at) on table public.sources, public.labs, public.edges to authenticated;

do $$
declare
  things   text;
  readable constant text := 'workspace_id = any ((select private.workspace_ids())::uuid[]) and deleted_at is null';
  editable constant text := 'workspace_id = any ((select private.editable_workspace_ids())::uuid[]) and deleted_at is null';
begin
  foreach things in array array['sources', 'labs', 'edges'] loop
    execute format(
      'alter policy "People see the %1$s in workspaces that they may read" on public.%1$I using (%2$s);
       alter policy "People add %1$s to workspaces that they may edit" on public.%1$I with check (%3$s);
       alter policy "People change the %1$s in workspaces that they may edit" on public.%1$I
         using (%3$s) with check (%3$s);
       alter policy "People delete the %1$s in workspaces that they may edit" on public.%1$I using (%3$s)',
      things, readable, editable
    );
  end loop;
end $$;

create view private.trashed_nodes with (security_invoker = true) as
  select s.id, s.workspace_id, s.deleted_at from public.sources s where s.deleted_at is not null
  union all
  select l.id, l.workspace_id, l.deleted_at from public.labs l where l.deleted_at is not null;
comment on view private.trashed_nodes is 'The sources and labs that are in the trash.';
revoke all on table private.trashed_nodes from public, anon, authenticated, service_role;

-- Plans are kept: one that was made while a table was small would read it from end to end, also once it is large.
create function private.trash_edges_of(nodes uuid[]) returns void
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
begin
  -- The nodes are locked, so that no edge is drawn to them meanwhile; see share_workspace() for the order.
  perform from private.nodes n where n.id = any (nodes) order by n.id for update;
  perform from public.edges e
    where (e.source_node_id = any (nodes) or e.target_node_id = any (nodes)) and e.deleted_at is null
    order by e.id for update;
  update public.edges e set deleted_at = now()
    where (e.source_node_id = any (nodes) or e.target_node_id = any (nodes)) and e.deleted_at is null;
end $$;
comment on function private.trash_edges_of is
  'Puts the edges at these nodes into the trash along with them. Definer, because clients cannot write deleted_at.';

-- By the data API a row is deleted as a client does it. What goes with a workspace is deleted by the tables' owner, and
-- a service deletes for good.
create function private.trash_row() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  execute format('update public.%I set deleted_at = now() where id = $1', tg_table_name) using old.id;
  if tg_table_name <> 'edges' then
    perform private.trash_edges_of(array[old.id]);
  end if;
  return null;
end $$;
comment on function private.trash_row is
  'Puts a row that a client deletes into the trash instead. Definer, because clients cannot write deleted_at.';

-- Named to run before the triggers that lock what a row takes with it: in the trash it takes less.
create trigger sources_keep_in_trash before delete on public.sources
  for each row when (current_user in ('anon', 'authenticated')) execute function private.trash_row();
create trigger labs_keep_in_trash before delete on public.labs
  for each row when (current_user in ('anon', 'authenticated')) execute function private.trash_row();
create trigger edges_keep_in_trash before delete on public.edges
  for each row when (current_user in ('anon', 'authenticated')) execute function private.trash_row();

-- Nothing new refers to what is in the trash. The refusals are those of the foreign keys: to a client it is not there.
create function private.refuse_trashed_ends() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
declare
  column_name text;
begin
  select p.column_name into column_name
    from drawn e
    cross join lateral (values ('source_node_id', e.source_node_id), ('target_node_id', e.target_node_id)) p (column_name, node_id)
    where exists (select from private.trashed_nodes t where t.id = p.node_id)
    limit 1;
  if found then
    raise foreign_key_violation using
      message = format('insert or update on table "edges" violates foreign key constraint "edges_%s_fkey"', column_name);
  end if;
  return null;
end $$;
comment on function private.refuse_trashed_ends is
  'Refuses an edge to a node in the trash. Definer, because that is hidden; after the insert, so that row-level security has spoken. Once per statement, because thousands are drawn at once.';
create trigger edges_ends_live after insert on public.edges referencing new table as drawn
  for each statement execute function private.refuse_trashed_ends();

create function private.refuse_trashed_source() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
declare
  refused boolean;
begin
  if tg_op = 'INSERT' then
    refused := exists (
      select from made l join public.sources s on s.id = l.source_id where s.deleted_at is not null
    );
  else
    refused := exists (select from public.sources s where s.id = new.source_id and s.deleted_at is not null);
  end if;
  if refused then
    raise foreign_key_violation using
      message = 'insert or update on table "labs" violates foreign key constraint "labs_source_id_fkey"';
  end if;
  return null;
end $$;
comment on function private.refuse_trashed_source is
  'Refuses to make a lab from a source in the trash. Definer, because that is hidden; after the write, so that row-level security has spoken.';
create trigger labs_source_live_insert after insert on public.labs referencing new table as made
  for each statement execute function private.refuse_trashed_source();
-- A lab keeps a source that goes to the trash later, so that only another one is looked at.
create trigger labs_source_live_update after update of source_id on public.labs
  for each row when (new.source_id is distinct from old.source_id) execute function private.refuse_trashed_source();

create or replace function private.check_mentions() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
declare
  mentioned constant uuid[] := array(select distinct m::uuid from jsonb_array_elements_text(new.mentions) m);
  known integer;
begin
  perform from private.nodes n
    where n.workspace_id = new.workspace_id and n.id = any (mentioned)
    order by n.id for key share;
  get diagnostics known = row_count;
  if known < cardinality(mentioned)
    or exists (select from private.trashed_nodes t where t.id = any (mentioned)) then
    raise sqlstate 'PT422' using message = 'unknown_node';
  end if;
  return null;
end $$;

create function private.purge_trash(workspace_id uuid) returns void
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
  delete from public.labs where id = any (array(
    select l.id from public.labs l where l.workspace_id = place and l.deleted_at < too_old
    order by l.deleted_at limit most
  ));
  delete from public.edges where id = any (array(
    select e.id from public.edges e where e.workspace_id = place and e.deleted_at < too_old
    order by e.deleted_at limit most
  ));
end $$;
comment on function private.purge_trash is
  'Deletes for good what has been in a workspace''s trash for seven days: at most 1,000 sources, labs and edges each. Whoever calls it holds lock_workspace() and no row. Definer, because the trash is hidden.';

create function public.move_to_trash(kind text, id uuid, versions integer[] default null) returns void
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
end $$;
comment on function public.move_to_trash is
  'Deletes one of the sources, labs or edges as a client sees it: into the trash, a node with its edges. versions are those that a source or lab may have; null allows any. Raises PT404 not_found, PT412 stale_version and PT422 unknown_kind. Definer, because a row that leaves sight cannot be written by the caller; it asks for access itself.';

revoke execute on function
  private.trash_edges_of(uuid[]), private.trash_row(), private.refuse_trashed_ends(), private.refuse_trashed_source(),
  private.purge_trash(uuid), public.move_to_trash(text, uuid, integer[])
  from public, anon, authenticated, service_role;
grant execute on function public.move_to_trash(text, uuid, integer[]) to authenticated, service_role;
