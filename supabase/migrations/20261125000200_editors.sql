-- Editors: who may write in a workspace is asked apart from who may read it, in one place.
-- Today these are the same people.
-- Rows that are there: nothing changes.

create function private.editable_workspace_ids() returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return private.workspace_ids();
end $$;
comment on function private.editable_workspace_ids is
  'The workspaces whose content the caller may write; the one place where that is decided. Definer, as workspace_ids() is.';
comment on function private.workspace_ids is
  'The workspaces whose content the caller may read; the one place where that is decided. Definer, so that the policies of other tables do not run those of workspaces.';
revoke execute on function private.editable_workspace_ids() from public, anon, authenticated, service_role;
grant execute on function private.editable_workspace_ids() to authenticated, service_role;

do $$
declare
  things  text;
  allowed constant text := 'workspace_id = any ((select private.editable_workspace_ids())::uuid[])';
begin
  foreach things in array array['sources', 'labs', 'edges'] loop
    execute format(
      'alter policy "Owners see the %1$s in their workspaces" on public.%1$I
         rename to "People see the %1$s in workspaces that they may read";
       drop policy "Owners add %1$s to their workspaces" on public.%1$I;
       drop policy "Owners change the %1$s in their workspaces" on public.%1$I;
       drop policy "Owners delete the %1$s in their workspaces" on public.%1$I;
       create policy "People add %1$s to workspaces that they may edit" on public.%1$I
         for insert to authenticated with check (%2$s);
       create policy "People change the %1$s in workspaces that they may edit" on public.%1$I
         for update to authenticated using (%2$s) with check (%2$s);
       create policy "People delete the %1$s in workspaces that they may edit" on public.%1$I
         for delete to authenticated using (%2$s)', things, allowed
    );
  end loop;
end $$;

alter policy "Owners see the chat in their workspaces" on public.chat_messages
  rename to "People see the chat in workspaces that they may read";
drop policy "Owners add user and assistant messages to their workspaces" on public.chat_messages;
-- System messages steer the model; they are not for clients to write.
create policy "People add to the chat in workspaces that they may edit" on public.chat_messages
  for insert to authenticated
  with check (
    workspace_id = any ((select private.editable_workspace_ids())::uuid[]) and role in ('user', 'assistant')
  );
drop policy "Owners delete the chat in their workspaces" on public.chat_messages;
create policy "People delete the chat in workspaces that they may edit" on public.chat_messages
  for delete to authenticated using (workspace_id = any ((select private.editable_workspace_ids())::uuid[]));
