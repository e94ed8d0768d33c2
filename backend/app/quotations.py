"""Text of documents in what a model is asked: marked as a quotation, which nothing within it can end."""

import secrets


def quote(text: str) -> str:
    """The text between marks that nobody can know beforehand, so that it cannot hold them."""
    mark = secrets.token_hex(8)
    return f"<quotation {mark}>\n{text}\n</quotation {mark}>"
