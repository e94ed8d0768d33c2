"""What a log line looks like."""

import json
import logging
import sys

from app.logs import JsonFormatter, TextFormatter


def record(message: str, **extra: object) -> logging.LogRecord:
    return logging.getLogger("app").makeRecord("app", logging.INFO, "", 0, message, (), None, extra=extra)


def test_a_line_is_one_json_object_with_its_fields() -> None:
    line = JsonFormatter().format(record("two\nlines", fields={"status": 200, "ms": 1.25}, elsewhere=1))
    assert "\n" not in line
    parsed = json.loads(line)
    assert parsed.pop("time").endswith("+00:00")
    assert parsed == {"level": "INFO", "logger": "app", "message": "two\nlines", "status": 200, "ms": 1.25}


def test_an_exception_goes_with_it_whatever_text_it_holds() -> None:
    failed = record("it failed: \ud800")
    try:
        raise ValueError("half a pair: \udfff")
    except ValueError:
        failed.exc_info = sys.exc_info()
    parsed = json.loads(JsonFormatter().format(failed))
    assert parsed["message"] == "it failed: \\ud800"
    assert parsed["exception"].endswith("ValueError: half a pair: \\udfff")


def test_a_terminal_shows_the_fields_as_words() -> None:
    formatter = TextFormatter("%(levelprefix)s %(message)s", use_colors=False)
    assert formatter.format(record("request", fields={"status": 200})) == "INFO:     request status=200"
    assert formatter.format(record("plain")) == "INFO:     plain"
