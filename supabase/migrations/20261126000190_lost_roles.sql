-- Lost roles: a role that the owner has taken away does not come back by an invitation that is older than that.
-- Rows that are there: nothing changes. Of roles that were taken away before, nothing is known.

create table private.lost_roles (
  workspace_id uuid        not null,
  user_id      uuid        not null,
  lost_at      timestamptz not null default clock_timestamp(),
  constraint lost_roles_pkey primary key (workspace_id, user_id),
  constraint lost_roles_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id) on delete cascade,
  constraint lost_roles_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade
);
comment on table private.lost_roles is
  'From whom a workspace''s owner has taken a role away, and when last. Only younger invitations count for them.';
create index lost_roles_user_id_idx on private.lost_roles (user_id);
revoke all on table private.lost_roles from public, anon, authenticated, service_role;

create function private.keep_lost_role(workspace_id uuid, user_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  insert into private.lost_roles (workspace_id, user_id)
    values (keep_lost_role.workspace_id, keep_lost_role.user_id)
    on conflict on constraint lost_roles_pkey do update set lost_at = excluded.lost_at;
end $$;
comment on function private.keep_lost_role is 'Keeps that a role was taken away now; for functions that hold the workspace.';
revoke execute on function private.keep_lost_role(uuid, uuid) from public, anon, authenticated, service_role;

create or replace function public.accept_invitation(token text) returns table (workspace_id uuid, role text)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  invited public.invitations;
  hash    constant text := private.token_hash(accept_invitation.token);
  present text;
begin
  select i.* into invited from public.invitations i where i.token_hash = hash;
  -- The workspace first, as all locks are taken; then what is true under the lock.
  perform from public.workspaces w where w.id = invited.workspace_id for no key update;
  select i.* into invited from public.invitations i where i.token_hash = hash for update;
  if not found or auth.uid() is null then
    raise sqlstate 'PT404' using message = 'invitation_not_found';
  end if;

  select case when w.owner_id = auth.uid() then 'owner' else m.role end into present
    from public.workspaces w
    left join public.workspace_members m on m.workspace_id = w.id and m.user_id = auth.uid()
    where w.id = invited.workspace_id;
  -- Who has as much already takes no use of it, also when it is accepted again.
  if present in ('owner', 'editor', invited.role) then
    return query select invited.workspace_id, present;
    return;
  end if;
  if exists (
    select from private.lost_roles l
    where l.workspace_id = invited.workspace_id and l.user_id = auth.uid() and l.lost_at >= invited.created_at
  ) then
    raise sqlstate 'PT404' using message = 'invitation_not_found';
  end if;
  if invited.expires_at < clock_timestamp() then
    raise sqlstate 'PT410' using message = 'invitation_expired';
  end if;
  if invited.uses_left = 0 then
    raise sqlstate 'PT410' using message = 'invitation_used_up';
  end if;
  if (select count(*) from public.workspace_members m where m.workspace_id = invited.workspace_id) >= 1000 then
    raise sqlstate 'PT409' using message = 'limit_reached';
  end if;
  insert into public.workspace_members as m (workspace_id, user_id, role)
    values (invited.workspace_id, auth.uid(), invited.role)
    on conflict on constraint workspace_members_pkey do update set role = excluded.role;
  update public.invitations i set uses_left = i.uses_left - 1 where i.id = invited.id;
  return query select invited.workspace_id, invited.role;
end $$;
comment on function public.accept_invitation is
  'Makes the caller a member, or a viewer an editor; whoever has the role or more keeps it and takes no use. Answers the workspace and the role that the caller has then. Raises PT404 invitation_not_found, also for one that is older than the last time that the owner took a role from the caller, PT410 invitation_expired and invitation_used_up, and PT409 limit_reached at 1,000 members. Definer, because the caller sees neither invitation nor workspace yet; the token is what gives the right.';

create or replace function public.change_member(workspace_id uuid, user_id uuid, role text) returns json
language plpgsql security definer set search_path = '' as $$
declare
  place constant uuid := change_member.workspace_id;
  who   constant uuid := change_member.user_id;
  former text;
begin
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
