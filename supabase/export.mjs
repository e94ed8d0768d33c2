// Writes the rows of a stopped embedded stack as SQL for psql, a list of its files as JSON, and their numbers to standard
// error. `node export.mjs <data folder> <rows> <files>`; whoever calls it holds the folder.
//
// PostgreSQL's own COPY writes and reads the values, so none of them changes on the way. Users are written as JSON,
// because login services differ in the columns of auth.users: each takes those that it knows.

import { closeSync, existsSync, openSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { PGlite } from "@electric-sql/pglite";

// Every table goes along, in the order of its primary key, but for these.
const LEFT_OUT = [
  "private.gone_workspaces", // goes as JSON: some of its rows may be there already
  "private.workspace_copies", // copies that are not finished, whose files are not in any row yet
];
const TABLES = `
  select format('%I.%I', n.nspname, c.relname) as name,
    (select substring(pg_get_constraintdef(k.oid) from '\\((.*)\\)') from pg_constraint k
     where k.conrelid = c.oid and k.contype = 'p') as key,
    (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname in ('public', 'private') and format('%I.%I', n.nspname, c.relname) <> all ($1)
  order by n.nspname desc, c.relname`;

// What the login service computes, or waits for somebody to confirm, is left out; what is null gets the default there.
// It cannot read a null in a token that nobody has asked for, nor two empty phone numbers.
const USERS = `
  select (
    select jsonb_object_agg(key, value) from jsonb_each(to_jsonb(u))
    where value not in ('null', '""') and key not in ('confirmed_at', 'invited_at')
      and key not like all ('{%\\\\_token%,%\\\\_change%,%\\\\_sent\\\\_at}')
  ) || '{
    "instance_id": "00000000-0000-0000-0000-000000000000",
    "confirmation_token": "", "recovery_token": "", "email_change": "", "email_change_token_new": ""
  }'
  from auth.users u order by u.created_at, u.id`;

const IDENTITIES = `
  select to_jsonb(i) - 'email' from auth.identities i order by i.created_at, i.id`;

const FILES = "select name, metadata ->> 'mimetype' as type, owner_id from storage.objects where bucket_id = 'sources' order by name";

const BEGIN = `-- Rows of AIDE's embedded stack, users with the hashes of their passwords included: keep it to yourself.
-- For a migrated database: psql -v ON_ERROR_STOP=1 -f <this file> "$DATABASE_URL"

begin;
set local client_encoding = 'UTF8';
set local client_min_messages = warning;
-- Versions, times and the order of messages stay as they are: no trigger stamps these rows anew.
set local session_replication_role = replica;

do $$
declare
  version text := '';
begin
  if to_regprocedure('public.schema_version()') is not null then
    version := public.schema_version();
  end if;
  if version < '@version@' then
    raise exception 'the database lacks migrations: apply them first (make migrate)';
  end if;
end $$;

create temporary table moved (target text, document jsonb) on commit drop;
`;

const END = `
-- Every row goes in with the columns that the table has, those that it computes left out.
do $$
declare
  target text;
  columns text;
  is_lost boolean;
begin
  foreach target in array array['auth.users', 'auth.identities', 'private.gone_workspaces'] loop
    continue when to_regclass(target) is null;
    select string_agg(quote_ident(a.attname), ', ') into columns
      from pg_attribute a
      where a.attrelid = to_regclass(target) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        and exists (select from moved m where m.target = a.attrelid::regclass::text and m.document ? a.attname);
    continue when columns is null;
    execute format(
      'insert into %1$s (%2$s) select %2$s from moved m, jsonb_populate_record(null::%1$s, m.document)
       where m.target = %1$L
         and (m.target <> ''auth.identities'' or exists (select from auth.users u where u.id::text = m.document ->> ''user_id''))
       on conflict do nothing', target, columns);
  end loop;

  -- The file store has the files already, from an operator. Whoever uploaded one may delete it when its workspace is gone.
  if to_regclass('storage.objects') is not null then
    update storage.objects o set owner_id = m.document ->> 'owner_id'
      from moved m
      where m.target = 'storage.objects' and o.bucket_id = 'sources' and o.name = m.document ->> 'name';
  end if;

  -- Whoever had an account here already has another id. No trigger has looked at the keys that name a user.
  for target, columns in
    select k.conrelid::regclass::text, quote_ident(a.attname)
      from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
      where k.contype = 'f' and k.confrelid = 'auth.users'::regclass
        and k.connamespace in ('public'::regnamespace, 'private'::regnamespace)
  loop
    execute format(
      'select exists (select from %1$s t where t.%2$s is not null
         and not exists (select from auth.users u where u.id = t.%2$s))', target, columns) into is_lost;
    if is_lost then
      raise exception 'a user of the moved workspaces has another id in this database: %',
        (select string_agg(m.document ->> 'email', ', ') from moved m
         where m.target = 'auth.users' and not exists (select from auth.users u where u.id::text = m.document ->> 'id'));
    end if;
  end loop;
end $$;

commit;
notify pgrst, 'reload schema';
`;

const [folder, rows, files] = process.argv.slice(2);
if (!folder || !existsSync(`${folder}/PG_VERSION`)) {
  console.error(`there is no data folder of the embedded stack at ${folder}`);
  process.exit(1);
}

const file = openSync(rows, "w", 0o600);
const write = (text) => writeFileSync(file, text);

const db = await PGlite.create(folder);

async function value(query) {
  return (await db.query(query)).rows[0].value;
}

async function copy(name, target, query) {
  const { rows, blob } = await db.query(`copy (${query}) to '/dev/blob'`);
  const text = blob ? await blob.text() : "";
  write(`\ncopy ${target} from stdin;\n${text}\\.\n`);
  console.error(`${text.split("\n").length - 1} ${name}`);
}

await db.exec("set timezone = 'UTC'; set datestyle = 'ISO'");
write(BEGIN.replaceAll("@version@", await value("select public.schema_version() as value")));
await copy("users", "moved (target, document)", `select 'auth.users', d from (${USERS}) as q (d)`);
await copy("owners of files", "moved (target, document)", `select 'storage.objects', to_jsonb(f) from (${FILES}) f`);
await copy(
  "ids that are not given out again",
  "moved (target, document)",
  "select 'private.gone_workspaces', to_jsonb(g) from private.gone_workspaces g order by g.id",
);
await copy("identities", "moved (target, document)", `select 'auth.identities', d from (${IDENTITIES}) as q (d)`);
for (const { name, key, columns } of (await db.query(TABLES, [LEFT_OUT])).rows) {
  await copy(name.split(".")[1], `${name} (${columns})`, `select ${columns} from ${name} order by ${key}`);
}
write(END);
closeSync(file);
const store = resolve(folder, "../storage/sources");
const list = (await db.query(FILES)).rows;
const there = list.filter(({ name }) => existsSync(`${store}/${name}`));
writeFileSync(files, JSON.stringify(there));
console.error(`${there.length} files`);
if (there.length < list.length) console.error(`${list.length - there.length} files are NOT in ${store}, and not in the export`);
await db.close();
