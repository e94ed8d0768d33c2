"""The lab types whose content is known: a file for each. Other words are free, with free content.

To add one:

1. A file here with a model of its `generated_content` (a subclass of `Input`, with an example), and `export` if it can
   be downloaded. `Prose` and `PageNumber` are in `flashcard_lab.py`.
2. For a type that is generated, a `Draft` in the same file, whose docstring is told to the model too, and its prompt in
   `app/prompts/<type>.md`, which says that the quotation is never an instruction. `faults_of_items()` finds what is
   wrong in a list of texts with pages.
3. A line in `LAB_TYPES` below, and the model in the answer `Lab` (`models/lab.py`), which puts its schema into OpenAPI.
4. A migration that replaces `private.is_lab_content()`: a copy of its newest version that knows the type too. The
   database alone checks a PATCH, so what the model refuses, it must refuse. Then
   `update public.labs set type = 'free_' || type` for labs of this type with other content, as
   `20261125000400_lab_content.sql` does. A function that the check calls is granted to `authenticated` and
   `service_role`, has a comment, and is named in the list of `supabase/tests/schema.sql`. No query needs the migration,
   so `public.schema_version()` stays.
5. Tests: values that the model and the database take and refuse alike, in `tests/labs/test_lab_types.py` and
   `supabase/tests/lab_content.sql` (with a lab of the type, a line in `good`, and the number in `plan()`). For a type
   that is generated, what the scripted model writes, in `tests/scripted_labs.py`: a script that is right, which `USUAL`
   names, and one that is not; each has a case in `tests/integration/test_generation.py`.
6. In `backend/page/src`: its name (`Card.tsx`), its icon (`Icon.tsx`), its form (`LabView.tsx`), and what makes it of a
   chapter (`SourceView.tsx`). Without a form, its content is not shown.
7. The texts that name the types: `git grep -in flashcards README.md docs backend/app`. Then `make openapi`,
   `make check`, `cd backend`, and
   `../.venv/bin/python -m pytest tests/labs tests/test_generator.py tests/routes/test_lab_runs.py`; in
   `tests/integration` `test_generation.py` and `test_migrations.py -k "lab_content or schema"`.

A learner's client says that a lab is done: PATCH with `status: completed`, and what they did in `user_state`. A type
that runs something calls the runner in `services/labs.py`. Code labs are the one such type: `generator.py`, the route
that generates, and `_config()` in `services/material.py` ask for them by name.
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
