"""What every process under the supervisor does first and last: take its secret from stdin, end when stdin closes.

The supervisor starts a child as `python -m execution.wiring.<process> --home HOME [--strategy NAME | --venue NAME]`
(process: venue, engine, listener, archiver, runner) and writes one line to its stdin: the password of its user on the
servers (a runner gets its whole `RunnerSetup`).
Never by environment or arguments, which others can read. The pipe stays open for as long as the supervisor lives: its
end means to stop in order, so that nothing outlives a supervisor that was killed. SIGTERM means the same. Exit code 0
is an ordered end; what else it may be stands in `ExitCode`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Final

from toolkit.domain.errors import ConfigError

LONGEST_SECRET: Final = 4096
PAGE_SETTINGS: Final = ("BOKEH_", "PANEL_")
"""What these name in the environment would open doors of a page that are shut here."""


class ExitCode(IntEnum):
    """How a service ended. Those of a runner stand in `execution.services.runner_setup`."""

    DONE = 0
    FAILED = 1
    CONFIG = 2
    FENCED = 3
    JOURNAL_GONE = 4


def read_secret(descriptor: int = 0, longest: int = LONGEST_SECRET) -> str:
    """The first line of stdin, byte by byte so that nothing behind it is swallowed. ConfigError when there is none."""
    secret = bytearray()
    while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        secret += byte
        if len(secret) > longest:
            break
    if not secret or len(secret) > longest:
        raise ConfigError("no password on stdin: this process is started by `execution up`, not by hand")
    return secret.decode()


def when_told_to_stop(
    stop: Callable[[], None], descriptor: int = 0, *, in_order: Callable[[], None] = lambda: None
) -> None:
    """Call `stop` once when stdin closes or SIGTERM comes. Ctrl-C is the supervisor's business: it is ignored here.

    `in_order` is called when SIGTERM comes, before or after: a supervisor that lives sends it, one that died does not.
    Must be called inside of a running event loop.
    """
    loop = asyncio.get_running_loop()
    told = False

    def once() -> None:
        nonlocal told
        if not told:
            told = True
            stop()

    def readable() -> None:
        if os.read(descriptor, 4096) == b"":
            loop.remove_reader(descriptor)
            once()

    def terminated() -> None:
        in_order()
        once()

    loop.add_signal_handler(signal.SIGTERM, terminated)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop.add_reader(descriptor, readable)


def explain(problem: Exception) -> int:
    """Say on stderr what went wrong: it lands in the child's log, its last line in `status`. Returns the exit code."""
    print(f"{type(problem).__name__}: {problem}", file=sys.stderr, flush=True)
    return ExitCode.CONFIG if isinstance(problem, ConfigError) else ExitCode.FAILED


def stand_back() -> None:
    """Take only the processor time that nobody else wants, in this thread and in whatever it starts from now on.

    For who looks on. Niceness shares time out, but on Linux it lets nobody in any sooner: an order waited for a tick
    (4 ms) behind a page that was being drawn, beside a processor that had nothing to do. Who is of the idle class gives
    way at once. Its price: on a machine that others use up altogether, pages come late.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            return
    os.nice(19)


def forget_page_settings() -> None:
    """Take out of the environment what could change a page's server behind our back; before its library is loaded."""
    for name in [name for name in os.environ if name.startswith(PAGE_SETTINGS)]:
        del os.environ[name]
