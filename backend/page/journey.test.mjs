/** The whole journey, as a learner makes it, in a real browser. Run by `make test-page`, which names all addresses. */

import assert from "node:assert/strict";

import {
  accessible,
  ask,
  comeBack,
  faults,
  heldBack,
  measured,
  newBrowser,
  newTab,
  signUp,
  step,
  until,
} from "./browser.mjs";
import { card, cards, chosen, closeDialog, code, count, drag, edges, placeOf } from "./canvas.mjs";

const { MODEL_URL, PDF } = process.env;

const learner = await newBrowser();
const tab = await newTab(learner, "", { looks: false });

step("a newcomer signs up and sees what to do first", async () => {
  await tab.getByRole("button", { name: "Sign in" }).waitFor();
  await accessible(tab, "sign-in");
  await signUp(tab);
  await tab.getByText("No workspace yet").waitFor();
  await accessible(tab, "no-workspace");
});

step("a workspace is opened, and found again by a part of its name", async () => {
  await tab.getByLabel("Name of a new workspace").fill("How attention works");
  await tab.getByRole("button", { name: "New workspace" }).click();
  await tab.getByRole("heading", { name: "An empty canvas" }).waitFor();
  await accessible(tab, "empty-canvas");
  await tab.getByRole("link", { name: "All workspaces" }).click();
  await tab.getByLabel("Search workspaces").fill("nothing like it");
  await tab.getByText("No workspace has this").waitFor();
  await tab.getByLabel("Search workspaces").fill("ATTENTION");
  await tab.getByRole("link", { name: "How attention works" }).waitFor();
  await accessible(tab, "workspaces");
  const requests = await measured(tab, "open a workspace", 6, () =>
    tab.getByRole("link", { name: "How attention works" }).click(),
  );
  assert.ok(requests.length <= 5, requests.join());
});

step("a PDF is uploaded and read", async () => {
  await tab.getByText("Add a file").locator("input").setInputFiles(PDF);
  await card(tab, "6 pages").waitFor();
});

step("files that are added together lie below each other, and go again", async () => {
  const notes = ["first", "second"].map((name) => ({
    name: `${name}.md`,
    mimeType: "text/markdown",
    buffer: Buffer.from("# A note"),
  }));
  await tab.getByText("Add a file").locator("input").setInputFiles(notes);
  await card(tab, "first").getByText("1 page").waitFor();
  await card(tab, "second").getByText("1 page").waitFor();
  const [first, second] = [await placeOf(card(tab, "first")), await placeOf(card(tab, "second"))];
  assert.ok(second.y >= first.y + first.height, JSON.stringify([first, second]));
  for (const left of [2, 1]) {
    await tab.keyboard.press("Control+z");
    await count(cards(tab), left);
  }
});

step("its chapters and pages are read, and a search opens the page", async () => {
  await card(tab, "sample").dblclick();
  const dialog = tab.getByRole("dialog");
  await dialog.getByRole("button", { name: "3 Attention" }).click();
  await dialog.getByRole("article").getByText("3 Attention").waitFor();
  await accessible(tab, "source");
  await closeDialog(tab);
  await tab.getByLabel("Search in all files").fill("softmax");
  await tab.getByRole("list", { name: "Found pages" }).getByRole("button").first().click();
  await dialog
    .getByRole("article")
    .getByText(/softmax/i)
    .waitFor();
  await closeDialog(tab);
});

/** Has a lab of this type made from the chapter, and leaves its window open. */
async function generate(type) {
  const dialog = tab.getByRole("dialog");
  await card(tab, "sample").dblclick();
  await dialog.getByRole("button", { name: "3 Attention" }).click();
  await dialog.getByText("Learn “3 Attention”").waitFor();
  await dialog.getByRole("button", { name: type }).click();
  return dialog;
}

let workspaceId;
let labId;

step("an exercise is made from a chapter, and shows how far it is", async () => {
  const dialog = await generate("Exercise");
  await dialog.getByText(/try 2 of 3|could not be made/).waitFor();
  assert.deepEqual(await dialog.getByText("could not be made").allInnerTexts(), []);
  await accessible(tab, "generating");
  await tab.reload();
  await dialog.getByText("try 2 of 3").waitFor(); // the model waits in it
  assert.ok((await fetch(`${MODEL_URL}/go/labs`, { method: "POST" })).ok);
  await dialog.getByText("Write double(x).").waitFor();
  [, , workspaceId, labId] = new URL(tab.url()).hash.split("/");
});

