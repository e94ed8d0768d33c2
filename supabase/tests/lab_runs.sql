-- Lab runs and solutions: runs are added and never changed, solutions are given out at the end alone.

begin;
select plan(64);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('music'), pg_temp.id('bob'), 'Music');
insert into labs (id, workspace_id, type, status, generated_content)
  select pg_temp.id(name), pg_temp.id(workspace), 'code_lab', 'in_progress',
    '{"instructions": "", "starter_code": "", "tests": "def test_a(): ...", "language": "python"}'
  from (values ('code', 'physics'), ('other', 'physics'), ('hers', 'music')) made (name, workspace);
create function pg_temp.result(status text, message text default 'm') returns jsonb language sql as $$
  select jsonb_build_object('status', status, 'message', message, 'tests', '[]'::jsonb, 'output', '', 'seconds', 0.25)
$$;
create function pg_temp.run(lab text, code text, result jsonb) returns setof lab_runs language sql as $$
  select * from record_run(pg_temp.id(lab), code, result, md5('def test_a(): ...'))
$$;
select pg_temp.become('ada');

-- A run is kept with who ran it; a pass completes the lab in the same write.
select results_eq(
  $$ select workspace_id, lab_id, user_id, code, status, message, tests, output, seconds
     from pg_temp.run('code', 'x = 1', pg_temp.result('fail')) $$,
  $$ values (pg_temp.id('physics'), pg_temp.id('code'), pg_temp.id('ada'), 'x = 1', 'fail', 'm', '[]'::jsonb, '', 0.25::float8) $$,
  'a run is kept and answered'
);
select is(status, 'in_progress', 'a failed run completes nothing') from labs where id = pg_temp.id('code');
select lives_ok($$ select pg_temp.run('code', 'x = 2', pg_temp.result('pass')) $$, 'a run passes');
select results_eq(
  $$ select status, version from labs where id = pg_temp.id('code') $$, $$ values ('completed', 2) $$, 'and completes its lab'
);
select lives_ok($$ select pg_temp.run('code', 'x = 3', pg_temp.result('pass')) $$, 'another one passes');
select is(version, 2, 'and does not change what is complete') from labs where id = pg_temp.id('code');
update labs set status = 'in_progress' where id = pg_temp.id('code');
select lives_ok(
  $$ select record_run(pg_temp.id('code'), '', pg_temp.result('pass'), md5('other tests')) $$, 'tests that were replaced meanwhile'
);
select is(status, 'in_progress', 'complete nothing when they passed') from labs where id = pg_temp.id('code');
update labs set status = 'generating' where id = pg_temp.id('code');
select lives_ok($$ select pg_temp.run('code', '', pg_temp.result('pass')) $$, 'a lab that is being generated');
select is(status, 'generating', 'goes on with that') from labs where id = pg_temp.id('code');
update labs set status = 'completed' where id = pg_temp.id('code');
select throws_ok(
  $$ select pg_temp.run('nowhere', '', pg_temp.result('pass')) $$, 'PT404', 'lab_not_found', 'a lab that is not there'
);
select throws_ok(
  $$ select pg_temp.run('hers', '', pg_temp.result('pass')) $$, 'PT404', 'lab_not_found', 'a lab of somebody else'
);
select throws_like(format($$ select pg_temp.run('code', %s, %s) $$, code, result), '%' || name || '%', 'refused: ' || name)
from (values
  ('lab_runs_code_length', $$ repeat('é', 32769) $$, $$ pg_temp.result('pass') $$),
  ('lab_runs_status_known', $$ '' $$, $$ pg_temp.result('done') $$),
  ('lab_runs_message_length', $$ '' $$, $$ pg_temp.result('pass', repeat('a', 10001)) $$),
  ('lab_runs_tests_array', $$ '' $$, $$ pg_temp.result('pass') || '{"tests": {}}' $$),
  ('lab_runs_tests_readable', $$ '' $$, $$ pg_temp.result('pass') || jsonb_build_object('tests', (repeat('[', 65) || repeat(']', 65))::jsonb) $$),
  ('lab_runs_output_length', $$ '' $$, $$ pg_temp.result('pass') || jsonb_build_object('output', repeat('a', 65537)) $$),
  ('lab_runs_seconds_range', $$ '' $$, $$ pg_temp.result('pass') || '{"seconds": -1}' $$),
  ('"output"', $$ '' $$, $$ pg_temp.result('pass') - 'output' $$)
) refused (name, code, result);

