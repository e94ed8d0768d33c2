-- Copy attempts: who copies into one new workspace twice makes two copies, each with its own files; the first has the id.
-- Rows that are there: a copy that is begun is finished as it was begun.

alter table private.workspace_copies add column new_workspace_id uuid;
update private.workspace_copies set new_workspace_id = id;
alter table private.workspace_copies alter column new_workspace_id set not null;
comment on table private.workspace_copies is
  'Copies whose files are on their way: the id of the attempt, the new workspace''s id, {old: new} of the sources with files and of their paths. Good for an hour.';
create index workspace_copies_new_workspace_id_idx on private.workspace_copies (new_workspace_id);

create or replace function private.is_place_for_file(path text) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return path ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/'
    and path !~ '(^|/)[.]{0,2}(/|$)'
    and (
      exists (
        select from public.sources s
        where s.id = split_part(path, '/', 2)::uuid
          and s.workspace_id = split_part(path, '/', 1)::uuid
          and s.workspace_id = any (private.editable_workspace_ids())
          and s.deleted_at is null
      )
      or exists (
        select from private.workspace_copies c
        where c.new_workspace_id = split_part(path, '/', 1)::uuid and c.user_id = auth.uid()
          and c.created_at > now() - interval '1 hour'
          and exists (select from jsonb_each_text(c.paths) p where p.value = path)
      )
    );
end $$;

