-- Editing a canvas: nothing that it reads grows with the trash of others, and no source is copied while its file changes.
-- Rows that are there: nothing changes.

-- Plans are kept: those made while a table was small would read it from end to end for each thing, also once it is large.
create or replace function private.edit_canvas(workspace_id uuid, changes jsonb) returns jsonb
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
#variable_conflict use_column
-- "is not distinct from place" where a plan must find rows by their ids: with "=" it would read the whole workspace.
  -- "offset 0" for the same reason: without it everybody's trash would be read and joined.
declare
  place        constant uuid := edit_canvas.workspace_id;
  -- The request, taken apart; a row that was sent without an id gets one.
  source_items constant jsonb := coalesce(edit_canvas.changes #> '{create,sources}', '[]');
  lab_items    constant jsonb := coalesce(edit_canvas.changes #> '{create,labs}', '[]');
  edge_items   constant jsonb := coalesce(edit_canvas.changes #> '{create,edges}', '[]');
  offset_x     constant float8 := coalesce((edit_canvas.changes #>> '{copy,offset,x}')::float8, 0);
  offset_y     constant float8 := coalesce((edit_canvas.changes #>> '{copy,offset,y}')::float8, 0);
  layout       constant text[] := '{canvas_position,width,height}';
  new_sources  public.sources[];
  new_labs     public.labs[];
  new_edges    public.edges[];
  copies       jsonb;   -- {old: new}
  olds         uuid[];
  copy_ids     uuid[];
  thrown       uuid[];
  thrown_edges uuid[];
  back         uuid[];
  back_edges   uuid[];
  -- Every id in the request, with its place there.
  node_ids     uuid[];
  node_locs    jsonb[];
  edge_ids     uuid[];
  edge_locs    jsonb[];
  -- What is there already, and what is to be done.
  known        uuid[];  -- of the ids of nodes, those that exist
  ranks        jsonb;   -- {old: its place in the order of all that are copied}
  copied_edges uuid[];  -- old edges between nodes that are copied
  coming       uuid[];  -- edges that may leave the trash
  drawn        uuid[];  -- the edges to create: their ids, or those of the same edges that are there
  start        timestamptz;
  refused        text;
  refused_column text;
  refused_row    text;
  result       jsonb;
begin
  new_sources := array(select r from jsonb_populate_recordset(null::public.sources, private.with_ids(source_items)) r);
  new_labs    := array(select r from jsonb_populate_recordset(null::public.labs, private.with_ids(lab_items)) r);
  new_edges   := array(select r from jsonb_populate_recordset(null::public.edges, private.with_ids(edge_items)) r);
  select coalesce(jsonb_object_agg(key::uuid, value::uuid), '{}'), coalesce(array_agg(key::uuid), '{}'), coalesce(array_agg(value::uuid), '{}')
    into copies, olds, copy_ids
    from jsonb_each_text(coalesce(edit_canvas.changes #> '{copy,ids}', '{}'));
  thrown       := array(select id::uuid from jsonb_array_elements_text(coalesce(edit_canvas.changes #> '{delete,nodes}', '[]')) id);
  thrown_edges := array(select id::uuid from jsonb_array_elements_text(coalesce(edit_canvas.changes #> '{delete,edges}', '[]')) id);
  back         := array(select id::uuid from jsonb_array_elements_text(coalesce(edit_canvas.changes #> '{restore,nodes}', '[]')) id);
  back_edges   := array(select id::uuid from jsonb_array_elements_text(coalesce(edit_canvas.changes #> '{restore,edges}', '[]')) id);

  select coalesce(array_agg(id), '{}'), coalesce(array_agg(loc), '{}') into node_ids, node_locs from (
    select s.id, jsonb_build_array('create', 'sources', s.ordinality - 1, 'id') from unnest(new_sources) with ordinality s
    union all
    select l.id, jsonb_build_array('create', 'labs', l.ordinality - 1, 'id') from unnest(new_labs) with ordinality l
    union all
    select c.id, jsonb_build_array('copy', 'ids', c.old) from unnest(copy_ids, olds) c (id, old)
    union all
    select t.id, jsonb_build_array('delete', 'nodes', t.n - 1) from unnest(thrown) with ordinality t (id, n)
    union all
    select b.id, jsonb_build_array('restore', 'nodes', b.n - 1) from unnest(back) with ordinality b (id, n)
  ) given (id, loc);
  select coalesce(array_agg(id), '{}'), coalesce(array_agg(loc), '{}') into edge_ids, edge_locs from (
    select e.id, jsonb_build_array('create', 'edges', e.ordinality - 1, 'id') from unnest(new_edges) with ordinality e
    union all
    select t.id, jsonb_build_array('delete', 'edges', t.n - 1) from unnest(thrown_edges) with ordinality t (id, n)
    union all
    select b.id, jsonb_build_array('restore', 'edges', b.n - 1) from unnest(back_edges) with ordinality b (id, n)
  ) given (id, loc);

  if cardinality(node_ids) + cardinality(edge_ids) > 2000 then
    raise sqlstate 'PT422' using message = 'too_many_changes';
  end if;
  perform private.refuse('PT422', 'duplicate_id', (
    select coalesce(jsonb_agg(jsonb_build_object('loc', loc, 'id', id) order by n), '[]')
    from (
      select id, loc, n, row_number() over (partition by kind, id order by n) as nth
      from (
        select 'node' as kind, id, loc, n from unnest(node_ids, node_locs) with ordinality g (id, loc, n)
        union all
        select 'edge', id, loc, n from unnest(edge_ids, edge_locs) with ordinality g (id, loc, n)
      ) given
    ) numbered
    where nth > 1
  ));
  perform private.refuse('PT422', 'other_workspace', (
    select coalesce(jsonb_agg(jsonb_build_object('loc', jsonb_build_array('create', kind, n - 1, 'workspace_id'), 'id', id)), '[]')
    from (
      select 'sources' as kind, s.id, s.workspace_id, s.ordinality as n from unnest(new_sources) with ordinality s
      union all
      select 'labs', l.id, l.workspace_id, l.ordinality from unnest(new_labs) with ordinality l
      union all
      select 'edges', e.id, e.workspace_id, e.ordinality from unnest(new_edges) with ordinality e
    ) given
    where workspace_id <> place
  ));

  -- All locks before the first write, in the order that everybody keeps to. Also the sources that are copied: what a
  -- source says of its file, and the text of that file, are then of one moment.
  perform private.lock_workspace(place);
  perform private.purge_trash(place);
  perform from public.sources s
    where s.id = any (thrown || back || olds) and s.workspace_id = place order by s.id for no key update;
  perform from public.labs l
    where l.id = any (thrown || back) and l.workspace_id = place order by l.id for no key update;
  -- Also the nodes at the other ends of edges that are drawn or come back: none of them may be just going.
  perform from private.nodes n
    where n.workspace_id is not distinct from place and n.id = any (thrown || back || array(
      select unnest(array[e.source_node_id, e.target_node_id]) from unnest(new_edges) e
    ) || array(
      select unnest(array[e.source_node_id, e.target_node_id]) from public.edges e
      where e.workspace_id = place and e.deleted_at is not null
        and (e.id = any (back_edges) or e.source_node_id = any (back) or e.target_node_id = any (back))
    ))
    order by n.id for update;
  perform from public.edges e
    where e.workspace_id = place
      and (e.id = any (thrown_edges || back_edges) or e.source_node_id = any (thrown || back) or e.target_node_id = any (thrown || back))
    order by e.id for update;

  -- Is everything there that is to be deleted, restored or copied?
  perform private.refuse('PT422', 'unknown_node', (
    select coalesce(jsonb_agg(jsonb_build_object('loc', loc, 'id', id)), '[]')
    from unnest(node_ids, node_locs) g (id, loc)
    where loc ->> 0 in ('delete', 'restore')
      and not exists (select from private.nodes n where n.id = g.id and n.workspace_id is not distinct from place)
  ));
  perform private.refuse('PT422', 'unknown_edge', (
    select coalesce(jsonb_agg(jsonb_build_object('loc', loc, 'id', id)), '[]')
    from unnest(edge_ids, edge_locs) g (id, loc)
    where loc ->> 0 in ('delete', 'restore')
      and not exists (select from public.edges e where e.id = g.id and e.workspace_id = place)
  ));
  known := array(select n.id from private.nodes n where n.id = any (node_ids));
  perform private.refuse('PT422', 'unknown_node', (
    select coalesce(jsonb_agg(jsonb_build_object('loc', jsonb_build_array('copy', 'ids', old), 'id', old)), '[]')
    from unnest(olds, copy_ids) c (old, id)
    where not id = any (known) and (
      not exists (select from private.nodes n where n.id = old and n.workspace_id is not distinct from place)
      or (not old = any (thrown || back) and exists (select from private.trashed_nodes t where t.id = old offset 0))
    )
  ));

  -- An id that is there already must be the same thing: then the request is repeated.
  perform private.refuse('PT409', 'id_taken', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'loc', loc, 'id', id, 'type', fault, 'existing', case when live then id end
    )), '[]')
    from (
      select
        jsonb_build_array('create', 'sources', s.ordinality - 1, 'id') as loc, s.id, o.deleted_at is null and o.id is not null as live,
        case
          when o.id is null then 'id_taken'
          when o.deleted_at is not null then 'in_trash'
          when jsonb_populate_record(o, (source_items -> (s.ordinality - 1)::integer) - layout) is distinct from o then 'other_content'
        end as fault
      from unnest(new_sources) with ordinality s
      left join public.sources o on o.id = s.id and o.workspace_id = place
      where s.id = any (known)
      union all
      select
        jsonb_build_array('create', 'labs', l.ordinality - 1, 'id'), l.id, o.deleted_at is null and o.id is not null,
        case
          when o.id is null then 'id_taken'
          when o.deleted_at is not null then 'in_trash'
          when jsonb_populate_record(o, (lab_items -> (l.ordinality - 1)::integer) - layout) is distinct from o then 'other_content'
        end
      from unnest(new_labs) with ordinality l
      left join public.labs o on o.id = l.id and o.workspace_id = place
      where l.id = any (known)
      union all
      select
        jsonb_build_array('copy', 'ids', c.old), c.id, t.id is null and n.workspace_id = place,
        case
          when n.workspace_id <> place then 'id_taken'
          when t.id is not null then 'in_trash'
          -- What was copied may have changed since, on either side.
          when (n.source_id is null) <> (o.source_id is null) then 'other_content'
        end
      from unnest(copy_ids, olds) c (id, old)
      join private.nodes n on n.id = c.id
      left join private.nodes o on o.id = c.old
      left join lateral (select t.id from private.trashed_nodes t where t.id = c.id offset 0) t on true
    ) there
    where fault is not null
  ));

  -- Into the trash and out of it.
  copied_edges := array(
    select e.id from public.edges e
    where cardinality(olds) > 0 and e.workspace_id = place and e.deleted_at is null
      and e.source_node_id = any (olds) and e.target_node_id = any (olds)
    order by e.created_at, e.id
  );
  if cardinality(thrown || thrown_edges) > 0 then
    update public.sources s set deleted_at = now() where s.id = any (thrown) and s.workspace_id = place and s.deleted_at is null;
    update public.labs l set deleted_at = now() where l.id = any (thrown) and l.workspace_id = place and l.deleted_at is null;
    update public.edges e set deleted_at = now()
      where e.workspace_id = place and e.deleted_at is null
        and (e.id = any (thrown_edges) or e.source_node_id = any (thrown) or e.target_node_id = any (thrown));
  end if;
  if cardinality(back || back_edges) > 0 then
    coming := array(
      select e.id from public.edges e where e.id = any (back_edges) and e.workspace_id = place and e.deleted_at is not null
      union
      select e.id from private.trashed_nodes t join public.edges e on e.source_node_id = t.id and e.deleted_at = t.deleted_at
      where t.id = any (back) and t.workspace_id = place
      union
      select e.id from private.trashed_nodes t join public.edges e on e.target_node_id = t.id and e.deleted_at = t.deleted_at
      where t.id = any (back) and t.workspace_id = place
    );
    update public.sources s set deleted_at = null where s.id = any (back) and s.workspace_id = place and s.deleted_at is not null;
    update public.labs l set deleted_at = null where l.id = any (back) and l.workspace_id = place and l.deleted_at is not null;
    -- An edge whose other end is still in the trash waits for that one.
    update public.edges e set deleted_at = waiting.deleted_at
      from (
        select d.id, coalesce(s.deleted_at, t.deleted_at) as deleted_at
        from public.edges d
        left join lateral (select t.deleted_at from private.trashed_nodes t where t.id = d.source_node_id offset 0) s on true
        left join lateral (select t.deleted_at from private.trashed_nodes t where t.id = d.target_node_id offset 0) t on true
        where d.id = any (coming)
      ) waiting
      where e.id = waiting.id and waiting.deleted_at is not null;
    -- One that was drawn again meanwhile stays, and of doubles the last thrown away comes back.
    update public.edges e set deleted_at = null
      where e.id in (
        select distinct on (d.source_node_id, d.target_node_id, d.source_handle, d.target_handle) d.id
        from public.edges d
        where d.id = any (coming)
          and not exists (select from private.trashed_nodes t where t.id = d.source_node_id offset 0)
          and not exists (select from private.trashed_nodes t where t.id = d.target_node_id offset 0)
          and not exists (
            select from public.edges same
            where same.workspace_id = place and same.deleted_at is null
              and same.source_node_id = d.source_node_id and same.target_node_id = d.target_node_id
              and same.source_handle is not distinct from d.source_handle
              and same.target_handle is not distinct from d.target_handle
          )
        order by d.source_node_id, d.target_node_id, d.source_handle, d.target_handle, d.deleted_at desc, d.id
      );
  end if;

  -- Copies have the order of their originals, of both kinds together.
  select jsonb_object_agg(id, n) into ranks from (
    select id, row_number() over (order by created_at, id) as n
    from (
      select s.id, s.created_at from public.sources s where s.id = any (olds)
      union all
      select l.id, l.created_at from public.labs l where l.id = any (olds)
    ) original
  ) ranked;
  start := clock_timestamp();
  perform set_config('private.stamped', 'on', true);
  begin
    insert into public.sources (
      id, workspace_id, type, title, storage_path, metadata, cache_id, cache_expires_at, canvas_position, width, height,
      created_at, updated_at
    )
      select
        s.id, place, s.type, s.title, s.storage_path, coalesce(s.metadata, '{}'), s.cache_id, s.cache_expires_at,
        coalesce(s.canvas_position, '{"x": 0, "y": 0}'), s.width, s.height, stamp.at, stamp.at
      from unnest(new_sources) with ordinality s
      cross join lateral private.with_fraction(start + s.ordinality * interval '2 microseconds') stamp (at)
      where not s.id = any (known);
    -- A copy has all that its original has, columns included that are younger than this function.
    insert into public.sources
      select r.*
      from (
        select s, (ranks ->> s.id::text)::integer as n
        from public.sources s
        where s.workspace_id is not distinct from place and s.id = any (olds) and not (copies ->> s.id::text)::uuid = any (known)
      ) old (s, n)
      cross join lateral private.with_fraction(start + (4000 + n) * interval '2 microseconds') stamp (at)
      cross join lateral jsonb_populate_record(s, jsonb_build_object(
        'id', copies ->> (s).id::text,
        'canvas_position', jsonb_build_object(
          'x', ((s).canvas_position ->> 'x')::float8 + offset_x, 'y', ((s).canvas_position ->> 'y')::float8 + offset_y
        ),
        'version', 1, 'created_at', stamp.at, 'updated_at', stamp.at, 'deleted_at', null
      )) r;

    perform private.refuse('PT422', 'unknown_source', (
      select coalesce(jsonb_agg(jsonb_build_object('loc', jsonb_build_array('create', 'labs', l.ordinality - 1, 'source_id'), 'id', l.source_id)), '[]')
      from unnest(new_labs) with ordinality l
      where l.source_id is not null and not l.id = any (known) and not exists (
        select from public.sources s where s.id = l.source_id and s.workspace_id is not distinct from place and s.deleted_at is null
      )
    ));
    insert into public.labs (
      id, workspace_id, source_id, type, title, status, config, generated_content, user_state, canvas_position, width, height,
      created_at, updated_at
    )
      select
        l.id, place, l.source_id, l.type, l.title, coalesce(l.status, 'pending'), coalesce(l.config, '{}'), l.generated_content,
        coalesce(l.user_state, '{}'), coalesce(l.canvas_position, '{"x": 0, "y": 0}'), l.width, l.height,
        stamp.at, stamp.at
      from unnest(new_labs) with ordinality l
      cross join lateral private.with_fraction(start + (2000 + l.ordinality) * interval '2 microseconds') stamp (at)
      where not l.id = any (known);
    insert into public.labs
      select r.*
      from (
        select l, (ranks ->> l.id::text)::integer as n
        from public.labs l
        where l.workspace_id is not distinct from place and l.id = any (olds) and not (copies ->> l.id::text)::uuid = any (known)
      ) old (l, n)
      cross join lateral private.with_fraction(start + (4000 + n) * interval '2 microseconds') stamp (at)
      cross join lateral jsonb_populate_record(l, jsonb_build_object(
        'id', copies ->> (l).id::text,
        -- Made from the copy of its source, if that is copied too; from none, if it is in the trash.
        'source_id', coalesce(
          copies ->> (l).source_id::text,
          (select s.id::text from public.sources s where s.id = (l).source_id and s.deleted_at is null)
        ),
        -- Nothing is being generated for the copy.
        'status', case (l).status when 'generating' then 'pending' else (l).status end,
        'canvas_position', jsonb_build_object(
          'x', ((l).canvas_position ->> 'x')::float8 + offset_x, 'y', ((l).canvas_position ->> 'y')::float8 + offset_y
        ),
        'version', 1, 'created_at', stamp.at, 'updated_at', stamp.at, 'deleted_at', null
      )) r;

    -- Edges last, since they join what has just been made.
    perform private.refuse('PT409', 'id_taken', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'loc', jsonb_build_array('create', 'edges', n - 1, 'id'), 'id', id, 'type', fault, 'existing', case when live then id end
      )), '[]')
      from (
        select
          e.id, e.ordinality as n, o.workspace_id = place and o.deleted_at is null as live,
          case
            when o.workspace_id <> place then 'id_taken'
            when o.deleted_at is not null then 'in_trash'
            when jsonb_populate_record(o, edge_items -> (e.ordinality - 1)::integer) is distinct from o then 'other_content'
          end as fault
        from unnest(new_edges) with ordinality e
        join public.edges o on o.id = e.id
      ) there
      where fault is not null
    ));
    drawn := array(
      select coalesce(
        -- Sent without an id it is the same edge, if it is called the same.
        (
          select o.id from public.edges o
          where not (edge_items -> (e.ordinality - 1)::integer) ? 'id' and o.workspace_id = place and o.deleted_at is null
            and o.source_node_id = e.source_node_id and o.target_node_id = e.target_node_id
            and o.source_handle is not distinct from e.source_handle and o.target_handle is not distinct from e.target_handle
            and o.label is not distinct from e.label
        ),
        e.id
      )
      from unnest(new_edges) with ordinality e
      order by e.ordinality
    );
    perform private.refuse('PT409', 'duplicate', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'loc', jsonb_build_array('create', 'edges', n - 1), 'id', id, 'type', 'duplicate', 'existing', existing
      )), '[]')
      from (
        select
          e.id, e.ordinality as n, o.id as existing,
          row_number() over (
            partition by e.source_node_id, e.target_node_id, e.source_handle, e.target_handle order by e.ordinality
          ) as nth
        from unnest(new_edges) with ordinality e
        left join public.edges o
          on o.workspace_id = place and o.deleted_at is null
          and o.source_node_id = e.source_node_id and o.target_node_id = e.target_node_id
          and o.source_handle is not distinct from e.source_handle and o.target_handle is not distinct from e.target_handle
      ) same
      where nth > 1 or existing <> drawn[n]
    ));
    perform private.refuse('PT422', 'unknown_node', (
      select coalesce(jsonb_agg(jsonb_build_object('loc', jsonb_build_array('create', 'edges', e.ordinality - 1, p.side), 'id', p.node_id)), '[]')
      from unnest(new_edges) with ordinality e
      cross join lateral (values ('source_node_id', e.source_node_id), ('target_node_id', e.target_node_id)) p (side, node_id)
      where p.node_id is not null and (
        not exists (select from private.nodes n where n.id = p.node_id and n.workspace_id is not distinct from place)
        or exists (select from private.trashed_nodes t where t.id = p.node_id offset 0)
      )
    ));
    insert into public.edges (
      id, workspace_id, source_node_id, target_node_id, source_handle, target_handle, label, created_at
    )
      select
        e.id, place, e.source_node_id, e.target_node_id, e.source_handle, e.target_handle, e.label,
        private.with_fraction(start + e.ordinality * interval '2 microseconds')
      from unnest(new_edges) with ordinality e
      where drawn[e.ordinality] = e.id and not exists (select from public.edges o where o.id = e.id);
    -- Between copies that are older than this request, edges were copied then.
    insert into public.edges
      select r.*
      from (
        select
          e, row_number() over (order by e.created_at, e.id) as n,
          (copies ->> e.source_node_id::text)::uuid as source, (copies ->> e.target_node_id::text)::uuid as target
        from public.edges e
        where e.id = any (copied_edges)
      ) old (e, n, source, target)
      cross join lateral jsonb_populate_record(e, jsonb_build_object(
        'id', gen_random_uuid(), 'source_node_id', source, 'target_node_id', target,
        'created_at', private.with_fraction(start + (4000 + n) * interval '2 microseconds'), 'deleted_at', null
      )) r
      where not (source = any (known) and target = any (known))
      on conflict do nothing;
  exception
    when check_violation or not_null_violation then
      get stacked diagnostics
        refused = constraint_name, refused_column = column_name, refused_row = pg_exception_detail;
      -- A check that concerns one column names it; a value that is missing does by itself.
      if refused <> '' then
        select a.attname into refused_column
          from pg_catalog.pg_constraint k
          join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
          where k.conname = refused and k.connamespace = 'public'::regnamespace and cardinality(k.conkey) = 1;
      end if;
      -- "Failing row contains (<id>, ...": the first column of all three tables.
      refused_row := substring(refused_row from '\((.{36})');
      perform private.refuse('PT422', 'refused_value', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'loc', case when loc ->> 0 = 'create' then loc - 3 || coalesce(to_jsonb(refused_column), '[]') else loc end,
          'id', id, 'type', coalesce(nullif(refused, ''), 'not_null')
        )), '[]')
        from (
          select id, loc from unnest(node_ids, node_locs) g (id, loc)
          union all
          select id, loc from unnest(edge_ids, edge_locs) g (id, loc)
        ) given
        where id::text = refused_row and loc ->> 0 in ('create', 'copy')
      ));
      raise;
  end;
  perform set_config('private.stamped', '', true);

  select jsonb_build_object(
    'created', jsonb_build_object(
      'nodes', (
        select coalesce(jsonb_agg(id), '[]')
        from (
          select id from unnest(new_sources) union all select id from unnest(new_labs)
        ) made
      ),
      'edges', to_jsonb(drawn)
    ),
    'copied', jsonb_build_object(
      'nodes', to_jsonb(copy_ids),
      'edges', (
        select coalesce(jsonb_agg(e.id order by e.created_at, e.id), '[]') from public.edges e
        where cardinality(copy_ids) > 0 and e.workspace_id = place and e.deleted_at is null
          and e.source_node_id = any (copy_ids) and e.target_node_id = any (copy_ids) and not e.id = any (drawn)
      )
    ),
    'deleted', jsonb_build_object(
      'nodes', to_jsonb(thrown),
      'edges', (
        select coalesce(jsonb_agg(e.id order by e.created_at, e.id), '[]') from public.edges e
        where e.id in (
          select id from unnest(thrown_edges) id
          union
          select e.id from public.edges e
          left join lateral (select t.deleted_at from private.trashed_nodes t where t.id = e.source_node_id offset 0) s on true
          left join lateral (select t.deleted_at from private.trashed_nodes t where t.id = e.target_node_id offset 0) t on true
          where cardinality(thrown) > 0 and e.workspace_id = place
            and (e.source_node_id = any (thrown) or e.target_node_id = any (thrown))
            and e.deleted_at in (s.deleted_at, t.deleted_at)
        )
      )
    ),
    'restored', jsonb_build_object(
      'nodes', to_jsonb(back),
      'edges', (
        select coalesce(jsonb_agg(e.id order by e.created_at, e.id), '[]') from public.edges e
        where cardinality(back || back_edges) > 0 and e.workspace_id = place and e.deleted_at is null
          and not e.id = any (drawn)
          and (e.id = any (back_edges) or e.source_node_id = any (back) or e.target_node_id = any (back))
      )
    )
  ) into result;
  return result;
end $$;
