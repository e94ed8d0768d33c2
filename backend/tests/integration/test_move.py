"""From the embedded stack to PostgreSQL with PostgREST and a file store: `make export` and `make import` lose
nothing and change nothing."""

import json
import re
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from dev import move
from dev.postgres import PostgresStack
from dev.processes import StartError, Supervisor
from tests.integration.conftest import User, created, problem, sign_up, start_gateway
from tests.integration.file_store import stored_stack
from tests.integration.migrated import migrated_stack
from tests.integration.resources import IN_WORKSPACE, RESOURCES
from tests.integration.rows import walk
from tests.tokens import mint

PATHS = [RESOURCES[table].path for table in IN_WORKSPACE]
# Whatever a format between two databases could trip over.
AWKWARD = "tab\t, line\n, return\r, back\\slash, \\N, \\., $$, 'quotes\", é, 漢字, \U0001f9ea"


@dataclass(frozen=True)
class Moved:
    """A used stack that was exported, and what its users saw before."""

    file: Path
    jwt_secret: str
    users: list[User]
    rows: list[dict[str, Any]]
    files: dict[str, bytes]
    """The files of all users by their paths."""
    guest: User
    """Who has joined the first user's workspace."""
    former: User
    """Whom its owner has removed."""
    token: str
    """Of an invitation there that is still open."""
    gone: str
    """The id of a workspace that was deleted."""


def client(url: str, user: User) -> httpx.Client:
    return httpx.Client(base_url=f"{url}/v1", headers={"Authorization": f"Bearer {user.token}"}, timeout=30)


def everything(url: str, user: User) -> dict[str, Any]:
    """All rows that a user sees, by table; canvases too."""
    with client(url, user) as api:
        workspaces = walk(api, "/workspaces?order=created_at")
        seen: dict[str, Any] = {"workspaces": workspaces}
        for workspace in workspaces:
            for path in PATHS:
                seen[f"{path[1:]} of {workspace['id']}"] = walk(api, f"{path}?workspace_id={workspace['id']}")
            for source in seen[f"sources of {workspace['id']}"]:
                if source["status"] == "ready":
                    for part in ("pages", "chapters"):
                        seen[f"{part} of {source['id']}"] = api.get(f"/sources/{source['id']}/{part}").json()
            for lab in seen[f"labs of {workspace['id']}"]:
                if lab["type"] == "code_lab":
                    seen[f"runs of {lab['id']}"] = walk(api, f"/labs/{lab['id']}/runs")
            seen[f"canvas of {workspace['id']}"] = api.get(f"/workspaces/{workspace['id']}/canvas").json()
        return seen


def files_of(url: str, user: User, seen: dict[str, Any]) -> dict[str, bytes]:
    """The files of the sources that a user sees, by their paths."""
    sources = [row for name, rows in seen.items() if name.startswith("sources of") for row in rows]
    read = [source for source in sources if source["status"] == "ready"]
    assert read
    with client(url, user) as api:
        return {source["storage_path"]: api.get(f"/sources/{source['id']}/file").content for source in read}


