// Drives autocannon: one job per line of standard input, its result per line of standard output.
//
// autocannon's own histogram counts whole milliseconds, too coarse here, so each response's time is kept.

import { randomUUID } from "node:crypto";
import http from "node:http";
import { createInterface } from "node:readline";
import autocannon from "autocannon";

function summary(times, responses, bad, seconds) {
  const sorted = Float64Array.from(times).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { responses, bad, seconds, p50: at(0.5), p99: at(0.99) };
}

// `users` are lists of requests; each connection repeats one of them. `group` responses count as one time.
function load({ url, connections, duration, amount, users, group }) {
  const times = [];
  const parts = new Map();
  let connection = 0;
  let responses = 0;
  let bad = 0;
  const startedAt = performance.now();
  let endedAt = startedAt;
  return new Promise((resolve, reject) => {
    const run = autocannon(
      {
        url,
        connections,
        ...(amount ? { amount } : { duration }),
        sampleInt: 50,
        timeout: 60,
        setupClient: (client) => client.setRequests(users[connection++ % users.length].map(varied)),
      },
      (error, result) =>
        error ? reject(error) : resolve(summary(times, responses, bad + result.errors, (endedAt - startedAt) / 1000)),
    );
    run.on("response", (client, status, bytes, milliseconds) => {
      endedAt = performance.now();
      responses += 1;
      bad += status < 200 || status > 299;
      const part = parts.get(client) ?? { count: 0, sum: 0 };
      part.count += 1;
      part.sum += milliseconds;
      if (part.count === group) times.push(part.sum);
      parts.set(client, part.count === group ? { count: 0, sum: 0 } : part);
    });
  });
}

// A path with `{uuid}` is a new one each time.
function varied(request) {
  if (!request.path.includes("{uuid}")) return request;
  return { ...request, setupRequest: (made) => ({ ...made, path: request.path.replace("{uuid}", randomUUID()) }) };
}

// A user's requests all at once, over the six connections that a browser opens, until the time is over. autocannon has
// no such thing.
async function burst({ url, duration, users }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 6 });
  const send = ({ path, ...options }) =>
    new Promise((resolve, reject) => {
      const request = http.request(new URL(path, url), { agent, ...options }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode < 200 || response.statusCode > 299));
      });
      request.on("error", reject).end();
    });
  const times = [];
  let bad = 0;
  const startedAt = performance.now();
  while (performance.now() - startedAt < duration * 1000) {
    const begunAt = performance.now();
    for (const failed of await Promise.all(users[0].map(send))) bad += failed;
    times.push(performance.now() - begunAt);
  }
  agent.destroy();
  return summary(times, times.length * users[0].length, bad, (performance.now() - startedAt) / 1000);
}

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  console.log(JSON.stringify(await (job.burst ? burst(job) : load(job))));
}
