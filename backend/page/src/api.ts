/** The two services that the page speaks to: Supabase, for signing in, and AIDE's API, by a client made from its
 * description. */

import { createClient } from "@supabase/supabase-js";
import createApi from "openapi-fetch";

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type Workspace = Schemas["Workspace"];
export type Source = Schemas["Source"];
export type Lab = Schemas["Lab"];
export type CanvasLab = Schemas["CanvasLab"];

export const API_URL: string = import.meta.env.VITE_API_URL;
export const supabase = createClient(import.meta.env.VITE_SUPABASE_URL, import.meta.env.VITE_SUPABASE_PUBLISHABLE_KEY);

/** A token of at least a minute: supabase-js renews it. */
export async function bearer(): Promise<string> {
  const { data } = await supabase.auth.getSession();
  return `Bearer ${data.session?.access_token ?? ""}`;
}

export const api = createApi<paths>({ baseUrl: API_URL });
api.use({
  async onRequest({ request }) {
    request.headers.set("Authorization", await bearer());
    return request;
  },
});

/** A refusal of the API: `problem.code` is the word to switch on. */
export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(explain(problem));
  }
}

/** What to tell the person at the screen. */
function explain(problem: Problem): string {
  if (problem.code === "token_expired" || problem.code === "unauthenticated") return "Please sign in again.";
  const places = "errors" in problem ? (problem.errors ?? []).map(({ loc, msg }) => `${loc.join(".")}: ${msg}`) : [];
  return [problem.detail || problem.title, ...places].join(" ");
}

/** The data of an answer. Throws a `Refusal`, or an `Error` when nobody answers. */
export async function must<T>(call: Promise<{ data?: T; error?: Problem }>): Promise<T> {
  const { data, error } = await call.catch(() => {
    throw new Error(`The API at ${API_URL} does not answer. Does \`make dev\` run?`);
  });
  if (error) throw new Refusal(error);
  return data as T;
}

/** What went wrong, as a sentence. */
export function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
