-- Sharing: what the owner, an editor, a viewer, a former member, a stranger and nobody may do, how one becomes a member,
-- and what a copy has.

begin;
\ir people.psql
\ir words.psql

create function pg_temp.path(name text) returns text language sql immutable as $$
  select pg_temp.id('physics') || '/' || pg_temp.id('optics') || '/' || name
$$;
create function pg_temp.begun(copy text) returns uuid language sql security definer as $$
  select id from private.workspace_copies where new_workspace_id = pg_temp.id(copy)
$$;

insert into auth.users (id, email) select pg_temp.id(name), name || '@example.com'
  from unnest(array['olga', 'ed', 'vera', 'fred', 'sten', 'nora']) name;
insert into workspaces (id, owner_id, name) values
  (pg_temp.id('physics'), pg_temp.id('olga'), 'Physics'), (pg_temp.id('music'), pg_temp.id('sten'), 'Music');
insert into workspace_members (workspace_id, user_id, role) values
  (pg_temp.id('physics'), pg_temp.id('ed'), 'editor'), (pg_temp.id('physics'), pg_temp.id('vera'), 'viewer'),
  (pg_temp.id('physics'), pg_temp.id('fred'), 'editor');
insert into sources (id, workspace_id, type, title) values
  (pg_temp.id('optics'), pg_temp.id('physics'), 'pdf', 'Optics'), (pg_temp.id('waves'), pg_temp.id('physics'), 'pdf', 'Waves'),
  (pg_temp.id('old'), pg_temp.id('physics'), 'pdf', 'Old');
update sources set storage_path = pg_temp.path('a.pdf'), status = 'ready', page_count = 2, file_name = 'a.pdf',
    file_bytes = 1, media_type = 'application/pdf', file_id = pg_temp.id('file')
  where id in (pg_temp.id('optics'), pg_temp.id('waves'));
update sources set deleted_at = now() where id = pg_temp.id('old');
insert into source_pages (file_id, number, workspace_id, text, search)
  select pg_temp.id('file'), n, pg_temp.id('physics'), 'Light ' || n, to_tsvector('simple', 'light') from generate_series(1, 2) n;
insert into chapters (file_id, position, workspace_id, level, title, first_page, last_page)
  values (pg_temp.id('file'), 1, pg_temp.id('physics'), 1, 'Light', 1, 2);
insert into labs (id, workspace_id, source_id, type, status, generated_content, user_state)
  values (pg_temp.id('quiz'), pg_temp.id('physics'), pg_temp.id('optics'), 'free', 'completed', '{"a": 1}', '{"b": 2}');
insert into labs (id, workspace_id, type, status, failure) values (pg_temp.id('blank'), pg_temp.id('physics'), 'free', 'failed', 'interrupted');
insert into edges (id, workspace_id, source_node_id, target_node_id, label)
  values (pg_temp.id('line'), pg_temp.id('physics'), pg_temp.id('optics'), pg_temp.id('quiz'), 'shows');
insert into chat_messages (id, workspace_id, role, content) values (pg_temp.id('hello'), pg_temp.id('physics'), 'user', 'Hello');
insert into lab_runs (workspace_id, lab_id, user_id, code, status, message, tests, output)
  values (pg_temp.id('physics'), pg_temp.id('quiz'), pg_temp.id('olga'), '', 'fail', '', '[]', '');
insert into lab_solutions (lab_id, workspace_id, solution) values (pg_temp.id('quiz'), pg_temp.id('physics'), 'x = 1');
insert into invitations (id, workspace_id, role, token_hash, uses_left, expires_at)
  values (pg_temp.id('invitation'), pg_temp.id('physics'), 'viewer', repeat('0', 64), 1, now() + interval '1 day');
insert into ai_usage (user_id, day, tokens) values (pg_temp.id('olga'), current_date, 1);
insert into storage.objects (bucket_id, name, owner_id) values ('sources', pg_temp.path('a.pdf'), pg_temp.id('fred'));
-- Fred uploaded the file, and is a member no more.
delete from workspace_members where user_id = pg_temp.id('fred');

