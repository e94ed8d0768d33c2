-- Realtime: changes are published where Supabase's publication is; subscribers meet the same policies.

do $$
begin
  if exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    alter publication supabase_realtime
      add table public.workspaces, public.sources, public.labs, public.chat_messages, public.edges;
  end if;
end $$;
