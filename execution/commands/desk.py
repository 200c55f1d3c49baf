"""What every command begins with: the desk, its state, and its books; with the errors that people can act on."""

from __future__ import annotations

from pathlib import Path

from execution.commands.exits import Exit
from execution.home import Home, find_home
from toolkit.client.desk_state import DeskState, read_desk_state
from toolkit.domain.errors import ConfigError, ExecutionError, TransportError


class Stop(Exception):
    """End the command with this exit code; the sentence, if any, goes to stderr."""

    def __init__(self, code: Exit, sentence: str = "") -> None:
        super().__init__(sentence)
        self.code = code


def the_home(given: Path | None) -> Home:
    """The desk's folder. Stop when there is none."""
    try:
        return find_home(given)
    except ConfigError as problem:
        raise Stop(Exit.USAGE, str(problem)) from None


def the_state(home: Home) -> DeskState:
    """What the supervisor wrote last. Stop when the desk was never started."""
    state = read_desk_state(home.processes)
    if state is None:
        raise Stop(Exit.NOT_RUNNING, f"{home.root} was never started; `execution up` starts it")
    return state


def running_state(home: Home) -> DeskState:
    """The same, of a desk whose supervisor is alive. Stop when it is not."""
    state = the_state(home)
    if not state.supervisor.is_alive():
        raise Stop(Exit.NOT_RUNNING, f"desk {state.name} does not run; `execution up` starts it")
    return state


def code_of(problem: ExecutionError) -> Exit:
    """The exit code of an error that nobody dealt with."""
    if isinstance(problem, ConfigError):
        return Exit.USAGE
    return Exit.FAILED if isinstance(problem, TransportError) else Exit.LEFT
