-- Generation: who may begin and finish it, what is written at its end, and what is not.

begin;
select plan(44);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('art'), pg_temp.id('bob'), 'Art');
select pg_temp.become('ada');
insert into sources (id, workspace_id, type, title) values (pg_temp.id('book'), pg_temp.id('physics'), 'pdf', 'Book');
insert into labs (id, workspace_id, type, source_id, user_state)
  values (pg_temp.id('code'), pg_temp.id('physics'), 'code_lab', pg_temp.id('book'), '{"code": "old"}');
insert into labs (id, workspace_id, type, title)
  values (pg_temp.id('cards'), pg_temp.id('physics'), 'flashcard_lab', 'Mine');

create function pg_temp.finish(lab text, turn text) returns text language sql as $$
  select finish_generation(
    pg_temp.id(lab), pg_temp.id(turn),
    case
      when lab in ('code', 'hand') then '{"instructions": "", "starter_code": "", "tests": "", "language": "python"}'::jsonb
      else '{"cards": [{"front": "a", "back": "b", "page": 1}]}'
    end,
    'Theirs', case when lab in ('code', 'hand') then 'x = 1' end
  )
$$;

-- Ada begins, and nobody else meanwhile.
select lives_ok($$ select begin_generation(pg_temp.id('code'), pg_temp.id('first')) $$, 'a lab without content is claimed');
select results_eq(
  $$ select status, progress, lease_until > clock_timestamp() from labs where id = pg_temp.id('code') $$,
  $$ values ('generating', jsonb_build_object('turn', pg_temp.id('first'), 'step', 'reading'), true) $$,
  'it is generating, and says whose turn it is'
);
select throws_ok(
  $$ select begin_generation(pg_temp.id('code'), pg_temp.id('second')) $$, 'PT409', 'turn_running', 'it is claimed once'
);
select throws_ok(
  $$ select begin_generation(pg_temp.id('nowhere'), pg_temp.id('first')) $$, 'PT404', 'lab_not_found', 'what is not there is not'
);
select pg_temp.become('bob');
select throws_ok(
  $$ select begin_generation(pg_temp.id('cards'), pg_temp.id('bob')) $$, 'PT404', 'lab_not_found', 'a stranger begins nothing'
);
select is(pg_temp.finish('code', 'first'), null, 'and finishes nothing');

-- It is finished by the turn that has it, once, with all that belongs to it.
select pg_temp.become('ada');
select is(pg_temp.finish('code', 'second'), null, 'another turn finishes nothing');
select is(generated_content, null, 'and writes nothing') from labs where id = pg_temp.id('code');
select is_empty($$ select from edges $$, 'no edge either');
select is(pg_temp.finish('code', 'first'), 'in_progress', 'the turn that has it finishes it');
select results_eq(
  $$ select status, title, user_state, progress, lease_until, generated_content ->> 'language' from labs where id = pg_temp.id('code') $$,
  $$ values ('in_progress', 'Theirs', '{}'::jsonb, null::jsonb, null::timestamptz, 'python') $$,
  'with its content, a title since it had none, and no older draft'
);
select results_eq(
  $$ select source_node_id, target_node_id from edges $$, $$ values (pg_temp.id('book'), pg_temp.id('code')) $$,
  'an edge leads from its source to it'
);
select throws_ok(
  $$ select lab_solution(pg_temp.id('code')) $$, 'PT409', 'solution_hidden', 'its solution is hidden'
);
update labs set status = 'given_up' where id = pg_temp.id('code');
select is(lab_solution(pg_temp.id('code')), 'x = 1', 'until it is given up');
select is(pg_temp.finish('code', 'first'), null, 'it is finished once');
select throws_ok(
  $$ select begin_generation(pg_temp.id('code'), pg_temp.id('third')) $$, 'PT409', 'lab_has_content', 'content is not written over'
);
update labs set generated_content = null where id = pg_temp.id('code');
select lives_ok($$ select begin_generation(pg_temp.id('code'), pg_temp.id('third')) $$, 'but where it was taken out');
select is(pg_temp.finish('code', 'third'), 'in_progress', 'that is finished too');
select is(count(*), 1::bigint, 'the edge is there once') from edges;

-- Of other content nothing is written, and what was stopped is the turn's no more.
select begin_generation(pg_temp.id('cards'), pg_temp.id('fourth'));
select throws_like(
  $$ select finish_generation(pg_temp.id('cards'), pg_temp.id('fourth'), '{"cards": []}') $$,
  '%"labs_generated_content_shape"', 'content of another shape is refused'
);
update labs set status = 'pending' where id = pg_temp.id('cards');
select is(pg_temp.finish('cards', 'fourth'), null, 'a turn that was stopped finishes nothing');
select begin_generation(pg_temp.id('cards'), pg_temp.id('fifth'));
select is(pg_temp.finish('cards', 'fifth'), 'in_progress', 'it can be begun again');
select is(title, 'Mine', 'a title stays') from labs where id = pg_temp.id('cards');
select is(count(*), 1::bigint, 'without a source there is no edge') from edges;