step("it fails, is mended, and is completed", async () => {
  const dialog = tab.getByRole("dialog");
  await dialog.getByRole("button", { name: "Run the tests" }).click();
  await dialog.getByText("0 of 2 tests passed.").waitFor();
  await accessible(tab, "exercise");
  await dialog.getByLabel("Your code").fill("def double(x):\n    return 2 * x\n");
  await dialog.getByLabel("Your code").press("Control+Enter");
  await dialog.getByText("Completed").waitFor();
  await dialog.getByRole("button", { name: "Show a solution" }).click();
  await dialog.getByText("return x + x").waitFor();
  await accessible(tab, "completed");
  await closeDialog(tab);
  await card(tab, "Doubling").getByText("Completed").waitFor();
  await count(edges(tab), 1);
});

step("flashcards and a quiz are made, and done", async () => {
  const dialog = await generate("Flashcards");
  for (const back of ["All that is sent to zero.", "The dimension of the image."]) {
    await dialog.getByRole("button", { name: "Turn over" }).click();
    await dialog.getByText(back).waitFor();
    await accessible(tab, "flashcards");
    await dialog.getByRole("button", { name: "I knew it" }).click();
  }
  await dialog.getByText("Completed").waitFor();
  await closeDialog(tab);
  await generate("Quiz");
  await dialog.getByLabel("b", { exact: true }).check();
  await dialog.getByRole("button", { name: "Check" }).click();
  await dialog.getByText("Right. So.").waitFor();
  await accessible(tab, "quiz");
  await dialog.getByRole("button", { name: "Next" }).click();
  await dialog.getByText("1 of 1 right").waitFor();
  await dialog.getByText("Completed").waitFor(); // it is saved, and can be taken back
  await closeDialog(tab);
  await count(edges(tab), 3);
  await tab.keyboard.press("Control+z"); // the quiz goes again, and the cards
  await count(cards(tab), 3);
  await tab.keyboard.press("Control+z");
  await count(cards(tab), 2);
});

step("the tutor answers, goes on after a reload, and is stopped", async () => {
  await card(tab, "sample").click();
  await tab.getByLabel("Asked about").getByText("sample").waitFor();
  await tab.getByLabel("Question").fill("What is attention?");
  await tab.getByLabel("Question").press("Enter");
  const answer = tab.locator(".bubble.assistant");
  await answer.getByText("w3").waitFor();
  await accessible(tab, "tutor");
  await tab.reload();
  await answer.getByText("w0 w1 w2").waitFor();
  const before = (await answer.innerText()).length;
  await until(async () => (await answer.innerText()).length > before, "the answer grows after the reload");
  await tab.getByRole("button", { name: "Stop" }).click();
  await answer.getByText("Stopped.").waitFor();
  await tab.getByRole("button", { name: "Answer again" }).waitFor();
  // No question is sent before it is known that no answer is being written.
  await Promise.all([tab.waitForResponse(/\/stream$/), tab.reload()]);
  await answer.getByText("Stopped.").waitFor();
  await count(tab.locator(".bubble"), 2);
});

step("what another tab has asked is read, but not over a new question", async () => {
  const read = tab.waitForRequest(/chat-messages/);
  const tell = await heldBack(tab, "**/v1/chat-messages?*");
  await comeBack(tab);
  await read;
  await tab.getByLabel("Question").fill("Is it still there?");
  await tab.getByLabel("Question").press("Enter");
  const asked = tab.locator(".bubble.user").getByText("Is it still there?");
  await asked.waitFor();
  await tell();
  const answer = tab.locator(".bubble.assistant").nth(1);
  await answer.getByText("w0").waitFor();
  await tab.getByRole("button", { name: "Stop" }).click();
  await answer.getByText("Stopped.").waitFor();
  await count(tab.locator(".bubble"), 4);
});

