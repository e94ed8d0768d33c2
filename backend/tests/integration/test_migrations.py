"""The migrations themselves: pgTAP on real PostgreSQL, and the version that the gateway asks for."""

import contextlib
import json
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.services.db import SCHEMA_VERSION
from app.services.refusals import CONSTRAINTS
from dev import ROOT
from dev.embedded import MIGRATIONS
from dev.postgres import psql_command
from dev.processes import base_environment
from tests.integration.conftest import Backend
from tests.integration.resources import RESOURCES

BOOTSTRAP = ROOT / "supabase/tests/bootstrap.sql"
STORIES = sorted(set(BOOTSTRAP.parent.glob("*.sql")) - {BOOTSTRAP})
EXAMPLE = ROOT / "supabase/example_table.sql"
PGTAP = ROOT / "supabase/node_modules/@electric-sql/pglite/dist/pgtap.tar.gz"

Psql = Callable[..., "subprocess.CompletedProcess[str]"]


def pgtap() -> str:
    """The newest complete pgTAP of those that come with PGlite, as SQL."""
    with tarfile.open(PGTAP) as archive:
        complete = {
            tuple(map(int, match[1].split("."))): name
            for name in archive.getnames()
            if (match := re.search(r"/pgtap--([\d.]+)\.sql$", name))
        }
        file = archive.extractfile(complete[max(complete)])
        assert file
        return file.read().decode()


@contextlib.contextmanager
def new_database(backend: Backend, name: str) -> Iterator[Psql]:
    """Runs SQL as superuser in a database of its own, which has what Supabase's have before anybody's migrations."""
    dsn = backend.stack.dsn.replace("/postgres?", f"/{name}?")

    def run(*arguments: str | Path, script: str | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*psql_command(backend.stack.psql, dsn), "-At", *arguments],
            input=script,
            capture_output=True,
            text=True,
            env=base_environment(),
        )

    # `create database` knows no transaction.
    outside = [*psql_command(backend.stack.psql, backend.stack.dsn), "-c"]
    subprocess.run([*outside, f"create database {name}"], check=True, env=base_environment())
    apply(run, BOOTSTRAP)
    yield run
    subprocess.run([*outside, f"drop database {name}"], check=True, env=base_environment())


def apply(psql: Psql, *files: Path) -> None:
    for file in files:
        assert not psql("-1", "-f", file).stderr


def upgrade(psql: Psql, first_new: str, rows: str) -> None:
    """Applies the migrations whose names come before `first_new`, adds rows, and applies all others."""
    older = [file for file in sorted(MIGRATIONS.glob("*.sql")) if file.name < first_new]
    apply(psql, *older)
    assert not psql("-1", "-f", "-", script=f"set search_path = public, extensions;{rows}").stderr
    apply(psql, *sorted(set(MIGRATIONS.glob("*.sql")) - set(older)))


@pytest.fixture(scope="module")
def psql(backend: Backend) -> Iterator[Psql]:
    """A migrated database that has pgTAP and nobody's rows."""
    with new_database(backend, "pgtap") as run:
        apply(run, *sorted(MIGRATIONS.glob("*.sql")))
        loaded = run("-1", "-f", "-", script=f"set search_path = extensions;\n{pgtap()}")
        assert loaded.returncode == 0, loaded.stderr
        yield run


# Written by another client, before the tables had these limits: one fault in every column that has one now.
EARLIER_ROWS = """
insert into auth.users (id, email) values (md5('ada')::uuid, 'ada@example.com');
insert into workspaces (id, owner_id, name, viewport)
  values (md5('physics')::uuid, md5('ada')::uuid, 'Physics', '{"x": 1, "y": 2, "zoom": 1e-400}');
insert into sources (id, workspace_id, type, title, storage_path, cache_id, metadata)
  values (md5('optics')::uuid, md5('physics')::uuid, 'pdf', 'Optics', ' ', E'\t', '{"a": 1e309}');
insert into labs (id, workspace_id, type, source_id, config, generated_content, user_state) values (
  md5('cards')::uuid, md5('physics')::uuid, 'flashcard_lab', md5('optics')::uuid,
  (repeat('{"a": ', 65) || '1' || repeat('}', 65))::jsonb, '{"a": [-1e309]}', '{"a": 1e309}'
);
insert into edges (workspace_id, source_node_id, target_node_id, source_handle)
  select md5('physics')::uuid, md5('optics')::uuid, md5('cards')::uuid, unnest(array['right', ' ', null]);
"""


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_rows_older_than_a_limit_are_brought_within_it(backend: Backend) -> None:
    with new_database(backend, "earlier") as psql:
        upgrade(psql, "20261124", EARLIER_ROWS)
        rows = """
            select viewport from workspaces;
            select storage_path is null, cache_id is null, metadata ->> 'unreadable' ~ '^{"a": 10+}$' from sources;
            select length(config ->> 'unreadable') > 450, length(generated_content ->> 'unreadable') > 300,
              length(user_state ->> 'unreadable') > 300, type = 'free_flashcard_lab' from labs;
            select coalesce(source_handle, 'none') from edges order by 1;
            update sources set canvas_position = '{"x": 1, "y": 1}';
            update labs set canvas_position = '{"x": 1, "y": 1}';
            delete from sources returning title
        """
        told = psql("-c", rows)
        assert not told.stderr
        viewport, *rest = told.stdout.splitlines()
        assert json.loads(viewport) == {"x": 0, "y": 0, "zoom": 1}
        assert rest == ["t|t|t", "t|t|t|t", "none", "right", "Optics"]


