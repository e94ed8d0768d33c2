"""The development user of the embedded stack: its access token, and the sample workspace it owns."""

import sys
from pathlib import Path

from dev import environment, http_calls, sample
from dev.embedded import running
from dev.processes import StartError

ROOT = Path(__file__).parents[2]
# Known to everybody, for a server that only this machine can reach: a front end may sign in with it.
EMAIL = "developer@example.com"
PASSWORD = "development"  # noqa: S105


def sign_in(url: str, publishable_key: str) -> str:
    """A new access token of the development user, who is signed up the first time."""
    headers = {"apikey": publishable_key}
    credentials = {"email": EMAIL, "password": PASSWORD}
    for path in ("token?grant_type=password", "signup"):
        status, session = http_calls.call("POST", f"{url}/auth/v1/{path}", headers, credentials)
        if status == 200:
            return str(session["access_token"])
    raise StartError(f"{EMAIL} cannot sign in: the login service answers {status} {session}")


def post_sample(url: str, token: str) -> bool:
    """Posts the sample workspace. Whether it was new."""
    headers = {"Authorization": f"Bearer {token}"}
    if http_calls.status("GET", f"{url}/v1/workspaces/{sample.WORKSPACE_ID}", headers) == 200:
        return False  # a repeated POST would be answered the same, but the stack prints a line for each
    for path, body in sample.POSTS:
        status, answer = http_calls.call("POST", f"{url}{path}", headers, body)
        if status == 200:
            return False
        if status != 201:
            raise StartError(f"the sample workspace is not posted: POST {path} answers {status} {answer}")
    return True


def print_token() -> int:
    """Prints an access token alone, for `$(make -s token)`."""
    stack = running(ROOT)
    if not stack or "supabase_url" not in stack:
        print("The embedded stack is not running: start it with `make dev`.", file=sys.stderr)
        return 1
    try:
        print(sign_in(stack["supabase_url"], environment.read()["SUPABASE_PUBLISHABLE_KEY"]))
    except (StartError, OSError) as error:
        print(f"No token: {error}", file=sys.stderr)
        return 1
    return 0
