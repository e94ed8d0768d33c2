-- Generation: a lab's content is begun and finished in one write each, and its material is read in one.
-- Rows that are there: nothing changes.

create function public.begin_generation(lab_id uuid, turn uuid) returns void
language plpgsql set search_path = '' as $$
declare
  lab public.labs;
begin
  select l.* into lab from public.labs l where l.id = begin_generation.lab_id;
  if not found then
    raise sqlstate 'PT404' using message = 'lab_not_found';
  end if;
  perform public.end_lapsed_turns(lab.workspace_id);
  update public.labs l
    set status = 'generating', progress = jsonb_build_object('turn', begin_generation.turn, 'step', 'reading')
    where l.id = begin_generation.lab_id and l.status <> 'generating' and l.generated_content is null;
  if found then
    return;
  end if;
  select l.* into lab from public.labs l where l.id = begin_generation.lab_id;
  if lab.status = 'generating' then
    raise sqlstate 'PT409' using message = 'turn_running';
  end if;
  if lab.generated_content is not null then
    raise sqlstate 'PT409' using message = 'lab_has_content';
  end if;
  raise sqlstate 'PT404' using message = 'lab_not_found';
end $$;
comment on function public.begin_generation is
  'Claims a lab without content for a turn that generates it, whose id stays in its progress. Raises PT404 lab_not_found, and PT409 turn_running and lab_has_content.';

create function public.finish_generation(
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
    where l.id = finish_generation.lab_id and l.status = 'generating'
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
  'Gives a lab what a turn has generated for it: content, a title if it has none, its solution, and an edge from its source if there is none. Answers the lab''s status, or null when the lab is not that turn''s any more: then nothing was written.';

create function public.read_page_heads(source_id uuid, numbers integer[], size integer)
returns table (number integer, text text)
language plpgsql stable set search_path = '' as $$
begin
  return query
    select p.number, left(p.text, read_page_heads.size)
    from public.sources s
    join public.source_pages p on p.file_id = s.file_id
    where s.id = read_page_heads.source_id and p.number = any (read_page_heads.numbers)
    order by p.number;
end $$;
comment on function public.read_page_heads is
  'The beginnings, of at most so many characters, of these pages of a source''s file. Pages that are not there are left out.';

revoke execute on function
  public.begin_generation(uuid, uuid), public.finish_generation(uuid, uuid, jsonb, text, text),
  public.read_page_heads(uuid, integer[], integer)
  from public, anon, authenticated, service_role;
grant execute on function
  public.begin_generation(uuid, uuid), public.finish_generation(uuid, uuid, jsonb, text, text),
  public.read_page_heads(uuid, integer[], integer)
  to authenticated, service_role;

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261125000540';
