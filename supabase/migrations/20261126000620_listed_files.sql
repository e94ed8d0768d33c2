-- Lists of files: what they cost no longer grows with how many workspaces the caller has.
-- Rows that are there: nothing changes.

-- Every file of the bucket is asked for its workspace. With `any` of an array each of them is compared with all of the
-- caller's workspaces; of a subquery's rows Postgres makes a hash.
do $$ begin
  if to_regclass('storage.objects') is null then
    return;
  end if;
  alter policy "People see the files in workspaces that they may read" on storage.objects using (
    bucket_id = 'sources' and (
      split_part(name, '/', 1) in (select unnest(private.workspace_ids())::text)
      or (owner_id = (select auth.uid())::text and private.is_left_over(name))
    )
  );
  alter policy "People delete the files in workspaces that they may edit" on storage.objects using (
    bucket_id = 'sources' and (
      split_part(name, '/', 1) in (select unnest(private.editable_workspace_ids())::text)
      or (owner_id = (select auth.uid())::text and private.is_left_over(name))
    )
  );
end $$;
