-- Turns: answers and labs that a model writes, who may write them, and what becomes of those that lose their writer.

begin;
select plan(75);

\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('art'), pg_temp.id('bob'), 'Art');

create function pg_temp.ask(content text, answer text, chat text default 'main', replaced text default null) returns setof chat_messages language sql as $$
  select * from begin_answer(
    pg_temp.id('physics'), chat, pg_temp.id(answer),
    case when content is not null then jsonb_build_object('id', pg_temp.id(content), 'content', content) end,
    pg_temp.id(replaced)
  )
$$;
create function pg_temp.finish(answer text, how text default 'complete') returns void language sql as $$
  update chat_messages set content = answer, status = how where id = pg_temp.id(answer)
$$;
create function pg_temp.conversation(chat text default 'main') returns text[] language sql as $$
  select array_agg(content order by seq) from chat_messages where chat_id = chat and workspace_id = pg_temp.id('physics')
$$;
-- As if 15 seconds had gone by without a write.
create function pg_temp.let_lapse() returns void language plpgsql as $$
declare
  who constant text := current_user;
begin
  reset role;
  set local session_replication_role = replica;
  update chat_messages set lease_until = clock_timestamp() - interval '1 second' where lease_until is not null;
  update labs set lease_until = clock_timestamp() - interval '1 second' where lease_until is not null;
  set local session_replication_role = origin;
  perform set_config('role', who, true);
end $$;

-- Ada asks, and an answer begins.
select pg_temp.become('ada');
select results_eq(
  $$ select role, content, status, chat_id, user_id from pg_temp.ask('Why?', 'Because') $$,
  $$ values ('user', 'Why?', 'complete', 'main', pg_temp.id('ada')), ('assistant', '', 'streaming', 'main', pg_temp.id('ada')) $$,
  'a question and its unfinished answer are there at once'
);
select ok(
  lease_until between clock_timestamp() + interval '14 seconds' and clock_timestamp() + interval '16 seconds', 'the answer has a lease of 15 seconds'
) from chat_messages where id = pg_temp.id('Because');
select is(lease_until, null, 'the question has none') from chat_messages where id = pg_temp.id('Why?');
select throws_like($$ select pg_temp.ask('And?', 'So') $$, '%"chat_messages_running_key"', 'a conversation has one unfinished answer');
select is(pg_temp.conversation(), array['Why?', ''], 'the second question is not kept either');
select throws_like($$ select pg_temp.ask(null, 'So') $$, '%"chat_messages_running_key"', 'an unfinished answer is not replaced');
select lives_ok($$ select pg_temp.ask('Elsewhere?', 'There', 'side') $$, 'another conversation has its own');

insert into chat_messages (id, workspace_id, chat_id, role, content, status, user_id)
  values (pg_temp.id('Bob'), pg_temp.id('physics'), 'bob', 'assistant', '', 'streaming', pg_temp.id('bob'));
select is(user_id, pg_temp.id('ada'), 'nobody writes for somebody else') from chat_messages where chat_id = 'bob';

-- Who writes it renews its lease, and changes nothing else of it.
select pg_temp.let_lapse();
update chat_messages set content = 'Be' where id = pg_temp.id('Because');
select ok(lease_until > clock_timestamp(), 'a write renews the lease') from chat_messages where id = pg_temp.id('Because');
select is(content, 'Be', 'and keeps the text') from chat_messages where id = pg_temp.id('Because');
select throws_ok(
  format($$ update chat_messages set %s where id = pg_temp.id('Because') $$, change), '42501', null, 'an answer keeps its ' || change
) from unnest(array['role = ''user''', 'chat_id = ''side''', 'user_id = null', 'mentions = ''[]''', 'lease_until = ''infinity''']) change;
select lives_ok($$ update chat_messages set status = 'stopping' where id = pg_temp.id('Because') $$, 'it is asked to stop');
select ok(lease_until is not null, 'and is unfinished until its writer has') from chat_messages where id = pg_temp.id('Because');
select throws_like(
  $$ update chat_messages set status = 'failed' where id = pg_temp.id('Because') $$, '%"chat_messages_failure_of_failed"', 'it fails for a reason'
);
select throws_like(
  $$ update chat_messages set status = 'complete', content = ' ' where id = pg_temp.id('Because') $$,
  '%"chat_messages_content_text"', 'what is complete is not empty'
);
select lives_ok($$ select pg_temp.finish('Because', 'stopped') $$, 'it ends');
select is(lease_until, null, 'and its lease with it') from chat_messages where id = pg_temp.id('Because');
select is_empty(
  $$ update chat_messages set content = 'Edited' where id in (pg_temp.id('Because'), pg_temp.id('Why?')) returning id $$,
  'what is finished is not edited'
);
select is_empty($$ update chat_messages set status = 'streaming' where id = pg_temp.id('Because') returning id $$, 'nor begun again');