\ir operations.psql
insert into operations values
  ('workspaces', 'insert', $$ insert into workspaces (name, owner_id) values ('Theirs', pg_temp.id('olga')) $$),
  ('my_workspaces', 'select', $$ select from my_workspaces where id = pg_temp.id('physics') and role is not null $$),
  ('my_workspaces', 'insert', $$ insert into my_workspaces (name, owner_id) values ('Theirs', pg_temp.id('olga')) $$),
  ('my_workspaces', 'update', $$ update my_workspaces set name = 'Changed' where id = pg_temp.id('physics') $$),
  ('my_workspaces', 'delete', $$ delete from my_workspaces where id = pg_temp.id('physics') $$),
  ('source_pages', 'select', $$ select from source_pages where number = 1 and workspace_id = pg_temp.id('physics') $$),
  ('source_pages', 'insert', $$ insert into source_pages (file_id, number, workspace_id, text, search)
                                  values (pg_temp.id('file'), 3, pg_temp.id('physics'), '', '') $$),
  ('source_pages', 'update', $$ update source_pages set text = '' where workspace_id = pg_temp.id('physics') $$),
  ('source_pages', 'delete', $$ delete from source_pages where workspace_id = pg_temp.id('physics') $$),
  ('chapters', 'select', $$ select from chapters where workspace_id = pg_temp.id('physics') $$),
  ('chapters', 'insert', $$ insert into chapters (file_id, position, workspace_id, level, title, first_page, last_page)
                              values (pg_temp.id('file'), 2, pg_temp.id('physics'), 1, 'More', 1, 2) $$),
  ('chapters', 'update', $$ update chapters set title = 'Changed' where workspace_id = pg_temp.id('physics') $$),
  ('chapters', 'delete', $$ delete from chapters where workspace_id = pg_temp.id('physics') $$),
  ('labs', 'update', $$ update labs set title = 'Changed' where id = pg_temp.id('quiz') $$),
  ('workspace_members', 'select', $$ select from workspace_members where user_id = pg_temp.id('ed') $$),
  ('workspace_members', 'insert', $$ insert into workspace_members (workspace_id, user_id, role)
                                       values (pg_temp.id('physics'), pg_temp.id('nora'), 'editor') $$),
  ('workspace_members', 'update', $$ update workspace_members set role = 'editor' where workspace_id = pg_temp.id('physics') $$),
  ('workspace_members', 'delete', $$ delete from workspace_members where workspace_id = pg_temp.id('physics') $$),
  ('invitations', 'select', $$ select id from invitations where workspace_id = pg_temp.id('physics') $$),
  ('invitations', 'insert', $$ insert into invitations (workspace_id, role, token_hash, uses_left, expires_at)
                                 values (pg_temp.id('physics'), 'editor', repeat('1', 64), 1, now() + interval '1 day') $$),
  ('invitations', 'update', $$ update invitations set role = 'editor' where workspace_id = pg_temp.id('physics') $$),
  ('invitations', 'delete', $$ delete from invitations where workspace_id = pg_temp.id('physics') $$),
  ('ai_usage', 'select', $$ select from ai_usage where user_id = pg_temp.id('olga') $$),
  ('ai_usage', 'insert', $$ insert into ai_usage (user_id, day, tokens) values (pg_temp.id('olga'), current_date, 0) $$),
  ('ai_usage', 'update', $$ update ai_usage set tokens = 0 $$),
  ('ai_usage', 'delete', $$ delete from ai_usage $$),
  ('storage.objects', 'select', $$ select from storage.objects where name = pg_temp.path('a.pdf') $$),
  ('storage.objects', 'insert', $$ insert into storage.objects (bucket_id, name) values ('sources', pg_temp.path('b.pdf')) $$),
  ('storage.objects', 'update', $$ update storage.objects set name = pg_temp.path('c.pdf') where name = pg_temp.path('a.pdf') $$),
  ('storage.objects', 'delete', $$ delete from storage.objects where name = pg_temp.path('a.pdf') $$);
select plan(193 + 6 * count(*)::integer) from operations;
select is_empty(
  $$ select tablename::text, operation
     from pg_tables cross join unnest(array['select', 'insert', 'update', 'delete']) operation where schemaname = 'public'
     except select relation, operation from operations $$,
  'every operation on every table is tried here'
);
-- What a role that may read, or also write, does.
create temp table rights on commit drop as
  select
    relation, operation,
    operation = 'select' and relation not in ('lab_solutions', 'invitations', 'ai_usage') as reads,
    relation in ('sources', 'labs', 'edges') or (relation, operation) in (
      ('workspaces', 'update'), ('my_workspaces', 'update'), ('chat_messages', 'insert'), ('chat_messages', 'delete'),
      ('lab_runs', 'insert'), ('lab_solutions', 'insert'), ('storage.objects', 'insert'), ('storage.objects', 'delete')
    ) as writes,
    (relation, operation) in (
      ('workspaces', 'insert'), ('workspaces', 'delete'), ('my_workspaces', 'insert'), ('my_workspaces', 'delete'),
      ('invitations', 'select')
    ) as owns
  from operations;
grant select on rights to public;

