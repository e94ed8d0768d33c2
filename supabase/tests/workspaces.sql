-- Workspaces: what they hold, what nobody may set, what goes with them.

begin;
select plan(59);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
select pg_temp.become('ada');

-- Ada opens a workspace; all she needs to say is its name.
select lives_ok(
  $$ insert into workspaces (id, name) values (pg_temp.id('physics'), 'Physics') returning * $$,
  'a workspace is created with an id of the client''s choice and read back'
);
select results_eq(
  $$ select owner_id, viewport, version from workspaces $$,
  $$ values (pg_temp.id('ada'), '{"x": 0, "y": 0, "zoom": 1}'::jsonb, 1) $$,
  'it is hers, looks at the origin and is at version 1'
);
select is(created_at, updated_at, 'it was last updated when it was created') from workspaces;
select is(created_at, active_at, 'and last active') from workspaces;
select throws_ok(
  $$ insert into workspaces (id, name) values (pg_temp.id('physics'), 'Physics') $$, '23505', null,
  'the same id is not taken twice'
);

-- A name is 1 to 255 characters and more than white space.
select lives_ok($$ update workspaces set name = repeat('é', 255) $$, 'a name of 255 characters fits');
select lives_ok($$ update workspaces set name = 'a' $$, 'a name of one character fits');
select throws_like($$ update workspaces set name = repeat('é', 256) $$, '%"workspaces_name_length"', 'a name of 256 characters does not');
select throws_like($$ update workspaces set name = '' $$, '%"workspaces_name_text"', 'a name is not empty');
select throws_like(
  $$ update workspaces set name = E' \t\r\n\u00a0\u2003\u3000' $$, '%"workspaces_name_text"', 'a name is not white space of any kind'
);
select lives_ok($$ update workspaces set name = repeat(E'e\u0301', 255) $$, 'characters are counted as they are kept');
select is(name, repeat('é', 255), 'which is composed') from workspaces;
select throws_ok($$ update workspaces set name = null $$, '23502', null, 'a name is not null');

-- A viewport is {x, y, zoom} and nothing else.
select lives_ok($$ update workspaces set viewport = '{"x": -10000000, "y": 1e7, "zoom": 100}' $$, 'a viewport may be at the limits');
select lives_ok($$ update workspaces set viewport = '{"x": 0.5, "y": -3, "zoom": 0.01}' $$, 'a viewport may have fractions');
select lives_ok($$ update workspaces set viewport = '{"x": 0, "y": 0, "zoom": 5e-324}' $$, 'a zoom may be the smallest double');
select throws_like(format($$ update workspaces set viewport = %L $$, bad), '%"workspaces_viewport_shape"', 'a viewport is not ' || bad)
from unnest(array[
  '{"x": 0, "y": 0}', '{"x": 0, "y": 0, "zoom": 1, "z": 0}', '{"x": 10000001, "y": 0, "zoom": 1}',
  '{"x": 0, "y": -10000001, "zoom": 1}', '{"x": 0, "y": 0, "zoom": 0}', '{"x": 0, "y": 0, "zoom": 101}',
  '{"x": 0, "y": 0, "zoom": 1e-400}',
  '{"x": 0, "y": 0, "zoom": "1"}', '{"x": 0, "y": 0, "zoom": true}', '{"x": null, "y": 0, "zoom": 1}',
  '{"x": [0], "y": 0, "zoom": 1}', '[0, 0, 1]', '1', 'null'
]) bad;

-- Content raises the version, layout does not.
reset role;
update workspaces set name = 'Physics';
create temp table before on commit drop as select * from workspaces;
update workspaces set name = 'Physics II';
select is(w.version, b.version + 1, 'a new name raises the version') from workspaces w join before b using (id);
select cmp_ok(w.updated_at, '>', b.updated_at, 'and updated_at') from workspaces w join before b using (id);
select is(w.created_at, b.created_at, 'but not created_at') from workspaces w join before b using (id);
create temp table after on commit drop as select * from workspaces;
update workspaces set name = 'Physics II';
select results_eq('select * from workspaces', 'select * from after', 'the same name again changes nothing');
update workspaces set viewport = '{"x": 7, "y": 7, "zoom": 2}';
select results_eq(
  'select version, updated_at from workspaces', 'select version, updated_at from after',
  'looking elsewhere raises neither version nor updated_at'
);

-- Whatever is written in a workspace makes it active, to the minute. Without triggers, it was an hour ago.
create function pg_temp.rest(age interval default '1 hour') returns void language plpgsql as $$
begin
  alter table workspaces disable trigger user;
  update workspaces set active_at = private.with_fraction(now() - age);
  alter table workspaces enable trigger user;
