"""What the exit codes of `execution` mean, in one table that `--help` and the README show."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    LEFT = 3
    NOT_RUNNING = 4
    REFUSED = 5
    FINDINGS = 6
    WAITS = 7


MEANINGS = {
    Exit.DONE: "done, and verified where the command says so",
    Exit.FAILED: "a process, server or venue did not answer",
    Exit.USAGE: "wrong use, or a configuration file to mend",
    Exit.LEFT: "not everything was stopped, or that could not be verified: what is left is named",
    Exit.NOT_RUNNING: "the desk does not run",
    Exit.REFUSED: "the engine refused the command and says why",
    Exit.FINDINGS: "`doctor` or `journal verify` found something to mend",
    Exit.WAITS: "it loosens, so it waits for another person: `execution limits approve`",
}


def epilog() -> str:
    """The table for `--help`."""
    rows = (f"{code.value}  {meaning}" for code, meaning in MEANINGS.items())
    return "Exit codes:\n\n\b\n" + "\n".join(rows)
