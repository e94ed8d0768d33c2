"""Judge0's API, as much of it as is needed: submissions, languages, about. And `/health`.

Names, defaults, statuses and refusals are those of judge0/judge0 1.13.1 (app/controllers, app/models/submission.rb,
app/serializers, config/routes.rb). One language, no compiler, no files, no callbacks, no batches.
"""

import base64
import binascii
import contextlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, StrictInt, StrictStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner import python
from runner.sandbox import DESCRIPTIONS, Ending, Limits, Sandbox, SandboxError
from runner.settings import Settings
from runner.submissions import QueueFullError, Submission, Submissions

LANGUAGE = {"id": 71, "name": f"Python ({python.VERSION} for WebAssembly)"}
DETAILS = {"is_archived": False, "source_file": "script.py", "compile_cmd": None, "run_cmd": "python3 script.py"}
ABOUT = {"version": "1.13.1", "homepage": None, "source_code": None, "maintainer": "AIDE's runner, not Judge0 itself"}

RETRY_AFTER = "1"
DEFAULT_FIELDS = ("token", "time", "memory", "stdout", "stderr", "compile_output", "message", "status")

NOT_ALLOWED = ("additional_files", "callback_url", "enable_network", "command_line_arguments", "compiler_options")

log = logging.getLogger("runner")


def _decoded(value: object) -> object:
    """Judge0 takes numbers as strings too, and null for what is not given."""
    return float(value) if isinstance(value, str) else value


Number = Annotated[float, BeforeValidator(_decoded), Field(allow_inf_nan=False)]


class NewSubmission(BaseModel):
    """The body of `POST /submissions`. Fields of Judge0 that change nothing here are ignored, as Judge0 ignores
    unknown ones."""

    source_code: StrictStr | None = None
    language_id: StrictInt | StrictStr | None = None
    stdin: StrictStr | None = None
    expected_output: StrictStr | None = None
    cpu_time_limit: Number | None = None
    wall_time_limit: Number | None = None
    memory_limit: Number | None = None
    additional_files: Any = None
    callback_url: Any = None
    enable_network: Any = None
    command_line_arguments: Any = None
    compiler_options: Any = None


