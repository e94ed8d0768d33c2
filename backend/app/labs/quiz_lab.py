"""Quizzes: questions with choices, one of which is right."""

from collections.abc import Collection
from typing import Annotated, Self

from pydantic import MISSING, ConfigDict, Field, model_validator

from app.labs.draft import Draft, faults_of_items
from app.labs.flashcard_lab import PageNumber, Prose
from app.models.types import Input, examples


class Question(Input):
    """One question."""

    question: Annotated[Prose, Field(description="What is asked.")]
    choices: Annotated[list[Prose], Field(min_length=2, max_length=6, description="All different.")]
    answer: Annotated[int, Field(strict=True, ge=0, description="The index of the right choice, from 0.")]
    explanation: Annotated[Prose, Field(description="Why it is right.")]
    page: PageNumber | MISSING = MISSING

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.answer >= len(self.choices):
            raise ValueError(f"answer is the index of a choice: 0 to {len(self.choices) - 1}")
        if len(set(self.choices)) < len(self.choices):
            raise ValueError("two choices are the same")
        return self


class QuizLabContent(Input):
    """`generated_content` of a `quiz_lab`."""

    model_config = examples(
        {
            "questions": [
                {
                    "question": "What is the rank of [[1, 2], [2, 4]]?",
                    "choices": ["0", "1", "2"],
                    "answer": 1,
                    "explanation": "The second row is twice the first.",
                    "page": 12,
                }
            ]
        }
    )

    questions: Annotated[
        list[Question], Field(min_length=1, max_length=100, description="The questions, in their order.")
    ]


class CitedQuestion(Question):
    """One question, and the page that it was made from."""

    model_config = ConfigDict(extra="ignore")

    page: PageNumber


class QuizLabDraft(Draft):
    """Questions, each from a page."""

    questions: Annotated[list[CitedQuestion], Field(min_length=1, max_length=100)]

    def faults(self, pages: Collection[int]) -> list[str]:
        """Questions that are there twice, and pages that are not."""
        return faults_of_items("question", ((item.question, item.page) for item in self.questions), pages)
