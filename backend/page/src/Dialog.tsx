/** A modal window of the browser's own: focus stays within, Escape closes it. */

import { type ReactNode, useEffect, useRef } from "react";

import { IconButton } from "./Icon";
import { Notices } from "./notices";

interface Props {
  title: ReactNode;
  onClose: () => void;
  wide?: boolean;
  children: ReactNode;
}

export function Dialog({ title, onClose, wide, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className={wide ? "wide" : ""} onClose={onClose} aria-labelledby="dialog-title">
      <header className="bar">
        <h2 id="dialog-title">{title}</h2>
        <IconButton name="close" label="Close" onClick={() => dialog.current?.close()} />
      </header>
      {children}
      <Notices />
    </dialog>
  );
}
