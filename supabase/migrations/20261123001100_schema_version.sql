-- Schema version: how far this database has been migrated. Every later migration ends by replacing it.

create function public.schema_version() returns text
language sql immutable parallel safe
return '20261123001100';
comment on function public.schema_version is
  'The timestamp of the newest migration. Readiness checks ask it without a user: the one thing open to anon.';

revoke execute on function public.schema_version() from public, anon, authenticated, service_role;
grant execute on function public.schema_version() to anon, authenticated, service_role;