-- Append only.
select throws_ok($$ update lab_runs set status = 'pass' $$, '42501', null, 'nobody is granted to change a run');
select throws_ok($$ delete from lab_runs $$, '42501', null, 'nor to delete one');
select throws_ok(
  $$ insert into lab_runs (workspace_id, lab_id, user_id, code, status, message, tests, output)
     values (pg_temp.id('physics'), pg_temp.id('code'), pg_temp.id('bob'), '', 'pass', '', '[]', '') $$,
  '42501', null, 'nor to say who ran it'
);
select lives_ok(
  $$ insert into lab_runs (workspace_id, lab_id, code, status, message, tests, output)
     values (pg_temp.id('physics'), pg_temp.id('code'), '', 'error', '', '[]', '') $$, 'a run is added without the function too'
);
select throws_ok(
  $$ insert into lab_runs (workspace_id, lab_id, code, status, message, tests, output)
     values (pg_temp.id('physics'), pg_temp.id('hers'), '', 'pass', '', '[]', '') $$, '42501', null,
  'not of a lab of another workspace'
);
select throws_ok(
  $$ insert into lab_runs (workspace_id, lab_id, code, status, message, tests, output)
     values (pg_temp.id('music'), pg_temp.id('hers'), '', 'pass', '', '[]', '') $$, '42501', null, 'nor in a workspace of others'
);
reset role;
select throws_ok($$ update lab_runs set status = 'pass' $$, 'PT422', 'immutable_column', 'not even with every right is a run changed');
select pg_temp.become('ada', 'service_role');
select throws_ok($$ update lab_runs set created_at = 'epoch' $$, 'PT422', 'immutable_column', 'nor by the service');

-- The newest fifty of each lab.
select pg_temp.become('ada');
select lives_ok(
  $$ select pg_temp.run('other', n::text, pg_temp.result('fail')) from generate_series(1, 60) n $$, 'sixty runs'
);
select results_eq(
  $$ select count(*)::int, min(code::int), max(code::int) from lab_runs where lab_id = pg_temp.id('other') $$,
  $$ values (50, 11, 60) $$, 'the newest fifty are kept'
);
select is(count(*)::int, 6, 'those of other labs stay') from lab_runs where lab_id = pg_temp.id('code');
select pg_temp.become('bob');
select is(count(*)::int, 0, 'a stranger sees no run') from lab_runs;

-- Solutions: written by whoever edits, read by nobody.
select pg_temp.become('ada');
select lives_ok(
  $$ insert into lab_solutions (lab_id, workspace_id, solution) values (pg_temp.id('other'), pg_temp.id('physics'), 'first') $$,
  'the owner writes a solution'
);
select throws_ok($$ select * from lab_solutions $$, '42501', null, 'and does not read it');
select throws_ok($$ update lab_solutions set solution = '' $$, '42501', null, 'nor change it');
select throws_ok($$ delete from lab_solutions $$, '42501', null, 'nor delete it');
select throws_ok($$ select lab_solution(pg_temp.id('other')) $$, 'PT409', 'solution_hidden', 'it is hidden while the learner works');
select is(private.open_solution(pg_temp.id('other')), null, 'also from whoever asks the inner function');
select lives_ok(
  $$ insert into lab_solutions (lab_id, workspace_id, solution) values (pg_temp.id('other'), pg_temp.id('physics'), 'second') $$,
  'a new solution takes the place of the old'
);
update labs set status = 'given_up' where id = pg_temp.id('other');
select is(lab_solution(pg_temp.id('other')), 'second', 'who gives up is given the solution');
select throws_ok($$ select lab_solution(pg_temp.id('code')) $$, 'PT404', 'no_solution', 'a completed lab may have none');
select edit_canvas(pg_temp.id('physics'), jsonb_build_object('copy', jsonb_build_object('ids', jsonb_build_object(pg_temp.id('other'), pg_temp.id('copy')))));
select is(lab_solution(pg_temp.id('copy')), 'second', 'a solution is copied along with its lab');
select is(count(*)::int, 0, 'and no run is') from lab_runs where lab_id = pg_temp.id('copy');
insert into lab_solutions (lab_id, workspace_id, solution) values (pg_temp.id('copy'), pg_temp.id('physics'), 'its own');
select edit_canvas(pg_temp.id('physics'), jsonb_build_object('copy', jsonb_build_object('ids', jsonb_build_object(pg_temp.id('other'), pg_temp.id('copy')))));
select is(lab_solution(pg_temp.id('copy')), 'its own', 'a copy that is asked for again leaves what is there');
-- Cut and paste: the original is in the trash when its copy gets the solution.
select edit_canvas(pg_temp.id('physics'), jsonb_build_object(
  'copy', jsonb_build_object('ids', jsonb_build_object(pg_temp.id('copy'), pg_temp.id('pasted'))),
  'delete', jsonb_build_object('nodes', jsonb_build_array(pg_temp.id('copy')))
));
select is(lab_solution(pg_temp.id('pasted')), 'its own', 'a lab that is copied and deleted at once leaves its solution to the copy');
-- Into a workspace of one's own no solution comes that is hidden elsewhere.
insert into workspaces (id, name) values (pg_temp.id('art'), 'Art');
insert into labs (id, workspace_id, type, status) values (pg_temp.id('bait'), pg_temp.id('art'), 'free', 'given_up');
select edit_canvas(pg_temp.id('art'), jsonb_build_object('copy', jsonb_build_object('ids', jsonb_build_object(pg_temp.id('other'), pg_temp.id('bait')))));
select throws_ok($$ select lab_solution(pg_temp.id('bait')) $$, 'PT404', 'no_solution', 'a solution is not copied into another workspace');
select pg_temp.become('bob');
select throws_ok($$ select lab_solution(pg_temp.id('other')) $$, 'PT404', 'lab_not_found', 'a stranger is not told');
select is(private.open_solution(pg_temp.id('other')), null, 'nor by the inner function');
select lives_ok(
  format('select private.copy_solutions_within(%L, %L)', pg_temp.id(place), jsonb_build_object(pg_temp.id('other'), pg_temp.id('hers'))),
  'nor copies it from ' || place
) from unnest(array['physics', 'music']) place;
update labs set status = 'completed' where id = pg_temp.id('hers');
select throws_ok($$ select lab_solution(pg_temp.id('hers')) $$, 'PT404', 'no_solution', 'into a lab of his own');
select throws_ok(
  $$ insert into lab_solutions (lab_id, workspace_id, solution) values (pg_temp.id('other'), pg_temp.id('physics'), 'his') $$,
  '42501', null, 'nor writes one for others'
);
select pg_temp.become('ada');
select is(lab_solution(pg_temp.id('other')), 'second', 'whose own is left alone');

