/** A quiz: one question at a time, each answered once, with what is right and why. */

import { type FormEvent, useState } from "react";

import type { Schemas } from "./api";
import type { FormProps } from "./LabView";

export function Quiz({ lab, save, frozen }: FormProps) {
  const { questions } = lab.generated_content as Schemas["QuizLabContent"];
  const [answers, setAnswers] = useState<number[]>(() =>
    Array.isArray(lab.user_state.answers) ? (lab.user_state.answers as number[]) : [],
  );
  const [index, setIndex] = useState(Math.min(answers.length, questions.length));
  const question = questions[index];
  const given = answers[index];
  const right = answers.filter((answer, n) => answer === questions[n]?.answer).length;

  function answer(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const next = [...answers, Number(new FormData(event.currentTarget).get("choice"))];
    setAnswers(next);
    const status = next.length === questions.length ? "completed" : "in_progress";
    void save({ user_state: { ...lab.user_state, answers: next }, ...(status !== lab.status && { status }) });
  }

  if (!question)
    return (
      <div className="study">
        <p className="score">
          {right} of {questions.length} right
        </p>
        <button type="button" onClick={() => setIndex(0)}>
          Look at the answers
        </button>
      </div>
    );
  return (
    <form className="study" key={index} onSubmit={answer}>
      <progress aria-label="Answered questions" value={answers.length} max={questions.length} />
      <fieldset disabled={given !== undefined || frozen}>
        <legend>
          {index + 1}. {question.question}
        </legend>
        {question.choices.map((choice, n) => (
          <label
            key={n}
            className={`choice ${given === undefined ? "" : n === question.answer ? "right" : n === given ? "wrong" : ""}`}>
            <input type="radio" name="choice" value={n} required defaultChecked={given === n} />
            {choice}
          </label>
        ))}
      </fieldset>
      <p role="status">
        {given !== undefined && `${given === question.answer ? "Right." : "Not quite."} ${question.explanation}`}
      </p>
      {given === undefined ? (
        <button className="primary">Check</button>
      ) : (
        <button type="button" className="primary" onClick={() => setIndex(index + 1)}>
          Next
        </button>
      )}
    </form>
  );
}
