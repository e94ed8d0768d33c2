/** The tutor: a conversation that goes on when the page is left, and is there again when it comes back. */

import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport, type UIMessage } from "ai";
import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from "react";

import { API_URL, api, bearer, must, Refusal, type Schemas } from "./api";
import { IconButton } from "./Icon";
import { Markdown } from "./Markdown";
import { complain } from "./notices";
import { useAnswer } from "./useAnswer";

const CHAT_ID = "main";
const MOST_MENTIONS = 50;
type Message = UIMessage<{ status?: string; failure?: string | null }>;

/** A node that a question may be about. */
interface Mention {
  id: string;
  title: string;
  selected?: boolean;
}

interface Props {
  workspaceId: string;
  mayEdit: boolean;
  nodes: Mention[];
  onCite: (sourceId: string, page: number) => void;
  onClose: () => void;
}

export function Chat(props: Props) {
  const [history] = useAnswer(() => readHistory(props.workspaceId), [props.workspaceId]);
  return (
    <aside className="chat" aria-label="Tutor">
      <header className="row">
        <h2 className="grow">Tutor</h2>
        <IconButton name="close" label="Close the tutor" onClick={props.onClose} />
      </header>
      {history ? <Conversation {...props} history={history} /> : <div className="skeleton block" />}
    </aside>
  );
}

function Conversation({ workspaceId, mayEdit, nodes, onCite, history }: Props & { history: Message[] }) {
  const transport = useMemo(
    () =>
      new DefaultChatTransport<Message>({
        api: `${API_URL}/v1/workspaces/${workspaceId}/chat`,
        headers: async () => ({ Authorization: await bearer() }),
      }),
    [workspaceId],
  );
  const { messages, sendMessage, setMessages, regenerate, resumeStream, status, error, clearError } = useChat<Message>({
    id: CHAT_ID,
    messages: history,
    resume: true,
    transport,
    generateId: () => crypto.randomUUID(), // so that a row has the id that it is shown with
  });
  const busy = status === "submitted" || status === "streaming";
  const log = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  }, [messages]);

  // What another tab has asked is read when one comes back to this one.
  useEffect(() => {
    const take = (read: Message[]) => setMessages((shown) => (shown === messages ? read : shown)); // not over a new question
    const refresh = () => status === "ready" && void readHistory(workspaceId).then(take, complain);
    addEventListener("focus", refresh);
    return () => removeEventListener("focus", refresh);
  }, [status, workspaceId, messages, setMessages]);

  function ask(text: string) {
    clearError();
    const mentions = nodes.filter(({ selected, title }) => selected || text.includes(`@${title}`));
    void sendMessage({ text }, { body: { mentions: mentions.slice(0, MOST_MENTIONS).map(({ id }) => id) } });
  }

  /** The SDK's own `stop` would only stop listening. */
  function stop() {
    const path = { workspace_id: workspaceId, chat_id: CHAT_ID };
    must(api.POST("/v1/workspaces/{workspace_id}/chat/{chat_id}/stop", { params: { path } })).catch(complain);
  }

  const last = messages.at(-1);
  return (
    <>
      <div className="log" role="log" ref={log} tabIndex={0} aria-label="Conversation" aria-busy={busy}>
        {messages.map((message) => (
          <Bubble key={message.id} message={message} onCite={onCite} />
        ))}
        {busy && last?.role !== "assistant" && <p className="bubble state busy">The tutor is thinking…</p>}
        {!messages.length && (
          <p className="empty">
            {mayEdit
              ? "Ask about what is on the canvas: select cards, or name them with @."
              : "Nobody has asked anything yet."}
          </p>
        )}
      </div>
      {error && (
        <p className="refusal row" role="alert">
          <span className="grow">{reason(error)}</span>
          {last?.role === "assistant" && (
            <button type="button" onClick={() => void resumeStream()}>
              Go on
            </button>
          )}
        </p>
      )}
      {mayEdit && (
        <Composer nodes={nodes} busy={busy} onAsk={ask}>
          {busy ? (
            <button type="button" onClick={stop}>
              Stop
            </button>
          ) : (
            last?.role === "assistant" && (
              <button type="button" className="plain" onClick={() => void regenerate()}>
                Answer again
              </button>
            )
          )}
        </Composer>
      )}
    </>
  );
}

interface ComposerProps {
  nodes: Mention[];
  busy: boolean;
  onAsk: (text: string) => void;
  children: ReactNode;
}

