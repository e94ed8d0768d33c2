/** Signing in and up, by supabase-js alone: the gateway has no part in it. */

import { type FormEvent, useState } from "react";

import { supabase } from "./api";

export function SignIn() {
  const [isNew, setNew] = useState(false);
  const [refusal, setRefusal] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const given = { email: String(fields.get("email")), password: String(fields.get("password")) };
    setBusy(true);
    const { data, error } = await (isNew ? supabase.auth.signUp(given) : supabase.auth.signInWithPassword(given));
    setBusy(false);
    if (error?.name === "AuthRetryableFetchError") setRefusal("Supabase does not answer. Does `make dev` run?");
    else if (error) setRefusal(error.message);
    else if (!data.session) setRefusal("Almost there: open the link that was sent to you.");
  }

  return (
    <main className="sign-in">
      <img src="/icon.svg" alt="" width="48" height="48" />
      <h1>AIDE</h1>
      <p className="muted">A visual workspace for learning by doing.</p>
      <form className="panel stack" onSubmit={(event) => void submit(event)}>
        <label>
          Email
          <input name="email" type="email" autoComplete="email" required />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            minLength={6}
            autoComplete={isNew ? "new-password" : "current-password"}
            required
          />
        </label>
        <p className="refusal" role="alert">
          {refusal}
        </p>
        <button className="primary" disabled={busy}>
          {isNew ? "Sign up" : "Sign in"}
        </button>
        <button
          type="button"
          className="plain"
          onClick={() => {
            setNew(!isNew);
            setRefusal("");
          }}>
          {isNew ? "I have an account" : "I am new here"}
        </button>
      </form>
    </main>
  );
}
