-- Stamps: a size is layout, and a function of ours that writes many rows at once stamps them itself, in their order.
-- Rows that are there: nothing changes.

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

-- The clock may give many rows the same moment, and a call for each takes time. So edit_canvas() sets private.stamped
-- while it inserts; no client has a way to that setting.
create or replace trigger sources_stamp
  before insert or update of
    id, workspace_id, type, title, storage_path, metadata, cache_id, cache_expires_at,
    version, created_at, updated_at
  on public.sources for each row when (current_setting('private.stamped', true) is distinct from 'on')
  execute function private.stamp();
create or replace trigger labs_stamp
  before insert or update of
    id, workspace_id, source_id, type, title, status, config, generated_content, user_state,
    version, created_at, updated_at
  on public.labs for each row when (current_setting('private.stamped', true) is distinct from 'on')
  execute function private.stamp();
create or replace trigger edges_stamp before insert or update on public.edges
  for each row when (current_setting('private.stamped', true) is distinct from 'on')
  execute function private.stamp_created_at();

-- Nearly every title is in NFC already: no call then.
create or replace trigger sources_compose before insert or update of title on public.sources
  for each row when (new.title is not nfc normalized) execute function private.compose();
create or replace trigger labs_compose before insert or update of title on public.labs
  for each row when (new.title is not nfc normalized) execute function private.compose();
