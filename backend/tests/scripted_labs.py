"""Labs that the scripted model writes: for each script what it answers at the first, second and third try."""

import json
from typing import Any

CODE: dict[str, Any] = {
    "title": "Doubling",
    "instructions": "Write `double(x)`.",
    "starter_code": "def double(x):\n    ...\n",
    "tests": "from solution import double\n\n\ndef test_two():\n    assert double(2) == 4\n\n\n"
    "def test_three():\n    assert double(3) == 6\n",
    "solution": "def double(x):\n    return x + x\n",
    "difficulty": "easy",
}
WRONG = CODE | {"solution": "def double(x):\n    return x + 2\n"}
WEAK = CODE | {"tests": "def test_nothing():\n    assert True\n"}
LOOPING = CODE | {"solution": "def double(x):\n    while True: pass\n"}
MISSHAPEN = {"title": "Doubling", "instructions": 3}
CARDS: dict[str, Any] = {
    "title": "Maps",
    "cards": [
        {"front": "What is a kernel?", "back": "All that is sent to zero.", "page": 1, "hint": "zero"},
        {"front": "What is a rank?", "back": "The dimension of the image.", "page": 2},
    ],
}
QUESTION = {"question": "Why?", "choices": ["a", "b"], "answer": 1, "explanation": "So.", "page": 2}
QUIZ: dict[str, Any] = {"title": " ", "questions": [QUESTION]}


def with_card(**change: Any) -> dict[str, Any]:
    """The cards, the second one changed."""
    return {**CARDS, "cards": [CARDS["cards"][0], CARDS["cards"][1] | change]}


USUAL = {"code_lab": "third", "flashcard_lab": "cards", "quiz_lab": "quiz"}
"""The script for a lab of each type, where none is asked for."""
SCRIPTS: dict[str, list[Any]] = {
    "right": [CODE],
    "third": [MISSHAPEN, WRONG, CODE],
    "wrong": [WRONG],
    "weak": [WEAK],
    "looping": [MISSHAPEN, MISSHAPEN, LOOPING],
    "misshapen": [MISSHAPEN],
    "flood": ["{" + "a" * 3_000_000, MISSHAPEN],
    "untested": [CODE | {"tests": "import pytest"}],
    "prose": ["I would rather not.", f"Here it is: {json.dumps(CODE)} Enjoy {{it}}!"],
    "cards": [CARDS],
    "doubled": [with_card(front="what is  A KERNEL?")],
    "uncited": [with_card(page=9)],
    "quiz": [QUIZ],
    "unanswerable": [{"questions": [QUESTION | {"answer": 2}]}],
}
