-- Given up: a status that the learner sets, and that opens the solution. And a way to start over.
-- Rows that are there: nothing changes.

alter table public.labs
  drop constraint labs_status_known,
  add constraint labs_status_known check (
    status in ('pending', 'generating', 'in_progress', 'completed', 'given_up', 'failed')
  );

create function public.reset_lab(lab_id uuid) returns setof public.labs
language plpgsql set search_path = '' as $$
begin
  return query
    update public.labs l set status = 'in_progress', user_state = '{}'
    where l.id = reset_lab.lab_id and l.status <> 'generating' and l.generated_content is not null
    returning l.*;
  if found then
    return;
  end if;
  if exists (select from public.labs l where l.id = reset_lab.lab_id) then
    raise sqlstate 'PT409' using message = 'lab_not_ready';
  end if;
  raise sqlstate 'PT404' using message = 'lab_not_found';
end $$;
comment on function public.reset_lab is
  'Starts a lab over: in progress, with an empty user_state; its runs stay. Answers the row. Raises PT404 lab_not_found, and PT409 lab_not_ready while it has no content or is being generated.';

revoke execute on function public.reset_lab(uuid) from public, anon, authenticated, service_role;
grant execute on function public.reset_lab(uuid) to authenticated, service_role;
