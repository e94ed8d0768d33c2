"""The development user of the embedded stack: its access token, and the sample workspace it owns."""

import sys
from collections.abc import Mapping
from pathlib import Path

from dev import ROOT, environment, http_calls, sample
from dev.embedded import running
from dev.processes import StartError

EMAIL = "developer@example.com"
PAPER = Path(__file__).with_name("sample.pdf")
KNOWN_PASSWORD = "development"  # noqa: S105 - everybody's, until each checkout got its own


def sign_in(url: str, settings: Mapping[str, str]) -> str:
    """A new access token of the development user, who is signed up the first time."""
    password = settings.get("DEVELOPER_PASSWORD", "")
    for attempt in ("token?grant_type=password", "", "signup"):
        token = _session(url, settings, attempt, password) if attempt else replace_known_password(url, settings)
        if token:
            return token
    raise StartError(
        f"{EMAIL} has another password than DEVELOPER_PASSWORD in .env: set the one it was signed up with there, "
        "or empty the database with `make reset`"
    )


def replace_known_password(url: str, settings: Mapping[str, str]) -> str:
    """Gives a user with the password that everybody knows the checkout's own; their token, or nothing."""
    token = _session(url, settings, "token?grant_type=password", KNOWN_PASSWORD)
    if token:
        headers = {"apikey": settings["SUPABASE_PUBLISHABLE_KEY"], "Authorization": f"Bearer {token}"}
        new = {"password": settings["DEVELOPER_PASSWORD"]}
        status, answer = http_calls.call("PUT", f"{url}/auth/v1/user", headers, new)
        if status != 200:
            raise StartError(f"the password of {EMAIL} cannot be changed: {status} {answer}")
    return token


def _session(url: str, settings: Mapping[str, str], path: str, password: str) -> str:
    credentials = {"email": EMAIL, "password": password}
    headers = {"apikey": settings["SUPABASE_PUBLISHABLE_KEY"]}
    status, session = http_calls.call("POST", f"{url}/auth/v1/{path}", headers, credentials)
    return str(session["access_token"]) if status == 200 else ""


def post_sample(url: str, token: str) -> bool:
    """Posts the sample workspace, once. Whether its code lab is there: what was deleted stays deleted."""
    headers = {"Authorization": f"Bearer {token}"}
    if http_calls.is_ok(f"{url}/v1/labs/{sample.CODE}", headers):
        return True  # to post it again is harmless, but the stack prints a line for each row
    for path, body in sample.POSTS:
        status, answer = http_calls.call("POST", f"{url}{path}", headers, body)
        if path == "/v1/workspaces" and status in {200, 409}:
            return False
        if status not in {200, 201}:
            raise StartError(f"the sample workspace is not posted: POST {path} answers {status} {answer}")
    path = f"/v1/sources/{sample.PAPER}/file"
    headers["Content-Type"] = "application/pdf"
    status, answer = http_calls.call("PUT", url + path, headers, PAPER.read_bytes(), timeout=60)
    if status != 200 or answer["status"] != "ready":
        raise StartError(f"the sample's file is not uploaded: PUT {path} answers {status} {answer}")
    return True


def print_token() -> int:
    """Prints an access token alone, for `$(make -s token)`."""
    stack = running(ROOT)
    if not stack or "supabase_url" not in stack:
        print("The embedded stack is not running: start it with `make dev`.", file=sys.stderr)
        return 1
    try:
        print(sign_in(stack["supabase_url"], environment.read()))
    except (StartError, OSError) as error:
        print(f"No token: {error}", file=sys.stderr)
        return 1
    return 0
