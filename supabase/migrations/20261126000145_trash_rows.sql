-- Trash rows: a statement that deletes many nodes takes their edges along once, at its end, in the order of all locks.
-- Rows that are there: nothing changes.

create or replace function private.trash_row() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  execute format('update public.%I set deleted_at = now() where id = $1', tg_table_name) using old.id;
  if tg_table_name <> 'edges' and strpos(coalesce(current_setting('private.thrown', true), ''), old.workspace_id::text) = 0
  then
    perform set_config(
      'private.thrown', concat(current_setting('private.thrown', true), old.workspace_id, ' '), true
    );
  end if;
  return null;
end $$;

create function private.trash_edges_of_thrown() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
declare
  places constant uuid[] := string_to_array(rtrim(current_setting('private.thrown', true)), ' ');
begin
  if places <> '{}' then
    perform set_config('private.thrown', '', true);
    -- Of nodes that this transaction has thrown away alone, whoever wrote the list.
    perform private.trash_edges_of(
      array(select t.id from private.trashed_nodes t where t.workspace_id = any (places) and t.deleted_at = now())
    );
  end if;
  return null;
end $$;
comment on function private.trash_edges_of_thrown is
  'Puts the edges of all nodes that a statement deletes into the trash along with them. Node by node, two statements would meet the same edges in opposite orders. Definer, as trash_edges_of().';

create trigger sources_trash_edges after delete on public.sources
  for each statement execute function private.trash_edges_of_thrown();
create trigger labs_trash_edges after delete on public.labs
  for each statement execute function private.trash_edges_of_thrown();
revoke execute on function private.trash_edges_of_thrown() from public, anon, authenticated, service_role;
