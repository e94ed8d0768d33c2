-- Canvas: nodes have a size, unknown nodes are named with their place, and the workspace is locked in the one way.
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

create or replace function public.canvas(workspace_id uuid)
returns table (nodes json, edges json, viewport jsonb)
language plpgsql stable rows 1 set search_path = '' set work_mem = '64MB' as $$
begin
  return query select
    (select coalesce(json_agg(
      -- React Flow's types know no size of null.
      case num_nulls(node.width, node.height)
        when 2 then json_build_object('id', node.id, 'type', node.type, 'position', node.position, 'data', node.data)
        when 1 then json_build_object(
          'id', node.id, 'type', node.type, 'position', node.position,
          case when node.height is null then 'width' else 'height' end, coalesce(node.width, node.height),
          'data', node.data
        )
        else json_build_object(
          'id', node.id, 'type', node.type, 'position', node.position, 'width', node.width, 'height', node.height,
          'data', node.data
        )
      end order by node.created_at, node.id
    ), '[]') from (
      select
        s.created_at, s.id, 'source' as type, s.canvas_position as position, s.width, s.height, row_to_json(d) as data
      from public.sources s
      cross join lateral (
        select
          s.id, s.workspace_id, s.type, s.title, s.storage_path, s.metadata, s.cache_id,
          private.rfc3339(s.cache_expires_at) as cache_expires_at, s.canvas_position, s.width, s.height, s.version,
          private.rfc3339(s.created_at) as created_at, private.rfc3339(s.updated_at) as updated_at
      ) d
      where s.workspace_id = w.id and s.deleted_at is null
      union all
      select l.created_at, l.id, 'lab', l.canvas_position, l.width, l.height, row_to_json(d)
      from public.labs l
      cross join lateral (
        select
          l.id, l.workspace_id, l.source_id, l.type, l.title, l.status, l.config, l.user_state, l.canvas_position,
          l.width, l.height, l.version,
          private.rfc3339(l.created_at) as created_at, private.rfc3339(l.updated_at) as updated_at
      ) d
      where l.workspace_id = w.id and l.deleted_at is null
    ) node),
    (select coalesce(json_agg(e), '[]') from (
      select
        edge.id, edge.source_node_id as source, edge.target_node_id as target,
        edge.source_handle as "sourceHandle", edge.target_handle as "targetHandle", edge.label
      from public.edges edge
      where edge.workspace_id = w.id and edge.deleted_at is null
      order by edge.created_at, edge.id
    ) e),
    w.viewport
  from public.workspaces w
  where w.id = canvas.workspace_id;
end $$;

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
