"""Whether a row that is sent again is the row that is there: a repetition, or another one under the same id."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

LAYOUT = frozenset({"canvas_position", "viewport", "width", "height"})
"""Columns that are never compared: the last write wins there, so a drag between two attempts changes nothing."""


def differing(sent: Mapping[str, Any], row: Any) -> list[str]:
    """The columns in which what was sent is not what the row has. What was not sent is not compared."""
    return [
        column for column, value in sent.items() if column not in LAYOUT and not _is_kept(value, getattr(row, column))
    ]


def _is_kept(sent: Any, kept: Any) -> bool:
    if isinstance(kept, datetime):
        return sent is not None and datetime.fromisoformat(sent) == kept
    if isinstance(kept, msgspec.Raw):
        try:
            kept = json.loads(bytes(kept))
        except (ValueError, RecursionError):  # more digits or levels than this gateway takes: another client's
            return False
    return _is_same(sent, kept)


def _is_same(sent: Any, kept: Any) -> bool:
    """Equality of JSON: numbers are doubles, and true is not 1."""
    if type(sent) is dict:
        return type(kept) is dict and sent.keys() == kept.keys() and all(_is_same(sent[key], kept[key]) for key in sent)
    if type(sent) is list:
        return type(kept) is list and len(sent) == len(kept) and all(map(_is_same, sent, kept))
    if type(sent) in {int, float} and type(kept) in {int, float}:
        try:
            return float(sent) == float(kept)
        except OverflowError:
            return False
    return type(sent) is type(kept) and bool(sent == kept)
