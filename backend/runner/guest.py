"""The first program of every run, inside the sandbox: repairs what this build of Python lacks, then runs the source.

Standard input holds the size of the source in bytes, a line end, the source, and what the program itself may read.
"""

# What programs import most. Imported before the process is copied for a run, so that it costs a run nothing.
import ast
import asyncio
import atexit
import bisect
import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import heapq
import inspect
import io
import itertools
import json
import linecache
import math
import operator
import os
import random
import re
import selectors
import statistics
import string
import sys
import textwrap
import time
import traceback
import types
import typing
import unittest
import unittest.mock
from collections.abc import Callable


def sleep(
    seconds: float,
    _now: Callable[[], float] = time.monotonic,
    _pause: Callable[[], None] = os.sched_yield,
) -> None:
    """This build's own says that it is not supported; the host takes a yield as a pause of a millisecond."""
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"{type(seconds).__name__!r} object cannot be interpreted as an integer")
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    end = _now() + seconds
    while _now() < end:
        _pause()


class Selector(selectors.SelectSelector):
    """Waits for time to pass: there are no sockets to wait for."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is ever ready."""
        if timeout is None:
            raise RuntimeError("the program waits for something that never happens")
        sleep(max(0, timeout))
        return []


class EventLoop(asyncio.SelectorEventLoop):
    """An event loop without the pair of sockets that wakes it from other threads. asyncio has no public way to leave
    them out; this build's version of Python is pinned."""

    def __init__(self) -> None:
        super().__init__(Selector())

    def _make_self_pipe(self) -> None:
        pass

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes `EventLoop` what `asyncio.run` uses."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """One of ours."""
        return EventLoop()


time.sleep = sleep  # type: ignore[assignment]
asyncio.set_event_loop_policy(EventLoopPolicy())


def main() -> None:
    """Run the source that is on standard input as a script."""
    os.sched_yield()  # the first time: the host copies the process here, once for each run
    source = sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))
    random.seed()
    module = types.ModuleType("__main__")
    module.__file__ = "script.py"
    sys.modules["__main__"] = module
    sys.argv = ["script.py"]
    text = source.decode("utf-8", "replace")
    linecache.cache["script.py"] = (len(text), None, text.splitlines(True), "script.py")
    code = 0
    try:
        exec(compile(source, "script.py", "exec"), module.__dict__)
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        if not isinstance(ending.code, (int, type(None))):
            print(ending.code, file=sys.stderr)
    except BaseException as error:
        trace = error.__traceback__
        sys.excepthook(type(error), error.with_traceback(trace and trace.tb_next), trace and trace.tb_next)
        code = 1
    # What Python does at its end, but for taking its own modules apart, which costs more than most programs.
    # Nothing public runs what was registered.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 255)


main()
