"""A language model by script: a server of its own that speaks OpenAI's API and does what the name of the model says, or
`Script: <name>` in the question, if there is one.

`words-<n>-<ms>` streams so many words, one every so many milliseconds; `endless` streams words without end; `citing`
names the pages `[0]` to `[4]`; `cut` closes the connection in the middle; `line` is one line without end, and `packed`
is compressed without being asked for; `bad-json`, `silent`, `refused` (401), `busy` (429) and `broken` (500) are what
they are called. Of the words for a question with `Hold: <name>` the second half is kept back until `POST /go/<name>`.

`labs-<ms>` writes a lab: the one that `Script: <name>` in the text names, else one of the type that is asked for; a try
of it for each question so far, one piece every so many milliseconds. Asked for no lab, it streams 200 words.
`labs-<ms>-held` keeps the second try of a lab back until `POST /go/labs`. `GET /seen` answers all requests so far.
"""

import asyncio
import json
import re
import sys
from collections import defaultdict
from typing import Any

from aiohttp import web

from tests.scripted_labs import SCRIPTS, USUAL

SEEN: web.AppKey[list[object]] = web.AppKey("seen", list)
GOING: web.AppKey[dict[str, asyncio.Event]] = web.AppKey("going", dict)
REFUSALS = {"refused": 401, "busy": 429, "broken": 500}


def text(words: int) -> str:
    """What `words-<n>-<ms>` says."""
    return "".join(f"w{number} " for number in range(words))


def chunk(model: str, **choice: object) -> bytes:
    line = {
        "id": "x",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, **choice}],
    }
    return f"data: {json.dumps(line)}\n\n".encode()


async def complete(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    request.app[SEEN].append(asked)
    model = asked["model"]
    text_or_question = asked["messages"][0 if asked.get("tools") else -1 :]
    script = re.search(r"Script: ([a-z][a-z0-9-]*)", json.dumps(text_or_question))
    name = script[1] if script else model.removesuffix("-held").replace("labs-", "words-200-")
    if status := REFUSALS.get(name):
        error = {"error": {"message": f"secret {asked['messages']}", "type": name, "code": name}}
        return web.json_response(error, status=status, headers={"Retry-After": "7"})
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    if name == "packed":
        answer.headers["Content-Encoding"] = "gzip"
    await answer.prepare(request)
    if asked.get("tools"):
        if model.endswith("-held") and len(questions(asked)) == 2:
            going = request.app[GOING]["labs"]
            await going.wait()
            going.clear()  # the next one is kept back too
        return await write_lab(answer, asked, SCRIPTS[name] if script else usual_lab(asked))
    kind, *numbers = name.split("-") if name.startswith("words-") else (name, "5", "10")
    if kind == "endless":
        numbers = ["1000000000", "0"]
    if kind == "silent":
        await asyncio.sleep(3600)
    while kind == "line":
        await answer.write(b"x" * 65536)
    count, pause = map(int, numbers)
    held = re.search(r"Hold: (\S+)", asked["messages"][-1]["content"])
    for number in range(count):
        if held and number == count // 2:
            await request.app[GOING][held[1]].wait()
        if kind in {"cut", "bad-json"} and number == 3:
            if kind == "bad-json":
                await answer.write(b"data: {not json\n\n")
            assert request.transport
            request.transport.close()
            return answer
        word = f"[{number}] " if kind == "citing" else f"w{number} "
        delta = {"role": "assistant", "content": word}
        await answer.write(chunk(model, delta=delta, finish_reason=None))
        await asyncio.sleep(pause / 1000)
    await answer.write(chunk(model, delta={}, finish_reason="stop"))
    usage = {"prompt_tokens": 100, "completion_tokens": count, "total_tokens": 100 + count}
    last = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [], "usage": usage}
    await answer.write(f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())
    return answer


def questions(asked: dict[str, Any]) -> list[Any]:
    return [message for message in asked["messages"] if message["role"] == "user"]


def usual_lab(asked: dict[str, Any]) -> list[Any]:
    """Tries at a lab of the type that is asked for, which cite the first page that is quoted."""
    script = USUAL[asked["tools"][0]["function"]["name"]]
    page = re.search(r"\[page (\d+)\]", str(asked["messages"]))
    cited = re.sub(r'"page": \d+', f'"page": {page[1] if page else 1}', json.dumps(SCRIPTS[script]))
    tries: list[Any] = json.loads(cited)
    return tries


async def write_lab(answer: web.StreamResponse, asked: dict[str, Any], tries: list[Any]) -> web.StreamResponse:
    """A lab in pieces: the arguments of the tool that the request names, or text where the script is one."""
    pause = int(asked["model"].split("-")[1]) / 1000
    lab = tries[min(len(questions(asked)), len(tries)) - 1]
    written = lab if isinstance(lab, str) else json.dumps(lab)
    name = asked["tools"][0]["function"]["name"]
    size = max(200, len(written) // 20)
    for begin in range(0, len(written), size):
        piece = written[begin : begin + size]
        call: dict[str, Any] = {"index": 0, "function": {"arguments": piece}}
        if begin == 0:
            call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": piece}}
        delta = {"role": "assistant"} | ({"content": piece} if isinstance(lab, str) else {"tool_calls": [call]})
        await answer.write(chunk(asked["model"], delta=delta, finish_reason=None))
        await asyncio.sleep(pause)
    await answer.write(chunk(asked["model"], delta={}, finish_reason="stop"))
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    last = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "labs", "choices": [], "usage": usage}
    await answer.write(f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())
    return answer


async def models(request: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": "nomic-embed-text"}, {"id": "words-5-1"}]})


async def go(request: web.Request) -> web.Response:
    request.app[GOING][request.match_info["name"]].set()
    return web.Response(status=204)


async def seen(request: web.Request) -> web.Response:
    return web.json_response(request.app[SEEN])


def create_app() -> web.Application:
    """The model as an application."""
    app = web.Application()
    app[SEEN] = []
    app[GOING] = defaultdict(asyncio.Event)
    app.add_routes(
        [
            web.post("/v1/chat/completions", complete),
            web.get("/v1/models", models),
            web.get("/seen", seen),
            web.post("/go/{name}", go),
        ]
    )
    return app


if __name__ == "__main__":
    web.run_app(create_app(), host="127.0.0.1", port=int(sys.argv[1]), print=None, shutdown_timeout=0.1)