create function pg_temp.expected(relation text, operation text, may boolean, granted boolean default true) returns text language sql as $$
  select case
    when may and operation = 'delete' and relation in ('sources', 'labs', 'edges') then '0 rows' -- it goes to the trash
    when may then '1 rows'
    when operation = 'insert' then '42501'
    when granted then '0 rows'
    else '42501'
  end
$$;
-- What nobody is granted, whoever it is.
create function pg_temp.is_granted(relation text, operation text) returns boolean language sql as $$
  select case
    when relation in ('source_pages', 'chapters', 'workspace_members', 'invitations') then operation = 'select'
    when relation = 'lab_runs' then operation in ('select', 'insert')
    when relation = 'lab_solutions' then operation = 'insert'
    else relation <> 'ai_usage'
  end
$$;

create function pg_temp.check_role(role text, reads boolean, writes boolean, owns boolean) returns setof text language sql as $$
  select is(
    pg_temp.outcome(o.statement),
    pg_temp.expected(
      o.relation, o.operation,
      (r.reads and check_role.reads) or (r.writes and o.operation <> 'select' and check_role.writes) or (r.owns and check_role.owns),
      pg_temp.is_granted(o.relation, o.operation)
    ),
    format('%s: %s %s', role, o.operation, o.relation)
  ) from operations o join rights r using (relation, operation)
$$;
select pg_temp.become('olga');
select * from pg_temp.check_role('the owner', true, true, true);
select pg_temp.become('ed');
select * from pg_temp.check_role('an editor', true, true, false);
select pg_temp.become('vera');
select * from pg_temp.check_role('a viewer', true, false, false);
select pg_temp.become('fred');
select * from pg_temp.check_role('a former member', false, false, false);
select pg_temp.become('sten');
select * from pg_temp.check_role('a stranger', false, false, false);
select pg_temp.become('nora', 'anon');
select is(
  pg_temp.outcome(statement), case when relation = 'storage.objects' and operation <> 'insert' then '0 rows' else '42501' end,
  format('without an account: %s %s', operation, relation)
) from operations;

-- Roles in the row.
select pg_temp.become('olga');
select is((select role from my_workspaces where id = pg_temp.id('physics')), 'owner', 'the owner''s role is in the row');
select is((select role from my_workspaces), 'owner', 'and nobody else''s workspace is in the list');
select isnt((select id from my_workspaces where name = 'Physics'), null, 'a view of the columns there are');
select is(pg_temp.outcome($$ insert into my_workspaces (name) values ('New') returning role $$), '1 rows', 'a workspace is made by way of the view');
select pg_temp.become('ed');
select is((select role from my_workspaces), 'editor', 'an editor''s role is in the row');
select pg_temp.become('vera');
select is((select role from my_workspaces), 'viewer', 'and a viewer''s');

-- Functions.
create temp table calls (name text, statement text, needs text) on commit drop;
insert into calls values
  ('canvas', $$ select * from canvas(pg_temp.id('physics')) $$, 'rows'),
  ('json_canvas', $$ select * from json_canvas(pg_temp.id('physics')) $$, 'rows'),
  ('list_members', $$ select * from list_members(pg_temp.id('physics')) limit 1 $$, 'reader'),
  ('search_pages', $$ select * from search_pages(pg_temp.id('physics'), 'light', size => 1) $$, 'reader'),
  ('read_pages', $$ select * from read_pages(pg_temp.id('optics'), size => 1) $$, 'reader'),
  ('begin_copy', $$ select begin_copy(pg_temp.id('physics')) $$, 'reader'),
  ('lab_solution', $$ select lab_solution(pg_temp.id('quiz')) $$, 'reader'),
  ('arrange_canvas', $$ select arrange_canvas(pg_temp.id('physics'), viewport => '{"x": 0, "y": 0, "zoom": 2}') $$, 'editor'),
  ('edit_canvas', $$ select edit_canvas(pg_temp.id('physics'), '{"delete": {"nodes": []}}') $$, 'editor'),
  ('move_to_trash', $$ select move_to_trash('sources', pg_temp.id('optics')) $$, 'editor'),
  ('reset_lab', $$ select reset_lab(pg_temp.id('quiz')) $$, 'editor'),
  ('record_run', $$ select record_run(pg_temp.id('quiz'), '', '{"status": "fail", "message": "", "tests": [], "output": ""}', '') $$, 'editor'),
  ('begin_generation', $$ select begin_generation(pg_temp.id('blank'), gen_random_uuid()) $$, 'editor'),
  ('delete_workspace', $$ select delete_workspace(pg_temp.id('physics'), array[1]) $$, 'owner'),
  ('create_invitation', $$ select create_invitation(pg_temp.id('physics'), 'viewer') $$, 'owner'),
  ('revoke_invitation', $$ select revoke_invitation(pg_temp.id('physics'), pg_temp.id('invitation')) $$, 'owner'),
  ('change_member', $$ select change_member(pg_temp.id('physics'), pg_temp.id('vera'), 'editor') $$, 'owner'),
  ('hand over', $$ select change_member(pg_temp.id('physics'), pg_temp.id('nora'), 'owner') $$, 'member'),
  ('remove_member', $$ select remove_member(pg_temp.id('physics'), pg_temp.id('nora')) $$, 'member');
