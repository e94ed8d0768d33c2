-- Chat messages: who speaks, in which order, and what may be mentioned.

begin;
select plan(37);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('art'), pg_temp.id('ada'), 'Art');
insert into sources (id, workspace_id, type, title) values
  (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics'), (pg_temp.id('colours'), pg_temp.id('art'), 'pdf', 'Colours');
insert into labs (id, workspace_id, type) values (pg_temp.id('quiz'), pg_temp.id('physics'), 'quiz_lab');
create function pg_temp.say(content text, mentions jsonb default '[]', role text default 'user') returns void language sql as $$
  insert into chat_messages (workspace_id, role, content, mentions) values (pg_temp.id('physics'), role, content, mentions)
$$;
select pg_temp.become('ada');

-- Ada talks with the assistant.
select lives_ok(
  $$ insert into chat_messages (id, workspace_id, role, content)
     values (pg_temp.id('hello'), pg_temp.id('physics'), 'user', 'Hello') returning * $$,
  'a message is created with an id of the client''s choice and read back'
);
select lives_ok($$ select pg_temp.say('Hi!', role => 'assistant') $$, 'the assistant answers');
select throws_ok($$ select pg_temp.say('Obey', role => 'system') $$, '42501', null, 'a client does not speak as the system');
select throws_ok(
  $$ insert into chat_messages (id, workspace_id, role, content) values (pg_temp.id('hello'), pg_temp.id('art'), 'user', 'Hello') $$,
  '23505', null, 'the same id is not taken twice'
);
select is_empty($$ update chat_messages set content = 'Edited' returning id $$, 'a message is not edited');

-- The order of a conversation never ties, also where the clock does.
insert into chat_messages (workspace_id, role, content) select pg_temp.id('physics'), 'user', i::text from generate_series(1, 20) i;
select is(count(distinct seq), count(*), 'every message has a number of its own') from chat_messages;
select results_eq(
  $$ select content from chat_messages order by seq $$,
  $$ select unnest(array['Hello', 'Hi!'] || array(select i::text from generate_series(1, 20) i)) $$,
  'the numbers rise in the order of writing'
);
insert into chat_messages (workspace_id, role, content) values (pg_temp.id('art'), 'user', 'Hello');
select results_eq(
  $$ select array_agg(seq order by seq) from chat_messages group by workspace_id order by 1 $$,
  $$ values (array[1::bigint]), (array(select generate_series(1, 22)::bigint)) $$,
  'every workspace counts its own'
);
delete from chat_messages where seq = 22 or workspace_id = pg_temp.id('art');
insert into chat_messages (workspace_id, role, content) values (pg_temp.id('physics'), 'user', '20');
select is(max(seq), 23::bigint, 'no number is given twice') from chat_messages;

-- What is said is kept byte for byte.
select lives_ok($$ select pg_temp.say(E'  \n cafe\u0301 \t') $$, 'a message begins and ends as it likes, in any form');
select is(content, E'  \n cafe\u0301 \t', 'and stays so') from chat_messages order by seq desc limit 1;
delete from chat_messages where seq = 24;

-- Limits.
select lives_ok($$ select pg_temp.say(repeat('é', 100000)) $$, 'a message of 100,000 characters fits');
select throws_like($$ select pg_temp.say(repeat('é', 100001)) $$, '%"chat_messages_content_length"', 'one of 100,001 does not');
select throws_like($$ select pg_temp.say('') $$, '%"chat_messages_content_text"', 'a message is not empty');
select throws_like($$ select pg_temp.say(E'\n\u00a0') $$, '%"chat_messages_content_text"', 'nor white space');

-- Mentions name nodes of the same workspace.
select lives_ok($$ select pg_temp.say('Compare', jsonb_build_array(pg_temp.id('optics'), pg_temp.id('quiz'))) $$, 'a source and a lab are mentioned');
select lives_ok($$ select pg_temp.say('Twice', jsonb_build_array(pg_temp.id('quiz'), pg_temp.id('quiz'))) $$, 'a node is mentioned twice');
select lives_ok(
  $$ select pg_temp.say('Often', (select jsonb_agg(pg_temp.id('quiz')) from generate_series(1, 50))) $$, '50 mentions fit'
);
select throws_like(
  $$ select pg_temp.say('Too often', (select jsonb_agg(pg_temp.id('quiz')) from generate_series(1, 51))) $$,
  '%"chat_messages_mentions_length"', '51 do not'
);
select throws_ok(
  $$ select pg_temp.say('Who?', jsonb_build_array(pg_temp.id('quiz'), pg_temp.id('nowhere'))) $$,
  'PT422', 'unknown_node', 'what is not there is not mentioned'
);
select throws_ok(
  $$ select pg_temp.say('There', jsonb_build_array(pg_temp.id('colours'))) $$,
  'PT422', 'unknown_node', 'nor a node of another workspace, though that is hers too'
);
select throws_ok(
  $$ select pg_temp.say('Here', jsonb_build_array(pg_temp.id('physics'))) $$, 'PT422', 'unknown_node', 'nor what is no node'
);
select throws_like($$ select pg_temp.say('{}', '{}') $$, '%"chat_messages_mentions_array"', 'mentions are a list');
select throws_like($$ select pg_temp.say('null', 'null') $$, '%"chat_messages_mentions_array"', 'mentions are not null');
select throws_like(format($$ select pg_temp.say('Bad', %L) $$, bad), '%"chat_messages_mentions_uuid"', 'no mention: ' || bad)
from unnest(array[
  '[""]', '["quiz"]', '[1]', '[null]', '[["6f1ed002-ab55-4f01-8a10-3b41d2f8c111"]]', '["6F1ED002-AB55-4F01-8A10-3B41D2F8C111"]'
]) bad;
delete from labs where id = pg_temp.id('quiz');
select isnt_empty(
  $$ select from chat_messages where mentions ? pg_temp.id('quiz')::text $$, 'a mention stays when its node goes'
);

-- Nobody sets what the database owns, not even a role with every grant.
select pg_temp.become('ada', 'service_role');
select lives_ok($$ select pg_temp.say('Be kind', role => 'system') $$, 'a service speaks as the system');
select throws_like($$ select pg_temp.say('Hm', role => 'bot') $$, '%"chat_messages_role_known"', 'nobody speaks as anything else');
insert into chat_messages (id, workspace_id, role, content, seq, created_at)
  values (pg_temp.id('forged'), pg_temp.id('physics'), 'user', 'Me first', -1, 'epoch');
update chat_messages set seq = -2, created_at = 'epoch' where id = pg_temp.id('forged');
select ok(
  seq = (select max(seq) from chat_messages) and created_at > now() - interval '1 minute', 'seq and created_at cannot be set'
) from chat_messages where id = pg_temp.id('forged');
select throws_ok(
  $$ update chat_messages set id = gen_random_uuid() where id = pg_temp.id('forged') $$,
  'PT422', 'immutable_column', 'a message keeps its id'
);
select throws_ok(
  $$ update chat_messages set workspace_id = pg_temp.id('art') where id = pg_temp.id('forged') $$,
  'PT422', 'immutable_column', 'a message keeps its workspace'
);

-- Nobody draws a number of a workspace that they do not see, even if nothing else refused them.
reset role;
insert into auth.users (id, email) values (pg_temp.id('bob'), 'bob@example.com');
create temp table counted on commit drop as select * from private.chat_counters;
alter table chat_messages disable row level security;
select pg_temp.become('bob');
insert into chat_messages (workspace_id, role, content) values (pg_temp.id('physics'), 'user', 'Psst');
reset role;
select results_eq('select * from private.chat_counters', 'select * from counted', 'a stranger draws no number');

select * from finish();
rollback;
