"""The operations app's process: `python -m execution.wiring.operations --home HOME`; it takes no part in trading."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Thread

from execution.child import explain, forget_page_settings, read_secret, when_told_to_stop
from execution.home import Home, find_home
from execution.operations.sessions import Sessions, desk_secret
from execution.settings import read_people
from toolkit.client.desk_state import read_desk_state
from toolkit.domain.errors import ConfigError, ExecutionError


@dataclass(frozen=True, kw_only=True)
class Plan:
    port: int
    session_hours: int
    quarantine_seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="execution.wiring.operations", description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--session-hours", type=int, required=True)
    parser.add_argument("--quarantine-seconds", type=float, required=True)
    options = parser.parse_args(arguments)
    forget_page_settings()
    plan = Plan(port=options.port, session_hours=options.session_hours, quarantine_seconds=options.quarantine_seconds)
    try:
        asyncio.run(operate(find_home(options.home), plan, read_secret()))
    except (ExecutionError, OSError) as problem:
        return explain(problem)
    return 0


async def operate(home: Home, plan: Plan, secret: str) -> None:
    """Serve the page until told to stop. What it knows of the desk the supervisor wrote down."""
    from execution.operations.doing import Doing
    from execution.operations.doors import Site
    from execution.operations.logins import Logins
    from execution.operations.page import Page
    from execution.operations.server import open_doors
    from execution.operations.watch import Watch

    state = read_desk_state(home.processes)
    if state is None:
        raise ConfigError(f"{home.root} was never started; `execution up --operations` starts it and this")
    signing = desk_secret(home.run / "operations-secret")
    watch = Watch(home, state.book, viewers=lambda: len(site.pages))
    logins = Logins(
        Sessions(signing, hours=plan.session_hours),
        read_table=lambda: read_people(home.root),
        in_force=lambda: watch.seen.people,
    )
    doing = Doing(home, book=state.book, venues=state.venues, quarantine_seconds=plan.quarantine_seconds, secret=secret)
    site = Site(
        name="operations", title="Operations", port=plan.port, kind=state.kind, book=state.book, logins=logins,
        wake=watch.wake,
    )  # fmt: skip
    following = Thread(target=watch.run, name="watch", daemon=True)
    following.start()
    server = open_doors(site, signing, {"/": lambda session: Page(session, logins, watch, doing, site.kind)})
    stop = asyncio.Event()
    when_told_to_stop(stop.set)
    await stop.wait()
    server.stop()
    watch.stop()


if __name__ == "__main__":
    sys.exit(main())
