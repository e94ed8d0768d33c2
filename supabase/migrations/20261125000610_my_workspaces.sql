-- My workspaces: those that the caller may read, each with the caller's role in it.
-- Rows that are there: nothing changes.

-- A view, so that one plan reads workspaces and roles: a function of the row would be called for each. That the row is
-- seen at all is for the policies to say.
create view public.my_workspaces with (security_invoker = true) as
  select
    w.*,
    case
      when w.owner_id = (select auth.uid()) then 'owner'
      when w.id = any ((select private.editable_workspace_ids())::uuid[]) then 'editor'
      else 'viewer'
    end as role
  from public.workspaces w;
comment on view public.my_workspaces is
  'The workspaces that the caller may read, with the caller''s role: owner, editor or viewer. Written as workspaces are, but for the role.';

revoke all on table public.my_workspaces from public, anon, authenticated, service_role;
grant select, insert, update, delete on table public.my_workspaces to authenticated, service_role;
