-- Gone workspaces: the id of a deleted workspace is not given out again, since files may be left in its folder.
-- Rows that are there: nothing changes. Ids of workspaces that are gone, but have files, are kept.

create table private.gone_workspaces (
  id uuid not null,
  constraint gone_workspaces_pkey primary key (id)
);
comment on table private.gone_workspaces is
  'The ids of deleted workspaces. Who made one anew would read, in its folder, the files that editors of the old one left.';
revoke all on table private.gone_workspaces from public, anon, authenticated, service_role;

do $$
begin
  if to_regclass('storage.objects') is null then
    return;
  end if;
  insert into private.gone_workspaces (id)
    select distinct split_part(o.name, '/', 1)::uuid
    from storage.objects o
    where o.bucket_id = 'sources' and o.name ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/'
      and not exists (select from public.workspaces w where w.id::text = split_part(o.name, '/', 1))
      and not exists (select from private.workspace_copies c where c.id::text = split_part(o.name, '/', 1));
end $$;

create function private.keep_gone_workspace() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.gone_workspaces (id) values (old.id) on conflict do nothing;
  return null;
end $$;
comment on function private.keep_gone_workspace is
  'Keeps the id of a deleted workspace. Definer, because nobody else may write there.';

create function private.refuse_gone_workspace() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- Without a user it is an operator, who may bring a workspace back.
  if auth.uid() is not null and exists (select from private.gone_workspaces g where g.id = new.id) then
    raise unique_violation using message = 'duplicate key value violates unique constraint "workspaces_pkey"';
  end if;
  return null;
end $$;
comment on function private.refuse_gone_workspace is
  'Refuses the id of a deleted workspace, as one that is taken. After the insert, which waits for a delete that is not committed yet. Definer, because nobody else may read there.';

create trigger workspaces_keep_gone after delete on public.workspaces
  for each row execute function private.keep_gone_workspace();
create trigger workspaces_refuse_gone after insert on public.workspaces
  for each row execute function private.refuse_gone_workspace();

revoke execute on function private.keep_gone_workspace(), private.refuse_gone_workspace()
  from public, anon, authenticated, service_role;
