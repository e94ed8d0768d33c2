-- Readable arrays: the sources of answers and the tests of runs have the limits of depth and number that all other JSON
-- has. One row that the gateway cannot read would hide every page that it is on.
-- Rows that are there: a list that breaks it becomes empty; nobody could read it. Versions and stamps stay.

-- Runs are never changed, and nothing that anybody did makes a workspace active here.
alter table public.chat_messages disable trigger user;
alter table public.lab_runs disable trigger user;
update public.chat_messages set sources = '[]' where not private.is_readable(sources);
update public.lab_runs set tests = '[]' where not private.is_readable(tests);
alter table public.chat_messages enable trigger user;
alter table public.lab_runs enable trigger user;

alter table public.chat_messages add constraint chat_messages_sources_readable check (private.is_readable(sources));
alter table public.lab_runs add constraint lab_runs_tests_readable check (private.is_readable(tests));
