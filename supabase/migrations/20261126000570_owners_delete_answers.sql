-- Owners delete answers: also while they are written for others. Else an editor who goes on renewing the lease of an
-- answer would keep it from everybody.
-- Rows that are there: nothing changes.

alter policy "People delete the chat in workspaces that they may edit" on public.chat_messages using (
  workspace_id = any ((select private.editable_workspace_ids())::uuid[])
  and (
    lease_until is null or lease_until < clock_timestamp() or user_id = (select auth.uid())
    or exists (
      select from public.workspaces w where w.id = chat_messages.workspace_id and w.owner_id = (select auth.uid())
    )
  )
);