grant select on calls to public;
create function pg_temp.answer(name text, needs text, role text) returns text language sql as $$
  select case
    when role = 'stranger' then case
      when needs = 'rows' then '0 rows' when name = 'move_to_trash' then 'not_found'
      when name like '%\_run' or name in ('reset_lab', 'lab_solution', 'begin_generation') then 'lab_not_found'
      when name = 'read_pages' then 'source_not_found' else 'workspace_not_found'
    end
    when needs in ('rows', 'reader') or role = 'owner' and needs <> 'member' then '1 rows'
    when role = 'viewer' then 'read_only'
    when role = 'editor' and needs = 'editor' then '1 rows'
    when role = 'editor' then 'owner_only'
    else 'member_not_found'
  end
$$;
select pg_temp.become('olga');
select is(pg_temp.outcome(statement), pg_temp.answer(name, needs, 'owner'), 'the owner calls ' || name) from calls;
select pg_temp.become('ed');
select is(pg_temp.outcome(statement), pg_temp.answer(name, needs, 'editor'), 'an editor calls ' || name) from calls;
select pg_temp.become('vera');
select is(pg_temp.outcome(statement), pg_temp.answer(name, needs, 'viewer'), 'a viewer calls ' || name) from calls;
select pg_temp.become('fred');
select is(pg_temp.outcome(statement), pg_temp.answer(name, needs, 'stranger'), 'a former member calls ' || name) from calls;
select pg_temp.become('sten');
select is(pg_temp.outcome(statement), pg_temp.answer(name, needs, 'stranger'), 'a stranger calls ' || name) from calls;

-- Where grants are as wide as the embedded stack makes them, policies and triggers alone protect.
reset role;
create temp table kept on commit drop as select * from workspace_members;
grant all on all tables in schema public to anon, authenticated;
select pg_temp.become('ed');
select is(pg_temp.outcome($$ update workspace_members set role = 'editor' $$), '0 rows', 'nobody changes members, with every grant');
select is(pg_temp.outcome($$ delete from workspace_members $$), '0 rows', 'nor takes them out');
select is(pg_temp.outcome($$ insert into workspace_members values (pg_temp.id('music'), pg_temp.id('ed'), 'editor') $$), '42501', 'nor adds oneself');
select is(pg_temp.outcome($$ insert into invitations (workspace_id, role, token_hash, uses_left, expires_at)
  values (pg_temp.id('physics'), 'editor', repeat('1', 64), 1, now() + interval '1 day') $$), '42501', 'nor makes an invitation with a hash of one''s own');
select is(pg_temp.outcome($$ select from invitations $$), '0 rows', 'nor sees the owner''s');
select is(pg_temp.outcome($$ update workspaces set owner_id = pg_temp.id('ed') $$), 'immutable_column', 'an editor makes nobody the owner');
select is(pg_temp.outcome($$ update my_workspaces set owner_id = pg_temp.id('ed') $$), 'immutable_column', 'nor by way of the view');

-- Invitations: a token that is shown once.
select pg_temp.become('olga');
create temp table given on commit drop as
  select 'editor' as name, create_invitation(pg_temp.id('physics'), 'editor')::jsonb as i
  union all select 'viewer', create_invitation(pg_temp.id('physics'), 'viewer', 2)::jsonb
  union all select 'old', create_invitation(pg_temp.id('physics'), 'viewer')::jsonb
  union all select 'revoked', create_invitation(pg_temp.id('physics'), 'viewer')::jsonb;
grant select, insert, truncate on given to public;
create function pg_temp.accept(name text) returns text language sql as $$
  select pg_temp.outcome(format('select accept_invitation(%L)', (select i ->> 'token' from given g where g.name = accept.name)))
$$;
create function pg_temp.accepted(name text) returns text language sql as $$
  select a.role from given g, accept_invitation(g.i ->> 'token') a where g.name = accepted.name
