/** The workspaces, the one in use last first, page by page, with search. */

import { type FormEvent, useState } from "react";

import { api, must, supabase } from "./api";
import { Icon } from "./Icon";
import { complain } from "./notices";
import { SearchField } from "./Search";
import { useAnswer } from "./useAnswer";

export function WorkspaceList({ email }: { email: string }) {
  const [query, setQuery] = useState("");
  const [found, setFound, failed] = useAnswer(() => load(query), [query], query ? 200 : 0);

  async function create(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim() || "Untitled";
    // With an id of our own, so that sending it again after a lost answer is harmless.
    const body = { id: crypto.randomUUID(), name };
    const made = await must(api.POST("/v1/workspaces", { body })).catch(complain);
    if (made) location.hash = `#/w/${made.id}`;
  }

  async function more(cursor: string) {
    const page = await load(query, cursor).catch(complain);
    if (page && found) setFound({ rows: [...found.rows, ...page.rows], next: page.next });
  }

  return (
    <>
      <header className="bar">
        <strong>AIDE</strong>
        <span className="grow" />
        <span className="muted hide-narrow">{email}</span>
        <button type="button" onClick={() => void supabase.auth.signOut()}>
          Sign out
        </button>
      </header>
      <main className="list">
        <h1>Workspaces</h1>
        <div className="row">
          <SearchField label="Search workspaces" value={query} onChange={setQuery} />
          <form className="row" onSubmit={(event) => void create(event)}>
            <input name="name" aria-label="Name of a new workspace" placeholder="Name" maxLength={255} />
            <button className="primary">
              <Icon name="plus" />
              New workspace
            </button>
          </form>
        </div>
        {failed && <p className="refusal">The workspaces could not be read. Load the page again.</p>}
        <ul className="tiles" aria-busy={!found && !failed}>
          {found?.rows.map((row) => (
            <li key={row.id}>
              <a className="tile" href={`#/w/${row.id}`}>
                <strong>{row.name}</strong>
                <span className="muted">
                  {ago(row.active_at)}
                  {row.role !== "owner" && `, shared with you`}
                </span>
              </a>
            </li>
          ))}
          {!found && !failed && [1, 2, 3].map((n) => <li key={n} className="tile skeleton" />)}
        </ul>
        {found?.rows.length === 0 && (
          <p className="empty">
            {query
              ? "No workspace has this in its name."
              : "No workspace yet. Give one a name above: what would you like to learn?"}
          </p>
        )}
        {found?.next && (
          <button type="button" onClick={() => void more(found.next!)}>
            More
          </button>
        )}
      </main>
    </>
  );
}

async function load(q: string, cursor?: string) {
  const query = { order: "-active_at" as const, limit: 24, ...(q && { q }), ...(cursor && { cursor }) };
  const asked = api.GET("/v1/workspaces", { params: { query } });
  const rows = await must(asked);
  // The next page's address is in the header `Link`; it is never made up.
  const link = /<([^>]+)>; rel="next"/.exec((await asked).response.headers.get("Link") ?? "")?.[1];
  return { rows, next: (link && new URL(link, location.href).searchParams.get("cursor")) || undefined };
}

/** "3 hours ago". `active_at` is exact to the minute. */
function ago(moment: string): string {
  const minutes = Math.round((Date.parse(moment) - Date.now()) / 60_000);
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (minutes > -2) return "just now";
  if (minutes > -60) return words.format(minutes, "minute");
  if (minutes > -60 * 24) return words.format(Math.round(minutes / 60), "hour");
  return words.format(Math.round(minutes / 60 / 24), "day");
}
