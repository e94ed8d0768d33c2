-- Files: what is read from them, who sees it, how it is found again, and what goes with what.

begin;
select plan(130);

\ir people.psql

create function pg_temp.path(workspace text, source text, name text default 'a.pdf') returns text language sql immutable as $$
  select pg_temp.id(workspace) || '/' || pg_temp.id(source) || '/' || name
$$;
create function pg_temp.document(variadic pages text[]) returns jsonb language sql immutable as $$
  select jsonb_build_object('pages', to_jsonb(pages), 'chapters', jsonb_build_array(
    jsonb_build_object('level', 1, 'title', 'All', 'first_page', 1, 'last_page', cardinality(pages))))
$$;
create function pg_temp.save(workspace text, source text, document jsonb, name text default 'a.pdf', failure text default null)
returns text[] language sql as $$
  select unused from save_file(
    pg_temp.id(source), pg_temp.path(workspace, source, name), name, 1000, 'application/pdf', failure, document)
$$;

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('art'), pg_temp.id('ada'), 'Art'),
  (pg_temp.id('music'), pg_temp.id('bob'), 'Music');
insert into sources (id, workspace_id, type, title) values
  (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics'), (pg_temp.id('notes'), pg_temp.id('physics'), 'note', 'Notes'),
  (pg_temp.id('chords'), pg_temp.id('music'), 'pdf', 'Chords');
create temp table before on commit drop as select * from sources where id = pg_temp.id('optics');
grant select on before to public;

-- Ada saves a file.
select pg_temp.become('ada');
select is(status, 'empty', 'a source begins empty') from sources where id = pg_temp.id('optics');
select is(pg_temp.save('physics', 'optics', pg_temp.document('Light bends.', 'Lenses bend light twice.')), '{}', 'a first file replaces none');
select results_eq(
  $$ select status, failure, page_count, file_name, file_bytes, media_type, storage_path from sources where id = pg_temp.id('optics') $$,
  $$ values ('ready', null::text, 2, 'a.pdf', 1000::bigint, 'application/pdf', pg_temp.path('physics', 'optics')) $$,
  'the source says what was read'
);
select ok(s.version = b.version + 1 and s.updated_at > b.updated_at, 'a file raises the version') from sources s join before b using (id);
select results_eq(
  $$ select * from read_pages(pg_temp.id('optics')) $$,
  $$ values (1, 'Light bends.', 2), (2, 'Lenses bend light twice.', null) $$, 'its pages are read'
);
select results_eq($$ select * from read_pages(pg_temp.id('optics'), 2) $$, $$ values (2, 'Lenses bend light twice.', null::integer) $$, 'from a page on');
select results_eq($$ select * from read_pages(pg_temp.id('optics'), 1, 1) $$, $$ values (1, 'Light bends.', null::integer) $$, 'up to a page');
select results_eq($$ select number, following from read_pages(pg_temp.id('optics'), size => 1) $$, $$ values (1, 2) $$, 'so many of them, and where to go on');
select results_eq($$ select * from read_chapters(pg_temp.id('optics')) $$, $$ values (1, 1, 'All', 1, 2) $$, 'its chapters are read');
select is_empty(
  format('select * from read_pages(pg_temp.id(%L), %s, size => %s)', 'optics', first, size),
  format('no page from %s on, of %s', first, size)
) from unnest(array[2147483647, -2147483648]) first, unnest(array[100, -2147483648]) size where first > 0 or size < 0;
select results_eq(
  format($$ select * from read_pages(pg_temp.id('optics'), %s, size => 1) $$, coalesce(first::text, 'null')),
  $$ values (1, 'Light bends.', 2) $$, format('from page %s on is from the first on', coalesce(first::text, 'null'))
) from unnest(array[null, 0, -1, -2147483648]) first;
select is_empty($$ select * from read_pages(pg_temp.id('notes')) $$, 'a source without a file has no pages');
select is_empty($$ select * from read_chapters(pg_temp.id('notes')) $$, 'nor chapters');
select is(
  (select source::jsonb from save_file(pg_temp.id('notes'))),
  (select to_jsonb(s) - '{file_id,deleted_at}'::text[] || jsonb_build_object(
     'created_at', private.rfc3339(created_at), 'updated_at', private.rfc3339(updated_at)) from sources s where id = pg_temp.id('notes')),
  'saving answers the whole row but the key of its text'
);

-- A new file replaces the old one whole.
select is(
  pg_temp.save('physics', 'optics', pg_temp.document('Waves.'), 'b.pdf'), array[pg_temp.path('physics', 'optics')],
  'another file tells the path of the first'
);
select results_eq($$ select * from read_pages(pg_temp.id('optics')) $$, $$ values (1, 'Waves.', null::integer) $$, 'its pages are the new ones');
select is(pg_temp.save('physics', 'optics', pg_temp.document('Waves.'), 'b.pdf'), '{}', 'the same path again is no garbage');
reset role;
select is(count(*), 1::bigint, 'nothing of the old text is left') from source_pages;
select is(count(*), 1::bigint, 'nor of its chapters') from chapters;

-- What could not be read keeps the file.
select pg_temp.become('ada');
select is(pg_temp.save('physics', 'optics', null, 'c.pdf', 'encrypted'), array[pg_temp.path('physics', 'optics', 'b.pdf')], 'a failure is saved');
select results_eq(
  $$ select status, failure, page_count, storage_path from sources where id = pg_temp.id('optics') $$,
  $$ values ('failed', 'encrypted', null::integer, pg_temp.path('physics', 'optics', 'c.pdf')) $$, 'with the file and the reason'
);
select is_empty($$ select * from read_pages(pg_temp.id('optics')) $$, 'and no pages');

-- Refused: what is elsewhere, malformed, or over a limit.
select throws_ok(
  format($$ select save_file(pg_temp.id('optics'), %L, 'a.pdf', 1, 'application/pdf', null, pg_temp.document('a')) $$, path),
  'PT422', 'path_outside_workspace', 'refused: ' || path
) from unnest(array[
  'a.pdf', pg_temp.path('music', 'chords'), pg_temp.path('physics', 'optics', '../../x'), pg_temp.id('physics') || '//a.pdf',
  pg_temp.id('physics') || '/', pg_temp.id('physics') || '/./a.pdf', '/' || pg_temp.path('physics', 'optics')
]) path;
select throws_ok(
  format($$ select pg_temp.save('physics', 'optics', %L) $$, document), 'PT422', 'malformed_document', 'refused: ' || coalesce(document, 'no document')
) from unnest(array[
  null, '{}', '[]', '{"pages": []}', '{"pages": {}}', '{"pages": [1]}', '{"pages": [null]}', '{"pages": ["a"], "chapters": [1]}', '{"pages": ["a"], "chapters": {}}'
]) document;
select throws_ok(
  format($$ select pg_temp.save('physics', 'optics', '{"pages": ["a"], "chapters": [%s]}') $$, chapter), state, null, 'refused: ' || chapter
) from (values
  ('23514', '{"level": 0, "title": "A", "first_page": 1, "last_page": 1}'), ('23514', '{"level": 1, "title": " ", "first_page": 1, "last_page": 1}'),
  ('23514', '{"level": 1, "title": "A", "first_page": 2, "last_page": 1}'), ('23514', '{"level": 1, "title": "A", "first_page": 0, "last_page": 1}'),
  ('23502', '{"level": 1, "title": "A", "first_page": 1}')
) as refused (state, chapter);
select throws_ok(
  $$ select pg_temp.save('physics', 'optics', jsonb_build_object('pages', (select jsonb_agg('a'::text) from generate_series(1, 5001)))) $$,
  'PT422', 'too_long', 'no more than 5,000 pages'
);
select throws_ok(
  $$ select pg_temp.save('physics', 'optics', jsonb_build_object('pages', jsonb_build_array(repeat('a', 12582912)))) $$,
  'PT422', 'too_long', 'no more than 12 MiB'
);
select throws_ok($$ select pg_temp.save('physics', 'nowhere', pg_temp.document('a')) $$, 'PT404', 'source_not_found', 'no source, no file');
select is(failure, 'encrypted', 'after all these refusals the source is as it was') from sources where id = pg_temp.id('optics');
select lives_ok(
  $$ select pg_temp.save('physics', 'optics', pg_temp.document(
       (select string_agg(md5(i::text) || chr(19968 + i % 20000), ' ') from generate_series(1, 60000) i))) $$,
  'a page of two megabytes is saved'
);
select is(pg_temp.save('physics', 'optics', pg_temp.document(E'a\u0002b\u0003c'), 'd.pdf'), array[pg_temp.path('physics', 'optics')], 'a page with control characters is saved');
select results_eq($$ select text from read_pages(pg_temp.id('optics')) $$, $$ values ('abc') $$, 'without the marks of excerpts');

-- Who says which versions they know replaces no other one.
create function pg_temp.version() returns integer language sql as $$ select version from sources where id = pg_temp.id('optics') $$;
create function pg_temp.save_at(versions integer[], document jsonb default pg_temp.document('Late.')) returns text[] language sql as $$
  select unused from save_file(
    pg_temp.id('optics'), pg_temp.path('physics', 'optics', 'late.pdf'), 'late.pdf', 1000, 'application/pdf', null, document, versions => versions)
$$;
create temp table known on commit drop as select * from sources where id = pg_temp.id('optics');
select throws_ok(
  format('select pg_temp.save_at(%L)', versions), 'PT412', 'stale_version', 'a file is refused for the versions ' || versions::text
) from unnest(array[pg_temp.version() - 1 || '', pg_temp.version() + 1 || ',1', '']) list, lateral (select ('{' || list || '}')::integer[]) as asked (versions);
select throws_ok(
  $$ select pg_temp.save_at('{1}', '{"pages": {}}') $$, 'PT412', 'stale_version', 'before its text is looked at'
);
select throws_ok(
  $$ select save_file(pg_temp.id('optics'), versions => '{1}') $$, 'PT412', 'stale_version', 'nor is one taken away'
);
select results_eq('select s.* from sources s join known using (id)', 'table known', 'then the source is as it was');
select is(
  pg_temp.save_at(array[1, pg_temp.version()]), array[pg_temp.path('physics', 'optics', 'd.pdf')], 'with the version that it has a file is saved'
);
select is(
  (select unused from save_file(pg_temp.id('optics'), versions => array[pg_temp.version()])),
  array[pg_temp.path('physics', 'optics', 'late.pdf')], 'or taken away'
);
select throws_ok(
  $$ select save_file(pg_temp.id('nowhere'), versions => '{1}') $$, 'PT404', 'source_not_found', 'what is not there is not stale'
);

-- What was read again is saved only while it is the source's file still.
create function pg_temp.read_again(name text) returns text[] language sql as $$
  select unused from save_file(
    pg_temp.id('optics'), pg_temp.path('physics', 'optics', name), name, 1000, 'application/pdf', null, pg_temp.document('Old.'),
    former_path => pg_temp.path('physics', 'optics', name))
$$;
select throws_ok($$ select pg_temp.read_again('d.pdf') $$, 'PT409', 'write_conflict', 'a file that was taken away does not come back');
select pg_temp.save('physics', 'optics', pg_temp.document('New.'), 'new.pdf');
select throws_ok($$ select pg_temp.read_again('d.pdf') $$, 'PT409', 'write_conflict', 'nor one that was replaced');
select is(pg_temp.read_again('new.pdf'), '{}', 'what is the file still is saved');
select save_file(pg_temp.id('optics'));

-- Clients write none of it, also with every grant; echoing it is no change.
select is(pg_temp.save('physics', 'optics', pg_temp.document('Light bends.', '学习矩阵')), '{}', 'a file again');
create temp table saved on commit drop as select * from sources where id = pg_temp.id('optics');
update sources set status = 'failed', failure = 'damaged', page_count = 9, file_name = 'x', file_bytes = 9, media_type = 'text/plain',
  file_id = pg_temp.id('other') where id = pg_temp.id('optics');
select results_eq($$ select s.* from sources s join saved using (id) $$, $$ select * from saved $$, 'what was read cannot be written');
insert into sources (id, workspace_id, type, title, status, page_count, file_name, file_bytes, media_type, file_id, storage_path)
  select pg_temp.id('forged'), workspace_id, type, title, status, page_count, file_name, file_bytes, media_type, file_id, 'forged' from saved;
select results_eq(
  $$ select status, num_nonnulls(page_count, file_name, file_bytes, media_type, file_id) from sources where id = pg_temp.id('forged') $$,
  $$ values ('empty', 0) $$, 'nor inserted'
);
select is(pg_temp.outcome(statement), '42501', 'refused: ' || statement) from unnest(array[
  $$ insert into source_pages (file_id, number, workspace_id, text, search) values (pg_temp.id('x'), 1, pg_temp.id('physics'), 'a', '') $$,
  $$ update source_pages set text = 'a' $$, $$ delete from source_pages $$,
  $$ insert into chapters values (pg_temp.id('x'), 1, pg_temp.id('physics'), 1, 'A', 1, 1) $$,
  $$ update chapters set title = 'a' $$, $$ delete from chapters $$
]) statement;

-- A copy within the workspace shares the text; it goes with the last that has it.
reset role;
insert into sources (id, workspace_id, type, title, storage_path, status, page_count, file_name, file_bytes, media_type, file_id)
  select pg_temp.id('copy'), workspace_id, type, 'Copy', storage_path, status, page_count, file_name, file_bytes, media_type, file_id from saved;
select pg_temp.become('ada');
select is(count(*), 2::bigint, 'a copy has the pages') from read_pages(pg_temp.id('copy'));
select results_eq(
  $$ select source_id, page from search_pages(pg_temp.id('physics'), 'light') $$, $$ values (pg_temp.id('optics'), 1) $$,
  'a page of both is found once'
);
select is(pg_temp.save('physics', 'optics', pg_temp.document('Waves.'), 'e.pdf'), '{}', 'a file that a copy has is in use');
select is(count(*), 2::bigint, 'and so is its text') from read_pages(pg_temp.id('copy'));
update sources set storage_path = null where id = pg_temp.id('copy');
select results_eq(
  $$ select status, file_id from sources where id = pg_temp.id('copy') $$, $$ values ('empty', null::uuid) $$, 'without its path a source is empty'
);
reset role;
select is(count(*), 1::bigint, 'and the text that only it had is gone') from source_pages;
select pg_temp.become('ada');
select is(
  (select unused from save_file(pg_temp.id('optics'))), array[pg_temp.path('physics', 'optics', 'e.pdf')], 'a file is taken away'
);
select results_eq(
  $$ select status, storage_path from sources where id = pg_temp.id('optics') $$, $$ values ('empty', null::text) $$, 'and the source is empty'
);
select isnt_empty($$ select pg_temp.save('physics', 'optics', pg_temp.document('Waves.')) $$, 'and filled again');
delete from sources where id = pg_temp.id('optics');
select throws_ok(statement, 'PT404', 'source_not_found', 'in the trash: ' || statement) from unnest(array[
  $$ select pg_temp.save('physics', 'optics', pg_temp.document('Waves.')) $$, $$ select * from read_pages(pg_temp.id('optics')) $$
]) statement;
select is_empty($$ select from search_pages(pg_temp.id('physics'), 'waves') $$, 'nor is it found');
reset role;
select is(count(*), 1::bigint, 'it keeps its text') from source_pages;
delete from sources where id = pg_temp.id('optics');
select is_empty($$ select from source_pages union all select from chapters $$, 'with its source the text goes');

-- Search.
select pg_temp.become('ada');
insert into sources (id, workspace_id, type, title) values (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics');
select isnt_empty($$ select pg_temp.save('physics', 'optics', pg_temp.document(
  'The eigenvalues of a symmetric matrix are real.', 'A matrix, another matrix and a third matrix.', 'Häuser и слова.',
  E'本章我们学习矩阵的\n乘法与逆矩阵。', 'การคูณเมทริกซ์', '<b>bold</b> & eigenvectors', 'Nothing here.',
  'Kernel, kernel, kernel, kernel, kernel, kernel.', 'Kernel, image, rank.')) $$, 'a file of many tongues is saved');
create function pg_temp.found(query text) returns text language sql as $$
  select string_agg(page::text, ',') from search_pages(pg_temp.id('physics'), query)
$$;
select is(pg_temp.found(query), pages, 'found: ' || query) from (values
  ('matrix', '2,1'), ('eigenvector', '6'), ('eigenvalue', '1'), ('"symmetric matrix"', '1'), ('"matrix symmetric"', null),
  ('matrix -real', '2'), ('real or nothing', '7,1'), ('häuser', '3'), ('слова', '3'), ('矩阵的乘法', '4'), ('矩阵', '4'), ('乘法 矩阵', '4'),
  ('乘法 不在', null), ('เมทริกซ์', '5'), ('bold', '6'), ('the', '1'), ('', null), ('!!! & | <->', null), ('矩[阵', null), ('矩.*', null)
) as asked (query, pages);
select is(pg_temp.found('kernel or image or rank'), '8,9', 'words that are near to one another count more');
select is(
  pg_temp.found((select string_agg('word' || n, ' or ') from generate_series(1, 30) n) || ' or kernel or image or rank'), '9,8',
  'of many words, how many there are'
);
select is(excerpt, E'The \u0002eigenvalues\u0003 of a symmetric matrix are real.', 'an excerpt marks what was found')
  from search_pages(pg_temp.id('physics'), 'eigenvalue');
select is(excerpt, E'本章我们学习\u0002矩阵的\n乘法\u0003与逆矩阵。', 'over lines too') from search_pages(pg_temp.id('physics'), '矩阵的乘法');
select is_empty(
  $$ select from search_pages(pg_temp.id('physics'), 'matrix', array[pg_temp.id('notes')]) $$, 'only in the sources that are named'
);
select is(count(*), 1::bigint, 'so many of them') from search_pages(pg_temp.id('physics'), 'matrix', size => 1);
select is(title, 'Optics', 'a language that there is not is simple') from search_pages(pg_temp.id('physics'), 'eigenvalues', language => 'klingon');
select is_empty($$ select from search_pages(pg_temp.id('art'), 'matrix') $$, 'not in another workspace');
select is_empty(
  format($$ select from search_pages(pg_temp.id('physics'), 'matrix', size => %s) $$, size), 'a search for ' || size || ' finds nothing'
) from unnest(array[0, -1]) size;

-- Pages come 4 MiB at a time.
select is(pg_temp.save('physics', 'notes', pg_temp.document(
  repeat('a', 2097152), repeat('b', 2097152), 'c', repeat('d', 4194305)
)), '{}', 'long pages are saved');
select results_eq(
  $$ select number, following from read_pages(pg_temp.id('notes')) $$, $$ values (1, 2), (2, 3) $$, 'pages of 4 MiB are answered, and no more'
);
select results_eq($$ select number from read_pages(pg_temp.id('notes'), 3) $$, $$ values (3) $$, 'no page that goes beyond it');
select results_eq(
  $$ select number, length(text) from read_pages(pg_temp.id('notes'), 4) $$, $$ values (4, 4194305) $$, 'but a longer one alone'
);

-- Bob knows the ids, and that is all.
select pg_temp.become('bob');
select throws_ok(statement, 'PT404', null, 'a stranger: ' || statement) from unnest(array[
  $$ select * from read_pages(pg_temp.id('optics')) $$, $$ select * from read_chapters(pg_temp.id('optics')) $$,
  $$ select pg_temp.save('physics', 'optics', pg_temp.document('a')) $$, $$ select * from search_pages(pg_temp.id('physics'), 'matrix') $$
]) statement;
select is_empty($$ select from source_pages union all select from chapters $$, 'a stranger''s tables are empty');

select * from finish();
rollback;
