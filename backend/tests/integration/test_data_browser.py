"""The data browser of `make dev` is for the person at this machine: no page of another origin and no other host name
reads or writes through it, while pages with a key and a user's token go on as usual."""

import http.client
import json
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import httpx
import pytest

from dev.embedded import EmbeddedStack
from tests.integration.conftest import PLAIN, Backend, User, sign_up
from tests.integration.migrated import migrated_stack

# What the stack and this file's pages are called, at whatever port.
LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
FOREIGN = ["rebound.test", "localhost.rebound.test", "127.0.0.1.rebound.test", "192.168.1.7", "0.0.0.0", ""]  # noqa: S104


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    with migrated_stack(tmp_path_factory.mktemp("admin"), admin=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def owner(stack: EmbeddedStack) -> User:
    return sign_up(stack)


@pytest.fixture(scope="module")
def row(stack: EmbeddedStack, owner: User) -> dict[str, str]:
    """A row that nobody but its owner, and the data browser, may see."""
    row = {"id": str(uuid4()), "name": f"secret {uuid4().hex}"}
    with_key = {"apikey": stack.publishable_key, "Authorization": f"Bearer {owner.token}"}
    httpx.post(f"{stack.url}/rest/v1/workspaces", headers=with_key, json=row, verify=PLAIN).raise_for_status()
    return row


@pytest.fixture(scope="module")
def bucket(stack: EmbeddedStack) -> str:
    """A private bucket, made as the data browser makes one."""
    name = f"bucket-{uuid4().hex}"
    httpx.post(f"{stack.url}/storage/v1/bucket", json={"id": name, "name": name}, verify=PLAIN).raise_for_status()
    return name


class Ask:
    """Sends exactly the headers that it is told to, `Host` included, as curl does."""

    def __init__(self, stack: EmbeddedStack) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", httpx.URL(stack.url).port or 80, timeout=30)

    def __call__(self, method: str, path: str, headers: dict[str, str], body: str = "") -> tuple[int, str]:
        """The status, and the answer with its headers in lower case."""
        self.connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in (headers | ({"Content-Length": str(len(body))} if body else {})).items():
            self.connection.putheader(name, value)
        self.connection.endheaders(body.encode())
        answer = self.connection.getresponse()
        text = answer.read().decode(errors="replace")
        return answer.status, "".join(f"{name.lower()}: {value}\n" for name, value in answer.getheaders()) + text


@pytest.fixture(scope="module")
def ask(stack: EmbeddedStack) -> Iterator[Ask]:
    ask = Ask(stack)
    yield ask
    ask.connection.close()


PATHS = [
    "/",
    "/_system/config",
    "/_system/introspect",
    "/auth/v1/settings",
    "/rest/v1/workspaces",
    "/storage/v1/bucket",
]
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_host_name_is_refused_whatever_it_asks_for(
    stack: EmbeddedStack, ask: Ask, row: dict[str, str], path: str, host: str
) -> None:
    port = httpx.URL(stack.url).port
    for method in METHODS:
        for origin in ({}, {"Origin": f"http://{host}:{port}", "Sec-Fetch-Site": "same-origin"}):
            headers = {"Host": f"{host}:{port}" if host else "", "apikey": stack.publishable_key, **origin}
            status, said = ask(method, path, headers)
            assert status in {400, 403}, (method, headers, said)
            assert row["name"] not in said
            assert stack.publishable_key not in said


# Origin, Sec-Fetch-Site: as a browser sends them for a page of another origin.
ELSEWHERE = [
    ({}, "cross-site"),
    ({}, "same-site"),
    ({}, "anything"),
    ({"Origin": "http://elsewhere.test"}, "cross-site"),
    ({"Origin": "http://elsewhere.test"}, None),
    ({"Origin": "http://127.0.0.1:1"}, "same-site"),
    ({"Origin": "null"}, "cross-site"),
    ({"Origin": "{own}"}, "cross-site"),
]


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize(("origin", "site"), ELSEWHERE)
def test_another_origin_without_a_key_neither_reads_nor_writes(
    stack: EmbeddedStack,
    ask: Ask,
    row: dict[str, str],
    bucket: str,
    host: str,
    origin: dict[str, str],
    site: str | None,
) -> None:
    name = f"{host}:{httpx.URL(stack.url).port}"
    headers = {"Host": name} | ({"Sec-Fetch-Site": site} if site else {})
    headers |= {key: value.format(own=f"http://{name}") for key, value in origin.items()}
    for path in PATHS:
        _, said = ask("GET", path, headers)
        assert row["name"] not in said, path
        assert bucket not in said, path
    assert ask("GET", "/rest/v1/workspaces", headers)[0] == 401
    assert ask("GET", "/rest/v1/no_such_table", headers)[0] == 401, "nor does it learn what there is"
    one = f"/rest/v1/workspaces?id=eq.{row['id']}"
    typed = headers | {"Content-Type": "application/json"}
    assert ask("PATCH", one, typed, '{"name": "changed"}')[0] == 401
    assert ask("DELETE", one, headers)[0] == 401
    assert ask("POST", "/storage/v1/bucket", typed, '{"id": "b", "name": "b"}')[0] in {400, 401, 403}
    kept = httpx.get(f"{stack.url}{one}&select=id,name", verify=PLAIN)
    assert kept.json() == [row]


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize("site", [None, "same-origin", "none"])
def test_the_data_browser_and_programs_see_all_rows(
    stack: EmbeddedStack, ask: Ask, row: dict[str, str], bucket: str, host: str, site: str | None
) -> None:
    name = f"{host}:{httpx.URL(stack.url).port}"
    headers = {"Host": name} | ({"Sec-Fetch-Site": site} if site else {})
    assert row["name"] in ask("GET", "/rest/v1/workspaces", headers)[1]
    assert row["name"] in ask("GET", "/rest/v1/workspaces", headers | {"Origin": f"http://{name}"})[1]
    assert bucket in ask("GET", "/storage/v1/bucket", headers)[1]
    assert "<html" in ask("GET", "/", headers)[1]
    assert '"admin":true' in ask("GET", "/_system/info", headers)[1]


@pytest.mark.parametrize("path", [*PATHS, "/favicon.ico", "/static/none"])
def test_no_answer_is_kept_by_the_browser_or_shown_in_a_frame(ask: Ask, path: str) -> None:
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "cross-site", "Origin": "http://a.test"}):
        said = ask("GET", path, headers)[1]
        assert re.findall(r"^cache-control: (.*)$", said, re.MULTILINE) == ["no-store"]
        assert "vary: Origin, Sec-Fetch-Site" in said
        assert "x-frame-options: DENY" in said


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:8000"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_front_end_with_a_key_and_a_token_goes_on_as_usual(
    stack: EmbeddedStack, ask: Ask, row: dict[str, str], owner: User, origin: str, site: str
) -> None:
    page = {"Origin": origin, "Sec-Fetch-Site": site, "apikey": stack.publishable_key}
    with_token = page | {"Authorization": f"Bearer {owner.token}"}
    for path, headers in (
        ("/rest/v1/workspaces", with_token),
        ("/storage/v1/bucket", with_token),
        ("/auth/v1/user", with_token),
        ("/auth/v1/settings", page),
    ):
        status, said = ask("GET", path, headers)
        assert status == 200, said
        assert said.count("access-control-allow-origin: *") == 1, said
    assert row["name"] in ask("GET", "/rest/v1/workspaces", with_token)[1]
    assert row["name"] not in ask("GET", "/rest/v1/workspaces", page)[1], "the key alone grants nothing"