step("a question names a card by keyboard, and what the answer cites opens its page", async () => {
  await tab.locator(".log[aria-busy=false]").waitFor();
  await tab.getByLabel("Question").pressSequentially("Is softmax in @SAM");
  await tab.getByRole("group", { name: "Cards to name" }).getByRole("button", { name: "sample" }).waitFor();
  await tab.keyboard.press("Enter");
  await tab.keyboard.type("? Script: citing");
  assert.equal(await tab.getByLabel("Question").inputValue(), "Is softmax in @sample ? Script: citing");
  await tab.keyboard.press("Enter");
  const citation = tab
    .locator(".bubble.assistant")
    .last()
    .getByRole("button", { name: /^\[1\] sample, page \d$/ });
  await citation.waitFor();
  await accessible(tab, "citations");
  const [, asked] = await ask(tab, "GET", `/chat-messages?workspace_id=${workspaceId}`);
  const [mentioned] = asked.mentions;
  await tab.reload();
  const page = (await citation.innerText()).at(-1);
  await citation.click();
  await tab
    .getByRole("dialog")
    .getByRole("article", { name: `Page ${page}`, exact: true })
    .getByText(/softmax/i)
    .waitFor();
  await tab.waitForURL(`**/${mentioned}/${page}`);
  await closeDialog(tab);
});

step("cards are connected, moved, copied, deleted and brought back, each by a request or two", async () => {
  const [from, to] = [await placeOf(card(tab, "sample")), await placeOf(card(tab, "Doubling"))];
  await edges(tab).first().focus();
  await tab.keyboard.press("Enter"); // selects it
  await tab.keyboard.press("Delete");
  await count(edges(tab), 0);
  const connect = async () => {
    await drag(tab, [from.x + from.width, from.y + from.height / 2], [to.x + 4, to.y + to.height / 2]);
    await count(edges(tab), 1);
  };
  assert.deepEqual(await measured(tab, "connect two cards", "", connect), ["POST canvas", "GET canvas"]);

  const move = () => drag(tab, [to.x + 100, to.y + 20], [to.x + 100, to.y + 180]);
  assert.deepEqual(await measured(tab, "drag a card", "", move), ["PATCH canvas"]);

  await tab.locator(".react-flow__pane").click({ position: { x: 20, y: 20 } });
  await tab.keyboard.press("Control+a");
  await count(chosen(tab), 2);
  await tab.keyboard.press("Control+c");
  const paste = async () => {
    await tab.keyboard.press("Control+v");
    await count(cards(tab), 4);
    await count(edges(tab), 2);
  };
  assert.deepEqual(await measured(tab, "paste", 368, paste), ["POST canvas", "GET canvas"]);

  await tab.keyboard.press("Control+a");
  await count(chosen(tab), 4);
  const remove = async () => {
    await tab.keyboard.press("Delete");
    await count(cards(tab), 0);
  };
  assert.deepEqual(await measured(tab, "delete", 50, remove), ["POST canvas"]);
  const undo = async () => {
    await tab.keyboard.press("Control+z");
    await count(cards(tab), 4);
    await count(edges(tab), 2);
  };
  assert.deepEqual(await measured(tab, "undo", 52, undo), ["POST canvas", "GET canvas"]);
  await tab.keyboard.press("Control+Shift+z");
  await count(cards(tab), 0);
  await tab.getByRole("button", { name: "Undo" }).click();
  await count(cards(tab), 4);
  await tab.getByRole("button", { name: "Undo" }).click();
  await count(cards(tab), 2);
  const shown = async () => (await card(tab, "Doubling").boundingBox()).y;
  const moved = await shown();
  await tab.getByRole("button", { name: "Undo" }).click();
  await until(async () => (await shown()) < moved - 50, "the drag is taken back");
  await tab.reload();
  await card(tab, "Doubling").waitFor();
  await count(edges(tab), 1);
  await accessible(tab, "canvas");
});

step("what was there and what was typed is reached by keyboard alone", async () => {
  const at = await placeOf(card(tab, "Doubling"));
  await card(tab, "Doubling").focus();
  await tab.keyboard.press("Space");
  await count(chosen(tab), 1);
  const nudge = () => tab.keyboard.press("ArrowRight");
  assert.deepEqual(await measured(tab, "move by an arrow key", "", nudge), ["PATCH canvas"]);
  assert.ok((await placeOf(card(tab, "Doubling"))).x > at.x);
  await tab.keyboard.press("Enter");
  await code(tab).waitFor();
  await closeDialog(tab);
});

