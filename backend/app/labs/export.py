"""A lab as a file that one can take along."""

from typing import NamedTuple


class Export(NamedTuple):
    """What is downloaded."""

    content: bytes
    media_type: str
    suffix: str
    """How its name ends, with the dot."""
