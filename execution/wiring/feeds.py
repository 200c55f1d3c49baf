"""Works out what `--feed SPEC` means and writes it down: `python -m execution.wiring.feeds --home HOME --feed SPEC`.

A process of its own, for it may load ccxt and pyarrow and ask an exchange; the desk keeps only the file that it leaves.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import yaml

from execution.child import explain
from execution.home import Home, find_home
from execution.settings import read_venues
from execution.settings.documents import parse_document, read_document
from execution.settings.feed_file import ExchangeFees, FeedFile
from execution.settings.models import CurrencyRow, DeskFile, Feed, InstrumentRow
from execution.settings.problems import validate
from execution.wiring.raw_streams import RAW_STREAMS
from toolkit.adapters.ccxt_markets import Exchange, Market, read_markets
from toolkit.adapters.records import replace_file
from toolkit.adapters.step_recording import StepRecording
from toolkit.domain.errors import ConfigError, ExecutionError
from toolkit.domain.instruments import Shortable

PAPER = "paper"
QUANTUM = Decimal("1e-10")
SHAPE = "ccxt:EXCHANGE:SYMBOL,SYMBOL… (such as ccxt:binance:BTC/USDT,ETH/USDT) or replay:DIR"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the feed's file and say where it is; returns the exit code."""
    options = _options().parse_args(arguments)
    try:
        home = find_home(options.home)
        feed = asyncio.run(find_feed(home, options.feed))
        print(keep_feed(home, feed), flush=True)
    except ExecutionError as problem:
        return explain(problem)
    return 0


async def find_feed(home: Home, spec: str) -> FeedFile:
    """What a person typed as a whole description. ConfigError for what there is not, TransportError for no answer."""
    kind, _, rest = spec.partition(":")
    if kind == "ccxt" and rest.count(":") == 1:
        exchange, _, symbols = rest.partition(":")
        return await exchange_feed(home, spec, exchange, [word.strip() for word in symbols.split(",") if word.strip()])
    if kind == "replay" and rest:
        return replay_feed(home, spec, Path(rest).expanduser().resolve())
    raise ConfigError(f"--feed {spec}: give {SHAPE}")


async def exchange_feed(home: Home, spec: str, name: str, symbols: Sequence[str]) -> FeedFile:
    """An exchange's instruments, ticks, lots and fees, as the exchange itself tells them."""
    if not symbols:
        raise ConfigError(f"--feed {spec}: names no symbol; give {SHAPE}")
    wanted = _feed_settings(home)
    exchange = await read_markets(name, symbols, rest=wanted.rest, stream=wanted.stream)
    currencies = {market.quote for market in exchange.markets}
    if len(currencies) > 1:
        raise ConfigError(f"--feed {spec}: a book has one currency, these have {', '.join(sorted(currencies))}")
    (base,) = currencies
    venues = read_venues(home.root)
    venue = name if name in venues else PAPER
    if venue not in venues:
        raise ConfigError(f"config/venues.yaml: has neither {name!r} nor {PAPER!r}; add the row of a paper venue")
    raw = name in RAW_STREAMS
    return FeedFile(
        spec=spec,
        kind="ccxt",
        exchange=name,
        book=_book_name(f"{name}_{base}"),
        venue=venue,
        base_currency=base,
        currencies={base: CurrencyRow(quantum=_quantum(exchange.markets))},
        instruments={market.symbol: _instrument(market, venue) for market in exchange.markets},
        ids={market.symbol: market.identifier for market in exchange.markets},
        units={market.symbol: market.unit for market in exchange.markets if market.unit != 1},
        fees=None if venue == name else _fees(name, exchange),
        rest=exchange.rest if raw else wanted.rest,
        stream=exchange.stream if raw else wanted.stream,
    )


def replay_feed(home: Home, spec: str, folder: Path) -> FeedFile:
    """A recording as a feed. Each run of it is a book of its own: a replay begins at the beginning."""
    recording = StepRecording(folder)
    text = recording.description.encode()
    recorded = validate(parse_document(text, f"the description in {folder}"), FeedFile)
    venues = read_venues(home.root)
    venue = recorded.exchange if recorded.exchange in venues else PAPER
    if venue not in venues:
        raise ConfigError(f"config/venues.yaml: has neither {recorded.exchange!r} nor {PAPER!r}; add such a row")
    name = _book_name(f"replay_{folder.name}")
    count = 1 + len(list(_feeds(home).glob(f"{name}_run*.yaml")))
    return recorded.model_copy(
        update={
            "spec": spec,
            "kind": "replay",
            "book": f"{name}_run{count}",
            "venue": venue,
            "instruments": {
                symbol: row.model_copy(update={"venue": venue}) for symbol, row in recorded.instruments.items()
            },
            "recording": str(folder),
        }
    )


def keep_feed(home: Home, feed: FeedFile) -> Path:
    """Write it among the desk's feeds; returns where."""
    path = _feeds(home) / f"{feed.book}.yaml"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(path, path.with_suffix(".new"), feed_text(feed).encode())
    return path


def feed_text(feed: FeedFile) -> str:
    """The file's text."""
    head = f"# Written by `--feed {feed.spec}` from what the exchange told; the next run writes it anew.\n"
    return head + yaml.safe_dump(feed.model_dump(mode="json"), sort_keys=False)


def _feeds(home: Home) -> Path:
    return home.var / "feeds"


def _feed_settings(home: Home) -> Feed:
    return validate(read_document(home.config / "desk.yaml", "config/desk.yaml"), DeskFile).feed


def _book_name(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:32]


def _instrument(market: Market, venue: str) -> InstrumentRow:
    """Spot: what is not held cannot be sold."""
    return InstrumentRow(
        tick=market.tick,
        lot=market.lot,
        currency=market.quote,
        calendar="24/7",
        venue=venue,
        minimum=int((market.minimum / market.lot).to_integral_value(rounding="ROUND_CEILING")),
        maximum=None if market.maximum is None else int(market.maximum / market.lot),
        shortable=Shortable.NO,
        minimum_value=market.minimum_value,
    )


def _quantum(markets: Iterable[Market]) -> Decimal:
    """Fine enough that one tick on one lot is a whole number of quanta everywhere."""
    exponents = [int((market.tick * market.lot).normalize().as_tuple().exponent) for market in markets]
    return min(QUANTUM, Decimal(1).scaleb(min(exponents)))


def _fees(name: str, exchange: Exchange) -> ExchangeFees:
    """The dearest of the symbols' rates, for a venue has one schedule."""
    pairs = [(market.maker, market.taker) for market in exchange.markets]
    found = [(maker, taker) for maker, taker in pairs if maker is not None and taker is not None]
    if len(found) < len(pairs):
        raise ConfigError(
            f"{name} does not tell its fees; add a row {name!r} to config/venues.yaml with those that hold"
        )
    return ExchangeFees(
        maker_basis_points=max(maker for maker, _ in found) * 10_000,
        taker_basis_points=max(taker for _, taker in found) * 10_000,
    )


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="execution.wiring.feeds", description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--feed", required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
