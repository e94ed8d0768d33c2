// A front end's chat over two replicas: whatever happens to its tabs and to the replicas, it shows the answer as it is.

import assert from "node:assert/strict";
import { after, suite, test } from "node:test";

import { closeWindow, openTab, rows, stop, textOf } from "./tab.mjs";

const { FIRST, SECOND, MODEL, WHOLE, KILLED, KILLED_PID, ENDED, ENDED_PID, SHORT_TOKEN } = process.env;

// The scripted model then streams for a minute.
const LONG = { text: "Script: words-2000-30" };
const COMPLETE = { status: "complete", failure: null };
const INTERRUPTED = { status: "failed", failure: "interrupted" };

after(closeWindow);

function assertShown(tab, text, metadata) {
  assert.equal(textOf(tab.last), text, tab.chat.error?.message);
  assert.deepEqual(tab.last.metadata, metadata);
  assert.ok(tab.shown.size > 1, "the text came in pieces");
  for (const shown of tab.shown) assert.ok(text.startsWith(shown), `shown meanwhile: ${shown}`);
}

// What is on the page is what is kept: no message more, none less, under the same ids.
async function assertKept(tab, id) {
  const kept = (await rows(FIRST, id)).map((row) => [row.role, row.content, row.status]);
  const shown = tab.chat.messages.map((message) => [
    message.role,
    textOf(message),
    message.role === "user" ? "complete" : message.metadata.status,
  ]);
  assert.deepEqual(shown, kept);
}

async function ask(gateway, id, { text = "Why?", ...options } = {}) {
  const tab = await openTab(gateway, id, options);
  await tab.until(() => tab.answered.length);
  return [tab, tab.chat.sendMessage({ text })];
}

