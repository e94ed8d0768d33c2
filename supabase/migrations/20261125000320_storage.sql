-- Storage: the private bucket of the sources' files, <workspace_id>/<source_id>/..., for those who may see the workspace.
-- Files never change: a new one gets a path of its own. So there is no policy for update, and none moves.
-- Rows that are there: files in a bucket named sources keep their place, and who may read them is asked as below.

create function private.is_place_for_file(path text) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return path ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/'
    and path !~ '(^|/)[.]{0,2}(/|$)'
    and exists (
      select from public.sources s
      where s.id = split_part(path, '/', 2)::uuid
        and s.workspace_id = split_part(path, '/', 1)::uuid
        and s.workspace_id = any (private.editable_workspace_ids())
        and s.deleted_at is null
    );
end $$;
comment on function private.is_place_for_file is
  'Whether the caller may put a file at a path: <workspace_id>/<source_id>/..., both lower case, of a source there is, without empty, . and .. parts. Definer, so that the policies of other tables do not run.';
revoke execute on function private.is_place_for_file(text) from public, anon, authenticated, service_role;
grant execute on function private.is_place_for_file(text) to authenticated, service_role;

-- A plain PostgreSQL has no storage. What is gone from the tables belongs to nobody else, so that whoever uploaded it can
-- still delete it. split_part, since a function of ours would be called for every object there is.
do $$
begin
  if to_regclass('storage.objects') is null then
    return;
  end if;
  insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
    values ('sources', 'sources', false, 52428800, array['application/pdf', 'text/markdown', 'text/plain'])
    on conflict (id) do update
    set public = false, file_size_limit = excluded.file_size_limit, allowed_mime_types = excluded.allowed_mime_types;
  create policy "People see the files in workspaces that they may read" on storage.objects
    for select to authenticated using (
      bucket_id = 'sources' and (
        split_part(name, '/', 1) = any ((select private.workspace_ids())::text[])
        or owner_id = (select auth.uid())::text
      )
    );
  create policy "People add files to sources that they may edit" on storage.objects
    for insert to authenticated with check (bucket_id = 'sources' and private.is_place_for_file(name));
  create policy "People delete the files in workspaces that they may edit" on storage.objects
    for delete to authenticated using (
      bucket_id = 'sources' and (
        split_part(name, '/', 1) = any ((select private.editable_workspace_ids())::text[])
        or owner_id = (select auth.uid())::text
      )
    );
end $$;

create function public.unused_files(workspace_id uuid default null, source_id uuid default null) returns text[]
language plpgsql stable security definer set search_path = '' as $$
declare
  place uuid := coalesce(
    unused_files.workspace_id, (select s.workspace_id from public.sources s where s.id = unused_files.source_id)
  );
  own   boolean := place = any (private.editable_workspace_ids());
  files text[];
begin
  if to_regclass('storage.objects') is null then
    return '{}';
  end if;
  if place is null and (unused_files.source_id is not null or current_setting('role') <> 'service_role') then
    return '{}';
  end if;
  execute $query$
    select coalesce(array_agg(file.name), '{}')
    from (
      select o.name
      from storage.objects o
      cross join lateral (
        select split_part(o.name, '/', 1)::uuid as workspace_id, split_part(o.name, '/', 2)::uuid as source_id
        where o.name ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/'
      ) place
      where o.bucket_id = 'sources'
        and ($1 is null or (o.name collate "C" >= $1 || '/' and o.name collate "C" < $1 || '0'))
        and ($1 is null or $2 or (
          o.owner_id = $3 and not exists (select from public.workspaces w where w.id = place.workspace_id)
        ))
        and not exists (
          select from public.sources s
          where s.workspace_id = place.workspace_id and md5(s.storage_path) = md5(o.name) and s.storage_path = o.name
        )
        and (
          o.created_at < now() - interval '1 day'
          or not exists (select from public.sources s where s.id = place.source_id)
        )
      order by o.name collate "C"
      limit 1000
    ) file
  $query$ into files using place::text, own, (select auth.uid())::text;
  return files;
end $$;
comment on function public.unused_files is
  'Up to 1,000 paths of a workspace''s files that no source refers to, or of the workspace that a source is in, be it in the trash. When the workspace is gone: those the caller uploaded. Files of a source that is there count after a day, since one may be just arriving. Without a workspace all there are, for the service role. Definer, so that sources in the trash keep their files.';
revoke execute on function public.unused_files(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function public.unused_files(uuid, uuid) to authenticated, service_role;
