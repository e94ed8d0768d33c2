-- Schema: what must stay true of every table and function, also of those that are added later.

begin;
select plan(25);

select is(
  private.with_fraction('2027-01-02T03:04:05Z'), '2027-01-02T03:04:05.000001Z', 'no stamp is a whole second'
);
select is(
  private.with_fraction('2027-01-02T03:04:05.678Z'), '2027-01-02T03:04:05.678Z', 'any other moment is a stamp as it is'
);
select set_eq(
  $$ select tablename::text from pg_tables where schemaname = 'public' and rowsecurity $$,
  $$ select tablename::text from pg_tables where schemaname = 'public' $$,
  'every public table has row-level security'
);
select is_empty(
  $$ select policyname from pg_policies where schemaname = 'public' and (roles <> '{authenticated}' or cmd = 'ALL') $$,
  'every policy is for one operation, and for people with an account'
);
select is_empty(
  $$ select tablename, cmd from pg_policies where schemaname = 'public' group by tablename, cmd having count(*) > 1 $$,
  'an operation on a table has one policy'
);

-- Grants: nothing to anon and public but the schema's version.
select is_empty(
  $$ select c.oid::regclass, acl.privilege_type
     from pg_class c, aclexplode(c.relacl) acl
     where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
       and acl.grantee in (0, 'anon'::regrole) $$,
  'no table or sequence is granted to anon or public'
);
select set_eq(
  $$ select p.oid::regprocedure::text from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and has_function_privilege('anon', p.oid, 'execute') $$,
  array['schema_version()'],
  'anon executes schema_version() alone'
);
select is_empty(
  $$ select from pg_class c, aclexplode(c.relacl) acl
     where c.relnamespace = 'private'::regnamespace and c.relkind = 'r'
       and acl.grantee in ('authenticated'::regrole, 'service_role'::regrole) $$,
  'the tables of schema private are granted to nobody'
);
select set_eq(
  $$ select p.proname::text from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and p.prorettype <> 'trigger'::regtype
       and has_function_privilege('authenticated', p.oid, 'execute') $$,
  array[
    'abandon_copy', 'accept_invitation', 'arrange_canvas', 'as_config', 'begin_answer', 'begin_copy', 'begin_generation',
    'canvas', 'change_member', 'copy_solutions_within', 'create_invitation', 'delete_solution', 'delete_workspace', 'edit_canvas',
    'editable_workspace_ids', 'end_lapsed_turns', 'excerpt', 'finish_copy', 'finish_generation', 'has_items',
    'has_text', 'is_card', 'is_code', 'is_document', 'is_lab_content', 'is_left_over', 'is_page', 'is_place_for_file',
    'is_position', 'is_prose', 'is_question', 'is_readable', 'json_canvas', 'lab_solution', 'list_members', 'literal',
    'lock_conversations', 'lock_workspace', 'markdown_line', 'matching_pages', 'move_to_trash', 'open_solution', 'purged_files', 'read_chapters',
    'read_page_heads', 'read_pages', 'record_run', 'refuse', 'refuse_reader', 'refuse_write', 'remove_member',
    'reserve_tokens', 'reset_lab', 'revoke_invitation', 'rfc3339', 'save_file', 'schema_version', 'search_pages', 'sees_workspace',
    'settle_tokens', 'task', 'tutor_context', 'unused_files', 'with_fraction', 'workspace_ids'
  ],
  'people with an account execute these functions'
);
select is_empty(
  $$ select p.oid::regprocedure from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and p.prorettype = 'trigger'::regtype
       and (has_function_privilege('authenticated', p.oid, 'execute') or has_function_privilege('service_role', p.oid, 'execute')) $$,
  'nobody executes a trigger''s function'
);
select is_empty(
  $$ select p.oid::regprocedure from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
       and p.prosqlbody is null and not coalesce(p.proconfig @> array['search_path=""'], false) $$,
  'no function depends on the caller''s search path'
);

-- Whole rows: what a client reads it may send back, and a new column must not break that.
select is_empty(
  $$ select c.relname, a.attname, operation
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     cross join unnest(array['insert', 'update']) operation
     where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and has_table_privilege('authenticated', c.oid, 'delete')
       and a.attnum > 0 and not a.attisdropped
       and not has_column_privilege('authenticated', c.oid, a.attnum, operation)
       and (c.relname, operation) <> ('chat_messages', 'update') $$,
  'people with an account write every column of their rows, whatever the triggers make of it'
);