class Refusal(Exception):  # noqa: N818
    """An answer that is not a result."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.response = JSONResponse(body, status, headers)


async def _refuse(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return refusal.response


async def _leave(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # to nobody


class Api:
    """The routes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sandbox = Sandbox(settings)
        self._submissions = Submissions(settings, self._sandbox)

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/about", self._guarded(self.about)),
                Route("/languages", self._guarded(self.languages)),
                Route("/languages/all", self._guarded(self.languages)),
                Route("/languages/{id:int}", self._guarded(self.language)),
                Route("/submissions", self._guarded(self.create_submission), methods=["POST"]),
                Route("/submissions/{token}", self._guarded(self.get_submission)),
            ],
            exception_handlers={Refusal: _refuse, ClientDisconnect: _leave},
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        await self._sandbox.start()
        log.info("ready", extra={"fields": {"slots": self._settings.slots, "language": LANGUAGE["name"]}})
        try:
            yield
        finally:
            await self._submissions.close()
            await self._sandbox.stop()
            log.info("stopped")

    def _guarded(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def check(request: Request) -> Response:
            token = self._settings.token
            given = request.headers.get("X-Auth-Token", "")
            if token and not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
                raise Refusal(401, {"error": "X-Auth-Token is missing or wrong"})
            return await handler(request)

        return check

    async def health(self, request: Request) -> Response:
        """200 when a run would start at once, else 503."""
        try:
            await self._sandbox.start()
        except SandboxError as error:
            raise Refusal(503, {"error": str(error)}, {"Retry-After": RETRY_AFTER}) from error
        return JSONResponse({"status": "ok"})

    async def about(self, request: Request) -> Response:
        """Which Judge0 this speaks like."""
        return JSONResponse(ABOUT)

    async def languages(self, request: Request) -> Response:
        """The one there is."""
        return JSONResponse([LANGUAGE])

    async def language(self, request: Request) -> Response:
        """The one there is, in detail."""
        if request.path_params["id"] != LANGUAGE["id"]:
            raise Refusal(404, {"error": "there is no such language"})
        return JSONResponse(LANGUAGE | DETAILS)

    async def create_submission(self, request: Request) -> Response:
        """Run a program: at once with `wait=true`, else its token is answered."""
        encoded = _encoded(request)
        fields = _fields(request)
        submission = self._submission(await self._body(request), encoded)
        try:
            self._submissions.submit(submission)
        except QueueFullError:
            raise Refusal(503, {"error": "queue is full"}, {"Retry-After": RETRY_AFTER}) from None
        if request.query_params.get("wait") != "true":
            return JSONResponse({"token": submission.token}, 201)
        await submission.done.wait()
        return JSONResponse(_shown(submission, fields, encoded), 201)

    async def get_submission(self, request: Request) -> Response:
        """A submission, as far as it has come."""
        fields = _fields(request)
        submission = self._submissions.find(request.path_params["token"])
        if submission is None:
            raise Refusal(404, {"error": "there is no such submission, or no longer"})
        return JSONResponse(_shown(submission, fields, _encoded(request)))

    async def _body(self, request: Request) -> NewSubmission:
        # A page in a browser can send any other type to a runner on the loopback, without being asked.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(415, {"error": "send application/json"})
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._settings.max_body:
                raise Refusal(413, {"error": f"larger than {self._settings.max_body} bytes"}, {"Connection": "close"})
        try:
            return NewSubmission.model_validate(json.loads(body))
        except (ValueError, RecursionError) as error:
            if isinstance(error, ValidationError):
                wrong = {str(item["loc"][0]) if item["loc"] else "body": [item["msg"]] for item in error.errors()}
                raise Refusal(422, wrong) from None
            raise Refusal(400, {"error": "not JSON"}) from None

    def _submission(self, new: NewSubmission, encoded: bool) -> Submission:
        wrong: dict[str, list[str]] = {}
        if str(new.language_id) != str(LANGUAGE["id"]):
            wrong["language_id"] = [f"language with id {new.language_id} doesn't exist"]
        for name in NOT_ALLOWED:
            if getattr(new, name):
                wrong[name] = [f"setting {name} is not allowed"]
        most = self._settings
        limits = {}
        for name, default, least, greatest in (
            ("cpu_time_limit", 5.0, 0.0, most.max_cpu_time_limit),
            ("wall_time_limit", 10.0, 1.0, most.max_wall_time_limit),
            ("memory_limit", 128_000.0, 2048.0, float(most.max_memory_limit)),
        ):
            given = getattr(new, name)
            value = min(default, greatest) if given is None else given
            limits[name] = value
            if value < least:
                wrong[name] = [f"must be greater than or equal to {least:g}"]
            elif value > greatest:
                wrong[name] = [f"must be less than or equal to {greatest:g}"]
        texts = {}
        for name in ("source_code", "stdin", "expected_output"):
            value = getattr(new, name)
            try:
                texts[name] = None if value is None else base64.b64decode(value) if encoded else value.encode()
            except (binascii.Error, ValueError):
                wrong[name] = ["is not base64" if encoded else "is not Unicode"]
        if not texts.get("source_code") and "source_code" not in wrong:
            wrong["source_code"] = ["can't be blank"]
        if wrong:
            raise Refusal(422, wrong)
        return Submission(
            source_code=texts["source_code"] or b"",
            stdin=texts["stdin"] or b"",
            expected_output=texts["expected_output"],
            # A clock of zero would never run out.
            limits=Limits(max(0.01, limits["cpu_time_limit"]), limits["wall_time_limit"], int(limits["memory_limit"])),
        )


def _all_fields(submission: Submission) -> dict[str, Any]:
    """Those that can be asked for; texts as bytes."""
    ending = submission.ending or Ending(submission.status, b"", b"")
    return {
        "token": submission.token,
        "source_code": submission.source_code,
        "language_id": LANGUAGE["id"],
        "language": LANGUAGE,
        "stdin": submission.stdin or None,
        "expected_output": submission.expected_output,
        "stdout": ending.stdout or None,
        "stderr": ending.stderr or None,
        "compile_output": None,
        "message": ending.message.encode() if ending.message else None,
        "status": {"id": submission.status, "description": DESCRIPTIONS[submission.status]},
        "status_id": submission.status,
        "exit_code": ending.exit_code,
        "exit_signal": ending.exit_signal,
        "time": None if ending.cpu_seconds is None else f"{ending.cpu_seconds:.3f}",
        "wall_time": None if ending.wall_seconds is None else f"{ending.wall_seconds:.3f}",
        "memory": ending.memory_kib,
        "cpu_time_limit": f"{submission.limits.cpu_seconds}",
        "wall_time_limit": f"{submission.limits.wall_seconds}",
        "memory_limit": submission.limits.memory_kib,
    }


FIELDS = tuple(_all_fields(Submission(b"", b"", None, Limits(0, 0, 0))))


def _encoded(request: Request) -> bool:
    return request.query_params.get("base64_encoded") == "true"


def _fields(request: Request) -> tuple[str, ...]:
    asked = [name for name in request.query_params.get("fields", "").split(",") if name]
    if wrong := [name for name in asked if name not in FIELDS and name != "*"]:
        raise Refusal(400, {"error": f"invalid fields: [{', '.join(wrong)}]"})
    if "*" in asked:
        return FIELDS
    return tuple(asked) or DEFAULT_FIELDS


def _shown(submission: Submission, fields: tuple[str, ...], encoded: bool) -> dict[str, Any]:
    values = _all_fields(submission)
    shown = {}
    for name in fields:
        value = values[name]
        if isinstance(value, bytes):
            try:
                value = base64.b64encode(value).decode() if encoded else value.decode()
            except UnicodeDecodeError:
                raise Refusal(
                    400,
                    {
                        "error": "some attributes for this submission cannot be converted to UTF-8,"
                        " use base64_encoded=true query parameter",
                        "token": submission.token,
                    },
                ) from None
        shown[name] = value
    return shown


def create_app(settings: Settings | None = None) -> Starlette:
    """The runner as an ASGI application."""
    return Api(settings or Settings()).application()