suite("the chat", { concurrency: 4 }, () => {
  // Those that wait longest begin first.
  test("ends an answer before the token that it is written with", { skip: !SHORT_TOKEN }, async () => {
    const [tab, done] = await ask(FIRST, "token", { ...LONG, token: SHORT_TOKEN });
    await tab.after(done);
    assert.equal(tab.chat.status, "error");
    assertShown(tab, textOf(tab.last), { status: "failed", failure: "turn_timeout" });
    await assertKept(tab, "token");
    const { exp } = JSON.parse(Buffer.from(SHORT_TOKEN.split(".")[1], "base64url"));
    assert.ok(Date.now() / 1000 < exp, "the token had not ended");
  });

  test("keeps the text of a replica that is killed, and can ask again", async () => {
    const [tab] = await ask(KILLED, "killed", { text: "Hold: killed" });
    await tab.untilShown(200); // over a second of it, which is written every half
    process.kill(Number(KILLED_PID), "SIGKILL");
    const began = performance.now();
    await tab.until(() => tab.chat.status === "error");
    tab.close();
    const after = await openTab(SECOND, "killed");
    await after.untilEnded(20);
    assert.ok(performance.now() - began < 20_000);
    assert.deepEqual(after.last.metadata, INTERRUPTED);
    assert.equal(after.chat.status, "error");
    assert.match(after.chat.error.message, /\w/);
    assert.ok(textOf(after.last).startsWith("w0 w1 "));
    await assertKept(after, "killed");
    await fetch(`${MODEL}/go/killed`, { method: "POST" });
    await after.after(after.chat.regenerate());
    assertShown(after, WHOLE, COMPLETE);
    await assertKept(after, "killed");
  });

  test("shows an answer as it comes, and again, and after an edit", async () => {
    const [tab, done] = await ask(FIRST, "whole", { lastAlone: true });
    await tab.after(done);
    assert.deepEqual(tab.answered, [204, 200]);
    assertShown(tab, WHOLE, COMPLETE);
    await assertKept(tab, "whole");
    const [question, first] = tab.chat.messages;
    await tab.after(tab.chat.regenerate());
    assertShown(tab, WHOLE, COMPLETE);
    assert.notEqual(tab.last.id, first.id);
    await assertKept(tab, "whole");
    await tab.after(tab.chat.sendMessage({ text: "Why not?", messageId: question.id }));
    assertShown(tab, WHOLE, COMPLETE);
    await assertKept(tab, "whole");
  });

  for (const [where, gateway] of [["the same replica", FIRST], ["another replica", SECOND]]) {
    test(`goes on after a reload on ${where}`, async () => {
      const id = `reload-${where.replaceAll(" ", "-")}`;
      const [left] = await ask(FIRST, id);
      await left.untilShown();
      left.close();
      const tab = await openTab(gateway, id);
      assert.notEqual(textOf(tab.last), WHOLE);
      await tab.untilEnded();
      assertShown(tab, WHOLE, COMPLETE);
      await assertKept(tab, id);
      await tab.after(tab.chat.regenerate({ messageId: tab.last.id }));
      assertShown(tab, WHOLE, COMPLETE);
      await assertKept(tab, id);
      const later = await openTab(gateway, id);
      await later.until(() => later.answered.includes(204));
      assert.equal(later.chat.status, "ready");
      await assertKept(later, id);
    });
  }

  test("loses and doubles nothing in twenty reloads during one answer", async () => {
    const [asked] = await ask(FIRST, "reloads");
    await asked.untilShown(1);
    asked.close();
    let characters = 1;
    for (let reload = 0; reload < 20; reload++) {
      const tab = await openTab(reload % 2 ? FIRST : SECOND, "reloads");
      if (reload === 0) assert.notEqual(textOf(tab.last), WHOLE);
      await tab.untilShown(characters);
      characters = textOf(tab.last).length;
      for (const shown of tab.shown) assert.ok(WHOLE.startsWith(shown));
      tab.close();
    }
    const tab = await openTab(SECOND, "reloads");
    await tab.untilEnded();
    assert.equal(textOf(tab.last), WHOLE);
    await assertKept(tab, "reloads");
  });

  test("is the same in two tabs", async () => {
    const [tab, done] = await ask(FIRST, "tabs");
    await tab.untilShown();
    const other = await openTab(SECOND, "tabs");
    await Promise.all([tab.after(done), other.untilEnded()]);
    for (const each of [tab, other]) {
      assertShown(each, WHOLE, COMPLETE);
      await assertKept(each, "tabs");
    }
  });

  test("refuses the second of two questions at once", async () => {
    const asked = await Promise.all([ask(FIRST, "at-once"), ask(SECOND, "at-once")]);
    await Promise.all(asked.map(([tab, done]) => tab.after(done)));
    const [refused, answered] = asked.map(([tab]) => tab).sort((tab) => (tab.chat.status === "error" ? -1 : 1));
    assert.equal(refused.chat.error.statusCode, 409);
    assert.equal(JSON.parse(refused.chat.error.responseBody).code, "turn_running");
    assertShown(answered, WHOLE, COMPLETE);
    await assertKept(answered, "at-once");
  });

  test("stops through another replica within a second", async (t) => {
    const seconds = [];
    for (const id of ["stop-1", "stop-2", "stop-3"]) {
      const [tab, done] = await ask(FIRST, id);
      await tab.untilShown();
      const began = performance.now();
      await stop(SECOND, id);
      await tab.after(done);
      seconds.push((performance.now() - began) / 1000);
      assert.equal(tab.chat.status, "ready");
      assert.ok(WHOLE.startsWith(textOf(tab.last)) && textOf(tab.last) !== WHOLE);
      assertShown(tab, textOf(tab.last), { status: "stopped", failure: null });
      await assertKept(tab, id);
    }
    t.diagnostic(`stopped within ${seconds.map((each) => each.toFixed(2))} s`);
    assert.ok(Math.min(...seconds) < 1, `${seconds} s`);
  });

  test("has what a replica that ends has the time for, and is told that the rest was interrupted", async () => {
    const [whole, wholeDone] = await ask(ENDED, "drained");
    const [cut, cutDone] = await ask(ENDED, "ended", LONG);
    await Promise.all([whole.untilShown(), cut.untilShown()]);
    process.kill(Number(ENDED_PID), "SIGTERM");
    await whole.after(wholeDone);
    assertShown(whole, WHOLE, COMPLETE);
    await assertKept(whole, "drained");
    await cut.after(cutDone);
    assert.equal(cut.chat.status, "error");
    assertShown(cut, textOf(cut.last), INTERRUPTED);
    await assertKept(cut, "ended");
  });
});
