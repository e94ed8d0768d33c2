/** Who is signed in, and what the address's fragment asks for: the list, a workspace, something in it, an invitation. */

import type { Session } from "@supabase/supabase-js";
import { useEffect, useState, useSyncExternalStore } from "react";

import { supabase } from "./api";
import { Join } from "./Join";
import { Notices } from "./notices";
import { SignIn } from "./SignIn";
import { WorkspaceList } from "./WorkspaceList";
import { WorkspacePage } from "./WorkspacePage";

function listen(changed: () => void): () => void {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}

export function App() {
  const [session, setSession] = useState<Session | null>();
  const fragment = useSyncExternalStore(listen, () => location.hash);
  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((event, session) => {
      setSession(session);
      if (event === "SIGNED_OUT") localStorage.clear(); // the next person at this browser sees no draft
    });
    return () => data.subscription.unsubscribe();
  }, []);
  return (
    <>
      {session === undefined ? (
        <p className="loading">Loading…</p>
      ) : session ? (
        <Route path={fragment} session={session} />
      ) : (
        <SignIn />
      )}
      <Notices />
    </>
  );
}

/** The page for `#/w/<workspace>/<node>/<page>`, `#/join/<token>`, or the list. */
function Route({ path, session }: { path: string; session: Session }) {
  const [, kind, id, nodeId, page] = path.split("/");
  if (kind === "w" && id)
    return <WorkspacePage key={id} id={id} nodeId={nodeId} page={Number(page) || undefined} userId={session.user.id} />;
  if (kind === "join" && id) return <Join token={id} />;
  return <WorkspaceList email={session.user.email ?? ""} />;
}
