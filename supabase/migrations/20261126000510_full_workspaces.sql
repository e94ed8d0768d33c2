-- Full workspaces: where there are 1,000 members, a viewer among them may still become an editor. And who accepts an
-- invitation takes the own account before the workspace, as who changes roles does.
-- Rows that are there: nothing changes.

create or replace function public.accept_invitation(token text) returns table (workspace_id uuid, role text)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  invited public.invitations;
  hash    constant text := private.token_hash(accept_invitation.token);
  present text;
begin
  select i.* into invited from public.invitations i where i.token_hash = hash;
  -- The account and then the workspace, as all locks are taken; then what is true under the lock.
  perform from auth.users u where u.id = auth.uid() for key share;
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
  -- A viewer who becomes an editor makes them no more.
  if present is null
    and (select count(*) from public.workspace_members m where m.workspace_id = invited.workspace_id) >= 1000 then
    raise sqlstate 'PT409' using message = 'limit_reached';
  end if;
  insert into public.workspace_members as m (workspace_id, user_id, role)
    values (invited.workspace_id, auth.uid(), invited.role)
    on conflict on constraint workspace_members_pkey do update set role = excluded.role;
  update public.invitations i set uses_left = i.uses_left - 1 where i.id = invited.id;
  return query select invited.workspace_id, invited.role;
end $$;
comment on function public.accept_invitation is
  'Makes the caller a member, or a viewer an editor; whoever has the role or more keeps it and takes no use. Answers the workspace and the role that the caller has then. Raises PT404 invitation_not_found, also for one that is older than the last time that the owner took a role from the caller, PT410 invitation_expired and invitation_used_up, and PT409 limit_reached for a new member at 1,000 members. Definer, because the caller sees neither invitation nor workspace yet; the token is what gives the right.';
