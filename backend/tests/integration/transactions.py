"""Transactions that are held open, so that a test says step by step who waits for whom."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol
from uuid import uuid4

from dev.postgres import PostgresStack, psql_command
from dev.processes import Supervisor, base_environment


class Transaction:
    """One connection, in a transaction of a user, which is held open between statements."""

    def __init__(self, stack: PostgresStack, user_id: str) -> None:
        self._stack = stack
        self._name = f"lock_order_{uuid4().hex}"
        self._psql = subprocess.Popen(
            [*psql_command(stack.psql, stack.dsn), "-At"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            env=base_environment() | {"PGAPPNAME": self._name},
        )
        claims = json.dumps({"sub": user_id, "role": "authenticated"})
        self.run(f"set statement_timeout = '30s'; begin; set local request.jwt.claims = '{claims}'")

    def close(self) -> None:
        self._psql.kill()
        self._psql.communicate()

    def send(self, statement: str) -> None:
        """Begin a statement."""
        assert self._psql.stdin
        self._psql.stdin.write(f"{statement};\n\\echo :done\n")

    def receive(self) -> str:
        """What the statement answers, once it is done; an error ends the session, and is the answer."""
        assert self._psql.stdout
        lines = []
        for line in self._psql.stdout:
            if line == ":done\n":
                break
            lines.append(line)
        return "".join(lines)

    def run(self, statement: str) -> str:
        self.send(statement)
        return self.receive()

    def is_waiting(self) -> bool:
        """Whether the statement waits for a lock."""
        asked = f"select wait_event_type from pg_stat_activity where application_name = '{self._name}'"  # noqa: S608
        return self._stack.sql(asked) == "Lock\n"


class Open(Protocol):
    """Opens a transaction as a role of the database."""

    def __call__(self, role: str, user_id: str | None = None) -> Transaction:
        """Of this user, or else of the owner of the workspace."""


@contextmanager
def open_transactions(stack: PostgresStack, owner_id: str) -> Iterator[Open]:
    """Transactions, which are all over in the end."""
    with ExitStack() as opened:

        def open_transaction(role: str, user_id: str | None = None) -> Transaction:
            transaction = Transaction(stack, user_id or owner_id)
            opened.callback(transaction.close)
            assert transaction.run(f"set local role {role}") == ""
            return transaction

        yield open_transaction


def queue(supervisor: Supervisor, *steps: tuple[Transaction, str]) -> None:
    """Begins the statements one after the other, each once the one before waits."""
    for transaction, statement in steps:
        transaction.send(statement)
        supervisor.wait_until(transaction.is_waiting, "the lock that it waits for")
