-- Labs: what they hold, what they were made from, what nobody may set.

begin;
select plan(57);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('art'), pg_temp.id('ada'), 'Art');
insert into sources (id, workspace_id, type, title) values
  (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics'), (pg_temp.id('colours'), pg_temp.id('art'), 'pdf', 'Colours');
select pg_temp.become('ada');

-- Ada makes a lab; its type is enough.
select lives_ok(
  $$ insert into labs (id, workspace_id, type) values (pg_temp.id('quiz'), pg_temp.id('physics'), 'quiz_lab') returning * $$,
  'a lab is created with an id of the client''s choice and read back'
);
select results_eq(
  $$ select source_id, title, status, config, generated_content, user_state, canvas_position, version from labs $$,
  $$ values (null::uuid, null, 'pending', '{}'::jsonb, null::jsonb, '{}'::jsonb, '{"x": 0, "y": 0}'::jsonb, 1) $$,
  'it is pending, empty, at the origin, version 1'
);
select throws_ok(
  $$ insert into labs (id, workspace_id, type) values (pg_temp.id('quiz'), pg_temp.id('art'), 'quiz_lab') $$,
  '23505', null, 'the same id is not taken twice'
);

-- Limits, each at its edge and past it.
select lives_ok(format($$ update labs set %s $$, good), 'allowed: ' || good)
from unnest(array[
  $$ title = 'Quiz' $$, $$ title = repeat('é', 500) $$, $$ title = null $$,
  $$ type = 'essay_lab' $$, $$ type = 'a' || repeat('_', 63) $$,
  $$ status = 'pending' $$, $$ status = 'generating' $$, $$ status = 'in_progress' $$, $$ status = 'completed' $$, $$ status = 'given_up' $$, $$ status = 'failed' $$,
  $$ config = jsonb_build_object('text', repeat('a', 1048576 - 12)) $$,
  $$ generated_content = jsonb_build_object('text', repeat('a', 1048576 - 12)) $$, $$ generated_content = null $$,
  $$ user_state = jsonb_build_object('text', repeat('a', 1048576 - 12)) $$, $$ user_state = '{}' $$,
  $$ canvas_position = '{"x": 1e7, "y": -10000000}' $$, $$ canvas_position = '{"x": 0.1, "y": -0.5}' $$
]) good;
select throws_like(format($$ update labs set %s $$, bad), '%"' || name || '"', 'refused: ' || bad)
from (values
  ('labs_type_word', $$ type = 'Quiz' $$), ('labs_type_word', $$ type = repeat('a', 65) $$),
  ('labs_title_length', $$ title = repeat('é', 501) $$), ('labs_title_text', $$ title = '' $$),
  ('labs_title_text', $$ title = E'\n\u00a0' $$), ('labs_status_known', $$ status = 'ready' $$), ('labs_status_known', $$ status = '' $$),
  ('labs_config_document', $$ config = '[]' $$),
  ('labs_config_document', $$ config = jsonb_build_object('text', repeat('a', 1048576 - 11)) $$),
  ('labs_generated_content_document', $$ generated_content = '"text"' $$),
  ('labs_generated_content_document', $$ generated_content = jsonb_build_object('text', repeat('a', 1048576 - 11)) $$),
  ('labs_config_document', $$ config = '{"a": 1e309}' $$), ('labs_user_state_document', $$ user_state = '{"a": 1e309}' $$),
  ('labs_generated_content_document', $$ generated_content = '{"a": 1e309}' $$),
  ('labs_user_state_document', $$ user_state = 'null' $$),
  ('labs_user_state_document', $$ user_state = jsonb_build_object('text', repeat('a', 1048576 - 11)) $$),
  ('labs_canvas_position_shape', $$ canvas_position = '{"x": 1}' $$),
  ('labs_canvas_position_shape', $$ canvas_position = '{"x": 1, "y": 10000001}' $$),
  ('labs_canvas_position_shape', $$ canvas_position = '{"x": 1, "y": 2, "z": 3}' $$),
  ('labs_width_range', $$ width = 0 $$), ('labs_height_range', $$ height = 'infinity' $$)
) as refused (name, bad);

-- A lab is made from a source of its own workspace, and outlives it.
select lives_ok($$ update labs set source_id = pg_temp.id('optics') $$, 'a lab is made from a source of its workspace');
select throws_like(
  $$ update labs set source_id = pg_temp.id('colours') $$, '%"labs_source_id_fkey"', 'not from one of another workspace, though that is hers too'
);
select throws_like(
  $$ insert into labs (workspace_id, type, source_id) values (pg_temp.id('physics'), 'quiz_lab', pg_temp.id('nowhere')) $$,
  '%"labs_source_id_fkey"', 'nor from one that is not there'
);
reset role;
create temp table before on commit drop as select * from labs;
select pg_temp.become('ada');
delete from sources where id = pg_temp.id('optics');
reset role;
select results_eq('select * from labs', 'select * from before', 'a lab keeps a source that is in the trash');
delete from sources where id = pg_temp.id('optics');
select is(l.source_id, null, 'and outlives it') from labs l;
select is(l.version, b.version + 1, 'losing it raises the version') from labs l join before b using (id);

-- Content raises the version, layout does not.
create temp table after on commit drop as select * from labs;
update labs set status = status, config = config;
select results_eq('select * from labs', 'select * from after', 'the same content again changes nothing');
update labs set canvas_position = '{"x": 2, "y": 2}', width = 2, height = 2;
select results_eq(
  'select version, updated_at from labs', 'select version, updated_at from after',
  'a drag raises neither version nor updated_at'
);
update labs set user_state = '{"seen": 1}';
select ok(l.version = a.version + 1 and l.updated_at > a.updated_at, 'progress raises version and updated_at')
  from labs l join after a using (id);
update labs set title = E'Cafe\u0301';
select ok(l.version = a.version + 2 and l.title = E'Caf\u00e9', 'so does a title, which is composed')
  from labs l join after a using (id);
update labs set title = E'Cafe\u0301';
select is(l.version, a.version + 2, 'the same title in another form is the same') from labs l join after a using (id);

-- Nobody sets what the database owns, not even a role with every grant.
truncate after;
insert into after select * from labs;
grant select on after to service_role;
select pg_temp.become('ada', 'service_role');
update labs set version = 99, created_at = 'epoch', updated_at = 'epoch';
select results_eq('select * from labs', 'select * from after', 'version and timestamps cannot be set');
insert into labs (id, workspace_id, type, version, created_at, updated_at)
  values (pg_temp.id('cards'), pg_temp.id('physics'), 'flashcard_lab', 99, 'epoch', 'epoch');
select ok(
  version = 1 and created_at > now() - interval '1 minute' and updated_at = created_at,
  'a new lab starts with those of the database'
) from labs where id = pg_temp.id('cards');
select throws_ok(
  $$ update labs set id = gen_random_uuid() where id = pg_temp.id('cards') $$,
  'PT422', 'immutable_column', 'a lab keeps its id'
);
select throws_ok(
  $$ update labs set workspace_id = pg_temp.id('art') where id = pg_temp.id('cards') $$,
  'PT422', 'immutable_column', 'a lab keeps its workspace'
);

select * from finish();
rollback;
