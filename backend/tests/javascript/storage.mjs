// What a browser does with files through supabase-js. `node storage.mjs`, settings in the environment; each line of output
// is a claim that holds.

import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";

const { SUPABASE_URL, SUPABASE_KEY, OWNER_TOKEN, STRANGER_TOKEN, WORKSPACE_ID, SOURCE_ID, FOREIGN_PATH } = process.env;
const signedIn = (token) =>
  createClient(SUPABASE_URL, SUPABASE_KEY, {
    accessToken: async () => token,
    realtime: { transport: class {} }, // Node 20 has no WebSocket
  }).storage.from("sources");
const files = signedIn(OWNER_TOKEN);
const others = signedIn(STRANGER_TOKEN);

const TEXT = "# Vectors\n\nAn arrow: é, 矩阵.\n";
const BYTES = new TextEncoder().encode(TEXT);
const MARKDOWN = { contentType: "text/markdown" };
const place = (name) => `${WORKSPACE_ID}/${SOURCE_ID}/${name}`;

const allowed = async ({ data, error }) => (assert.equal(error, null), data);
const refused = async ({ error }) => assert.ok(error, "was not refused");
const text = async (blob) => new TextDecoder().decode(await blob.arrayBuffer());

const claims = {
  async "bytes are uploaded and downloaded whole"() {
    await allowed(await files.upload(place("bytes.md"), BYTES, MARKDOWN));
    assert.equal(await text(await allowed(await files.download(place("bytes.md")))), TEXT);
  },
  async "a file of megabytes is downloaded whole"() {
    const large = Buffer.alloc(5 << 20, TEXT);
    await allowed(await files.upload(place("large.md"), large, MARKDOWN));
    const back = Buffer.from(await (await allowed(await files.download(place("large.md")))).arrayBuffer());
    assert.ok(back.equals(large));
  },
  async "a File is uploaded as it is"() {
    await allowed(await files.upload(place("file.md"), new File([BYTES], "notes.md", { type: "text/markdown" })));
    assert.equal(await text(await allowed(await files.download(place("file.md")))), TEXT);
  },
  async "a Blob is uploaded as it is"() {
    await allowed(await files.upload(place("blob.md"), new Blob([BYTES], { type: "text/markdown" })));
    assert.equal(await text(await allowed(await files.download(place("blob.md")))), TEXT);
  },
  async "a signed address is read by anybody who has it"() {
    const { signedUrl } = await allowed(await files.createSignedUrl(place("bytes.md"), 60));
    assert.equal(await (await fetch(signedUrl)).text(), TEXT);
    assert.notEqual((await fetch(signedUrl.replace("bytes.md", "file.md"))).status, 200);
  },
  async "a signed upload arrives"() {
    const { token, signedUrl } = await allowed(await files.createSignedUploadUrl(place("signed.md")));
    assert.ok(signedUrl.startsWith(`${SUPABASE_URL}/storage/v1/object/upload/sign/sources/`));
    await allowed(await files.uploadToSignedUrl(place("signed.md"), token, BYTES, MARKDOWN));
    assert.equal(await text(await allowed(await files.download(place("signed.md")))), TEXT);
  },
  async "a picture is refused"() {
    await refused(await files.upload(place("a.png"), BYTES, { contentType: "image/png" }));
  },
  async "a file is not written over, nor moved"() {
    await refused(await files.upload(place("bytes.md"), BYTES, MARKDOWN));
    await refused(await files.upload(place("bytes.md"), BYTES, { ...MARKDOWN, upsert: true }));
    await refused(await files.update(place("bytes.md"), BYTES, MARKDOWN));
    await refused(await files.move(place("bytes.md"), place("moved.md")));
  },
  async "the owner puts files below sources alone"() {
    const nowhere = "00000000-0000-4000-8000-000000000000";
    for (const path of ["a.md", `${WORKSPACE_ID}/a.md`, `${WORKSPACE_ID}/${nowhere}/a.md`, `${nowhere}/${SOURCE_ID}/a.md`])
      await refused(await files.upload(path, BYTES, MARKDOWN));
    await refused(await files.upload(FOREIGN_PATH, BYTES, MARKDOWN));
  },
  async "a stranger reads nothing"() {
    await refused(await others.download(place("bytes.md")));
    await refused(await others.createSignedUrl(place("bytes.md"), 60));
    assert.deepEqual(await allowed(await others.list(`${WORKSPACE_ID}/${SOURCE_ID}`)), []);
    assert.deepEqual(await allowed(await others.list("")), []);
    await refused(await others.copy(place("bytes.md"), FOREIGN_PATH));
  },
  async "a stranger writes and deletes nothing"() {
    await refused(await others.upload(place("theirs.md"), BYTES, MARKDOWN));
    await refused(await others.upload(place("bytes.md"), BYTES, { ...MARKDOWN, upsert: true }));
    await refused(await others.createSignedUploadUrl(place("theirs.md")));
    await refused(await others.move(place("bytes.md"), FOREIGN_PATH));
    await others.remove([place("bytes.md")]);
    assert.equal(await text(await allowed(await files.download(place("bytes.md")))), TEXT);
  },
  async "no spelling of a path leads into another workspace"() {
    const own = FOREIGN_PATH.split("/").slice(0, 2).join("/");
    for (const path of [
      `${own}/../../${place("b.md")}`,
      `${own}/%2e%2e/%2e%2e/${place("b.md")}`,
      `${own}/..%2f..%2f${place("b.md")}`,
      `/${place("b.md")}`,
      `./${place("b.md")}`,
      place("b.md").toUpperCase(),
      place("b.md").replaceAll("/", "%2F"),
    ]) {
      await others.upload(path, BYTES, MARKDOWN);
      await refused(await files.download(place("b.md")));
    }
    await refused(await others.download(`${own}/../../${place("bytes.md")}`));
    await refused(await others.download(`${own}/..%2f..%2f${place("bytes.md")}`));
  },
  async "the owner sees and deletes the files"() {
    const names = (await allowed(await files.list(`${WORKSPACE_ID}/${SOURCE_ID}`))).map(
      ({ name }) => name.split("/").pop(), // the embedded stack gives whole paths
    );
    assert.deepEqual(names.sort(), ["blob.md", "bytes.md", "file.md", "large.md", "signed.md"]);
    assert.equal((await allowed(await files.remove(names.map(place)))).length, names.length);
    assert.deepEqual(await allowed(await files.list(`${WORKSPACE_ID}/${SOURCE_ID}`)), []);
  },
};

for (const [claim, holds] of Object.entries(claims)) {
  try {
    await holds();
    console.log(`ok ${claim}`);
  } catch (error) {
    console.log(`not ok ${claim}: ${error.stack}`);
    process.exitCode = 1;
  }
}
