/** A lab in full: the frame that all types share. What is in it depends on the type. */

import type { ComponentType } from "react";

import { api, type Lab, must } from "./api";
import { inWords, kindOf } from "./Card";
import { CodeLab } from "./CodeLab";
import { ConflictBar } from "./ConflictBar";
import { Dialog } from "./Dialog";
import { dropDraft } from "./drafts";
import { Flashcards } from "./Flashcards";
import { Generation } from "./Generation";
import { complain } from "./notices";
import { Quiz } from "./Quiz";
import { LABS, useRow } from "./rows";
import { Title } from "./Title";

export type Save = ReturnType<typeof useRow<Lab, Parameters<typeof LABS.patch>[2]>>["save"];

const FORMS: Record<string, ComponentType<FormProps>> = {
  code_lab: CodeLab,
  flashcard_lab: Flashcards,
  quiz_lab: Quiz,
};

interface Props {
  id: string;
  /** Whether it was just laid on the canvas, and is generated at once. */
  begin: boolean;
  mayEdit: boolean;
  onClose: () => void;
}

export function LabView({ id, begin, mayEdit, onClose }: Props) {
  const { row: lab, read, save, conflict, contest, keepMine, takeTheirs, edition } = useRow(LABS, id);
  const Form = lab && lab.generated_content ? FORMS[lab.type] : undefined;
  const title = (
    <Title
      key={edition}
      value={lab && (lab.title ?? kindOf(lab.type))}
      label="Title"
      readOnly={!mayEdit}
      onSave={(title) => void save({ title })}
    />
  );
  const over = lab?.status === "completed" || lab?.status === "given_up";

  /** Shows their row, or the given one, in place of what was typed. */
  function showAnew(row?: Lab) {
    dropDraft(id);
    takeTheirs(row);
  }

  async function reset() {
    const again = await must(api.POST("/v1/labs/{lab_id}/reset", { params: { path: { lab_id: id } } })).catch(complain);
    if (again) showAnew(again);
  }

  return (
    <Dialog title={title} onClose={onClose} wide>
      {conflict && (
        <ConflictBar
          theirs={shown(conflict.theirs)}
          keepMine={() => void keepMine().then((row) => row && dropDraft(id, row.user_state.code ?? null))}
          takeTheirs={() => showAnew()}
        />
      )}
      {!lab && <div className="skeleton block" />}
      {lab && !Form && <Generation lab={lab} begin={begin} mayEdit={mayEdit} onEnd={read} />}
      {lab && Form && (
        <>
          <div className="row lab-state">
            <span className={`state ${over ? "good" : "accent"}`}>{inWords(over ? lab.status : "in_progress")}</span>
            <span className="grow" />
            {mayEdit && (
              <button type="button" className="plain" onClick={() => void reset()}>
                Start over
              </button>
            )}
          </div>
          <Form key={edition} lab={lab} save={save} read={read} contest={contest} frozen={!!conflict || !mayEdit} />
        </>
      )}
    </Dialog>
  );
}

/** What a form is given: the row, and the ways to change it. */
export interface FormProps {
  lab: Lab;
  save: Save;
  read: () => Promise<Lab | undefined>;
  contest: (mine: Parameters<Save>[0]) => void;
  frozen: boolean;
}

/** The first line of what they wrote, else the title: enough to choose by. */
function shown(lab: Lab): string {
  const { code } = lab.user_state;
  return typeof code === "string"
    ? `“${code.trim().split("\n").slice(-1)[0]?.trim()}” (last line)`
    : (lab.title ?? kindOf(lab.type));
}