$$;
select is((select count(*)::integer from given where i ->> 'token' ~ '^[0-9a-f]{64}$'), 4, 'a token has 64 hexadecimal digits');
select is((select count(distinct i ->> 'token')::integer from given), 4, 'each another one');
select is(
  (select array_agg(i.token_hash order by i.token_hash) from invitations i where i.id <> pg_temp.id('invitation')),
  (select array_agg(h order by h) from given g, encode(sha256(convert_to(g.i ->> 'token', 'UTF8')), 'hex') h),
  'its hash is kept'
);
select is(pg_temp.outcome($$ select create_invitation(pg_temp.id('physics'), 'viewer', 0) $$), 'refused_value', 'nobody at all is invited');
select is(pg_temp.outcome(statement), 'refused_expiry', 'refused: ' || statement) from unnest(array[
  $$ select create_invitation(pg_temp.id('physics'), 'viewer', 1, now() - interval '1 minute') $$,
  $$ select create_invitation(pg_temp.id('physics'), 'viewer', 1, now() + interval '2 years') $$
]) statement;
select is(pg_temp.outcome($$ select create_invitation(pg_temp.id('physics'), 'owner') $$), '23514', 'nobody is invited as the owner');
select is(pg_temp.outcome($$ select create_invitation(pg_temp.id('physics'), 'viewer', 1001) $$), '23514', 'nor too many at once');
select is(pg_temp.accepted('editor'), 'owner', 'the owner accepts an invitation, and stays the owner');
select lives_ok(format('select revoke_invitation(%L, %L)', pg_temp.id('physics'), i ->> 'id'), 'an invitation is revoked') from given where name = 'revoked';
reset role;
update invitations set expires_at = now() - interval '1 second' where id = (select (i ->> 'id')::uuid from given where name = 'old');
select pg_temp.become('nora');
select is(pg_temp.accept('old'), 'invitation_expired', 'one that has expired is refused');
select is(pg_temp.accept('revoked'), 'invitation_not_found', 'and one that was revoked');
select is(pg_temp.outcome($$ select accept_invitation('nothing') $$), 'invitation_not_found', 'and one that never was');
select is(pg_temp.outcome(format('select accept_invitation(%L)', repeat('0', 64))), 'invitation_not_found', 'and a hash in place of a token');
select is(pg_temp.accepted('viewer'), 'viewer', 'a stranger becomes a viewer');
select is((select role from my_workspaces), 'viewer', 'and sees the workspace');
select is(pg_temp.accepted('viewer'), 'viewer', 'to accept again changes nothing');
select is(pg_temp.accepted('editor'), 'editor', 'a viewer becomes an editor');
select is(pg_temp.accepted('viewer'), 'editor', 'an editor stays an editor');
select pg_temp.become('sten');
select is(pg_temp.accept('editor'), 'invitation_used_up', 'one that is used up is refused');
select is(pg_temp.accept('viewer'), '1 rows', 'one use is left of two: who has the role already takes none');
select pg_temp.become('olga');
select is(
  (select array_agg(uses_left order by uses_left) from invitations where id in (select (i ->> 'id')::uuid from given where name in ('editor', 'viewer'))),
  array[0, 1], 'and uses are counted'
);

-- Members.
select results_eq(
  $$ select user_id, role, email from list_members(pg_temp.id('physics')) order by 1 $$,
  $$ select pg_temp.id(name), role, name || '@example.com'
     from (values ('olga', 'owner'), ('ed', 'editor'), ('vera', 'viewer'), ('nora', 'editor')) m (name, role) order by 1 $$,
  'the owner sees all members'
);
select is((select user_id from list_members(pg_temp.id('physics')) limit 1), pg_temp.id('olga'), 'the owner comes first');
select pg_temp.become('vera');
select results_eq(
  $$ select user_id from list_members(pg_temp.id('physics')) where email is not null $$, $$ values (pg_temp.id('vera')) $$,
  'a viewer sees no email but the own'
);
select is(pg_temp.outcome($$ select remove_member(pg_temp.id('physics'), pg_temp.id('vera')) $$), '1 rows', 'a viewer leaves');
select pg_temp.become('olga');
select is(pg_temp.outcome($$ select remove_member(pg_temp.id('physics'), pg_temp.id('olga')) $$), 'owner_stays', 'the owner does not leave');
select is(pg_temp.outcome($$ select change_member(pg_temp.id('physics'), pg_temp.id('olga'), 'viewer') $$), 'owner_stays', 'nor becomes less');
select is(change_member(pg_temp.id('physics'), pg_temp.id('nora'), 'viewer') ->> 'role', 'viewer', 'a member''s role is changed');
select pg_temp.become('nora');
select is(
  pg_temp.outcome($$ select arrange_canvas(pg_temp.id('physics'), viewport => '{"x": 0, "y": 0, "zoom": 2}') $$), 'read_only',
  'and counts at once'
);
select pg_temp.become('olga');
select is(change_member(pg_temp.id('physics'), pg_temp.id('ed'), 'owner') ->> 'role', 'owner', 'a workspace is handed over');
select is((select role from my_workspaces where id = pg_temp.id('physics')), 'editor', 'whoever had it becomes an editor');
select is(pg_temp.outcome($$ delete from workspaces where id = pg_temp.id('physics') $$), '0 rows', 'and deletes it no more');
select is(pg_temp.outcome($$ select change_member(pg_temp.id('physics'), pg_temp.id('olga'), 'owner') $$), 'owner_only', 'nor takes it back');
select pg_temp.become('ed');
select is((select role from my_workspaces where id = pg_temp.id('physics')), 'owner', 'the new owner has it');
select is(pg_temp.outcome($$ select remove_member(pg_temp.id('physics'), pg_temp.id('nora')) $$), '1 rows', 'and removes members');