def use(api: httpx.Client) -> None:
    """Leaves a workspace in which every column of every table was written, and much was changed since."""
    workspace = created(api.post("/workspaces", json={"name": "Algebra"}))
    of = {"workspace_id": workspace["id"]}
    path = f"/workspaces/{workspace['id']}"
    for n in range(5):
        assert api.patch(path, json={"name": f"Algebra {n}"}).status_code == 200
    sources = [
        created(
            api.post(
                "/sources",
                json=of
                | {
                    "type": "pdf",
                    "title": f"Chapter {n} \\ é",
                    "storage_path": f"books/{n}.pdf",
                    "metadata": {"text": AWKWARD, "number": 0.1 + n, "null": None, "nested": [[{"": []}]]},
                    "cache_id": f"cache-{n}",
                    "cache_expires_at": "2030-01-02T03:04:05.678901Z",
                },
            )
        )
        for n in range(4)
    ]
    text = f"# One\n\n{AWKWARD}\n\n# Two\n\nbeta"
    path_of_file, kind = f"/sources/{sources[2]['id']}/file", {"Content-Type": "text/markdown"}
    assert api.put(path_of_file, content=text.encode(), headers=kind).json()["page_count"] == 2
    labs = [
        created(
            api.post(
                "/labs",
                json=of
                | {
                    "type": "essay_lab",
                    "source_id": source["id"],
                    "status": "in_progress",
                    "config": {"text": AWKWARD},
                    "generated_content": {"text": AWKWARD * 100},
                    "user_state": {"done": True},
                },
            )
        )
        for source in sources
    ]
    # What has no test to run is kept without a runner.
    content = {"instructions": AWKWARD, "starter_code": "", "tests": "", "language": "python"}
    exercise = created(api.post("/labs", json=of | {"type": "code_lab", "generated_content": content}))
    assert api.post(f"/labs/{exercise['id']}/run", json={"code": AWKWARD}).status_code == 200
    for source, lab in zip(sources, labs, strict=True):
        ends = {"source_node_id": source["id"], "target_node_id": lab["id"]}
        created(
            api.post("/edges", json=of | ends | {"label": "leads to\t\\", "source_handle": "a", "target_handle": "b"})
        )
        mentions = [source["id"], lab["id"]]
        created(api.post("/chat-messages", json=of | {"role": "user", "content": AWKWARD, "mentions": mentions}))
        created(api.post("/chat-messages", json=of | {"role": "assistant", "content": "Yes."}))
    assert api.patch(f"/labs/{labs[0]['id']}", json={"status": "completed"}).status_code == 200
    moved = [{"id": node["id"], "position": {"x": n / 3, "y": -n}} for n, node in enumerate(sources + labs)]
    layout = {"nodes": moved, "viewport": {"x": 1.5, "y": -2, "zoom": 0.5}}
    assert api.patch(f"{path}/canvas", json=layout).is_success
    assert api.delete(f"/sources/{sources[3]['id']}").status_code == 204


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Moved:
    folder = tmp_path_factory.mktemp("embedded")
    with migrated_stack(folder) as stack, Supervisor() as supervisor:
        url = start_gateway(supervisor, folder, stack)
        users = [sign_up(stack), sign_up(stack)]
        for user in users:
            with client(url, user) as api:
                use(api)
        guest, former = sign_up(stack), sign_up(stack)
        with client(url, users[0]) as api, client(url, guest) as joining, client(url, former) as leaving:
            (workspace,) = api.get("/workspaces").json()
            invitation = {"role": "viewer", "uses": 4}
            token = created(api.post(f"/workspaces/{workspace['id']}/invitations", json=invitation))["token"]
            for member in (joining, leaving):
                assert member.post(f"/invitations/{token}/accept").status_code == 200
            assert api.delete(f"/workspaces/{workspace['id']}/members/{former.id}").status_code == 204
            gone = created(leaving.post("/workspaces", json={"name": "Gone"}))["id"]
            assert leaving.delete(f"/workspaces/{gone}").status_code == 204
        rows = [everything(url, user) for user in users]
        files = files_of(url, users[0], rows[0]) | files_of(url, users[1], rows[1])
        assert len(files) == 2
        (lab, *_) = next(found for name, found in rows[0].items() if name.startswith("labs of"))
        solution = {"lab_id": lab["id"], "workspace_id": lab["workspace_id"], "solution": AWKWARD}
        headers = {"apikey": stack.publishable_key, "Authorization": f"Bearer {users[0].token}"}
        assert httpx.post(f"{stack.url}/rest/v1/lab_solutions", headers=headers, json=solution).is_success
        with pytest.raises(StartError, match="stop it first"), (folder / "early.tar").open("wb") as early:
            move.export(folder, early)
    file = folder / "export.tar"
    with file.open("wb") as export:
        move.export(folder, export)
    return Moved(file, stack.jwt_secret, users, rows, files, guest, former, token, gone)


