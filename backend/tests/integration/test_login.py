"""The login service of the embedded stack, as a page on another origin meets it."""

from uuid import uuid4

import httpx
import pytest

from tests.integration.conftest import PLAIN, Backend

pytestmark = pytest.mark.parametrize("backend", ["embedded"], indirect=True)

ORIGIN = {"Origin": "http://localhost:5173"}
# Of supabase-js.
HEADERS = "apikey,authorization,content-type,x-client-info,x-supabase-api-version"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "token?grant_type=password"), ("POST", "signup"), ("GET", "user"), ("PUT", "user"), ("POST", "logout")],
)
def test_a_page_may_call_the_login_service(backend: Backend, method: str, path: str) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": HEADERS}
    answer = httpx.options(f"{backend.supabase_url}/auth/v1/{path}", headers=ORIGIN | asked, verify=PLAIN)
    assert answer.is_success
    assert answer.headers["access-control-allow-origin"] == "*"
    assert method in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == HEADERS


def test_a_page_may_read_what_the_login_service_answers(backend: Backend) -> None:
    credentials = {"email": f"{uuid4().hex}@example.com", "password": uuid4().hex}
    url = f"{backend.supabase_url}/auth/v1"
    with httpx.Client(headers=ORIGIN | {"apikey": backend.publishable_key}, timeout=30, verify=PLAIN) as page:
        answers = [
            page.post(f"{url}/signup", json=credentials),
            page.post(f"{url}/token?grant_type=password", json=credentials),
            page.post(f"{url}/token?grant_type=password", json=credentials | {"password": "wrong"}),
            page.get(f"{url}/user"),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 400, 401]
    assert [answer.headers.get_list("access-control-allow-origin") for answer in answers] == [["*"]] * 4
