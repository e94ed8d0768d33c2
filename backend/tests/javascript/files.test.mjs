// What a browser does with files through supabase-js: the owner's, and a stranger's attempts.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { owner, stranger } from "./client.mjs";

const files = owner.storage.from("sources");
const others = stranger.storage.from("sources");

const TEXT = "# Vectors\n\nAn arrow: é, 矩阵.\n";
const BYTES = new TextEncoder().encode(TEXT);
const MARKDOWN = { contentType: "text/markdown" };

// The folders of a source of the owner's, and of one of the stranger's.
let own, foreign;
const place = (name) => `${own}/${name}`;

async function newFolder(client) {
  const one = async (table, row) => (await client.from(table).insert(row).select().single().throwOnError()).data;
  const workspace = await one("workspaces", { name: "Linear algebra" });
  const source = await one("sources", { workspace_id: workspace.id, type: "pdf", title: "Vectors" });
  return `${workspace.id}/${source.id}`;
}

const allowed = async ({ data, error }) => (assert.equal(error, null), data);
const refused = async ({ error }) => assert.ok(error, "was not refused");
const text = async (blob) => new TextDecoder().decode(await blob.arrayBuffer());

before(async () => {
  own = await newFolder(owner);
  foreign = await newFolder(stranger);
});

test("bytes are uploaded and downloaded whole", async () => {
  await allowed(await files.upload(place("bytes.md"), BYTES, MARKDOWN));
  assert.equal(await text(await allowed(await files.download(place("bytes.md")))), TEXT);
});

test("a file of megabytes is downloaded whole", async () => {
  const large = Buffer.alloc(5 << 20, TEXT);
  await allowed(await files.upload(place("large.md"), large, MARKDOWN));
  const back = Buffer.from(await (await allowed(await files.download(place("large.md")))).arrayBuffer());
  assert.ok(back.equals(large));
});

test("a File is uploaded as it is", async () => {
  await allowed(await files.upload(place("file.md"), new File([BYTES], "notes.md", { type: "text/markdown" })));
  assert.equal(await text(await allowed(await files.download(place("file.md")))), TEXT);
});

test("a Blob is uploaded as it is", async () => {
  await allowed(await files.upload(place("blob.md"), new Blob([BYTES], { type: "text/markdown" })));
  assert.equal(await text(await allowed(await files.download(place("blob.md")))), TEXT);
});

test("a signed address is read by anybody who has it", async () => {
  const { signedUrl } = await allowed(await files.createSignedUrl(place("bytes.md"), 60));
  assert.equal(await (await fetch(signedUrl)).text(), TEXT);
  assert.notEqual((await fetch(signedUrl.replace("bytes.md", "file.md"))).status, 200);
});

test("a signed upload arrives", async () => {
  const { token, signedUrl } = await allowed(await files.createSignedUploadUrl(place("signed.md")));
  assert.ok(signedUrl.startsWith(`${process.env.SUPABASE_URL}/storage/v1/object/upload/sign/sources/`));
  await allowed(await files.uploadToSignedUrl(place("signed.md"), token, BYTES, MARKDOWN));
  assert.equal(await text(await allowed(await files.download(place("signed.md")))), TEXT);
});

test("a picture is refused", async () => {
  await refused(await files.upload(place("a.png"), BYTES, { contentType: "image/png" }));
});

test("a file is not written over, nor moved", async () => {
  await refused(await files.upload(place("bytes.md"), BYTES, MARKDOWN));
  await refused(await files.upload(place("bytes.md"), BYTES, { ...MARKDOWN, upsert: true }));
  await refused(await files.update(place("bytes.md"), BYTES, MARKDOWN));
  await refused(await files.move(place("bytes.md"), place("moved.md")));
});

test("the owner puts files below sources alone", async () => {
  const nowhere = "00000000-0000-4000-8000-000000000000";
  const [workspace, source] = own.split("/");
  for (const path of ["a.md", `${workspace}/a.md`, `${workspace}/${nowhere}/a.md`, `${nowhere}/${source}/a.md`])
    await refused(await files.upload(path, BYTES, MARKDOWN));
  await refused(await files.upload(`${foreign}/theirs.md`, BYTES, MARKDOWN));
  await refused(await files.copy(place("bytes.md"), `${foreign}/theirs.md`));
});

test("a stranger reads nothing", async () => {
  await refused(await others.download(place("bytes.md")));
  await refused(await others.createSignedUrl(place("bytes.md"), 60));
  assert.deepEqual(await allowed(await others.list(own)), []);
  assert.deepEqual(await allowed(await others.list("")), []);
  await refused(await others.copy(place("bytes.md"), `${foreign}/theirs.md`));
});

test("a stranger writes and deletes nothing", async () => {
  await refused(await others.upload(place("theirs.md"), BYTES, MARKDOWN));
  await refused(await others.upload(place("bytes.md"), BYTES, { ...MARKDOWN, upsert: true }));
  await refused(await others.createSignedUploadUrl(place("theirs.md")));
  await refused(await others.move(place("bytes.md"), `${foreign}/theirs.md`));
  await others.remove([place("bytes.md")]);
  assert.equal(await text(await allowed(await files.download(place("bytes.md")))), TEXT);
});

test("no spelling of a path leads into another workspace", async () => {
  for (const path of [
    `${foreign}/../../${place("b.md")}`,
    `${foreign}/%2e%2e/%2e%2e/${place("b.md")}`,
    `${foreign}/..%2f..%2f${place("b.md")}`,
    `/${place("b.md")}`,
    `./${place("b.md")}`,
    place("b.md").toUpperCase(),
    place("b.md").replaceAll("/", "%2F"),
  ]) {
    await others.upload(path, BYTES, MARKDOWN);
    await refused(await files.download(place("b.md")));
  }
  await refused(await others.download(`${foreign}/../../${place("bytes.md")}`));
  await refused(await others.download(`${foreign}/..%2f..%2f${place("bytes.md")}`));
});

test("the owner sees and deletes the files", async () => {
  const names = (await allowed(await files.list(own))).map(
    ({ name }) => name.split("/").pop(), // the embedded stack gives whole paths
  );
  assert.deepEqual(names.sort(), ["blob.md", "bytes.md", "file.md", "large.md", "signed.md"]);
  assert.equal((await allowed(await files.remove(names.map(place)))).length, names.length);
  assert.deepEqual(await allowed(await files.list(own)), []);
});