-- Content that is written by hand meanwhile ends the generation, and stays.
insert into labs (id, workspace_id, type, source_id) values (pg_temp.id('hand'), pg_temp.id('physics'), 'code_lab', pg_temp.id('book'));
select begin_generation(pg_temp.id('hand'), pg_temp.id('sixth'));
update labs set generated_content = null, config = '{"count": 1}' where id = pg_temp.id('hand');
select is(status, 'generating', 'what leaves a lab without content ends nothing') from labs where id = pg_temp.id('hand');
update labs set generated_content = '{"instructions": "mine", "starter_code": "", "tests": "", "language": "python"}'
  where id = pg_temp.id('hand');
select results_eq(
  $$ select status, progress, lease_until, failure from labs where id = pg_temp.id('hand') $$,
  $$ values ('in_progress', null::jsonb, null::timestamptz, null::text) $$, 'content by hand ends the generation'
);
select is(pg_temp.finish('hand', 'sixth'), null, 'its turn finishes nothing');
select is(generated_content ->> 'instructions', 'mine', 'the content stays') from labs where id = pg_temp.id('hand');
select throws_ok(
  $$ select begin_generation(pg_temp.id('hand'), pg_temp.id('seventh')) $$, 'PT409', 'lab_has_content', 'it is not generated over'
);
update labs set status = 'given_up' where id = pg_temp.id('hand');
select throws_ok($$ select lab_solution(pg_temp.id('hand')) $$, 'PT404', 'no_solution', 'no solution of the turn''s is kept');
-- As it was left where content did not end a generation yet.
update labs set status = 'generating', progress = jsonb_build_object('turn', pg_temp.id('sixth')) where id = pg_temp.id('hand');
select is(pg_temp.finish('hand', 'sixth'), null, 'also where the lab is its own, a turn writes over no content');
select is(generated_content ->> 'instructions', 'mine', 'which still stays') from labs where id = pg_temp.id('hand');

-- It makes no difference whether the generation has ended a moment before, or has not begun.
insert into labs (id, workspace_id, type) select pg_temp.id(name), pg_temp.id('physics'), 'essay_lab' from unnest(array['lapsed', 'new', 'done']) name;
update labs set status = 'failed', failure = 'interrupted' where id = pg_temp.id('lapsed');
update labs set generated_content = '{"mine": 1}' where id in (pg_temp.id('lapsed'), pg_temp.id('new'));
select results_eq(
  $$ select id = pg_temp.id('new'), status, failure, version from labs where id in (pg_temp.id('lapsed'), pg_temp.id('new')) order by 1 $$,
  $$ values (false, 'in_progress', null::text, 3), (true, 'in_progress', null, 2) $$,
  'content by hand makes a lab that has failed, or was not generated yet, in progress'
);
update labs set generated_content = '{"mine": 1}', status = 'completed' where id = pg_temp.id('done');
update labs set generated_content = '{"mine": 2}' where id = pg_temp.id('done');
select is(status, 'completed', 'another status is what somebody has said') from labs where id = pg_temp.id('done');
insert into labs (id, workspace_id, type, generated_content) values (pg_temp.id('made'), pg_temp.id('physics'), 'essay_lab', '{"mine": 1}');
select is(status, 'pending', 'also of a lab that is made with content') from labs where id = pg_temp.id('made');

-- A solution belongs to what was generated along with it, and stays when somebody changes that.
update labs set status = 'given_up', generated_content = generated_content || '{"instructions": "Edited"}' where id = pg_temp.id('code');
select is(lab_solution(pg_temp.id('code')), 'x = 1', 'a solution stays when content is edited');
update labs set generated_content = null where id = pg_temp.id('code');
select begin_generation(pg_temp.id('code'), pg_temp.id('eighth'));
update labs set status = 'given_up' where id = pg_temp.id('code');
select is(lab_solution(pg_temp.id('code')), 'x = 1', 'also when a generation comes to nothing, so that the content can be put back');
update labs set type = 'flashcard_lab', status = 'pending' where id = pg_temp.id('code');
select begin_generation(pg_temp.id('code'), pg_temp.id('ninth'));
select is(
  finish_generation(pg_temp.id('code'), pg_temp.id('other'), '{"cards": [{"front": "a", "back": "b"}]}'), null, 'another turn finishes nothing'
);
reset role;
select is(count(*), 1::bigint, 'and takes no solution away') from lab_solutions where lab_id = pg_temp.id('code');
select pg_temp.become('ada');
select is(
  finish_generation(pg_temp.id('code'), pg_temp.id('ninth'), '{"cards": [{"front": "a", "back": "b"}]}'), 'in_progress',
  'a lab becomes one of another type'
);
update labs set status = 'completed' where id = pg_temp.id('code');
select throws_ok($$ select lab_solution(pg_temp.id('code')) $$, 'PT404', 'no_solution', 'and has no solution of what it was');

-- What it is made from.
select lives_ok(
  $$ select save_file(pg_temp.id('book'), pg_temp.id('physics') || '/a.txt', 'a.txt', 3, 'text/plain', document => '{"pages": ["one", "two", "three"]}') $$,
  'a file is read'
);
select results_eq(
  $$ select * from read_page_heads(pg_temp.id('book'), '{3,1,9}', 3) $$, $$ values (1, 'one'), (3, 'thr') $$,
  'the beginnings of pages are read, in their order'
);
select pg_temp.become('bob');
select is_empty($$ select * from read_page_heads(pg_temp.id('book'), '{1}', 3) $$, 'but by no stranger');

select * from finish();
rollback;
