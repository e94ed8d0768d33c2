"""Log lines: JSON for machines, coloured text for people. Neither ever holds a token or a body."""

import logging
import logging.config
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic_core import to_json
from uvicorn.logging import ColourizedFormatter


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and the `fields` that the line was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _whole(record.getMessage()),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = _whole(self.formatException(record.exc_info))
        return to_json(line, fallback=str).decode()


class TextFormatter(ColourizedFormatter):
    """The same for a terminal: level, message, and the fields as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        return f"{super().format(record)} {fields}".rstrip()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", {})


def _whole(text: str) -> str:
    """What JSON can hold: half a surrogate pair is escaped."""
    return text.encode(errors="backslashreplace").decode()


class _Unfinished(logging.Filter):
    """Drops what the server says of an answer that was cut off: the request's own line says it, and why."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != "ASGI callable returned without completing response."


def configure(level: str, form: Literal["json", "text"]) -> None:
    """Send every log line of the process, the server's own included, to standard output in this form."""
    # No line tells the file, thread or process it comes from, so none need be found out: half of a line's cost
    # (https://docs.python.org/3/howto/logging.html#optimization).
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {"()": JsonFormatter},
                "text": {"()": TextFormatter, "fmt": "%(levelprefix)s %(message)s"},
            },
            "filters": {"unfinished": {"()": _Unfinished}},
            "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": form}},
            "root": {"handlers": ["stdout"], "level": level},
            "loggers": {
                "uvicorn": {"handlers": [], "level": level, "propagate": True},
                "uvicorn.error": {"filters": ["unfinished"], "level": level},
                "uvicorn.access": {"handlers": [], "propagate": False},  # the middleware's own line says more
                "httpx": {"level": "WARNING"},
                # At DEBUG these log whole requests: prompts, documents and keys.
                **{name: {"level": "WARNING"} for name in ("httpx2", "httpcore2", "openai", "pydantic_ai")},
            },
        }
    )
