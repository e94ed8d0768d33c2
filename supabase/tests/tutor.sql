-- The tutor's material: which pages of what a question mentions are told, in any script, and who is told nothing.

begin;
select plan(31);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics');
insert into sources (id, workspace_id, type, title)
  select pg_temp.id(name), pg_temp.id('physics'), 'pdf', name from unnest(array['book', 'copy', 'other']) name;

create function pg_temp.save(source text, variadic pages text[]) returns text[] language sql as $$
  select unused from save_file(
    pg_temp.id(source), pg_temp.id('physics') || '/' || pg_temp.id(source) || '/' || md5(pages::text), 'a.pdf', 1000,
    'application/pdf', null, jsonb_build_object('pages', to_jsonb(pages)))
$$;
create function pg_temp.ask(question text, variadic mentions text[]) returns void language sql as $$
  insert into chat_messages (workspace_id, role, content, mentions)
    values (pg_temp.id('physics'), 'user', question, (select jsonb_agg(pg_temp.id(name)) from unnest(mentions) name))
$$;
create function pg_temp.told(size integer default 6) returns text language sql as $$
  select string_agg(page ->> 'page', ',' order by place)
  from json_array_elements(tutor_context(pg_temp.id('physics'), 'main', 10, size, 1000) -> 'pages') with ordinality told (page, place)
$$;

-- Ada's book says in seven scripts what a rank is, each on two pages of three.
select pg_temp.become('ada');
select isnt_empty($$ select pg_temp.save('book',
  'The kernel is what vanishes.', 'The rank of a matrix is the dimension of its image.', 'A matrix has rows.',
  '행렬의 행과 열을 바꾼다.', E'행렬의 계수는 선형 독립인 행의\n최대 개수이다.', '벡터는 방향과 크기를 가진다.',
  'ベクトルは向きと大きさをもつ。', '行列の階数とは線形独立な行の最大数である。', '行列の積は交換できない。',
  E'矩阵的秩是线性无\n关的行的最大数目。', '向量有方向和大小。', '矩阵的乘法不满足交换律。',
  'เวกเตอร์มีขนาดและทิศทาง', 'แรงก์ของเมทริกซ์คือจำนวนแถวที่เป็นอิสระเชิงเส้น', 'เมทริกซ์ผกผัน',
  'PCA 依靠特征值。') $$, 'a book of many tongues is saved');
create function pg_temp.told_of(question text, size integer default 6) returns text language sql as $$
  select pg_temp.ask(question, 'book'); select pg_temp.told(size);
$$;
select is(pg_temp.told_of(question), pages, 'told of: ' || left(question, 60)) from (values
  ('What is the rank of a matrix?', '2,3,1'), ('matrix or "kernel"', '3,1,2'), ('Any zebras?', '1,2,3,4,5,6'),
  ('행렬의 계수는 무엇인가요?', '5,4'), ('계수가 뭐예요?', '5'), ('최대개수', '5'),
  ('行列の階数は何ですか。', '8,9'), ('階数', '8'),
  ('矩阵的秩是什么？', '10,12'), ('什么是线性无关？', '10'), ('秩', '10'), ('请问 PCA 是什么', '16'), ('pca是什么意思', '16'),
  ('แรงก์ของเมทริกซ์คืออะไร', '14,15'), ('ทิศทาง', '13'), ('Explain 线性无关 to me, please', '10'),
  ('我们学习', '1,2,3,4,5,6'), ('。', '1,2,3,4,5,6')
) as asked (question, pages);
select is(pg_temp.told_of('矩阵的秩是什么？', 1), '10', 'so many of them, the best');
select is(pg_temp.told_of(repeat('我们学习很多东西，', 20) || '矩阵的秩'), '10,12', 'a long question has its end read');
select is(pg_temp.told_of(repeat('我们学习很多东西，', 200) || '矩阵的秩'), '1,2,3,4,5,6', 'but no more than 1,000 characters');
select is(pg_temp.told_of(repeat('word ', 250) || '矩阵的秩'), '1,2,3,4,5,6', 'nor what a search would not read');

-- Only what is mentioned is told, and a page that two sources share once.
select is(pg_temp.save('other', '矩阵的秩是什么？'), '{}', 'another source has the very words');
select is(pg_temp.told_of('矩阵的秩是什么？'), '10,12', 'it is not told unless it is mentioned');
select pg_temp.ask('矩阵的秩是什么？', 'book', 'other');
select is(pg_temp.told(), '1,10,12', 'then it is');
reset role;
update sources s set (storage_path, status, page_count, file_name, file_bytes, media_type, file_id) = (
    select b.storage_path, b.status, b.page_count, b.file_name, b.file_bytes, b.media_type, b.file_id
    from sources b where b.id = pg_temp.id('book')
  ) where s.id = pg_temp.id('copy');
select pg_temp.become('ada');
select pg_temp.ask('矩阵的秩是什么？', 'book', 'copy');
select is(pg_temp.told(), '10,12', 'of a copy nothing is told twice');

-- However much is mentioned, no more is looked at than there is time for.
select isnt_empty($$ select pg_temp.save('other', '乘法', repeat('学', 4000) || '矩阵的秩') $$, 'a page is longer than any page is');
select pg_temp.ask('矩阵的秩是什么？', 'other');
select is(pg_temp.told(), '1,2', 'what it says that late is not found');
reset role;
update sources set page_count = 5000;
update sources set file_id = gen_random_uuid() where id = pg_temp.id('copy');
select pg_temp.become('ada');
select pg_temp.ask('矩阵的秩，向量', 'book', 'other', 'copy');
select is(pg_temp.told(), '11', 'of more than 10,000 pages every second one is looked at');

-- Bob knows the id, and that is all.
select pg_temp.become('bob');
select is(
  tutor_context(pg_temp.id('physics'), 'main', 10, 6, 1000)::jsonb, '{"messages": [], "labs": [], "pages": []}', 'a stranger is told nothing'
);

select * from finish();
rollback;
