"""What `make dev` does: the embedded stack, the code runner and the gateway with reload, until Ctrl-C or until one of
them ends. The code runner is started again; without it all else goes on."""

import contextlib
import secrets
import signal
import sys
import time
from itertools import combinations
from types import FrameType

from dev import BACKEND, ROOT, developer, environment, http_calls, sample
from dev.embedded import EmbeddedStack, keep_serving, running, start_embedded, wait_until_it_answers
from dev.processes import STOP_SIGNALS, StartError, Supervisor, free_port, is_free
from dev.runner import KeptRunner

PORTS = {"PORT": 8000, "SUPABASE_PORT": 54321, "METRICS_PORT": 0}  # the last one only when it is set

READY = """\nAIDE is running.

  API              {api}
  Its docs         {api}/docs
  Supabase URL     {supabase}
  Publishable key  {publishable_key}
  Data browser     {supabase}  (admin mode: whoever is on this machine sees and changes all rows)
  You are          {email}, password {password}
  A page           http://127.0.0.1:{page}  (`make page`, in another terminal)
{attempt}
Ctrl-C stops it; the data stay.
"""
ATTEMPT = """\nRun the sample workspace's code lab, in another terminal in this folder. A test fails until you mend it:

  curl -X POST {api}/v1/labs/{lab}/run -H "Authorization: Bearer $(make -s token)" \
-H 'Content-Type: application/json' -d '{{"code": "{code}"}}'
"""


class StackOutput:
    """Shows what the stack says once it is ready, and keeps its banner for the case that it never is."""

    def __init__(self) -> None:
        self.ready = False
        self.banner: list[str] = []

    def __call__(self, line: str) -> None:
        if self.ready:
            show(f"stack   | {line}")
        else:
            self.banner.append(line)
            self.ready = line.startswith("Ready in ")


