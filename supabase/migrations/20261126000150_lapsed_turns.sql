-- Lapsed turns: whoever ends several locks them in the order of their ids, as all locks are taken.
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
      where l.workspace_id = end_lapsed_turns.workspace_id and l.status = 'generating'
        and coalesce(l.lease_until < clock_timestamp(), true)
      order by l.id for no key update
    );
    update public.labs l set status = 'failed', failure = 'interrupted' where l.id = any (lapsed);
  end if;
end $$;

create or replace function public.begin_generation(lab_id uuid, turn uuid) returns void
language plpgsql set search_path = '' as $$
declare
  lab public.labs;
begin
  select l.* into lab from public.labs l where l.id = begin_generation.lab_id;
  if not found then
    raise sqlstate 'PT404' using message = 'lab_not_found';
  end if;
  if not lab.workspace_id = any (private.editable_workspace_ids()) then
    raise sqlstate 'PT403' using message = 'read_only';
  end if;
  -- This one alone: with others locked, it would be asked for out of order.
  update public.labs l set status = 'failed', failure = 'interrupted'
    where l.id = begin_generation.lab_id and l.status = 'generating'
      and coalesce(l.lease_until < clock_timestamp(), true);
  update public.labs l
    set status = 'generating', progress = jsonb_build_object('turn', begin_generation.turn, 'step', 'reading')
    where l.id = begin_generation.lab_id and l.status <> 'generating' and l.generated_content is null;
  if found then
    return;
  end if;
  select l.* into lab from public.labs l where l.id = begin_generation.lab_id;
  if lab.status = 'generating' then
    raise sqlstate 'PT409' using message = 'turn_running';
  end if;
  if lab.generated_content is not null then
    raise sqlstate 'PT409' using message = 'lab_has_content';
  end if;
  raise sqlstate 'PT404' using message = 'lab_not_found';
end $$;
