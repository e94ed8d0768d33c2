// A small language model after OpenAI's API: `node server.mjs <file with the weights> <port>`. It gives one answer at a
// time, always the same to the same messages, and always as long as it may be. `GET /answers` tells what became of each.

import { createServer } from "node:http";
import { getLlama, LlamaChatSession, TokenBias } from "node-llama-cpp";

const [modelPath, port] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath });
// Threads wait for each other in a loop: with more than one, a busy machine writes a word in ten seconds.
const context = await model.createContext({ contextSize: 4096, threads: 1 });
const sequence = context.getSequence();
const ends = [model.tokens.eos, model.tokens.eot].filter((token) => token !== null);
const tokenBias = ends.reduce((bias, token) => bias.set(token, "never"), new TokenBias(model.tokenizer));
const answers = [];

function turn({ role, content }) {
  return role === "assistant" ? { type: "model", response: [content] } : { type: role, text: content };
}

async function answer(asked, response) {
  const left = new AbortController();
  response.on("close", () => left.abort());
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (part) => response.write(`data: ${part}\n\n`);
  const chunk = (choices, usage = null) =>
    send(JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "small", choices, usage }));

  const now = () => performance.now() / 1000;
  const told = { asked: now(), pieces: 0, first: 0, last: 0, tokens: 0, ending: "writing" };
  answers.push(told);
  await sequence.clearHistory();
  const before = sequence.tokenMeter.getState();
  const session = new LlamaChatSession({ contextSequence: sequence, autoDisposeSequence: false });
  session.setChatHistory(asked.messages.slice(0, -1).map(turn));
  await session.prompt(asked.messages.at(-1).content, {
    maxTokens: asked.max_completion_tokens ?? asked.max_tokens,
    temperature: 0,
    tokenBias,
    signal: left.signal,
    stopOnAbortSignal: true,
    onTextChunk(content) {
      told.last = now();
      told.first ||= told.last;
      told.pieces += 1;
      chunk([{ index: 0, delta: { role: "assistant", content }, finish_reason: null }]);
    },
  });
  session.dispose();
  const used = sequence.tokenMeter.diff(before);
  told.tokens = used.usedInputTokens + used.usedOutputTokens;
  told.ending = left.signal.aborted ? "left" : "whole";
  chunk([{ index: 0, delta: {}, finish_reason: "stop" }]);
  chunk([], { prompt_tokens: used.usedInputTokens, completion_tokens: used.usedOutputTokens, total_tokens: told.tokens });
  send("[DONE]");
  response.end();
}

createServer(async (request, response) => {
  if (request.method === "GET") return response.end(JSON.stringify(answers));
  let body = "";
  for await (const piece of request) body += piece;
  await answer(JSON.parse(body), response);
}).listen(Number(port), "127.0.0.1");
