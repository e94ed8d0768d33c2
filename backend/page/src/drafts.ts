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

export function dropDraft(labId: string): void {
  localStorage.removeItem(PREFIX + labId);
}

/** After signing out: the next person at this browser sees none. */
export function dropDrafts(): void {
  for (const name of Object.keys(localStorage)) if (name.startsWith(PREFIX)) localStorage.removeItem(name);
}
