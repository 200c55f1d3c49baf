"""`execution up` and `execution down`: one supervisor per desk, in the foreground or behind it, stopped in order."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from execution.commands.desk import Stop, the_home, the_state
from execution.commands.exits import Exit
from execution.commands.output import LastingStream, complain, say, say_json
from execution.commands.welcome import Progress, farewell, welcome
from execution.home import Home
from execution.supervision.child_process import open_log
from execution.supervisor import Stopped, Supervisor, Wishes
from execution.wiring.desk_line import end_process
from execution.wiring.leftovers import end_servers
from toolkit.client.desk_state import DeskState, read_desk_state
from toolkit.domain.errors import ExecutionError, TransportError

READY_SECONDS = 180.0
DOWN_SECONDS = 90.0


def up(
    given: Path | None, *, speed: float, lab: bool, background: bool, feed: str | None, as_json: bool,
    operations: bool = False,
) -> Exit:  # fmt: skip
    """Start the desk. In the foreground it returns when the desk is down again."""
    from execution.commands.feed import put_in_force, whole_spec
    from execution.settings import end_run

    home, feed = the_home(given), whole_spec(feed)
    if background:
        return _up_behind(home, speed=speed, lab=lab, operations=operations, feed=feed, as_json=as_json)

    with _only_one(home) as is_home:
        put_in_force(home, feed)
        try:
            return asyncio.run(_supervise(home, Wishes(speed=speed, lab=lab, operations=operations), is_home, as_json))
        finally:
            if is_home():
                end_run(home.root)


async def _supervise(home: Home, wishes: Wishes, is_home: Callable[[], bool], as_json: bool) -> Exit:
    from execution.commands.feed import tell_feed
    from execution.settings import begin_run
    from execution.settings.monitoring import read_monitoring

    settings = begin_run(home.root)
    if settings.desk.monitor.enabled:
        read_monitoring(home.root)  # refused here, with its line, rather than by a process that dies again and again
    sys.stdout, sys.stderr = LastingStream(sys.stdout), LastingStream(sys.stderr)
    home.prepare()
    _clean_up_after_a_killed_supervisor(home)
    progress = Progress()
    supervisor = Supervisor(home=home, settings=settings, wishes=wishes, say=progress, is_home=is_home)
    _stop_on_signals(supervisor, home)
    failure: ExecutionError | None = None
    try:
        await supervisor.start()
        progress.done()
        if as_json:
            say_json(supervisor.status.state)
        else:
            welcome(supervisor.status.state, home)
            tell_feed(settings)
        await supervisor.run()
        if not is_home():
            complain(f"{home.run} was deleted, moved or replaced: what runs here ends")
    except (ExecutionError, OSError) as problem:  # a full disk too ends no desk without its cancels
        progress.done()
        failure = problem if isinstance(problem, ExecutionError) else TransportError(str(problem))
        complain(f"{problem}\nstopping what was started")
    stopped = await supervisor.end()
    progress.done()
    if is_home():
        _write_last_stop(home, stopped)
    if not as_json:
        farewell(settings.desk.kind, stopped)
    if failure is not None:
        raise failure
    return Exit.DONE if stopped.verified else Exit.LEFT


def _stop_on_signals(supervisor: Supervisor, home: Home) -> None:
    def stop() -> None:
        supervisor.wishes.leave_orders = _asked_to_leave_orders(home)
        supervisor.stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)


def down(given: Path | None, *, leave_orders: bool, as_json: bool) -> Exit:
    """Stop the desk in order and say what is left at the venues."""
    home = the_home(given)
    state = the_state(home)
    if not state.supervisor.is_alive():
        return _nothing_to_stop(home, state, as_json)
    (home.run / "stop.json").write_text(json.dumps({"leave_orders": leave_orders}))
    (home.run / "last-stop.json").unlink(missing_ok=True)
    os.kill(state.supervisor.pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while state.supervisor.is_alive():
        if time.monotonic() > deadline:
            raise Stop(Exit.LEFT, f"supervisor (pid {state.supervisor.pid}) still runs; see {home.log('supervisor')}")
        time.sleep(0.05)
    end_servers(home)
    return _tell_last_stop(home, state, as_json)


def _nothing_to_stop(home: Home, state: DeskState, as_json: bool) -> Exit:
    """After a kill -9 of the supervisor its children are gone by themselves, the servers are not."""
    ended = _clean_up_after_a_killed_supervisor(home) + end_servers(home)
    if as_json:
        say_json({"stopped": ended, "verified": False})
    elif ended:
        complain(
            f"desk {state.name} had lost its supervisor; ended what was left of it: {', '.join(ended)}.\n"
            "What rests at the venue was not cancelled: `execution up` and `execution down` do that in order"
        )
    else:
        say(f"desk {state.name} does not run")
    return Exit.LEFT if ended else Exit.DONE


def _tell_last_stop(home: Home, state: DeskState, as_json: bool) -> Exit:
    try:
        said = json.loads((home.run / "last-stop.json").read_text())
    except (OSError, ValueError):
        raise Stop(Exit.LEFT, "the supervisor ended without saying what is left; see var/logs/supervisor.log") from None
    if as_json:
        say_json(said)
    else:
        farewell(state.kind, said)
    return Exit.DONE if said["verified"] else Exit.LEFT


def _write_last_stop(home: Home, stopped: Stopped) -> None:
    """What `execution down`, in another process, tells its person."""
    (home.run / "last-stop.json").write_text(json.dumps(stopped.document()))
    (home.run / "stop.json").unlink(missing_ok=True)


def _asked_to_leave_orders(home: Home) -> bool:
    try:
        return bool(json.loads((home.run / "stop.json").read_text())["leave_orders"])
    except (OSError, ValueError, KeyError):
        return False


# ---- in the background


def _up_behind(home: Home, *, speed: float, lab: bool, operations: bool, feed: str | None, as_json: bool) -> Exit:
    """Start `execution up` in a session of its own and wait until the desk is ready."""
    from execution.commands.feed import tell_feed
    from execution.settings import read_running

    before = read_desk_state(home.processes)
    if before is not None and before.supervisor.is_alive():
        raise Stop(Exit.USAGE, _runs_already(before))
    home.prepare()
    log = home.log("supervisor")
    arguments = ["up", "--home", str(home.root), "--speed", f"{speed:g}", *(["--lab"] if lab else [])]
    arguments += ["--operations"] if operations else []
    arguments += ["--feed", feed] if feed else []
    said_before = log.stat().st_size if log.exists() else 0
    with open_log(log) as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "execution.cli", *arguments],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=home.root,
        )  # fmt: skip
    state = _wait_ready(home, child, said_before)
    if as_json:
        say_json(state)
    else:
        welcome(state, home)
        tell_feed(read_running(home.root))
    return Exit.DONE


def _wait_ready(home: Home, child: subprocess.Popen[bytes], said_before: int) -> DeskState:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        state = read_desk_state(home.processes)
        if state is not None and state.ready and state.supervisor.pid == child.pid:
            return state
        code = child.poll()
        if code is not None:
            said = home.log("supervisor").read_bytes()[said_before:]  # of this start, not of earlier ones
            lines = said.decode("utf-8", "replace").splitlines()[-12:]
            wrong = Exit.USAGE if code == Exit.USAGE else Exit.FAILED
            raise Stop(wrong, "\n".join(["the desk did not start:", *lines]))
        time.sleep(0.05)
    child.terminate()
    raise Stop(Exit.FAILED, f"not ready within {READY_SECONDS:.0f} s; see {home.log('supervisor')}")


# ---- one at a time


@contextmanager
def _only_one(home: Home) -> Iterator[Callable[[], bool]]:
    """Hold the desk's lock for as long as this process lives; the system gives it back whatever happens.

    Yields whether the lock of the desk is still this one: another folder at this place has another.
    """
    home.prepare()
    place = home.run / "supervisor.lock"
    with place.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            state = read_desk_state(home.processes)
            raise Stop(Exit.USAGE, _runs_already(state)) from None
        yield lambda: _is_at(place, os.fstat(lock.fileno()))


def _is_at(place: Path, held: os.stat_result) -> bool:
    try:
        return os.path.samestat(place.stat(), held)
    except (FileNotFoundError, NotADirectoryError):  # a disk that answers badly has moved nothing
        return False
    except OSError:
        return True


def _runs_already(state: DeskState | None) -> str:
    who = f"desk {state.name} runs already, pid {state.supervisor.pid}" if state else "this desk is starting already"
    return f"{who}; `execution status` shows it, `execution down` ends it"


def _clean_up_after_a_killed_supervisor(home: Home) -> list[str]:
    """End what an earlier supervisor left running, told by pid and start time; returns the names."""
    state = read_desk_state(home.processes)
    if state is None or state.supervisor.is_alive():
        return []
    return [
        process.name
        for process in state.processes
        if process.kind != "server" and end_process(process.pid, process.started)
    ]
