-- Lapsed in the trash: a lab that was thrown away while it was generated comes back as it was, and is ended then.
-- Rows that are there: nothing changes.

create or replace function public.end_lapsed_turns(workspace_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  lapsed uuid[];
begin
  -- The workspace first, as all locks are taken.
  perform from public.workspaces w
    where w.id = end_lapsed_turns.workspace_id and w.id = any (private.workspace_ids())
    for key share;
  if found then
    lapsed := array(
      select m.id from public.chat_messages m
      where m.workspace_id = end_lapsed_turns.workspace_id and m.lease_until < clock_timestamp()
      order by m.id for no key update
    );
    update public.chat_messages m set
      status = case m.status when 'stopping' then 'stopped' else 'failed' end,
      failure = case m.status when 'stopping' then null else 'interrupted' end
      where m.id = any (lapsed);
    lapsed := array(
      select l.id from public.labs l
      where l.workspace_id = end_lapsed_turns.workspace_id and l.status = 'generating' and l.deleted_at is null
        and coalesce(l.lease_until < clock_timestamp(), true)
      order by l.id for no key update
    );
    update public.labs l set status = 'failed', failure = 'interrupted' where l.id = any (lapsed);
  end if;
end $$;
comment on function public.end_lapsed_turns is
  'Ends what has lost its writer in a workspace: an unfinished answer or a lab that is generating, whose lease is over, becomes failed, with the failure interrupted; an answer becomes stopped where that was asked for, and its text stays. A lab in the trash is left as it is until it comes back. Definer, because whoever finds it need not be whom it was written for; it asks itself who may read the workspace, and changes nothing else.';
