"""The application: what is put together, and in which order."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from app import __version__, logs, metrics
from app.auth import Verifier
from app.config import Settings, get_settings
from app.errors import answer_invalid, answer_problem
from app.middleware import LimitsMiddleware, RequestMiddleware
from app.openapi import DESCRIPTION, describe, operation_id
from app.routes import health, problems
from app.routes.v1 import canvas, chat_messages, edges, labs, sources, workspaces
from app.services.db import Database


def spare_collector() -> None:
    """Keep the garbage collector off what start-up has made, which stays for good. A list of 100 rows allocates enough
    to start collections, and each would walk all of it: a fifth of such a request's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def create_app(settings: Settings | None = None, transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """The gateway. `transport` stands in for the network in tests."""
    settings = settings or get_settings()
    production = settings.ENVIRONMENT == "production"
    logs.configure(settings.LOG_LEVEL, settings.LOG_FORMAT or ("json" if production else "text"))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(settings, transport)
        app.state.database = database
        app.state.verifier = verifier = Verifier(settings, database.pool)
        app.state.readiness = health.Readiness(database, verifier)
        if settings.METRICS_PORT:
            metrics.serve(settings.METRICS_PORT)
        spare_collector()
        yield
        await database.aclose()

    app = FastAPI(
        title=f"{settings.PROJECT_NAME} backend",
        version=__version__,
        description=DESCRIPTION,
        generate_unique_id_function=operation_id,
        lifespan=lifespan,
        redirect_slashes=False,  # it would lead to wherever `Host` says
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.add_exception_handler(HTTPException, answer_problem)
    app.add_exception_handler(RequestValidationError, answer_invalid)

    # The last one added is the outermost. The request id and CORS headers must be on every answer, so whatever answers
    # by itself lies within the two that add them.
    app.add_middleware(
        LimitsMiddleware,
        hosts=settings.TRUSTED_HOSTS,
        timeout=settings.REQUEST_TIMEOUT,
        total=settings.MAX_REQUESTS,
        per_user=settings.MAX_REQUESTS_PER_USER,
    )
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.CORS_ORIGINS,
        allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "If-Match", "X-Request-ID", "traceparent"],
        expose_headers=["ETag", "Link", "Location", "X-Request-ID", "Retry-After"],
    )
    app.add_middleware(RequestMiddleware, log_users=settings.LOG_USERS)

    # Flat: a router that is included stays one within the other, and matches each of its routes twice per request.
    # First: routes are tried in turn, and those of `/docs` come less often.
    resources = (workspaces, canvas, sources, labs, edges, chat_messages)
    app.router.routes[:0] = [route for resource in resources for route in resource.router.routes]
    app.include_router(health.router)
    app.include_router(problems.router)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    return app


app = create_app()
