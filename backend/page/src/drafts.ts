/** What was typed and is not saved yet. It survives a tab that is closed in the middle of a save. */

const PREFIX = "aide-draft-";

/** The text, and the version of the lab that it began from. */
export interface Draft {
  code: string;
  version: number;
}

export function keepDraft(labId: string, draft: Draft): void {
  localStorage.setItem(PREFIX + labId, JSON.stringify(draft));
}

export function readDraft(labId: string): Draft | undefined {
  const text = localStorage.getItem(PREFIX + labId);
  return text ? (JSON.parse(text) as Draft) : undefined;
}

/** `saved` is the text that is safe now: what was typed since, here or in another tab, is kept. */
export function dropDraft(labId: string, saved?: unknown): void {
  if (saved === undefined || readDraft(labId)?.code === saved) localStorage.removeItem(PREFIX + labId);
}
