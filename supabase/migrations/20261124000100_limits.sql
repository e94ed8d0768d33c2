-- Limits: what the gateway refuses, the tables refuse too, by whichever road a row comes. One row that the gateway
-- cannot read would hide every page it is on.

create function private.is_readable(value jsonb) returns boolean
language sql immutable parallel safe
return not value @? 'strict $.**{64} ? (@.type() == "object" || @.type() == "array")'
   and not value @? 'strict $.** ? (
     @.type() == "number" && (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308)
   )';
comment on function private.is_readable is
  'Whether a value is at most 64 levels deep, its numbers within the range of doubles.';
revoke execute on function private.is_readable(jsonb) from public, anon, authenticated, service_role;
grant execute on function private.is_readable(jsonb) to authenticated, service_role;

-- What is there already and breaks them: a document becomes a text within one, white space becomes nothing, and an
-- edge to a handle of white space, which no canvas can show, goes.
update public.sources set metadata = jsonb_build_object('unreadable', metadata::text)
  where not private.is_readable(metadata);
update public.labs set config = jsonb_build_object('unreadable', config::text) where not private.is_readable(config);
update public.labs set generated_content = jsonb_build_object('unreadable', generated_content::text)
  where not private.is_readable(generated_content);
update public.labs set user_state = jsonb_build_object('unreadable', user_state::text)
  where not private.is_readable(user_state);
update public.sources set storage_path = null where not private.has_text(storage_path);
update public.sources set cache_id = null where not private.has_text(cache_id);
update public.workspaces set viewport = default where viewport -> 'zoom' < '4.94065645841246544e-324';
delete from public.edges where not (private.has_text(source_handle) and private.has_text(target_handle));

create or replace function private.is_document(value jsonb) returns boolean
language sql immutable parallel safe
return pg_column_compression(value) is not null
    or (jsonb_typeof(value) = 'object' and octet_length(value::text) <= 1048576 and private.is_readable(value));
comment on function private.is_document is
  'Whether a value is a JSON object of at most 1 MiB as text that is_readable. What arrives is never compressed: a compressed value was read back from its row, and was measured when it arrived. Else every drag would write out all that a node holds.';

alter table public.workspaces
  drop constraint workspaces_viewport_shape,
  add constraint workspaces_viewport_shape check (
    viewport = jsonb_build_object('x', viewport -> 'x', 'y', viewport -> 'y', 'zoom', viewport -> 'zoom')
    and private.is_position(viewport - 'zoom')
    -- The smallest double: whatever is less is read as zero.
    and viewport -> 'zoom' between '4.94065645841246544e-324' and '100'
  );
alter table public.sources
  add constraint sources_storage_path_text check (private.has_text(storage_path)),
  add constraint sources_cache_id_text check (private.has_text(cache_id));
alter table public.edges
  add constraint edges_source_handle_text check (private.has_text(source_handle)),
  add constraint edges_target_handle_text check (private.has_text(target_handle));

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261124000100';
