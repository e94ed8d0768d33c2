/** What an invitation's link opens. Nothing is accepted before the invited person says so. */

import { useState } from "react";

import { api, must, said } from "./api";

export function Join({ token }: { token: string }) {
  const [refusal, setRefusal] = useState("");

  async function accept() {
    try {
      const { workspace_id: id } = await must(
        api.POST("/v1/invitations/{token}/accept", { params: { path: { token } } }),
      );
      location.replace(`#/w/${id}`); // not back to the invitation, which may be used up
    } catch (error) {
      setRefusal(said(error));
    }
  }

  return (
    <main className="sign-in">
      <img src="/icon.svg" alt="" width="48" height="48" />
      <h1>You are invited</h1>
      <p className="muted">Somebody shares a workspace with you.</p>
      <p className="refusal" role="alert">
        {refusal}
      </p>
      <div className="row">
        <a className="button" href="#/">
          Not now
        </a>
        <button type="button" className="primary" onClick={() => void accept()}>
          Join the workspace
        </button>
      </div>
    </main>
  );
}
