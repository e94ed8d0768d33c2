-- Limits: what the gateway refuses, the tables refuse too, by whichever road a row comes. One row that the gateway
-- cannot read would hide every page it is on.

create or replace function private.is_document(value jsonb) returns boolean
language sql immutable parallel safe
return pg_column_compression(value) is not null
    or (
      jsonb_typeof(value) = 'object'
      and octet_length(value::text) <= 1048576
      and not value @? 'strict $.**{64} ? (@.type() == "object" || @.type() == "array")'
      and not value @? 'strict $.** ? (
        @.type() == "number" && (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308)
      )'
    );
comment on function private.is_document is
  'Whether a value is a JSON object of at most 1 MiB as text and 64 levels, its numbers within the range of doubles. What arrives is never compressed: a compressed value was read back from its row, and was measured when it arrived. Else every drag would write out all that a node holds.';

-- Rows that are there already are left alone.
alter table public.workspaces
  drop constraint workspaces_viewport_shape,
  add constraint workspaces_viewport_shape check (
    viewport = jsonb_build_object('x', viewport -> 'x', 'y', viewport -> 'y', 'zoom', viewport -> 'zoom')
    and private.is_position(viewport - 'zoom')
    -- The smallest double: whatever is less is read as zero.
    and viewport -> 'zoom' between '4.94065645841246544e-324' and '100'
  ) not valid;
alter table public.sources
  add constraint sources_storage_path_text check (private.has_text(storage_path)) not valid,
  add constraint sources_cache_id_text check (private.has_text(cache_id)) not valid;
alter table public.edges
  add constraint edges_source_handle_text check (private.has_text(source_handle)) not valid,
  add constraint edges_target_handle_text check (private.has_text(target_handle)) not valid;

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261124000100';