-- Copies.
select pg_temp.become('nora');
create temp table begun on commit drop as select begin_copy(pg_temp.id('physics'), pg_temp.id('mine')) as b;
grant select on begun to public;
select results_eq(
  $$ select p.key, p.value ~ ('^' || pg_temp.id('mine') || '/[0-9a-f-]{36}/a[.]pdf$') from begun, jsonb_each_text(b -> 'paths') p $$,
  $$ values (pg_temp.path('a.pdf'), true) $$, 'each file is copied once, into the folder of the copy'
);
create function pg_temp.put(path text) returns text language sql as $$
  select pg_temp.outcome(format('insert into storage.objects (bucket_id, name, owner_id) values (%L, %L, auth.uid()::text)', 'sources', path))
$$;
select is(pg_temp.put(b -> 'paths' ->> pg_temp.path('a.pdf')), '1 rows', 'the copy awaits its file there') from begun;
select is(pg_temp.put(pg_temp.id('mine') || '/' || pg_temp.id('optics') || '/b.pdf'), '42501', 'and nowhere else');
select pg_temp.become('sten');
select is(pg_temp.put(b -> 'paths' ->> pg_temp.path('a.pdf')), '42501', 'and from nobody else') from begun;
select is(pg_temp.outcome($$ select finish_copy(pg_temp.begun('mine')) $$), 'workspace_not_found', 'nobody finishes the copy of others');
select is(pg_temp.outcome($$ select begin_copy(pg_temp.id('music'), pg_temp.id('mine')) $$), 'id_taken', 'nor takes its id');
reset role;
insert into storage.objects (bucket_id, name, owner_id)
  select 'sources', b -> 'paths' ->> pg_temp.path('a.pdf'), pg_temp.id('nora') from begun;
select pg_temp.become('nora', 'service_role');
select is(unused_files(), '{}', 'files that wait for the rows of a copy are not swept');
select pg_temp.become('nora');
select results_eq(
  $$ select id, name, role, owner_id from finish_copy(pg_temp.begun('mine'), 'My physics') $$,
  $$ values (pg_temp.id('mine'), 'My physics', 'owner', pg_temp.id('nora')) $$, 'whoever may read a workspace copies it, into the id asked for'
);
select results_eq(
  $$ select title, status, page_count, version, storage_path = b -> 'paths' ->> pg_temp.path('a.pdf')
     from sources, begun where workspace_id = pg_temp.id('mine') order by title $$,
  $$ values ('Optics', 'ready', 2, 1, true), ('Waves', 'ready', 2, 1, true) $$, 'with its sources and their files, but the trash'
);
select is((select count(distinct file_id)::integer from sources where workspace_id = pg_temp.id('mine')), 1, 'sources that share a file go on sharing it');
select isnt((select file_id from sources where workspace_id = pg_temp.id('mine') limit 1), pg_temp.id('file'), 'of their own');
select results_eq(
  $$ select p.number, p.text from sources s, read_pages(s.id) p where s.workspace_id = pg_temp.id('mine') and s.title = 'Waves' $$,
  $$ values (1, 'Light 1'), (2, 'Light 2') $$, 'with their text'
);
select is((select count(*)::integer from chapters where workspace_id = pg_temp.id('mine')), 1, 'and chapters');
select results_eq(
  $$ select l.status, l.generated_content, l.user_state, l.failure, s.title from labs l left join sources s on s.id = l.source_id
     where l.workspace_id = pg_temp.id('mine') order by 1 $$,
  $$ values ('in_progress', '{"a": 1}'::jsonb, '{}'::jsonb, null, 'Optics'), ('pending', null, '{}', null, null) $$,
  'with its labs, as nobody has worked on them'
);
select is((select count(*)::integer from lab_runs where workspace_id = pg_temp.id('mine')), 0, 'without their runs');
select is((select count(*)::integer from chat_messages where workspace_id = pg_temp.id('mine')), 0, 'without the chat');
select results_eq(
  $$ select s.title, l.status, e.label from edges e join sources s on s.id = e.source_node_id join labs l on l.id = e.target_node_id
     where e.workspace_id = pg_temp.id('mine') $$,
  $$ values ('Optics', 'in_progress', 'shows') $$, 'with its edges'
);
update labs set status = 'given_up' where workspace_id = pg_temp.id('mine') and status = 'in_progress';
select is((select lab_solution(id) from labs where workspace_id = pg_temp.id('mine') and status = 'given_up'), 'x = 1', 'and with its solutions');
select is(pg_temp.outcome($$ select finish_copy((b ->> 'id')::uuid) from begun $$), 'workspace_not_found', 'a copy is finished once');
select is(pg_temp.outcome($$ select begin_copy(pg_temp.id('physics'), pg_temp.id('mine')) $$), 'id_taken', 'and begun once');

