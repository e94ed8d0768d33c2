/** What the journey finds on a canvas, and does there. */

import { until } from "./browser.mjs";

export const card = (tab, title) => tab.locator(".react-flow__node", { hasText: title });
export const cards = (tab) => tab.locator(".react-flow__node");
export const edges = (tab) => tab.locator(".react-flow__edge");
export const chosen = (tab) => tab.locator(".react-flow__node.selected");
export const code = (tab) => tab.getByRole("dialog").getByLabel("Your code");

/** Waits until so many are found. */
export const count = (locator, number) =>
  until(async () => (await locator.count()) === number, `${locator}: ${number}`);

/** Presses the mouse at one place and lets it go at another. */
export async function drag(tab, from, to) {
  await tab.mouse.move(...from);
  await tab.mouse.down();
  await tab.mouse.move(...to, { steps: 8 });
  await tab.mouse.up();
}

/** Closes the window that is open, and waits until the canvas can be reached again. */
export async function closeDialog(tab) {
  await tab.keyboard.press("Escape");
  await tab.locator("dialog").waitFor({ state: "detached" });
}

/** Where a card is, once nothing moves it or covers it. */
export async function placeOf(card) {
  await card.click({ trial: true });
  return card.boundingBox();
}
