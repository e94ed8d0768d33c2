/** A source in full: its chapters, the text of its pages, and what can be made from a chapter. */

import { useState } from "react";

import { api, must, type Schemas, type Source } from "./api";
import { ConflictBar } from "./ConflictBar";
import { Dialog } from "./Dialog";
import { SOURCES, useRow } from "./rows";
import { Title } from "./Title";
import { useAnswer } from "./useAnswer";

/** What can be made from a chapter. */
const MAKE = { code_lab: "Exercise", flashcard_lab: "Flashcards", quiz_lab: "Quiz" };

interface Props {
  id: string;
  page?: number;
  mayEdit: boolean;
  onPage: (page: number) => void;
  onClose: () => void;
  onGenerate: (type: string, source: Source, chapter: Schemas["Chapter"]) => void;
}

export function SourceView({ id, page = 1, mayEdit, onPage, onClose, onGenerate }: Props) {
  const { row: source, save, conflict, keepMine, takeTheirs, edition } = useRow(SOURCES, id);
  const [chosen, setChosen] = useState<Schemas["Chapter"]>();
  const ready = source?.status === "ready";
  const params = { path: { source_id: id } };
  const readChapters = () => must(api.GET("/v1/sources/{source_id}/chapters", { params }));
  const [chapters] = useAnswer(async () => (ready ? readChapters() : undefined), [id, ready]);

  const title = (
    <Title
      key={edition}
      value={source?.title}
      label="Title"
      readOnly={!mayEdit}
      onSave={(title) => void save({ title })}
    />
  );
  const url = source?.metadata.url;
  const covers = (chapter: Schemas["Chapter"]) => chapter.first_page <= page && page <= chapter.last_page;
  const current = chosen && covers(chosen) ? chosen : chapters?.findLast(covers); // the innermost one
  return (
    <Dialog title={title} onClose={onClose} wide>
      {conflict && (
        <ConflictBar theirs={conflict.theirs.title} keepMine={() => void keepMine()} takeTheirs={takeTheirs} />
      )}
      {source && !ready && (
        <div className="empty">
          {source.status === "failed" && (
            <p className="refusal">This file could not be read: {source.failure?.replaceAll("_", " ")}.</p>
          )}
          {source.status === "empty" && <p>This source has no file.</p>}
          {typeof url === "string" && /^https?:/.test(url) && (
            <p>
              <a href={url} target="_blank" rel="noreferrer">
                {url}
              </a>
            </p>
          )}
        </div>
      )}
      {ready && (
        <div className="reader">
          <nav aria-label="Chapters">
            <ol className="chapters">
              {chapters?.map((chapter) => (
                <li key={chapter.position} style={{ paddingInlineStart: (chapter.level - 1) * 16 }}>
                  <button
                    type="button"
                    className="plain"
                    aria-current={chapter.position === current?.position}
                    onClick={() => {
                      setChosen(chapter);
                      onPage(chapter.first_page);
                    }}>
                    {chapter.title}
                  </button>
                </li>
              )) ?? [1, 2, 3, 4].map((n) => <li key={n} className="skeleton line" />)}
            </ol>
          </nav>
          <section className="stack">
            <div className="row make">
              <span className="muted grow">
                {current ? `Learn “${current.title}”` : "Choose a chapter to learn it."}
              </span>
              {Object.entries(MAKE).map(([type, label]) => (
                <button
                  key={type}
                  type="button"
                  className={type === "code_lab" ? "primary" : ""}
                  disabled={!current || !mayEdit}
                  onClick={() => onGenerate(type, source, current!)}>
                  {label}
                </button>
              ))}
            </div>
            <Page sourceId={id} number={page} />
            <footer className="row">
              <button type="button" disabled={page <= 1} onClick={() => onPage(page - 1)}>
                Previous
              </button>
              <span className="muted">
                Page {page} of {source.page_count}
              </span>
              <button type="button" disabled={page >= (source.page_count ?? 1)} onClick={() => onPage(page + 1)}>
                Next
              </button>
            </footer>
          </section>
        </div>
      )}
    </Dialog>
  );
}

function Page({ sourceId, number }: { sourceId: string; number: number }) {
  const params = { path: { source_id: sourceId }, query: { first: number, last: number, limit: 1 } };
  const [pages] = useAnswer(() => must(api.GET("/v1/sources/{source_id}/pages", { params })), [sourceId, number]);
  const page = pages?.[0];
  return (
    <article className="page" tabIndex={0} aria-label={`Page ${number}`} aria-busy={page?.number !== number}>
      {page?.text ?? ""}
    </article>
  );
}
