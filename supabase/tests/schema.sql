-- Schema: what must stay true of every table and function, also of those that are added later.

begin;
select plan(16);

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
  'the registry of nodes is granted to nobody'
);
select set_eq(
  $$ select p.proname::text from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and p.prorettype <> 'trigger'::regtype
       and has_function_privilege('authenticated', p.oid, 'execute') $$,
  array[
    'arrange_canvas', 'canvas', 'schema_version',
    'has_text', 'is_document', 'is_position', 'is_readable', 'rfc3339', 'with_fraction', 'workspace_ids'
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

-- Stamps: a column that is added to a node must be counted as content.
select is_empty(
  $$ select t.tgname, a.attname
     from pg_trigger t join pg_attribute a on a.attrelid = t.tgrelid
     where t.tgname in ('sources_stamp', 'labs_stamp') and a.attnum > 0 and not a.attisdropped
       and a.attname <> 'canvas_position' and a.attnum <> all (t.tgattr::int2[]) $$,
  'the stamps of sources and labs see every column but the layout'
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
select set_eq(
  $$ select tablename::text from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public' $$,
  array['workspaces', 'sources', 'labs', 'chat_messages', 'edges'],
  'changes of all five tables are published'
);
select matches(schema_version(), '^\d{14}$', 'the schema''s version is a migration''s timestamp');

select * from finish();
rollback;
