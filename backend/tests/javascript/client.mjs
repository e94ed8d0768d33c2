// The real supabase-js against the stack that the environment names: one client for each of two users, by their tokens.

import { createClient } from "@supabase/supabase-js";

const { SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, OWNER_ID, OWNER_TOKEN, STRANGER_ID, STRANGER_TOKEN } = process.env;

// Node 20 has no WebSocket of its own. Nothing here subscribes.
const transport = globalThis.WebSocket ?? class {};

function signedIn(id, token) {
  const accessToken = async () => token;
  const client = createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, { accessToken, realtime: { transport } });
  return Object.assign(client, { id });
}

export const owner = signedIn(OWNER_ID, OWNER_TOKEN);
export const stranger = signedIn(STRANGER_ID, STRANGER_TOKEN);