-- In the trash a lab takes all of it out of sight, and brings it back.
select edit_canvas(pg_temp.id('physics'), jsonb_build_object('delete', jsonb_build_object('nodes', jsonb_build_array(pg_temp.id('other')))));
select is(count(*)::int, 0, 'nobody sees the runs of a lab in the trash') from lab_runs where lab_id = pg_temp.id('other');
select throws_ok($$ select pg_temp.run('other', '', pg_temp.result('pass')) $$, 'PT404', 'lab_not_found', 'nor runs it');
select throws_ok($$ select reset_lab(pg_temp.id('other')) $$, 'PT404', 'lab_not_found', 'nor starts it over');
select throws_ok($$ select lab_solution(pg_temp.id('other')) $$, 'PT404', 'lab_not_found', 'nor is given its solution');
select is(private.open_solution(pg_temp.id('other')), null, 'not by the inner function either');
select throws_ok(
  $$ insert into lab_runs (workspace_id, lab_id, code, status, message, tests, output)
     values (pg_temp.id('physics'), pg_temp.id('other'), '', 'pass', '', '[]', '') $$, '42501', null, 'a run is not added'
);
select throws_ok(
  $$ insert into lab_solutions (lab_id, workspace_id, solution) values (pg_temp.id('other'), pg_temp.id('physics'), 'x') $$,
  '42501', null, 'nor a solution written'
);
select edit_canvas(pg_temp.id('physics'), jsonb_build_object('restore', jsonb_build_object('nodes', jsonb_build_array(pg_temp.id('other')))));
select is(count(*)::int, 50, 'restored it has its runs') from lab_runs where lab_id = pg_temp.id('other');
select is(lab_solution(pg_temp.id('other')), 'second', 'and its solution');

-- A list of all runs reads those of the caller's workspaces.
reset role;
set local session_replication_role = replica;
insert into lab_runs (workspace_id, lab_id, user_id, code, status, message, tests, output)
  select pg_temp.id('place ' || n), pg_temp.id('lab ' || n), pg_temp.id('bob'), '', 'fail', '', '[]', ''
  from generate_series(1, 400) n, generate_series(1, 5);
set local session_replication_role = origin;
analyze lab_runs;
select pg_temp.become('ada');
create temp table reading on commit drop as select pg_temp.rows_read('public.lab_runs') as before;
create temp table listed on commit drop as select id from lab_runs order by created_at desc limit 10;
select cmp_ok(pg_temp.rows_read('public.lab_runs') - before, '<', 1000::bigint, 'whoever lists all runs reads those in reach') from reading;

-- All of it goes with its lab for good.
reset role;
delete from lab_runs where workspace_id <> pg_temp.id('physics');
delete from labs where workspace_id = pg_temp.id('physics');
select is((select count(*)::int from lab_runs) + (select count(*)::int from lab_solutions), 0, 'runs and solutions go with their lab');

select * from finish();
rollback;
