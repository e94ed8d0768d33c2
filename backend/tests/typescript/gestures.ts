/** The gestures of a canvas: paste, duplicate, delete, undo and redo, each in one request. It runs against a gateway. */

import createClient from "openapi-fetch";

import type { components, paths } from "./api.js";

declare const process: { env: Record<"API" | "TOKEN", string> };

const api = createClient<paths>({
  baseUrl: process.env.API,
  headers: { Authorization: `Bearer ${process.env.TOKEN}` },
});

type Workspace = components["schemas"]["Workspace"];
type Edit = components["schemas"]["CanvasEdit"];
type Edited = components["schemas"]["CanvasEdited"];
type Selection = components["schemas"]["CanvasSelection"];

/** One gesture: one request that happens whole or not at all, and is harmless to send again. */
async function edit(workspace: Workspace, changes: Edit): Promise<Edited> {
  const path = { workspace_id: workspace.id };
  const { data, error } = await api.POST("/v1/workspaces/{workspace_id}/canvas", { params: { path }, body: changes });
  if (!error) return data;
  if (error.code === "write_conflict") return edit(workspace, changes);
  if (error.status === 409 || error.status === 422) {
    const places = (error.errors ?? []).map(({ loc, msg }) => `${loc.join(".")}: ${msg}`);
    throw new Error([error.title, ...places].join("\n"));
  }
  throw new Error(`${error.title}: ${error.detail}`);
}

/** The edit that takes a gesture back, and the one that makes it again. */
interface Step {
  back: Edit;
  again: Edit;
}

class History {
  #undo: Step[] = [];
  #redo: Step[] = [];

  constructor(readonly workspace: Workspace) {}

  async paste(title: string, question: string): Promise<string[]> {
    const [source, lab] = [crypto.randomUUID(), crypto.randomUUID()];
    const create: Edit["create"] = {
      sources: [{ id: source, type: "note", title, canvas_position: { x: 0, y: 0 } }],
      labs: [{ id: lab, source_id: source, type: "essay_lab", generated_content: { question }, width: 240, height: null }],
      edges: [{ id: crypto.randomUUID(), source_node_id: source, target_node_id: lab }],
    };
    return this.#created((await edit(this.workspace, { create })).created);
  }

  async duplicate(nodes: string[]): Promise<string[]> {
    const ids = Object.fromEntries(nodes.map((id) => [id, crypto.randomUUID()]));
    return this.#created((await edit(this.workspace, { copy: { ids, offset: { x: 40, y: 40 } } })).copied);
  }

  async delete(selection: Selection): Promise<void> {
    const { deleted } = await edit(this.workspace, { delete: selection });
    this.#did({ back: { restore: deleted }, again: { delete: deleted } });
  }

  async undo(): Promise<Edited | undefined> {
    return this.#move(this.#undo, this.#redo, "back");
  }

  async redo(): Promise<Edited | undefined> {
    return this.#move(this.#redo, this.#undo, "again");
  }

  /** What was made is taken back by a delete, and made again by a restore. */
  #created(made: Edited["created"]): string[] {
    this.#did({ back: { delete: made }, again: { restore: made } });
    return made.nodes;
  }

  #did(step: Step): void {
    this.#undo.push(step);
    this.#redo = [];
  }

  async #move(from: Step[], to: Step[], way: keyof Step) {
    const step = from.pop();
    if (!step) return undefined;
    to.push(step);
    return edit(this.workspace, step[way]);
  }
}

function expect(holds: boolean, claim: string): void {
  if (!holds) throw new Error(`not so: ${claim}`);
}

const opened = await api.POST("/v1/workspaces", { body: { name: "Linear algebra" } });
if (opened.error) throw new Error(opened.error.detail);
const params = { path: { workspace_id: opened.data.id } };

async function seen(): Promise<string[]> {
  const { data, error } = await api.GET("/v1/workspaces/{workspace_id}/canvas", { params });
  if (error) throw new Error(error.detail);
  return data.nodes.map(({ id }) => id);
}

const history = new History(opened.data);
const pasted = await history.paste("Rank", "How many rows are independent?");
const copies = await history.duplicate(pasted);
await history.delete({ nodes: copies });
expect((await seen()).join() === pasted.join(), "what was duplicated is deleted");
const back = await history.undo();
expect(back?.restored.nodes.length === 2 && back.restored.edges.length === 1, "undo brings it back with its edge");
const order = await seen();
expect(order.slice(0, 2).join() === pasted.join(), "what was pasted comes first, in its order");
expect(order.slice(2).sort().join() === [...copies].sort().join(), "the copies come after it");
expect((await history.redo())?.deleted.nodes.length === 2, "redo deletes it again");
for (const left of [4, 2, 0]) {
  await history.undo();
  expect((await seen()).length === left, `undo leaves ${left} nodes`);
}
expect((await history.undo()) === undefined, "there is no more to undo");
for (const there of [2, 4]) {
  await history.redo();
  expect((await seen()).length === there, `redo makes ${there} nodes`);
}
const file = await api.GET("/v1/workspaces/{workspace_id}/jsoncanvas", { params });
const texts = file.data?.nodes.map((node) => (node.type === "text" ? node.text : node.url)) ?? [];
expect(texts.filter((text) => text.startsWith("# Rank")).length === 2, "the file has both sources");
console.log("done");
