-- Locks: whoever may edit a workspace locks it; a stranger never does.

begin;
select plan(8);

\ir people.psql

-- A row's xmax is who locked it last, also when that was undone.
create function pg_temp.is_locked(place text) returns boolean language sql as $$
  select xmax <> '0' from workspaces where id = pg_temp.id(place)
$$;
create function pg_temp.draw(place text) returns text language sql as $$
  select pg_temp.outcome(format(
    'insert into edges (workspace_id, source_node_id, target_node_id) values (%L, gen_random_uuid(), gen_random_uuid())', pg_temp.id(place)
  ))
$$;

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'),
  (pg_temp.id('maths'), pg_temp.id('ada'), 'Maths'),
  (pg_temp.id('biology'), pg_temp.id('ada'), 'Biology');

select pg_temp.become('bob');
select throws_ok(
  $$ select private.lock_workspace(pg_temp.id('physics')) $$, 'PT404', 'workspace_not_found', 'a stranger locks no workspace'
);
select is(pg_temp.draw('physics'), '42501', 'and draws no edge');
reset role;
select is(pg_temp.is_locked('physics'), false, 'neither has locked its row');

select pg_temp.become('ada');
select private.lock_workspace(pg_temp.id('physics'));
reset role;
select is(pg_temp.is_locked('physics'), true, 'its owner locks a workspace');

select pg_temp.become('ada');
-- Refused before any foreign key is looked at, which locks the workspace too.
select is(
  pg_temp.outcome(format(
    'insert into edges (workspace_id, source_node_id, target_node_id) values (%L, %L, %2$L)', pg_temp.id('maths'), pg_temp.id('node')
  )),
  '23514', 'an edge from a node to itself is refused'
);
reset role;
select is(pg_temp.is_locked('maths'), true, 'and whoever draws one has locked the workspace before');

-- A role that comes back while it is asked for: at the first questions it is gone, then it is there.
create sequence pg_temp.questions;
create or replace function private.workspace_ids() returns uuid[] language sql security definer as $$
  select array[pg_temp.id('biology')]
$$;
create or replace function private.editable_workspace_ids() returns uuid[] language sql security definer as $$
  select case when nextval('pg_temp.questions') > 1 then array[pg_temp.id('biology')] else '{}' end
$$;
select pg_temp.become('bob');
select lives_ok(
  $$ select private.lock_workspace(pg_temp.id('biology')) $$, 'an editor whose role comes back meanwhile is not refused'
);
reset role;
select is(pg_temp.is_locked('biology'), true, 'and has locked the workspace');

select * from finish();
rollback;
