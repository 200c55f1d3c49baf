"""Starts `execution venue`: reads what to simulate, opens ledger and socket, runs until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import uvloop

from execution.child import read_secret
from execution.home import Home, find_home
from execution.services.collector import collect_seldom
from execution.services.venue import VenueServer
from execution.services.venue_feed import VenueFeed
from execution.services.venue_host import VenueHost
from toolkit.adapters.clock import wall_time
from toolkit.adapters.failpoints import from_environment
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.sockets import socket_path
from toolkit.domain.errors import ConfigError, DomainError, ExecutionError
from toolkit.domain.instruments import Instrument
from toolkit.domain.market import FeedMode
from toolkit.simulation.paper_settings import PaperSettings

USER = "venue"
REFUSED = 2
FAILED = 1


class BusPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a venue on a free feed gets its prices. The password comes by stdin."""

    url: str
    book: str


class VenuePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything one venue process needs to know. With `durable` what it answers is on the disk."""

    settings: PaperSettings
    instruments: tuple[Instrument, ...]
    socket: str
    ledger: str
    durable: bool
    scriptable: bool = False
    bus: BusPlan | None = None


def main(arguments: Sequence[str]) -> int:
    """Run the venue. Ends when standard input closes or on SIGTERM; the exit code is 0 after an orderly stop."""
    options = _parser().parse_args(arguments)
    try:
        plan = _plan(options)
        password = read_secret() if plan.bus is not None else ""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(plan, watch_input=not options.no_input, password=password))
    except ConfigError as error:
        print(f"execution venue: {error}", file=sys.stderr)
        return REFUSED
    except ExecutionError as error:
        print(f"execution venue: {error}", file=sys.stderr)
        return FAILED
    return 0


async def serve(plan: VenuePlan, *, watch_input: bool, password: str = "") -> None:
    """Host the venue until standard input closes (with `watch_input`) or a signal says stop."""
    path = Path(plan.socket)
    _make_way(path)
    host = VenueHost(plan.settings, plan.instruments, Path(plan.ledger), durable=plan.durable, wall=wall_time)
    collect_seldom()
    server = VenueServer(host, from_environment(), scriptable=plan.scriptable)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: server.fail(_error_of(context)))
    told, alone = _stop_events(watch_input)
    listener = await server.listen(path)
    print(f"venue {plan.settings.name} on {path}", flush=True)
    stopping = asyncio.ensure_future(_until_over(told, alone, server))
    feed = asyncio.ensure_future(_follow_feed(plan.bus, password, server, host))
    try:
        await asyncio.wait((stopping, server.failed, feed), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        feed.cancel()
        listener.close()
        path.unlink(missing_ok=True)
        server.stop()
    if server.failed.done():
        server.failed.result()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="execution venue", description="The paper venue as a process of its own.")
    parser.add_argument("--home", help="the desk; else EXECUTION_HOME, else the nearest folder with config/")
    parser.add_argument("--name", help="which venue of config/venues.yaml; may be left out when there is one")
    parser.add_argument("--dead-men", help="those in force, for the supervisor; else those of config/venues.yaml")
    parser.add_argument("--plan", type=Path, help="a JSON file with everything, instead of a desk (for tests)")
    parser.add_argument("--scriptable", action="store_true", help="let test clients make it misbehave")
    parser.add_argument("--no-input", action="store_true", help="do not stop when standard input closes")
    return parser


def _plan(options: argparse.Namespace) -> VenuePlan:
    if options.plan is not None:
        try:
            plan = msgspec.json.decode(options.plan.read_bytes(), type=VenuePlan)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"{options.plan}: {error}") from error
        return msgspec.structs.replace(plan, scriptable=plan.scriptable or options.scriptable)
    return _plan_of_desk(options.home, options.name, options.dead_men, options.scriptable)


def _plan_of_desk(given: str | None, name: str | None, dead_men: str | None, scriptable: bool) -> VenuePlan:
    from execution.settings import read_running  # pydantic: not needed for a plan
    from execution.settings.venue_rows import told_dead_men

    home = find_home(given)
    settings = read_running(home.root)
    if name is None and len(settings.venues) == 1:
        name = next(iter(settings.venues))
    if name is None or name not in settings.venues:
        raise ConfigError(f"--name {name}: config/venues.yaml has {', '.join(sorted(settings.venues))}")
    return VenuePlan(
        settings=told_dead_men(settings.venues, dead_men)[name],
        instruments=settings.traded_at(name),
        socket=str(socket_path(home.run, f"venue-{name}")),
        ledger=str(_ledger(home, name, settings.feed.book if settings.feed else "")),
        durable=settings.desk.servers.durability == "machine",
        scriptable=scriptable,
        bus=None if settings.desk.feed.mode is FeedMode.LOCKSTEP else _bus_of(home, settings.desk.book),
    )


def _ledger(home: Home, name: str, book: str) -> Path:
    """A feed of its own (`--feed`, with a book) is a market of its own: positions of one are nothing to the other."""
    return home.venue(f"{name}-{book}" if book else name) / "ledger"


def _bus_of(home: Home, book: str) -> BusPlan:
    return BusPlan(url=f"unix://{socket_path(home.run, ServerRole.BUS.value)}", book=book)


async def _follow_feed(plan: BusPlan | None, password: str, server: VenueServer, host: VenueHost) -> None:
    """A free venue reads its prices from the bus; in lockstep they come with the schedule."""
    if plan is None:
        await asyncio.Event().wait()
        return
    bus = RedisBus(ServerAddress(plan.url, USER, password), plan.book)
    try:
        await VenueFeed(server, bus, host.venue.last_step).run()
    finally:
        await bus.close()


def _error_of(context: Mapping[str, object]) -> Exception:
    error = context.get("exception")
    return error if isinstance(error, Exception) else DomainError(str(context.get("message")))


async def _until_over(told: asyncio.Event, alone: asyncio.Event, server: VenueServer) -> None:
    """Until somebody says stop. Left alone, as by a supervisor that was killed, its dead man does its work first."""
    waits = [asyncio.create_task(event.wait()) for event in (told, alone)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if not told.is_set():
        waits.append(asyncio.create_task(server.dead_man.over.wait()))
        await asyncio.wait((waits[0], waits[-1]), return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _stop_events(watch_input: bool) -> tuple[asyncio.Event, asyncio.Event]:
    """Set when a signal says stop, and when standard input closes."""
    loop = asyncio.get_running_loop()
    told, alone = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    if watch_input:
        file = sys.stdin.fileno()

        def look() -> None:
            if not os.read(file, 4096):
                loop.remove_reader(file)
                alone.set()

        loop.add_reader(file, look)
    return told, alone


def _make_way(path: Path) -> None:
    """Remove what a killed venue left of its socket; ConfigError when somebody still answers there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise ConfigError(f"{path} is in the way and no socket; move it")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ConfigError(f"another venue answers on {path}; stop that one first")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
