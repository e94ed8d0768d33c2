"""The lab types whose content is known: a file for each. Other words are free, with free content."""

from pydantic import BaseModel

from app.labs.code_lab import CodeLabContent
from app.labs.flashcard_lab import FlashcardLabContent
from app.labs.quiz_lab import QuizLabContent

CONTENTS: dict[str, type[BaseModel]] = {
    "code_lab": CodeLabContent,
    "flashcard_lab": FlashcardLabContent,
    "quiz_lab": QuizLabContent,
}
"""The shape of `generated_content` for each type that is known."""
