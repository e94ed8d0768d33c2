-- Abandoned copies: one that has failed no longer counts as begun, and whoever began it learns whether it was finished.
-- Rows that are there: nothing changes.

create function public.abandon_copy(copy_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  -- Waits for a finish_copy() that is running.
  delete from private.workspace_copies c where c.id = abandon_copy.copy_id and c.user_id = auth.uid();
  return found;
end $$;
comment on function public.abandon_copy is
  'Gives up a copy that the caller has begun; copy_id is the id that begin_copy() answered. Answers true when it was neither finished nor given up: then it never will be finished, and no row will name its files. Definer, because the table of copies is hidden.';

revoke execute on function public.abandon_copy(uuid) from public, anon, authenticated, service_role;
grant execute on function public.abandon_copy(uuid) to authenticated, service_role;

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261126000410';
