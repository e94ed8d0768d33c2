"""What can go wrong with labs, code, the language model and turns.

    ├── NoSolutionError              404     no_solution
    ├── LabNotReadyError             409     lab_not_ready
    ├── WrongLabTypeError            409     wrong_lab_type
    ├── SolutionHiddenError          409     solution_hidden
    ├── TurnRunningError             409     turn_running
    ├── LabHasContentError           409     lab_has_content
    ├── NothingToReadError           409     nothing_to_read
    ├── UnknownChapterError          422     unknown_chapter
    ├── QuotaExceededError           429     quota_exceeded
    ├── ModelRateLimitedError        429     model_rate_limited
    ├── ModelRefusedError            502     model_refused
    ├── MalformedContentError        502     content_malformed
    ├── ImplausibleContentError      502     content_implausible
    ├── FailingSolutionError         502     solution_fails
    ├── SlowSolutionError            502     solution_too_slow
    ├── WeakTestsError               502     tests_too_weak
    ├── RunnerUnavailableError       503     runner_unavailable
    ├── ModelNotConfiguredError      503     model_not_configured
    ├── ModelUnavailableError        503     model_unavailable
    ├── InterruptedTurnError         503     interrupted
    └── TurnTimeoutError             504     turn_timeout

What they have in common is in `errors`.
"""

from typing import ClassVar

from app.errors import InvalidRequestError, NotFoundError, ProblemError


class NoSolutionError(NotFoundError):
    """Nobody has written a reference solution for this lab. Ask the tutor for help instead."""

    status, code, title = 404, "no_solution", "No solution"


class LabNotReadyError(ProblemError):
    """The lab has no content yet. Generate it (`POST .../generate`) or write its `generated_content`; while its
    `status` is `generating`, wait until that has changed."""

    status, code, title = 409, "lab_not_ready", "Lab not ready"


class WrongLabTypeError(ProblemError):
    """Labs of this type cannot do that: use another lab. Only code labs run; code labs and flashcards download; code
    labs, flashcards and quizzes are generated."""

    status, code, title = 409, "wrong_lab_type", "Wrong lab type"


class SolutionHiddenError(ProblemError):
    """The solution is given out once the lab's `status` is `completed` or `given_up`. Pass its tests, or set `status`
    to `given_up` to see it."""

    status, code, title = 409, "solution_hidden", "Solution hidden"


class TurnRunningError(ProblemError):
    """An answer of this conversation, or this lab, is being written already. Follow it at `.../stream`, stop it at
    `.../stop`, or wait until it has ended."""

    status, code, title = 409, "turn_running", "Already being written"


class LabHasContentError(ProblemError):
    """The lab has content already, which somebody may be working on. Set its `generated_content` to null first, or make
    another lab."""

    status, code, title = 409, "lab_has_content", "Lab has content"


class NothingToReadError(ProblemError):
    """There is no text that the lab could be made from. Give the lab a `source_id` whose source is `ready`, and in
    `config` a chapter or pages that hold text."""

    status, code, title = 409, "nothing_to_read", "Nothing to read"


class UnknownChapterError(InvalidRequestError):
    """The chapter or the pages that the lab's `config` names are not in its source. Choose from what
    `GET .../chapters` of the source lists."""

    status, code, title = 422, "unknown_chapter", "Unknown chapter"
    loc = ("config", "chapter")


class QuotaExceededError(ProblemError):
    """You have used up what you may take of the language model today. Ask again when the new day has begun: at midnight
    UTC, in `Retry-After` seconds."""

    status, code, title = 429, "quota_exceeded", "Quota exceeded"
    fields: ClassVar = {"Retry-After": "3600"}


class ModelRateLimitedError(ProblemError):
    """The language model takes no more requests for now. Wait for `Retry-After` seconds and ask again."""

    status, code, title = 429, "model_rate_limited", "The model is busy"
    fields: ClassVar = {"Retry-After": "20"}


class ModelRefusedError(ProblemError):
    """The language model refuses the request: its key, its name, its account or what it was asked. Whoever runs the
    gateway finds which in the log."""

    status, code, title = 502, "model_refused", "The model refuses"


class MalformedContentError(ProblemError):
    """The language model did not write what this type of lab needs, however often it was told what was wrong. Generate
    the lab again, or from a shorter chapter."""

    status, code, title = 502, "content_malformed", "Content of the wrong shape"


class ImplausibleContentError(ProblemError):
    """The language model wrote questions or cards twice, or cited pages that it was not given, however often it was
    told so. Generate the lab again, with fewer of them or from a longer chapter."""

    status, code, title = 502, "content_implausible", "Content that cannot be right"


class FailingSolutionError(ProblemError):
    """The exercise could not be shown to be solvable: the language model's own solution did not pass its tests.
    Generate the lab again, perhaps an easier one."""

    status, code, title = 502, "solution_fails", "No working solution"


class SlowSolutionError(ProblemError):
    """The exercise could not be shown to be solvable: the language model's own solution did not end in time. Generate
    the lab again, perhaps an easier one."""

    status, code, title = 502, "solution_too_slow", "The solution takes too long"


class WeakTestsError(ProblemError):
    """The exercise's tests passed before anything was solved, so they would not have shown when it is. Generate the lab
    again."""

    status, code, title = 502, "tests_too_weak", "Tests that test nothing"


class RunnerUnavailableError(ProblemError):
    """The code runner cannot be reached, is busy, or is not set up here. Nothing was recorded; all else works. Wait for
    `Retry-After` seconds and try again."""

    status, code, title = 503, "runner_unavailable", "Code runner unavailable"
    fields: ClassVar = {"Retry-After": "5"}


class ModelNotConfiguredError(ProblemError):
    """This gateway has no language model. Whoever runs it can give it one with `AI_MODEL`, `AI_BASE_URL` and
    `AI_API_KEY`; everything else works without."""

    status, code, title = 503, "model_not_configured", "No model"
    fields: ClassVar = {"Retry-After": "3600"}


class ModelUnavailableError(ProblemError):
    """The language model cannot be reached, failed, or stopped in the middle of its answer. Ask again in a while."""

    status, code, title = 503, "model_unavailable", "Model unavailable"
    fields: ClassVar = {"Retry-After": "5"}


class InterruptedTurnError(ProblemError):
    """What was being written was interrupted, since the gateway stopped or lost its connection to Supabase. What there
    is of an answer stays; ask again, or generate the lab again."""

    status, code, title = 503, "interrupted", "Interrupted"
    fields: ClassVar = {"Retry-After": "2"}


class TurnTimeoutError(ProblemError):
    """The language model took longer than a turn may, or than the access token is valid. What there is of an answer
    stays; ask again, or generate the lab again."""

    status, code, title = 504, "turn_timeout", "The turn took too long"