-- Nobody else writes it.
select pg_temp.become('bob');
select is_empty($$ update chat_messages set content = 'Mine' returning id $$, 'a stranger writes no answer');
select throws_ok($$ select pg_temp.ask('Psst', 'No') $$, '42501', null, 'a stranger asks nothing');
select throws_ok($$ select pg_temp.ask(null, 'No') $$, 'PT404', 'message_not_found', 'nor has anything answered again');
select pg_temp.let_lapse();
select end_lapsed_turns(pg_temp.id('physics'));
select pg_temp.become('ada');
select is(status, 'streaming', 'a stranger ends no turn') from chat_messages where id = pg_temp.id('There');
reset role;
select set_config('request.jwt.claims', '', true), set_config('request.jwt.claim.sub', '', true);
insert into chat_messages (id, workspace_id, chat_id, role, content, status, user_id)
  values (pg_temp.id('Guest'), pg_temp.id('physics'), 'guest', 'assistant', '', 'streaming', pg_temp.id('bob'));
select pg_temp.become('ada');
select is(user_id, pg_temp.id('bob'), 'an answer is written for Bob') from chat_messages where id = pg_temp.id('Guest');
select is_empty(
  $$ update chat_messages set content = 'Mine' where id = pg_temp.id('Guest') returning id $$, 'nobody else writes it, not even who owns the workspace'
);
select is(pg_temp.outcome($$ delete from chat_messages where id = pg_temp.id('Guest') $$), '1 rows', 'who owns the workspace deletes it');
reset role;
insert into auth.users (id, email) values (pg_temp.id('cy'), 'cy@example.com');
insert into workspace_members (workspace_id, user_id, role) values (pg_temp.id('physics'), pg_temp.id('cy'), 'editor');
select pg_temp.become('cy');
insert into chat_messages (id, workspace_id, chat_id, role, content, status)
  values (pg_temp.id('Cy'), pg_temp.id('physics'), 'cy', 'assistant', '', 'streaming');
select is(pg_temp.outcome($$ delete from chat_messages where id = pg_temp.id('Guest') $$), '0 rows', 'an editor does not');
select is(pg_temp.outcome($$ delete from chat_messages where id = pg_temp.id('Cy') $$), '1 rows', 'but one that is written for them');
select pg_temp.let_lapse();
select is(pg_temp.outcome($$ delete from chat_messages where id = pg_temp.id('Guest') $$), '1 rows', 'and any, once it has lost its writer');
delete from chat_messages where id = pg_temp.id('Cy');
select pg_temp.become('ada');
update chat_messages set content = '' where id = pg_temp.id('There');
delete from chat_messages where id = pg_temp.id('Guest');
select throws_like(
  $$ insert into chat_messages (workspace_id, role, content, status) values (pg_temp.id('physics'), 'user', 'Hm', 'streaming') $$,
  '%"chat_messages_status_of_answer"', 'a question is never unfinished'
);
select lives_ok(
  $$ update chat_messages set sources = '[{"source_id": null, "title": "Optics", "page": 1e300}]' where id = pg_temp.id('There') $$, 'an answer has sources'
);
select throws_like(
  format($$ update chat_messages set sources = %L where id = pg_temp.id('There') $$, bad), '%"chat_messages_sources_readable"', 'no sources: ' || left(bad, 9)
) from unnest(array['[1e400]', repeat('[', 65) || repeat(']', 65)]) bad;

