-- Editing a canvas: created, copied, deleted and restored at once, or nothing of it.

begin;
select plan(31);

\ir people.psql

create function pg_temp.edit(changes text) returns jsonb language sql as $$
  select edit_canvas(pg_temp.id('physics'), pg_temp.with_ids(changes))
$$;
create function pg_temp.refusal(changes text) returns text language plpgsql as $$
declare
  details text;
begin
  perform pg_temp.edit(changes);
  return 'done';
exception when others then
  get stacked diagnostics details = pg_exception_detail;
  return concat_ws(' ', sqlstate, sqlerrm, nullif(details, '')::jsonb -> 0 ->> 'loc', nullif(details, '')::jsonb -> 0 ->> 'type');
end $$;

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('art'), pg_temp.id('ada'), 'Art');
insert into sources (id, workspace_id, type, title) values (pg_temp.id('colours'), pg_temp.id('art'), 'pdf', 'Colours');
select pg_temp.become('ada');

-- A paste: nodes and what joins them, in one call, in the order in which they were sent.
create temp table pastes on commit drop as select $$ {"create": {
  "sources": [{"id": "@z", "type": "pdf", "title": "Z", "width": 200}, {"id": "@a", "type": "pdf", "title": "A", "storage_path": "a.pdf"}],
  "labs": [{"id": "@quiz", "type": "essay_lab", "title": "Quiz", "source_id": "@a", "generated_content": {"x": 1}, "user_state": {"y": 2}, "status": "generating"}],
  "edges": [{"source_node_id": "@a", "target_node_id": "@quiz", "label": "l"}, {"id": "@line", "source_node_id": "@z", "target_node_id": "@quiz"}]
}} $$::text as paste;
create temp table answers on commit drop as select pg_temp.edit(paste) as answer from pastes;
select results_eq(
  'select id from (select id, created_at from sources union all select id, created_at from labs) n where id <> pg_temp.id(''colours'') order by created_at',
  array[pg_temp.id('z'), pg_temp.id('a'), pg_temp.id('quiz')], 'nodes have the order of the request'
);
select is(answer #> '{created,nodes}', jsonb_build_array(pg_temp.id('z'), pg_temp.id('a'), pg_temp.id('quiz')), 'which the answer has too') from answers;
select is(answer #>> '{created,edges,1}', pg_temp.id('line')::text, 'edges as well') from answers;
select is(pg_temp.edit(paste), answer, 'a paste that is sent again answers the same') from pastes, answers;
update labs set canvas_position = '{"x": 9, "y": 9}', width = 3;
select is(pg_temp.edit(paste), answer, 'also when it was moved meanwhile') from pastes, answers;
select is(count(*), 2::bigint, 'and nothing is there twice') from edges;

-- A duplicate has all that its original has.
create temp table copies on commit drop as select $$ {"copy": {"ids": {"@a": "@a2", "@quiz": "@quiz2"}, "offset": {"x": 10, "y": 0.5}}} $$::text as copy;
create temp table copied on commit drop as select pg_temp.edit(copy) as answer from copies;
select results_eq(
  $$ select type, title, config, generated_content, user_state, width, status, source_id, canvas_position, version from labs where id = pg_temp.id('quiz2') $$,
  $$ select type, title, config, generated_content, user_state, width, 'pending', pg_temp.id('a2'), '{"x": 19, "y": 9.5}'::jsonb, 1 from labs where id = pg_temp.id('quiz') $$,
  'a lab is copied with its content, from the copy of its source, generating nothing'
);
select is(storage_path, 'a.pdf', 'a source with its path') from sources where id = pg_temp.id('a2');
select results_eq(
  $$ select id::text, label from edges where source_node_id = pg_temp.id('a2') and target_node_id = pg_temp.id('quiz2') $$,
  $$ select answer #>> '{copied,edges,0}', 'l' from copied $$, 'and the edge between them'
);
select is(pg_temp.edit(copy), answer, 'a copy that is asked for again is not made again') from copies, copied;
delete from edges where source_node_id = pg_temp.id('a2');
select is(pg_temp.edit(copy) #> '{copied,edges}', '[]', 'nor an edge that went since') from copies;
select is(count(*), 4::bigint, 'four sources and no more') from sources;

-- All at once, and undone.
create temp table cuts on commit drop as select pg_temp.edit(
  $$ {"delete": {"nodes": ["@a"], "edges": ["@line"]}, "create": {"edges": [{"source_node_id": "@z", "target_node_id": "@quiz"}]}} $$
) as answer;
select is(jsonb_array_length(answer #> '{deleted,edges}'), 2, 'an edge goes along with its node') from cuts;
select is(jsonb_array_length(answer #> '{created,edges}'), 1, 'one that is deleted may be drawn anew') from cuts;
select is(
  pg_temp.edit(jsonb_build_object('restore', answer -> 'deleted')::text) #> '{restored,edges}',
  (answer #> '{deleted,edges}') - pg_temp.id('line')::text, 'what was deleted is what is restored, but for the double'
) from cuts;

-- One bad thing changes nothing, and is named.
create temp table refusals (changes text, refusal text) on commit drop;
insert into refusals values
  ($$ {"create": {"sources": [{"id": "@n", "type": "pdf", "title": "N"}, {"type": "Bad", "title": "B"}]}} $$, 'PT422 refused_value ["create", "sources", 1, "type"] sources_type_word'),
  ($$ {"create": {"labs": [{"id": "@n"}]}} $$, 'PT422 refused_value ["create", "labs", 0, "type"] not_null'),
  ($$ {"create": {"labs": [{"id": "@n", "type": "x", "source_id": "@colours"}]}} $$, 'PT422 unknown_source ["create", "labs", 0, "source_id"]'),
  ($$ {"create": {"labs": [{"id": "@n", "type": "x", "source_id": "@z"}]}, "delete": {"nodes": ["@z"]}} $$, 'PT422 unknown_source ["create", "labs", 0, "source_id"]'),
  ($$ {"create": {"edges": [{"source_node_id": "@z", "target_node_id": "@colours"}]}} $$, 'PT422 unknown_node ["create", "edges", 0, "target_node_id"]'),
  ($$ {"create": {"edges": [{"source_node_id": "@z", "target_node_id": "@z"}]}} $$, 'PT422 refused_value ["create", "edges", 0] edges_ends_differ'),
  ($$ {"create": {"sources": [{"id": "@z", "type": "pdf", "title": "Other"}]}} $$, 'PT409 id_taken ["create", "sources", 0, "id"] other_content'),
  ($$ {"create": {"sources": [{"id": "@colours", "type": "pdf", "title": "Colours"}]}} $$, 'PT409 id_taken ["create", "sources", 0, "id"] id_taken'),
  ($$ {"create": {"edges": [{"id": "@line", "source_node_id": "@z", "target_node_id": "@quiz"}]}} $$, 'PT409 id_taken ["create", "edges", 0, "id"] in_trash'),
  ($$ {"create": {"edges": [{"id": "@new", "source_node_id": "@z", "target_node_id": "@quiz"}]}} $$, 'PT409 duplicate ["create", "edges", 0] duplicate'),
  ($$ {"copy": {"ids": {"@colours": "@n"}}} $$, format('PT422 unknown_node ["copy", "ids", "%s"]', pg_temp.id('colours'))),
  ($$ {"delete": {"nodes": ["@z", "@nowhere"]}} $$, 'PT422 unknown_node ["delete", "nodes", 1]'),
  ($$ {"delete": {"nodes": ["@z"]}, "restore": {"nodes": ["@z"]}} $$, 'PT422 duplicate_id ["restore", "nodes", 0]'),
  ($$ {"delete": {"edges": ["@nowhere"]}} $$, 'PT422 unknown_edge ["delete", "edges", 0]'),
  ($$ {"create": {"labs": [{"workspace_id": "@art", "type": "x"}]}} $$, 'PT422 other_workspace ["create", "labs", 0, "workspace_id"]'),
  (jsonb_build_object('delete', jsonb_build_object('nodes', (select jsonb_agg(gen_random_uuid()) from generate_series(1, 2001))))::text, 'PT422 too_many_changes');
select is(pg_temp.refusal(changes), refusal, refusal) from refusals;

select * from finish();
rollback;
