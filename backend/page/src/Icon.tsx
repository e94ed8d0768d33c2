/** Line icons of 24 x 24, in the colour of the text. */

import type { ComponentProps } from "react";

const PATHS: Record<string, string> = {
  pdf: "M6 3h8l4 4v14H6zM14 3v4h4M9 13h6M9 17h4",
  note: "M5 4h14v10l-5 6H5zM14 20v-6h5M9 9h6",
  github: "M9 8l-4 4 4 4M15 8l4 4-4 4",
  video: "M4 6h16v12H4zM10 9l5 3-5 3z",
  code_lab: "M4 5h16v14H4zM8 10l2 2-2 2M13 14h3",
  flashcard_lab: "M4 8h12v11H4zM8 8V5h12v11h-4",
  quiz_lab: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 17h.01",
  other: "M5 5h14v14H5z",
  plus: "M12 5v14M5 12h14",
  link: "M4 12h16M14 6l6 6-6 6",
  copy: "M8 8h12v12H8zM4 16V4h12",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  undo: "M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-4",
  redo: "M16 5l4 4-4 4M20 9H10a5 5 0 0 0 0 10h4",
  share: "M16 11a3 3 0 1 0 0-6M18 19c0-3-1-4-3-5M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6M3 19c0-3 2-5 6-5s6 2 6 5",
  chat: "M4 5h16v11H9l-5 4z",
  search: "M11 18a7 7 0 1 1 0-14 7 7 0 0 1 0 14M16 16l4 4",
  back: "M14 6l-6 6 6 6",
  close: "M6 6l12 12M18 6L6 18",
};

export function Icon({ name }: { name: string }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name] ?? PATHS.other} />
    </svg>
  );
}

interface ButtonProps extends ComponentProps<"button"> {
  name: string;
  label: string;
}

/** A button with an icon alone: its name is read aloud, and shown to a mouse. */
export function IconButton({ name, label, ...others }: ButtonProps) {
  return (
    <button type="button" className="quiet" aria-label={label} title={label} {...others}>
      <Icon name={name} />
    </button>
  );
}
