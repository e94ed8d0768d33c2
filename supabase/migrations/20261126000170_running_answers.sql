-- Running answers: only who has asked deletes an answer while it is being written.
-- Rows that are there: nothing changes.

alter policy "People delete the chat in workspaces that they may edit" on public.chat_messages using (
  workspace_id = any ((select private.editable_workspace_ids())::uuid[])
  and (lease_until is null or lease_until < clock_timestamp() or user_id = (select auth.uid()))
);
