"""The text of files at the data API itself: saved, found and kept as it is, around the gateway."""

import json
from typing import Any

import httpx

from tests.integration.conftest import Backend, User


def new_source(backend: Backend, user: User) -> tuple[str, str]:
    """A workspace of the user's and a source in it."""
    with backend.data_api(user) as data_api:
        data_api.headers["Prefer"] = "return=representation"
        workspace = data_api.post("/workspaces", json={"name": "Linear algebra"}).json()[0]["id"]
        new = {"workspace_id": workspace, "type": "pdf", "title": "Vectors"}
        return workspace, data_api.post("/sources", json=new).json()[0]["id"]


def test_a_file_is_saved_and_found(backend: Backend, owner: User, stranger: User) -> None:
    workspace, source = new_source(backend, owner)
    document: dict[str, Any] = {
        "pages": ["A matrix has rows.", "Two matrices are multiplied.", "我们学习矩阵的\n乘法"],
        "chapters": [{"level": 1, "title": "Matrices", "first_page": 1, "last_page": 3}],
    }
    new = {
        "source_id": source,
        "storage_path": f"{workspace}/{source}/a.pdf",
        "file_name": "a.pdf",
        "file_bytes": 1000,
        "media_type": "application/pdf",
        "document": document,
    }
    with backend.data_api(owner) as data_api:

        def call(function: str, **arguments: Any) -> Any:
            answer: httpx.Response = data_api.post(f"/rpc/{function}", json=arguments)
            assert answer.status_code == 200, answer.text
            return answer.json()

        (saved,) = call("save_file", **new)
        assert saved["unused"] == []
        assert {name: saved["source"][name] for name in ("id", "status", "page_count", "file_name", "version")} == {
            "id": source,
            "status": "ready",
            "page_count": 3,
            "file_name": "a.pdf",
            "version": 2,
        }
        assert [page["text"] for page in call("read_pages", source_id=source)] == document["pages"]
        assert call("read_pages", source_id=source, first=2, last=2) == [
            {"number": 2, "text": document["pages"][1], "following": None}
        ]
        assert call("read_chapters", source_id=source) == [{"position": 1, **document["chapters"][0]}]
        assert call("search_pages", workspace_id=workspace, query="rows") == [
            {"source_id": source, "title": "Vectors", "page": 1, "excerpt": "A matrix has \x02rows\x03."}
        ]
        (found,) = call("search_pages", workspace_id=workspace, query="矩阵的乘法")
        assert (found["page"], found["excerpt"]) == (3, "我们学习\x02矩阵的\n乘法\x03")
        (again,) = call("save_file", **new | {"storage_path": f"{workspace}/{source}/b.pdf"})
        assert again["unused"] == [f"{workspace}/{source}/a.pdf"]
        assert call("unused_files", workspace_id=workspace) == []
        (canvas,) = call("canvas", workspace_id=workspace)
        assert canvas["nodes"][0]["data"]["page_count"] == 3
    with backend.data_api(stranger) as data_api:
        for function, arguments in (
            ("save_file", new),
            ("read_pages", {"source_id": source}),
            ("read_chapters", {"source_id": source}),
            ("search_pages", {"workspace_id": workspace, "query": "rows"}),
        ):
            assert data_api.post(f"/rpc/{function}", json=arguments).status_code == 404
        assert data_api.post("/rpc/unused_files", json={"workspace_id": workspace}).json() == []


def test_a_client_sends_a_source_back_as_it_read_it(backend: Backend, owner: User) -> None:
    workspace, source = new_source(backend, owner)
    path = f"{workspace}/{source}/a.md"
    file = {"storage_path": path, "file_name": "a.md", "file_bytes": 9, "media_type": "text/markdown"}
    with backend.data_api(owner) as data_api:
        data_api.headers["Prefer"] = "return=representation"
        data_api.post("/rpc/save_file", json={"source_id": source, **file, "document": {"pages": ["# Text"]}})
        (row,) = data_api.get(f"/sources?id=eq.{source}").json()
        forged = {"status": "failed", "failure": "damaged", "page_count": 7, "file_id": workspace}
        for sent in ({name: row[name] for name in forged}, forged):
            answer = data_api.patch(f"/sources?id=eq.{source}", json=sent)
            assert answer.status_code == 200, answer.text
            assert json.loads(answer.text) == [row]
        (emptied,) = data_api.patch(f"/sources?id=eq.{source}", json={"storage_path": None}).json()
        assert (emptied["status"], emptied["file_id"], emptied["version"]) == ("empty", None, row["version"] + 1)
