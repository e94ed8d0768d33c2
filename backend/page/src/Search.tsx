/** Full-text search over the files of a workspace; a hit opens its page. */

import { useState } from "react";

import { api, must } from "./api";
import { Icon } from "./Icon";
import { useAnswer } from "./useAnswer";

interface Props {
  workspaceId: string;
  onFound: (sourceId: string, page: number) => void;
}

export function Search({ workspaceId, onFound }: Props) {
  const [query, setQuery] = useState("");
  const asked = query.trim().length > 1;
  const params = { path: { workspace_id: workspaceId }, query: { q: query, limit: 8 } };
  const [hits] = useAnswer(
    async () => (asked ? must(api.GET("/v1/workspaces/{workspace_id}/search", { params })) : undefined),
    [query],
    250,
  );

  function open(sourceId: string, page: number) {
    setQuery("");
    onFound(sourceId, page);
  }

  return (
    <div className="search-box" onKeyDown={(event) => event.key === "Escape" && setQuery("")}>
      <SearchField label="Search in all files" value={query} onChange={setQuery} />
      {asked && hits && (
        <ul className="hits" aria-label="Found pages">
          {hits.map((hit) => (
            <li key={`${hit.source_id} ${hit.page}`}>
              <button type="button" onClick={() => open(hit.source_id, hit.page)}>
                <strong>
                  {hit.title}, page {hit.page}
                </strong>
                <span>
                  <Excerpt text={hit.excerpt} />
                </span>
              </button>
            </li>
          ))}
          {!hits.length && <li className="muted">No page has this.</li>}
        </ul>
      )}
    </div>
  );
}

/** Each match is between U+0002 and U+0003. */
function Excerpt({ text }: { text: string }) {
  return text.split(/[\u0002\u0003]/).map((part, n) => (n % 2 ? <mark key={n}>{part}</mark> : part));
}

export function SearchField(props: { label: string; value: string; onChange: (query: string) => void }) {
  const { label, value, onChange } = props;
  return (
    <label className="search grow">
      <Icon name="search" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    </label>
  );
}
