-- What a Supabase image brings and the migrations expect, for a plain Postgres under test.
-- On a real Supabase it does nothing, so that `supabase test db` may meet it among the tests.

do $bootstrap$
begin
  if to_regclass('auth.users') is not null then
    return;
  end if;

  -- Roles belong to the cluster, not to the database.
  if to_regrole('authenticator') is null then
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
    create role authenticator login noinherit;
    grant anon, authenticated, service_role to authenticator;
  end if;

  create schema auth;
  create schema extensions;
  grant usage on schema public, auth, extensions to anon, authenticated, service_role;
  execute format('alter database %I set search_path = "$user", public, extensions', current_database());

  create table auth.users (
    id         uuid primary key default gen_random_uuid(),
    email      text unique,
    created_at timestamptz not null default now()
  );

  create function auth.jwt() returns jsonb language sql stable as $$
    select coalesce(
      nullif(current_setting('request.jwt.claim', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
  $$;
  create function auth.uid() returns uuid language sql stable as $$
    select coalesce(
      nullif(current_setting('request.jwt.claim.sub', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
  $$;
  create function auth.role() returns text language sql stable as $$
    select coalesce(
      nullif(current_setting('request.jwt.claim.role', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
    )
  $$;

  -- The file store's tables, as far as policies and our functions meet them.
  create schema storage;
  grant usage on schema storage to anon, authenticated, service_role;
  create table storage.buckets (
    id                 text primary key,
    name               text not null unique,
    owner              uuid,
    owner_id           text,
    public             boolean default false,
    file_size_limit    bigint,
    allowed_mime_types text[],
    created_at         timestamptz default now(),
    updated_at         timestamptz default now()
  );
  create table storage.objects (
    id               uuid primary key default gen_random_uuid(),
    bucket_id        text references storage.buckets (id),
    name             text,
    owner            uuid,
    owner_id         text,
    metadata         jsonb,
    user_metadata    jsonb,
    path_tokens      text[] generated always as (string_to_array(name, '/')) stored,
    version          text,
    created_at       timestamptz default now(),
    updated_at       timestamptz default now(),
    last_accessed_at timestamptz default now(),
    unique (bucket_id, name)
  );
  create index idx_objects_bucket_id_name on storage.objects (bucket_id, name collate "C");
  alter table storage.buckets enable row level security;
  alter table storage.objects enable row level security;
  grant all on storage.buckets, storage.objects to anon, authenticated, service_role;

  -- As wide as hosted projects used to be: the migrations' own revokes must win.
  alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
  alter default privileges in schema public grant all on functions to anon, authenticated, service_role;

  -- Nobody subscribes here; spare the warning that the write-ahead log says too little for it.
  set local client_min_messages = error;
  create publication supabase_realtime;
end $bootstrap$;

select '1..0 # SKIP prepares a plain Postgres, tests nothing';
