/** Takes the pictures of the README from the sample workspace of a running `make dev` and `make page`:
 * `node screenshots.mjs`, with CHROMIUM and PAGE_URL where they are not the usual ones. */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const { PAGE_URL = "http://127.0.0.1:5173" } = process.env;
const CHROMIUM = process.env.CHROMIUM ?? execFileSync("which", ["chromium"]).toString().trim();
const FOLDER = fileURLToPath(new URL("../../docs/page/", import.meta.url));
const MAX_BYTES = 100_000;
const settings = readFileSync(new URL("../../.env", import.meta.url), "utf8");
const password = /^DEVELOPER_PASSWORD=(.*)$/m.exec(settings)[1];

mkdirSync(FOLDER, { recursive: true });
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});
const page = await browser.newPage({
  viewport: { width: 1280, height: 800 },
  colorScheme: "light",
  reducedMotion: "reduce",
});
const devtools = await page.context().newCDPSession(page);

/** WebP, which playwright does not write, is a third of PNG. */
async function take(name) {
  const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality: 90 });
  const file = `${FOLDER}${name}.webp`;
  writeFileSync(file, Buffer.from(data, "base64"));
  const { size } = statSync(file);
  console.log(`${file}: ${size} bytes`);
  if (size > MAX_BYTES) throw new Error(`${file} is too large`);
}

const card = (title) => page.locator(".react-flow__node", { hasText: title });
const dialog = page.getByRole("dialog");

await page.goto(PAGE_URL);
await page.getByLabel("Email").fill("developer@example.com");
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("link", { name: "How transformers work" }).click();
await card("6 pages").waitFor();
await page.getByText("At chapter 3").waitFor();
await page.waitForLoadState("networkidle");
await page.getByRole("button", { name: "Fit View" }).click();
await take("canvas");

await card("6 pages").dblclick();
await dialog.getByRole("button", { name: "3 Attention" }).click();
await dialog.getByRole("article").getByText("3 Attention").waitFor();
await page.mouse.move(0, 0);
await take("source");
await page.keyboard.press("Escape");

await card("The causal mask").dblclick();
await dialog.getByLabel("Your code").fill("def causal_mask(n):\n    return [[1] * n for _ in range(n)]\n");
await dialog.getByRole("button", { name: "Run the tests" }).click();
await dialog.getByText("1 of 2 tests passed.").waitFor();
await page.mouse.move(0, 0);
await take("exercise");
await dialog.getByRole("button", { name: "Start over" }).click();
await dialog.getByText("...", { exact: false }).first().waitFor();
await page.keyboard.press("Escape");

await page.getByLabel("Search in all files").fill("softmax weights");
await page.getByRole("list", { name: "Found pages" }).getByRole("button").first().waitFor();
await take("search");
await browser.close();
