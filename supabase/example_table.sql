-- Bookmarks: pages of sources, to be found again.
-- Rows that are there: none.
--
-- An example of a table of rows in a workspace, which no database has. CONTRIBUTING.md ("a resource") says what else
-- such a table needs.

create table public.bookmarks (
  id           uuid        not null default gen_random_uuid(),
  workspace_id uuid        not null,
  source_id    uuid        not null,
  page         integer     not null,
  label        text,
  created_at   timestamptz not null default now(),
  constraint bookmarks_pkey primary key (id),
  -- Keys are checked in this order: the workspace before what is in it, as all locks are taken.
  constraint bookmarks_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id) on delete cascade,
  constraint bookmarks_source_id_fkey foreign key (workspace_id, source_id)
    references public.sources (workspace_id, id) on delete cascade,
  constraint bookmarks_page_range check (page between 1 and 100000),
  constraint bookmarks_label_length check (char_length(label) <= 500)
);
comment on table public.bookmarks is 'A page of a source, to be found again; it goes when the source goes for good.';
comment on column public.bookmarks.page is 'From 1. The source need not have a text.';

-- For lists, and for deletes of a workspace: every foreign key has an index.
create index bookmarks_workspace_id_created_at_id_idx on public.bookmarks (workspace_id, created_at, id);
-- A key of two columns has one of both, or of the second alone and then a comment on the constraint that says so.
create index bookmarks_source_id_idx on public.bookmarks (source_id);
comment on constraint bookmarks_source_id_fkey on public.bookmarks is
  'Deletes find their rows by bookmarks_source_id_idx: an id alone tells the workspace.';

-- A foreign key takes a source in the trash for one that is there.
create function private.refuse_trashed_bookmarks() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
begin
  if exists (select from made b join public.sources s on s.id = b.source_id where s.deleted_at is not null) then
    raise foreign_key_violation using
      message = 'insert or update on table "bookmarks" violates foreign key constraint "bookmarks_source_id_fkey"';
  end if;
  return null;
end $$;
comment on function private.refuse_trashed_bookmarks is
  'Refuses to mark a page of a source in the trash. Definer, because that is hidden; after the write, so that row-level security has spoken.';
revoke execute on function private.refuse_trashed_bookmarks() from public, anon, authenticated, service_role;

-- What never changes.
create trigger bookmarks_keep before update on public.bookmarks
  for each row when (
    (old.id, old.workspace_id, old.source_id, old.page) is distinct from (new.id, new.workspace_id, new.source_id, new.page)
  )
  execute function private.refuse_change();
create trigger bookmarks_stamp before insert or update on public.bookmarks
  for each row execute function private.stamp_created_at();
create trigger bookmarks_source_live after insert on public.bookmarks referencing new table as made
  for each statement execute function private.refuse_trashed_bookmarks();
create trigger bookmarks_touch_insert after insert on public.bookmarks referencing new table as changed
  for each statement execute function private.touch_workspaces();
create trigger bookmarks_touch_update after update on public.bookmarks referencing new table as changed
  for each statement execute function private.touch_workspaces();
create trigger bookmarks_touch_delete after delete on public.bookmarks referencing old table as changed
  for each statement execute function private.touch_workspaces();

-- Every column, also those that the database sets: clients send rows back as they read them.
revoke all on table public.bookmarks from public, anon, authenticated, service_role;
grant all on table public.bookmarks to service_role;
grant
  select,
  insert (id, workspace_id, source_id, page, label, created_at),
  update (id, workspace_id, source_id, page, label, created_at),
  delete
  on table public.bookmarks to authenticated;

-- One policy for each operation. Who may read and who may write is decided in the two functions.
alter table public.bookmarks enable row level security;
create policy "People see the bookmarks in workspaces that they may read" on public.bookmarks
  for select to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));
create policy "People add bookmarks to workspaces that they may edit" on public.bookmarks
  for insert to authenticated with check (workspace_id = any ((select private.editable_workspace_ids())::uuid[]));
create policy "People change the bookmarks in workspaces that they may edit" on public.bookmarks
  for update to authenticated using (workspace_id = any ((select private.editable_workspace_ids())::uuid[]))
  with check (workspace_id = any ((select private.editable_workspace_ids())::uuid[]));
create policy "People delete the bookmarks in workspaces that they may edit" on public.bookmarks
  for delete to authenticated using (workspace_id = any ((select private.editable_workspace_ids())::uuid[]));

-- The embedded stack and plain PostgreSQL have no Realtime.
do $$
begin
  if exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    alter publication supabase_realtime add table public.bookmarks;
  end if;
end $$;
