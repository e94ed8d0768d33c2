-- Storage: whose files the bucket holds, where they may be put, and which of them nothing refers to any more.

begin;
select plan(56);

\ir people.psql

create function pg_temp.path(workspace text, source text, name text default 'a.pdf') returns text language sql immutable as $$
  select pg_temp.id(workspace) || '/' || pg_temp.id(source) || '/' || name
$$;
create function pg_temp.put(path text, uploader text default 'ada', bucket text default 'sources') returns text language sql immutable as $$
  select format('insert into storage.objects (bucket_id, name, owner_id) values (%L, %L, %L)', bucket, path, pg_temp.id(uploader))
$$;

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('art'), pg_temp.id('ada'), 'Art'),
  (pg_temp.id('music'), pg_temp.id('bob'), 'Music');
insert into sources (id, workspace_id, type, title) values
  (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics'), (pg_temp.id('paint'), pg_temp.id('art'), 'pdf', 'Paint'),
  (pg_temp.id('chords'), pg_temp.id('music'), 'pdf', 'Chords');

select results_eq(
  $$ select public, file_size_limit, allowed_mime_types from storage.buckets where id = 'sources' $$,
  $$ values (false, 52428800::bigint, array['application/pdf', 'text/markdown', 'text/plain']) $$,
  'the bucket is private, and holds what can be read'
);
select set_eq(
  $$ select cmd from pg_policies where schemaname = 'storage' and tablename = 'objects' and roles = '{authenticated}' $$,
  array['SELECT', 'INSERT', 'DELETE'], 'files are read, added and deleted, never changed'
);

-- Ada puts a file where her source is, and nowhere else.
select pg_temp.become('ada');
select lives_ok(pg_temp.put(path), 'allowed: ' || path)
  from unnest(array[pg_temp.path('physics', 'optics'), pg_temp.path('physics', 'optics', 'deep/er/é 1.pdf'), pg_temp.path('art', 'paint')]) path;
select is(pg_temp.outcome(pg_temp.put(path)), '42501', 'refused: ' || path) from unnest(array[
  '', 'a.pdf', '/' || pg_temp.path('physics', 'optics', 'b'), pg_temp.id('physics') || '/a.pdf', pg_temp.id('physics')::text,
  pg_temp.path('physics', 'nowhere'), pg_temp.path('physics', 'paint'), pg_temp.path('physics', 'chords'), pg_temp.path('music', 'chords'),
  pg_temp.path('physics', 'optics', ''), pg_temp.path('physics', 'optics', '../b'), pg_temp.path('physics', 'optics', './b'),
  pg_temp.path('physics', 'optics', '/b'), pg_temp.path('physics', 'optics', 'b/'), pg_temp.path('physics', 'optics', 'b/..'),
  upper(pg_temp.path('physics', 'optics', 'b')), pg_temp.path('physics', 'optics') || '/../../' || pg_temp.path('music', 'chords'),
  '{' || pg_temp.id('physics') || '}/' || pg_temp.id('optics') || '/b', replace(pg_temp.path('physics', 'optics', 'b'), '-', '')
]) path;
select is(pg_temp.outcome(pg_temp.put(pg_temp.path('physics', 'optics', 'b'), bucket => 'other')), '42501', 'refused: another bucket');
select is(pg_temp.outcome(statement), '0 rows', 'the owner: ' || statement) from unnest(array[
  $$ update storage.objects set name = pg_temp.path('physics', 'optics', 'moved') $$, $$ update storage.objects set metadata = '{}' $$
]) statement;
select is(pg_temp.outcome($$ select from storage.objects $$), '3 rows', 'the owner sees the files');
select is(pg_temp.outcome($$ delete from storage.objects where name = pg_temp.path('physics', 'optics') $$), '1 rows', 'and deletes them');

-- Bob knows the paths, and that is all.
select pg_temp.become('bob');
select is(pg_temp.outcome(statement), wanted, 'a stranger: ' || statement) from (values
  ($$ select from storage.objects $$, '0 rows'), ($$ delete from storage.objects $$, '0 rows'),
  ($$ update storage.objects set name = pg_temp.path('music', 'chords') $$, '0 rows'),
  (pg_temp.put(pg_temp.path('physics', 'optics', 'b'), 'bob'), '42501'), (pg_temp.put(pg_temp.path('physics', 'optics', 'b')), '42501')
) as tried (statement, wanted);
select is(unused_files(pg_temp.id('physics')), '{}', 'a stranger is told of no file');
select pg_temp.become('bob', 'anon');
select is(pg_temp.outcome($$ select from storage.objects $$), '0 rows', 'without an account there is no file');
select is(pg_temp.outcome(pg_temp.put(pg_temp.path('physics', 'optics', 'b'))), '42501', 'nor is one put');

-- What nothing refers to.
select pg_temp.become('ada');
select is(unused_files(pg_temp.id('physics')), '{}', 'a file that is just arriving is in use');
reset role;
update storage.objects set created_at = now() - interval '25 hours';
select pg_temp.become('ada');
select is(cardinality(unused_files(pg_temp.id('physics'))), 2, 'a day later it is not');
update sources set storage_path = pg_temp.path('physics', 'optics') where id = pg_temp.id('optics');
select is(
  unused_files(pg_temp.id('physics')), array[pg_temp.path('physics', 'optics', 'deep/er/é 1.pdf')], 'a file that a source refers to is'
);
reset role;
update storage.objects set created_at = now();
select pg_temp.become('ada');
delete from sources where id = pg_temp.id('optics');
select is(unused_files(source_id => pg_temp.id('optics')), '{}', 'a source in the trash keeps its files');
insert into labs (id, workspace_id, type) values (pg_temp.id('quiz'), pg_temp.id('physics'), 'essay_lab');
select is(edit_canvas(pg_temp.id('physics'), '{}') -> 'unused', null, 'an edit that purges nothing tells of no file');
reset role;
update sources set deleted_at = now() - interval '8 days' where id = pg_temp.id('optics');
select pg_temp.become('ada');
select is(
  jsonb_array_length(edit_canvas(pg_temp.id('physics'), '{}') -> 'unused'), 2, 'one that purges a source tells of its files'
);
reset role;
update labs set deleted_at = now() - interval '8 days' where id = pg_temp.id('quiz');
select set_config('private.purged_sources', '', true);
select pg_temp.become('ada');
select is(edit_canvas(pg_temp.id('physics'), '{}') -> 'unused', null, 'one that purges a lab tells of none');
select is(cardinality(unused_files(pg_temp.id('physics'))), 2, 'when the source is gone its files are unused at once');
select is(unused_files(source_id => pg_temp.id('optics')), '{}', 'nobody asks for those of a source that is gone');
select is(pg_temp.outcome(pg_temp.put(pg_temp.path('physics', 'optics', 'c'))), '42501', 'nor is one put where it was');
select is(unused_files(), '{}', 'nobody asks for the files of all workspaces');
select is(pg_temp.outcome($$ select delete_workspace(pg_temp.id('physics'), '{7}') $$), 'PT412', 'a workspace of another version stays');
select pg_temp.become('bob');
select is(pg_temp.outcome($$ select delete_workspace(pg_temp.id('physics')) $$), 'PT404', 'and to a stranger it is not there');
select pg_temp.become('ada');
select is(cardinality(delete_workspace(pg_temp.id('physics'))), 2, 'a deleted workspace leaves its files');
select is(pg_temp.outcome($$ delete from storage.objects where split_part(name, '/', 1) = pg_temp.id('physics')::text $$), '2 rows', 'who uploaded them deletes them');
-- With thousands of workspaces every file would be compared with each of them.
select matches(pg_temp.plan_of(statement), 'Filter: .*hashed SubPlan', 'workspaces are looked up: ' || statement) from unnest(array[
  'select from storage.objects', 'delete from storage.objects'
]) statement;
select pg_temp.become('bob');
select is(unused_files(pg_temp.id('physics')), '{}', 'strangers are not told of them');
select pg_temp.become('bob', 'service_role');
select is(cardinality(unused_files()), 2, 'the operator finds what is left anywhere');

select * from finish();
rollback;
