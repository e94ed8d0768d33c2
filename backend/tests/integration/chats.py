"""A conversation with the tutor, as one of its clients has it."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import httpx

from tests.integration.conftest import PLAIN, User
from tests.integration.model_stage import chunks


class Chat:
    """A conversation as one of its clients has it."""

    def __init__(self, user: User, workspace: dict[str, Any], chat_id: str = "main") -> None:
        self.headers = {"Authorization": f"Bearer {user.token}"}
        self.chat_id = chat_id
        self.path = f"/v1/workspaces/{workspace['id']}/chat"
        self.workspace_id = workspace["id"]

    @property
    def held(self) -> str:
        """A question whose answer waits half-way until it is told to go on, by the id of the workspace."""
        return f"Hold: {self.workspace_id}"

    def ask(self, url: str, question: str = "Why?", **body: Any) -> Any:
        message = {"id": "m" + question, "role": "user", "parts": [{"type": "text", "text": question}], "extra": 1}
        body = {"id": self.chat_id, "messages": [message], "trigger": "submit-message", "extra": True} | body
        return httpx.stream("POST", url + self.path, json=body, headers=self.headers, timeout=60, verify=PLAIN)

    def resume(self, url: str) -> Any:
        path = f"{self.path}/{self.chat_id}/stream"
        return httpx.stream("GET", url + path, headers=self.headers, timeout=60, verify=PLAIN)

    def stop(self, url: str) -> None:
        path = f"{self.path}/{self.chat_id}/stop"
        assert httpx.post(url + path, headers=self.headers, timeout=30, verify=PLAIN).status_code == 204

    def rows(self, url: str) -> list[dict[str, Any]]:
        query = {"workspace_id": self.workspace_id, "chat_id": self.chat_id, "order": "seq"}
        rows: list[dict[str, Any]] = httpx.get(
            f"{url}/v1/chat-messages", params=query, headers=self.headers, timeout=30, verify=PLAIN
        ).json()
        return rows


def whole(opened: Any, begun: Callable[[], object] = lambda: None) -> tuple[str, dict[str, Any], list[str]]:
    """The text of a stream, how it ended, the kinds of its chunks in their order; `begun` is called at the first."""
    said = ""
    end: dict[str, Any] = {}
    kinds: list[str] = []
    with opened as response:
        for chunk in chunks(response):
            if not kinds:
                begun()
            kinds.append(chunk["type"])
            said += chunk.get("delta", "")
            end |= chunk.get("messageMetadata", {})
    return said, end, list(dict.fromkeys(kinds))


def read_some(opened: Any, pieces: int = 1) -> str:
    """Read the first pieces of the text, and leave."""
    with opened as response:
        return "".join(islice((chunk["delta"] for chunk in chunks(response) if "delta" in chunk), pieces))
