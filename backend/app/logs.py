"""Log lines: JSON for machines, coloured text for people. Neither ever holds a token or a body."""

import json
import logging
import logging.config
from datetime import UTC, datetime
from typing import Any, Literal

from uvicorn.logging import ColourizedFormatter

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}
_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and whatever `extra` the line was given."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line)


class TextFormatter(ColourizedFormatter):
    """The same for a terminal: level, message, and the extras as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        extras = " ".join(f"{name}={value}" for name, value in vars(record).items() if name not in _STANDARD)
        return f"{super().format(record)} {extras}".rstrip()


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
            "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": form}},
            "root": {"handlers": ["stdout"], "level": level},
            "loggers": {
                "uvicorn": {"handlers": [], "level": level, "propagate": True},
                "uvicorn.access": {"handlers": [], "propagate": False},  # the middleware's own line says more
                "httpx": {"level": "WARNING"},
            },
        }
    )
