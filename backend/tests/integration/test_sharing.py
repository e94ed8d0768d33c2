"""Sharing over HTTP on both backends: an owner, an editor, a viewer, and those who are none of them."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
import pytest

from dev.openapi import FILE
from tests.integration.conftest import PLAIN, Backend, User, created, problem
from tests.integration.people import PDF, VIEWPORT, People, join, open_people, write_content
from tests.integration.resources import IN_WORKSPACE, RESOURCES
from tests.integration.rows import Row, canvas_edit, new_edge, new_lab, new_message, new_source, walk
from tests.sample_document import document


@pytest.fixture
def people(backend: Backend, owner: User, workspace: Row) -> Iterator[People]:
    with open_people(backend, owner, workspace) as people:
        yield people


@pytest.fixture
def content(people: People, workspace: Row) -> dict[str, Row]:
    return write_content(people, workspace)


def test_each_sees_the_workspace_with_their_own_role(people: People, workspace: Row) -> None:
    path = f"/workspaces/{workspace['id']}"
    for name in ("owner", "editor", "viewer"):
        api: httpx.Client = getattr(people, name)
        assert api.get(path).json() == people.owner.get(path).json() | {"role": name}
        assert [(row["id"], row["role"]) for row in api.get("/workspaces").json()] == [(workspace["id"], name)]
        assert [row["id"] for row in api.get("/workspaces", params={"role": name}).json()] == [workspace["id"]]
        other = "viewer" if name == "owner" else "owner"
        assert api.get("/workspaces", params={"role": other}).json() == []
    for api in (people.former, people.stranger):
        problem(api.get(path), 404, "not_found")
        assert api.get("/workspaces").json() == []
    problem(people.nobody.get(path), 401, "unauthenticated")
    problem(people.owner.get("/workspaces", params={"role": "guest"}), 422, "invalid_request")


def test_a_list_of_own_and_shared_workspaces_is_followed_to_its_end(people: People, workspace: Row) -> None:
    own = [created(people.editor.post("/workspaces", json={"name": f"Own {n}"})) for n in range(3)]
    ids = [row["id"] for row in walk(people.editor, "/workspaces", limit=1)]
    assert sorted(ids) == sorted(row["id"] for row in (*own, workspace))
    assert [row["role"] for row in own] == ["owner"] * 3
    assert [row["id"] for row in walk(people.editor, "/workspaces", limit=2, role="owner", order="created_at")] == [
        row["id"] for row in own
    ]


def reads(workspace: Row, content: dict[str, Row]) -> Iterator[str]:
    inside = f"workspace_id={workspace['id']}"
    for path, row in content.items():
        yield f"/{path}/{row['id']}"
        yield f"/{path}?{inside}"
    yield from (
        f"/workspaces/{workspace['id']}{end}" for end in ("", "/canvas", "/jsoncanvas", "/search?q=vector", "/members")
    )
    yield from (f"/sources/{content['sources']['id']}/{end}" for end in ("chapters", "pages"))
    yield from (f"/labs/{content['labs']['id']}/{end}" for end in ("runs", "download"))


def writes(workspace: Row, content: dict[str, Row]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    source, lab = content["sources"], content["labs"]
    home = f"/workspaces/{workspace['id']}"
    yield "PATCH", home, {"json": {"name": "Changed"}}
    yield "PATCH", home, {"json": {"viewport": VIEWPORT}, "headers": {"If-Match": "*"}}
    yield "POST", "/sources", {"json": new_source(workspace)}
    yield "POST", "/labs", {"json": new_lab(workspace)}
    yield "POST", "/edges", {"json": new_edge(lab, source)}
    yield "POST", "/chat-messages", {"json": new_message(workspace)}
    yield "PATCH", f"/sources/{source['id']}", {"json": {"title": "Changed"}}
    yield "PATCH", f"/labs/{lab['id']}", {"json": {"title": "Changed"}, "headers": {"If-Match": "*"}}
    yield "PATCH", f"/edges/{content['edges']['id']}", {"json": {"label": "Changed"}}
    yield "PATCH", f"{home}/canvas", {"json": {"viewport": VIEWPORT}}
    yield "POST", f"{home}/canvas", {"json": {"copy": {"ids": {source["id"]: str(uuid4())}}}}
    yield "POST", f"/labs/{lab['id']}/run", {"json": {"code": "x = 1"}}
    yield "POST", f"/labs/{lab['id']}/reset", {}
    yield "POST", f"{home}/chat/main/stop", {}
    yield "POST", f"/labs/{lab['id']}/generate/stop", {}
    yield "DELETE", f"/chat-messages/{content['chat-messages']['id']}", {}
    yield "DELETE", f"/edges/{content['edges']['id']}", {}
    yield "DELETE", f"/labs/{lab['id']}", {}
    yield "DELETE", f"/sources/{source['id']}", {}


def test_every_resource_is_read_and_written_here(workspace: Row, content: dict[str, Row]) -> None:
    paths = {RESOURCES[table].path for table in IN_WORKSPACE}
    assert {f"/{path}" for path in content} == paths, "write_content() makes one of everything"
    described = json.loads(FILE.read_text(encoding="utf-8"))["paths"]
    there = {
        (method.upper(), path)
        for path in paths
        for route, item in described.items()
        if re.fullmatch(rf"/v1{path}(/{{\w+}})?", route)
        for method in item
        if method != "get"
    }
    tried = {(method, re.sub(r"/[0-9a-f-]{36}$", "", path)) for method, path, _ in writes(workspace, content)}
    assert there <= tried, "writes() has every write"


def test_members_read_all_that_there_is_and_others_nothing(
    people: People, workspace: Row, content: dict[str, Row]
) -> None:
    for path in reads(workspace, content):
        there = people.owner.get(path)
        assert there.status_code == 200, there.text
        for member in (people.editor, people.viewer):
            answer = member.get(path)
            assert answer.status_code == 200, answer.text
            if not path.endswith(("/members", workspace["id"], "/download")):
                assert answer.content == there.content
        for other in (people.former, people.stranger):
            answer = other.get(path)
            if "?workspace_id=" in path:
                assert answer.json() == []
            else:
                problem(answer, 404, "not_found")


def test_editors_write_viewers_read_only_and_others_find_nothing(
    people: People, workspace: Row, content: dict[str, Row]
) -> None:
    for method, path, options in writes(workspace, content):
        for other in (people.former, people.stranger):
            problem(other.request(method, path, **options), 404, "not_found")
        problem(people.viewer.request(method, path, **options), 403, "read_only")
        answer = people.editor.request(method, path, **options)
        assert answer.is_success, (method, path, answer.text)


def test_members_read_files_and_editors_write_them(people: People, content: dict[str, Row]) -> None:
    file = f"/sources/{content['sources']['id']}/file"
    text = f"/sources/{content['sources']['id']}/text"
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", file, {"content": document(), "headers": PDF}),
        ("POST", text, {}),
        ("DELETE", file, {}),
    ]
    for method, path, options in requests:
        for member in (people.owner, people.editor, people.viewer):
            assert member.get(file).content == document()
        for other in (people.former, people.stranger):
            problem(other.get(file), 404, "not_found")
            problem(other.request(method, path, **options), 404, "not_found")
        problem(people.viewer.request(method, path, **options), 403, "read_only")
        assert people.editor.request(method, path, **options).is_success
    problem(people.viewer.get(file), 404, "not_found")


def test_who_wrote_and_who_ran_is_in_the_row(people: People, content: dict[str, Row]) -> None:
    assert content["chat-messages"]["user_id"] == people.users["editor"].id
    lab = f"/labs/{content['labs']['id']}"
    for name in ("owner", "editor"):
        assert getattr(people, name).post(f"{lab}/run", json={"code": "x = 1"}).status_code == 200
    runs = people.viewer.get(f"{lab}/runs").json()
    assert [run["user_id"] for run in runs] == [people.users["editor"].id, people.users["owner"].id]


def test_only_who_asked_stops_or_deletes_an_answer(people: People, workspace: Row, backend: Backend) -> None:
    answer = {"id": str(uuid4()), "role": "assistant", "content": "Half", "status": "streaming", "chat_id": "main"}
    with backend.data_api(people.users["owner"]) as data_api:
        data_api.post("/chat_messages", json=answer | {"workspace_id": workspace["id"]}).raise_for_status()
    stop = f"/workspaces/{workspace['id']}/chat/main/stop"
    problem(people.editor.post(stop), 403, "asker_only")
    problem(people.viewer.post(stop), 403, "read_only")
    message = f"/chat-messages/{answer['id']}"
    problem(people.editor.delete(message), 403, "asker_only")
    problem(people.viewer.delete(message), 403, "read_only")
    problem(people.stranger.delete(message), 404, "not_found")
    assert people.owner.post(stop).status_code == 204
    assert people.viewer.get(message).json()["status"] == "stopping"
    assert people.owner.delete(message).status_code == 204


def test_the_owner_deletes_an_answer_that_an_editor_has_asked_for(
    people: People, workspace: Row, backend: Backend
) -> None:
    answer = {"id": str(uuid4()), "role": "assistant", "content": "Half", "status": "streaming", "chat_id": "editors"}
    with backend.data_api(people.users["editor"]) as data_api:
        data_api.post("/chat_messages", json=answer | {"workspace_id": workspace["id"]}).raise_for_status()
    problem(people.owner.post(f"/workspaces/{workspace['id']}/chat/editors/stop"), 403, "asker_only")
    message = f"/chat-messages/{answer['id']}"
    assert people.owner.delete(message).status_code == 204
    problem(people.editor.get(message), 404, "not_found")


def test_an_editor_throws_away_and_restores(people: People, workspace: Row, content: dict[str, Row]) -> None:
    thrown = canvas_edit(people.editor, workspace, delete={"nodes": [content["sources"]["id"]]})
    back = canvas_edit(people.owner, workspace, restore=thrown.json()["deleted"])
    assert back.json()["restored"]["nodes"] == [content["sources"]["id"]]
    assert people.viewer.get(f"/sources/{content['sources']['id']}").status_code == 200


def test_only_the_owner_deletes_invites_and_manages(people: People, workspace: Row) -> None:
    home = f"/workspaces/{workspace['id']}"
    viewer = f"{home}/members/{people.users['viewer'].id}"
    invitation = created(people.owner.post(f"{home}/invitations", json={"role": "viewer"}))
    requests: list[tuple[str, str, Any]] = [
        ("DELETE", home, None),
        ("POST", f"{home}/invitations", {"role": "editor"}),
        ("DELETE", f"{home}/invitations/{invitation['id']}", None),
        ("PATCH", viewer, {"role": "editor"}),
        ("DELETE", f"{home}/members/{people.users['editor'].id}", None),
    ]
    for method, path, body in requests:
        problem(people.viewer.request(method, path, json=body), 403, "read_only")
        problem(people.stranger.request(method, path, json=body), 404, "not_found")
        problem(people.former.request(method, path, json=body), 404, "not_found")
        problem(people.nobody.request(method, path, json=body), 401, "unauthenticated")
    for method, path, body in requests[:4]:
        problem(people.editor.request(method, path, json=body), 403, "owner_only")
    for api in (people.editor, people.viewer):
        assert api.get(f"{home}/invitations").json() == []
    problem(people.stranger.get(f"{home}/invitations"), 404, "not_found")
    (listed,) = [row for row in people.owner.get(f"{home}/invitations").json() if row["id"] == invitation["id"]]
    assert listed == {key: value for key, value in invitation.items() if key != "token"}
    assert people.owner.patch(viewer, json={"role": "editor"}).json()["role"] == "editor"
    assert people.viewer.patch(home, json={"name": "Ours"}).json()["role"] == "editor"
    assert people.owner.delete(viewer).status_code == 204
    problem(people.viewer.get(home), 404, "not_found")
    problem(people.owner.delete(viewer), 404, "not_found")
    assert people.owner.delete(home).status_code == 204
    problem(people.editor.get(home), 404, "not_found")


def test_members_know_each_other(people: People, workspace: Row) -> None:
    path = f"/workspaces/{workspace['id']}/members"
    roles = [(people.users[name].id, name) for name in ("owner", "editor", "viewer")]
    for name in ("owner", "editor", "viewer"):
        members = getattr(people, name).get(path).json()
        assert [(member["user_id"], member["role"]) for member in members] == roles
        shown = [member["role"] for member in members if member["email"]]
        assert shown == (["viewer"] if name == "viewer" else ["owner", "editor", "viewer"])


def test_a_workspace_is_handed_over(people: People, workspace: Row) -> None:
    home = f"/workspaces/{workspace['id']}"
    owner, editor = (f"{home}/members/{people.users[name].id}" for name in ("owner", "editor"))
    problem(people.owner.delete(owner), 409, "owner_stays")
    problem(people.owner.patch(owner, json={"role": "viewer"}), 409, "owner_stays")
    problem(
        people.owner.patch(f"{home}/members/{people.users['stranger'].id}", json={"role": "owner"}), 404, "not_found"
    )
    before = people.owner.get(home).json()
    assert people.owner.patch(editor, json={"role": "owner"}).json()["role"] == "owner"
    after = people.editor.get(home).json()
    assert (after["role"], after["owner_id"], after["version"]) == (
        "owner",
        people.users["editor"].id,
        before["version"] + 1,
    )
    assert people.owner.get(home).json()["role"] == "editor"
    problem(people.owner.delete(home), 403, "owner_only")
    problem(people.owner.patch(owner, json={"role": "owner"}), 403, "owner_only")
    assert people.owner.delete(owner).status_code == 204, "an editor leaves"
    assert people.editor.delete(home).status_code == 204


def test_invitations_are_used_up_expire_and_are_revoked(people: People, backend: Backend, workspace: Row) -> None:
    invitations = f"/workspaces/{workspace['id']}/invitations"
    once = created(people.owner.post(invitations, json={"role": "viewer"}))
    assert 6 < (datetime.fromisoformat(once["expires_at"]) - datetime.now(UTC)).total_seconds() / 86_400 < 8
    accept = f"/invitations/{once['token']}/accept"
    assert people.stranger.post(accept).json() == {"workspace_id": workspace["id"], "role": "viewer"}
    assert people.stranger.post(accept).json()["role"] == "viewer", "to accept again is harmless"
    assert people.owner.post(accept).json()["role"] == "owner"
    problem(people.former.post(accept), 410, "invitation_used_up")
    revoked = created(people.owner.post(invitations, json={"role": "viewer", "uses": 5}))
    assert people.owner.delete(f"{invitations}/{revoked['id']}").status_code == 204
    problem(people.former.post(f"/invitations/{revoked['token']}/accept"), 404, "not_found")
    problem(people.former.post(f"/invitations/{uuid4().hex}/accept"), 404, "not_found")
    problem(people.nobody.post(accept), 401, "unauthenticated")
    soon = datetime.now(UTC) + timedelta(seconds=1)
    brief = created(people.owner.post(invitations, json={"role": "viewer", "expires_at": soon.isoformat()}))
    while datetime.now(UTC) < soon:  # whoever is a member already takes no use of it
        assert people.owner.post(f"/invitations/{brief['token']}/accept").status_code == 200
    problem(people.former.post(f"/invitations/{brief['token']}/accept"), 410, "invitation_expired")
    for body in (
        {"role": "owner"},
        {"role": "viewer", "uses": 0},
        {"role": "viewer", "uses": 1001},
        {"role": "viewer", "expires_at": "2027-01-01T00:00:00"},
    ):
        problem(people.owner.post(invitations, json=body), 422, "invalid_request")
    for ending in ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        refused = people.owner.post(invitations, json={"role": "viewer", "expires_at": ending})
        assert problem(refused, 422, "invalid_request")["errors"][0]["loc"] == ["body", "expires_at"]


def test_an_invitation_that_is_accepted_by_many_at_once_serves_as_many_as_it_may(
    people: People, backend: Backend, workspace: Row
) -> None:
    invitation = created(
        people.owner.post(f"/workspaces/{workspace['id']}/invitations", json={"role": "editor", "uses": 2})
    )
    guests = [backend.new_user() for _ in range(3)]
    barrier = Barrier(6)

    def accept(user: User) -> int:
        with backend.gateway(user) as api:
            barrier.wait()
            return api.post(f"/invitations/{invitation['token']}/accept").status_code

    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(accept, [*guests, *guests]))  # each of them twice
    joined = {
        guest.id for guest, first, second in zip(guests, codes[:3], codes[3:], strict=True) if 200 in (first, second)
    }
    assert sorted(codes) == [200, 200, 200, 200, 410, 410]
    members = people.owner.get(f"/workspaces/{workspace['id']}/members").json()
    assert {member["user_id"] for member in members if member["user_id"] in {guest.id for guest in guests}} == joined
    assert len(joined) == 2


def test_a_former_member_reaches_no_file_by_way_of_the_file_store(
    people: People, backend: Backend, workspace: Row
) -> None:
    join(people.owner, people.former, workspace, "editor")
    source = created(people.former.post("/sources", json=new_source(workspace)))
    assert people.former.put(f"/sources/{source['id']}/file", content=document(), headers=PDF).status_code == 200
    path = people.former.get(f"/sources/{source['id']}").json()["storage_path"]

    def ask(user: User, method: str) -> httpx.Response:
        headers = {"apikey": backend.publishable_key, "Authorization": f"Bearer {user.token}"}
        address = f"{backend.supabase_url}/storage/v1/object/sources/{path}"
        return httpx.request(method, address, headers=headers, verify=PLAIN)

    assert ask(people.users["former"], "GET").content == document()
    assert people.owner.delete(f"/workspaces/{workspace['id']}/members/{people.users['former'].id}").status_code == 204
    assert ask(people.users["former"], "GET").is_error, "who uploaded it, too"
    ask(people.users["former"], "DELETE")
    ask(people.users["viewer"], "DELETE")
    assert ask(people.users["viewer"], "GET").content == document()
    problem(people.former.get(f"/sources/{source['id']}/file"), 404, "not_found")