-- What has lost its writer is ended by whoever finds it.
update chat_messages set content = 'So far' where id = pg_temp.id('Bob');
select pg_temp.let_lapse();
update chat_messages set content = 'Still' where id = pg_temp.id('There');
select end_lapsed_turns(pg_temp.id('physics'));
select results_eq(
  $$ select status, failure, content, lease_until is null from chat_messages where id in (pg_temp.id('Bob'), pg_temp.id('There')) order by status $$,
  $$ values ('failed', 'interrupted', 'So far', true), ('streaming', null, 'Still', false) $$,
  'what has no lease has failed, its text stays; what has one goes on'
);
select pg_temp.let_lapse();
update chat_messages set status = 'stopping' where id = pg_temp.id('There');
select end_lapsed_turns(pg_temp.id('physics'));
select is(status, 'stopped', 'what was to stop has stopped, since to ask for that renews no lease') from chat_messages where id = pg_temp.id('There');
select lives_ok($$ select pg_temp.ask('Again?', 'Lost', 'lost') $$, 'an answer begins');
select pg_temp.let_lapse();
select lives_ok($$ select pg_temp.ask('Now?', 'Now', 'lost') $$, 'one that was lost is in the way of no other');
select is(status, 'failed', 'and is ended by that') from chat_messages where id = pg_temp.id('Lost');

-- What was said is said again.
select pg_temp.ask('One?', '1', 'redo'); select pg_temp.finish('1');
select pg_temp.ask('Two?', '2', 'redo'); select pg_temp.finish('2');
select pg_temp.ask(null, '2b', 'redo'); select pg_temp.finish('2b');
select is(pg_temp.conversation('redo'), array['One?', '1', 'Two?', '2b'], 'the last answer is replaced');
select results_eq(
  $$ select content from pg_temp.ask(null, '1b', 'redo', '1') $$, array['One?', ''], 'an older one is replaced with all that follows'
);
select pg_temp.finish('1b');
select is(pg_temp.conversation('redo'), array['One?', '1b'], 'as the conversation shows');
select pg_temp.ask(null, '1c', 'redo', 'One?'); select pg_temp.finish('1c');
select is(pg_temp.conversation('redo'), array['One?', '1c'], 'a question is answered again');
select pg_temp.ask('Three?', '3', 'redo', 'One?'); select pg_temp.finish('3');
select is(pg_temp.conversation('redo'), array['Three?', '3'], 'another question takes its place');
select throws_ok($$ select pg_temp.ask(null, '4', 'redo', 'Nowhere') $$, 'PT404', 'message_not_found', 'what is not there is not replaced');
select throws_ok($$ select pg_temp.ask(null, '4', 'redo', 'Why?') $$, 'PT404', 'message_not_found', 'nor what is in another conversation');
select throws_ok($$ select pg_temp.ask(null, '4', 'empty') $$, 'PT404', 'message_not_found', 'an empty conversation has nothing to answer');
select throws_like(format($$ select pg_temp.ask('Hm', '5', %L) $$, bad), '%"chat_messages_chat_id_word"', 'no conversation is named ' || bad)
from unnest(array['', 'a/b', 'ä', repeat('a', 65)]) bad;

