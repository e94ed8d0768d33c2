-- Old solutions: a lab that is generated anew, without a solution, does not keep the one of what it was before.
-- Rows that are there: nothing changes. Which solutions are older than their labs' content is not known.

create function private.delete_solution(lab_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.lab_solutions s
    where s.lab_id = delete_solution.lab_id and s.workspace_id = any (private.editable_workspace_ids());
end $$;
comment on function private.delete_solution is
  'Deletes the solution of a lab in a workspace that the caller may edit. Definer, because nobody else may see or delete one.';
revoke execute on function private.delete_solution(uuid) from public, anon, authenticated, service_role;
grant execute on function private.delete_solution(uuid) to authenticated, service_role;

comment on table public.lab_solutions is
  'The reference solution of a lab. A new one takes the place of the old; a generation without one deletes it. Changes of the lab by hand leave it as it is: most edits do not make it wrong, and content that was taken out may be put back. public.lab_solution() gives it out.';

create or replace function public.finish_generation(
  lab_id uuid, turn uuid, generated_content jsonb, title text default null, solution text default null
) returns text
language plpgsql set search_path = '' as $$
declare
  lab public.labs;
begin
  select l.* into lab from public.labs l where l.id = finish_generation.lab_id;
  if not found then
    return null;
  end if;
  -- The edge shares the workspace, which is locked before the lab as all locks are taken.
  perform private.lock_workspace(lab.workspace_id);
  update public.labs l
    set status = 'in_progress', generated_content = finish_generation.generated_content, user_state = '{}',
      title = coalesce(l.title, finish_generation.title)
    where l.id = finish_generation.lab_id and l.status = 'generating' and l.generated_content is null
      and l.progress ->> 'turn' = finish_generation.turn::text
    returning l.* into lab;
  if not found then
    return null;
  end if;
  if finish_generation.solution is null then
    perform private.delete_solution(lab.id);
  else
    insert into public.lab_solutions (lab_id, workspace_id, solution)
      values (lab.id, lab.workspace_id, finish_generation.solution);
  end if;
  insert into public.edges (workspace_id, source_node_id, target_node_id)
    select s.workspace_id, s.id, lab.id from public.sources s
    where s.id = lab.source_id and not exists (
      select from public.edges e
      where e.workspace_id = lab.workspace_id and e.source_node_id = s.id and e.target_node_id = lab.id
    );
  return lab.status;
end $$;
comment on function public.finish_generation is
  'Gives a lab what a turn has generated for it: content, a title if it has none, its solution in place of an older one, and an edge from its source if there is none. Answers the lab''s status, or null when the lab is not that turn''s any more, or has content: then nothing was written.';