@pytest.fixture(scope="module")
def target(moved: Moved, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresStack]:
    """A migrated database with a login service's own columns of auth.users, and somebody in it."""
    with stored_stack(tmp_path_factory.mktemp("postgres"), jwt_secret=moved.jwt_secret) as stack:
        stack.sql("""
            alter table auth.users add column encrypted_password varchar(255), add column instance_id uuid,
                add column confirmation_token varchar(255), add column raw_user_meta_data jsonb,
                add column phone text unique, add column email_confirmed_at timestamptz,
                add column confirmed_at timestamptz generated always as (email_confirmed_at) stored;
            create table auth.identities (id uuid primary key, provider text not null, provider_id text not null,
                user_id uuid not null references auth.users, identity_data jsonb not null,
                email text generated always as (lower(identity_data ->> 'email')) stored);
            insert into auth.users (id, email) values (gen_random_uuid(), 'first@example.com');
            insert into public.workspaces (owner_id, name) select id, 'Here before' from auth.users;
        """)
        yield stack


@pytest.fixture(scope="module")
def file_store(target: PostgresStack) -> dict[str, str]:
    """The settings of its file store, whose operator imports."""
    key = mint(str(uuid4()), secret=target.jwt_secret, role="service_role")
    return {"SUPABASE_URL": target.url, "SUPABASE_PUBLISHABLE_KEY": target.publishable_key, "KEY": key}


LEFT_OUT = {
    "private.gone_workspaces": "it goes as JSON, since the target may have some of its rows",
    "private.workspace_copies": "a copy that is not finished is begun again",
}
"""Tables whose rows are not copied as they are, and why."""


def test_every_table_is_moved(moved: Moved, target: PostgresStack) -> None:
    tables = target.sql("""
        select schemaname || '.' || tablename from pg_tables where schemaname in ('public', 'private')
    """)
    with tarfile.open(moved.file) as archive:
        rows = archive.extractfile("rows.sql")
        assert rows
        copied = re.findall(r"^copy ((?:public|private)\.\w+) \(", rows.read().decode(), re.MULTILINE)
    assert sorted(copied) == sorted(set(tables.split()) - LEFT_OUT.keys())


def test_without_a_file_store_nothing_is_imported(moved: Moved, target: PostgresStack, file_store: Any) -> None:
    before = target.sql("select count(*) from public.workspaces")
    for settings, said in (({}, "SUPABASE_URL is not set"), (file_store | {"KEY": "wrong"}, "to a file: .* KEY=")):
        with pytest.raises(StartError, match=said):
            move.load(moved.file, target.dsn, target.psql, settings)
    assert target.sql("select count(*) from public.workspaces") == before


def test_somebody_who_has_an_account_there_already_stops_the_import(
    moved: Moved, target: PostgresStack, file_store: dict[str, str]
) -> None:
    for user in (moved.users[0], moved.guest, moved.former):  # owns, is a member, has lost a role
        with tarfile.open(moved.file) as archive:
            rows = archive.extractfile("rows.sql")
            assert rows
            (email,) = re.findall(rf'"id": ?"{user.id}".*?"email": ?"([^"]+@example.com)"', rows.read().decode())
        target.sql(f"insert into auth.users (id, email) values (gen_random_uuid(), '{email}')")  # noqa: S608
        with pytest.raises(StartError, match=f"another id in this database: {email}"):
            move.load(moved.file, target.dsn, target.psql, file_store)
        assert target.sql("select count(*) from public.workspaces") == "1\n"
        target.sql(f"delete from auth.users where email = '{email}'")  # noqa: S608


