-- Policy costs: lists of runs, invitations and members cost what they show.
-- Rows that are there: nothing changes.

-- The policy begins with the workspaces of the caller.
create index lab_runs_workspace_id_idx on public.lab_runs (workspace_id);

-- Made once per query, so that the index of workspaces finds the rows.
alter policy "Owners see the invitations to their workspaces" on public.invitations using (
  workspace_id = any (array(select w.id from public.workspaces w where w.owner_id = (select auth.uid())))
);

create or replace function public.list_members(workspace_id uuid)
returns table (user_id uuid, role text, email text, created_at timestamptz)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  place constant uuid := list_members.workspace_id;
begin
  if not place = any (private.workspace_ids()) then
    raise sqlstate 'PT404' using message = 'workspace_not_found';
  end if;
  return query
    select
      p.user_id, p.role,
      case when p.user_id = auth.uid() or place = any ((select private.editable_workspace_ids())::uuid[]) then u.email::text end,
      p.created_at
    from (
      select w.owner_id as user_id, 'owner' as role, w.created_at, 0 as rank from public.workspaces w where w.id = place
      union all
      select m.user_id, m.role, m.created_at, 1 from public.workspace_members m where m.workspace_id = place
    ) p
    left join auth.users u on u.id = p.user_id
    order by p.rank, p.created_at, p.user_id;
end $$;