# Titles in two Unicode forms, one of them longer when it is composed; a conversation; a change in each table.
USED_ROWS = r"""
insert into auth.users (id, email) values (md5('ada')::uuid, 'ada@example.com');
insert into workspaces (id, owner_id, name) select md5(w)::uuid, md5('ada')::uuid, w
  from unnest(array[U&'Cafe\0301', 'Art', 'Empty']) w;
update workspaces set viewport = '{"x": 1, "y": 2, "zoom": 1}';
insert into sources (id, workspace_id, type, title) select md5(title)::uuid, md5('Art')::uuid, 'pdf', title
  from unnest(array[U&'A\030a', 'A', repeat(U&'\0958', 500)]) title;
insert into labs (workspace_id, type) values (md5('Art')::uuid, 'quiz_lab');
insert into edges (workspace_id, source_node_id, target_node_id)
  select md5('Art')::uuid, s.id, l.id from sources s, labs l limit 1;
insert into chat_messages (workspace_id, role, content) select md5(w)::uuid, 'user', w
  from unnest(array['Art', U&'Cafe\0301', 'Art', U&'Cafe\0301', 'Art']) w;
create table public.before as table workspaces;
"""


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_what_migrations_change_in_rows_that_are_there(backend: Backend) -> None:
    with new_database(backend, "used") as psql:
        upgrade(psql, "20261125", USED_ROWS)
        told = psql(
            "-c",
            r"""
            select w.name = U&'Caf\00e9', w.version - b.version, w.updated_at = b.updated_at, w.active_at = greatest(
                w.updated_at, (select max(s.updated_at) from sources s where s.workspace_id = w.id),
                (select max(m.created_at) from chat_messages m where m.workspace_id = w.id)
              ) from workspaces w join before b using (id) order by w.name;
            select title is nfc normalized, version from sources order by char_length(title), title;
            select title is null, version from labs;
            select string_agg(seq::text, ' ' order by seq) from chat_messages group by workspace_id order by 1;
            insert into chat_messages (workspace_id, role, content)
              select id, 'user', 'More' from workspaces order by name returning seq;
            """,
        )
    assert not told.stderr
    workspaces = ["f|0|t|t", "t|1|f|t", "f|0|t|t"]
    titles = ["t|1", "t|2", "f|1"]
    assert told.stdout.split() == [*workspaces, *titles, "t|1", "1", "3", "5", "2", "4", "6", "5", "1"]


# Lists that no gateway can read, and one of each that it can.
UNREADABLE_LISTS = """
insert into auth.users (id, email) values (md5('ada')::uuid, 'ada@example.com');
insert into workspaces (id, owner_id, name) values (md5('Art')::uuid, md5('ada')::uuid, 'Art');
insert into labs (id, workspace_id, type) values (md5('quiz')::uuid, md5('Art')::uuid, 'quiz_lab');
create temp table lists as
  select * from (values ('[{"page": 1}]'), (repeat('[', 3000) || repeat(']', 3000)), ('[1e400]')) as lists (list);
insert into chat_messages (workspace_id, role, content, sources)
  select md5('Art')::uuid, 'assistant', 'So', list::jsonb from lists;
insert into lab_runs (workspace_id, lab_id, user_id, code, status, message, tests, output)
  select md5('Art')::uuid, md5('quiz')::uuid, md5('ada')::uuid, '', 'pass', '', list::jsonb, '' from lists;
create table public.before as select active_at from workspaces;
"""


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_lists_that_nobody_could_read_are_empty(backend: Backend) -> None:
    with new_database(backend, "lists") as psql:
        upgrade(psql, "20261126000220", UNREADABLE_LISTS)
        told = psql(
            "-c",
            """
            select sources from chat_messages order by seq;
            select tests from lab_runs order by created_at, id;
            select w.active_at = b.active_at from workspaces w, before b;
            update lab_runs set tests = '[]';
            """,
        )
    lists = ['[{"page": 1}]', "[]", "[]"]
    assert told.stdout.splitlines()[:3] == lists
    assert sorted(told.stdout.splitlines()[3:]) == sorted([*lists, "t"])
    assert "immutable_column" in told.stderr, "the triggers are on again"


