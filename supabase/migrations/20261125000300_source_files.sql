-- Source files: what a source's file is and what came of reading it. Clients read these columns; only save_file writes.
-- Rows that are there: no source has a file that was read, whatever its storage_path says. Versions stay.

alter table public.sources
  add column status     text not null default 'empty',
  add column failure    text,
  add column page_count integer,
  add column file_name  text,
  add column file_bytes bigint,
  add column media_type text,
  add column file_id    uuid,
  add constraint sources_status_known check (status in ('empty', 'ready', 'failed')),
  add constraint sources_failure_known check (failure in ('encrypted', 'damaged', 'no_text', 'too_long', 'unsupported')),
  add constraint sources_page_count_range check (page_count between 1 and 5000),
  add constraint sources_file_name_length check (char_length(file_name) <= 255),
  add constraint sources_file_name_text check (private.has_text(file_name)),
  add constraint sources_file_bytes_range check (file_bytes between 0 and 52428800),
  add constraint sources_media_type_known check (media_type in ('application/pdf', 'text/markdown', 'text/plain')),
  add constraint sources_file_whole check (
    case status
      when 'empty' then num_nonnulls(failure, page_count, file_name, file_bytes, media_type, file_id) = 0
      when 'ready' then failure is null and num_nulls(storage_path, page_count, file_name, file_bytes, media_type, file_id) = 0
      else page_count is null and num_nulls(storage_path, failure, file_name, file_bytes, media_type, file_id) = 0
    end
  );
comment on column public.sources.storage_path is
  'Where the file is in the bucket: <workspace_id>/<source_id>/... Another path means another file, which is not read yet. Copies of a source share it.';
comment on column public.sources.status is
  'empty: no file was read. ready: its text is in source_pages. failed: the file is there, its text is not; see failure.';
comment on column public.sources.page_count is 'How many pages were read; of a text file, its sections.';
comment on column public.sources.file_bytes is 'The size of the file.';
comment on column public.sources.file_id is
  'The key of the file''s text in source_pages and chapters. Copies of a source in its workspace share it.';

create index sources_file_id_idx on public.sources (file_id) where file_id is not null;
-- Who else has a file?
create index sources_workspace_id_storage_path_idx on public.sources (workspace_id, md5(storage_path));

create function private.keep_file() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and new.storage_path is not distinct from old.storage_path then
    new.status     := old.status;
    new.failure    := old.failure;
    new.page_count := old.page_count;
    new.file_name  := old.file_name;
    new.file_bytes := old.file_bytes;
    new.media_type := old.media_type;
    new.file_id    := old.file_id;
  else
    new.status     := 'empty';
    new.failure    := null;
    new.page_count := null;
    new.file_name  := null;
    new.file_bytes := null;
    new.media_type := null;
    new.file_id    := null;
  end if;
  return new;
end $$;
comment on function private.keep_file is
  'Keeps what was read from a file as it is, whatever a client sends there, also where grants are wider than ours. A new path empties it.';
revoke execute on function private.keep_file() from public, anon, authenticated, service_role;

-- A definer function runs as the owner of the tables, so that this lets it write. Named to run before the stamp.
create trigger sources_file
  before insert or update of storage_path, status, failure, page_count, file_name, file_bytes, media_type, file_id
  on public.sources for each row
  when (current_user in ('anon', 'authenticated', 'service_role'))
  execute function private.keep_file();

create or replace trigger sources_stamp
  before insert or update of
    id, workspace_id, type, title, storage_path, metadata, cache_id, cache_expires_at, status, failure, page_count,
    file_name, file_bytes, media_type, file_id, version, created_at, updated_at
  on public.sources for each row when (current_setting('private.stamped', true) is distinct from 'on')
  execute function private.stamp();

-- For rows sent back as they were read. The trigger keeps the columns.
grant
  insert (status, failure, page_count, file_name, file_bytes, media_type, file_id),
  update (status, failure, page_count, file_name, file_bytes, media_type, file_id)
  on table public.sources to authenticated;
