"""`execution doctor`: looks at everything that a desk needs and says what to do; it changes nothing."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from execution.commands.desk import the_home
from execution.commands.exits import Exit
from execution.commands.output import GREEN, RED, YELLOW, banner, heading, paint, say, say_json
from execution.home import Home
from execution.wiring import examination
from toolkit.client.books import Books
from toolkit.client.desk_state import DeskState, read_desk_state
from toolkit.domain.errors import ExecutionError

LOW_DISK = 2_000_000_000
VERY_LOW_DISK = 200_000_000
MUCH_MEMORY, MOST_MEMORY = 0.5, 0.8


class Finding(NamedTuple):
    """`verdict` is ok, look (works, but) or wrong; `mend` says what to do."""

    subject: str
    verdict: str
    said: str
    mend: str = ""


def doctor(given: Path | None, *, as_json: bool) -> Exit:
    """Look at everything. FINDINGS when something is wrong."""
    home = the_home(given)
    state = read_desk_state(home.processes)
    findings = [finding for look in LOOKS for finding in _carefully(look, home, state)]
    if as_json:
        say_json([finding._asdict() for finding in findings])
    else:
        _show(home, state, findings)
    return Exit.FINDINGS if any(finding.verdict == "wrong" for finding in findings) else Exit.DONE


def _carefully(
    look: Callable[[Home, DeskState | None], Iterator[Finding]], home: Home, state: DeskState | None
) -> list[Finding]:
    """What cannot be looked at is a finding as well."""
    try:
        return list(look(home, state))
    except ExecutionError as problem:
        return [Finding(look.__name__.strip("_").replace("_", " "), "wrong", str(problem))]


def _show(home: Home, state: DeskState | None, findings: list[Finding]) -> None:
    say(banner(state.kind if state else "paper", f"doctor · {home.root}"))
    colours = {"ok": GREEN, "look": YELLOW, "wrong": RED}
    signs = {"ok": "✓", "look": "!", "wrong": "✗"}
    for finding in findings:
        first, *rest = finding.said.splitlines() or [""]
        say(f"  {paint(signs[finding.verdict], colours[finding.verdict])} {finding.subject:<15} {first}")
        for line in rest:
            say(f"  {'':<17} {line}")
        if finding.mend:
            say(paint(f"  {'':<17} → {finding.mend}", colours[finding.verdict]))
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    say(heading(f"\n  {'nothing to mend' if not wrong else f'{wrong} to mend'}"))


def _configuration(home: Home, _: DeskState | None) -> Iterator[Finding]:
    from execution.settings import read_settings

    settings = read_settings(home.root)
    enabled = sum(row.enabled for row in settings.strategies.values())
    yield Finding("configuration", "ok", f"{len(settings.strategies)} strategies ({enabled} enabled), "
                  f"{len(settings.instruments)} instruments, {len(settings.limits.rows)} limits")  # fmt: skip
    for name, row in settings.strategies.items():
        if not (home.root / row.source).is_file():
            yield Finding("configuration", "wrong", f"{name}: {row.source} does not exist", "mend `source` of it")


def _versions(home: Home, _: DeskState | None) -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    try:
        ours = metadata.version("quarterdeck")
    except metadata.PackageNotFoundError:
        ours = "not installed, run from its folder"
    yield Finding("versions", "ok", f"quarterdeck {ours}, Python {python}")
    for problem in examination.changed_versions(home):
        yield Finding("versions", "wrong", problem, "promote the strategy again: what runs is what was promoted")


def _servers(home: Home, state: DeskState | None) -> Iterator[Finding]:
    yield Finding("server binary", "ok", examination.server_binary())
    if state is None or not state.supervisor.is_alive():
        yield Finding("servers", "look", "the desk does not run", "`execution up` starts it")
        return
    for server in examination.servers(Books(home=home, book=state.book, user="operator")):
        yield _memory(server)


def _memory(server: examination.Server) -> Finding:
    """Neither server throws anything away: one that is full takes no more records."""
    if server.full < MUCH_MEMORY:
        return Finding(server.name, "ok", server.said)
    verdict = "wrong" if server.full >= MOST_MEMORY else "look"
    mend = "give it more memory, and see in `execution status` which strategy asks so much: full, it stops all entries"
    return Finding(server.name, verdict, server.said, mend)


def _durability(home: Home, state: DeskState | None) -> Iterator[Finding]:
    from execution.settings import read_settings

    if state is None or not state.supervisor.is_alive():
        return
    wanted = read_settings(home.root).desk.servers.durability
    examination.check_durability(Books(home=home, book=state.book, user="operator"), wanted)
    survives = {"process": "survives any process, not the machine", "machine": "survives the machine"}
    yield Finding("durability", "ok", f"class {wanted}: {survives[wanted]}")


def _processes(home: Home, state: DeskState | None) -> Iterator[Finding]:
    if state is None:
        return
    runs = state.supervisor.is_alive()
    if not runs:
        left = [process.name for process in state.processes if process.is_alive()]
        if left:
            yield Finding(
                "processes", "wrong", f"without a supervisor: {', '.join(left)}", "`execution down` ends them"
            )
        return
    for process in state.processes:
        if process.state != "running" or not process.is_alive():
            mend = f"`execution logs {process.name}`, then `execution restart {process.name} --reason …`"
            now = process.state if process.is_alive() or not process.pid else "dead"
            words = f"{process.name} is {now}" + (f": {process.detail}" if process.detail else "")
            yield Finding("processes", "wrong", words, mend)
    alive = sum(process.is_alive() for process in state.processes)
    yield Finding("processes", "ok", f"{alive} of {len(state.processes)} run under supervisor {state.supervisor.pid}")
    for problem in state.problems:
        yield Finding("to mend", "wrong", f"{problem.subject}: {problem.detail}")


def _latch(home: Home, state: DeskState | None) -> Iterator[Finding]:
    if state is None:
        return
    shut = examination.shut_latches(home, state.book)
    if shut is None:
        yield Finding("latch", "wrong", "missing or unreadable: nothing leaves for any venue",
                      "`execution reopen book --reason …`, each venue, and `enable` each strategy")  # fmt: skip
    elif shut:
        yield Finding(
            "latch", "look", f"shut for {', '.join(shut)}", "`execution enable NAME` or `execution reopen SCOPE`"
        )
    else:
        yield Finding("latch", "ok", "open")


def _dead_man(home: Home, _: DeskState | None) -> Iterator[Finding]:
    from execution.settings import read_settings

    for name, venue in read_settings(home.root).venues.items():
        dead_man = venue.dead_man
        if dead_man is None:
            yield Finding("dead man", "look", f"{name}: an engine that dies leaves its entries resting",
                          "set `dead_man` of the venue in config/venues.yaml")  # fmt: skip
            continue
        said = f"{name}: entries are cancelled {dead_man.after / 1e9:g} s after the engine's last beat"
        said += f", by {'the venue' if dead_man.by.value == 'venue' else 'our watchdog'}"
        if dead_man.everything:
            yield Finding("dead man", "look", f"{said}; PROTECTIVE ORDERS TOO: positions stand bare then",
                          "`cancels: entries` where the venue can choose")  # fmt: skip
        else:
            yield Finding("dead man", "ok", said)


def _breakers(home: Home, _: DeskState | None) -> Iterator[Finding]:
    from execution.settings import read_settings

    settings = read_settings(home.root)
    router = settings.router
    for name in settings.venues:
        if name in router.without_breakers:
            yield Finding("breakers", "look", f"{name} has none, on purpose: rejections and late answers stop no entry")
        elif name not in router.breakers:
            yield Finding("breakers", "wrong", f"{name} has none, and nobody said so: it is sent no entries",
                          f"write its lines under `breakers` of config/venues.yaml, or `{name}: off`")  # fmt: skip


def _logins(home: Home, _: DeskState | None) -> Iterator[Finding]:
    from execution.settings import read_people, read_settings

    if not read_settings(home.root).desk.operations.enabled:
        return
    able = [row.person for row in read_people(home.root).people.rows if row.identity.startswith("login:")]
    if able:
        yield Finding("operations app", "ok", f"enabled; {', '.join(able)} can log in")
    else:
        yield Finding("operations app", "wrong", "enabled, and nobody can log in: no person has a `login`",
                      "`execution people password NAME`, and its line into config/people.yaml")  # fmt: skip


def _archive(home: Home, state: DeskState | None) -> Iterator[Finding]:
    if state is None:
        return
    days = examination.archive_of(home, state.book).days()
    if not days:
        yield Finding("archive", "ok", "nothing is archived yet")
        return
    newest = days[-1]
    said = (
        f"{len(days)} days up to {newest.day}, event {newest.head.sequence:,}; `execution journal verify` reads it all"
    )
    yield Finding("archive", "ok", said)


def _people(home: Home, _: DeskState | None) -> Iterator[Finding]:
    from execution.settings import read_people
    from execution.wiring.four_eyes import not_real

    people = read_people(home.root).people
    if people.alone:
        mend = "name a second person in config/people.yaml and say four_eyes: on"
        yield Finding("people", "look", "four eyes are off: one person decides alone, and every record says so", mend)
        return
    doubts = not_real(home.root)
    for doubt in doubts:
        yield Finding("people", "wrong", f"four eyes are not real: {doubt}")
    if not doubts:
        yield Finding("people", "ok", f"{len({row.person for row in people.rows})} people, what loosens takes two")


def _clock(home: Home, state: DeskState | None) -> Iterator[Finding]:
    if time.time() < 1_700_000_000:
        yield Finding("clock", "wrong", "the machine's clock stands before 2023", "set it; use NTP")
        return
    ahead = examination.seconds_ahead(home, state) if state is not None else 0.0
    if ahead > 1.0:
        yield Finding("clock", "wrong", f"the journal is {ahead:.0f} s ahead of this clock: it was set back",
                      "set the clock right; use NTP")  # fmt: skip
    else:
        yield Finding("clock", "ok", "not behind anything that was written")


def _disk(home: Home, _: DeskState | None) -> Iterator[Finding]:
    folder = home.var if home.var.exists() else home.root
    free = shutil.disk_usage(folder).free
    verdict = "wrong" if free < VERY_LOW_DISK else "look" if free < LOW_DISK else "ok"
    mend = "" if verdict == "ok" else "free space: a journal that cannot be written stops all entries"
    yield Finding("disk", verdict, f"{free / 1e9:,.1f} GB free for {folder}", mend)
    if not os.access(folder, os.W_OK):
        yield Finding("disk", "wrong", f"{folder} cannot be written", "mend its owner and permissions")


def _venues(home: Home, state: DeskState | None) -> Iterator[Finding]:
    if state is None or not state.supervisor.is_alive():
        return
    for name, said, problem in examination.venues(home, state):
        mend = f"`execution logs venue-{name}`" if problem else ""
        yield Finding(f"venue {name}", "wrong" if problem else "ok", said, mend)


def _alerts(home: Home, _: DeskState | None) -> Iterator[Finding]:
    """Whether config/monitoring.yaml can work, and whether anybody hears of it, as this shell sees it."""
    from execution.settings.monitoring import read_monitoring, resolve_channels

    monitoring = read_monitoring(home.root)
    telling, untold = resolve_channels(monitoring, home.root, os.environ)
    named = ", ".join(channel.name for channel in telling.channels)
    if not telling.channels:
        yield Finding("alerts", "look", f"{len(monitoring.plan.rules)} alerts, and no channel tells anybody",
                      "set the addresses that config/monitoring.yaml names before `execution up`")  # fmt: skip
        return
    yield Finding("alerts", "ok", f"{len(monitoring.plan.rules)} alerts, told by {named}")
    for sentence in untold:
        yield Finding("alerts", "look", sentence, "`execution monitoring fire NAME` tries the way to a person")


def _monitor(home: Home, state: DeskState | None) -> Iterator[Finding]:
    """Who measures: without it there are neither metrics nor alerts."""
    from execution.settings import read_settings

    if not read_settings(home.root).desk.monitor.enabled:
        yield Finding("monitor", "look", "off: nothing is measured and no alert fires",
                      "`monitor: {enabled: true}` in config/desk.yaml")  # fmt: skip
        return
    process = None if state is None else state.process("monitor")
    if process is None or not process.is_alive():
        return  # that it does not run is told of among the processes
    said = examination.metrics_age(process.address)
    if said is None:
        yield Finding("monitor", "wrong", f"{process.address} does not answer", "`execution restart monitor`")
    elif said > examination.OLD_METRICS_SECONDS:
        yield Finding("monitor", "wrong", f"what it shows is {said:.0f} s old", "`execution logs monitor`")
    else:
        yield Finding("monitor", "ok", f"measures at {process.address}, {said:.1f} s old")


LOOKS = (
    _configuration,
    _versions,
    _servers,
    _durability,
    _processes,
    _monitor,
    _latch,
    _dead_man,
    _breakers,
    _venues,
    _archive,
    _people,
    _logins,
    _alerts,
    _clock,
    _disk,
)
