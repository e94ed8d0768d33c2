-- Lab solutions: written with a lab, and read by nobody until the lab is completed or given up.
-- Rows that are there: none.

create table public.lab_solutions (
  lab_id       uuid not null,
  workspace_id uuid not null,
  solution     text not null,
  constraint lab_solutions_pkey primary key (lab_id),
  constraint lab_solutions_lab_id_fkey foreign key (workspace_id, lab_id) references public.labs (workspace_id, id)
    on delete cascade,
  constraint lab_solutions_solution_length check (octet_length(solution) <= 65536)
);
comment on table public.lab_solutions is
  'The reference solution of a lab. A new one takes the place of the old; public.lab_solution() gives it out.';

comment on constraint lab_solutions_lab_id_fkey on public.lab_solutions is
  'Deletes find their rows by lab_solutions_pkey: an id alone tells the workspace.';

create function private.replace_solution() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.lab_solutions s where s.lab_id = new.lab_id and s.workspace_id = new.workspace_id;
  return new;
end $$;
comment on function private.replace_solution is
  'Makes room for a new solution. Definer, because nobody may see or delete the old one; where the insert is refused, so is this.';

create trigger lab_solutions_keep before update on public.lab_solutions
  for each row execute function private.refuse_change();
create trigger lab_solutions_replace before insert on public.lab_solutions
  for each row execute function private.replace_solution();
create trigger lab_solutions_touch_insert after insert on public.lab_solutions referencing new table as changed
  for each statement execute function private.touch_workspaces();
create trigger lab_solutions_touch_update after update on public.lab_solutions referencing new table as changed
  for each statement execute function private.touch_workspaces();
create trigger lab_solutions_touch_delete after delete on public.lab_solutions referencing old table as changed
  for each statement execute function private.touch_workspaces();

revoke all on table public.lab_solutions from public, anon, authenticated, service_role;
grant all on table public.lab_solutions to service_role;
grant insert (lab_id, workspace_id, solution) on table public.lab_solutions to authenticated;

alter table public.lab_solutions enable row level security;
create policy "People write solutions in workspaces that they may edit" on public.lab_solutions
  for insert to authenticated with check (
    workspace_id = any ((select private.editable_workspace_ids())::uuid[])
    and exists (select from public.labs l where l.id = lab_solutions.lab_id and l.workspace_id = lab_solutions.workspace_id)
  );

create function private.open_solution(lab_id uuid) returns text
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select s.solution from public.lab_solutions s join public.labs l on l.id = s.lab_id
    where s.lab_id = open_solution.lab_id and l.status in ('completed', 'given_up') and l.deleted_at is null
      and l.workspace_id = any ((select private.workspace_ids())::uuid[])
  );
end $$;
comment on function private.open_solution is
  'The solution of a lab that is completed or given up. Definer, because nobody reads the table; so it asks itself who may.';

create function public.lab_solution(lab_id uuid) returns text
language plpgsql stable set search_path = '' as $$
declare
  status   text;
  solution text;
begin
  select l.status into status from public.labs l where l.id = lab_solution.lab_id;
  if not found then
    raise sqlstate 'PT404' using message = 'lab_not_found';
  end if;
  if status not in ('completed', 'given_up') then
    raise sqlstate 'PT409' using message = 'solution_hidden';
  end if;
  solution := private.open_solution(lab_solution.lab_id);
  if solution is null then
    raise sqlstate 'PT404' using message = 'no_solution';
  end if;
  return solution;
end $$;
comment on function public.lab_solution is
  'The reference solution of a lab. Raises PT404 lab_not_found and no_solution, and PT409 solution_hidden until the lab is completed or given up.';

create function private.copy_solutions(ids jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- One that a copy has already stays: it may have been written since.
  insert into public.lab_solutions (lab_id, workspace_id, solution)
    select new_lab.id, new_lab.workspace_id, s.solution
    from jsonb_each_text(copy_solutions.ids) pair
    join public.lab_solutions s
      on s.lab_id = pair.key::uuid and s.workspace_id = any ((select private.workspace_ids())::uuid[])
    join public.labs new_lab
      on new_lab.id = pair.value::uuid and new_lab.workspace_id = any ((select private.editable_workspace_ids())::uuid[])
    where not exists (select from public.lab_solutions there where there.lab_id = new_lab.id)
    order by new_lab.id;
end $$;
comment on function private.copy_solutions is
  'Copies solutions along with their labs: {old id: new id}. Definer, because nobody reads the table; so it asks itself who may.';

-- A copy has its original's solution too.
alter function public.edit_canvas(uuid, jsonb) set schema private;
comment on function private.edit_canvas is
  'What public.edit_canvas() does to sources, labs and edges; that one says all of it. Definer, because the trash is hidden; it locks the workspace as the caller, and touches nothing outside of it.';

create function public.edit_canvas(workspace_id uuid, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  result constant jsonb := private.edit_canvas(edit_canvas.workspace_id, edit_canvas.changes);
begin
  perform private.copy_solutions(coalesce(edit_canvas.changes #> '{copy,ids}', '{}'));
  return result;
end $$;
comment on function public.edit_canvas is
  'Changes a workspace''s canvas, all of it or nothing: {create: {sources, labs, edges}, copy: {ids: {old: new}, offset: {x, y}}, delete: {nodes, edges}, restore: {nodes, edges}}, at most 2,000 things. Answers {created, copied, deleted, restored}, each {nodes, edges} of ids. To send it again does nothing and answers the same. Raises PT404 workspace_not_found; PT422 too_many_changes, duplicate_id, other_workspace, unknown_node, unknown_edge, unknown_source, refused_value; PT409 id_taken, duplicate. Details are [{loc, id, type, existing}, ...].';
revoke execute on function public.edit_canvas(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.edit_canvas(uuid, jsonb) to authenticated, service_role;

revoke execute on function
  private.replace_solution(), private.open_solution(uuid), private.copy_solutions(jsonb), public.lab_solution(uuid)
  from public, anon, authenticated, service_role;
grant execute on function private.open_solution(uuid), private.copy_solutions(jsonb), public.lab_solution(uuid)
  to authenticated, service_role;

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261125000430';
