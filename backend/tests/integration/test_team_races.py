"""A team of eight connections at once on real PostgreSQL, while one member's role changes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from uuid import uuid4

import httpx
import pytest

from tests.integration.conftest import Backend, User, created
from tests.integration.races import (
    MARKS,
    WRITERS,
    Write,
    Writers,
    arrange,
    assert_numbered,
    assert_whole,
    codes,
    delete,
    edit,
    patch,
    post,
)
from tests.integration.rows import Row, canvas_edit, new_edge, new_message, pasted, walk

pytestmark = MARKS


@dataclass(frozen=True)
class Team:
    """Two connections of the owner, three of an editor, one of a viewer, two of a member whose role changes."""

    writers: Writers
    wavering: str
    """The id of the member whose role changes."""

    def waver(self, workspace: Row, role: str) -> Write:
        """The owner gives the member another role."""
        return patch(f"/workspaces/{workspace['id']}/members/{self.wavering}", {"role": role})


@pytest.fixture
def team(backend: Backend, owner: User, api: httpx.Client, workspace: Row) -> Iterator[Team]:
    editor, viewer, wavering = (backend.new_user() for _ in range(3))
    for user, role in ((editor, "editor"), (viewer, "viewer"), (wavering, "editor")):
        invitation = created(api.post(f"/workspaces/{workspace['id']}/invitations", json={"role": role}))
        with backend.gateway(user) as guest:
            assert guest.post(f"/invitations/{invitation['token']}/accept").status_code == 200
    people = [owner] * 2 + [editor] * 3 + [viewer] + [wavering] * 2
    with ExitStack() as opened:
        clients = [opened.enter_context(backend.gateway(user)) for user in people]
        yield Team(Writers(opened.enter_context(ThreadPoolExecutor(WRITERS)), clients), wavering.id)


def test_a_canvas_is_edited_by_a_team_of_which_one_loses_the_role(
    backend: Backend, api: httpx.Client, workspace: Row, team: Team, rounds: int
) -> None:
    chance = Random(2)  # noqa: S311
    ids, create = pasted(12, 18)
    assert canvas_edit(api, workspace, create=create).status_code == 200
    for number in range(rounds):
        role = ("viewer", "editor")[number % 2]
        some = [chance.sample(ids, 4) for _ in range(6)]
        new, again = pasted(6, 6)
        ends = new_edge({"id": some[3][0], "workspace_id": workspace["id"]}, {"id": some[3][1]})
        answers = team.writers.race(
            [
                team.waver(workspace, role),
                edit(workspace, create=again),
                edit(workspace, create=again),
                edit(workspace, delete={"nodes": some[0]}),
                arrange(workspace, some[1]),
                edit(workspace, delete={"nodes": some[2]}),
                chance.choice([post("/edges", ends), edit(workspace, copy={"ids": {some[4][0]: str(uuid4())}})]),
                chance.choice([arrange(workspace, some[5]), delete(f"/sources/{some[5][0]}")]),
            ]
        )
        assert answers[0].json()["role"] == role
        assert answers[5].json()["code"] == "read_only"
        known = {"unknown_node", "id_taken", "duplicate", "not_found"}
        assert codes(answers[1:5]) <= known
        # A conflict: the role came back between the refusal and the question why.
        assert codes(answers[6:]) <= known | {"read_only", "write_conflict"}
        ids = (ids + new)[-16:]
        assert_whole(backend, api, workspace)
        # Once the answer is there the role counts for all that follows.
        told = codes(team.writers.race([arrange(workspace, [])] * WRITERS)[6:])
        assert told == ({"read_only"} if role == "viewer" else set())


def test_messages_of_a_team_are_numbered_in_the_order_in_which_they_appear(
    api: httpx.Client, workspace: Row, team: Team, rounds: int
) -> None:
    listed = {"workspace_id": workspace["id"], "order": "-seq", "limit": str(WRITERS)}
    write = post("/chat-messages", new_message(workspace))
    last = 0
    for number in range(rounds):
        answers = team.writers.race(
            [
                team.waver(workspace, ("viewer", "editor")[number % 2]),
                lambda client: client.get("/chat-messages", params=listed),
                *[write] * 6,
            ]
        )
        assert answers[5].json()["code"] == "read_only"
        assert codes(answers[6:]) <= {"read_only", "write_conflict"}
        numbers = [answer.json()["seq"] for answer in answers[2:] if answer.status_code == 201]
        assert len(numbers) >= 3
        last = assert_numbered(numbers, answers[1].json(), last)
    assert last == len(walk(api, "/chat-messages", workspace_id=workspace["id"])), "a refusal takes no number"
