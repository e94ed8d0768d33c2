-- Activity: when anything in a workspace last changed, to the minute, so that lists can begin with what is in use.
-- Rows that are there: active_at becomes the latest change that a workspace's rows still show. Versions and updated_at
-- stay.

alter table public.workspaces add column active_at timestamptz not null default now();
comment on column public.workspaces.active_at is
  'When the workspace or anything in it was last written, to the minute. Set by the database; version and updated_at stay.';

create or replace function private.stamp() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    new.created_at := private.with_fraction(clock_timestamp());
    new.updated_at := new.created_at;
    new.version    := 1;
    return new;
  end if;

  new.created_at := old.created_at;
  new.updated_at := old.updated_at;
  new.version    := old.version;

  -- Neither layout nor activity is content: a drag makes no open editor stale.
  if tg_table_name = 'workspaces' then
    old.viewport  := new.viewport;
    old.active_at := new.active_at;
  else
    old.canvas_position := new.canvas_position;
  end if;

  if new is distinct from old then
    -- Not now(): a writer that waited for another one must not be dated before it.
    new.updated_at := private.with_fraction(clock_timestamp());
    new.version    := old.version + 1;
  end if;
  return new;
end $$;

update public.workspaces w set active_at = greatest(
  w.updated_at,
  (select max(s.updated_at) from public.sources s where s.workspace_id = w.id),
  (select max(l.updated_at) from public.labs l where l.workspace_id = w.id),
  (select max(e.created_at) from public.edges e where e.workspace_id = w.id),
  (select max(m.created_at) from public.chat_messages m where m.workspace_id = w.id)
);

create index workspaces_owner_id_active_at_id_idx on public.workspaces (owner_id, active_at desc, id desc);

create function private.stamp_active_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    new.active_at := new.created_at;
  elsif new is distinct from old and old.active_at < clock_timestamp() - interval '1 minute' then
    new.active_at := private.with_fraction(clock_timestamp());
  else
    new.active_at := old.active_at;
  end if;
  return new;
end $$;
comment on function private.stamp_active_at is
  'Owns active_at: whatever is written there means now, and nothing within a minute of the last time.';

-- After workspaces_stamp, by its name: a new workspace takes the moment that it was given there.
create trigger workspaces_stamp_active_at before insert or update on public.workspaces
  for each row execute function private.stamp_active_at();

create function private.touch_workspaces() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- The writer holds rows of the workspace by now. To wait for the workspace itself, which others lock first, would
  -- deadlock; and who holds it is writing there too.
  update public.workspaces set active_at = clock_timestamp()
    where id in (
      select w.id from public.workspaces w
      where w.id in (select c.workspace_id from changed c)
        and w.active_at < clock_timestamp() - interval '1 minute'
      for no key update skip locked
    );
  return null;
end $$;
comment on function private.touch_workspaces is
  'Tells the workspaces of changed rows that they are in use. Definer, because who writes in a workspace need not be who may change it. Once per statement, because 2,000 nodes move at once.';
revoke execute on function private.stamp_active_at(), private.touch_workspaces()
  from public, anon, authenticated, service_role;

do $$
declare
  child text;
begin
  foreach child in array array['sources', 'labs', 'edges', 'chat_messages'] loop
    execute format(
      'create trigger %1$s_touch_insert after insert on public.%1$s referencing new table as changed
         for each statement execute function private.touch_workspaces();
       create trigger %1$s_touch_update after update on public.%1$s referencing new table as changed
         for each statement execute function private.touch_workspaces();
       create trigger %1$s_touch_delete after delete on public.%1$s referencing old table as changed
         for each statement execute function private.touch_workspaces();', child
    );
  end loop;
end $$;

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261125000120';