end $$;
create temp table told (what text, statement text) on commit drop;
insert into told values
  ('a name', $$ update workspaces set name = name || '!' $$),
  ('a look elsewhere', $$ update workspaces set viewport = '{"x": 8, "y": 8, "zoom": 2}' $$),
  ('a source', $$ insert into sources (id, workspace_id, type, title)
     select pg_temp.id('heat ' || i), pg_temp.id('physics'), 'pdf', 'Heat' from generate_series(1, 2) i $$),
  ('a drag', $$ update sources set canvas_position = '{"x": 1, "y": 1}' $$),
  ('a lab', $$ insert into labs (id, workspace_id, type) values (pg_temp.id('exam'), pg_temp.id('physics'), 'quiz_lab') $$),
  ('progress', $$ update labs set status = 'completed' $$),
  ('an edge', $$ insert into edges (workspace_id, source_node_id, target_node_id) values (pg_temp.id('physics'), pg_temp.id('heat 1'), pg_temp.id('exam')) $$),
  ('a message', $$ insert into chat_messages (workspace_id, role, content) values (pg_temp.id('physics'), 'user', 'Hello') $$),
  ('a node that goes', $$ delete from sources $$);
create function pg_temp.wakes(statement text) returns boolean language plpgsql as $$
declare
  before workspaces;
  after workspaces;
begin
  perform pg_temp.rest();
  select * into before from workspaces;
  execute statement;
  select * into after from workspaces;
  return after.active_at > now() - interval '1 second' and after.active_at = private.with_fraction(after.active_at)
    and (statement like '%name = name%' or (after.version, after.updated_at) = (before.version, before.updated_at));
end $$;
select ok(pg_temp.wakes(statement), what || ' makes a workspace active, and no more than that') from told;
select pg_temp.rest('50 seconds');
update workspaces set name = name || '!', active_at = now();
delete from labs;
select cmp_ok(active_at, '<', now() - interval '49 seconds', 'within a minute it stays') from workspaces;
delete from chat_messages;
update workspaces set name = 'Physics II';
truncate after;
insert into after select * from workspaces;

-- Nobody sets what the database owns, not even a role with every grant.
grant select on after to service_role;
select pg_temp.become('ada', 'service_role');
update workspaces set version = 99, created_at = 'epoch', updated_at = 'epoch', active_at = 'epoch';
select results_eq(
  'select version, created_at, updated_at, active_at from workspaces', 'select version, created_at, updated_at, active_at from after',
  'version and timestamps cannot be set'
);
select lives_ok(
  $$ insert into workspaces (id, owner_id, name, version, created_at, updated_at, active_at)
     values (pg_temp.id('music'), pg_temp.id('bob'), 'Music', 99, 'epoch', 'epoch', 'epoch') $$,
  'a service opens a workspace for Bob'
);
select ok(
  version = 1 and created_at > now() - interval '1 minute' and updated_at = created_at and active_at = created_at,
  'whose version and timestamps are the database''s all the same'
) from workspaces where id = pg_temp.id('music');
select throws_ok(
  $$ update workspaces set id = gen_random_uuid() $$, 'PT422', 'immutable_column', 'a workspace keeps its id'
);
select throws_ok(
  $$ update workspaces set owner_id = pg_temp.id('bob') where id = pg_temp.id('physics') $$,
  'PT422', 'immutable_column', 'a workspace keeps its owner'
);

-- All in a workspace goes with it, and a workspace with its owner.
insert into sources (id, workspace_id, type, title) values (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics');
insert into labs (id, workspace_id, type, source_id) values (pg_temp.id('quiz'), pg_temp.id('physics'), 'quiz_lab', pg_temp.id('optics'));
insert into edges (workspace_id, source_node_id, target_node_id) values (pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('quiz'));
insert into chat_messages (workspace_id, role, content, mentions)
  values (pg_temp.id('physics'), 'user', 'Quiz me', jsonb_build_array(pg_temp.id('quiz')));
select pg_temp.become('ada');
select lives_ok($$ delete from workspaces $$, 'Ada deletes her workspace');
reset role;
select is_empty(
  $$ select id from sources union all select id from labs union all select id from edges
     union all select id from chat_messages union all select id from private.nodes $$,
  'nothing of it is left'
);
select results_eq('select name from workspaces', array['Music'], 'Bob''s is untouched');

-- Its id is not given out again, since editors' files may be left in its folder. An operator may bring it back.
select pg_temp.become('ada');
select throws_like(
  $$ insert into workspaces (id, name) values (pg_temp.id('physics'), 'Again') $$, '%unique constraint "workspaces_pkey"',
  'the id of a deleted workspace is taken, for whoever had it'
);
select pg_temp.become('bob');
select is(
  pg_temp.outcome($$ insert into workspaces (id, name) values (pg_temp.id('physics'), 'Again') $$), '23505', 'as one that is there is'
);
select is(
  pg_temp.outcome($$ insert into my_workspaces (id, name) values (pg_temp.id('physics'), 'Again') $$), '23505', 'also by way of the view'
);
reset role;
select is(count(*), 0::bigint, 'nobody is told which ids these are') from pg_class c, aclexplode(c.relacl) acl
  where c.oid = 'private.gone_workspaces'::regclass and acl.grantee <> c.relowner;
select set_config('request.jwt.claims', '', true), set_config('request.jwt.claim.sub', '', true);
select lives_ok(
  $$ insert into workspaces (id, owner_id, name) values (pg_temp.id('physics'), pg_temp.id('ada'), 'Again') $$, 'an operator brings it back'
);
delete from workspaces where id = pg_temp.id('physics');
delete from auth.users where id = pg_temp.id('bob');
select is_empty('select id from workspaces', 'it goes when Bob''s account goes');

select * from finish();
rollback;