def serve() -> int:
    """The exit status: 0 when it was asked to stop, else 1."""
    for signum in STOP_SIGNALS:
        signal.signal(signum, interrupt)
    try:
        if environment.create():
            show("Made .env, with secrets of its own.")
        settings = environment.read()
        ports = {
            name: environment.port(settings, name, default)
            for name, default in PORTS.items()
            if default or name in settings
        }
        check_folder_and_ports(ports)
        return run(settings, ports["PORT"], ports["SUPABASE_PORT"])
    except StartError as error:
        print(f"Not started: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def run(settings: dict[str, str], api_port: int, supabase_port: int) -> int:
    started_at = time.monotonic()
    jwt_secret, publishable_key, password = (secret(settings, name) for name in environment.GENERATED)
    api, supabase = (f"http://127.0.0.1:{port}" for port in (api_port, supabase_port))
    stack_output, gateway = StackOutput(), None
    page = environment.port(settings, "PAGE_PORT", 5173)

    def say(line: str) -> None:
        show(f"{time.monotonic() - started_at:5.1f} s  {line}")

    with Supervisor(watch_parent=True) as supervisor:

        def start_stack() -> EmbeddedStack:
            stack_output.ready = False
            return start_embedded(
                supervisor,
                ROOT,
                port=supabase_port,
                jwt_secret=jwt_secret,
                publishable_key=publishable_key,
                admin=True,
                output=stack_output,
                say=say,
                record={"api": api, "supabase_url": supabase},
            )

        try:
            runner = None
            if "RUNNER_URL" not in settings:  # one's own runner, or a Judge0
                runner = KeptRunner(supervisor, port=free_port(), token=secrets.token_hex(16), say=say)
            stack = start_stack()
            if model := ollama(settings):
                say("the tutor's model is {AI_MODEL}, of the Ollama at {AI_BASE_URL}".format(**model))
            say("starting the gateway")  # now, since it takes as long as the stack does
            gateway = supervisor.start(
                "the gateway",
                [sys.executable, "-m", "dev.gateway"],
                env=gateway_environment(settings | model, stack, api_port) | (runner.environment if runner else {}),
                cwd=BACKEND,
                output=lambda line: show(f"gateway | {line}"),
            )
            wait_until_it_answers(supervisor, ROOT, stack)
            say("the embedded stack answers")
            supervisor.wait_until(lambda: http_calls.is_ok(f"{api}/ready"), f"the gateway at {api}")
            attempt = ""
            try:
                if developer.post_sample(api, developer.sign_in(supabase, settings)):
                    attempt = ATTEMPT.format(api=api, lab=sample.CODE, code=sample.FIRST_TRY)
            except (StartError, OSError) as error:
                say(f"no sample workspace: {error}")
            if runner:
                supervisor.wait_until(runner.settled, "the code runner", seconds=600.0)  # it fetches 48 MB, once
                runner.keep()
            say("ready")
            you = {"email": developer.EMAIL, "password": password, "publishable_key": publishable_key}
            show(READY.format(**you, api=api, supabase=supabase, page=page, attempt=attempt))
            keep = runner.keep if runner else lambda: None
            keep_serving(supervisor, ROOT, stack, say=say, restart=start_stack, each_second=keep)
        except KeyboardInterrupt:
            say("stopping")
            return 0
        except StartError as error:
            gateway_ended = gateway is not None and gateway.process.poll() is not None
            if stack_output.banner and not stack_output.ready and not gateway_ended:
                show("\n".join(stack_output.banner))
            say(f"stopping: {error}")
            return 1


def interrupt(signum: int, frame: FrameType | None) -> None:
    for stop_signal in STOP_SIGNALS:  # stopping takes seconds at most, and a second Ctrl-C must not interrupt it
        signal.signal(stop_signal, signal.SIG_IGN)
    raise KeyboardInterrupt


def check_folder_and_ports(ports: dict[str, int]) -> None:
    if (holder := running(ROOT)) and "api" in holder:
        stop = f"press Ctrl-C in its terminal, or `kill {holder.get('pid')}`, to stop it"
        raise StartError(f"it is running already, its API is {holder['api']}: {stop}")
    for name, port in ports.items():
        if not is_free(port):
            raise StartError(f"port {port} is taken: choose another by setting {name}, in the environment or in .env")
    for (one, port), (other, same) in combinations(ports.items(), 2):
        if port == same:
            raise StartError(f"{one} and {other} are the same: set one of them to another port")


def secret(settings: dict[str, str], name: str) -> str:
    if name not in settings:
        raise StartError(f"{name} is not set: give it a value in .env, or remove .env and a new one is made")
    return settings[name]


def ollama(settings: dict[str, str]) -> dict[str, str]:
    """The settings for the newest model of an Ollama that runs on this machine, unless a model is set."""
    host, _, port = settings.get("OLLAMA_HOST", "127.0.0.1").removeprefix("http://").partition(":")
    url = f"http://{host}:{port or 11434}/v1"
    with contextlib.suppress(OSError, LookupError, TypeError, StopIteration):
        models = [] if "AI_MODEL" in settings else http_calls.call("GET", f"{url}/models", {}, timeout=1)[1]["data"]
        return {"AI_BASE_URL": url, "AI_MODEL": next(each["id"] for each in models if "embed" not in each["id"])}
    return {}


def gateway_environment(settings: dict[str, str], stack: EmbeddedStack, port: int) -> dict[str, str]:
    """The settings that .env.example names, but for those that are none of its business."""
    named = environment.documented() - environment.NOT_THE_GATEWAYS
    return {
        **{name: value for name, value in settings.items() if name in named},
        "PORT": str(port),
        "SUPABASE_URL": stack.url,
        "SUPABASE_PUBLISHABLE_KEY": stack.publishable_key,
        "SUPABASE_JWT_SECRET": stack.jwt_secret,
    }


def show(text: str) -> None:
    """Prints at once. A terminal that is gone must not keep anything from being stopped."""
    with contextlib.suppress(OSError):
        print(text, flush=True)
