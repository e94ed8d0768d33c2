"""A file as its client sends it: what is looked at before it is stored, and a client that breaks off."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import ClientDisconnect

from app.errors import MalformedRequestError, UnsupportedFileError
from app.services.files import HEAD_BYTES, Upload


async def chunks(*sent: bytes, breaks_off: bool = False) -> AsyncIterator[bytes]:
    for chunk in sent:
        yield chunk
    if breaks_off:
        raise ClientDisconnect


def pieces(upload: Upload) -> list[bytes]:
    """All that is stored of the upload."""

    async def read() -> list[bytes]:
        await upload.begin()
        return [piece async for piece in upload.pieces()]

    return asyncio.run(read())


@pytest.mark.parametrize("sent", [[], [b"a" * HEAD_BYTES]])
def test_a_client_that_breaks_off_has_sent_no_file(sent: list[bytes]) -> None:
    with pytest.raises(MalformedRequestError):
        pieces(Upload("text/plain", None, chunks(*sent, breaks_off=True)))


def test_the_beginning_is_collected_however_small_its_pieces_are() -> None:
    upload = Upload("text/plain; charset=utf-8", None, chunks(b"a", b"", b"b" * HEAD_BYTES, b"c"))
    assert pieces(upload) == [b"a" + b"b" * HEAD_BYTES, b"c"]
    assert (upload.size, upload.media_type) == (HEAD_BYTES + 2, "text/plain")


@pytest.mark.parametrize(("place", "refused"), [(HEAD_BYTES - 1, True), (HEAD_BYTES, False)])
def test_only_the_first_bytes_are_looked_at(place: int, refused: bool) -> None:
    upload = Upload("text/plain", None, chunks(b"a" * place + b"\x00"))
    if refused:
        with pytest.raises(UnsupportedFileError):
            pieces(upload)
    else:
        assert sum(map(len, pieces(upload))) == place + 1
