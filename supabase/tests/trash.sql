-- Trash: what is deleted is hidden from everybody, kept as it is, and comes back by edit_canvas() alone.

begin;
select plan(53);

\ir people.psql

create function pg_temp.edit(changes jsonb) returns jsonb language sql as $$
  select edit_canvas(pg_temp.id('physics'), changes)
$$;
create function pg_temp.ids(variadic names text[]) returns jsonb language sql as $$
  select jsonb_agg(pg_temp.id(name)) from unnest(names) name
$$;

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics');
insert into sources (id, workspace_id, type, title) values (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics');
insert into labs (id, workspace_id, type, source_id, generated_content) values
  (pg_temp.id('quiz'), pg_temp.id('physics'), 'essay_lab', pg_temp.id('optics'), '{"questions": []}'),
  (pg_temp.id('cards'), pg_temp.id('physics'), 'flashcard_lab', null, null);
insert into edges (id, workspace_id, source_node_id, target_node_id) values
  (pg_temp.id('line'), pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('quiz')),
  (pg_temp.id('alone'), pg_temp.id('physics'), pg_temp.id('quiz'), pg_temp.id('optics')),
  (pg_temp.id('far'), pg_temp.id('physics'), pg_temp.id('quiz'), pg_temp.id('cards'));
create temp table before on commit drop as
  select 'source' as kind, to_jsonb(s) as row from sources s union all
  select 'lab', to_jsonb(l) from labs l union all select 'edge', to_jsonb(e) from edges e;

-- Ada deletes as any client of the data API does: an edge, then a source, then a lab.
select pg_temp.become('ada');
delete from edges where id = pg_temp.id('alone');
reset role; -- earlier than what follows, which is all one transaction here
update edges set deleted_at = now() - interval '1 minute' where id = pg_temp.id('alone');
select pg_temp.become('ada');
delete from sources where id = pg_temp.id('optics');
select lives_ok($$ select move_to_trash('labs', pg_temp.id('quiz'), '{1}') $$, 'a lab is deleted by its version');
select results_eq('select id from labs', array[pg_temp.id('cards')], 'what is left is seen');
select is_empty('select from sources', 'a deleted source is gone');
select is_empty('select from edges', 'and so are the edges of deleted nodes');
select is(json_array_length(nodes), 1, 'also from the canvas') from canvas(pg_temp.id('physics'));
reset role;
select results_eq(
  $$ select row - 'deleted_at' from (select to_jsonb(s) as row from sources s union all select to_jsonb(l) from labs l union all select to_jsonb(e) from edges e) r
     order by row ->> 'id' $$,
  $$ select row - 'deleted_at' from before order by row ->> 'id' $$,
  'all of it is kept, to the version'
);

-- No way leads to it, whoever asks and whatever grants there are.
grant all on all tables in schema public to authenticated;
create temp table ways (way text, outcome text) on commit drop;
insert into ways
  select replace(way, '?', things), outcome
  from unnest(array['sources', 'labs', 'edges']) things
  cross join (values
    ('select from ? where id in (pg_temp.id(''optics''), pg_temp.id(''quiz''), pg_temp.id(''line''))', '0 rows'),
    ('update ? set deleted_at = null where id in (pg_temp.id(''optics''), pg_temp.id(''quiz''), pg_temp.id(''line''))', '0 rows'),
    ('delete from ? where id in (pg_temp.id(''optics''), pg_temp.id(''quiz''), pg_temp.id(''line''))', '0 rows')
  ) w (way, outcome);
insert into ways values
  ($$ insert into labs (workspace_id, type, source_id) values (pg_temp.id('physics'), 'quiz_lab', pg_temp.id('optics')) $$, '23503'),
  ($$ update labs set source_id = pg_temp.id('optics') where id = pg_temp.id('cards') $$, '23503'),
  ($$ insert into edges (workspace_id, source_node_id, target_node_id) values (pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('cards')) $$, '23503'),
  ($$ insert into edges (workspace_id, source_node_id, target_node_id) values (pg_temp.id('physics'), pg_temp.id('cards'), pg_temp.id('quiz')) $$, '23503'),
  ($$ insert into chat_messages (workspace_id, role, content, mentions) values (pg_temp.id('physics'), 'user', 'Hm', jsonb_build_array(pg_temp.id('quiz'))) $$, 'PT422'),
  ($$ insert into sources (id, workspace_id, type, title) values (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Again') $$, '23505'),
  ($$ insert into labs (id, workspace_id, type) values (pg_temp.id('optics'), pg_temp.id('physics'), 'quiz_lab') $$, '23505'),
  ($$ insert into labs (id, workspace_id, type) values (pg_temp.id('quiz'), pg_temp.id('physics'), 'quiz_lab') on conflict (id) do update set type = 'mine' $$, '42501'),
  ($$ update labs set deleted_at = now() where id = pg_temp.id('cards') $$, '42501'),
  ($$ insert into labs (workspace_id, type, deleted_at) values (pg_temp.id('physics'), 'quiz_lab', now()) $$, '42501'),
  ($$ select move_to_trash('labs', pg_temp.id('quiz')) $$, 'PT404'),
  ($$ select move_to_trash('labs', pg_temp.id('cards'), '{2, 3}') $$, 'PT412'),
  ($$ select move_to_trash('labs', pg_temp.id('cards'), '{}') $$, 'PT412'),
  ($$ select move_to_trash('sources', pg_temp.id('cards')) $$, 'PT404'),
  ($$ select move_to_trash('nodes', pg_temp.id('cards')) $$, 'PT422'),
  ($$ select arrange_canvas(pg_temp.id('physics'), jsonb_build_array(jsonb_build_object('id', pg_temp.id('quiz'), 'width', 1))) $$, 'PT422'),
  ($$ select pg_temp.edit(jsonb_build_object('copy', jsonb_build_object('ids', jsonb_build_object(pg_temp.id('quiz'), gen_random_uuid())))) $$, 'PT422');grant select on ways to public;
select pg_temp.become('ada');
select is(pg_temp.outcome(way), outcome, way) from ways;
select pg_temp.become('bob');
select is(
  pg_temp.outcome($$ select pg_temp.edit(jsonb_build_object('restore', jsonb_build_object('nodes', pg_temp.ids('quiz')))) $$),
  'PT404', 'a stranger restores nothing'
);
select is(pg_temp.outcome($$ select move_to_trash('labs', pg_temp.id('cards')) $$), 'PT404', 'nor deletes anything');

-- It comes back, an edge when both of its ends are there, one that was deleted by itself not.
select pg_temp.become('ada');
select is(
  pg_temp.edit(jsonb_build_object('restore', jsonb_build_object('nodes', pg_temp.ids('optics')))) -> 'restored',
  jsonb_build_object('nodes', pg_temp.ids('optics'), 'edges', '[]'::jsonb), 'a source comes back, its edges to the trash do not'
);
select set_eq(
  $$ select jsonb_array_elements_text(pg_temp.edit(jsonb_build_object('restore', jsonb_build_object('nodes', pg_temp.ids('quiz')))) #> '{restored,edges}') $$,
  array[pg_temp.id('line')::text, pg_temp.id('far')::text], 'with the other end they do'
);
select pg_temp.edit(jsonb_build_object('restore', jsonb_build_object('edges', pg_temp.ids('alone'))));
reset role;
select results_eq(
  $$ select to_jsonb(s) as row from sources s union all select to_jsonb(l) from labs l union all select to_jsonb(e) from edges e order by 1 $$,
  $$ select row from before order by 1 $$, 'everything is as it was'
);

-- An edge that was drawn again stays in the trash.
select pg_temp.become('ada');
delete from edges where id = pg_temp.id('alone');
insert into edges (id, workspace_id, source_node_id, target_node_id)
  values (pg_temp.id('anew'), pg_temp.id('physics'), pg_temp.id('quiz'), pg_temp.id('optics'));
select is(
  pg_temp.edit(jsonb_build_object('restore', jsonb_build_object('edges', pg_temp.ids('alone')))) #> '{restored,edges}',
  '[]', 'the same edge comes back once'
);

-- After seven days it is gone for good.
delete from sources;
delete from labs where id = pg_temp.id('quiz');
reset role;
update sources set deleted_at = now() - interval '8 days';
update labs set deleted_at = now() - interval '6 days' where id = pg_temp.id('quiz');
select pg_temp.become('ada');
select move_to_trash('labs', pg_temp.id('cards'));
reset role;
select is_empty('select from sources', 'what is older than seven days is purged');
select results_eq(
  'select source_id, version from labs where id = pg_temp.id(''quiz'')', 'values (null::uuid, 2)', 'a lab then loses its source'
);
select is(count(*), 2::bigint, 'younger things stay') from labs;

-- One request purges a thousand of each kind at most, the oldest first.
insert into sources (workspace_id, type, title, deleted_at)
  select pg_temp.id('physics'), 'pdf', n::text, now() - interval '9 days' + n * interval '1 second' from generate_series(1, 1001) n;
insert into labs (workspace_id, type, title, deleted_at)
  select pg_temp.id('physics'), 'quiz_lab', n::text, now() - interval '9 days' + n * interval '1 second' from generate_series(1, 1001) n;
insert into labs (id, workspace_id, type) values
  (pg_temp.id('hub'), pg_temp.id('physics'), 'quiz_lab'), (pg_temp.id('rim'), pg_temp.id('physics'), 'quiz_lab');
insert into edges (workspace_id, source_node_id, target_node_id, source_handle, deleted_at)
  select pg_temp.id('physics'), pg_temp.id('hub'), pg_temp.id('rim'), n::text, now() - interval '9 days' + n * interval '1 second'
  from generate_series(1, 1001) n;
select private.purge_trash(pg_temp.id('physics'));
select results_eq('select title from sources', array['1001'], 'a thousand sources are purged at a time');
select results_eq('select title from labs where title is not null', array['1001'], 'a thousand labs');
select results_eq('select source_handle from edges where source_handle is not null', array['1001'], 'and a thousand edges');

-- An edit reads no more because others have much in their trash.
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('music'), pg_temp.id('bob'), 'Music'), (pg_temp.id('art'), pg_temp.id('ada'), 'Art');
insert into sources (workspace_id, type, title, deleted_at)
  select pg_temp.id('music'), 'pdf', n::text, now() from generate_series(1, 2000) n;
insert into labs (id, workspace_id, type) select pg_temp.id('n' || n), pg_temp.id('art'), 'quiz_lab' from generate_series(1, 5) n;
insert into edges (id, workspace_id, source_node_id, target_node_id)
  select pg_temp.id('e' || n), pg_temp.id('art'), pg_temp.id('n1'), pg_temp.id('n' || n) from generate_series(2, 5) n;
analyze sources, labs, edges;
create function pg_temp.cost(changes text) returns bigint language plpgsql as $$
declare
  before constant bigint := pg_temp.rows_read('public.sources');
begin
  perform edit_canvas(pg_temp.id('art'), pg_temp.with_ids(changes));
  return pg_temp.rows_read('public.sources') - before;
end $$;
select pg_temp.become('ada');
select cmp_ok(pg_temp.cost(edit), '<', 500::bigint, 'what others have in their trash is not read: ' || edit) from (values
  (1, '{"create": {"edges": [{"source_node_id": "@n2", "target_node_id": "@n3"}]}}'),
  (2, '{"copy": {"ids": {"@n1": "@c1", "@n2": "@c2"}}}'), (3, '{"copy": {"ids": {"@n1": "@c1", "@n2": "@c2"}}}'),
  (4, '{"delete": {"nodes": ["@n1", "@n2"]}}'), (5, '{"restore": {"nodes": ["@n1", "@n2"]}}')
) as edits (n, edit) order by n;

-- A statement that deletes many nodes takes the edges of all along.
delete from labs where id in (pg_temp.id('n1'), pg_temp.id('n4'));
reset role;
select is(count(*), 0::bigint, 'many nodes deleted by one statement take their edges along')
  from edges where pg_temp.id('n1') in (source_node_id, target_node_id) and deleted_at is null;
select pg_temp.become('bob');
select set_config('private.thrown', pg_temp.id('n2') || ' ' || pg_temp.id('n3'), true);
delete from sources where false;
reset role;
select is(count(*), 1::bigint, 'and nobody names nodes whose edges go')
  from edges where source_node_id = pg_temp.id('n2') and deleted_at is null;
delete from workspaces;
select is_empty('select id from labs union all select id from edges', 'a workspace takes its trash along');
select is_empty('select from private.nodes', 'and the registry of it');

select * from finish();
rollback;
