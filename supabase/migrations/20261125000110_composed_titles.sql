-- Names and titles are kept in one Unicode form (NFC), so that a search finds "é" however it was typed. Without it, what
-- an editor on macOS or another client writes as "e" and an accent looks the same and is never found.
-- Rows that are there: names and titles in another form are composed, which raises their version and updated_at as any change does.
-- One that would then be too long stays as it is. (A few scripts grow: U+0958 becomes two characters.)

create function private.compose() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_table_name = 'workspaces' then
    new.name := normalize(new.name, nfc);
  else
    new.title := normalize(new.title, nfc);
  end if;
  return new;
end $$;
comment on function private.compose is
  'Brings a name or title to NFC. All other text is kept byte for byte.';
revoke execute on function private.compose() from public, anon, authenticated, service_role;

-- Before the stamps, by their names: the same title in another form is no change.
create trigger workspaces_compose before insert or update of name on public.workspaces
  for each row execute function private.compose();
create trigger sources_compose before insert or update of title on public.sources
  for each row execute function private.compose();
create trigger labs_compose before insert or update of title on public.labs
  for each row execute function private.compose();

update public.workspaces set name = normalize(name, nfc)
  where name is not nfc normalized and char_length(normalize(name, nfc)) <= 255;
update public.sources set title = normalize(title, nfc)
  where title is not nfc normalized and char_length(normalize(title, nfc)) <= 500;
