/** Flashcards: turn one over, and say whether it was known. Those that were not come again. */

import { useState } from "react";

import type { Schemas } from "./api";
import type { FormProps } from "./LabView";

export function Flashcards({ lab, save, frozen }: FormProps) {
  const { cards } = lab.generated_content as Schemas["FlashcardLabContent"];
  const [before, setKnown] = useState(
    () => new Set(Array.isArray(lab.user_state.known) ? (lab.user_state.known as number[]) : []),
  );
  const [index, setIndex] = useState(() =>
    Math.max(
      0,
      cards.findIndex((_, n) => !before.has(n)),
    ),
  );
  const [turned, setTurned] = useState(false);
  const card = cards[index];
  if (!card) return null;

  function judge(right: boolean) {
    const known = new Set(before);
    if (right) known.add(index);
    else known.delete(index);
    setKnown(known);
    const following = [...cards.keys()].map((n) => (index + 1 + n) % cards.length);
    setIndex(following.find((n) => !known.has(n)) ?? index);
    setTurned(false);
    const status = known.size === cards.length ? "completed" : "in_progress";
    void save({
      user_state: { ...lab.user_state, known: [...known].sort((a, b) => a - b) },
      ...(status !== lab.status && { status }),
    });
  }

  return (
    <div className="study">
      <progress aria-label="Known cards" value={before.size} max={cards.length} />
      <p className="muted">
        {before.size} of {cards.length} known
      </p>
      <button type="button" className={turned ? "flashcard turned" : "flashcard"} onClick={() => setTurned(!turned)}>
        <span className="muted">{turned ? "Answer" : "Question"}</span>
        <span aria-live="polite">{turned ? card.back : card.front}</span>
        <span className="muted">{turned && card.page ? `Page ${card.page}` : turned ? "" : "Turn over"}</span>
      </button>
      <div className="row centred">
        <button type="button" disabled={!turned || frozen} onClick={() => judge(false)}>
          Again
        </button>
        <button type="button" className="primary" disabled={!turned || frozen} onClick={() => judge(true)}>
          I knew it
        </button>
      </div>
    </div>
  );
}
