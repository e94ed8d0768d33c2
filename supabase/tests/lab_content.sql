-- Lab content: the shapes of the three types that we know; other types hold what they like.

begin;
select plan(58);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('music'), pg_temp.id('bob'), 'Music');
insert into labs (id, workspace_id, type) values
  (pg_temp.id('code'), pg_temp.id('physics'), 'code_lab'), (pg_temp.id('cards'), pg_temp.id('physics'), 'flashcard_lab'),
  (pg_temp.id('quiz'), pg_temp.id('physics'), 'quiz_lab'), (pg_temp.id('free'), pg_temp.id('physics'), 'essay_lab');

create temp table good (type text, part text, content jsonb) on commit drop;
insert into good values
  ('code_lab', 'whole', '{"instructions": "", "starter_code": "", "tests": "", "language": "python"}'),
  ('flashcard_lab', 'card', '{"front": "a", "back": "b", "page": 3}'),
  ('quiz_lab', 'question', '{"question": "Why?", "choices": ["a", "b"], "answer": 1, "explanation": "So."}');
grant select on good to public;
create function pg_temp.good(type text, change jsonb default '{}') returns jsonb language sql as $$
  select case g.type
    when 'flashcard_lab' then jsonb_build_object('cards', jsonb_build_array(g.content || change))
    when 'quiz_lab' then jsonb_build_object('questions', jsonb_build_array(g.content || change))
    else g.content || change
  end from good g where g.type = good.type
$$;
create function pg_temp.many(key text, item jsonb, count integer) returns jsonb language sql as $$
  select jsonb_build_object(key, coalesce(jsonb_agg(item), '[]')) from generate_series(1, count)
$$;
select pg_temp.become('ada');

select lives_ok(
  format($$ update labs set generated_content = %s where type = %L $$, content, type), 'allowed: ' || type || ' ' || content
)
from (values
  ('essay_lab', $$ '{"anything": [1]}' $$), ('code_lab', 'null'),
  ('code_lab', $$ pg_temp.good('code_lab') $$),
  ('code_lab', $$ pg_temp.good('code_lab', jsonb_build_object('tests', repeat('a', 65536))) $$),
  ('code_lab', $$ pg_temp.good('code_lab', jsonb_build_object('starter_code', repeat('é', 32768))) $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab') $$),
  ('flashcard_lab', $$ '{"cards": [{"front": "a", "back": "b"}]}' $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab', jsonb_build_object('front', repeat('é', 5000))) $$),
  ('flashcard_lab', $$ pg_temp.many('cards', '{"front": "a", "back": "b"}', 200) $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab') $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"choices": ["a", "b", "c", "d", "e", "f"], "answer": 5, "page": 1}') $$),
  ('quiz_lab', $$ pg_temp.many('questions', (select content from good where type = 'quiz_lab'), 100) $$)
) allowed (type, content);

select throws_like(
  format($$ update labs set generated_content = %s where type = %L $$, content, type), '%"labs_generated_content_shape"',
  'refused: ' || type || ' ' || content
)
from (values
  ('code_lab', $$ '{}' $$), ('code_lab', $$ pg_temp.good('code_lab') - 'tests' $$),
  ('code_lab', $$ pg_temp.good('code_lab', '{"solution": "x"}') $$),
  ('code_lab', $$ pg_temp.good('code_lab', '{"tests": null}') $$), ('code_lab', $$ pg_temp.good('code_lab', '{"tests": 1}') $$),
  ('code_lab', $$ pg_temp.good('code_lab', '{"language": "perl"}') $$),
  ('code_lab', $$ pg_temp.good('code_lab', jsonb_build_object('tests', repeat('a', 65537))) $$),
  ('code_lab', $$ pg_temp.good('code_lab', jsonb_build_object('instructions', repeat('é', 32769))) $$),
  ('flashcard_lab', $$ '{}' $$), ('flashcard_lab', $$ '{"cards": []}' $$), ('flashcard_lab', $$ '{"cards": {}}' $$),
  ('flashcard_lab', $$ '{"cards": [1]}' $$), ('flashcard_lab', $$ '{"cards": [null]}' $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab') || '{"more": 1}' $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab', '{"front": " "}') $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab', '{"back": null}') $$),
  ('flashcard_lab', $$ '{"cards": [{"front": "a"}]}' $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab', '{"page": 0}') $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab', '{"page": 1.5}') $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab', '{"page": "1"}') $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab', '{"page": null}') $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab', '{"hint": "x"}') $$),
  ('flashcard_lab', $$ pg_temp.good('flashcard_lab', jsonb_build_object('front', repeat('é', 5001))) $$),
  ('flashcard_lab', $$ pg_temp.many('cards', '{"front": "a", "back": "b"}', 201) $$),
  ('quiz_lab', $$ '{"questions": []}' $$), ('quiz_lab', $$ '{"questions": ["Why?"]}' $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"choices": ["a"], "answer": 0}') $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"choices": ["a", "b", "c", "d", "e", "f", "g"]}') $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"choices": ["a", "a"]}') $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"choices": ["a", 1]}') $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"choices": "ab"}') $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"answer": 2}') $$), ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"answer": -1}') $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"answer": 0.5}') $$), ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"answer": "1"}') $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"answer": null}') $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"explanation": ""}') $$),
  ('quiz_lab', $$ pg_temp.good('quiz_lab', '{"question": null}') $$),
  ('quiz_lab', $$ pg_temp.many('questions', (select content from good where type = 'quiz_lab'), 101) $$)
) refused (type, content);

-- What a type asks for holds for content that stays, however it is stored.
update labs set generated_content = jsonb_build_object('text', repeat('a', 100000)) where type = 'essay_lab';
select isnt(pg_column_compression(generated_content), null, 'long content is compressed') from labs where type = 'essay_lab';
select throws_like(
  $$ update labs set type = 'quiz_lab' where type = 'essay_lab' $$, '%"labs_generated_content_shape"',
  'a lab does not become a quiz with other content'
);
select throws_like(
  $$ insert into labs (workspace_id, type, generated_content) values (pg_temp.id('physics'), 'quiz_lab', '{"a": 1}') $$,
  '%"labs_generated_content_shape"', 'nor is one made'
);
select lives_ok($$ update labs set type = 'essay_lab' where type = 'quiz_lab' $$, 'a quiz may become anything free');

-- Given up is a status, and a lab starts over from it.
select lives_ok($$ update labs set status = 'given_up', user_state = '{"code": "x"}' where type = 'code_lab' $$, 'a learner gives up');
update labs set generated_content = pg_temp.good('code_lab') where type = 'code_lab';
select results_eq(
  $$ select status, user_state, version from reset_lab(pg_temp.id('code')) $$,
  $$ select 'in_progress', '{}'::jsonb, version + 1 from labs where id = pg_temp.id('code') $$, 'and starts over'
);
update labs set status = 'generating' where type = 'code_lab';
select throws_ok($$ select reset_lab(pg_temp.id('code')) $$, 'PT409', 'lab_not_ready', 'not while it is being generated');

select * from finish();
rollback;
