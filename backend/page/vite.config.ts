/** Where the page is served, and which API and Supabase it speaks to: those of the `make dev` that runs in this folder,
 * unless the environment names others. Only addresses and the publishable key reach the page. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The addresses that `make dev` has recorded. */
function recorded(): { api?: string; supabase_url?: string } {
  try {
    return JSON.parse(readFileSync(`${ROOT}supabase/.temp/lock`, "utf8"));
  } catch {
    return {};
  }
}

export default defineConfig(() => {
  const settings = loadEnv("development", ROOT, ["PORT", "PAGE_PORT", "SUPABASE_", "API_URL"]);
  const running = recorded();
  const api = process.env.API_URL ?? running.api ?? `http://127.0.0.1:${settings.PORT || 8000}`;
  const local = running.supabase_url ?? `http://127.0.0.1:${settings.SUPABASE_PORT || 54321}`;
  const supabase = process.env.SUPABASE_URL ?? local;
  const key = settings.SUPABASE_PUBLISHABLE_KEY;
  if (!key) {
    console.error(
      "Not started: there is no SUPABASE_PUBLISHABLE_KEY yet. Start `make dev` first, in another terminal.",
    );
    process.exit(1);
  }
  const port = Number(settings.PAGE_PORT || 5173);
  const address = { host: "127.0.0.1", port, strictPort: true };
  return {
    plugins: [react()],
    define: {
      "import.meta.env.VITE_API_URL": JSON.stringify(api),
      "import.meta.env.VITE_SUPABASE_URL": JSON.stringify(supabase),
      "import.meta.env.VITE_SUPABASE_PUBLISHABLE_KEY": JSON.stringify(key),
    },
    server: address,
    preview: address,
    build: { chunkSizeWarningLimit: 1000 },
  };
});
