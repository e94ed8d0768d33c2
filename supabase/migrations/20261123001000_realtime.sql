-- Realtime: changes are published where Supabase's publication is; subscribers meet the same policies. Of a row that
-- was deleted Realtime can ask no policy: it tells every subscriber the id, and nothing else.

do $$
begin
  if exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    alter publication supabase_realtime
      add table public.workspaces, public.sources, public.labs, public.chat_messages, public.edges;
  end if;
end $$;
