-- Invitations: a token that makes whoever has it a member. It is shown once; its hash is kept.
-- Rows that are there: none.

create table public.invitations (
  id           uuid        not null default gen_random_uuid(),
  workspace_id uuid        not null,
  role         text        not null,
  token_hash   text        not null,
  uses_left    integer     not null,
  expires_at   timestamptz not null,
  created_at   timestamptz not null default now(),
  constraint invitations_pkey primary key (id),
  constraint invitations_token_hash_key unique (token_hash),
  constraint invitations_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id) on delete cascade,
  constraint invitations_role_known check (role in ('editor', 'viewer')),
  constraint invitations_token_hash_form check (token_hash ~ '^[0-9a-f]{64}$'),
  constraint invitations_uses_left_range check (uses_left between 0 and 1000)
);
comment on table public.invitations is
  'Invitations to workspaces. Made by create_invitation(), used by accept_invitation(), deleted by revoke_invitation().';
comment on column public.invitations.role is 'What whoever accepts it becomes.';
comment on column public.invitations.token_hash is 'SHA-256 of the token, which is kept nowhere.';
comment on column public.invitations.uses_left is 'How many more people may accept it.';

create index invitations_workspace_id_created_at_id_idx on public.invitations (workspace_id, created_at, id);

create trigger invitations_stamp before insert or update on public.invitations
  for each row execute function private.stamp_created_at();
create trigger invitations_touch_insert after insert on public.invitations referencing new table as changed
  for each statement execute function private.touch_workspaces();
create trigger invitations_touch_update after update on public.invitations referencing new table as changed
  for each statement execute function private.touch_workspaces();
create trigger invitations_touch_delete after delete on public.invitations referencing old table as changed
  for each statement execute function private.touch_workspaces();

revoke all on table public.invitations from public, anon, authenticated, service_role;
grant all on table public.invitations to service_role;
grant select (id, workspace_id, role, uses_left, expires_at, created_at) on table public.invitations to authenticated;
alter table public.invitations enable row level security;
create policy "Owners see the invitations to their workspaces" on public.invitations
  for select to authenticated using (
    exists (select from public.workspaces w where w.id = invitations.workspace_id and w.owner_id = (select auth.uid()))
  );

create function private.token_hash(token text) returns text
language sql immutable parallel safe
return encode(sha256(convert_to(token, 'UTF8')), 'hex');
comment on function private.token_hash is
  'What is kept of an invitation''s token. No search path applies: the body was bound when it was made. To set one would keep it from being inlined.';

create function public.create_invitation(
  workspace_id uuid, role text, uses integer default 1, expires_at timestamptz default null
) returns json
language plpgsql security definer set search_path = '' as $$
declare
  place  constant uuid := create_invitation.workspace_id;
  secret constant text := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
  -- By the end of this week, unless somebody says otherwise.
  ending constant timestamptz := coalesce(create_invitation.expires_at, clock_timestamp() + interval '7 days');
  made   public.invitations;
begin
  perform private.lock_own_workspace(place);
  if create_invitation.uses < 1 then
    raise sqlstate 'PT422' using message = 'refused_value';
  end if;
  if ending <= clock_timestamp() or ending > clock_timestamp() + interval '366 days' then
    raise sqlstate 'PT422' using message = 'refused_expiry';
  end if;
  delete from public.invitations i
    where i.workspace_id = place and (i.uses_left = 0 or i.expires_at < clock_timestamp());
  if (select count(*) from public.invitations i where i.workspace_id = place) >= 100 then
    raise sqlstate 'PT409' using message = 'limit_reached';
  end if;
  insert into public.invitations (workspace_id, role, token_hash, uses_left, expires_at)
    values (place, create_invitation.role, private.token_hash(secret), create_invitation.uses, ending)
    returning * into made;
  return json_build_object(
    'id', made.id, 'workspace_id', made.workspace_id, 'role', made.role, 'uses_left', made.uses_left,
    'expires_at', private.rfc3339(made.expires_at), 'created_at', private.rfc3339(made.created_at), 'token', secret
  );