step("two tabs that change the same are told, and the learner decides", async () => {
  const second = await newTab(learner, `#/w/${workspaceId}`);
  await card(second, "Doubling").dblclick();
  await code(second).waitFor();
  await card(tab, "Doubling").dblclick();
  await code(tab).waitFor();
  const title = tab.getByRole("dialog").getByLabel("Title");
  const rename = async () => {
    await title.fill("Twice as much");
    await title.press("Enter");
  };
  assert.deepEqual(await measured(tab, "rename", 2, rename), [`PATCH ${labId}`]);
  await comeBack(second);
  await card(second, "Twice as much").waitFor({ state: "attached" });
  await code(second).fill("# from the second tab\n");
  await second.getByText("This was changed elsewhere meanwhile.").waitFor();
  await accessible(second, "conflict");
  await second.getByRole("button", { name: "Keep mine" }).click();
  await until(
    async () => (await ask(tab, "GET", `/labs/${labId}`)).user_state.code === "# from the second tab\n",
    "mine is kept",
  );
  assert.equal((await ask(tab, "GET", `/labs/${labId}`)).title, "Twice as much");

  await code(tab).fill("# from the first tab\n");
  await tab.getByText("This was changed elsewhere meanwhile.").waitFor();
  await tab.getByRole("button", { name: "Take theirs" }).click();
  await until(async () => (await code(tab).inputValue()).includes("second tab"), "theirs is shown");
  await closeDialog(tab);
  await second.close();
});

step("what is typed in one tab while another one saves is not lost", async () => {
  const second = await newTab(learner, `#/w/${workspaceId}/${labId}`);
  await code(second).waitFor();
  await card(tab, "Twice as much").dblclick();
  const tell = await heldBack(tab, `**/v1/labs/${labId}`, "PATCH");
  await code(tab).fill("# is being saved\n");
  await until(
    async () => (await ask(tab, "GET", `/labs/${labId}`)).user_state.code === "# is being saved\n",
    "it is saved",
  );
  await code(second).fill("# typed meanwhile\n");
  await tell();
  await second.getByText("This was changed elsewhere meanwhile.").waitFor();
  await second.close();
  await tab.reload();
  await tab.getByText("This was changed elsewhere meanwhile.").waitFor(); // what was typed is still there to be chosen
  await tab.getByRole("button", { name: "Keep mine" }).click();
  await until(async () => (await code(tab).inputValue()) === "# typed meanwhile\n", "it is shown");
  await closeDialog(tab);
});

step("what was typed just before a tab was closed is there again", async () => {
  const second = await newTab(learner, `#/w/${workspaceId}/${labId}`);
  await code(second).fill("# typed at the last moment\n");
  await Promise.all([second.waitForEvent("close"), second.close({ runBeforeUnload: true })]);
  const third = await newTab(learner, `#/w/${workspaceId}/${labId}`);
  await until(async () => (await code(third).inputValue()) === "# typed at the last moment\n", "it is shown");
  await until(
    async () => (await ask(tab, "GET", `/labs/${labId}`)).user_state.code === "# typed at the last moment\n",
    "it is saved",
  );
  await third.close();
});

step("on a phone nothing is cut off", async () => {
  const phone = await newTab(learner);
  await phone.setViewportSize({ width: 390, height: 844 });
  const fits = async (state) => {
    const cutOff = await phone.locator("a, button, input, select, textarea").evaluateAll((all) =>
      all
        .map((one) => ({ html: one.outerHTML, ...one.getBoundingClientRect().toJSON() }))
        .filter(({ left, right }) => left < 0 || right > innerWidth)
        .map(({ html }) => html),
    );
    assert.deepEqual(cutOff, [], state);
    await accessible(phone, `phone-${state}`);
  };
  await phone.getByRole("link", { name: "How attention works" }).click();
  await card(phone, "Twice as much").waitFor();
  await phone.getByRole("button", { name: "Tutor", exact: true }).click();
  await phone.getByRole("log").getByText("What is attention?").waitFor();
  await fits("tutor");
  await phone.getByRole("button", { name: "Close the tutor" }).click();
  await phone.getByLabel("Search in all files").fill("softmax");
  const found = phone.getByRole("list", { name: "Found pages" }).getByRole("button").first();
  await found.waitFor();
  await fits("search");
  await found.click();
  await phone.getByText("Learn “").waitFor();
  await fits("source");
  await closeDialog(phone);
  await phone.getByRole("link", { name: "All workspaces" }).click();
  await phone.getByRole("link", { name: "How attention works" }).waitFor();
  await fits("workspaces");
  await phone.close();
});