/** Where a question is written. After an @ the nodes are offered whose titles go on as it does: Enter takes the first. */
function Composer({ nodes, busy, onAsk, children }: ComposerProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [named, setNamed] = useState<string>();
  const offered = nodes.filter(({ title }) => named !== undefined && title.toLowerCase().startsWith(named)).slice(0, 5);
  const selected = nodes.filter((node) => node.selected);

  function look() {
    const { value, selectionStart } = field.current!;
    setNamed(/(?:^|\s)@([^@\n]*)$/.exec(value.slice(0, selectionStart))?.[1]?.toLowerCase());
  }

  function take(title: string) {
    const { selectionStart } = field.current!;
    field.current!.setRangeText(`${title} `, selectionStart - named!.length, selectionStart, "end");
    field.current!.focus();
    setNamed(undefined);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const text = field.current!.value;
    if (!text.trim() || busy) return;
    onAsk(text);
    field.current!.value = "";
  }

  function onKeyDown(event: KeyboardEvent<HTMLTextAreaElement>) {
    if (event.key === "Escape") setNamed(undefined);
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (offered[0]) take(offered[0].title);
    else event.currentTarget.form?.requestSubmit();
  }

  return (
    <form className="composer" onSubmit={submit}>
      {selected.length > 0 && (
        <p className="about" aria-label="Asked about">
          {selected.map(({ id, title }) => (
            <span key={id} className="chip">
              {title}
            </span>
          ))}
        </p>
      )}
      <textarea
        ref={field}
        rows={2}
        aria-label="Question"
        placeholder="Ask the tutor, name cards with @"
        maxLength={100_000}
        onInput={look}
        onKeyDown={onKeyDown}
      />
      {offered.length > 0 && (
        <p className="about" role="group" aria-label="Cards to name">
          {offered.map(({ id, title }) => (
            <button key={id} type="button" className="chip" onClick={() => take(title)}>
              {title}
            </button>
          ))}
        </p>
      )}
      <div className="row">
        {children}
        <span className="grow" />
        {!busy && <button className="primary">Ask</button>}
      </div>
    </form>
  );
}

function Bubble({ message, onCite }: { message: Message; onCite: Props["onCite"] }) {
  const { status, failure } = message.metadata ?? {};
  return (
    <article className={`bubble ${message.role}`}>
      {message.parts.map((part, n) => {
        if (part.type === "text")
          return message.role === "user" ? <p key={n}>{part.text}</p> : <Markdown key={n} text={part.text} />;
        const cited =
          part.type === "source-document" &&
          (part.providerMetadata?.aide as unknown as Schemas["Citation"] | undefined);
        return (
          cited && (
            <button key={n} type="button" className="chip" onClick={() => onCite(cited.source_id, cited.page)}>
              {cited.number && `[${cited.number}] `}
              {cited.title}, page {cited.page}
            </button>
          )
        );
      })}
      {status === "stopped" && <p className="muted">Stopped.</p>}
      {status === "failed" && (
        <p className="refusal">Not finished: {failure?.replaceAll("_", " ") ?? "interrupted"}.</p>
      )}
    </article>
  );
}

/** A refusal comes as a problem document, which the SDK passes on as text. */
function reason(error: Error): string {
  try {
    return new Refusal(JSON.parse(error.message)).message;
  } catch {
    return error.message;
  }
}

/** The last messages, oldest first. An answer that is being written is left to the stream, which begins at its start. */
async function readHistory(workspaceId: string): Promise<Message[]> {
  const query = { workspace_id: workspaceId, chat_id: CHAT_ID, limit: 100 };
  const rows = await must(api.GET("/v1/chat-messages", { params: { query } }));
  return rows
    .reverse()
    .filter((row) => row.status !== "streaming" && row.status !== "stopping")
    .map(messageOf);
}

function messageOf(row: Schemas["ChatMessage"]): Message {
  const sources = row.sources.map((cited) => ({
    type: "source-document" as const,
    sourceId: `${cited.source_id}#${cited.page}`,
    mediaType: "text/plain",
    title: cited.title,
    providerMetadata: { aide: { ...cited } },
  }));
  return {
    id: row.id,
    role: row.role,
    metadata: { status: row.status, failure: row.failure },
    parts: [{ type: "text", text: row.content }, ...sources],
  };
}
