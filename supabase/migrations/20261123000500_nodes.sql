-- Nodes: one row for every source and lab, so that an edge can refer to either and an id is taken once for both.

create table private.nodes (
  workspace_id uuid not null,
  source_id    uuid,
  lab_id       uuid,
  id           uuid not null generated always as (coalesce(source_id, lab_id)) stored,
  constraint nodes_pkey primary key (id),
  constraint nodes_workspace_id_id_key unique (workspace_id, id),
  constraint nodes_source_id_fkey foreign key (workspace_id, source_id) references public.sources (workspace_id, id)
    on delete cascade,
  constraint nodes_lab_id_fkey foreign key (workspace_id, lab_id) references public.labs (workspace_id, id)
    on delete cascade,
  constraint nodes_one_kind check (num_nonnulls(source_id, lab_id) = 1)
);
-- No row-level security: nobody has a grant here, and the embedded stack hands out grants in
-- every schema where a table has it.
comment on table private.nodes is 'Every source and lab by id; kept by triggers, read by foreign keys.';

create index nodes_source_id_idx on private.nodes (source_id) where source_id is not null;
create index nodes_lab_id_idx on private.nodes (lab_id) where lab_id is not null;

create function private.register_node() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_table_name = 'sources' then
    insert into private.nodes (workspace_id, source_id) values (new.workspace_id, new.id);
  else
    insert into private.nodes (workspace_id, lab_id) values (new.workspace_id, new.id);
  end if;
  return null;
end $$;
comment on function private.register_node is
  'Enters a new source or lab into the registry. Definer, because nobody else may write there.';

create trigger sources_register after insert on public.sources
  for each row execute function private.register_node();
create trigger labs_register after insert on public.labs
  for each row execute function private.register_node();

revoke all on table private.nodes from public, anon, authenticated, service_role;
revoke execute on function private.register_node() from public, anon, authenticated, service_role;
