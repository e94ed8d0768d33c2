-- What the tables share, in a schema that the data API does not serve.

create schema private;
comment on schema private is 'Helpers and bookkeeping of the public tables; not served by the data API.';

revoke all on schema private from public;
-- Needed by functions that run as the caller; what lies inside is granted one by one.
grant usage on schema private to authenticated, service_role;

create function private.has_text(value text) returns boolean
language sql immutable parallel safe
return value ~ '[^\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]';
comment on function private.has_text is
  'Whether anything is left after trimming Unicode white space. The characters are listed because \s depends on the locale and lets the no-break space pass.';

create function private.is_position(value jsonb) returns boolean
language sql immutable parallel safe
return value = jsonb_build_object('x', value -> 'x', 'y', value -> 'y')
   and value -> 'x' between '-10000000' and '10000000'
   and value -> 'y' between '-10000000' and '10000000';
comment on function private.is_position is
  'Whether a value is exactly {x, y}, both numbers within ±10,000,000. In the order of jsonb only a number lies between two numbers.';

create function private.is_document(value jsonb) returns boolean
language sql immutable parallel safe
return pg_column_compression(value) is not null
    or (jsonb_typeof(value) = 'object' and octet_length(value::text) <= 1048576);
comment on function private.is_document is
  'Whether a value is a JSON object of at most 1 MiB as text. What arrives is never compressed: a compressed value was read back from its row, and was measured when it arrived. Else every drag would write out all that a node holds.';

create function private.with_fraction(moment timestamptz) returns timestamptz
language sql stable parallel safe
return case when moment = date_trunc('second', moment) then moment + interval '1 microsecond' else moment end;
comment on function private.with_fraction is
  'A moment that is never a whole second. JSON writers leave a fraction of zero out; so every stamp has the same form, and sorts as text as it does as time.';

create function private.stamp() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    new.created_at := private.with_fraction(clock_timestamp());
    new.updated_at := new.created_at;
    new.version    := 1;
    return new;
  end if;

  new.created_at := old.created_at;
  new.updated_at := old.updated_at;
  new.version    := old.version;

  -- Layout is not content: a drag makes no open editor stale.
  if tg_table_name = 'workspaces' then
    old.viewport := new.viewport;
  else
    old.canvas_position := new.canvas_position;
  end if;

  if new is distinct from old then
    -- Not now(): a writer that waited for another one must not be dated before it.
    new.updated_at := private.with_fraction(clock_timestamp());
    new.version    := old.version + 1;
  end if;
  return new;
end $$;
comment on function private.stamp is
  'Owns created_at, updated_at and version: whatever a client sends there is overwritten, also where grants are wider than ours. The version rises with every real change of content.';

create function private.stamp_created_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.created_at := case tg_op when 'INSERT' then private.with_fraction(clock_timestamp()) else old.created_at end;
  return new;
end $$;
comment on function private.stamp_created_at is 'Owns created_at of the tables that have no version.';

create function private.refuse_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise sqlstate 'PT422' using message = 'immutable_column';
end $$;
comment on function private.refuse_change is
  'Refuses an update; the trigger''s WHEN names the columns that never change. The data API turns PT422 into status 422.';

revoke execute on all functions in schema private from public, anon, authenticated, service_role;
-- Check constraints and triggers run as whoever writes. Trigger functions need no grant themselves.
grant execute on function
  private.has_text(text), private.is_position(jsonb), private.is_document(jsonb), private.with_fraction(timestamptz)
  to authenticated, service_role;
