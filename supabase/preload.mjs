// What Node loads before @supabase/lite, where its version 0.10.0 has no setting.

import { createHmac, timingSafeEqual } from "node:crypto";
import { subscribe } from "node:diagnostics_channel";
import { open } from "node:fs/promises";
import { Server } from "node:http";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
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

// Node closes a connection that was idle for six seconds, which a client may learn only when it has sent a request on it.
// The gateway uses one again for 15 seconds, and the services of a hosted Supabase keep theirs for longer, too.
subscribe("http.server.request.start", ({ server }) => {
  server.keepAliveTimeout = 60_000;
});

// In admin mode (version 0.10.0) a request without a key is served without row-level security, unless its `Origin` says that
// it comes from elsewhere. Three ways remain, and are shut here: a GET that a browser sends without `Origin`, an answer
// that the browser's cache gives to another page, and a host name that was made to lead to this machine. What has a
// key goes on as it would. Only in admin mode: a container is called by another name. Needed until lite does it.
if (process.argv.includes("--admin")) {
  const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
  const { emit } = Server.prototype;
  Server.prototype.emit = function (event, request, response, ...rest) {
    if (event !== "request") return emit.call(this, event, request, response, ...rest);
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("Vary", "Origin, Sec-Fetch-Site");
    response.setHeader("X-Frame-Options", "DENY"); // nor may a page lay the data browser under its own buttons
    if (!LOOPBACK.test(request.headers.host)) {
      response.writeHead(403, { "Content-Type": "text/plain", Connection: "close" });
      response.end("The data browser answers to localhost, 127.0.0.1 and [::1] alone.\n");
      return true;
    }
    const site = request.headers["sec-fetch-site"] ?? "none"; // programs send none
    if (site !== "same-origin" && site !== "none") request.rawHeaders.push("Origin", "null");
    return emit.call(this, event, request, response, ...rest);
  };
}

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

// PostgREST forgives clocks 30 seconds in exp, nbf and iat; lite forgives none. A token that is signed by our secret
// and has such a moment reaches the data API signed again, with the moment brought to now.
const LEEWAY = 30;

function sign(text) {
  return createHmac("sha256", process.env.SUPABASE_JWT_SECRET).update(text).digest("base64url");
}

function forgiven(token) {
  const [header, payload, signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  const now = Math.floor(Date.now() / 1000);
  const moments = {};
  if (claims.exp <= now && claims.exp > now - LEEWAY) moments.exp = now + LEEWAY;
  for (const name of ["nbf", "iat"]) {
    if (claims[name] > now && claims[name] <= now + LEEWAY) moments[name] = now;
  }
  if (!Object.keys(moments).length) return token;
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(sign(`${header}.${payload}`)))) return token;
  const dated = Buffer.from(JSON.stringify({ ...claims, ...moments })).toString("base64url");
  return `${header}.${dated}.${sign(`${header}.${dated}`)}`;
}

subscribe("http.server.request.start", ({ request: { url, rawHeaders } }) => {
  if (!url.startsWith("/rest/v1/")) return;
  const named = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "authorization");
  if (named === -1) return;
  try {
    rawHeaders[named + 1] = rawHeaders[named + 1].replace(/(?<=^Bearer ).+$/, forgiven);
  } catch {
    // No token of ours, which lite will say.
  }
});

// The file store reads files by readableWebStream(), which on Node 20 gives ArrayBuffers that a response cannot send, so
// that every download is empty, and leaves the file open. A stream of bytes closes it. Can go with Node 20 and with a
// version that closes its files.
const file = await open(fileURLToPath(import.meta.url));
await file.close();
file.constructor.prototype.readableWebStream = function () {
  return Readable.toWeb(this.createReadStream());
};

// It looks for an upload in the form's field "file"; supabase-js sends a File or Blob in the field "", as Supabase's own
// file store takes it. Can go with a version that takes that too.
const { get } = FormData.prototype;
FormData.prototype.get = function (name) {
  return get.call(this, name) ?? (name === "file" ? get.call(this, "") : null);
};

// It names a signed address signedUrl and gives it from the root. Supabase's clients read signedURL, or url for an
// upload, relative to the file store. Can go with a version that answers so.
const SIGNING = /^\/storage\/v1\/object\/(upload\/)?sign\//;

subscribe("http.server.request.start", ({ request, response }) => {
  if (request.method !== "POST" || !SIGNING.test(request.url)) return;
  const { writeHead, end } = response;
  const body = [];
  let head;
  response.writeHead = (...given) => ((head = given), response);
  response.write = (chunk) => body.push(Buffer.from(chunk)) > 0;
  response.end = (last) => {
    if (last) response.write(last);
    let sent = Buffer.concat(body);
    const [status, headers] = head;
    if (status === 200) {
      const { signedUrl, ...rest } = JSON.parse(sent);
      const address = signedUrl.replace("/storage/v1", "");
      sent = JSON.stringify({ ...rest, signedURL: address, url: address });
      delete headers["content-length"];
    }
    writeHead.call(response, status, headers);
    return end.call(response, sent);
  };
});
