-- Canvas: the whole of a workspace read, and its layout written, in one request each.

create function private.rfc3339(moment timestamptz) returns text
language sql stable parallel safe
return to_char(
  moment at time zone 'UTC',
  case
    when moment = date_trunc('second', moment) then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
    else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
  end
);
comment on function private.rfc3339 is
  'A moment as RFC 3339, in UTC and with microseconds unless they are zero: the form of the gateway''s other answers.';

-- PL/pgSQL keeps the plan, which costs as much to make as a hundred nodes to read; the memory
-- keeps a canvas of thousands from going through a temporary file.
create function public.canvas(workspace_id uuid)
returns table (nodes json, edges json, viewport jsonb)
language plpgsql stable rows 1 set search_path = '' set work_mem = '64MB' as $$
begin
  return query select
    (select coalesce(json_agg(n), '[]') from (
      select node.id, node.type, node.position, node.data
      from (
        select s.created_at, s.id, 'source' as type, s.canvas_position as position, row_to_json(d) as data
        from public.sources s
        cross join lateral (
          select
            s.id, s.workspace_id, s.type, s.title, s.storage_path, s.metadata, s.cache_id,
            private.rfc3339(s.cache_expires_at) as cache_expires_at, s.canvas_position, s.version,
            private.rfc3339(s.created_at) as created_at, private.rfc3339(s.updated_at) as updated_at
        ) d
        where s.workspace_id = w.id
        union all
        select l.created_at, l.id, 'lab', l.canvas_position, row_to_json(d)
        from public.labs l
        cross join lateral (
          select
            l.id, l.workspace_id, l.source_id, l.type, l.status, l.config, l.user_state, l.canvas_position, l.version,
            private.rfc3339(l.created_at) as created_at, private.rfc3339(l.updated_at) as updated_at
        ) d
        where l.workspace_id = w.id
      ) node
      order by node.created_at, node.id
    ) n),
    (select coalesce(json_agg(e), '[]') from (
      select
        edge.id, edge.source_node_id as source, edge.target_node_id as target,
        edge.source_handle as "sourceHandle", edge.target_handle as "targetHandle", edge.label
      from public.edges edge
      where edge.workspace_id = w.id
      order by edge.created_at, edge.id
    ) e),
    w.viewport
  from public.workspaces w
  where w.id = canvas.workspace_id;
end $$;
comment on function public.canvas is
  'A workspace''s canvas in the shape of React Flow''s toObject(): one row, or none when the caller may not see it. A lab''s generated_content is left out: at up to 1 MiB each, a canvas could not afford it.';

create function public.arrange_canvas(workspace_id uuid, nodes jsonb default null, viewport jsonb default null)
returns void
language plpgsql set search_path = '' as $$
declare
  ids       uuid[];
  positions jsonb;
  sources   integer;
  labs      integer;
begin
  select coalesce(array_agg(n.id), '{}'), jsonb_object_agg(n.id, n.position) into ids, positions
    from jsonb_to_recordset(arrange_canvas.nodes) as n (id uuid, position jsonb);
  if cardinality(ids) > 2000 then
    raise sqlstate 'PT422' using message = 'too_many_nodes';
  end if;
  if cardinality(ids) > (select count(distinct id) from unnest(ids) id) then
    raise sqlstate 'PT422' using message = 'duplicate_node';
  end if;

  -- All locks before the first write, in the order that deletes keep to.
  perform from public.workspaces w where w.id = arrange_canvas.workspace_id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'workspace_not_found';
  end if;
  perform from public.sources s
    where s.id = any (ids) and s.workspace_id = arrange_canvas.workspace_id
    order by s.id for no key update;
  get diagnostics sources = row_count;
  perform from public.labs l
    where l.id = any (ids) and l.workspace_id = arrange_canvas.workspace_id
    order by l.id for no key update;
  get diagnostics labs = row_count;
  if sources + labs < cardinality(ids) then
    raise sqlstate 'PT422' using message = 'unknown_node';
  end if;

  -- Looked up, not joined: however many nodes there are, their rows are found by key.
  if sources > 0 then
    update public.sources s set canvas_position = positions -> s.id::text where s.id = any (ids);
  end if;
  if labs > 0 then
    update public.labs l set canvas_position = positions -> l.id::text where l.id = any (ids);
  end if;
  if arrange_canvas.viewport is not null then
    update public.workspaces w set viewport = arrange_canvas.viewport where w.id = arrange_canvas.workspace_id;
  end if;
end $$;
comment on function public.arrange_canvas is
  'Moves nodes [{id, position: {x, y}}, ...] of a workspace and sets its viewport: all of it or nothing. Raises PT404 workspace_not_found, PT422 too_many_nodes (over 2,000), duplicate_node and unknown_node.';

revoke execute on function
  private.rfc3339(timestamptz), public.canvas(uuid), public.arrange_canvas(uuid, jsonb, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function
  private.rfc3339(timestamptz), public.canvas(uuid), public.arrange_canvas(uuid, jsonb, jsonb)
  to authenticated, service_role;
