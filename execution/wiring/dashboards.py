"""The dashboards' process: `python -m execution.wiring.dashboards --home HOME`; it reads, and nobody waits for it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

from execution.child import ExitCode, explain, forget_page_settings, read_secret, stand_back, when_told_to_stop
from execution.home import Home, find_home
from toolkit.client.desk_state import read_desk_state
from toolkit.domain.errors import ConfigError, ExecutionError
from toolkit.domain.people import COMMANDING

if TYPE_CHECKING:
    from execution.operations.logins import Logins
    from execution.operations.sessions import Session
    from toolkit.dashboards.page import ViewPage
    from toolkit.dashboards.watching import DeskWatch


@dataclass(frozen=True, kw_only=True)
class Plan:
    port: int
    session_hours: int
    viewers: int
    time_zone: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="execution.wiring.dashboards", description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--session-hours", type=int, required=True)
    parser.add_argument("--viewers", type=int, required=True)
    parser.add_argument("--time-zone", default="")
    options = parser.parse_args(arguments)
    forget_page_settings()
    plan = Plan(
        port=options.port, session_hours=options.session_hours, viewers=options.viewers, time_zone=options.time_zone
    )  # fmt: skip
    try:
        stand_back()
        read_secret()
        return asyncio.run(serve(find_home(options.home), plan))
    except (ExecutionError, OSError) as problem:
        return explain(problem)


async def serve(home: Home, plan: Plan) -> int:
    """Serve the views until told to stop; FAILED when nobody follows the journal any more.

    What it takes to draw is loaded here, where this process has stood back already.
    """
    from execution.operations.doors import Site
    from execution.operations.links import FILE, OneTimeSecret
    from execution.operations.logins import Logins
    from execution.operations.server import BEAT, open_doors
    from execution.operations.sessions import Sessions, desk_secret
    from execution.operations.viewing import Csv, Enter, Root
    from execution.settings import read_people
    from execution.settings.people import desk_user
    from toolkit.dashboards.page import SCRIPT, open_page
    from toolkit.dashboards.pages import VIEWS
    from toolkit.dashboards.watching import DeskWatch
    from toolkit.dashboards.zones import Zone

    state = read_desk_state(home.processes)
    if state is None:
        raise ConfigError(f"{home.root} was never started; `execution up` starts it and this")
    signing = desk_secret(home.run / "dashboards-secret")
    watch = DeskWatch(home, state.book, watched=lambda: len(site.pages) > 0, zone=Zone(plan.time_zone))
    logins = Logins(
        Sessions(signing, hours=plan.session_hours),
        read_table=lambda: read_people(home.root),
        in_force=lambda: watch.people,
        owner=f"unix:{desk_user(home.root)}",
    )
    site = Site(
        name="dashboards", title="Dashboards", port=plan.port, kind=state.kind, book=state.book, logins=logins,
        wake=watch.wake,
        hint="Whoever runs the desk needs none: <code>execution status</code> shows a link that opens once.",
        paths=tuple(f"/{name}" for name in VIEWS), is_linked=True,
    )  # fmt: skip

    def page(name: str, session: Session | None) -> ViewPage:
        return open_page(
            name,
            watch,
            who=partial(_who, logins, session),
            commands=partial(_commands, logins, session),
            kind=site.kind,
        )

    once = OneTimeSecret(home.run / FILE)
    once.now()  # so that there is one, whoever started this
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    following = Thread(target=_follow, args=(watch, loop, stop), name="watch", daemon=True)
    following.start()
    known = {"site": site}
    server = open_doors(
        site, signing, {f"/{name}": partial(page, name) for name in VIEWS},
        script=BEAT + SCRIPT, most_pages=plan.viewers,
        more=[
            ("/", Root, known),
            ("/enter", Enter, known | {"secret": once}),
            ("/csv", Csv, known | {"watch": watch}),
        ],
    )  # fmt: skip
    when_told_to_stop(stop.set)
    await stop.wait()
    ended = following.is_alive()
    server.stop()
    watch.stop()
    return ExitCode.DONE if ended else ExitCode.FAILED


def _who(logins: Logins, session: Session | None) -> str:
    visitor = logins.visitor(session)
    return "" if visitor is None else f"{visitor.person} ({visitor.login})"


def _commands(logins: Logins, session: Session | None) -> bool:
    visitor = logins.visitor(session)
    return visitor is not None and not visitor.roles.isdisjoint(COMMANDING)


def _follow(watch: DeskWatch, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """A page whose thread has died would show old numbers for ever: then the process ends, and is started anew."""
    try:
        watch.run()
    finally:
        with suppress(RuntimeError):  # the loop is closed: the process ends anyway
            loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    sys.exit(main())