-- A lab that is generated has a lease too; its progress is no content.
insert into labs (id, workspace_id, type) values (pg_temp.id('quiz'), pg_temp.id('physics'), 'quiz_lab');
update labs set status = 'generating', progress = '{"step": "reading"}' where id = pg_temp.id('quiz');
select ok(lease_until > clock_timestamp() and version = 2, 'a lab that is being generated has a lease') from labs;
select pg_temp.let_lapse();
update labs set progress = '{"step": "writing"}' where id = pg_temp.id('quiz');
select ok(lease_until > clock_timestamp() and version = 2, 'progress renews it and raises no version') from labs;
select end_lapsed_turns(pg_temp.id('physics'));
select is(status, 'generating', 'it goes on while it has one') from labs;
select pg_temp.let_lapse();
update labs set canvas_position = '{"x": 1, "y": 1}';
select ok(lease_until < clock_timestamp(), 'a drag renews no lease') from labs;
select end_lapsed_turns(pg_temp.id('physics'));
select results_eq(
  $$ select status, failure, progress, lease_until, version from labs $$,
  $$ values ('failed', 'interrupted', null::jsonb, null::timestamptz, 3) $$,
  'a lab that has lost its writer has failed'
);
update labs set status = 'in_progress';
select is(failure, null, 'a lab that is generated after all has no failure') from labs;
select throws_like(
  $$ insert into labs (workspace_id, type, failure, status) values (pg_temp.id('physics'), 'quiz_lab', 'Oh no', 'failed') $$,
  '%"labs_failure_word"', 'a failure is a word'
);

-- A lab in the trash is left as it is, and ended once it has come back.
update labs set status = 'generating', progress = '{"step": "reading"}';
select move_to_trash('labs', pg_temp.id('quiz'));
select pg_temp.let_lapse();
select end_lapsed_turns(pg_temp.id('physics'));
select edit_canvas(pg_temp.id('physics'), jsonb_build_object('restore', jsonb_build_object('nodes', jsonb_build_array(pg_temp.id('quiz')))));
select results_eq(
  'select status, progress, version from labs', $$ values ('generating', '{"step": "reading"}'::jsonb, 5) $$,
  'a lab comes back from the trash as it was, also one that has lost its writer there'
);
select end_lapsed_turns(pg_temp.id('physics'));
select results_eq('select status, failure, version from labs', $$ values ('failed', 'interrupted', 6) $$, 'and whoever finds it ends it then');

-- What a day's tokens are spent on.
create temp table reserved (id uuid) on commit drop;
insert into reserved select reserve_tokens(600, 1000);
select lives_ok($$ insert into reserved select reserve_tokens(600, 1000) $$, 'what is not used up is given out, by one turn too much at most');
select throws_ok($$ select reserve_tokens(1, 1000) $$, 'PT429', 'quota_exceeded', 'then nothing is');
select settle_tokens(id, 100) from reserved;
select lives_ok($$ select reserve_tokens(800, 1000) $$, 'what was not used after all is given out again');
select settle_tokens(id, 0) from reserved;
select throws_ok($$ select reserve_tokens(1, 1000) $$, 'PT429', 'quota_exceeded', 'a turn is settled once');
select throws_ok('select * from ai_usage', '42501', null, 'nobody reads the ids by which turns are settled');
select throws_ok('delete from ai_usage', '42501', null, 'nor deletes what was used');
create temp table theirs on commit drop as select reserve_tokens(500, 2000) as id;
select pg_temp.become('bob');
select lives_ok($$ select reserve_tokens(1, 1000) $$, 'everybody has a day''s tokens of their own');
select settle_tokens(id, 0) from theirs;
reset role;
select is_empty('select from ai_usage join theirs using (id) where tokens = 0 or is_settled', 'nobody settles what is reserved for somebody else');
select pg_temp.become('bob');
select throws_like($$ select reserve_tokens(-1, 1000) $$, '%"ai_usage_tokens_range"', 'nothing is taken back');
reset role;
update ai_usage set day = day - 1;
select pg_temp.become('ada');
select lives_ok($$ select reserve_tokens(1, 1000) $$, 'and gets them anew every day');
reset role;
update ai_usage set day = day - 90 where user_id = pg_temp.id('bob');
update ai_usage set day = day - case when tokens = 1 then 90 else 91 end where user_id = pg_temp.id('ada');
select pg_temp.become('ada');
select reserve_tokens(2, 1000);
reset role;
select results_eq(
  $$ select user_id = pg_temp.id('ada'), tokens from ai_usage where tokens < 3 order by 1, 2 $$,
  $$ values (false, 1), (true, 1), (true, 2) $$, 'what a user took is kept for 90 days'
);
select is_empty($$ select from ai_usage where user_id = pg_temp.id('ada') and tokens > 2 $$, 'and no longer');

select * from finish();
rollback;
