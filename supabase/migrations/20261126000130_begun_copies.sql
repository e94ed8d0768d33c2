-- Begun copies: one person has at most 20 of them, any legal path is copied, and no copy takes the id of what is gone.
-- Rows that are there: nothing changes.

create or replace function public.begin_copy(workspace_id uuid, copy_id uuid default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  original constant uuid := begin_copy.workspace_id;
  place    constant uuid := coalesce(begin_copy.copy_id, gen_random_uuid());
  ids      jsonb;
  paths    jsonb;
begin
  if not original = any (private.workspace_ids()) then
    raise sqlstate 'PT404' using message = 'workspace_not_found';
  end if;
  if exists (select from public.workspaces w where w.id = place)
    or exists (select from private.gone_workspaces g where g.id = place) then
    raise sqlstate 'PT409' using message = 'id_taken';
  end if;
  -- Copies that one person begins at once are counted one after the other.
  perform pg_advisory_xact_lock(hashtextextended('begin_copy ' || auth.uid(), 0));
  delete from private.workspace_copies c
    where c.user_id = auth.uid() and (c.id = place or c.created_at < now() - interval '1 hour');
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
  insert into private.workspace_copies (id, workspace_id, user_id, ids, paths)
    values (place, original, auth.uid(), ids, paths);
  return jsonb_build_object('id', place, 'paths', paths);
end $$;
comment on function public.begin_copy is
  'Begins a copy of a workspace that the caller may read. Answers {id, paths}: the id of the new workspace, and {old: new} of the files to copy within the bucket before finish_copy(). Raises PT404 workspace_not_found, and PT409 id_taken and limit_reached, at 20 copies of the caller that are begun and not finished. Definer, because the table of copies is hidden; it asks for access itself.';
