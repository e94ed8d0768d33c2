"""`make sweep`: the files in the file store that no source refers to, listed and, after asking, removed."""

import sys
from collections.abc import Mapping

from dev import environment, http_calls
from dev.processes import StartError
from dev.reset import is_wanted


def sweep() -> int:
    """The exit status: 0 when all were removed or left alone on request, else 1."""
    try:
        print(f"Files removed: {remove_unused(*operator(environment.read()))}")
    except (StartError, OSError, ValueError) as error:
        print(f"Not swept: {error}", file=sys.stderr)
        return 1
    return 0


def operator(settings: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Where the Supabase is, and the headers of somebody who has its secret key in `KEY`."""
    if not (url := settings.get("SUPABASE_URL", "").rstrip("/")):
        raise StartError("SUPABASE_URL is not set: give it in the environment or in .env")
    key = settings.get("KEY", "")
    publishable = settings.get("SUPABASE_PUBLISHABLE_KEY", key)
    # Without a key, the stack of `make dev` takes whoever asks from this machine for an operator.
    headers = {"apikey": key if key.startswith("sb_") else publishable, "Authorization": f"Bearer {key}"} if key else {}
    return url, headers


def remove_unused(url: str, headers: dict[str, str]) -> int:
    """Lists the unused files, 1,000 at a time, and removes those whose removal is wanted. How many they were."""
    removed = 0
    while paths := _unused(url, headers):
        print(*(f"  {path!r}" for path in paths), sep="\n")
        if not is_wanted(f"Remove these {len(paths)} files from {url}?"):
            break
        going = sorted({*paths} & {*_unused(url, headers)})  # a source may have found its file meanwhile
        status, _ = http_calls.call("DELETE", f"{url}/storage/v1/object/sources", headers, {"prefixes": going}, 60)
        if status != 200 or {*going} & {*_unused(url, headers)}:
            raise StartError(f"the file store has not removed all of them ({status})")
        removed += len(going)
    return removed


def _unused(url: str, headers: dict[str, str]) -> list[str]:
    status, paths = http_calls.call("POST", f"{url}/rest/v1/rpc/unused_files", headers, {}, 60)
    if status != 200 or not isinstance(paths, list):
        raise StartError(f"{url} answers {status}: it needs all migrations, and you its secret key with KEY=...")
    return paths
