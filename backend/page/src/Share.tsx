/** Who else may see or change a workspace, and a link to invite with. */

import { type FormEvent, useState } from "react";

import { api, must, type Schemas, type Workspace } from "./api";
import { Dialog } from "./Dialog";
import { complain } from "./notices";
import { useAnswer } from "./useAnswer";

type Role = "viewer" | "editor";

export function Share({ workspace, userId, onClose }: { workspace: Workspace; userId: string; onClose: () => void }) {
  const [link, setLink] = useState("");
  const [changes, setChanges] = useState(0);
  const path = { workspace_id: workspace.id };
  const owns = workspace.role === "owner";
  const read = () => must(api.GET("/v1/workspaces/{workspace_id}/members", { params: { path } }));
  const [members] = useAnswer(read, [changes]);

  /** The token is shown this once. It is in the link's fragment, which no server and no log ever sees. */
  async function invite(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const body = { role: fields.get("role") as Role, uses: Number(fields.get("uses")) };
    const asked = api.POST("/v1/workspaces/{workspace_id}/invitations", { params: { path }, body });
    const made = await must(asked).catch(complain);
    if (made) setLink(`${location.origin}${location.pathname}#/join/${made.token}`);
  }

  /** Without a role the member is removed. */
  async function change(member: Schemas["Member"], role?: Role) {
    const params = { path: { ...path, user_id: member.user_id } };
    const address = "/v1/workspaces/{workspace_id}/members/{user_id}";
    const asked = role ? api.PATCH(address, { params, body: { role } }) : api.DELETE(address, { params });
    await must<unknown>(asked).catch(complain);
    if (!role && member.user_id === userId) location.hash = "#/";
    else setChanges(changes + 1);
  }

  return (
    <Dialog title={`Share “${workspace.name}”`} onClose={onClose}>
      <div className="stack share">
        {owns && (
          <form className="row" onSubmit={(event) => void invite(event)}>
            <label>
              Whoever has the link may{" "}
              <select name="role">
                <option value="viewer">look</option>
                <option value="editor">look and edit</option>
              </select>
            </label>
            <label>
              for <input name="uses" type="number" min={1} max={1000} defaultValue={1} /> people
            </label>
            <button className="primary">Make a link</button>
          </form>
        )}
        {link && <input readOnly aria-label="Link" value={link} onFocus={({ target }) => target.select()} />}
        <ul aria-label="Members" aria-busy={!members}>
          {members?.map((member) => (
            <li key={member.user_id} className="row">
              <span className="grow">{member.user_id === userId ? "You" : (member.email ?? "A member")}</span>
              {owns && member.role !== "owner" ? (
                <select
                  aria-label={`Role of ${member.email}`}
                  value={member.role}
                  onChange={({ target }) => void change(member, target.value as Role)}>
                  <option>viewer</option>
                  <option>editor</option>
                </select>
              ) : (
                <span className="muted">{member.role}</span>
              )}
              {member.role !== "owner" && (owns || member.user_id === userId) && (
                <button type="button" className="plain" onClick={() => void change(member)}>
                  {member.user_id === userId ? "Leave" : "Remove"}
                </button>
              )}
            </li>
          )) ?? <li className="skeleton line" />}
        </ul>
      </div>
    </Dialog>
  );
}
