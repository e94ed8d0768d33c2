-- Files that are read again: what was read is saved only while it is the source's file still. It takes seconds to read
-- one, and who gave the source another file meanwhile has the former one removed.
-- Rows that are there: nothing changes.

-- Not next to the one without it: a call by name would fit both.
drop function public.save_file(uuid, text, text, bigint, text, text, jsonb, text, integer[]);

create function public.save_file(
  source_id    uuid,
  storage_path text default null,
  file_name    text default null,
  file_bytes   bigint default null,
  media_type   text default null,
  failure      text default null,
  document     jsonb default null,
  language     text default 'english',
  versions     integer[] default null,
  former_path  text default null
) returns table (source json, unused text[])
language plpgsql security definer set search_path = '' set client_min_messages = warning as $$
#variable_conflict use_column
declare
  place    uuid;
  former   text;
  file     uuid := case when save_file.storage_path is not null then gen_random_uuid() end;
  pages    jsonb := case when save_file.failure is null then coalesce(save_file.document -> 'pages', '[]') else '[]' end;
  chapters jsonb := case when save_file.failure is null then coalesce(save_file.document -> 'chapters', '[]') else '[]' end;
  config   regconfig := private.as_config(save_file.language);
  result   public.sources;
  found_version integer;
begin
  select s.workspace_id, s.version into place, found_version
    from public.sources s
    where s.id = save_file.source_id and s.deleted_at is null and s.workspace_id = any (private.editable_workspace_ids());
  if not found then
    raise sqlstate 'PT404' using message = 'source_not_found';
  end if;
  if not found_version = any (save_file.versions) then
    raise sqlstate 'PT412' using message = 'stale_version';
  end if;
  if split_part(save_file.storage_path, '/', 1) <> place::text or save_file.storage_path ~ '(^|/)[.]{0,2}(/|$)' then
    raise sqlstate 'PT422' using message = 'path_outside_workspace';
  end if;
  if jsonb_typeof(pages) <> 'array' or jsonb_typeof(chapters) <> 'array'
    or jsonb_path_exists(pages, 'strict $[*] ? (@.type() != "string")')
    or jsonb_path_exists(chapters, 'strict $[*] ? (@.type() != "object")') then
    raise sqlstate 'PT422' using message = 'malformed_document';
  end if;
  if jsonb_array_length(pages) > 5000 or jsonb_array_length(chapters) > 5000 or octet_length(pages::text) > 12582912 then
    raise sqlstate 'PT422' using message = 'too_long';
  end if;
  if (save_file.storage_path is not null and save_file.failure is null) <> (jsonb_array_length(pages) > 0) then
    raise sqlstate 'PT422' using message = 'malformed_document';
  end if;

  -- Before any lock: this takes seconds for a long book. The marks of excerpts are in no text; without offset 0 they
  -- would be looked for three times.
  insert into public.source_pages (file_id, number, workspace_id, text, search)
    select
      file, page.number, place, page.text,
      to_tsvector(config, left(page.text, 100000)) || to_tsvector('pg_catalog.simple', left(page.text, 100000))
    from (
      select replace(replace(element.value, E'\u0002', ''), E'\u0003', '') as text, element.number
      from jsonb_array_elements_text(pages) with ordinality element (value, number)
      offset 0
    ) page;
  insert into public.chapters (file_id, position, workspace_id, level, title, first_page, last_page)
    select file, chapter.position, place, chapter.level, chapter.title, chapter.first_page, chapter.last_page
    from rows from (
      jsonb_to_recordset(chapters) as (level integer, title text, first_page integer, last_page integer)
    ) with ordinality chapter (level, title, first_page, last_page, position);

  -- A copy of the source is made under this lock too, so that none refers to text that is just going.
  perform private.lock_workspace(place);
  select s.storage_path, s.version into former, found_version
    from public.sources s where s.id = save_file.source_id and s.deleted_at is null for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'source_not_found';
  end if;
  -- Again: somebody may have been faster while the text was inserted.
  if not found_version = any (save_file.versions) then
    raise sqlstate 'PT412' using message = 'stale_version';
  end if;
  if former is distinct from coalesce(save_file.former_path, former) then
    raise sqlstate 'PT409' using message = 'write_conflict';
  end if;
  update public.sources s
    set
      storage_path = save_file.storage_path,
      status       = case
                       when save_file.storage_path is null then 'empty'
                       when save_file.failure is null then 'ready'
                       else 'failed'
                     end,
      failure      = save_file.failure,
      page_count   = nullif(jsonb_array_length(pages), 0),
      file_name    = save_file.file_name,
      file_bytes   = save_file.file_bytes,
      media_type   = save_file.media_type,
      file_id      = file
    where s.id = save_file.source_id
    returning s.* into result;

  return query select
    (
      to_jsonb(result) - '{file_id,deleted_at}'::text[] || jsonb_build_object(
        'cache_expires_at', private.rfc3339(result.cache_expires_at),
        'created_at', private.rfc3339(result.created_at),
        'updated_at', private.rfc3339(result.updated_at)
      )
    )::json,
    array(
      select former
      where former is not null and not exists (
        select from public.sources s
        where s.workspace_id = place and md5(s.storage_path) = md5(former) and s.storage_path = former
      )
    );
end $$;
comment on function public.save_file is
  'Gives a source another file, or none (storage_path null), and replaces its text: document is {pages: [text], chapters: [{level, title, first_page, last_page}]}; with failure there is none. versions are those that the source may have; null allows any. former_path is the file that it must have now, when that is what was read; null allows any. Answers the source, and the paths that no source refers to any more. Raises PT404 source_not_found, PT409 write_conflict when it has another one, PT412 stale_version, PT422 path_outside_workspace, malformed_document and too_long (over 5,000 pages, 5,000 chapters or 12 MiB of JSON). Definer, because nobody else may write these columns; it asks editable_workspace_ids() itself.';

revoke execute on function public.save_file(uuid, text, text, bigint, text, text, jsonb, text, integer[], text)
  from public, anon, authenticated, service_role;
grant execute on function public.save_file(uuid, text, text, bigint, text, text, jsonb, text, integer[], text)
  to authenticated, service_role;

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261126000310';
