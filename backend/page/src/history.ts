/** A canvas's gestures, each one request that happens whole or not at all, and how to take them back. */

import { api, must, type Schemas } from "./api";

type Edit = Schemas["CanvasEdit"];
export type Layout = Schemas["CanvasUpdate"];
/** What changes things, or what moves them. */
type Change = { edit: Edit } | { layout: Layout };

interface Step {
  back: Change;
  again: Change;
}

export class History {
  #undo: Step[] = [];
  #redo: Step[] = [];
  /** One gesture after the other: an undo waits for what it takes back. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly workspaceId: string,
    readonly onChange: () => void,
  ) {}

  get canUndo(): boolean {
    return this.#undo.length > 0;
  }

  get canRedo(): boolean {
    return this.#redo.length > 0;
  }

  /** Ids are the client's own: sent again after a lost answer, a gesture changes nothing more. */
  async create(create: NonNullable<Edit["create"]>): Promise<void> {
    return this.#inTurn(async () => this.#made((await this.#edit({ create })).created));
  }

  /** The originals' ids with those that their copies get. */
  async copy(ids: Record<string, string>, offset: { x: number; y: number }): Promise<void> {
    return this.#inTurn(async () => this.#made((await this.#edit({ copy: { ids, offset } })).copied));
  }

  async delete(selection: Schemas["CanvasSelection"]): Promise<void> {
    return this.#inTurn(async () => {
      const { deleted } = await this.#edit({ delete: selection });
      this.#did({ back: { edit: { restore: deleted } }, again: { edit: { delete: deleted } } });
    });
  }

  /** Moves that a drag has made; they are saved elsewhere, many at a time. */
  moved(back: Layout, again: Layout): void {
    this.#did({ back: { layout: back }, again: { layout: again } });
  }

  /** Takes the last step back, or does again what was taken back last. It stays where it is when it is refused. */
  async move(way: keyof Step): Promise<void> {
    return this.#inTurn(async () => {
      const [from, to] = way === "back" ? [this.#undo, this.#redo] : [this.#redo, this.#undo];
      const step = from.at(-1);
      if (!step) return;
      const change = step[way];
      if ("edit" in change) await this.#edit(change.edit);
      else await must(api.PATCH("/v1/workspaces/{workspace_id}/canvas", { params: this.#params, body: change.layout }));
      from.splice(from.lastIndexOf(step), 1); // a drag may have come after it
      to.push(step);
      this.onChange();
    });
  }

  #inTurn<T>(gesture: () => Promise<T>): Promise<T> {
    const done = this.#last.then(gesture);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** What was made is taken back by a delete, and made again by a restore: with its id, its text and its edges. */
  #made(part: Schemas["CanvasPart"]): void {
    this.#did({ back: { edit: { delete: part } }, again: { edit: { restore: part } } });
  }

  #did(step: Step): void {
    this.#undo.push(step);
    this.#redo = [];
    this.onChange();
  }

  get #params() {
    return { path: { workspace_id: this.workspaceId } };
  }

  async #edit(body: Edit): Promise<Schemas["CanvasEdited"]> {
    return must(api.POST("/v1/workspaces/{workspace_id}/canvas", { params: this.#params, body }));
  }
}
