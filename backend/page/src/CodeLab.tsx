/** A code lab: instructions, an editor that saves by itself, runs, and the result of each test. */

import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";

import { api, must, type Schemas } from "./api";
import { dropDraft, keepDraft, readDraft } from "./drafts";
import type { FormProps } from "./LabView";
import { Markdown } from "./Markdown";
import { complain } from "./notices";

const SAVE_AFTER = 800;

export function CodeLab({ lab, save, read, contest, frozen }: FormProps) {
  const content = lab.generated_content as Schemas["CodeLabContent"];
  const saved = typeof lab.user_state.code === "string" ? lab.user_state.code : content.starter_code;
  const [code, setCode] = useState(() => readDraft(lab.id)?.code ?? saved);
  const [run, setRun] = useState<Schemas["LabRun"]>();
  const [running, setRunning] = useState(false);
  const [solution, setSolution] = useState<string>();
  const params = { path: { lab_id: lab.id } };
  const latest = useRef({ lab, code, pending: false, timer: 0 });
  latest.current.lab = lab;

  /** Sends what is not saved yet. The draft goes when the API has it. */
  const flush = useCallback(
    async (leaving = false) => {
      const { lab, code, pending, timer } = latest.current;
      clearTimeout(timer);
      if (!pending || !readDraft(lab.id)) return; // without a draft, theirs was chosen
      latest.current.pending = false;
      const row = await save({ user_state: { ...lab.user_state, code } }, leaving);
      if (row) dropDraft(lab.id, code);
    },
    [save],
  );

  useEffect(() => {
    const draft = readDraft(lab.id);
    if (draft && draft.code === saved) dropDraft(lab.id);
    else if (draft && draft.version !== lab.version) contest({ user_state: { ...lab.user_state, code: draft.code } });
    else if (draft) {
      latest.current.pending = true;
      void flush();
    }
    must(api.GET("/v1/labs/{lab_id}/runs", { params: { ...params, query: { limit: 1 } } })).then(
      ([last]) => setRun(last),
      complain,
    );
    const leave = () => document.visibilityState === "hidden" && void flush(true);
    document.addEventListener("visibilitychange", leave);
    return () => {
      document.removeEventListener("visibilitychange", leave);
      void flush();
    };
  }, [lab.id]);

  function change(text: string) {
    setCode(text);
    keepDraft(lab.id, { code: text, version: lab.version });
    clearTimeout(latest.current.timer);
    const timer = window.setTimeout(() => void flush(), SAVE_AFTER);
    latest.current = { lab, code: text, pending: true, timer };
  }

  async function runTests() {
    setRunning(true);
    await flush();
    const body = { code: latest.current.code };
    const result = await must(api.POST("/v1/labs/{lab_id}/run", { params, body })).catch(complain);
    if (result) setRun(result);
    if (result?.status === "pass") await read(); // the lab is completed now
    setRunning(false);
  }

  async function showSolution() {
    const answer = await must(api.GET("/v1/labs/{lab_id}/solution", { params })).catch(complain);
    if (answer) setSolution(answer.solution);
  }

  const over = lab.status === "completed" || lab.status === "given_up";
  return (
    <div className="code-lab">
      <section className="stack">
        <Markdown text={content.instructions} />
        <details>
          <summary>The tests</summary>
          <pre tabIndex={0}>{content.tests}</pre>
        </details>
        {over && !solution && (
          <button type="button" className="plain" onClick={() => void showSolution()}>
            Show a solution
          </button>
        )}
        {solution && (
          <pre tabIndex={0} aria-label="A solution">
            {solution}
          </pre>
        )}
      </section>
      <section className="stack">
        <textarea
          className="editor"
          aria-label="Your code"
          aria-describedby="editor-hint"
          spellCheck={false}
          autoCapitalize="off"
          value={code}
          readOnly={frozen}
          onChange={(event) => change(event.target.value)}
          onKeyDown={(event) => edit(event, () => void runTests())}
        />
        <div className="row">
          <button
            type="button"
            id="run-tests"
            className="primary"
            disabled={running || frozen}
            onClick={() => void runTests()}>
            {running ? "Running…" : "Run the tests"}
          </button>
          <span id="editor-hint" className="muted hide-narrow">
            Ctrl+Enter runs. Escape leaves the editor.
          </span>
        </div>
        <Results run={run} />
      </section>
    </div>
  );
}

function Results({ run }: { run?: Schemas["LabRun"] }) {
  return (
    <div className="results" role="status" aria-label="Results">
      {!run && <p className="muted">Nothing was run yet.</p>}
      {run && <p className={`state ${run.status === "pass" ? "good" : "bad"}`}>{run.message}</p>}
      <ul>
        {run?.tests.map((test) => (
          <li key={test.name} className={test.status}>
            <span aria-hidden="true">{test.status === "pass" ? "✓" : "✕"}</span> <code>{test.name}</code>{" "}
            {test.status === "pass" ? "passed" : "failed"}
            {test.message && <pre tabIndex={0}>{test.message}</pre>}
            {test.output && <pre tabIndex={0}>{test.output}</pre>}
          </li>
        ))}
      </ul>
      {run?.output && (
        <pre tabIndex={0} aria-label="Output">
          {run.output}
        </pre>
      )}
    </div>
  );
}

/** Tab indents, so Escape leaves: nobody is caught in the editor. */
function edit(event: KeyboardEvent<HTMLTextAreaElement>, run: () => void): void {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return run();
  if (event.key === "Tab" && !event.shiftKey)
    document.execCommand("insertText", false, "    "); // keeps the browser's undo
  else if (event.key === "Escape") document.getElementById("run-tests")?.focus();
  else return;
  event.preventDefault(); // Escape leaves the editor, not the window
}