def test_what_a_used_workspace_holds_is_moved_row_by_row(
    moved: Moved, target: PostgresStack, file_store: dict[str, str], tmp_path: Path
) -> None:
    move.load(moved.file, target.dsn, target.psql, file_store)
    with Supervisor() as supervisor:
        url = start_gateway(supervisor, tmp_path, target)
        for user, rows in zip(moved.users, moved.rows, strict=True):
            assert everything(url, user) == rows
            assert [workspace["version"] for workspace in rows["workspaces"]] == [6]
            assert all(rows.values()), "use() leaves rows of every table"
            assert files_of(url, user, rows).items() <= moved.files.items()
        with client(url, moved.guest) as api, client(url, moved.users[1]) as another:
            assert [row["role"] for row in api.get("/workspaces").json()] == ["viewer"]
            assert another.post(f"/invitations/{moved.token}/accept").json()["role"] == "viewer"
        with client(url, moved.former) as api:
            problem(api.post(f"/invitations/{moved.token}/accept"), 404, "not_found")
            problem(api.post("/workspaces", json={"id": moved.gone, "name": "Again"}), 409, "id_taken")
        with client(url, moved.users[0]) as api:
            goes_on(api, moved.rows[0])
            comes_back(api, target, moved.rows[0]["workspaces"][0])
    assert json.loads(target.sql("select to_json(solution) from public.lab_solutions")) == AWKWARD
    assert target.sql("select name from public.workspaces where name = 'Here before'") == "Here before\n"


def test_the_files_are_moved_too_each_to_its_place_and_owner(
    moved: Moved, target: PostgresStack, file_store: dict[str, str]
) -> None:
    url = f"{file_store['SUPABASE_URL']}/storage/v1/object"
    headers = {"apikey": file_store["SUPABASE_PUBLISHABLE_KEY"], "Authorization": f"Bearer {file_store['KEY']}"}
    for path, content in moved.files.items():
        answer = httpx.get(f"{url}/sources/{path}", headers=headers)
        assert (answer.status_code, answer.content) == (200, content)
        listed = {"prefix": path.rpartition("/")[0], "limit": 9, "offset": 0}
        (file,) = httpx.post(f"{url}/list/sources", headers=headers, json=listed).json()
        assert file["metadata"]["mimetype"] == "text/markdown"
    owners = target.sql("select owner_id from storage.objects where bucket_id = 'sources'").split()
    assert set(owners) == {user.id for user in moved.users}


