"""The sample workspace: what `make dev` posts for the development user, so that the first look is not an empty one.

Identifiers are fixed, so it is there once. The first post makes the workspace; the others are sent only when it was
new.
"""

from typing import Any


def _id(number: int) -> str:
    return f"5a3f1e00-0000-4000-8000-{number:012}"


WORKSPACE_ID = _id(1)
PAPER, REPOSITORY, VIDEO = _id(11), _id(12), _id(13)
FLASHCARDS, CODE, QUIZ = _id(21), _id(22), _id(23)
FIRST_TRY = r"def causal_mask(n):\n    return [[1] * n for _ in range(n)]\n"
"""A learner's first try at the code lab, as a JSON text: it passes the first test and not the second."""

SOURCES = [
    {"id": PAPER, "type": "pdf", "title": "Attention, step by step", "canvas_position": {"x": 0, "y": 0}},
    {
        "id": REPOSITORY,
        "type": "github",
        "title": "karpathy/nanoGPT",
        "metadata": {"language": "Python", "url": "https://github.com/karpathy/nanoGPT"},
        "canvas_position": {"x": 0, "y": 220},
    },
    {
        "id": VIDEO,
        "type": "video",
        "title": "Let's build GPT, from scratch",
        "metadata": {"minutes": 116, "url": "https://www.youtube.com/watch?v=kCc8FmEb1nY"},
        "canvas_position": {"x": 0, "y": 440},
    },
]
LABS = [
    {
        "id": FLASHCARDS,
        "source_id": PAPER,
        "type": "flashcard_lab",
        "title": "Why attention works",
        "status": "completed",
        "config": {"cards": 2},
        "generated_content": {
            "cards": [
                {"front": "Why divide by the square root of d_k?", "back": "Large products starve the softmax."},
                {"front": "What is masked in the decoder?", "back": "Positions after the one being predicted."},
            ]
        },
        "canvas_position": {"x": 420, "y": 0},
    },
    {
        "id": CODE,
        "source_id": REPOSITORY,
        "type": "code_lab",
        "title": "The causal mask",
        "status": "in_progress",
        "config": {"language": "python"},
        "generated_content": {
            "instructions": "Write `causal_mask(n)`: a list of `n` rows. Row `i` has 1 up to position `i`, then 0.",
            "starter_code": "def causal_mask(n):\n    ...\n",
            "tests": "from solution import causal_mask\n\n\n"
            "def test_one_position():\n    assert causal_mask(1) == [[1]]\n\n\n"
            "def test_the_future_is_masked():\n    assert causal_mask(3) == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]\n",
            "language": "python",
        },
        "canvas_position": {"x": 420, "y": 220},
    },
    {
        "id": QUIZ,
        "source_id": VIDEO,
        "type": "quiz_lab",
        "title": "What the video says",
        "config": {"questions": 5},
        "canvas_position": {"x": 420, "y": 440},
    },
]
EDGES = [
    {"source_node_id": PAPER, "target_node_id": FLASHCARDS, "label": "remember"},
    {"source_node_id": REPOSITORY, "target_node_id": CODE, "label": "practise"},
    {"source_node_id": VIDEO, "target_node_id": QUIZ, "label": "check"},
    {"source_node_id": PAPER, "target_node_id": REPOSITORY, "label": "implemented in"},
]
QUESTION = {"role": "user", "content": "Where should I begin?", "mentions": [PAPER, VIDEO]}
ANSWER = {"role": "assistant", "content": "At chapter 3, then do the cards.", "mentions": [PAPER]}

POSTS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/workspaces", {"id": WORKSPACE_ID, "name": "How transformers work"}),
    (f"/v1/workspaces/{WORKSPACE_ID}/canvas", {"create": {"sources": SOURCES, "labs": LABS, "edges": EDGES}}),
    ("/v1/chat-messages", {"workspace_id": WORKSPACE_ID, **QUESTION}),
    ("/v1/chat-messages", {"workspace_id": WORKSPACE_ID, **ANSWER}),
]