# A copy whose files are on their way.
BEGUN_COPY = """
insert into auth.users (id, email) values (md5('ada')::uuid, 'ada@example.com');
insert into workspaces (id, owner_id, name) values (md5('Art')::uuid, md5('ada')::uuid, 'Art');
insert into private.workspace_copies (id, workspace_id, user_id, ids, paths)
  values (md5('copy')::uuid, md5('Art')::uuid, md5('ada')::uuid, '{}', '{}');
"""


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_a_copy_that_was_begun_before_is_finished(backend: Backend) -> None:
    with new_database(backend, "begun") as psql:
        upgrade(psql, "20261126000400", BEGUN_COPY)
        told = psql(
            "-c",
            """
            select set_config('request.jwt.claims', json_build_object('sub', md5('ada')::uuid)::text, false);
            select id = md5('copy')::uuid, name from finish_copy(md5('copy')::uuid);
            """,
        )
    assert told.stdout.splitlines()[1:] == ["t|Art"], told.stderr


@pytest.mark.parametrize("migration", sorted(MIGRATIONS.glob("*.sql"))[12:], ids=lambda file: file.stem)
def test_a_migration_says_what_it_changes_in_rows_that_are_there(migration: Path) -> None:
    assert "\n-- Rows that are there: " in migration.read_text(encoding="utf-8")


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_a_database_without_a_file_store_is_migrated(backend: Backend) -> None:
    with new_database(backend, "plain") as psql:
        assert not psql("-c", "set client_min_messages = warning; drop schema storage cascade").stderr
        apply(psql, *sorted(MIGRATIONS.glob("*.sql")))
        assert psql("-c", "select public.unused_files()").stdout == "{}\n"


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_the_database_keeps_its_word(psql: Psql, story: Path) -> None:
    assert_kept(psql("-f", story), story.name)


def assert_kept(done: "subprocess.CompletedProcess[str]", name: str) -> None:
    """Assert that psql has run a story to its end, with the cases that it planned."""
    lines = done.stdout.splitlines()
    said = f"{name}\n{done.stdout}{done.stderr}"
    assert done.returncode == 0, said
    (plan,) = (int(line.removeprefix("1..")) for line in lines if re.fullmatch(r"1\.\.\d+", line))
    assert not [line for line in lines if line.startswith("not ok")], said
    assert len([line for line in lines if line.startswith("ok ")]) == plan > 0, said


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_the_example_of_a_table_is_as_all_tables_must_be(psql: Psql) -> None:
    schema = BOOTSTRAP.parent / "schema.sql"  # which ends with a rollback
    assert_kept(psql("-f", "-", script=f"begin;\n\\i '{EXAMPLE}'\n\\i '{schema}'\n"), EXAMPLE.name)
    assert psql("-c", "select to_regclass('public.bookmarks')").stdout == "\n"


UNEXPLAINED_KEYS = {
    "nodes_source_id_fkey": "written by triggers of sources alone",
    "nodes_lab_id_fkey": "written by triggers of labs alone",
}
"""Foreign keys that no request can break, and why."""


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_every_foreign_key_that_does_not_hold_is_explained(psql: Psql) -> None:
    told = psql(
        "-c",
        """
        select conname from pg_constraint
        where contype = 'f' and connamespace in ('public'::regnamespace, 'private'::regnamespace)
        """,
    )
    keys = {name for name in told.stdout.split() if not name.endswith("_workspace_id_fkey")}
    assert keys - UNEXPLAINED_KEYS.keys() == {name for name in CONSTRAINTS if name.endswith("_fkey")}, (
        "give each foreign key a row in CONSTRAINTS of services/refusals.py: what is a caller told who breaks it?"
    )


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_every_table_that_people_write_is_a_resource(psql: Psql) -> None:
    told = psql(
        "-c",
        """
        select relname from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace
          and has_table_privilege('authenticated', oid, 'delete')
        """,
    )
    assert set(told.stdout.split()) == RESOURCES.keys(), "add the table to RESOURCES of tests/integration/resources.py"


VERSIONS = [
    file.name.partition("_")[0]
    for file in sorted(MIGRATIONS.glob("*.sql"))
    if "function public.schema_version()" in file.read_text(encoding="utf-8")
]
"""Of the migrations that set the schema's version."""


def test_the_gateway_needs_a_version_that_there_is() -> None:
    assert SCHEMA_VERSION in VERSIONS


def test_the_database_tells_its_version_to_anybody(backend: Backend) -> None:
    with backend.data_api() as data_api:
        answer: httpx.Response = data_api.post("/rpc/schema_version", json={})
    assert (answer.status_code, answer.json()) == (200, VERSIONS[-1])
