-- Content by hand: what somebody writes into a lab that is being generated ends the generation, and stays.
-- Rows that are there: nothing changes.

create function private.end_generation() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.status      := 'in_progress';
  new.progress    := null;
  new.lease_until := null;
  return new;
end $$;
comment on function private.end_generation is
  'Ends the generation of a lab that is given content meanwhile: it is in progress, as any lab with content.';

-- finish_generation() gives the status along with the content. Nobody else does both.
create trigger labs_end_generation before update of generated_content on public.labs
  for each row when (
    old.status = 'generating' and new.status = 'generating'
    and new.generated_content is not null and new.generated_content is distinct from old.generated_content
  )
  execute function private.end_generation();
revoke execute on function private.end_generation() from public, anon, authenticated, service_role;

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
  if finish_generation.solution is not null then
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
  'Gives a lab what a turn has generated for it: content, a title if it has none, its solution, and an edge from its source if there is none. Answers the lab''s status, or null when the lab is not that turn''s any more, or has content: then nothing was written.';
