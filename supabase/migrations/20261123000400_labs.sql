-- Labs: what one learns with (a coding exercise, flashcards, a quiz), placed on a canvas.

create table public.labs (
  id                uuid        not null default gen_random_uuid(),
  workspace_id      uuid        not null,
  source_id         uuid,
  type              text        not null,
  status            text        not null default 'pending',
  config            jsonb       not null default '{}',
  generated_content jsonb,
  user_state        jsonb       not null default '{}',
  canvas_position   jsonb       not null default '{"x": 0, "y": 0}',
  version           integer     not null default 1,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  constraint labs_pkey primary key (id),
  constraint labs_workspace_id_id_key unique (workspace_id, id),
  constraint labs_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id) on delete cascade,
  constraint labs_source_id_fkey foreign key (workspace_id, source_id) references public.sources (workspace_id, id)
    on delete set null (source_id),
  constraint labs_type_word check (type ~ '^[a-z][a-z0-9_]{0,63}$'),
  constraint labs_status_known check (status in ('pending', 'generating', 'in_progress', 'completed', 'failed')),
  constraint labs_config_document check (private.is_document(config)),
  constraint labs_generated_content_document check (private.is_document(generated_content)),
  constraint labs_user_state_document check (private.is_document(user_state)),
  constraint labs_canvas_position_shape check (private.is_position(canvas_position))
);
comment on table public.labs is 'What one learns with. A node of its workspace''s canvas.';
comment on column public.labs.source_id is 'What the lab was made from: a source of the same workspace, null once that is gone.';
comment on column public.labs.type is 'An open set of words: code_lab, flashcard_lab, ...';
comment on column public.labs.generated_content is 'What a model wrote for the lab; null until then.';
comment on column public.labs.user_state is 'How far the learner has come.';
comment on column public.labs.canvas_position is 'Where the node lies: {x, y}. Layout: the last write wins, version and updated_at stay.';
comment on column public.labs.version is 'Raised by the database on every real change of content.';

create index labs_workspace_id_created_at_id_idx on public.labs (workspace_id, created_at, id);
create index labs_workspace_id_updated_at_id_idx on public.labs (workspace_id, updated_at, id);
create index labs_source_id_idx on public.labs (source_id) where source_id is not null;

create trigger labs_keep before update on public.labs
  for each row when (old.id <> new.id or old.workspace_id <> new.workspace_id)
  execute function private.refuse_change();
-- Every column but the layout, so that a drag does not compare the content either.
create trigger labs_stamp
  before insert or update of
    id, workspace_id, source_id, type, status, config, generated_content, user_state,
    version, created_at, updated_at
  on public.labs for each row execute function private.stamp();

revoke all on table public.labs from public, anon, authenticated, service_role;
grant all on table public.labs to service_role;
grant
  select,
  insert (id, workspace_id, source_id, type, status, config, generated_content, user_state, canvas_position),
  update (source_id, type, status, config, generated_content, user_state, canvas_position),
  delete
  on table public.labs to authenticated;

alter table public.labs enable row level security;
create policy "Owners see the labs in their workspaces" on public.labs
  for select to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));
create policy "Owners add labs to their workspaces" on public.labs
  for insert to authenticated with check (workspace_id = any ((select private.workspace_ids())::uuid[]));
create policy "Owners change the labs in their workspaces" on public.labs
  for update to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]))
  with check (workspace_id = any ((select private.workspace_ids())::uuid[]));
create policy "Owners delete the labs in their workspaces" on public.labs
  for delete to authenticated using (workspace_id = any ((select private.workspace_ids())::uuid[]));
