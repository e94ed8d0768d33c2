-- Canvas: read whole and arranged at once, by its owner alone.

begin;
select plan(26);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('blank'), pg_temp.id('ada'), 'Blank');
insert into sources (id, workspace_id, type, title, cache_expires_at) values
  (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics', '2027-01-02T03:04:05+02:00');
insert into labs (id, workspace_id, source_id, type, generated_content) values
  (pg_temp.id('quiz'), pg_temp.id('physics'), pg_temp.id('optics'), 'essay_lab', '{"long": "text"}');
insert into edges (id, workspace_id, source_node_id, target_node_id, source_handle) values
  (pg_temp.id('line'), pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('quiz'), 'right');
select pg_temp.become('ada');

-- Ada opens her canvas.
select results_eq(
  $$ select nodes::jsonb, edges::jsonb, viewport from canvas(pg_temp.id('blank')) $$,
  $$ values ('[]'::jsonb, '[]'::jsonb, '{"x": 0, "y": 0, "zoom": 1}'::jsonb) $$,
  'an empty canvas is one row'
);
select results_eq(
  $$ select n ->> 'id', n ->> 'type', n -> 'position' from canvas(pg_temp.id('physics')), jsonb_array_elements(nodes::jsonb) n $$,
  $$ values (pg_temp.id('optics')::text, 'source', '{"x": 0, "y": 0}'::jsonb), (pg_temp.id('quiz')::text, 'lab', '{"x": 0, "y": 0}') $$,
  'sources and labs are nodes, the oldest first'
);
select set_eq(
  $$ select jsonb_object_keys(nodes::jsonb -> 0 -> 'data') from canvas(pg_temp.id('physics')) $$,
  $$ select attname::text from pg_attribute where attrelid = 'sources'::regclass and attnum > 0 and not attisdropped
     and attname not in ('deleted_at', 'file_id') $$,
  'a source carries its whole row but the key of its text'
);
select set_eq(
  $$ select jsonb_object_keys(nodes::jsonb -> 1 -> 'data') from canvas(pg_temp.id('physics')) $$,
  $$ select attname::text from pg_attribute where attrelid = 'labs'::regclass and attnum > 0 and not attisdropped
     and attname not in ('generated_content', 'lease_until', 'deleted_at') $$,
  'a lab all but its generated content and its lease'
);
select results_eq(
  $$ select edges::jsonb from canvas(pg_temp.id('physics')) $$,
  $$ select jsonb_build_array(jsonb_build_object(
       'id', pg_temp.id('line'), 'source', pg_temp.id('optics'), 'target', pg_temp.id('quiz'),
       'sourceHandle', 'right', 'targetHandle', null, 'label', null)) $$,
  'edges are React Flow''s'
);
set local timezone = 'Asia/Kathmandu';
select is(
  nodes -> 0 -> 'data' ->> 'cache_expires_at', '2027-01-02T01:04:05Z', 'times are UTC, wherever the session is'
) from canvas(pg_temp.id('physics'));

-- She arranges it.
select lives_ok(
  $$ select arrange_canvas(pg_temp.id('physics'), jsonb_build_array(
       jsonb_build_object('id', pg_temp.id('optics'), 'position', '{"x": 1, "y": 2}'::jsonb),
       jsonb_build_object('id', pg_temp.id('quiz'), 'position', '{"x": 3.5, "y": -4}'::jsonb)
     ), '{"x": 5, "y": 6, "zoom": 2}') $$,
  'nodes of both kinds and the viewport move at once'
);
select results_eq(
  $$ select jsonb_path_query_array(nodes::jsonb, '$[*].position'), viewport from canvas(pg_temp.id('physics')) $$,
  $$ values ('[{"x": 1, "y": 2}, {"x": 3.5, "y": -4}]'::jsonb, '{"x": 5, "y": 6, "zoom": 2}'::jsonb) $$,
  'they are where she put them'
);
select is_empty(
  $$ select version from workspaces where version > 1 union all select version from sources where version > 1
     union all select version from labs where version > 1 $$,
  'and no version rose'
);
select lives_ok($$ select arrange_canvas(pg_temp.id('physics'), viewport => '{"x": 0, "y": 0, "zoom": 1}') $$, 'the viewport moves alone');
select lives_ok($$ select arrange_canvas(pg_temp.id('physics')) $$, 'nothing may move at all');

-- All or nothing.
create function pg_temp.move(variadic names text[]) returns void language sql as $$
  select arrange_canvas(
    pg_temp.id('physics'),
    (select jsonb_agg(jsonb_build_object('id', pg_temp.id(name), 'position', '{"x": 9, "y": 9}'::jsonb)) from unnest(names) name),
    '{"x": 9, "y": 9, "zoom": 9}'
  )
$$;
select throws_ok($$ select pg_temp.move('optics', 'nowhere') $$, 'PT422', 'unknown_node', 'a node that is not there does not move');
select throws_ok($$ select pg_temp.move('optics', 'quiz', 'optics') $$, 'PT422', 'duplicate_node', 'a node is not moved twice');
select throws_ok(
  $$ select pg_temp.move(variadic array(select i::text from generate_series(1, 2001) i)) $$,
  'PT422', 'too_many_nodes', 'no more than 2,000 move at once'
);
select throws_ok(
  $$ select arrange_canvas(pg_temp.id('blank'), jsonb_build_array(jsonb_build_object('id', pg_temp.id('optics'), 'position', '{"x": 9, "y": 9}'::jsonb))) $$,
  'PT422', 'unknown_node', 'a node does not move on another canvas'
);
select throws_like(
  $$ select arrange_canvas(pg_temp.id('physics'), jsonb_build_array(
       jsonb_build_object('id', pg_temp.id('optics'), 'position', '{"x": 9, "y": 9}'::jsonb),
       jsonb_build_object('id', pg_temp.id('quiz'), 'position', '{"x": 1e8, "y": 9}'::jsonb))) $$,
  '%"labs_canvas_position_shape"', 'nothing moves out of bounds'
);
select results_eq(
  $$ select jsonb_path_query_array(nodes::jsonb, '$[*].position'), viewport from canvas(pg_temp.id('physics')) $$,
  $$ values ('[{"x": 1, "y": 2}, {"x": 3.5, "y": -4}]'::jsonb, '{"x": 0, "y": 0, "zoom": 1}'::jsonb) $$,
  'after all these refusals everything is where it was'
);
insert into sources (id, workspace_id, type, title) select pg_temp.id(i::text), pg_temp.id('physics'), 'pdf', i::text from generate_series(1, 2000) i;
select lives_ok(
  $$ select pg_temp.move(variadic array(select i::text from generate_series(1, 2000) i)) $$, '2,000 nodes move at once'
);
select is(count(*), 2000::bigint, 'every one of them') from sources where canvas_position = '{"x": 9, "y": 9}';
select is(json_array_length(nodes), 2002, 'a canvas of more than 1,000 nodes is read whole') from canvas(pg_temp.id('physics'));

-- Bob knows the id, and that is all.
select pg_temp.become('bob');
select is_empty($$ select * from canvas(pg_temp.id('physics')) $$, 'a stranger''s canvas is not there');
select is_empty($$ select * from json_canvas(pg_temp.id('physics')) $$, 'nor as a file');
select throws_ok($$ select pg_temp.move('optics') $$, 'PT404', 'workspace_not_found', 'nor is it arranged by a stranger');
select pg_temp.become('bob', 'anon');
select throws_ok($$ select * from canvas(pg_temp.id('physics')) $$, '42501', null, 'nobody reads one without an account');
select throws_ok($$ select * from json_canvas(pg_temp.id('physics')) $$, '42501', null, 'nor as a file');
select throws_ok($$ select pg_temp.move('optics') $$, '42501', null, 'nor arranges one');

select * from finish();
rollback;
