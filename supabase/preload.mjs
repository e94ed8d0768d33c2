// What Node loads before @supabase/lite, where its version 0.10.0 has no setting.

import { subscribe } from "node:diagnostics_channel";
import v8 from "node:v8";

import { PGlite } from "@electric-sql/pglite";

// V8 recompiles PGlite's warm WebAssembly functions eagerly; ten times later saves a third of the start's work and
// costs queries nothing. Set from within, since Node refuses to start over an option that it does not know.
v8.setFlagsFromString("--wasm-tiering-budget=130000000");

// The login service lets pages of other origins neither send the headers of supabase-js nor read an answer. Its own
// answers keep what is set here; the data API and the file store need nothing.
subscribe("http.server.request.start", ({ request, response }) => {
  if (!request.url.startsWith("/auth/v1/")) return;
  response.setHeader("Access-Control-Allow-Origin", "*");
  const asked = request.headers["access-control-request-headers"];
  if (asked) response.setHeader("Access-Control-Allow-Headers", asked);
});

// It prints forty lines, the row's values among them, for every statement that PostgreSQL refuses. One line tells as
// much, without what class 22 (bad input) quotes. Other errors of statements stay whole, but for the values.
const REFUSED = /^(22|23|42501|PT)/;

function withoutValues(printed) {
  if (!printed?.severity || !printed.code) return printed;
  if (!REFUSED.test(printed.code)) return Object.defineProperty(printed, "params", { enumerable: false });
  const message = printed.code.startsWith("22") ? printed.message.replace(/".*/s, "...") : printed.message;
  return `refused: ${printed.code} ${message}`;
}

const { error } = console;
console.error = (...printed) => error(...printed.map(withoutValues));

// Timestamps (0.10.0): PostgREST writes them as Postgres does in JSON, `2026-11-23T00:12:45.122+00:00` (RFC 3339);
// lite passes on Postgres's text, `2026-11-23 00:12:45.122+00`.
const TIMESTAMPTZ = 1184;
const asInJson = (text) => text.replace(/^(\d+-\d\d-\d\d) (\S+[+-]\d\d)(?= BC$|$)/, "$1T$2:00");
const { query } = PGlite.prototype;
PGlite.prototype.query = function (statement, values, options) {
  return query.call(this, statement, values, { ...options, parsers: { [TIMESTAMPTZ]: asInJson, ...options?.parsers } });
};
