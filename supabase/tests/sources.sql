-- Sources: what they hold, what nobody may set, where their ids and paths must differ.

begin;
select plan(65);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'),
  (pg_temp.id('art'), pg_temp.id('ada'), 'Art'),
  (pg_temp.id('music'), pg_temp.id('bob'), 'Music');
select pg_temp.become('ada');

-- Ada adds a source; a type and a title are enough.
select lives_ok(
  $$ insert into sources (id, workspace_id, type, title)
     values (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics') returning * $$,
  'a source is created with an id of the client''s choice and read back'
);
select results_eq(
  $$ select metadata, canvas_position, storage_path, cache_id, cache_expires_at, version from sources $$,
  $$ values ('{}'::jsonb, '{"x": 0, "y": 0}'::jsonb, null::text, null::text, null::timestamptz, 1) $$,
  'the rest is empty, at the origin, version 1'
);
select throws_ok(
  $$ insert into sources (id, workspace_id, type, title) values (pg_temp.id('optics'), pg_temp.id('art'), 'pdf', 'Optics') $$,
  '23505', null, 'the same id is not taken twice'
);

-- Limits, each at its edge and past it.
select lives_ok(format($$ update sources set %s $$, good), 'allowed: ' || good)
from unnest(array[
  $$ type = 'github' $$, $$ type = 'a' || repeat('_', 63) $$,
  $$ title = repeat('é', 500) $$, $$ title = 'a' $$,
  $$ storage_path = repeat('é', 1024) $$, $$ storage_path = null $$,
  $$ metadata = jsonb_build_object('text', repeat('a', 1048576 - 12)) $$,
  $$ metadata = ('{"a": ' || repeat('[', 63) || '1' || repeat(']', 63) || '}')::jsonb $$,
  $$ metadata = '{"a": [1.7976931348623157e308, {"b": -1.7976931348623157e308}]}' $$,
  $$ cache_id = repeat('é', 255) $$, $$ cache_expires_at = '9999-12-31T23:59:59.999999Z' $$,
  $$ cache_expires_at = '0001-01-01T00:00:00Z' $$,
  $$ canvas_position = '{"x": 1e7, "y": -10000000}' $$, $$ canvas_position = '{"x": 0.1, "y": -0.5}' $$,
  $$ width = 10000000, height = 1e-9 $$, $$ width = null, height = null $$
]) good;
select throws_like(format($$ update sources set %s $$, bad), '%"' || name || '"', 'refused: ' || bad)
from (values
  ('sources_type_word', $$ type = '' $$), ('sources_type_word', $$ type = 'PDF' $$),
  ('sources_type_word', $$ type = '1st' $$), ('sources_type_word', $$ type = 'a b' $$),
  ('sources_type_word', $$ type = E'pdf\n' $$), ('sources_type_word', $$ type = repeat('a', 65) $$),
  ('sources_title_length', $$ title = repeat('é', 501) $$), ('sources_title_text', $$ title = '' $$),
  ('sources_title_text', $$ title = E'\t\u00a0' $$),
  ('sources_storage_path_length', $$ storage_path = '' $$), ('sources_storage_path_length', $$ storage_path = repeat('é', 1025) $$),
  ('sources_storage_path_text', $$ storage_path = E' \t' $$), ('sources_cache_id_text', $$ cache_id = E'\u00a0' $$),
  ('sources_metadata_document', $$ metadata = '[]' $$), ('sources_metadata_document', $$ metadata = 'null' $$),
  ('sources_metadata_document', $$ metadata = jsonb_build_object('text', repeat('a', 1048576 - 11)) $$),
  ('sources_metadata_document', $$ metadata = ('{"a": ' || repeat('[', 64) || repeat(']', 64) || '}')::jsonb $$),
  ('sources_metadata_document', $$ metadata = (repeat('{"a": ', 65) || '1' || repeat('}', 65))::jsonb $$),
  ('sources_metadata_document', $$ metadata = '{"a": [1, 1e309]}' $$),
  ('sources_metadata_document', $$ metadata = '{"a": {"b": -1e400}}' $$),
  ('sources_cache_id_length', $$ cache_id = '' $$), ('sources_cache_id_length', $$ cache_id = repeat('é', 256) $$),
  ('sources_cache_expires_at_range', $$ cache_expires_at = 'infinity' $$),
  ('sources_cache_expires_at_range', $$ cache_expires_at = '10000-01-01T00:00:00Z' $$),
  ('sources_canvas_position_shape', $$ canvas_position = '{"x": 1}' $$),
  ('sources_canvas_position_shape', $$ canvas_position = '{"x": 1, "y": 2, "z": 3}' $$),
  ('sources_canvas_position_shape', $$ canvas_position = '{"x": 10000000.5, "y": 0}' $$),
  ('sources_canvas_position_shape', $$ canvas_position = '{"x": "1", "y": 0}' $$),
  ('sources_canvas_position_shape', $$ canvas_position = '{"x": [], "y": {}}' $$),
  ('sources_canvas_position_shape', $$ canvas_position = '[1, 2]' $$),
  ('sources_width_range', $$ width = 0 $$), ('sources_width_range', $$ width = 10000000.1 $$),
  ('sources_height_range', $$ height = -1 $$), ('sources_height_range', $$ height = 'NaN' $$)
) as refused (name, bad);

-- Copies of a source share its path.
update sources set storage_path = 'optics.pdf';
select lives_ok(
  $$ insert into sources (workspace_id, type, title, storage_path) values (pg_temp.id('physics'), 'pdf', 'Again', 'optics.pdf') $$,
  'two sources of a workspace have one path'
);
select lives_ok(
  $$ insert into sources (workspace_id, type, title, storage_path) values (pg_temp.id('art'), 'pdf', 'Again', 'optics.pdf') $$,
  'as do two of different workspaces'
);
select lives_ok(
  $$ insert into sources (workspace_id, type, title) select pg_temp.id('physics'), 'url', 'No path' from generate_series(1, 2) $$,
  'and any number of sources have none'
);

-- Content raises the version, layout does not.
reset role;
create temp table before on commit drop as select * from sources where id = pg_temp.id('optics');
update sources set title = 'Light', canvas_position = '{"x": 1, "y": 1}' where id = pg_temp.id('optics');
select is(s.version, b.version + 1, 'a new title raises the version') from sources s join before b using (id);
select cmp_ok(s.updated_at, '>', b.updated_at, 'and updated_at') from sources s join before b using (id);
create temp table after on commit drop as select * from sources where id = pg_temp.id('optics');
update sources set title = 'Light' where id = pg_temp.id('optics');
select results_eq('select s.* from sources s join after using (id)', 'select * from after', 'the same title again changes nothing');
update sources set canvas_position = '{"x": 2, "y": 2}' where id = pg_temp.id('optics');
update sources set canvas_position = '{"x": 3, "y": 3}', width = 3, height = 3, title = 'Light' where id = pg_temp.id('optics');
select results_eq(
  'select s.version, s.updated_at from sources s join after using (id)', 'select version, updated_at from after',
  'a drag raises neither version nor updated_at'
);

-- Nobody sets what the database owns, not even a role with every grant.
grant select on after to service_role;
select pg_temp.become('ada', 'service_role');
update sources set version = 99, created_at = 'epoch', updated_at = 'epoch', canvas_position = '{"x": 4, "y": 4}'
  where id = pg_temp.id('optics');
select results_eq(
  $$ select version, created_at, updated_at from sources where id = pg_temp.id('optics') $$,
  $$ select version, created_at, updated_at from after $$,
  'version and timestamps cannot be set'
);
insert into sources (id, workspace_id, type, title, version, created_at, updated_at)
  values (pg_temp.id('waves'), pg_temp.id('physics'), 'pdf', 'Waves', 99, 'epoch', 'epoch');
select ok(
  version = 1 and created_at > now() - interval '1 minute' and updated_at = created_at,
  'a new source starts with those of the database'
) from sources where id = pg_temp.id('waves');
select throws_ok(
  $$ update sources set id = gen_random_uuid() where id = pg_temp.id('waves') $$,
  'PT422', 'immutable_column', 'a source keeps its id'
);
select throws_ok(
  $$ update sources set workspace_id = pg_temp.id('art') where id = pg_temp.id('waves') $$,
  'PT422', 'immutable_column', 'a source keeps its workspace'
);
select throws_ok(
  $$ insert into sources (workspace_id, type, title) values (pg_temp.id('nowhere'), 'pdf', 'Lost') $$,
  '23503', null, 'a source is in a workspace that exists'
);

select * from finish();
rollback;
