-- Stamps: a size is layout, and rows that are written at once keep the order in which they were sent.
-- Rows that are there: nothing changes.

create function private.created_at(given timestamptz) returns timestamptz
language sql volatile
return private.with_fraction(
  case when current_setting('private.keep_created_at', true) = 'on' then given else clock_timestamp() end
);
comment on function private.created_at is
  'When a new row is created: now, or what a function of ours that writes many rows says, since the clock may give all of them the same moment. Clients have no way to that setting. Sets no search path, since its body is bound when it is made.';
revoke execute on function private.created_at(timestamptz) from public, anon, authenticated, service_role;
grant execute on function private.created_at(timestamptz) to authenticated, service_role;

create or replace function private.stamp() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    new.created_at := private.created_at(new.created_at);
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
    old.width           := new.width;
    old.height          := new.height;
  end if;

  if new is distinct from old then
    -- Not now(): a writer that waited for another one must not be dated before it.
    new.updated_at := private.with_fraction(clock_timestamp());
    new.version    := old.version + 1;
  end if;
  return new;
end $$;

create or replace function private.stamp_created_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.created_at := case tg_op when 'INSERT' then private.created_at(new.created_at) else old.created_at end;
  return new;
end $$;