end $$;
comment on function public.create_invitation is
  'Makes an invitation to a workspace, for so many people (1 to 1,000) and until a time within a year (7 days unless it is given). Answers it with its token, for the only time. Raises PT404 workspace_not_found, PT403 read_only and owner_only, PT422 refused_value and refused_expiry, and PT409 limit_reached at 100 invitations that are open. Definer, because clients do not write the table; it asks who owns the workspace itself.';

create function public.accept_invitation(token text) returns table (workspace_id uuid, role text)
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
  'Makes the caller a member, or a viewer an editor; whoever has the role or more keeps it and takes no use. Answers the workspace and the role that the caller has then. Raises PT404 invitation_not_found, PT410 invitation_expired and invitation_used_up, and PT409 limit_reached at 1,000 members. Definer, because the caller sees neither invitation nor workspace yet; the token is what gives the right.';

create function public.revoke_invitation(workspace_id uuid, id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.lock_own_workspace(revoke_invitation.workspace_id);
  delete from public.invitations i
    where i.id = revoke_invitation.id and i.workspace_id = revoke_invitation.workspace_id;
  if not found then
    raise sqlstate 'PT404' using message = 'invitation_not_found';
  end if;
end $$;
comment on function public.revoke_invitation is
  'Deletes an invitation; who has accepted it stays a member. Raises PT404 workspace_not_found and invitation_not_found, PT403 read_only and owner_only. Definer, because clients do not write the table; it asks who owns the workspace itself.';

create function public.list_members(workspace_id uuid)
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
      case when p.user_id = auth.uid() or place = any (private.editable_workspace_ids()) then u.email::text end,
      p.created_at
    from (
      select w.owner_id as user_id, 'owner' as role, w.created_at, 0 as rank from public.workspaces w where w.id = place
      union all
      select m.user_id, m.role, m.created_at, 1 from public.workspace_members m where m.workspace_id = place
    ) p
    left join auth.users u on u.id = p.user_id
    order by p.rank, p.created_at, p.user_id;
end $$;
comment on function public.list_members is
  'Everybody who may read a workspace, the owner first. Emails are for those who may edit it; a viewer sees the own. Raises PT404 workspace_not_found. Definer, because accounts are hidden.';

create function public.change_member(workspace_id uuid, user_id uuid, role text) returns json
language plpgsql security definer set search_path = '' as $$
declare
  place constant uuid := change_member.workspace_id;
  who   constant uuid := change_member.user_id;
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
    update public.workspace_members m set role = change_member.role where m.workspace_id = place and m.user_id = who;
    if not found then
      raise sqlstate 'PT404' using message = 'member_not_found';
    end if;
  end if;
  return (
    select json_build_object(
      'user_id', m.user_id, 'role', m.role, 'email', m.email, 'created_at', private.rfc3339(m.created_at)
    )
    from public.list_members(place) m where m.user_id = who
  );
end $$;
comment on function public.change_member is
  'Gives a member of a workspace another role. The role owner hands the workspace over: whoever had it becomes an editor. Answers the member. Raises PT404 workspace_not_found and member_not_found, PT403 read_only and owner_only, PT409 owner_stays. Definer, because clients do not write the table; it asks who owns the workspace itself.';

create function public.remove_member(workspace_id uuid, user_id uuid) returns void
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
end $$;
comment on function public.remove_member is
  'Takes a member out of a workspace, as its owner, or leaves it, as the member. Raises PT404 workspace_not_found and member_not_found, PT403 read_only and owner_only, PT409 owner_stays. Definer, because clients do not write the table; it asks for access itself.';

revoke execute on function
  private.token_hash(text), public.create_invitation(uuid, text, integer, timestamptz), public.accept_invitation(text),
  public.revoke_invitation(uuid, uuid), public.list_members(uuid), public.change_member(uuid, uuid, text),
  public.remove_member(uuid, uuid)
  from public, anon, authenticated, service_role;
grant execute on function
  public.create_invitation(uuid, text, integer, timestamptz), public.accept_invitation(text),
  public.revoke_invitation(uuid, uuid), public.list_members(uuid), public.change_member(uuid, uuid, text),
  public.remove_member(uuid, uuid)
  to authenticated, service_role;
