"""The embedded stack as a container: `python -m dev.container`, for `docker-compose.embedded.yml`.

Its data are in the volume at `supabase/.temp`. Secrets that nobody gave are made at the first start; the gateway reads
them from a volume that it shares with this container.
"""

import os
import secrets
import shlex
import signal
import sys
from pathlib import Path
from socket import has_dualstack_ipv6

from dev import ROOT, developer
from dev.embedded import EmbeddedStack, keep_serving, start_embedded, wait_until_it_answers
from dev.environment import GENERATED, NOT_THE_GATEWAYS
from dev.processes import STOP_SIGNALS, StartError, Supervisor
from dev.serve import interrupt, show

PORT = 54321
SETTINGS = Path("/settings/gateway.env")


def serve() -> int:
    """The exit status: 0 when it was asked to stop, else 1."""
    for signum in STOP_SIGNALS:
        signal.signal(signum, interrupt)
    with Supervisor() as supervisor:
        try:
            settings = write_settings()
            stack = start_embedded(
                supervisor,
                ROOT,
                port=PORT,
                host="::" if has_dualstack_ipv6() else "0.0.0.0",  # noqa: S104 - the container's own
                jwt_secret=settings["SUPABASE_JWT_SECRET"],
                publishable_key=settings["SUPABASE_PUBLISHABLE_KEY"],
                admin=False,
                output=show,
                say=show,
            )
            wait_until_it_answers(supervisor, ROOT, stack)
            developer.replace_known_password(stack.url, settings)
            show("ready")
            keep_serving(supervisor, ROOT, stack, say=show)  # not again by itself: its engine restarts it
        except KeyboardInterrupt:
            show("stopping")
            return 0
        except StartError as error:
            show(f"stopping: {error}")
            return 1


def health() -> int:
    """The exit status: 0 when the stack answers."""
    settings = read_settings()
    stack = EmbeddedStack(
        f"http://127.0.0.1:{PORT}", settings["SUPABASE_PUBLISHABLE_KEY"], settings["SUPABASE_JWT_SECRET"]
    )
    return int(not stack.answers())


def token() -> int:
    """Prints an access token of the development user."""
    try:
        show(developer.sign_in(f"http://127.0.0.1:{PORT}", read_settings()))
    except (StartError, OSError) as error:
        print(f"No token: {error}", file=sys.stderr)
        return 1
    return 0


def write_settings() -> dict[str, str]:
    """The secrets, given by the environment or made once, left where the gateway's shell reads them."""
    made = read_settings()
    settings = {name: os.environ.get(name) or made.get(name) or make() for name, make in GENERATED.items()}
    part = SETTINGS.with_name(f"part-{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        for name, value in settings.items():  # what is not exported, the gateway's process does not get
            file.write(f"{'' if name in NOT_THE_GATEWAYS else 'export '}{name}={shlex.quote(value)}\n")
    part.replace(SETTINGS)
    return settings


def read_settings() -> dict[str, str]:
    words = shlex.split(SETTINGS.read_text()) if SETTINGS.exists() else []
    return dict(word.split("=", 1) for word in words if "=" in word)


COMMANDS = {"serve": serve, "health": health, "token": token}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1] if len(sys.argv) > 1 else "serve"]())
