"""`execution record`: keep what an exchange sends, so that a desk can run on it again, step for step."""

from __future__ import annotations

import sys
from pathlib import Path

from execution.commands.desk import Stop, the_home
from execution.commands.exits import Exit
from execution.commands.output import DIM, YELLOW, command, paint, say, say_json
from execution.services.live_listener import FeedHealth


def record(
    given: Path | None, folder: Path, *, feed: str | None, seconds: float | None, part_seconds: float, as_json: bool
) -> Exit:
    """Record until Ctrl-C or for `seconds`. A kill -9 loses the open part, which the next start says."""
    from execution.commands.feed import SAMPLE, feed_of_desk, find_feed
    from execution.settings.feed_file import read_feed_file
    from execution.wiring.record import open_recorder
    from execution.wiring.record import record as run

    home = the_home(given)
    home.prepare()
    if (spec := feed or feed_of_desk(home)) == SAMPLE:
        raise Stop(Exit.USAGE, "the feed of config/desk.yaml is the sample; give --feed ccxt:EXCHANGE:SYMBOL,…")
    found = read_feed_file(find_feed(home, feed))
    if found.kind != "ccxt":
        raise Stop(Exit.USAGE, f"{spec} is a recording already; record an exchange: ccxt:EXCHANGE:SYMBOL")
    recorder = open_recorder(found, folder, part_seconds)
    begun = recorder.last
    if not as_json:
        say(f"recording {spec} into {folder}, a part each {part_seconds:g} s; Ctrl-C ends it in order")
        if recorder.lost:
            say(paint(f"  {recorder.lost}", YELLOW))
        if begun:
            say(paint(f"  goes on behind step {begun:,}; the first step says that there is a gap", DIM))
    run(found, recorder, seconds, _quiet if as_json or not sys.stdout.isatty() else _show)
    if as_json:
        say_json({"folder": str(folder), "first": begun + 1, "last": recorder.last, "lost_before": recorder.lost})
    else:
        say(f"{recorder.last - begun:,} steps, all of them safe. Run a desk on them: "
            f"{command()} up --feed replay:{folder}")  # fmt: skip
    return Exit.DONE


def _quiet(health: FeedHealth) -> None:
    """Nobody looks."""


def _show(health: FeedHealth) -> None:
    late = "–" if health.lateness_ms is None else f"{health.lateness_ms:g} ms"
    words = f"{health.state} · step {health.step:,} · {health.quotes:,} quotes · {health.trades:,} trades · late {late}"
    print(f"\r\033[K  {words}", end="", flush=True)
    if health.state == "stopped":
        print()