-- A file that is missing, and one that comes meanwhile.
select lives_ok($$ select begin_copy(pg_temp.id('physics'), pg_temp.id('second')) $$, 'another copy begins');
reset role;
delete from storage.objects where name = pg_temp.path('a.pdf');
select pg_temp.become('nora');
select lives_ok(format('select finish_copy(%L, missing => array[%L])', pg_temp.begun('second'), pg_temp.path('a.pdf')), 'its file is missing');
select results_eq(
  $$ select distinct status, storage_path, file_id from sources where workspace_id = pg_temp.id('second') $$,
  $$ values ('empty', null::text, null::uuid) $$, 'then its sources are empty'
);
select lives_ok($$ select begin_copy(pg_temp.id('physics'), pg_temp.id('third')) $$, 'a third copy begins');
reset role;
update sources set storage_path = pg_temp.path('new.pdf') where id = pg_temp.id('waves');
select pg_temp.become('nora');
select is(pg_temp.outcome($$ select finish_copy(pg_temp.begun('third')) $$), 'write_conflict', 'a file that came meanwhile is noticed');
reset role;
delete from workspace_members where user_id = pg_temp.id('nora');
select pg_temp.become('nora');
select is(pg_temp.outcome($$ select finish_copy(pg_temp.begun('third')) $$), 'workspace_not_found', 'who may read no more finishes no copy');
select is((select count(*)::integer from my_workspaces where role = 'owner'), 2, 'and keeps those that were made');

-- A path that is as long as one may be, with an empty part where it would be cut.
reset role;
insert into workspace_members (workspace_id, user_id, role) values (pg_temp.id('physics'), pg_temp.id('nora'), 'viewer');
update sources set storage_path = pg_temp.id('physics') || '/' || repeat('é', 960) || '/' || repeat('b', 25) where id = pg_temp.id('waves');
update sources set storage_path = pg_temp.id('physics') || '/' || repeat('c', 980) where id = pg_temp.id('optics');
select pg_temp.become('nora');
create temp table long on commit drop as select begin_copy(pg_temp.id('physics'), pg_temp.id('fourth')) as b;
select is(pg_temp.put(p.value), '1 rows', 'the file of a long path has a place in the copy') from long, jsonb_each_text(b -> 'paths') p;
select lives_ok($$ select finish_copy(pg_temp.begun('fourth')) $$, 'and a source there');

-- The id of a workspace that is gone, and more copies than anybody makes at once.
delete from workspaces where id = pg_temp.id('fourth');
select is(pg_temp.outcome($$ select begin_copy(pg_temp.id('physics'), pg_temp.id('fourth')) $$), 'id_taken', 'no copy takes the id of a workspace that is gone');
reset role;
insert into private.workspace_copies (id, new_workspace_id, workspace_id, user_id, ids, paths, created_at)
  select gen_random_uuid(), gen_random_uuid(), pg_temp.id('physics'), pg_temp.id('nora'), '{}', '{}', now() - case when n > 20 then interval '2 hours' else '0' end
  from generate_series(1, 30) n;
delete from private.workspace_copies where new_workspace_id = pg_temp.id('third');
select pg_temp.become('nora');
select is(pg_temp.outcome($$ select begin_copy(pg_temp.id('physics')) $$), 'limit_reached', 'nobody begins more than 20 copies');
select pg_temp.become('ed');
select is(pg_temp.outcome($$ select begin_copy(pg_temp.id('physics')) $$), '1 rows', 'others do');
reset role;
delete from private.workspace_copies where id = (select id from private.workspace_copies where user_id = pg_temp.id('nora') and created_at > now() - interval '1 hour' limit 1);
select pg_temp.become('nora');
select is(pg_temp.outcome($$ select begin_copy(pg_temp.id('physics')) $$), '1 rows', 'one that is finished makes room');

