-- Written content: a lab that is given content by hand is in progress, whether its generation is running, has just failed
-- or has not begun.
-- Rows that are there: nothing changes. A lab that has failed and has content is in progress once that is written anew.

create or replace function private.end_generation() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.status      := 'in_progress';
  new.failure     := null;
  new.progress    := null;
  new.lease_until := null;
  return new;
end $$;
comment on function private.end_generation is
  'Makes a lab that is given content by hand in progress, and ends its generation. A lab that is made with content has the status that is sent along.';

-- Another status that comes along is kept: somebody says so, or finish_generation() gives it.
create or replace trigger labs_end_generation before update of generated_content on public.labs
  for each row when (
    old.status in ('pending', 'generating', 'failed') and new.status = old.status
    and new.generated_content is not null and new.generated_content is distinct from old.generated_content
  )
  execute function private.end_generation();
