"""The lab types whose content is known: a file for each. Other words are free, with free content.

To add one:

1. A file here with a model of its `generated_content` (a subclass of `Input`, with an example), and `export` if it can
   be downloaded.
2. For a type that is generated, a `Draft` in the same file, and its prompt in `app/prompts/<type>.md`.
3. A line in `LAB_TYPES` below, and the model in the answer `Lab` (`models/lab.py`), which puts its schema into OpenAPI.
4. A migration that replaces `private.is_lab_content()` with one that knows the type too, and gives labs of that type
   with other content a free one, as `20261125000400_lab_content.sql` does. What the model refuses, it must refuse.
5. Values that the model and the database take and refuse alike, in `tests/labs/test_lab_types.py` and
   `supabase/tests/lab_content.sql`; then `make openapi`.

A type that runs something calls the runner in `services/labs.py`, as code labs do.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from app.labs import code_lab, flashcard_lab, quiz_lab
from app.labs.draft import Draft
from app.labs.export import Export


class LabType(NamedTuple):
    """What is known of a type."""

    content: type[BaseModel]
    """The shape of `generated_content`."""
    export: Callable[[Any, str, Mapping[str, Any]], Export] | None = None
    """Makes the download of the content, the lab's id and its `user_state`."""
    draft: type[Draft] | None = None
    """What a model writes to generate it."""


LAB_TYPES: Mapping[str, LabType] = {
    "code_lab": LabType(code_lab.CodeLabContent, code_lab.export, code_lab.CodeLabDraft),
    "flashcard_lab": LabType(flashcard_lab.FlashcardLabContent, flashcard_lab.export, flashcard_lab.FlashcardLabDraft),
    "quiz_lab": LabType(quiz_lab.QuizLabContent, draft=quiz_lab.QuizLabDraft),
}
