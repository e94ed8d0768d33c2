// A tab of a front end: the real useChat, rendered by the real React, with the history that the API has.

import { DefaultChatTransport } from "ai";
import { Window } from "happy-dom";

const { TOKEN, WORKSPACE } = process.env;

const window = new Window();
Object.assign(globalThis, { window, document: window.document });
globalThis.navigator ??= window.navigator; // of Node 20, which has none
const { configure, renderHook, waitFor } = await import("@testing-library/react");
const { useChat } = await import("@ai-sdk/react");
configure({ reactStrictMode: true, getElementError: (message) => new Error(message) });

export const textOf = (message) =>
  message?.parts
    .filter((part) => part.type === "text")
    .map((part) => part.text)
    .join("");

async function call(url, token = TOKEN, method = "GET") {
  const answer = await fetch(url, { method, headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}

export async function rows(gateway, id) {
  return (await call(`${gateway}/v1/chat-messages?workspace_id=${WORKSPACE}&chat_id=${id}&order=seq`)).json();
}

export async function stop(gateway, id) {
  await call(`${gateway}/v1/workspaces/${WORKSPACE}/chat/${id}/stop`, TOKEN, "POST");
}

// Opens a conversation: what is kept of it is shown first, an unfinished answer too, and then resumed.
// With `lastAlone` it sends no message but the last one, as docs/chat.md has it.
export async function openTab(gateway, id, { token = TOKEN, lastAlone = false } = {}) {
  const history = (await rows(gateway, id)).map(({ id, role, content, status, failure }) => ({
    id,
    role,
    parts: [{ type: "text", text: content }],
    metadata: { status, failure },
  }));
  return new Tab(gateway, id, history, token, lastAlone ? { prepareSendMessagesRequest: lastMessage } : {});
}

const lastMessage = ({ messages, body, id, trigger, messageId }) => ({
  body: { ...body, id, trigger, messageId, messages: messages.slice(-1) },
});

class Tab {
  answered = []; // the statuses that came back
  shown = new Set(); // all texts of the answer that were ever on the page
  #closing = new AbortController();

  constructor(gateway, id, history, token, options) {
    const transport = new DefaultChatTransport({
      ...options,
      api: `${gateway}/v1/workspaces/${WORKSPACE}/chat`,
      headers: { Authorization: `Bearer ${token}` },
      fetch: async (url, init) => {
        const signals = [this.#closing.signal, init.signal].filter(Boolean);
        const answer = await fetch(url, { ...init, signal: AbortSignal.any(signals) });
        this.answered.push(answer.status);
        return answer;
      },
    });
    this.hook = renderHook(() => {
      const chat = useChat({ id, messages: history, resume: true, transport });
      const last = chat.messages.at(-1);
      if (last?.role === "assistant") this.shown.add(textOf(last));
      return chat;
    });
  }

  get chat() {
    return this.hook.result.current;
  }

  get last() {
    return this.chat.messages.at(-1);
  }

  async until(isSo, seconds = 60) {
    const check = () => {
      if (!isSo(this)) throw new Error(`not within ${seconds} s: ${this.chat.status} ${this.chat.error} ${textOf(this.last)}`);
    };
    await waitFor(check, { timeout: seconds * 1000, interval: 20 });
  }

  async untilShown(characters = 20) {
    await this.until(({ last }) => last?.role === "assistant" && textOf(last).length >= characters);
  }

  // Until the answer is known to have ended.
  async untilEnded(seconds = 60) {
    const isEnded = ({ chat, last }) =>
      ["ready", "error"].includes(chat.status) && !["streaming", "stopping"].includes(last?.metadata?.status);
    await this.until(isEnded, seconds);
  }

  // Until what came of a request is on the page too.
  async after(done) {
    await done;
    await this.untilEnded();
  }

  // As a browser closes a tab: the connection goes with it.
  close() {
    this.#closing.abort();
    this.hook.unmount();
  }
}

export async function closeWindow() {
  await window.happyDOM.close();
}
