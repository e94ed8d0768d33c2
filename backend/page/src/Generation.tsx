/** A lab without content yet: it is begun, followed and stopped here. Leaving does not stop it. */

import { parseJsonEventStream, uiMessageChunkSchema } from "ai";
import { useEffect, useState } from "react";

import { api, type Lab, must, said } from "./api";

interface Progress {
  step: string;
  attempt?: number;
}

const STEPS = { reading: "Reading the chapter", writing: "Writing", checking: "Checking that it works", done: "Done" };

interface Props {
  lab: Lab;
  begin: boolean;
  mayEdit: boolean;
  onEnd: () => Promise<unknown>;
}

export function Generation({ lab, begin, mayEdit, onEnd }: Props) {
  const [progress, setProgress] = useState<Progress>();
  const [failure, setFailure] = useState(lab.failure?.replaceAll("_", " ") ?? "");
  const params = { path: { lab_id: lab.id } };

  /** Shows a stream of progress to its end. */
  async function follow(opened: Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null | undefined>) {
    setFailure("");
    setProgress({ step: "reading" });
    try {
      const stream = await opened;
      if (stream) await readProgress(stream, setProgress, setFailure);
    } catch (error) {
      setFailure(said(error));
    }
    setProgress(undefined);
    await onEnd();
  }

  const generate = () => follow(must(api.POST("/v1/labs/{lab_id}/generate", { params, parseAs: "stream" })));
  const stop = () =>
    must(api.POST("/v1/labs/{lab_id}/generate/stop", { params })).catch((error: unknown) => setFailure(said(error)));

  useEffect(() => {
    if (lab.status === "generating")
      void follow(must(api.GET("/v1/labs/{lab_id}/generate/stream", { params, parseAs: "stream" })));
    else if (begin && lab.status === "pending") void generate();
  }, [lab.id]);

  if (!progress)
    return (
      <div className="empty">
        {failure && (
          <p className="refusal" role="alert">
            It could not be made: {failure}
          </p>
        )}
        {!lab.source_id && <p>This lab has no source to be made from.</p>}
        <button type="button" className="primary" disabled={!lab.source_id || !mayEdit} onClick={() => void generate()}>
          {failure ? "Try again" : "Generate"}
        </button>
      </div>
    );
  const at = Object.keys(STEPS).indexOf(progress.step);
  return (
    <div className="empty">
      <div role="status" aria-label="Progress">
        <ol className="steps">
          {Object.entries(STEPS).map(([step, text], n) => {
            const attempt = n === at && (progress.attempt ?? 1) > 1 ? `, try ${progress.attempt} of 3` : "";
            return (
              <li key={step} className={`state ${n < at ? "good" : n === at ? "busy" : ""}`}>
                {text}
                {attempt}
              </li>
            );
          })}
        </ol>
      </div>
      <p className="muted">You may leave: it goes on.</p>
      <button type="button" disabled={!mayEdit} onClick={() => void stop()}>
        Stop
      </button>
    </div>
  );
}

/** The AI SDK's UI message stream, of which only these parts are sent. */
async function readProgress(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  show: (progress: Progress) => void,
  fail: (why: string) => void,
): Promise<void> {
  const parts = parseJsonEventStream({ stream, schema: uiMessageChunkSchema }).getReader();
  for (let part = await parts.read(); !part.done; part = await parts.read()) {
    if (!part.value.success) continue;
    const chunk = part.value.value;
    if (chunk.type === "data-progress") show(chunk.data as Progress);
    if (chunk.type === "error") fail(chunk.errorText);
  }
}
