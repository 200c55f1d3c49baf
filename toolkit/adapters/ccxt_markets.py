"""What ccxt knows of an exchange's markets: symbols, ticks, lots, fees, addresses. Asked once, without a key.

Prices are not read through ccxt where there is a reader of ours (`binance_stream`); this module is imported by a
process that ends when it has the answer, for ccxt takes 70 MB.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from toolkit.domain.errors import ConfigError, TransportError

SECONDS = 20_000
PROJECT = Path(__file__).resolve().parent.parent.parent


class Market(NamedTuple):
    """One spot market in units of what is traded. Fees are fractions of a fill's value.

    `identifier` is the exchange's own name on its streams, `unit` how much one of its counts is where it counts in
    other units than those (BitMEX: satoshis), else 1. `minimum_value` is the least that an order may be worth.
    """

    symbol: str
    identifier: str
    quote: str
    tick: Decimal
    lot: Decimal
    minimum: Decimal
    maximum: Decimal | None
    maker: Decimal | None
    taker: Decimal | None
    unit: Decimal = Decimal(1)
    minimum_value: Decimal | None = None


class Exchange(NamedTuple):
    """Its markets, and the addresses of its public REST and WebSocket interfaces as ccxt knows them."""

    markets: tuple[Market, ...]
    rest: str
    stream: str


def check_installed() -> None:
    """ConfigError with the line to type when ccxt is not there."""
    if importlib.util.find_spec("ccxt") is None or importlib.util.find_spec("aiohttp") is None:
        pins = f" -c {PROJECT / 'constraints.txt'} -e '{PROJECT}[exchanges]'"
        what = pins if (PROJECT / "constraints.txt").exists() else " 'quarterdeck[exchanges]'"
        raise ConfigError(f"a feed from an exchange needs ccxt; install it: {sys.executable} -m pip install{what}")


async def read_markets(name: str, symbols: Sequence[str], *, rest: str = "", stream: str = "") -> Exchange:
    """Ask the exchange for its markets; `rest` and `stream` are other addresses than its own, such as a mirror's.

    ConfigError for an exchange or a symbol that there is not, TransportError when the exchange does not answer.
    """
    exchange = open_exchange(name, rest=rest, stream=stream)
    try:
        found = await _load(exchange, name)
        counts = _counts_decimals(name, exchange.precisionMode)
        markets = tuple(_market(name, _find(name, symbol, found), counts=counts) for symbol in symbols)
        return Exchange(markets, _public(exchange.urls["api"]), _stream(exchange.urls["api"]))
    finally:
        await exchange.close()


def open_exchange(name: str, *, rest: str = "", stream: str = "") -> Any:
    """A stock ccxt class without a key, with WebSocket where ccxt has it. Must be closed."""
    check_installed()
    streaming, plain = importlib.import_module("ccxt.pro"), importlib.import_module("ccxt.async_support")
    if name not in plain.exchanges:
        near = get_close_matches(name, plain.exchanges, n=3) or plain.exchanges
        raise ConfigError(f"ccxt knows no exchange {name!r}; the nearest: {', '.join(near)}")
    kind = getattr(streaming if name in streaming.exchanges else plain, name)
    exchange = kind({"enableRateLimit": True, "timeout": SECONDS, "aiohttp_trust_env": True})
    exchange.options["fetchCurrencies"] = False  # wants a key at some, and nothing here needs it
    if isinstance(exchange.options.get("fetchMarkets"), Mapping):
        exchange.options["fetchMarkets"] = {"types": ["spot"]}
    exchange.urls["api"] = _moved(exchange.urls["api"], rest=rest, stream=stream)
    return exchange


async def _load(exchange: Any, name: str) -> Mapping[str, Any]:
    errors = importlib.import_module("ccxt.base.errors")
    try:
        found: Mapping[str, Any] = await exchange.load_markets()
    except errors.NetworkError as problem:
        raise TransportError(f"{name} does not answer: {problem}") from problem
    except errors.BaseError as problem:
        raise ConfigError(f"{name} does not tell its markets: {problem}") from problem
    return found


def _find(name: str, symbol: str, known: Mapping[str, Any]) -> Mapping[str, Any]:
    market: Mapping[str, Any] | None = known.get(symbol)
    if market is None:
        near = get_close_matches(symbol, known, n=3, cutoff=0.4)
        raise ConfigError(f"{name} has no market {symbol!r}; the nearest: {', '.join(near) or 'none'}")
    if not market.get("spot"):
        raise ConfigError(f"{symbol} at {name} is no spot market; this release has no funding and no expiry of others")
    if market.get("active") is False:
        raise ConfigError(f"{symbol} is not traded at {name} now; name another")
    return market


def _market(name: str, row: Mapping[str, Any], *, counts: bool) -> Market:
    limits = row.get("limits", {})
    amounts, costs = limits.get("amount") or {}, limits.get("cost") or {}
    unit = _unit(name, row)
    lot = _step(name, row, "amount", counts) * unit
    least, most = _optional(amounts.get("min")), _optional(amounts.get("max"))
    return Market(
        symbol=str(row["symbol"]),
        identifier=str(row.get("wsId") or row["id"]),
        quote=str(row["quote"]),
        tick=_step(name, row, "price", counts),
        lot=lot,
        minimum=max(lot, least * unit if least else lot),
        maximum=None if most is None else most * unit,
        maker=_optional(row.get("maker")),
        taker=_optional(row.get("taker")),
        unit=unit,
        minimum_value=_optional(costs.get("min")) or None,
    )


def _unit(name: str, row: Mapping[str, Any]) -> Decimal:
    """BitMEX writes spot sizes in the smallest part of a coin, and ccxt hands its lots on as they are."""
    parts = row.get("info", {}).get("underlyingToPositionMultiplier") if name == "bitmex" else None
    return Decimal(1) if parts is None else (1 / Decimal(str(parts))).normalize()


def _step(name: str, row: Mapping[str, Any], what: str, counts: bool) -> Decimal:
    """A tick or a lot; some exchanges tell the count of decimals instead."""
    value = _optional(row.get("precision", {}).get(what))
    if value is None or (value <= 0 and not counts):
        raise ConfigError(f"{name} does not tell the precision ({what}) of {row['symbol']}; it cannot be traded here")
    return Decimal(1).scaleb(-int(value)) if counts else value


def _counts_decimals(name: str, mode: int) -> bool:
    modes = importlib.import_module("ccxt")
    if mode == modes.SIGNIFICANT_DIGITS:
        raise ConfigError(f"{name} has prices of so many significant digits and no tick; it cannot be traded here")
    return bool(mode == modes.DECIMAL_PLACES)


def _optional(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value)).normalize()


def _moved(urls: Any, *, rest: str, stream: str) -> Any:
    """The same addresses at another host, deep inside of ccxt's table."""
    if isinstance(urls, Mapping):
        return {key: _moved(inside, rest=rest, stream=stream) for key, inside in urls.items()}
    if not isinstance(urls, str):
        return urls
    old = urlsplit(urls)
    new = urlsplit(stream if old.scheme in ("ws", "wss") else rest)
    return urlunsplit((new.scheme, new.netloc, old.path, old.query, old.fragment)) if new.netloc else urls


def _public(urls: Any) -> str:
    found = urls.get("public", "") if isinstance(urls, Mapping) else urls
    return found if isinstance(found, str) else ""


def _stream(urls: Any) -> str:
    """The address of the spot streams."""
    found = urls.get("ws", "") if isinstance(urls, Mapping) else ""
    if isinstance(found, Mapping):
        found = found.get("spot") or found.get("public") or ""
    return found if isinstance(found, str) else ""