def test_a_file_that_is_lost_is_said_and_keeps_nothing_else(
    moved: Moved, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = moved.file.parent
    path, other = moved.files
    lost = folder / "supabase/.temp/storage/sources" / path
    lost.rename(tmp_path / "lost")
    try:
        with (tmp_path / "again.tar").open("wb") as again:
            move.export(folder, again)
    finally:
        (tmp_path / "lost").rename(lost)
    assert "1 files are NOT in" in capfd.readouterr().err
    with tarfile.open(tmp_path / "again.tar") as archive:
        assert archive.getnames() == ["rows.sql", "files.json", f"sources/{other}"]


def goes_on(api: httpx.Client, rows: dict[str, Any]) -> None:
    """The moved workspace is used as before: registry, sequence, versions and cascades are whole."""
    workspace = rows["workspaces"][0]
    of = {"workspace_id": workspace["id"]}
    sources, messages = rows[f"sources of {workspace['id']}"], rows[f"chat-messages of {workspace['id']}"]
    ends = {"source_node_id": sources[0]["id"], "target_node_id": sources[1]["id"]}
    created(api.post("/edges", json=of | ends))
    said = {"role": "user", "content": "Here I am", "mentions": [sources[0]["id"]]}
    assert created(api.post("/chat-messages", json=of | said))["seq"] > max(message["seq"] for message in messages)
    changed = api.patch(f"/workspaces/{workspace['id']}", json={"name": "Moved"}, headers={"If-Match": '"6"'})
    assert (changed.status_code, changed.json()["version"]) == (200, 7)
    sent = {name: sources[0][name] for name in ("id", "type", "title")}
    assert api.post("/sources", json=of | sent).status_code == 200
    assert api.delete(f"/sources/{sources[0]['id']}").status_code == 204
    left = walk(api, f"/edges?workspace_id={workspace['id']}")
    assert not [edge for edge in left if sources[0]["id"] in (edge["source_node_id"], edge["target_node_id"])]


def comes_back(api: httpx.Client, target: PostgresStack, workspace: dict[str, Any]) -> None:
    """What was deleted before the move is restored after it, with its edge."""
    trashed = target.sql(f"""
        select s.id, e.id from public.sources s join public.edges e on e.source_node_id = s.id
        where s.workspace_id = '{workspace["id"]}' and s.title like 'Chapter 3%'
    """)  # noqa: S608 - an id of ours
    source, _, edge = trashed.strip().partition("|")
    answer = api.post(f"/workspaces/{workspace['id']}/canvas", json={"restore": {"nodes": [source]}})
    assert answer.json()["restored"] == {"nodes": [source], "edges": [edge]}
    assert api.get(f"/sources/{source}").json()["title"].startswith("Chapter 3")


def test_users_keep_their_id_address_and_password(moved: Moved, target: PostgresStack) -> None:
    users = json.loads(target.sql("select json_agg(u) from auth.users u where encrypted_password is not null"))
    assert {user["id"] for user in users} == {user.id for user in (*moved.users, moved.guest, moved.former)}
    for user in users:
        assert user["encrypted_password"].startswith("$2")
        assert user["email"].endswith("@example.com")
        assert user["raw_user_meta_data"]["email"] == user["email"]
        assert user["instance_id"] == "00000000-0000-0000-0000-000000000000"
        assert user["confirmed_at"]
        assert (user["confirmation_token"], user["phone"]) == ("", None)
    assert target.sql("select count(*) from auth.identities join auth.users u on u.id = user_id") == "4\n"


def test_a_second_import_is_refused_and_changes_nothing(
    moved: Moved, target: PostgresStack, file_store: dict[str, str]
) -> None:
    before = target.sql("select count(*) from public.workspaces")
    with pytest.raises(StartError, match="duplicate key value"):
        move.load(moved.file, target.dsn, target.psql, file_store)
    assert target.sql("select count(*) from public.workspaces") == before


@pytest.fixture
def database(target: PostgresStack) -> Iterator[str]:
    """An empty database next to the other; its address."""
    name = f"empty_{uuid4().hex}"
    dsn = target.dsn.replace("/postgres?", f"/{name}?")

    def run(statement: str) -> None:
        subprocess.run([target.psql, "-X", "-q", "-d", target.dsn, "-c", statement], check=True)

    run(f"create database {name}")
    yield dsn
    run(f"drop database {name}")


def test_a_database_without_migrations_is_refused(
    moved: Moved, target: PostgresStack, file_store: dict[str, str], database: str
) -> None:
    with pytest.raises(StartError, match="apply them first"):
        move.load(moved.file, database, target.psql, file_store)


def test_a_database_that_does_not_answer_is_said_so(
    moved: Moved, target: PostgresStack, file_store: dict[str, str]
) -> None:
    with pytest.raises(StartError, match=r"[Cc]onnection"):
        move.load(moved.file, "postgresql://postgres:secret@127.0.0.1:1/postgres", target.psql, file_store)


def test_the_file_is_for_its_owner_alone_and_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["dev", "export", str(tmp_path / "export.tar")])
    monkeypatch.setattr(move, "export", lambda folder, file: file.write(b"rows"))
    assert move.export_data() == 0
    assert stat.S_IMODE((tmp_path / "export.tar").stat().st_mode) == 0o600
    assert move.export_data() == 1
    assert "is there already" in capsys.readouterr().err
