/** Reading and changing a source, a lab or a workspace, with its version: what somebody else has changed meanwhile is
 * shown, never overwritten unasked. */

import { useCallback, useEffect, useRef, useState } from "react";

import { api, must, type Lab, type Problem, Refusal, type Schemas, type Source, type Workspace } from "./api";
import { complain } from "./notices";

interface Kind<Row, Update> {
  get(id: string): Promise<Row>;
  patch(id: string, version: number, body: Update, keepalive: boolean): Promise<{ data?: Row; error?: Problem }>;
}

/** What a PATCH sends. `keepalive` lets it outlive the page. */
const sent = <Path, Body>(path: Path, version: number, body: Body, keepalive: boolean) => ({
  params: { path, header: { "If-Match": `"${version}"` } },
  body,
  keepalive,
});

export const SOURCES: Kind<Source, Schemas["SourceUpdate"]> = {
  get: (id) => must(api.GET("/v1/sources/{source_id}", { params: { path: { source_id: id } } })),
  patch: (id, ...change) => api.PATCH("/v1/sources/{source_id}", sent({ source_id: id }, ...change)),
};
export const LABS: Kind<Lab, Schemas["LabUpdate"]> = {
  get: (id) => must(api.GET("/v1/labs/{lab_id}", { params: { path: { lab_id: id } } })),
  patch: (id, ...change) => api.PATCH("/v1/labs/{lab_id}", sent({ lab_id: id }, ...change)),
};
export const WORKSPACES: Kind<Workspace, Schemas["WorkspaceUpdate"]> = {
  get: (id) => must(api.GET("/v1/workspaces/{workspace_id}", { params: { path: { workspace_id: id } } })),
  patch: (id, ...change) => api.PATCH("/v1/workspaces/{workspace_id}", sent({ workspace_id: id }, ...change)),
};

/** The row, once it is read; `save` sends a change of it, and a stale one becomes `conflict`. Saves run one by one. */
export function useRow<Row extends { version: number }, Update>(kind: Kind<Row, Update>, id: string) {
  const [row, setRow] = useState<Row>();
  const [conflict, setConflict] = useState<{ mine: Update; theirs: Row }>();
  const [edition, setEdition] = useState(0);
  const version = useRef(0);
  const last = useRef<Promise<unknown>>(Promise.resolve());

  const take = useCallback((next: Row) => {
    version.current = next.version;
    setRow(next);
  }, []);

  const read = useCallback(async () => {
    const next = await kind.get(id).catch(complain);
    if (next) take(next);
    return next ?? undefined;
  }, [kind, id, take]);

  useEffect(() => void read(), [read]);

  /** The row as saved, or nothing when it was refused. */
  const save = useCallback(
    (change: Update, leaving = false): Promise<Row | undefined> => {
      const attempt = async () => {
        const { data, error } = await kind.patch(id, version.current, change, leaving);
        if (data) take(data);
        else if (error?.code === "stale_version") setConflict({ mine: change, theirs: await kind.get(id) });
        else if (error) throw new Refusal(error);
        return data;
      };
      const saved = (leaving ? attempt() : last.current.then(attempt)).catch((error: unknown) => {
        complain(error);
        return undefined;
      });
      last.current = saved;
      return saved;
    },
    [kind, id, take],
  );

  async function keepMine(): Promise<Row | undefined> {
    if (!conflict) return undefined;
    version.current = conflict.theirs.version; // from here on it is known what is overwritten
    setConflict(undefined);
    return save(conflict.mine);
  }

  /** Shows their row, or the given one, in place of what was being edited. */
  function takeTheirs(theirs = conflict?.theirs): void {
    if (!theirs) return;
    take(theirs);
    setConflict(undefined);
    setEdition((edition) => edition + 1); // editors begin anew
  }

  /** A change that was made to an older version than the one that is shown. */
  const contest = (mine: Update) => row && setConflict({ mine, theirs: row });

  return { row, read, save, conflict, contest, keepMine, takeTheirs, edition };
}