-- Activity: a new table of things in a workspace must tell it of every change. Text comes and goes with its source.
select is_empty(
  $$ select c.relname, operation
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
     cross join (values ('insert', 4), ('delete', 8), ('update', 16)) as operations (operation, bit)
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname not in ('source_pages', 'chapters') and not exists (
       select from pg_trigger t
       where t.tgrelid = c.oid and t.tgfoid = 'private.touch_workspaces()'::regprocedure and t.tgtype & bit > 0
     ) $$,
  'whatever is written in a workspace makes it active'
);

-- Stamps: a column that is added to a node must be counted as content.
select is_empty(
  $$ select t.tgname, a.attname
     from pg_trigger t join pg_attribute a on a.attrelid = t.tgrelid
     where t.tgname in ('sources_stamp', 'labs_stamp') and a.attnum > 0 and not a.attisdropped
       and a.attname <> all (array['canvas_position', 'width', 'height', 'deleted_at', 'progress', 'lease_until']) and a.attnum <> all (t.tgattr::int2[]) $$,
  'the stamps of sources and labs see every column of their content'
);

select columns_are(
  'public', 'my_workspaces',
  array(select attname from pg_attribute where attrelid = 'public.workspaces'::regclass and attnum > 0 and not attisdropped)
    || 'role'::name,
  'the view of workspaces has every column of theirs'
);

select is_empty(
  $$ select c.oid::regclass::text from pg_class c
     where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'S')
       and obj_description(c.oid, 'pg_class') is null
     union all
     select p.oid::regprocedure::text from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and obj_description(p.oid, 'pg_proc') is null $$,
  'every table, sequence and function says what it is for'
);
select is_empty(
  $$ select k.conrelid::regclass, k.conname from pg_constraint k
     where k.contype = 'f' and k.connamespace in ('public'::regnamespace, 'private'::regnamespace)
       and not exists (
         select from pg_index i
         where i.indrelid = k.conrelid and k.conkey[cardinality(k.conkey)] in (i.indkey[0], i.indkey[cardinality(k.conkey) - 1])
           and i.indkey[0] = any (k.conkey)
       ) $$,
  'every foreign key has an index that deletes can use'
);
-- What Supabase's advisor (splinter) would remark. See the migration "advice".
select is_empty(
  $$ select tablename, policyname from pg_policies
     where schemaname = 'public'
       and regexp_replace(concat(qual, with_check), '\( SELECT (auth|private)\.\w+\(', '', 'g') ~ '(auth|private)\.\w+\(' $$,
  'policies call functions once per statement, not for every row'
);
select is_empty(
  $$ select indrelid::regclass, array_agg(indexrelid::regclass) from pg_index
     where indrelid::regclass::text !~ '^pg_'
     group by indrelid, indkey, indclass, indcollation, indoption, indexprs::text, indpred::text having count(*) > 1 $$,
  'no two indexes are the same'
);
select is_empty(
  $$ select c.oid::regclass from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('v', 'm', 'f')
       and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false) $$,
  'no view bypasses row-level security'
);
select is_empty(
  $$ select p.oid::regprocedure from pg_proc p
     where p.pronamespace = 'public'::regnamespace and p.prosecdef
       and obj_description(p.oid, 'pg_proc') not like '%Definer%' $$,
  'a function of the data API that bypasses row-level security says why'
);
select is_empty(
  $$ select p.oid::regprocedure from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
       and not coalesce(p.proconfig @> array['search_path=""'], false)
       and obj_description(p.oid, 'pg_proc') not like '%search path%' $$,
  'a function without a search path says why'
);
select is_empty(
  $$ select k.conrelid::regclass, k.conname from pg_constraint k
     where k.contype = 'f' and k.connamespace in ('public'::regnamespace, 'private'::regnamespace)
       and obj_description(k.oid, 'pg_constraint') is null and not exists (
         select from pg_index i
         where i.indrelid = k.conrelid and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] = k.conkey
       ) $$,
  'a foreign key without an index of the same columns says which one deletes use'
);
select set_eq(
  $$ select tablename::text from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public' $$,
  $$ select c.relname::text from pg_class c
     where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and has_table_privilege('authenticated', c.oid, 'delete') $$,
  'changes of the tables whose rows people make and delete are published'
);
select matches(schema_version(), '^\d{14}$', 'the schema''s version is a migration''s timestamp');

select * from finish();
rollback;
