-- Edges: what they join, when they are the same, when they go.

begin;
select plan(37);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('art'), pg_temp.id('ada'), 'Art');
insert into sources (id, workspace_id, type, title) values
  (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics'), (pg_temp.id('colours'), pg_temp.id('art'), 'pdf', 'Colours');
insert into labs (id, workspace_id, type) values
  (pg_temp.id('quiz'), pg_temp.id('physics'), 'quiz_lab'), (pg_temp.id('cards'), pg_temp.id('physics'), 'flashcard_lab');
select pg_temp.become('ada');

-- Sources and labs share one space of ids, because an edge names either.
select throws_like(
  $$ insert into labs (id, workspace_id, type) values (pg_temp.id('optics'), pg_temp.id('physics'), 'quiz_lab') $$,
  '%"nodes_pkey"', 'a lab does not take the id of a source'
);
select throws_like(
  $$ insert into sources (id, workspace_id, type, title) values (pg_temp.id('quiz'), pg_temp.id('art'), 'pdf', 'Quiz') $$,
  '%"nodes_pkey"', 'nor a source that of a lab'
);

-- Ada draws lines.
select lives_ok(
  $$ insert into edges (id, workspace_id, source_node_id, target_node_id)
     values (pg_temp.id('line'), pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('quiz')) returning * $$,
  'from a source to a lab'
);
select lives_ok(
  $$ insert into edges (workspace_id, source_node_id, target_node_id)
     values (pg_temp.id('physics'), pg_temp.id('quiz'), pg_temp.id('cards')) $$,
  'from a lab to a lab'
);
select throws_like(
  $$ insert into edges (workspace_id, source_node_id, target_node_id)
     values (pg_temp.id('physics'), pg_temp.id('quiz'), pg_temp.id('quiz')) $$,
  '%"edges_ends_differ"', 'not from a node to itself'
);
select throws_like(
  $$ insert into edges (workspace_id, source_node_id, target_node_id)
     values (pg_temp.id('physics'), pg_temp.id('quiz'), pg_temp.id('nowhere')) $$,
  '%"edges_target_node_id_fkey"', 'not to a node that is not there'
);
select throws_like(
  $$ insert into edges (workspace_id, source_node_id, target_node_id)
     values (pg_temp.id('physics'), pg_temp.id('colours'), pg_temp.id('quiz')) $$,
  '%"edges_source_node_id_fkey"', 'not from a node of another workspace, though that is hers too'
);
select throws_like(
  $$ insert into edges (workspace_id, source_node_id, target_node_id)
     values (pg_temp.id('art'), pg_temp.id('optics'), pg_temp.id('quiz')) $$,
  '%"edges_source_node_id_fkey"', 'not between nodes that are both elsewhere'
);

-- The same edge exists once: same ends, same handles, and no handle is a handle too.
select throws_like(
  $$ insert into edges (workspace_id, source_node_id, target_node_id)
     values (pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('quiz')) $$,
  '%"edges_ends_key"', 'the same edge exists once'
);
select lives_ok(
  $$ insert into edges (workspace_id, source_node_id, target_node_id)
     values (pg_temp.id('physics'), pg_temp.id('quiz'), pg_temp.id('optics')) $$,
  'the way back is another edge'
);
select lives_ok(
  $$ insert into edges (workspace_id, source_node_id, target_node_id, source_handle)
     values (pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('quiz'), 'right') $$,
  'another handle makes another edge'
);
select throws_like(
  $$ insert into edges (workspace_id, source_node_id, target_node_id, source_handle, label)
     values (pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('quiz'), 'right', 'other label') $$,
  '%"edges_ends_key"', 'another label does not'
);

-- Limits.
select lives_ok($$ update edges set label = repeat('é', 500) $$, 'a label of 500 characters fits');
select lives_ok($$ update edges set label = '' $$, 'a label may be empty');
select lives_ok($$ update edges set label = null $$, 'a label may be absent');
select throws_like($$ update edges set label = repeat('é', 501) $$, '%"edges_label_length"', 'a label of 501 characters does not fit');
select lives_ok(
  $$ insert into edges (workspace_id, source_node_id, target_node_id, source_handle, target_handle)
     select pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('cards'), h, h
     from (select string_agg(chr(65536 + i * 7919 % 60000), '') from generate_series(1, 255) i) as long (h) $$,
  'handles of 255 characters fit, however many bytes they take'
);
select throws_like(
  format(
    $$ insert into edges (workspace_id, source_node_id, target_node_id, %I)
       values (pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('cards'), repeat('a', %s)) $$, handle, size
  ),
  format('%%"edges_%s_length"', handle), format('a %s of %s characters does not fit', handle, size)
)
from unnest(array['source_handle', 'target_handle']) handle, unnest(array[0, 256]) size;
select throws_like(
  format(
    $$ insert into edges (workspace_id, source_node_id, target_node_id, %I)
       values (pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('cards'), E' \u00a0') $$, handle
  ),
  format('%%"edges_%s_text"', handle), format('a %s is more than space', handle)
)
from unnest(array['source_handle', 'target_handle']) handle;

-- An edge keeps what it joins; nobody sets when it was drawn.
select pg_temp.become('ada', 'service_role');
select throws_ok(
  format($$ update edges set %s where id = pg_temp.id('line') $$, change), 'PT422', 'immutable_column', 'an edge keeps its ' || change
)
from unnest(array[
  'id = gen_random_uuid()', $$ workspace_id = pg_temp.id('art') $$, $$ source_node_id = pg_temp.id('cards') $$,
  $$ target_node_id = pg_temp.id('cards') $$, $$ source_handle = 'left' $$, $$ target_handle = 'left' $$
]) change;
update edges set created_at = 'epoch' where id = pg_temp.id('line');
insert into edges (workspace_id, source_node_id, target_node_id, created_at)
  values (pg_temp.id('physics'), pg_temp.id('cards'), pg_temp.id('optics'), 'epoch');
select is_empty($$ select from edges where created_at < now() - interval '1 minute' $$, 'created_at cannot be set');

-- An edge goes when either of its nodes goes.
select pg_temp.become('ada');
delete from labs where id = pg_temp.id('quiz');
select is_empty(
  $$ select from edges where pg_temp.id('quiz') in (source_node_id, target_node_id) $$,
  'the edges of a deleted node are gone, in both directions'
);
select isnt_empty('select from edges', 'the others stay');
delete from sources where id = pg_temp.id('optics');
select is_empty('select from edges', 'until their node goes as well');
reset role;
delete from sources where deleted_at is not null and workspace_id = pg_temp.id('physics');
delete from labs where deleted_at is not null;
select is_empty('select from edges', 'edges go for good when a node does');
select results_eq(
  'select id from private.nodes order by id', 'select id from sources union select id from labs order by id',
  'the registry holds the nodes that are left, and no other'
);

-- What others have in their trash is not read, nor all edges to find those of one node.
insert into auth.users (id, email) values (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values (pg_temp.id('music'), pg_temp.id('bob'), 'Music');
insert into sources (workspace_id, type, title, deleted_at)
  select pg_temp.id('music'), 'pdf', n::text, now() from generate_series(1, 500) n;
insert into labs (id, workspace_id, type)
  select pg_temp.id(n::text), pg_temp.id('art'), 'quiz_lab' from generate_series(1, 5) n
  union all select pg_temp.id(name), pg_temp.id('music'), 'quiz_lab' from unnest(array['scales', 'chords']) name;
insert into edges (workspace_id, source_node_id, target_node_id, source_handle)
  select pg_temp.id('music'), pg_temp.id('scales'), pg_temp.id('chords'), n::text from generate_series(1, 500) n;
analyze sources, labs, edges;
select pg_temp.become('ada');
create temp table reading on commit drop as select pg_temp.rows_read('public.sources', 'public.labs') as before;
insert into edges (workspace_id, source_node_id, target_node_id)
  select pg_temp.id('art'), pg_temp.id('colours'), pg_temp.id(n::text) from generate_series(1, 5) n;
select cmp_ok(pg_temp.rows_read('public.sources', 'public.labs') - before, '<', 100::bigint, 'whoever draws an edge reads nobody else''s trash')
  from reading;
reset role;
set local enable_seqscan = off;
select matches(
  pg_temp.plan_of(format(
    'select from edges e where (e.source_node_id = any (%1$L::uuid[]) or e.target_node_id = any (%1$L::uuid[])) and e.deleted_at is null',
    array[pg_temp.id('1'), pg_temp.id('2')]
  )),
  'edges_source_node_id_idx\s+Index Cond: \(source_node_id = ANY', 'the edges of nodes are found by the ids of the nodes'
);

select * from finish();
rollback;
