-- Lab runs: what a learner ran, and what came of it. Added, never changed; the newest 50 of each lab are kept. They
-- follow their lab into the trash and out of it, since nobody sees the runs of a lab that is out of sight.
-- Rows that are there: none.

create table public.lab_runs (
  id           uuid             not null default gen_random_uuid(),
  workspace_id uuid             not null,
  lab_id       uuid             not null,
  user_id      uuid             not null default auth.uid(),
  code         text             not null,
  status       text             not null,
  message      text             not null,
  tests        jsonb            not null,
  output       text             not null,
  seconds      double precision,
  created_at   timestamptz      not null default now(),
  constraint lab_runs_pkey primary key (id),
  constraint lab_runs_lab_id_fkey foreign key (workspace_id, lab_id) references public.labs (workspace_id, id)
    on delete cascade,
  constraint lab_runs_code_length check (octet_length(code) <= 65536),
  constraint lab_runs_status_known check (status in ('pass', 'fail', 'error')),
  constraint lab_runs_message_length check (char_length(message) <= 10000),
  constraint lab_runs_tests_array check (jsonb_typeof(tests) = 'array' and octet_length(tests::text) <= 1048576),
  constraint lab_runs_output_length check (char_length(output) <= 65536),
  constraint lab_runs_seconds_range check (seconds between 0 and 86400)
);
comment on table public.lab_runs is 'What was run in a lab, and what came of it.';
comment on column public.lab_runs.user_id is 'Who ran it; the account may be gone.';
comment on column public.lab_runs.status is 'pass when every test passed, fail when some did not, error when they could not be run.';
comment on column public.lab_runs.tests is '[{name, status, message, output}], in the order of the lab''s tests.';
comment on column public.lab_runs.seconds is 'By the clock of the runner.';

comment on constraint lab_runs_lab_id_fkey on public.lab_runs is
  'Deletes find their rows by lab_runs_lab_id_created_at_id_idx: an id alone tells the workspace.';

create index lab_runs_lab_id_created_at_id_idx on public.lab_runs (lab_id, created_at, id);

create function private.stamp_run() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.user_id := coalesce(auth.uid(), new.user_id);
  new.created_at := private.with_fraction(clock_timestamp());
  return new;
end $$;
comment on function private.stamp_run is 'Owns user_id and created_at: who ran it and when is not the client''s to say.';

create function private.keep_newest_runs() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- One writer per lab at a time, in the order of the lab, then its runs.
  perform from public.labs l where l.id = new.lab_id for no key update;
  delete from public.lab_runs r where r.id in (
    select old_run.id from public.lab_runs old_run
    where old_run.lab_id = new.lab_id
    order by old_run.created_at desc, old_run.id desc offset 50
  );
  return null;
end $$;
comment on function private.keep_newest_runs is
  'Deletes what is older than the newest 50 runs of a lab. Definer, because nobody may delete runs.';

create trigger lab_runs_keep before update on public.lab_runs
  for each row execute function private.refuse_change();
create trigger lab_runs_stamp before insert on public.lab_runs
  for each row execute function private.stamp_run();
create trigger lab_runs_newest after insert on public.lab_runs
  for each row execute function private.keep_newest_runs();
create trigger lab_runs_touch_insert after insert on public.lab_runs referencing new table as changed
  for each statement execute function private.touch_workspaces();
create trigger lab_runs_touch_update after update on public.lab_runs referencing new table as changed
  for each statement execute function private.touch_workspaces();
create trigger lab_runs_touch_delete after delete on public.lab_runs referencing old table as changed
  for each statement execute function private.touch_workspaces();

revoke execute on function private.stamp_run(), private.keep_newest_runs()
  from public, anon, authenticated, service_role;
revoke all on table public.lab_runs from public, anon, authenticated, service_role;
grant all on table public.lab_runs to service_role;
grant
  select,
  insert (id, workspace_id, lab_id, code, status, message, tests, output, seconds)
  on table public.lab_runs to authenticated;

alter table public.lab_runs enable row level security;
create policy "People see the runs of labs that they see" on public.lab_runs
  for select to authenticated using (
    workspace_id = any ((select private.workspace_ids())::uuid[])
    and exists (select from public.labs l where l.id = lab_runs.lab_id)
  );
create policy "People add runs of labs in workspaces that they may edit" on public.lab_runs
  for insert to authenticated with check (
    workspace_id = any ((select private.editable_workspace_ids())::uuid[])
    and exists (select from public.labs l where l.id = lab_runs.lab_id and l.workspace_id = lab_runs.workspace_id)
  );

create function public.record_run(lab_id uuid, code text, result jsonb, tests_md5 text) returns setof public.lab_runs
language plpgsql set search_path = '' as $$
declare
  lab public.labs;
begin
  -- Before the run is written, so that two runs at once, or a run and a delete, come one after the other.
  select l.* into lab from public.labs l where l.id = record_run.lab_id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'lab_not_found';
  end if;
  return query
    insert into public.lab_runs as r (workspace_id, lab_id, code, status, message, tests, output, seconds)
    values (
      lab.workspace_id, lab.id, record_run.code, record_run.result ->> 'status', record_run.result ->> 'message',
      record_run.result -> 'tests', record_run.result ->> 'output', (record_run.result ->> 'seconds')::double precision
    )
    returning r.*;
  -- The tests may have been replaced while the run took its time.
  if record_run.result ->> 'status' = 'pass' and lab.status not in ('completed', 'generating')
    and md5(lab.generated_content ->> 'tests') = record_run.tests_md5 then
    update public.labs l set status = 'completed' where l.id = lab.id;
  end if;
end $$;
comment on function public.record_run is
  'Keeps a run {status, message, tests, output, seconds}, and completes the lab when it passed the tests that the lab has now, in one write. Answers the run. Raises PT404 lab_not_found.';

revoke execute on function public.record_run(uuid, text, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function public.record_run(uuid, text, jsonb, text) to authenticated, service_role;
