-- Access: for every table and operation, the owner may, a stranger may not, and without an account nothing is there.

begin;
\ir people.psql

insert into auth.users (id, email) values (pg_temp.id('ada'), 'ada@example.com'), (pg_temp.id('bob'), 'bob@example.com');
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('ada'), 'Physics'), (pg_temp.id('music'), pg_temp.id('bob'), 'Music');
insert into sources (id, workspace_id, type, title) values (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics');
insert into labs (id, workspace_id, type) values (pg_temp.id('quiz'), pg_temp.id('physics'), 'quiz_lab');
insert into edges (id, workspace_id, source_node_id, target_node_id)
  values (pg_temp.id('line'), pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('quiz'));
insert into chat_messages (id, workspace_id, role, content) values (pg_temp.id('hello'), pg_temp.id('physics'), 'user', 'Hello');
insert into lab_runs (workspace_id, lab_id, user_id, code, status, message, tests, output)
  values (pg_temp.id('physics'), pg_temp.id('quiz'), pg_temp.id('ada'), '', 'fail', '', '[]', '');
insert into lab_solutions (lab_id, workspace_id, solution) values (pg_temp.id('quiz'), pg_temp.id('physics'), 'x = 1');

\ir operations.psql
insert into operations values
  ('workspaces', 'insert', $$ insert into workspaces (name) values ('Another') $$),
  ('labs', 'update', $$ update labs set status = 'failed' where id = pg_temp.id('quiz') $$);
select plan(9 + 5 * count(*)::integer) from operations;

-- What is granted to nobody, the owner included.
create temp table never (relation text, operation text) on commit drop;
insert into never values
  ('lab_runs', 'update'), ('lab_runs', 'delete'),
  ('lab_solutions', 'select'), ('lab_solutions', 'update'), ('lab_solutions', 'delete');
grant select on never to public;

select pg_temp.become('ada');
select is(
  pg_temp.outcome(statement),
  case
    when (relation, operation) in (select * from never) then '42501'
    when (relation, operation) = ('chat_messages', 'update') then '0 rows' -- it is finished
    when operation = 'delete' and relation in ('sources', 'labs', 'edges') then '0 rows' -- it goes to the trash
    else '1 rows'
  end,
  format('the owner: %s %s', operation, relation)
) from operations;

select pg_temp.become('bob');
select is(
  pg_temp.outcome(statement),
  case
    when (relation, operation) = ('workspaces', 'insert') then '1 rows' -- one of his own
    when operation = 'insert' or (relation, operation) in (select * from never) then '42501'
    else '0 rows'
  end,
  format('a stranger: %s %s', operation, relation)
) from operations;
select throws_ok(
  $$ insert into workspaces (name, owner_id) values ('For Ada', pg_temp.id('ada')) $$, '42501', null,
  'nobody opens a workspace for someone else'
);
select throws_ok(
  $$ insert into labs (id, workspace_id, type) values (pg_temp.id('optics'), pg_temp.id('physics'), 'quiz_lab') $$, '42501', null,
  'a stranger is refused before any id is compared'
);
select throws_ok(
  $$ insert into chat_messages (workspace_id, role, content, mentions)
     values (pg_temp.id('physics'), 'user', 'Is it there?', jsonb_build_array(pg_temp.id('nowhere'))) $$, '42501', null,
  'and before any mention is looked up'
);

select pg_temp.become('bob', 'anon');
select is(pg_temp.outcome(statement), '42501', format('without an account: %s %s', operation, relation)) from operations;

-- Where grants are as wide as the embedded stack makes them, only row-level security and triggers protect.
reset role;
grant all on all tables in schema public to anon, authenticated;
select pg_temp.become('bob');
select is(
  pg_temp.outcome(statement),
  case when (relation, operation) = ('workspaces', 'insert') then '1 rows' when operation = 'insert' then '42501' else '0 rows' end,
  format('a stranger with every grant: %s %s', operation, relation)
) from operations;
select throws_ok(
  $$ insert into workspaces (name, owner_id) values ('For Ada', pg_temp.id('ada')) $$, '42501', null,
  'nobody opens a workspace for someone else, with every grant'
);
select pg_temp.become('bob', 'anon');
select is(
  pg_temp.outcome(statement), case operation when 'insert' then '42501' else '0 rows' end,
  format('without an account, with every grant: %s %s', operation, relation)
) from operations;
select pg_temp.become('ada');
select is(pg_temp.outcome($$ update chat_messages set content = 'Edited' $$), '0 rows', 'the owner edits no message, with every grant');
select is(pg_temp.outcome($$ delete from lab_runs $$), '0 rows', 'nor deletes a run');
select is(pg_temp.outcome($$ select from lab_solutions $$), '0 rows', 'nor reads a solution');
select is(pg_temp.outcome($$ update workspaces set owner_id = pg_temp.id('bob') $$), 'PT422', 'nor gives a workspace away');
select is(
  pg_temp.outcome($$ update sources set workspace_id = pg_temp.id('music') $$), 'PT422', 'nor puts a source into a workspace of others'
);

select * from finish();
rollback;
