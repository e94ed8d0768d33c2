"""What a model writes for a lab, before anybody sees it."""

from collections.abc import Collection, Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Draft(BaseModel):
    """A lab as a model wrote it. Fields that it made up are ignored."""

    model_config = ConfigDict(extra="ignore")

    title: Annotated[str, Field(description="A short title for the lab.")] = ""

    def content(self) -> dict[str, Any]:
        """What becomes the lab's `generated_content`."""
        return self.model_dump(exclude={"title"})

    def faults(self, pages: Collection[int]) -> list[str]:
        """What cannot be right in it, each as a sentence for the model. `pages` are those that it was given."""
        raise NotImplementedError


def faults_of_items(what: str, items: Iterable[tuple[str, int]], pages: Collection[int]) -> list[str]:
    """What cannot be right in a list: texts that are there twice, and cited pages that were not given."""
    items = list(items)
    faults = [f"This {what} is there more than once: {text[:200]}" for text in doubles(text for text, _ in items)]
    strange = sorted({page for _, page in items} - set(pages))
    if strange:
        faults.append(f"These pages were not given to you: {', '.join(map(str, strange[:20]))}. Cite one that was.")
    return faults


def doubles(texts: Iterable[str]) -> list[str]:
    """Those that are there more than once, whatever their case and white space."""
    seen: set[str] = set()
    found = []
    for text in texts:
        plain = " ".join(text.casefold().split())
        if plain in seen:
            found.append(text)
        seen.add(plain)
    return found


def schema(kind: type[Draft]) -> dict[str, Any]:
    """The JSON Schema that a model is given. Without patterns, which not all of them take."""

    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                name: plain(value) for name, value in part.items() if name != "pattern" or not isinstance(value, str)
            }
        return [plain(item) for item in part] if isinstance(part, list) else part

    made: dict[str, Any] = plain(kind.model_json_schema())
    return made
