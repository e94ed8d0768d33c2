/** A small front end over the generated types: it need not run, it must compile. */

import createClient from "openapi-fetch";

import type { components, paths } from "./api.js";

type Problem = components["schemas"]["Problem"];
type Source = components["schemas"]["Source"];
type Workspace = components["schemas"]["Workspace"];
type Canvas = components["schemas"]["Canvas"];
type Node = Canvas["nodes"][number];
type AnswerPart = components["schemas"]["AnswerPart"];
type GenerationPart = components["schemas"]["GenerationPart"];

const api = createClient<paths>({
  baseUrl: "http://localhost:8000",
  headers: { Authorization: "Bearer token" },
});

/** What to tell the learner, and whether trying again may help. */
function explain(problem: Problem): { text: string; again: boolean } {
  switch (problem.code) {
    case "unauthenticated":
      return { text: "Please sign in again.", again: false };
    case "stale_version":
      return { text: "Somebody else changed this meanwhile.", again: true };
    case "invalid_request":
      return { text: problem.errors.map((error) => `${error.loc.join(".")}: ${error.msg}`).join("\n"), again: false };
    default:
      return { text: `${problem.title}: ${problem.detail} (${problem.request_id})`, again: problem.status >= 500 };
  }
}

async function listWorkspaces(search: string, cursor?: string): Promise<Workspace[]> {
  const { data, error, response } = await api.GET("/v1/workspaces", {
    params: { query: { q: search, order: "-active_at", limit: 100, ...(cursor && { cursor }) } },
  });
  if (error) throw new Error(explain(error).text);
  const next = /<([^>]+)>; rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
  const following = next && new URL(next, response.url).searchParams.get("cursor");
  return following ? [...data, ...(await listWorkspaces(search, following))] : data;
}

/** What this front end keeps of a PDF: an interface of its own, closed. */
interface Reading {
  pages: number;
  language?: string;
  bookmarks: { page: number }[];
}

/** The same id each time: sending it again is harmless. */
async function addSource(workspace: Workspace, id: string, reading: Reading): Promise<Source> {
  const { data, error } = await api.POST("/v1/sources", {
    body: {
      id,
      workspace_id: workspace.id,
      type: "pdf",
      title: "Vector spaces: lecture notes",
      metadata: reading,
      canvas_position: { x: 80, y: 120 },
    },
  });
  if (error?.status === 409) {
    // By status, then by code: a write conflict has nothing in its way.
    if (error.code === "write_conflict") return addSource(workspace, id, reading);
    if (error.existing) return read(error.existing);
  }
  if (error?.status === 422) throw new Error(error.errors.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("\n"));
  if (error) throw new Error(explain(error).text);
  return data;
}

function bookmarks(source: Source): number[] {
  return (source.metadata as Partial<Reading> as Reading).bookmarks.map(({ page }) => page);
}

async function rename(source: Source, title: string): Promise<Source> {
  const { data, error } = await api.PATCH("/v1/sources/{source_id}", {
    params: { path: { source_id: source.id }, header: { "If-Match": `"${source.version}"` } },
    body: { title },
  });
  if (error?.code === "stale_version") return rename(await read(source.id), title);
  if (error) throw new Error(explain(error).text);
  return data;
}

async function read(id: string): Promise<Source> {
  const { data, error } = await api.GET("/v1/sources/{source_id}", { params: { path: { source_id: id } } });
  if (error) throw new Error(explain(error).text);
  return data;
}

function caption(node: Node): string {
  switch (node.type) {
    case "source":
      return node.data.title;
    case "lab":
      return `${node.data.type}: ${node.data.status}`;
  }
}

/** Nodes in a row, the viewport at its beginning. */
async function tidy(workspace: Workspace): Promise<string[]> {
  const path = { workspace_id: workspace.id };
  const loaded = await api.GET("/v1/workspaces/{workspace_id}/canvas", { params: { path } });
  if (loaded.error) throw new Error(explain(loaded.error).text);
  const nodes = loaded.data.nodes.map(({ id }, n) => ({ id, position: { x: 320 * n, y: 0 } }));
  const saved = await api.PATCH("/v1/workspaces/{workspace_id}/canvas", {
    params: { path },
    body: { nodes, viewport: { x: 0, y: 0, zoom: 1 } },
  });
  if (saved.error) throw new Error(explain(saved.error).text);
  return loaded.data.nodes.map(caption);
}

/** What a learner reads of a part of a stream. */
export function said(part: AnswerPart | GenerationPart): string {
  switch (part.type) {
    case "text-delta":
      return part.delta;
    case "source-document":
      return ` [${part.title}: page ${part.providerMetadata.aide.page}]`;
    case "data-progress":
      return `${part.data.step} (try ${part.data.attempt ?? 1})`;
    case "message-metadata":
      return part.messageMetadata.status === "stopped" ? " ..." : "";
    case "error":
      return part.errorText;
    case "start":
    case "text-start":
    case "text-end":
    case "finish":
      return "";
  }
}

export async function main(): Promise<void> {
  const [workspace] = await listWorkspaces("algebra");
  if (!workspace) return;
  const source = await addSource(workspace, crypto.randomUUID(), { pages: 42, bookmarks: [{ page: 7 }] });
  console.log(bookmarks(source).join(", "), workspace.active_at);
  await rename(source, "Vector spaces, revised");
  console.log((await tidy(workspace)).join("\n"));
}