create or replace function public.begin_copy(workspace_id uuid, copy_id uuid default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  original constant uuid := begin_copy.workspace_id;
  place    constant uuid := coalesce(begin_copy.copy_id, gen_random_uuid());
  begun    constant uuid := gen_random_uuid();
  ids      jsonb;
  paths    jsonb;
begin
  if not original = any (private.workspace_ids()) then
    raise sqlstate 'PT404' using message = 'workspace_not_found';
  end if;
  -- The account, then the workspace, then rows that go with them: in the order of who deletes one of the two.
  perform from auth.users u where u.id = auth.uid() for key share;
  perform from public.workspaces w where w.id = original for key share;
  if not found then
    raise sqlstate 'PT404' using message = 'workspace_not_found';
  end if;
  if exists (select from public.workspaces w where w.id = place)
    or exists (select from private.gone_workspaces g where g.id = place)
    or exists (select from private.workspace_copies c where c.new_workspace_id = place and c.user_id <> auth.uid()) then
    raise sqlstate 'PT409' using message = 'id_taken';
  end if;
  -- Copies that one person begins at once are counted one after the other.
  perform pg_advisory_xact_lock(hashtextextended('begin_copy ' || auth.uid(), 0));
  -- Those that are locked are being deleted with their workspace.
  delete from private.workspace_copies c
    where c.id in (
      select old.id from private.workspace_copies old
      where old.user_id = auth.uid() and old.created_at < now() - interval '1 hour'
      for update skip locked
    );
  if (select count(*) from private.workspace_copies c where c.user_id = auth.uid()) >= 20 then
    raise sqlstate 'PT409' using message = 'limit_reached';
  end if;

  -- Sources that share a file go on sharing it: it is in the folder of the first of them.
  select coalesce(jsonb_object_agg(f.id, f.new_id), '{}'),
      coalesce(jsonb_object_agg(f.path, format('%s/%s/%s', place, f.new_id, f.fitting)), '{}')
    into ids, paths
    from (
      select distinct on (s.storage_path)
        s.id, s.storage_path as path, gen_random_uuid() as new_id,
        -- Folders may be new in the copy: of a path that is too long with them the file's own name is enough.
        case when char_length(p.rest) <= 900 then p.rest else right(regexp_replace(p.rest, '^.*/', ''), 200) end as fitting
      from public.sources s
      cross join lateral (select regexp_replace(s.storage_path, '^[^/]+/([^/]+/)?', '') as rest) p
      where s.workspace_id = original and s.deleted_at is null and private.is_own_path(s.storage_path, original)
      order by s.storage_path, s.created_at, s.id
    ) f;
  insert into private.workspace_copies (id, new_workspace_id, workspace_id, user_id, ids, paths)
    values (begun, place, original, auth.uid(), ids, paths);
  return jsonb_build_object('id', begun, 'paths', paths);
end $$;
comment on function public.begin_copy is
  'Begins a copy of a workspace that the caller may read; copy_id is the id of the new workspace. Answers {id, paths}: what finish_copy() takes, another id each time, and {old: new} of the files to copy within the bucket before. Copies with the same copy_id do not touch each other: the first that is finished has it. Raises PT404 workspace_not_found, and PT409 id_taken, also by what others have begun, and limit_reached, at 20 copies of the caller that are begun and not finished. Definer, because the table of copies is hidden; it asks for access itself.';

-- Plans are kept: one that was made while a table was small would read it from end to end, also once it is large.
create or replace function public.finish_copy(copy_id uuid, name text default null, missing text[] default '{}')
returns setof public.my_workspaces
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
#variable_conflict use_column
declare
  place  uuid;
  copied private.workspace_copies;
  is_there boolean := false;
  nodes  jsonb;  -- {old: new}
  ranks  jsonb;  -- {old: its place in the order of all}
  start  timestamptz;
begin
  perform from auth.users u where u.id = auth.uid() for key share; -- the account first, as in begin_copy()
  delete from private.workspace_copies c
    where c.id = finish_copy.copy_id and c.user_id = auth.uid() and c.created_at > now() - interval '1 hour'
      and c.workspace_id = any (private.workspace_ids())
    returning c.* into copied;
  if not found then
    raise sqlstate 'PT404' using message = 'workspace_not_found';
  end if;
  place := copied.new_workspace_id;
  -- Who had no access for a moment was told that a file is missing, too.
  if to_regclass('storage.objects') is not null then
    execute $query$
      select exists (
        select from storage.objects o where o.bucket_id = 'sources' and o.name = any ($1) and $2 ? o.name
      )
    $query$ into is_there using finish_copy.missing, copied.paths;
  end if;
  if is_there then
    raise sqlstate 'PT409' using message = 'write_conflict';
  end if;

  insert into public.workspaces (id, owner_id, name, viewport)
    select place, auth.uid(), coalesce(finish_copy.name, w.name), w.viewport
    from public.workspaces w where w.id = copied.workspace_id;

  -- The original may change meanwhile: what is not in here is not copied, and what has gone since is left out.
  select coalesce(jsonb_object_agg(n.id, coalesce(copied.ids ->> n.id::text, gen_random_uuid()::text)), '{}'),
      coalesce(jsonb_object_agg(n.id, n.rank), '{}')
    into nodes, ranks
    from (
      select node.id, row_number() over (order by node.created_at, node.id) as rank
      from (
        select s.id, s.created_at from public.sources s
        where s.workspace_id = copied.workspace_id and s.deleted_at is null
        union all
        select l.id, l.created_at from public.labs l
        where l.workspace_id = copied.workspace_id and l.deleted_at is null
      ) node
    ) n;

  start := clock_timestamp();
  perform set_config('private.stamped', 'on', true);
  -- Sources and their text in one statement, so that both are read as of one moment.
  with originals as (
    select s as source, case when not s.storage_path = any (finish_copy.missing) then copied.paths ->> s.storage_path end as path
    from public.sources s
    where s.workspace_id = copied.workspace_id and s.deleted_at is null and nodes ? s.id::text
  ), files as (
    select f.old_id, gen_random_uuid() as id
    from (select distinct (o.source).file_id as old_id from originals o where o.path is not null) f
    where f.old_id is not null
  ), pages as (
    insert into public.source_pages (file_id, number, workspace_id, text, search)
      select f.id, p.number, place, p.text, p.search from files f join public.source_pages p on p.file_id = f.old_id
  ), outlines as (
    insert into public.chapters (file_id, position, workspace_id, level, title, first_page, last_page)
      select f.id, c.position, place, c.level, c.title, c.first_page, c.last_page
      from files f join public.chapters c on c.file_id = f.old_id
  )
  insert into public.sources
    select made.*
    from originals o
    left join files f on f.old_id = (o.source).file_id
    cross join lateral private.with_fraction(start + (ranks ->> (o.source).id::text)::integer * interval '2 microseconds') stamp (at)
    -- A copy has all that its original has, columns included that are younger than this function.
    cross join lateral jsonb_populate_record(o.source, jsonb_build_object(
      'id', nodes ->> (o.source).id::text, 'workspace_id', place, 'storage_path', o.path, 'file_id', f.id,
      'version', 1, 'created_at', stamp.at, 'updated_at', stamp.at
    ) || case when o.path is null then jsonb_build_object(
      'status', 'empty', 'failure', null, 'page_count', null, 'file_name', null, 'file_bytes', null, 'media_type', null,
      'file_id', null
    ) else '{}' end) made;
  if exists (
    select from public.sources s
    where s.workspace_id = copied.workspace_id and s.deleted_at is null and nodes ? s.id::text
      and private.is_own_path(s.storage_path, copied.workspace_id) and not copied.paths ? s.storage_path
  ) then
    raise sqlstate 'PT409' using message = 'write_conflict'; -- a file came after begin_copy()
  end if;

  insert into public.labs
    select made.*
    from public.labs l
    cross join lateral private.with_fraction(start + (ranks ->> l.id::text)::integer * interval '2 microseconds') stamp (at)
    cross join lateral jsonb_populate_record(l, jsonb_build_object(
      'id', nodes ->> l.id::text, 'workspace_id', place,
      'source_id', (select s.id from public.sources s where s.id = (nodes ->> l.source_id::text)::uuid),
      'status', case when l.generated_content is null then 'pending' else 'in_progress' end,
      'failure', null, 'progress', null, 'lease_until', null, 'user_state', '{}'::jsonb,
      'version', 1, 'created_at', stamp.at, 'updated_at', stamp.at
    )) made
    where l.workspace_id = copied.workspace_id and l.deleted_at is null and nodes ? l.id::text;
  perform private.copy_solutions(nodes);

  insert into public.edges
    select made.*
    from (
      select e as edge, row_number() over (order by e.created_at, e.id) as rank
      from public.edges e
      where e.workspace_id = copied.workspace_id and e.deleted_at is null
    ) old
    join private.nodes source on source.id = (nodes ->> (old.edge).source_node_id::text)::uuid
    join private.nodes target on target.id = (nodes ->> (old.edge).target_node_id::text)::uuid
    cross join lateral jsonb_populate_record(old.edge, jsonb_build_object(
      'id', gen_random_uuid(), 'workspace_id', place, 'source_node_id', source.id, 'target_node_id', target.id,
      'created_at', private.with_fraction(start + old.rank * interval '2 microseconds')
    )) made;
  perform set_config('private.stamped', '', true);

  return query select w.* from public.my_workspaces w where w.id = place;
end $$;
comment on function public.finish_copy is
  'Makes the rows of a copy that begin_copy() has begun, all of them or none; copy_id is the id that it answered. Its files must be there already; missing has the old paths of those that do not exist. Labs begin anew: in_progress, or pending without content, with no user_state and no runs. Chat and trash are not copied. Answers the new workspace. Raises PT404 workspace_not_found, 23505 when another workspace has the id by now, and PT409 write_conflict when a file came meanwhile or one of missing is there. Definer, because solutions and the table of copies are hidden; it asks for access itself.';

create or replace function public.unused_files(workspace_id uuid default null, source_id uuid default null) returns text[]
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
        -- Files that came before the rows of a copy.
        and ($1 is not null or not exists (
          select from private.workspace_copies c
          where c.new_workspace_id = place.workspace_id and c.created_at > now() - interval '1 hour'
        ))
      order by o.name collate "C"
      limit 1000
    ) file
  $query$ into files using place::text, own, (select auth.uid())::text;
  return files;
end $$;
