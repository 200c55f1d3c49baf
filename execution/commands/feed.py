"""What `--feed` means for `up`: the feed is worked out, put in force for this run, and what it still lacks is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from execution.commands.desk import Stop
from execution.commands.exits import Exit
from execution.commands.output import DIM, command, heading, paint, say
from execution.home import PROJECT, Home
from execution.settings import Settings
from execution.settings.documents import read_document
from execution.settings.feed_file import FeedFile, read_feed_file
from execution.settings.models import DeskFile
from execution.settings.problems import validate

SECONDS = 90.0
SAMPLE = "sample"


def find_feed(home: Home, typed: str | None) -> Path:
    """The feed's file, worked out in a process that ends: it may load ccxt and ask an exchange."""
    spec = typed or feed_of_desk(home)
    place = "" if typed else "config/desk.yaml: feed: "
    arguments = [sys.executable, "-m", "execution.wiring.feeds", "--home", str(home.root), "--feed", spec]
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=SECONDS, cwd=PROJECT, check=False)
    except subprocess.TimeoutExpired:
        raise Stop(Exit.FAILED, f"{spec}: no answer within {SECONDS:.0f} s; is there a line out?") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        words = said[-1].removeprefix("ConfigError: ").removeprefix("TransportError: ")
        raise Stop(Exit.USAGE if done.returncode == Exit.USAGE else Exit.FAILED, f"{place}{words}")
    return Path(done.stdout.strip().splitlines()[-1])


def whole_spec(spec: str | None) -> str | None:
    """What a person typed, with the folder of a recording from here on."""
    kind, _, rest = (spec or "").partition(":")
    return f"replay:{Path(rest).expanduser().resolve()}" if kind == "replay" and rest else spec


def feed_of_desk(home: Home) -> str:
    """The feed of config/desk.yaml as one would type it; SAMPLE for that."""
    feed = validate(read_document(home.config / "desk.yaml", "config/desk.yaml"), DeskFile).feed
    if feed.kind == "ccxt":
        return f"ccxt:{feed.exchange}:{','.join(feed.symbols)}"
    if feed.kind == "replay":
        return f"replay:{(home.root / Path(feed.recording).expanduser()).resolve()}"
    return SAMPLE


def put_in_force(home: Home, spec: str | None) -> FeedFile | None:
    """Make the feed of this run the one that every process reads; without `spec` it is that of config/desk.yaml."""
    path = home.var / "feed.yaml"
    (home.run / "feed.json").unlink(missing_ok=True)  # what the last run's listener said
    if (spec or feed_of_desk(home)) == SAMPLE:
        path.unlink(missing_ok=True)
        return None
    beside = path.with_suffix(".new")
    beside.write_bytes(find_feed(home, spec).read_bytes())
    beside.replace(path)
    return read_feed_file(path)


def tell_feed(settings: Settings) -> None:
    """What runs on this feed, what waits for another one, and what to write when nothing trades yet."""
    feed = settings.feed
    if feed is None:
        return
    venue = settings.venues[feed.venue]
    say(f"{heading('Feed')}  {feed.spec}: book {feed.book} in {feed.base_currency}, "
        f"fees {venue.fees.maker_basis_points:f}/{venue.fees.taker_basis_points:f} bp (maker/taker)")  # fmt: skip
    say(paint(f"  instruments, ticks, lots and fees: var/feeds/{feed.book}.yaml", DIM))
    if settings.left_out:
        say(paint(f"  not on this feed, so not started: {', '.join(settings.left_out)}", DIM))
    if not settings.strategies:
        say(f"\nNothing trades here yet: no strategy names {', '.join(feed.instruments)} alone.\n{snippet(feed)}")


def snippet(feed: FeedFile) -> str:
    """Lines to paste that let the example strategy quote the feed's first instrument."""
    symbol, row = next(iter(feed.instruments.items()))
    size = row.lot * max(row.minimum, 100)
    return f"""\
A quoting strategy on {symbol} takes these lines. They are an example: read each number before you paste it.

  # config/strategies.yaml, under strategies:
    quoting_{feed.exchange}:
      source: notebooks/strategies/quoting.py
      class: Quoting
      capital: 10000
      instruments: [{symbol}]
      parameters: {{edge: 5, size: {size:f}, most: {size * 4:f}, requote: 100, short: false}}
      enabled: true

  # config/limits.yaml, under strategies: (the strictest of these and the book's holds; what is not set denies)
    quoting_{feed.exchange}:
      max_order_value: 5000
      max_order_quantity: {size:f}
      max_position: {size * 4:f}
      max_working_orders: 4
      message_rate: 20
      cancel_reserve: 4
      permitted: [{symbol}]
      permitted_sides: [buy, sell]
      max_quote_age: 5
      max_clock_skew: 2

then `{command()} down` and `{command()} up` as before. It is a spot market: what is not held cannot be sold.
"""
