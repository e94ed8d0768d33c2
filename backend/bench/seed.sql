-- Users with workspaces, the first of which carries a canvas: half sources, half labs, joined by edges.
create function pg_temp.add_user(
  user_id uuid, workspace_id uuid, workspaces integer, nodes integer, edges integer
) returns void language plpgsql as $$
begin
  insert into auth.users (id, email) values (user_id, user_id || '@example.com');
  insert into public.workspaces (id, owner_id, name, viewport)
    select case i when 1 then workspace_id else gen_random_uuid() end, user_id, 'Linear algebra, part ' || i,
      '{"x": -120, "y": 40, "zoom": 0.75}'
    from generate_series(1, workspaces) i;
  insert into public.sources (workspace_id, type, title, storage_path, metadata, canvas_position)
    select add_user.workspace_id, 'pdf', 'Vector spaces: lecture notes, part ' || i, user_id || '/notes-' || i || '.pdf',
      '{"pages": 42, "language": "en"}', jsonb_build_object('x', i * 40, 'y', 80)
    from generate_series(1, nodes / 2) i;
  insert into public.labs (workspace_id, type, status, config, user_state, canvas_position)
    select add_user.workspace_id, 'code_lab', 'in_progress', '{"language": "python", "difficulty": "easy"}',
      '{"attempts": 2, "tests_passed": 3}', jsonb_build_object('x', i * 40, 'y', 480)
    from generate_series(1, nodes / 2) i;
  insert into public.edges (workspace_id, source_node_id, target_node_id, source_handle, target_handle, label)
    select add_user.workspace_id, s.id, l.id, 'right', 'left', 'practised in'
    from (select id, row_number() over (order by id) - 1 as n from public.sources s where s.workspace_id = add_user.workspace_id) s
    cross join generate_series(0, edges * 2 / greatest(nodes, 1) - 1) step
    join (select id, row_number() over (order by id) - 1 as n from public.labs l where l.workspace_id = add_user.workspace_id) l
      on l.n = (s.n + step) % (nodes / 2);
end $$;
