-- Accounts first: who changes the roles of members takes their accounts before the workspace, as a deletion of an account
-- does, so that the two do not deadlock.
-- Rows that are there: nothing changes.

create or replace function public.change_member(workspace_id uuid, user_id uuid, role text) returns json
language plpgsql security definer set search_path = '' as $$
declare
  place constant uuid := change_member.workspace_id;
  who   constant uuid := change_member.user_id;
  former text;
begin
  -- Both accounts before the workspace: a deletion of one has it first, and then asks for its workspaces and roles.
  perform from auth.users u where u.id in (who, auth.uid()) order by u.id for key share;
  perform private.lock_own_workspace(place);
  if who = auth.uid() and change_member.role is distinct from 'owner' then
    raise sqlstate 'PT409' using message = 'owner_stays';
  elsif who <> auth.uid() and change_member.role = 'owner' then
    delete from public.workspace_members m where m.workspace_id = place and m.user_id = who;
    if not found then
      raise sqlstate 'PT404' using message = 'member_not_found';
    end if;
    update public.workspaces w set owner_id = who where w.id = place;
    insert into public.workspace_members (workspace_id, user_id, role) values (place, auth.uid(), 'editor');
  elsif who <> auth.uid() then
    select m.role into former from public.workspace_members m
      where m.workspace_id = place and m.user_id = who for no key update;
    if not found then
      raise sqlstate 'PT404' using message = 'member_not_found';
    end if;
    update public.workspace_members m set role = change_member.role where m.workspace_id = place and m.user_id = who;
    if former = 'editor' and change_member.role = 'viewer' then
      perform private.keep_lost_role(place, who);
    end if;
  end if;
  return (
    select json_build_object(
      'user_id', m.user_id, 'role', m.role, 'email', m.email, 'created_at', private.rfc3339(m.created_at)
    )
    from public.list_members(place) m where m.user_id = who
  );
end $$;

create or replace function public.remove_member(workspace_id uuid, user_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  place constant uuid := remove_member.workspace_id;
begin
  if remove_member.user_id is distinct from auth.uid() then
    -- The account before the workspace, as change_member() does. Who leaves takes none: nothing of it is kept.
    perform from auth.users u where u.id = remove_member.user_id for key share;
    perform private.lock_own_workspace(place);
  else
    perform from public.workspaces w where w.id = place and w.id = any (private.workspace_ids()) for no key update;
    if not found then
      raise sqlstate 'PT404' using message = 'workspace_not_found';
    end if;
    if exists (select from public.workspaces w where w.id = place and w.owner_id = auth.uid()) then
      raise sqlstate 'PT409' using message = 'owner_stays';
    end if;
  end if;
  delete from public.workspace_members m where m.workspace_id = place and m.user_id = remove_member.user_id;
  if not found then
    raise sqlstate 'PT404' using message = 'member_not_found';
  end if;
  if remove_member.user_id <> auth.uid() then
    perform private.keep_lost_role(place, remove_member.user_id);
  end if;
end $$;
