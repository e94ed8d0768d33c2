-- Registry: nodes that are added by one statement are entered by one, since thousands come at once.
-- Rows that are there: nothing changes.

drop trigger sources_register on public.sources;
drop trigger labs_register on public.labs;

create or replace function private.register_node() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_table_name = 'sources' then
    insert into private.nodes (workspace_id, source_id) select a.workspace_id, a.id from added a;
  else
    insert into private.nodes (workspace_id, lab_id) select a.workspace_id, a.id from added a;
  end if;
  return null;
end $$;
comment on function private.register_node is
  'Enters new sources or labs into the registry. Definer, because nobody else may write there.';

create trigger sources_register after insert on public.sources referencing new table as added
  for each statement execute function private.register_node();
create trigger labs_register after insert on public.labs referencing new table as added
  for each statement execute function private.register_node();
