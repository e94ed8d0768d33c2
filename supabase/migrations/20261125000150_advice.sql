-- Advice: what Supabase's advisor (splinter) remarks about this schema, answered where one meets it.
-- Rows that are there: nothing changes.
--
-- It also calls every index unused until the database has served what it is for, and where GraphQL is installed it
-- remarks that people with an account see the five tables there: as over the data API, row-level security decides.

-- function_search_path_mutable
do $$
declare
  described record;
begin
  for described in
    select p.oid::regprocedure as name, obj_description(p.oid, 'pg_proc') as comment from pg_catalog.pg_proc p
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and p.prosqlbody is not null
  loop
    execute format(
      'comment on function %s is %L', described.name,
      described.comment || ' No search path applies: the body was bound when it was made. To set one would keep it from being inlined.'
    );
  end loop;
end $$;

-- unindexed_foreign_keys
comment on constraint labs_source_id_fkey on public.labs is
  'Deletes find their rows by labs_source_id_idx: an id alone tells the workspace.';
comment on constraint edges_target_node_id_fkey on public.edges is
  'Deletes find their rows by edges_target_node_id_idx: an id alone tells the workspace.';
comment on constraint nodes_source_id_fkey on private.nodes is
  'Deletes find their rows by nodes_source_id_idx: an id alone tells the workspace.';
comment on constraint nodes_lab_id_fkey on private.nodes is
  'Deletes find their rows by nodes_lab_id_idx: an id alone tells the workspace.';