def test_only_admin_mode_minds_the_host_name(open_backend: Callable[[str], Backend]) -> None:
    other = open_backend("embedded")
    headers = {"Host": "supabase:54321", "apikey": other.publishable_key}
    answer = httpx.post(f"{other.supabase_url}/rest/v1/rpc/schema_version", headers=headers, json={}, verify=PLAIN)
    assert answer.status_code == 200


# What follows is the same in a real browser.

PAGE = r"""<!doctype html><title>elsewhere</title><body><script>
const {base, secret, id, key, token} = CONFIG;
const url = (query) => `${base}/rest/v1/workspaces?${query}`;
const loaded = (tag, attribute, target) => new Promise((done) => {
  const element = document.createElement(tag);
  element.onload = element.onloadeddata = () => done("loaded");
  element.onerror = () => done("error");
  if (tag === "link") element.rel = "stylesheet";
  element[attribute] = target;
  document.body.append(element);
  setTimeout(() => done("neither"), 1500);
});
const framed = async (target) => {
  const frame = document.createElement("iframe");
  const done = new Promise((resolve) => { frame.onload = resolve; setTimeout(resolve, 1500); });
  frame.src = target;
  document.body.append(frame);
  await done;
  try { return "read " + frame.contentDocument.body.innerText; } catch { return `shut ${frame.contentWindow.length}`; }
};
const asked = (target, options) => fetch(target, options)
  .then(async (answer) => `${answer.type} ${answer.status} ${await answer.text()}`, (error) => error.name);
const xhr = (target) => new Promise((done) => {
  const request = new XMLHttpRequest();
  request.onloadend = () => done(`${request.status} ${request.responseText}`);
  request.open("GET", target);
  request.send();
});
const cached = async (target) => {
  await fetch(target, {mode: "no-cors"}).catch(() => {});
  await loaded("img", "src", target);
  return asked(target, {cache: "force-cache"}).then(async (first) =>
    first + await asked(target, {cache: "only-if-cached", mode: "same-origin"}));
};
const opened = async (target) => {
  const other = window.open(target);
  await new Promise((done) => setTimeout(done, 1000));
  const length = other ? other.length : "none";
  other?.close();
  return `window ${length}`;
};
const WAYS = {
  "fetch": (target) => asked(target),
  "fetch without CORS": (target) => asked(target, {mode: "no-cors"}),
  "the cache": cached,
  "XMLHttpRequest": xhr,
  "image": (target) => loaded("img", "src", target),
  "script": (target) => loaded("script", "src", target),
  "style sheet": (target) => loaded("link", "href", target),
  "frame": framed,
  "object": (target) => loaded("object", "data", target),
  "video": (target) => loaded("video", "src", target),
  "window": opened,
};
const run = async () => {
  const found = {};
  for (const [name, way] of Object.entries(WAYS)) {
    // A row, none, what is refused, and what is not there: all must look the same. At once, since some wait in vain.
    const queries = ["select=name", `id=eq.${id}`, "id=eq.00000000-0000-4000-8000-000000000000", "select=nothing"];
    found[name] = await Promise.all(queries.map((query) => way(url(query))));
  }
  for (const body of ['{"name": "written"}'])
    await fetch(url("select=id"), {method: "POST", mode: "no-cors", body}).catch(() => {});
  const own = {apikey: key, Authorization: `Bearer ${token}`};
  const usual = {
    rest: await asked(url(`select=name&id=eq.${id}`), {headers: own}),
    auth: await asked(`${base}/auth/v1/user`, {headers: own}),
    storage: await asked(`${base}/storage/v1/bucket`, {headers: own}),
  };
  await fetch("/found", {method: "POST", body: JSON.stringify({found, usual})});
};
run().catch((error) => fetch("/found", {method: "POST", body: JSON.stringify({error: String(error)})}));
</script>"""