-- A role that was taken away does not come back by an invitation that is older than that.
select pg_temp.become('ed');
truncate given;
insert into given select role, create_invitation(pg_temp.id('physics'), role, 5)::jsonb from unnest(array['viewer', 'editor']) role;
select remove_member(pg_temp.id('physics'), pg_temp.id('nora'));
select pg_temp.become('nora');
select is(pg_temp.accept('viewer'), 'invitation_not_found', 'who was removed accepts no older invitation');
select pg_temp.become('sten');
select is(pg_temp.accepted('editor'), 'editor', 'which is good for others');
select pg_temp.become('ed');
select change_member(pg_temp.id('physics'), pg_temp.id('sten'), 'viewer');
select pg_temp.become('sten');
select is(pg_temp.accept('editor'), 'invitation_not_found', 'who was made a viewer does not become an editor by it again');
select is(pg_temp.accepted('viewer'), 'viewer', 'but is answered as a viewer');
select remove_member(pg_temp.id('physics'), pg_temp.id('sten'));
select is(pg_temp.accept('viewer'), 'invitation_not_found', 'also after having left');
select pg_temp.become('fred');
select pg_temp.accepted('viewer');
select remove_member(pg_temp.id('physics'), pg_temp.id('fred'));
select is(pg_temp.accepted('viewer'), 'viewer', 'who has left without being asked to comes back');
select pg_temp.become('ed');
select change_member(pg_temp.id('physics'), pg_temp.id('fred'), 'viewer');
select pg_temp.become('fred');
select is(pg_temp.accepted('editor'), 'editor', 'who was a viewer already has lost nothing');
select pg_temp.become('ed');
insert into given select 'anew', create_invitation(pg_temp.id('physics'), 'editor')::jsonb;
select pg_temp.become('nora');
select is(pg_temp.accepted('anew'), 'editor', 'a younger invitation is good');

-- What lists cost.
reset role;
set local session_replication_role = replica;
insert into invitations (workspace_id, role, token_hash, uses_left, expires_at)
  select gen_random_uuid(), 'viewer', encode(sha256(n::text::bytea), 'hex'), 1, now() from generate_series(1, 2000) n;
set local session_replication_role = origin;
analyze invitations;
select pg_temp.become('ed');
create temp table reading on commit drop as select pg_temp.rows_read('public.invitations') as before;
select cmp_ok(count(*), '>', 0::bigint, 'the owner lists invitations') from (select id from invitations) i;
select cmp_ok(pg_temp.rows_read('public.invitations') - before, '<', 200::bigint, 'and reads none of others') from reading;
reset role;
insert into auth.users (id, email) select pg_temp.id('member ' || n), n || '@example.com' from generate_series(1, 20) n;
insert into workspace_members (workspace_id, user_id, role) select pg_temp.id('physics'), pg_temp.id('member ' || n), 'viewer' from generate_series(1, 20) n;
set local track_functions = 'all';
select pg_temp.become('ed');
create temp table calling on commit drop as
  select coalesce(pg_stat_get_xact_function_calls('private.editable_workspace_ids()'::regprocedure), 0) as before;
select cmp_ok(count(*), '>', 20::bigint, 'the owner lists members') from list_members(pg_temp.id('physics'));
select is(
  pg_stat_get_xact_function_calls('private.editable_workspace_ids()'::regprocedure) - before, 1::bigint, 'and the own workspaces are listed once for it'
) from calling;

-- A workspace that is full.
reset role;
insert into auth.users (id, email) select pg_temp.id('member ' || n), n || '@example.com' from generate_series(21, 1000) n;
insert into workspace_members (workspace_id, user_id, role)
  select pg_temp.id('physics'), pg_temp.id('member ' || n), 'viewer' from generate_series(21, 1000) n
  limit 1000 - (select count(*) from workspace_members where workspace_id = pg_temp.id('physics'));
select pg_temp.become('ed');
insert into given select 'last', create_invitation(pg_temp.id('physics'), 'editor', 2)::jsonb;
select pg_temp.become('sten');
select is(pg_temp.accept('last'), 'limit_reached', 'a workspace has 1,000 members and no more');
select pg_temp.become('member 1');
select is(pg_temp.accepted('last'), 'editor', 'but a viewer among them becomes an editor');

select * from finish();
rollback;
