"""The application: what is put together, and in which order."""

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from types import FrameType

import httpx
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app import __version__, logs, metrics
from app.auth import Verifier
from app.config import Settings, get_settings
from app.handlers import answer_invalid, answer_problem
from app.labs.code_lab import MAX_CODE_BYTES
from app.lanes import Lane, Lanes
from app.memory import Memory
from app.middleware import MAX_BODY_BYTES, CrossOriginMiddleware, LimitsMiddleware, RequestMiddleware
from app.openapi import DESCRIPTION, TAGS, describe, operation_id
from app.responses import ANY
from app.routes import docs, health, problems
from app.routes.v1 import canvas, chat, chat_messages, edges, files, generation, labs, sharing, sources, workspaces
from app.services.db import Database
from app.services.documents import Documents
from app.services.model import Model
from app.services.pool import AiohttpClient
from app.services.readiness import Readiness
from app.services.runner import Runner
from app.services.storage import Storage
from app.turns import Turns

LOCAL_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
"""Any port of this machine: in development, front ends start on whichever is free."""
MAX_RUN_BYTES = 6 * MAX_CODE_BYTES + 1024
"""A learner's code as JSON may write it: six bytes for one, at most."""


def spare_collector() -> None:
    """Keep the garbage collector off what start-up has made, and let it look less often: a body of the largest JSON
    columns becomes a million objects, and the collector alone would hold the worker for over a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextmanager
def told_at_sigterm(tell: Callable[[], None]) -> Iterator[None]:
    """Have the loop `tell` when the process is asked to end, before the server waits for its connections to."""
    if threading.current_thread() is not threading.main_thread():  # as in tests: signals are for the main thread
        yield
        return
    loop = asyncio.get_running_loop()
    former = signal.getsignal(signal.SIGTERM)

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(tell)
        if callable(former):
            former(number, frame)

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def create_app(settings: Settings | None = None, http: httpx.AsyncClient | None = None) -> FastAPI:
    """The gateway. Whatever it sends to Supabase goes through `http`, which it opens and closes."""
    settings = settings or get_settings()
    http = http or AiohttpClient(settings)
    production = settings.ENVIRONMENT == "production"
    logs.configure(settings.LOG_LEVEL, settings.LOG_FORMAT or ("json" if production else "text"))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.search_language = settings.SEARCH_LANGUAGE
        app.state.database = database = Database(settings, http)
        app.state.verifier = verifier = Verifier(settings, http)
        app.state.storage = Storage(settings, http)
        app.state.documents = Documents(settings.MAX_FILE_READERS)
        app.state.readiness = Readiness(database, verifier)
        app.state.turns = turns = Turns(settings)
        app.state.model = model = Model(settings)
        if settings.METRICS_PORT:
            metrics.serve(settings.METRICS_PORT)
        spare_collector()
        async with http, Runner.of(settings) as app.state.runner:
            preparing = asyncio.create_task(verifier.prepare())
            with told_at_sigterm(turns.drain):
                yield
            preparing.cancel()
            await turns.close()
            await model.close()

    app = FastAPI(
        title=f"{settings.PROJECT_NAME} backend",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        generate_unique_id_function=operation_id,
        lifespan=lifespan,
        docs_url=None,  # ours work without internet
        redoc_url=None,
        redirect_slashes=False,  # it would lead to wherever `Host` says
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.add_exception_handler(HTTPException, answer_problem)
    app.add_exception_handler(RequestValidationError, answer_invalid)

    ordinary = Lane(
        seconds=settings.REQUEST_TIMEOUT,
        places=settings.MAX_REQUESTS,
        places_per_user=settings.MAX_REQUESTS_PER_USER,
        body_bytes=MAX_BODY_BYTES,
    )
    files_lane = Lane(
        seconds=settings.FILE_TIMEOUT,
        places=settings.MAX_FILES,
        places_per_user=settings.MAX_FILES_PER_USER,
        body_bytes=settings.MAX_FILE_BYTES,
        streamed=True,
        pattern=r"(?:PUT|GET|DELETE) /v1/sources/[^/]+/file|POST /v1/sources/[^/]+/text",
    )
    runs = Lane(
        seconds=settings.RUN_TIMEOUT + settings.REQUEST_TIMEOUT,
        places=settings.MAX_RUNS,
        places_per_user=settings.MAX_RUNS_PER_USER,
        body_bytes=MAX_RUN_BYTES,
        pattern=r"POST /v1/labs/[^/]+/run",
    )
    # Whoever listens to a turn has a place here; the turns themselves are counted apart.
    listeners = Lane(
        seconds=settings.REQUEST_TIMEOUT,
        places=4 * settings.MAX_TURNS,
        places_per_user=4 * settings.MAX_TURNS_PER_USER,
        body_bytes=MAX_BODY_BYTES,
        pattern=r"POST /v1/workspaces/[^/]+/chat|GET /v1/workspaces/[^/]+/chat/[^/]+/stream"
        r"|POST /v1/labs/[^/]+/generate|GET /v1/labs/[^/]+/generate/stream",
    )
    copies = Lane(
        seconds=settings.FILE_TIMEOUT,
        places=settings.MAX_FILES,
        places_per_user=settings.MAX_FILES_PER_USER,
        body_bytes=MAX_BODY_BYTES,
        pattern=r"POST /v1/workspaces/[^/]+/copy",
    )
    lanes = Lanes(ordinary, [files_lane, runs, listeners, copies])
    memory = Memory(settings.MAX_BUFFERED_BYTES, patience=settings.REQUEST_TIMEOUT / 2)
    # The last one added is the outermost. The request id and CORS headers must be on every answer, so whatever answers
    # by itself is within the two that add them.
    app.add_middleware(LimitsMiddleware, lanes=lanes, hosts=settings.TRUSTED_HOSTS)
    app.add_middleware(
        CrossOriginMiddleware,
        allow_origins=settings.CORS_ORIGINS,
        allow_origin_regex=None if production else LOCAL_ORIGIN,
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],  # origins and tokens protect, not the names of headers
        allow_private_network=True,
        expose_headers=[
            "Accept-Ranges",
            "Content-Disposition",
            "Content-Range",
            "ETag",
            "Link",
            "Location",
            "X-Request-ID",
            "Retry-After",
            "WWW-Authenticate",
        ],
    )
    app.add_middleware(RequestMiddleware, lanes=lanes, memory=memory, log_users=settings.LOG_USERS)

    v1 = (workspaces, sharing, canvas, sources, files, labs, generation, edges, chat_messages, chat)
    for routes in v1:
        app.include_router(routes.router, responses=ANY)
    for routes in (health, problems, docs):
        app.include_router(routes.router)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    return app


app = create_app()