class Page(BaseHTTPRequestHandler):
    """Serves the page, and takes what it has found."""

    def __init__(self, text: str, found: queue.Queue[Any], *arguments: Any) -> None:
        self.text, self.found = text, found
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._answer(self.text)

    def do_POST(self) -> None:
        self.found.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer("")

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.Popen[str]]:
    """Starts headless Chromium on an address."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    profile = tmp_path_factory.mktemp("chromium")

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                chromium,
                "--headless",
                "--no-sandbox",  # it refuses to start as root else
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-popup-blocking",
                "--no-first-run",
                f"--user-data-dir={profile}",
                *arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    return start


@contextmanager
def served(text: str) -> Iterator[tuple[int, queue.Queue[Any]]]:
    """The page at a port of its own, and what it finds."""
    found: queue.Queue[Any] = queue.Queue()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Page, text, found)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], found
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["same site", "cross site"])
def test_in_chromium_a_page_of_another_origin_learns_nothing(
    stack: EmbeddedStack,
    owner: User,
    row: dict[str, str],
    browse: Callable[..., subprocess.Popen[str]],
    host: str,
) -> None:
    config = {
        "base": stack.url,
        "secret": row["name"],
        "id": row["id"],
        "key": stack.publishable_key,
        "token": owner.token,
    }
    with served(PAGE.replace("CONFIG", json.dumps(config))) as (port, found):
        browser = browse("--remote-debugging-port=0", f"http://{host}:{port}/")
        try:
            said = found.get(timeout=120)
        finally:
            browser.kill()
            browser.communicate()
    assert "error" not in said, said
    assert row["name"] not in json.dumps(said["found"])
    assert {way: answers for way, answers in said["found"].items() if len(set(answers)) > 1} == {}
    assert len(said["found"]) >= 9
    assert said["usual"]["rest"] == f"cors 200 {json.dumps([{'name': row['name']}], separators=(',', ':'))}"
    assert said["usual"]["auth"].startswith("cors 200 ")
    assert said["usual"]["storage"].startswith("cors 200 ")
    assert "written" not in httpx.get(f"{stack.url}/rest/v1/workspaces?select=name", verify=PLAIN).text


def test_in_chromium_the_data_browser_shows_the_rows(
    stack: EmbeddedStack, row: dict[str, str], browse: Callable[..., subprocess.Popen[str]]
) -> None:
    browser = browse("--virtual-time-budget=20000", "--dump-dom", f"{stack.url}/editor/public.workspaces")
    try:
        shown = browser.communicate(timeout=120)[0]
    finally:
        browser.kill()
        browser.communicate()
    assert row["name"] in shown
