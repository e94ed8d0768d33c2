-- Sources: what one learns from (a PDF, a repository, a video), placed on a canvas.

create table public.sources (
  id               uuid        not null default gen_random_uuid(),
  workspace_id     uuid        not null,
  type             text        not null,
  title            text        not null,
  storage_path     text,
  metadata         jsonb       not null default '{}',
  cache_id         text,
  cache_expires_at timestamptz,
  canvas_position  jsonb       not null default '{"x": 0, "y": 0}',
  version          integer     not null default 1,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  constraint sources_pkey primary key (id),
  constraint sources_workspace_id_id_key unique (workspace_id, id),
  constraint sources_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id) on delete cascade,
  constraint sources_type_word check (type ~ '^[a-z][a-z0-9_]{0,63}$'),
  constraint sources_title_length check (char_length(title) <= 500),
  constraint sources_title_text check (private.has_text(title)),
  constraint sources_storage_path_length check (char_length(storage_path) between 1 and 1024),
  constraint sources_metadata_document check (private.is_document(metadata)),
  constraint sources_cache_id_length check (char_length(cache_id) between 1 and 255),
  constraint sources_cache_expires_at_range check (
    cache_expires_at >= '0001-01-01T00:00:00Z' and cache_expires_at < '10000-01-01T00:00:00Z'
  ),
  constraint sources_canvas_position_shape check (private.is_position(canvas_position))
);
comment on table public.sources is 'What one learns from. A node of its workspace''s canvas.';
comment on column public.sources.type is 'An open set of words: pdf, github, video, ...';
comment on column public.sources.storage_path is 'Where the file lies in storage; one source per path and workspace.';
comment on column public.sources.cache_id is 'The content''s name in a model provider''s cache, good until cache_expires_at.';
comment on column public.sources.canvas_position is 'Where the node lies: {x, y}. Layout: the last write wins, version and updated_at stay.';
comment on column public.sources.version is 'Raised by the database on every real change of content.';

create index sources_workspace_id_created_at_id_idx on public.sources (workspace_id, created_at, id);
create index sources_workspace_id_updated_at_id_idx on public.sources (workspace_id, updated_at, id);
-- By digest: a path of 1,024 characters may be longer than an index entry. Within a
-- workspace: across them a refusal would tell which paths others use.
create unique index sources_workspace_id_storage_path_key on public.sources (workspace_id, md5(storage_path));

create trigger sources_keep before update on public.sources
  for each row when (old.id <> new.id or old.workspace_id <> new.workspace_id)
  execute function private.refuse_change();
-- Every column but the layout, so that a drag does not compare the content either.
create trigger sources_stamp
  before insert or update of
    id, workspace_id, type, title, storage_path, metadata, cache_id, cache_expires_at,
    version, created_at, updated_at
  on public.sources for each row execute function private.stamp();

revoke all on table public.sources from public, anon, authenticated, service_role;
grant all on table public.sources to service_role;
grant
  select,
  insert (id, workspace_id, type, title, storage_path, metadata, cache_id, cache_expires_at, canvas_position),
  update (type, title, storage_path, metadata, cache_id, cache_expires_at, canvas_position),
  delete
  on table public.sources to authenticated;

alter table public.sources enable row level security;
create policy "Owners see the sources in their workspaces" on public.sources
  for select to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));
create policy "Owners add sources to their workspaces" on public.sources
  for insert to authenticated with check (workspace_id = any ((select private.workspace_ids())::uuid[]));
create policy "Owners change the sources in their workspaces" on public.sources
  for update to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]))
  with check (workspace_id = any ((select private.workspace_ids())::uuid[]));
create policy "Owners delete the sources in their workspaces" on public.sources
  for delete to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));
