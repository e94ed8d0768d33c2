"""What counts as the same content, in columns as they come from the data API."""

import msgspec
import pytest

from app.services.repeats import differing

Row = msgspec.defstruct("Row", [("config", msgspec.Raw)])


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"b": 1, "a": [1.0, None]}, '{"a": [1, null], "b": 1.0}'),
        ({"a": 1.7976931348623157e308}, '{"a": 17976931348623157' + "0" * 292 + "}"),
        ({"a": -0.0}, '{"a": 0}'),
        ({"a": 1e-7}, '{"a": 0.0000001}'),
        ({"é": "🦉"}, r'{"\u00e9": "\ud83e\udd89"}'),
        (None, "null"),
    ],
)
def test_json_is_compared_by_value(sent: object, kept: str) -> None:
    assert differing({"config": sent}, Row(msgspec.Raw(kept.encode()))) == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"a": True}, '{"a": 1}'),
        ({"a": 0}, '{"a": false}'),
        ({"a": "1"}, '{"a": 1}'),
        ({"a": None}, "{}"),
        ({"a": [1, 2]}, '{"a": [2, 1]}'),
        ({"a": [1]}, '{"a": [1, 1]}'),
        ({"a": [1]}, '{"a": {}}'),
        ({}, "null"),
        ({"a": 1}, '{"a": 1' + "0" * 400 + "}"),
        ({"a": 1}, '{"a": 1' + "0" * 5000 + "}"),
    ],
)
def test_what_differs_is_named(sent: object, kept: str) -> None:
    assert differing({"config": sent}, Row(msgspec.Raw(kept.encode()))) == ["config"]


def test_layout_is_never_compared() -> None:
    laid_out = msgspec.defstruct("LaidOut", [("canvas_position", msgspec.Raw), ("width", msgspec.Raw)])
    row = laid_out(msgspec.Raw(b'{"x": 1, "y": 2}'), msgspec.Raw(b"240.5"))
    assert differing({"canvas_position": {"x": 0, "y": 0}, "width": None}, row) == []
