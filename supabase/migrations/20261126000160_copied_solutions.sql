-- Copied solutions: edit_canvas() copies them within its own workspace alone.
-- Rows that are there: nothing changes.

create function private.copy_solutions_within(workspace_id uuid, ids jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.copy_solutions((
    select coalesce(jsonb_object_agg(pair.key, pair.value), '{}')
    from jsonb_each_text(copy_solutions_within.ids) pair
    where 2 = (
      select count(*) from public.labs l
      where l.id in (pair.key::uuid, pair.value::uuid) and l.workspace_id = copy_solutions_within.workspace_id
    )
  ));
end $$;
comment on function private.copy_solutions_within is
  'Copies solutions along with labs of one workspace: {old id: new id}. An original may be in the trash: it may have been copied and deleted at once. Definer, as copy_solutions(), which asks who may.';

create or replace function public.edit_canvas(workspace_id uuid, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  result constant jsonb := private.edit_canvas(edit_canvas.workspace_id, edit_canvas.changes);
  files  constant text[] := private.purged_files(edit_canvas.workspace_id);
begin
  perform private.copy_solutions_within(edit_canvas.workspace_id, coalesce(edit_canvas.changes #> '{copy,ids}', '{}'));
  return case when files = '{}' then result else result || jsonb_build_object('unused', files) end;
end $$;

-- finish_copy() calls it as its owner.
revoke execute on function private.copy_solutions(jsonb) from authenticated;
revoke execute on function private.copy_solutions_within(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function private.copy_solutions_within(uuid, jsonb) to authenticated, service_role;