step("a workspace is shared by a link, and the second user sees what happens in it", async () => {
  await tab.getByRole("button", { name: "Share" }).click();
  const dialog = tab.getByRole("dialog");
  await dialog.getByText("You", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Make a link" }).click();
  const link = await dialog.getByRole("textbox", { name: "Link", exact: true }).inputValue();
  await accessible(tab, "share");

  const second = await newTab(await newBrowser(), new URL(link).hash, { provoked: /status of 404/ });
  await signUp(second);
  await second.getByRole("button", { name: "Join the workspace" }).waitFor();
  await accessible(second, "invitation");
  await second.getByRole("button", { name: "Join the workspace" }).click();
  await card(second, "Twice as much").waitFor();
  await second.getByRole("button", { name: "Make my own copy" }).waitFor();
  assert.equal(await second.getByRole("toolbar").count(), 0);
  const tell = await heldBack(second, `**/v1/workspaces/${workspaceId}`);
  await second.reload();
  await card(second, "Twice as much").waitFor();
  assert.equal(await second.getByRole("toolbar").count(), 0, "before the role is known");
  await tell();
  await card(second, "Twice as much").dblclick();
  const seen = second.getByRole("dialog");
  await seen.getByRole("button", { name: "Run the tests", disabled: true }).waitFor();
  await closeDialog(second);
  await card(second, "sample").dblclick();
  await seen.getByRole("button", { name: "3 Attention" }).click();
  await seen.getByText("Learn “3 Attention”").waitFor();
  await seen.getByRole("button", { name: "Exercise", disabled: true }).waitFor();
  await closeDialog(second);
  await second.getByRole("log").getByText("What is attention?").waitFor();
  assert.equal(await second.getByLabel("Question").count(), 0); // a viewer writes nothing here
  await accessible(second, "viewer");
  await second.getByRole("button", { name: "Make my own copy" }).click();
  await second.getByRole("toolbar").waitFor();
  await card(second, "Twice as much").getByText("In progress").waitFor(); // its labs are fresh
  await second.goBack();
  await second.getByRole("button", { name: "Make my own copy" }).waitFor();

  await closeDialog(tab);
  await card(tab, "Twice as much").dblclick();
  await dialog.getByLabel("Title").fill("Read this first");
  await dialog.getByLabel("Title").press("Enter");
  await card(second, "Read this first").waitFor(); // it looks now and then
  await tab.getByRole("button", { name: "Close", exact: true }).click();
  await tab.locator("dialog").waitFor({ state: "detached" });

  await tab.getByRole("button", { name: "Share" }).click();
  const role = dialog.getByRole("combobox", { name: /Role of/ });
  await Promise.all([
    tab.waitForResponse((answer) => answer.request().method() === "PATCH"),
    role.selectOption("editor"),
  ]);
  await second.reload();
  await second.getByLabel("Name of the workspace").waitFor(); // from here on its role is known
  await second.getByRole("toolbar").waitFor();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await count(dialog.getByRole("listitem"), 1);
  await closeDialog(tab);
  await comeBack(second);
  await second.getByRole("main").getByText("no such thing").waitFor(); // the tutor may say so too
  await second.context().close();
});

step("signing out leaves nothing of the learner in the browser", async () => {
  await tab.getByRole("link", { name: "All workspaces" }).click();
  await tab.getByRole("button", { name: "Sign out" }).click();
  await tab.getByRole("button", { name: "Sign in" }).waitFor();
  await until(async () => !(await tab.evaluate(() => localStorage.length)), "nothing is stored");
});

step("nothing was said on the console, and no other host was asked", () => {
  assert.deepEqual(faults, []);
});
