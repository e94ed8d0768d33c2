-- Copies of a workspace that are begun at once, that fail, and that are told that a file is missing.

begin;
select plan(24);
\ir people.psql
\ir words.psql

create function pg_temp.path(name text) returns text language sql immutable as $$
  select pg_temp.id('physics') || '/' || pg_temp.id('optics') || '/' || name
$$;
create function pg_temp.finish(begun jsonb, missing text[] default '{}') returns text language sql as $$
  select pg_temp.outcome(format('select finish_copy(%L, missing => %L)', begun ->> 'id', missing))
$$;

insert into auth.users (id, email) select pg_temp.id(name), name || '@example.com' from unnest(array['ada', 'bob']) name;
insert into workspaces (id, owner_id, name) values (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics');
insert into workspace_members (workspace_id, user_id, role) values (pg_temp.id('physics'), pg_temp.id('bob'), 'viewer');
insert into sources (id, workspace_id, type, title) values (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics');
update sources set storage_path = pg_temp.path('a.pdf'), status = 'ready', page_count = 1, file_name = 'a.pdf',
    file_bytes = 1, media_type = 'application/pdf', file_id = pg_temp.id('file')
  where id = pg_temp.id('optics');
insert into storage.objects (bucket_id, name, owner_id)
  select 'sources', pg_temp.path(name), pg_temp.id('ada') from unnest(array['a.pdf', 'b.pdf']) name;

-- Two copies of one id.
select pg_temp.become('bob');
create temp table first on commit drop as select begin_copy(pg_temp.id('physics'), pg_temp.id('copy')) as b;
create temp table second on commit drop as select begin_copy(pg_temp.id('physics'), pg_temp.id('copy')) as b;
grant select on first, second to public;
create temp table files on commit drop as
  select 'first' as copy, p.key, p.value from first, jsonb_each_text(b -> 'paths') p
  union all select 'second', p.key, p.value from second, jsonb_each_text(b -> 'paths') p;
select results_eq(
  $$ select copy, key, value like pg_temp.id('copy') || '/%/a.pdf' from files order by 1 $$,
  $$ values ('first', pg_temp.path('a.pdf'), true), ('second', pg_temp.path('a.pdf'), true) $$,
  'two copies of one id go into one folder'
);
select is((select count(distinct value)::integer from files), 2, 'but each has its own place there');
select is(
  pg_temp.outcome(format('insert into storage.objects (bucket_id, name, owner_id) values (%L, %L, auth.uid()::text)', 'sources', value)),
  '1 rows', 'where the ' || copy || ' may put its file'
) from files order by copy;
select is(pg_temp.finish(b), '1 rows', 'the second might be finished') from second;
select lives_ok($$ select finish_copy((b ->> 'id')::uuid) from first $$, 'the first is');
select results_eq(
  $$ select status, storage_path from sources where workspace_id = pg_temp.id('copy') $$,
  $$ select 'ready', value from files where copy = 'first' $$, 'and has its own file'
);
select is(pg_temp.finish(b), '23505', 'then the id is taken') from second;
select is(pg_temp.finish(b), 'workspace_not_found', 'a copy is finished once') from first;
select is(abandon_copy((b ->> 'id')::uuid), false, 'what is finished is not given up') from first;
select is(abandon_copy((b ->> 'id')::uuid), true, 'what is not is, and will never be finished') from second;
select is(pg_temp.finish(b), 'workspace_not_found', 'by nobody') from second;
select is(abandon_copy((b ->> 'id')::uuid), false, 'it is given up once') from second;

-- A file that is said to be missing.
create temp table third on commit drop as select begin_copy(pg_temp.id('physics'), pg_temp.id('other')) as b;
grant select on third to public;
select is(pg_temp.finish(b, array[pg_temp.path('a.pdf')]), 'write_conflict', 'a file that is there is not missing') from third;
select is(pg_temp.finish(b, array[pg_temp.path('b.pdf')]), '1 rows', 'of what is not copied it is not asked') from third;
select pg_temp.become('ada');
select is(abandon_copy((b ->> 'id')::uuid), false, 'nobody gives up the copy of others') from third;
select is(pg_temp.outcome($$ select begin_copy(pg_temp.id('physics'), pg_temp.id('other')) $$), 'id_taken', 'or takes its id') from third;
reset role;
delete from workspace_members where user_id = pg_temp.id('bob');
select pg_temp.become('bob');
select is(pg_temp.finish(b), 'workspace_not_found', 'a viewer who is none any more finishes nothing') from third;
reset role;
insert into workspace_members (workspace_id, user_id, role) values (pg_temp.id('physics'), pg_temp.id('bob'), 'viewer');
delete from storage.objects where name = pg_temp.path('a.pdf');
select pg_temp.become('bob');
select is(pg_temp.finish(b, array[pg_temp.path('a.pdf')]), '1 rows', 'a file that is not there is missing') from third;

-- Copies that fail do not count.
create temp table failed on commit drop as
  select begin_copy(pg_temp.id('physics')) as b from generate_series(1, 19);
grant select on failed to public;
select is(pg_temp.outcome($$ select begin_copy(pg_temp.id('physics')) $$), 'limit_reached', 'nobody begins more than 20 copies');
reset role;
insert into sources (workspace_id, type, title, storage_path) values (pg_temp.id('physics'), 'pdf', 'Waves', pg_temp.path('b.pdf'));
select pg_temp.become('bob');
select is((select count(*)::integer from failed where pg_temp.finish(b) = 'write_conflict'), 19, 'a file that came meanwhile makes them fail');
select is(pg_temp.outcome($$ select begin_copy(pg_temp.id('physics')) $$), 'limit_reached', 'which alone makes no room');
select is((select count(*)::integer from failed where abandon_copy((b ->> 'id')::uuid)), 19, 'they are given up');
select is(
  (select count(begin_copy(pg_temp.id('physics')))::integer from generate_series(1, 19)), 19, 'and as many are begun again'
);

select * from finish();
rollback;
