-- Layout: nodes have a size, unknown nodes are named with their place, and the workspace is locked in the one way.
-- Rows that are there: nothing changes.

create function private.refuse(code text, word text, places jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  if places <> '[]' then
    raise exception using errcode = code, message = word, detail = jsonb_path_query_array(places, '$[0 to 99]')::text;
  end if;
end $$;
comment on function private.refuse is
  'Raises the word if there are places in the request to name: [{loc, id, ...}, ...], the first 100 of which become the error''s details, as JSON.';
revoke execute on function private.refuse(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function private.refuse(text, text, jsonb) to authenticated, service_role;

create or replace function public.arrange_canvas(workspace_id uuid, nodes jsonb default null, viewport jsonb default null)
returns void
language plpgsql set search_path = '' as $$
declare
  place constant uuid := arrange_canvas.workspace_id;
  ids   uuid[];
  moves jsonb;
begin
  select coalesce(array_agg((m.move ->> 'id')::uuid order by m.number), '{}'), jsonb_object_agg((m.move ->> 'id')::uuid, m.move)
    into ids, moves
    from jsonb_array_elements(arrange_canvas.nodes) with ordinality m (move, number);
  if cardinality(ids) > 2000 then
    raise sqlstate 'PT422' using message = 'too_many_nodes';
  end if;
  perform private.refuse('PT422', 'duplicate_node', (
    select coalesce(jsonb_agg(jsonb_build_object('loc', jsonb_build_array('nodes', n.number - 1, 'id'), 'id', n.id) order by n.number), '[]')
    from (
      select m.id, m.number, row_number() over (partition by m.id order by m.number) as nth
      from unnest(ids) with ordinality m (id, number)
    ) n
    where n.nth > 1
  ));

  -- All locks before the first write, in the order that everybody keeps to.
  perform private.lock_workspace(place);
  perform from public.sources s
    where s.id = any (ids) and s.workspace_id = place and s.deleted_at is null
    order by s.id for no key update;
  perform from public.labs l
    where l.id = any (ids) and l.workspace_id = place and l.deleted_at is null
    order by l.id for no key update;
  perform private.refuse('PT422', 'unknown_node', (
    select coalesce(jsonb_agg(jsonb_build_object('loc', jsonb_build_array('nodes', m.number - 1, 'id'), 'id', m.id) order by m.number), '[]')
    from unnest(ids) with ordinality m (id, number)
    where not exists (
        select from public.sources s where s.id = m.id and s.workspace_id = place and s.deleted_at is null
      ) and not exists (
        select from public.labs l where l.id = m.id and l.workspace_id = place and l.deleted_at is null
      )
  ));

  -- Looked up, not joined: however many nodes there are, their rows are found by key.
  update public.sources s set
      canvas_position = coalesce(nullif(moves -> s.id::text -> 'position', 'null'), s.canvas_position),
      width  = case when moves -> s.id::text ? 'width' then (moves -> s.id::text ->> 'width')::float8 else s.width end,
      height = case when moves -> s.id::text ? 'height' then (moves -> s.id::text ->> 'height')::float8 else s.height end
    where s.id = any (ids) and s.workspace_id = place and s.deleted_at is null;
  update public.labs l set
      canvas_position = coalesce(nullif(moves -> l.id::text -> 'position', 'null'), l.canvas_position),
      width  = case when moves -> l.id::text ? 'width' then (moves -> l.id::text ->> 'width')::float8 else l.width end,
      height = case when moves -> l.id::text ? 'height' then (moves -> l.id::text ->> 'height')::float8 else l.height end
    where l.id = any (ids) and l.workspace_id = place and l.deleted_at is null;
  if arrange_canvas.viewport is not null then
    update public.workspaces w set viewport = arrange_canvas.viewport where w.id = place;
  end if;
end $$;
comment on function public.arrange_canvas is
  'Lays out nodes [{id, position: {x, y}, width, height}, ...] of a workspace and sets its viewport: all of it or nothing. What is left out stays; a size of null is none. Raises PT404 workspace_not_found, PT422 too_many_nodes (over 2,000), duplicate_node and unknown_node, whose details are [{loc, id}, ...].';

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261125000250';
