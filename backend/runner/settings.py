"""Settings of the runner: read once from the environment, checked before anything starts."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _blank_is_none(value: object) -> object:
    return value.strip() or None if isinstance(value, str) else value


class Settings(BaseSettings):
    """What the runner can be told, by environment variables of the same names with `RUNNER_` before them."""

    model_config = SettingsConfigDict(
        env_prefix="RUNNER_", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8010
    token: Annotated[SecretStr | None, BeforeValidator(_blank_is_none)] = None
    """When set, every request but `/health` must carry it as `X-Auth-Token`."""
    log_level: str = "INFO"

    python_folder: Path = Path(__file__).parent / ".python"
    """Where the WebAssembly build of Python and what was compiled from it are."""
    slots: Annotated[int, Field(ge=1, le=256)] = os.cpu_count() or 1
    """Runs at the same time."""
    queue: Annotated[int, Field(ge=0, le=10_000)] = 100
    """Submissions that may wait for a slot; more are answered 503, as Judge0 does."""
    kept_results: Annotated[int, Field(ge=1, le=10_000)] = 200
    kept_seconds: PositiveFloat = 300.0
    kept_bytes: PositiveInt = 32 * 1024 * 1024
    """A result is kept until one of these three is passed."""

    max_cpu_time_limit: Annotated[float, Field(gt=0, le=300)] = 15.0
    max_wall_time_limit: Annotated[float, Field(ge=1, le=300)] = 20.0
    max_memory_limit: Annotated[int, Field(ge=2048, le=4_000_000)] = 512_000
    """In KiB. The largest limits a submission may ask for: Judge0's own by default."""
    max_output: PositiveInt = 256 * 1024
    """Bytes of standard output, and of standard error; a run that writes more is ended."""
    max_body: PositiveInt = 1024 * 1024
    """Bytes of a request."""
    warm: bool | None = None
    """Whether runs start as copies of an interpreter that is already running, which is faster. By default on Linux."""
