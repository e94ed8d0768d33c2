-- Canvas: a lab shows how far its generation has come, and why it failed.
-- Rows that are there: nothing changes.

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
          private.rfc3339(s.cache_expires_at) as cache_expires_at, s.canvas_position, s.width, s.height,
          s.status, s.failure, s.page_count, s.file_name, s.file_bytes, s.media_type, s.version,
          private.rfc3339(s.created_at) as created_at, private.rfc3339(s.updated_at) as updated_at
      ) d
      where s.workspace_id = w.id and s.deleted_at is null
      union all
      select l.created_at, l.id, 'lab', l.canvas_position, l.width, l.height, row_to_json(d)
      from public.labs l
      cross join lateral (
        select
          l.id, l.workspace_id, l.source_id, l.type, l.title, l.status, l.failure, l.progress, l.config,
          l.user_state, l.canvas_position, l.width, l.height, l.version,
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

create or replace function public.schema_version() returns text
language sql immutable parallel safe
return '20261125000530';
