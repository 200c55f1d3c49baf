"""A recording of a real exchange as the listener sees it, and desks that run on it, as often as a test likes."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import yaml

from execution.home import Home
from execution.settings.feed_file import ExchangeFees, FeedFile
from execution.settings.models import CurrencyRow, InstrumentRow
from execution.settings.reading import traded_on
from execution.wiring.feeds import feed_text, keep_feed, replay_feed
from tests.tools.desk_kit import PROJECT
from toolkit.adapters import codec
from toolkit.adapters.binance_stream import BinanceSpot
from toolkit.adapters.step_recording import StepRecorder
from toolkit.domain.events import Answered, Batch, Event, IntentRefused, OrderDenied, OrderFilled, OrderSubmitted
from toolkit.domain.instruments import Shortable
from toolkit.domain.market import Step
from toolkit.domain.time import FeedTime, WallTime
from toolkit.engine.live_feed import LiveFeed

SYMBOL = "BTC/USDT"
FEED = FeedFile(
    spec="ccxt:binance:BTC/USDT", kind="ccxt", exchange="binance", book="binance_usdt", venue="paper",
    base_currency="USDT", currencies={"USDT": CurrencyRow(quantum=Decimal("1e-10"))},
    instruments={
        SYMBOL: InstrumentRow(
            tick=Decimal("0.01"), lot=Decimal("0.00001"), currency="USDT", calendar="24/7", venue="paper",
            shortable=Shortable.NO,
        )
    },
    ids={SYMBOL: "BTCUSDT"},
    fees=ExchangeFees(maker_basis_points=Decimal(10), taker_basis_points=Decimal(10)),
)  # fmt: skip


def binance_messages(recordings: Path) -> Iterator[tuple[FeedTime, str]]:
    """Time of receipt and raw message, the snapshot among them; the second file goes on where the first ends."""
    for name in ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"):
        with gzip.open(recordings / "binance_ws" / name, "rt") as lines:
            for line in lines:
                received, _, text = line.partition(" ")
                yield FeedTime(int(received)), text


def through_the_listener(messages: Iterable[tuple[FeedTime, str]], at_once: int = 1) -> Iterator[Step]:
    """What a live listener makes of raw messages when it hands them on after every `at_once`."""
    stream = BinanceSpot(FEED.ids, rest="", stream="")
    live = LiveFeed(traded_on(FEED)[1], label="Binance, recorded", has_depth=True)
    for count, (received, text) in enumerate(messages, start=1):
        if '"lastUpdateId"' in text:
            live.load(stream.snapshot(SYMBOL, text, received))
        else:
            live.take(stream.parse(text, received))
        if count % at_once == 0:
            yield from live.steps(1_000)
    yield from live.steps(1_000_000)
    assert not live.wanted, "the book is whole"
    assert live.counts["gaps"] == 0


def record(folder: Path, recordings: Path, messages: int | None) -> list[Step]:
    """The recording's first messages, or all of them, as `execution record` writes them."""
    recorder = StepRecorder(folder, feed_text(FEED))
    steps = list(through_the_listener(islice(binance_messages(recordings), messages)))
    for step in steps:
        recorder.take([step], WallTime(int(step.time)))
    recorder.close()
    return steps


def replaying_home(folder: Path, recording: Path, strategy: str, row: dict[str, Any], limits: dict[str, Any]) -> Home:
    """The shipped desk with one strategy of this source, and the replay of a recording in force."""
    shutil.copytree(PROJECT / "config", folder / "config")
    (folder / "notebooks" / "strategies").mkdir(parents=True)
    (folder / "notebooks" / "strategies" / "quoting.py").write_text(strategy)
    home = Home(folder)
    home.prepare()
    written = {"strategies": {"strategies": {"quoting": row}}, "limits": {"book": limits}}
    for name, content in written.items():
        (home.config / f"{name}.yaml").write_text(yaml.safe_dump(content))
    path = keep_feed(home, replay_feed(home, f"replay:{recording}", recording))
    shutil.copy(path, home.var / "feed.yaml")
    return home


def asked(batches: Iterable[Batch]) -> list[tuple[int, bytes]]:
    """Everything that strategies asked for and what became of it, as bytes, with the step that it answered."""
    kinds = OrderSubmitted | OrderDenied | OrderFilled | IntentRefused | Answered
    events = ((batch.step, event) for batch in batches for event in batch.events)
    return [(step, codec.encode(_timeless(event))) for step, event in events if isinstance(event, kinds)]


def _timeless(event: Event) -> Event:
    """Without what says when this run was, and nothing else."""
    fields = {name: 0 for name in ("wall", "sent", "incarnation") if hasattr(event, name)}
    return msgspec.structs.replace(event, **fields)
