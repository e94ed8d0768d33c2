-- JSON Canvas: a canvas as a file that Obsidian and others open (https://jsoncanvas.org/spec/1.0/).
-- Rows that are there: nothing changes.

create function private.markdown_line(words text) returns text
language sql immutable
return regexp_replace(regexp_replace(words, '\s+', ' ', 'g'), '([\\`*_{}[\]<>#|~$=%^!&])', '\\\1', 'g');
comment on function private.markdown_line is 'The words as one line of Markdown that shows them as they are. Sets no search path, since its body is bound when it is made.';
revoke execute on function private.markdown_line(text) from public, anon, authenticated, service_role;
grant execute on function private.markdown_line(text) to authenticated, service_role;

create function public.json_canvas(workspace_id uuid) returns table (nodes json, edges json)
language plpgsql stable rows 1 set search_path = '' set work_mem = '64MB' as $$
begin
  return query
  with things as (
    select
      s.created_at, s.id, s.canvas_position as place, s.width, s.height, '5' as color,
      s.title, replace(s.type, '_', ' ') as about, substring(s.metadata ->> 'url' from '^[Hh][Tt][Tt][Pp][Ss]?://\S+$') as url
    from public.sources s
    where s.workspace_id = json_canvas.workspace_id and s.deleted_at is null
    union all
    select
      l.created_at, l.id, l.canvas_position, l.width, l.height, '6',
      coalesce(l.title, replace(l.type, '_', ' ')), replace(l.type || ', ' || l.status, '_', ' '), null
    from public.labs l
    where l.workspace_id = json_canvas.workspace_id and l.deleted_at is null
  ), cards as (
    -- Whole numbers, and a size for each: other programs have no size of their own for a card.
    select
      t.created_at, t.id, t.color, t.title, t.about, t.url,
      round((t.place ->> 'x')::float8)::integer as x, round((t.place ->> 'y')::float8)::integer as y,
      greatest(round(coalesce(t.width, 280)), 1)::integer as width,
      greatest(round(coalesce(t.height, 160)), 1)::integer as height
    from things t
  )
  select
    (
      select coalesce(json_agg(json_strip_nulls(json_build_object(
        'id', c.id, 'type', case when c.url is null then 'text' else 'link' end,
        'x', c.x, 'y', c.y, 'width', c.width, 'height', c.height, 'color', c.color, 'url', c.url,
        'text', case when c.url is null then format(E'# %s\n\n%s', private.markdown_line(c.title), c.about) end
      )) order by c.created_at, c.id), '[]')
      from cards c
    ),
    (
      select coalesce(json_agg(json_strip_nulls(json_build_object(
        'id', e.id,
        'fromNode', e.source_node_id,
        'fromSide', coalesce(substring(lower(e.source_handle) from '^(top|right|bottom|left)$'), facing.from_side),
        'toNode', e.target_node_id,
        'toSide', coalesce(substring(lower(e.target_handle) from '^(top|right|bottom|left)$'), facing.to_side),
        'label', nullif(e.label, '')
      )) order by e.created_at, e.id), '[]')
      from public.edges e
      join cards s on s.id = e.source_node_id
      join cards t on t.id = e.target_node_id
      -- From where the cards are, when the handle is not called after a side.
      cross join lateral (
        select
          case
            when abs(dx) < abs(dy) and dy > 0 then 'bottom' when abs(dx) < abs(dy) then 'top'
            when dx < 0 then 'left' else 'right'
          end,
          case
            when abs(dx) < abs(dy) and dy > 0 then 'top' when abs(dx) < abs(dy) then 'bottom'
            when dx < 0 then 'right' else 'left'
          end
        from (values (t.x + t.width / 2 - s.x - s.width / 2, t.y + t.height / 2 - s.y - s.height / 2)) way (dx, dy)
      ) facing (from_side, to_side)
      where e.workspace_id = json_canvas.workspace_id and e.deleted_at is null
    )
  from public.workspaces w
  where w.id = json_canvas.workspace_id;
end $$;
comment on function public.json_canvas is
  'A workspace''s canvas in JSON Canvas 1.0: sources and labs as cards, sources with an http address in metadata.url as links; nothing for a workspace that the caller may not read.';
revoke execute on function public.json_canvas(uuid) from public, anon, authenticated, service_role;
grant execute on function public.json_canvas(uuid) to authenticated, service_role;
