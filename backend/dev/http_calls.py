"""The few HTTP calls that development commands make: to this machine, and to SUPABASE_URL (`make sweep`, `import`)."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

# As for the gateway, the environment's proxy is on the way to https:// alone: what is on this machine is http://.
_proxies = {scheme: proxy for scheme, proxy in urllib.request.getproxies().items() if scheme == "https"}
_opener = urllib.request.build_opener(urllib.request.ProxyHandler(_proxies))


def call(
    method: str, url: str, headers: Mapping[str, str], body: object = None, timeout: float = 10.0
) -> tuple[int, Any]:
    """Status and parsed body of the answer. Raises OSError when there is none."""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - our own addresses
        url, data, {"Content-Type": "application/json", **headers}, method=method
    )
    try:
        with _opener.open(request, timeout=timeout) as response:
            return response.status, _parsed(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _parsed(error.read())
    except http.client.HTTPException as error:
        raise OSError(str(error)) from None


def is_ok(url: str, headers: Mapping[str, str] | None = None, timeout: float = 10.0) -> bool:
    """Whether a GET is answered 200."""
    try:
        return call("GET", url, headers or {}, timeout=timeout)[0] == 200
    except OSError:
        return False


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
