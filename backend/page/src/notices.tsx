/** Short messages at the foot of the page. They are read aloud, and go by themselves. */

import { useEffect, useSyncExternalStore } from "react";

import { said } from "./api";

let current: { text: string; bad: boolean } | undefined;
const listeners = new Set<() => void>();

function show(next: typeof current): void {
  current = next;
  for (const changed of listeners) changed();
}

export const tell = (text: string) => show({ text, bad: false });
export const complain = (error: unknown) => show({ text: said(error), bad: true });

function listen(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

export function Notices() {
  const notice = useSyncExternalStore(listen, () => current);
  useEffect(() => {
    const timer = notice && setTimeout(() => show(undefined), notice.bad ? 10_000 : 4_000);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <div role="status" className="notices">
      {notice && (
        <p className={notice.bad ? "notice bad" : "notice"}>
          {notice.text}
          <button type="button" className="plain" aria-label="Close the message" onClick={() => show(undefined)}>
            ✕
          </button>
        </p>
      )}
    </div>
  );
}
