// What supabase-js does with rows on Supabase, it does on ours: whole rows sent back, own owners named.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";

import { owner, stranger } from "./client.mjs";

const AN_HOUR_AGO = new Date(Date.now() - 3600_000).toISOString();

// One row of each table.
const rows = {};

async function one(query) {
  const { data } = await query.select().single().throwOnError();
  return data;
}

async function refused(query, status, code) {
  const answer = await query;
  assert.deepEqual([answer.status, answer.error?.code], [status, code], JSON.stringify(answer));
}

async function read(table) {
  return one(owner.from(table).select().eq("id", rows[table].id));
}

before(async () => {
  rows.workspaces = await one(owner.from("workspaces").insert({ name: "Algebra", owner_id: owner.id }));
  const of = { workspace_id: rows.workspaces.id };
  rows.sources = await one(owner.from("sources").insert({ ...of, type: "pdf", title: "Groups" }));
  rows.labs = await one(owner.from("labs").insert({ ...of, type: "quiz_lab", title: "Rings" }));
  const ends = { source_node_id: rows.sources.id, target_node_id: rows.labs.id };
  rows.edges = await one(owner.from("edges").insert({ ...of, ...ends, label: "leads to" }));
  rows.chat_messages = await one(owner.from("chat_messages").insert({ ...of, role: "user", content: "Why?" }));
});

test("nobody opens a workspace for somebody else", async () => {
  await refused(stranger.from("workspaces").insert({ name: "For you", owner_id: owner.id }), 403, "42501");
});

const CHANGES = {
  workspaces: { name: "Analysis" },
  sources: { title: "Fields" },
  labs: { title: "Modules" },
  edges: { label: "follows" },
};

for (const [table, change] of Object.entries(CHANGES)) {
  test(`${table}: an upsert of the same row changes nothing`, async () => {
    const row = await read(table);
    assert.deepEqual(await one(owner.from(table).upsert(row)), row);
  });

  test(`${table}: an upsert of a changed row changes it`, async () => {
    const row = await read(table);
    const changed = await one(owner.from(table).upsert({ ...row, ...change }));
    const stamps = "version" in row ? { version: row.version + 1, updated_at: changed.updated_at } : {};
    assert.deepEqual(changed, { ...row, ...change, ...stamps });
  });

  test(`${table}: an update that echoes a whole row sets what may be set`, async () => {
    const row = await read(table);
    const stamps = Object.fromEntries(Object.keys(row).filter((key) => key.endsWith("_at")).map((key) => [key, AN_HOUR_AGO]));
    delete stamps.cache_expires_at;
    delete stamps.deleted_at; // it is refused: rows are thrown away by a delete
    const forged = { ...row, ...stamps, ...("version" in row && { version: 99 }) };
    assert.deepEqual(await one(owner.from(table).update(forged).eq("id", row.id)), row);
  });

  test(`${table}: an upsert of a new row is an insert, and the stamps are the database's`, async () => {
    const row = await read(table);
    const other = { ...row, id: randomUUID(), created_at: AN_HOUR_AGO, ...("version" in row && { version: 99 }) };
    if (table === "edges") Object.assign(other, { source_handle: "right" });
    const added = await one(owner.from(table).upsert(other));
    assert.ok(added.created_at > row.created_at);
    assert.equal(added.version, "version" in row ? 1 : undefined);
  });

  test(`${table}: ids, owners and workspaces stay`, async () => {
    const { id } = await read(table);
    const whose = table === "workspaces" ? { owner_id: stranger.id } : { workspace_id: randomUUID() };
    for (const taken of [{ id: randomUUID() }, whose]) {
      await refused(owner.from(table).update(taken).eq("id", id), 422, "PT422");
    }
  });

  test(`${table}: a stranger's upsert of a row that is not theirs is refused`, async () => {
    const row = await read(table);
    await refused(stranger.from(table).upsert(row), 403, "42501");
    if (table === "workspaces") await refused(stranger.from(table).upsert({ ...row, owner_id: stranger.id }), 403, "42501");
    assert.deepEqual(await read(table), row);
  });
}

test("a message that was deleted is written again, with the next number", async () => {
  const message = await one(owner.from("chat_messages").insert({ ...rows.chat_messages, id: randomUUID() }));
  await owner.from("chat_messages").delete().eq("id", message.id).throwOnError();
  const again = await one(owner.from("chat_messages").insert(message));
  assert.deepEqual(again, { ...message, seq: message.seq + 1, created_at: again.created_at });
});

test("a message is never upserted over another", async () => {
  await refused(owner.from("chat_messages").upsert({ ...rows.chat_messages, content: "Edited" }), 403, "42501");
  assert.deepEqual(await read("chat_messages"), rows.chat_messages);
});

test("a stranger writes no message", async () => {
  const message = { ...rows.chat_messages, id: randomUUID() };
  await refused(stranger.from("chat_messages").insert(message), 403, "42501");
});

test("every workspace counts its own messages", async () => {
  const { id } = await one(owner.from("workspaces").insert({ name: "Another" }));
  const said = ["One", "Two"].map((content) => ({ workspace_id: id, role: "user", content }));
  const { data } = await owner.from("chat_messages").insert(said).select("seq").throwOnError();
  assert.deepEqual(data, [{ seq: 1 }, { seq: 2 }]);
});

test("text is kept byte for byte, but for names and titles in one form", async () => {
  const text = " \n cafe\u0301 \t";
  const of = { workspace_id: rows.workspaces.id };
  const message = await one(owner.from("chat_messages").insert({ ...of, role: "user", content: text }));
  const edge = await one(owner.from("edges").update({ label: text }).eq("id", rows.edges.id));
  const metadata = { [text]: text };
  const source = await one(owner.from("sources").insert({ ...of, type: "pdf", title: "Cafe\u0301", metadata }));
  assert.deepEqual([message.content, edge.label, source.metadata], [text, text, metadata]);
  assert.equal(source.title, "Caf\u00e9");
});

for (const [table, column] of [["workspaces", "name"], ["sources", "title"], ["labs", "title"]]) {
  test(`${table}: a search finds a ${column} that was written in another form`, async () => {
    const { id } = await one(owner.from(table).update({ [column]: "Voila\u0300" }).eq("id", rows[table].id));
    const { data } = await owner.from(table).select("id").filter(column, "imatch", "VOIL\u00c0").throwOnError();
    assert.deepEqual(data, [{ id }]);
  });
}

test("the first and the last date that is accepted can be read", async () => {
  for (const [moment, year] of [["0001-01-01T00:00:00Z", "0001"], ["9999-12-31T23:59:59.999999Z", "9999"]]) {
    const changed = await one(owner.from("sources").update({ cache_expires_at: moment }).eq("id", rows.sources.id));
    assert.ok(changed.cache_expires_at.startsWith(`${year}-`), changed.cache_expires_at);
    const { data } = await owner.rpc("canvas", { workspace_id: rows.workspaces.id }).throwOnError();
    const node = data[0].nodes.find(({ id }) => id === rows.sources.id);
    assert.equal(node.data.cache_expires_at, moment);
  }
});
