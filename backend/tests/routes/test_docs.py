"""`/docs` and `/redoc`: complete without internet, and bound to this gateway by their content security policy."""

import re
from base64 import b64encode
from hashlib import sha256
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient

from tests.routes.exchange import problem

PAGES = pytest.mark.parametrize("path", ["/docs", "/redoc"])


@PAGES
def test_all_that_a_page_loads_is_served_here(anonymous: TestClient, path: str) -> None:
    page = anonymous.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "//" not in page.text
    loaded = re.findall(r'(?:src|href)="(?!data:)([^"]+)', page.text)
    assert loaded
    for address in [*loaded, *re.findall(r'(?:url: |spec-url=)"([^"]+)', page.text)]:
        assert not address.startswith("/"), "a path prefix that a proxy takes off would be lost"
        file = anonymous.get(urljoin(path, address))
        assert file.status_code == 200
        assert re.match("text/(css|javascript)|application/json", file.headers["content-type"])


@PAGES
def test_a_page_stays_below_its_prefix(anonymous: TestClient, path: str) -> None:
    for address in re.findall(r'(?:src|href|spec-url)="(?!data:)([^"]+)', anonymous.get(path).text):
        assert urlsplit(urljoin(f"https://example.com/aide{path}", address)).path.startswith("/aide/")


@PAGES
def test_the_policy_names_no_other_host_and_no_script_but_ours(anonymous: TestClient, path: str) -> None:
    page = anonymous.get(path)
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    hosts = {source for sources in policy.values() for source in sources.split() if not source.startswith("'")}
    assert hosts == {"data:", "blob:"}
    assert "'unsafe-inline'" not in policy["script-src"]
    for script in re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL):
        assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy["script-src"]


def test_no_file_brings_its_own_address_of_another_host(anonymous: TestClient) -> None:
    """ReDoc's logo is loaded from its maker's site, unless the package has put another address into its script."""
    assert "cdn.redoc.ly" not in anonymous.get("/redoc/redoc.standalone.js").text
    assert anonymous.get("/redoc/logo-mini.svg").headers["content-type"] == "image/svg+xml"


def test_a_browser_asks_again_only_after_another_version(anonymous: TestClient) -> None:
    file = anonymous.get("/docs/swagger-ui.css")
    again = anonymous.get("/docs/swagger-ui.css", headers={"If-None-Match": file.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["", "none.js", "..%2f__init__.py", "..%2f..%2f__init__.py", "%00"])
@PAGES
def test_no_other_file_is_served(anonymous: TestClient, path: str, name: str) -> None:
    problem(anonymous.get(f"{path}/{name}"), 404, "route_not_found")
