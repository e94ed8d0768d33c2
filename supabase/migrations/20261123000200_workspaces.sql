-- Workspaces: an infinite canvas each, seen and changed by its owner alone.

create table public.workspaces (
  id         uuid        not null default gen_random_uuid(),
  owner_id   uuid        not null default auth.uid(),
  name       text        not null,
  viewport   jsonb       not null default '{"x": 0, "y": 0, "zoom": 1}',
  version    integer     not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workspaces_pkey primary key (id),
  constraint workspaces_owner_id_fkey foreign key (owner_id) references auth.users (id) on delete cascade,
  constraint workspaces_name_length check (char_length(name) <= 255),
  constraint workspaces_name_text check (private.has_text(name)),
  constraint workspaces_viewport_shape check (
    viewport = jsonb_build_object('x', viewport -> 'x', 'y', viewport -> 'y', 'zoom', viewport -> 'zoom')
    and private.is_position(viewport - 'zoom')
    and viewport -> 'zoom' > '0' and viewport -> 'zoom' <= '100'
  )
);
comment on table public.workspaces is 'An infinite canvas and the chat beside it. All else belongs to a workspace and goes with it.';
comment on column public.workspaces.owner_id is 'Whose it is, for good. The caller, when a client creates it.';
comment on column public.workspaces.viewport is 'Where the canvas was last looked at: {x, y, zoom}. Layout: the last write wins, version and updated_at stay.';
comment on column public.workspaces.version is 'Raised by the database on every real change of content.';

create index workspaces_owner_id_updated_at_id_idx on public.workspaces (owner_id, updated_at desc, id desc);
create index workspaces_owner_id_created_at_id_idx on public.workspaces (owner_id, created_at, id);

create trigger workspaces_keep before update on public.workspaces
  for each row when (old.id <> new.id or old.owner_id <> new.owner_id)
  execute function private.refuse_change();
create trigger workspaces_stamp before insert or update on public.workspaces
  for each row execute function private.stamp();

revoke all on table public.workspaces from public, anon, authenticated, service_role;
grant all on table public.workspaces to service_role;
grant select, insert (id, name, viewport), update (name, viewport), delete on table public.workspaces to authenticated;

alter table public.workspaces enable row level security;
create policy "Owners see their workspaces" on public.workspaces
  for select to authenticated using (owner_id = (select auth.uid()));
create policy "People create workspaces of their own" on public.workspaces
  for insert to authenticated with check (owner_id = (select auth.uid()));
create policy "Owners change their workspaces" on public.workspaces
  for update to authenticated using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));
create policy "Owners delete their workspaces" on public.workspaces
  for delete to authenticated using (owner_id = (select auth.uid()));

-- PL/pgSQL keeps the plan, and an array crosses the call as one value: a third of what a set
-- from an SQL function costs. Wrapped in a select, policies call it once per statement.
create function private.workspace_ids() returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return array(select w.id from public.workspaces w where w.owner_id = (select auth.uid()));
end $$;
comment on function private.workspace_ids is
  'The workspaces whose content the caller may read and write; the one place where that is decided. Definer, so that the policies of other tables do not run those of workspaces.';

revoke execute on function private.workspace_ids() from public, anon, authenticated, service_role;
grant execute on function private.workspace_ids() to authenticated, service_role;
