"""The table of limits, resolved per strategy and instrument when it changes, not per order; it reads no files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Final

import msgspec

from toolkit.domain.bursts import counted_as
from toolkit.domain.commands import EndOverride, LimitRow, OverrideLimit
from toolkit.domain.instruments import SMALLEST, Instrument
from toolkit.domain.money import LARGEST
from toolkit.domain.people_events import Change
from toolkit.domain.sub_accounts import strategy_of
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.risk import venue_limits
from toolkit.engine.risk.portfolio_limits import CONFIDENCE, HORIZON, MEANINGLESS, OF_VAR, OPEN, OPEN_ENDED
from toolkit.engine.risk.portfolio_limits import MOST as MOST_OF_PORTFOLIO
from toolkit.engine.risk.portfolio_limits import NAMES as PORTFOLIO_LIMITS

REQUIRED = (
    "max_order_value",
    "max_order_quantity",
    "max_working_orders",
    "max_position",
    "message_rate",
    "duplicate_window",
    "permitted",
    "permitted_venues",
    "max_quote_age",
    "price_collar",
    "exit_collar",
    "max_price_drift",
    "drift_window",
    "max_executions",
    "burst_value",
    "burst_quantity",
    "burst_window",
    *PORTFOLIO_LIMITS,
    "self_match",
    "cancel_reserve",
)
OPTIONAL = (
    "permitted_sides",
    "restricted",
    "located",
    "fresh_quotes",
    "price_collar_ticks",
    "max_clock_skew",
    "max_rate_age",
    *OF_VAR,
)
NAMES = REQUIRED + OPTIONAL
DENIES_UNSET: Final = frozenset({*REQUIRED, "located", "max_rate_age"})
"""Where nothing is set, something is denied: every entry, a short sale on a locate, a currency other than the base."""

DEFAULTS: Final[Mapping[str, str]] = {"var_confidence": f"{CONFIDENCE}", "var_horizon": f"{HORIZON:g}"}
"""What holds where nothing is set."""

SCOPES = ("book", "venue", "account", "strategy", "instrument", "stage")
STAGES = ("PAPER", "SHADOW", "LIVE_10", "LIVE_50", "LIVE_100")
ELSEWHERE: Final[Mapping[str, frozenset[str]]] = {
    "message_rate": frozenset({"instrument"}),
    "cancel_reserve": frozenset({"instrument"}),
    "max_executions": frozenset({"venue", "account", "instrument"}),
    **MEANINGLESS,
    **venue_limits.ELSEWHERE,
}
"""Where a limit means nothing: messages are counted by book, venue, account and strategy, executions by strategy."""

_LARGER_IS_STRICTER = frozenset(
    {"cancel_reserve", "fresh_quotes", "duplicate_window", "drift_window", "burst_window", *OF_VAR}
)
LISTS = frozenset({"permitted", "permitted_sides", "permitted_venues", "restricted", "self_match"})
_WHOLE = frozenset(
    {
        "max_working_orders",
        "message_rate",
        "cancel_reserve",
        "fresh_quotes",
        "price_collar_ticks",
        "max_executions",
        *venue_limits.WHOLE,
    }
)
SELF_MATCH = frozenset({"cancel_resting", "refuse_new", "both"})
_WINDOWS = frozenset({"drift_window", "burst_window"})
OF_WINDOWS: Final = frozenset({*_WINDOWS, "duplicate_window", "var_confidence", *OF_VAR})
"""Over what is looked back; what is kept for that goes by the file."""

PER_PERCENT = 10_000
"""Percent are kept in millionths."""

MOST: Final[Mapping[str, Decimal]] = {
    "max_order_value": Decimal(10**15),
    "max_order_quantity": Decimal(10**15),
    "max_position": Decimal(10**15),
    "max_working_orders": Decimal(10**9),
    "message_rate": Decimal(10**9),
    "cancel_reserve": Decimal(10**9),
    "fresh_quotes": Decimal(10**9),
    "duplicate_window": Decimal(7 * 86_400),
    "max_quote_age": Decimal(10**9),
    "located": Decimal(10**15),
    "max_clock_skew": Decimal(10**9),
    "max_rate_age": Decimal(10**9),
    "price_collar": Decimal(1_000),
    "price_collar_ticks": Decimal(10**9),
    "exit_collar": Decimal(1_000),
    "max_price_drift": Decimal(1_000),
    "drift_window": Decimal(7 * 86_400),
    "max_executions": Decimal(10**9),
    "burst_value": Decimal(10**15),
    "burst_quantity": Decimal(10**15),
    "burst_window": Decimal(7 * 86_400),
    **MOST_OF_PORTFOLIO,
    **venue_limits.MOST,
}
"""The largest number that each limit may be, in the units of its file: what is checked is journaled in 64 bits."""

SLOWEST_RATE: Final = Decimal("0.00001")
"""Messages per second of the slowest throttle but 0: about one a day."""


class Limit(msgspec.Struct, frozen=True, kw_only=True, order=True, gc=False):
    """A number in force and the place it stands in. Units are the machine's: lots, quanta, nanoseconds, messages."""

    value: int
    source: str


class Words(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    words: frozenset[str]
    source: str


class BurstLimit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The most that may be sent within the burst window in one scope: quanta of the base currency, lots.

    `counted` and `name` are the window of the ledger that it bounds.
    """

    scope: str
    counted: str
    name: str
    value: Limit | None
    lots: Limit | None

    @property
    def most(self) -> int | str:
        return "quantity alone" if self.value is None else self.value.value


class OrderLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the per-order controls need for one (strategy, instrument); None is unset and denies.

    `excluded_by` is the first row of those in `permitted` that leaves the instrument out, `venue_excluded_by` that of
    those in `permitted_venues`, `restricted_by` the first that restricts the instrument, `no_buys` and `no_sells` those
    of `permitted_sides`.
    """

    order_value: Limit | None
    order_quantity: Limit | None
    position: Limit | None
    account_position: Limit | None
    working_strategy: Limit | None
    working_instrument: Limit | None
    working_venue: Limit | None
    working_book: Limit | None
    duplicate_window: Limit | None
    quote_age: Limit | None
    fresh_quotes: Limit | None
    clock_skew: Limit | None
    rate_age: Limit | None
    permitted: tuple[Words, ...]
    excluded_by: Words | None
    no_buys: Words | None
    no_sells: Words | None
    venue_excluded_by: Words | None
    restricted_by: Words | None
    located: Limit | None
    price_collar: Limit | None
    collar_ticks: Limit | None
    exit_collar: Limit | None
    price_drift: Limit | None
    drift_window: Limit | None
    executions: Limit | None
    bursts: tuple[BurstLimit, ...]
    burst_window: Limit | None
    self_match: Words | None
    unset: str


class LimitTable:
    """The rows in force. `base_quantum` is the quantum of the book's base currency."""

    def __init__(self, rows: Iterable[LimitRow], base_quantum: Decimal) -> None:
        self._rows = tuple(rows)
        self._quantum = base_quantum

    def for_order(self, strategy: str, instrument: Instrument, venue: str = "", stage: str = "") -> OrderLimits:
        """The strictest of all rows that speak about this strategy at its stage and this instrument at this venue, else
        at its own; slow, so keep the answer. The book's account at a venue goes by the venue's name."""
        venue = venue or instrument.venue
        about = {
            "book": "",
            "venue": venue,
            "account": venue,
            "strategy": strategy,
            "instrument": instrument.symbol,
            "stage": stage,
        }

        def rows(limit: str, *scopes: str) -> list[LimitRow]:
            return [
                row
                for row in self._rows
                if row.limit == limit and row.scope in (scopes or SCOPES) and _speaks_of(row, about[row.scope])
            ]

        def quanta(value: Decimal) -> int:
            return int((value / self._quantum).to_integral_value(ROUND_FLOOR))

        def lots(value: Decimal) -> int:
            return int((value / instrument.lot).to_integral_value(ROUND_FLOOR))

        permitted = tuple(_words(row) for row in rows("permitted"))
        sides = [_words(row) for row in rows("permitted_sides")]
        venues = [_words(row) for row in rows("permitted_venues")]
        restricted = [_words(row) for row in rows("restricted")]
        return OrderLimits(
            order_value=_strictest(rows("max_order_value"), quanta),
            order_quantity=_strictest(rows("max_order_quantity"), lots),
            position=_strictest(rows("max_position"), lots),
            account_position=_strictest(rows("max_position", "book", "instrument", "venue", "account"), lots),
            working_strategy=_strictest(rows("max_working_orders", "strategy", "stage"), int),
            working_instrument=_strictest(rows("max_working_orders", "instrument"), int),
            working_venue=_strictest(rows("max_working_orders", "venue", "account"), int),
            working_book=_strictest(rows("max_working_orders", "book"), int),
            duplicate_window=_strictest(rows("duplicate_window"), nanoseconds, largest=True),
            quote_age=_strictest(rows("max_quote_age"), nanoseconds),
            clock_skew=_strictest(rows("max_clock_skew"), nanoseconds),
            fresh_quotes=_strictest(rows("fresh_quotes"), int, largest=True),
            rate_age=_strictest(rows("max_rate_age"), nanoseconds),
            permitted=permitted,
            excluded_by=next((row for row in permitted if not row.words & {instrument.symbol, "*"}), None),
            no_buys=next((row for row in sides if "buy" not in row.words), None),
            no_sells=next((row for row in sides if "sell" not in row.words), None),
            venue_excluded_by=next((row for row in venues if not row.words & {venue, "*"}), None),
            restricted_by=next((row for row in restricted if row.words & {instrument.symbol, "*"}), None),
            located=_strictest(rows("located"), lots),
            price_collar=_strictest(rows("price_collar"), _millionths),
            collar_ticks=_strictest(rows("price_collar_ticks"), int),
            exit_collar=_strictest(rows("exit_collar"), _millionths),
            price_drift=_strictest(rows("max_price_drift"), _millionths),
            drift_window=_strictest(rows("drift_window"), nanoseconds, largest=True),
            executions=_strictest(rows("max_executions"), int),
            bursts=tuple(
                BurstLimit(
                    scope=scope,
                    counted=(window := counted_as(scope, strategy, instrument.symbol, venue))[0],
                    name=window[1],
                    value=_strictest(values, quanta),
                    lots=_strictest(quantities, lots),
                )
                for scope in SCOPES
                if (values := rows("burst_value", scope)) + (quantities := rows("burst_quantity", scope))
            ),
            burst_window=_strictest(rows("burst_window"), nanoseconds, largest=True),
            self_match=_all_words(rows("self_match")),
            unset=next((name for name in REQUIRED if not rows(name)), ""),
        )

    def executions(self, strategy: str, stage: str = "") -> Limit | None:
        """Entries of a strategy that may fill until a person arms it again."""
        rows = self._of_scope("max_executions", "strategy", strategy, stage)
        return _strictest([*rows, *self._of_scope("max_executions", "book", "")], int)

    def rate(self, scope: str, name: str, stage: str = "") -> Limit | None:
        """Messages per second of one scope: of a strategy at its stage, of a venue and the account there, or of the
        whole book (named "")."""
        return _strictest(self._of_scope("message_rate", scope, name, stage), int)

    def cancel_reserve(self, scope: str, name: str, stage: str = "") -> int:
        """Messages of a scope's rate that only cancels and exits may use; the book's where it has none of its own."""
        rows = self._of_scope("cancel_reserve", scope, name, stage) or self._of_scope("cancel_reserve", "book", "")
        found = _strictest(rows, int, largest=True)
        return 0 if found is None else found.value

    def _of_scope(self, limit: str, scope: str, name: str, stage: str = "") -> list[LimitRow]:
        """The rows of one meter: a venue's account shares its venue's, a stage its strategies'."""
        names = {scope: name}
        if scope == "venue":
            names["account"] = name
        elif scope == "strategy" and stage:
            names["stage"] = stage
        return [
            row for row in self._rows if row.limit == limit and row.scope in names and _speaks_of(row, names[row.scope])
        ]


def _speaks_of(row: LimitRow, name: str) -> bool:
    """A row of a strategy is one of all of its versions too."""
    return row.name in ("", "*", name) or (row.scope == "strategy" and strategy_of(name) == row.name)


def problem_with(row: LimitRow) -> str:
    """What is wrong with a row, in words; empty when it can be in force."""
    where = f"{row.source}: {row.limit}"
    if row.limit not in NAMES and row.limit not in venue_limits.NAMES:
        return f"{where} is no limit; known: {', '.join(NAMES)}"
    if row.scope not in SCOPES:
        return f"{where} is of {row.scope!r}, which is no scope; known: {', '.join(SCOPES)}"
    if row.scope in ELSEWHERE.get(row.limit, ()):
        places = ", ".join(scope for scope in SCOPES if scope not in ELSEWHERE[row.limit])
        return f"{where} means nothing for one {row.scope}; set it for one of {places}"
    if row.limit == "self_match" and not _split(row.value) <= SELF_MATCH:
        return f"{where} is {_short(row.value)}; give one of {', '.join(sorted(SELF_MATCH))}"
    if row.limit in LISTS or row.limit in venue_limits.WORDS or _is_open(row):
        wrong = venue_limits.problem_with(row) if _split(row.value) else "is empty"
        return f"{where} {wrong}" if wrong else ""
    return _problem_with_number(row, where)


def _problem_with_number(row: LimitRow, where: str) -> str:
    try:
        value = Decimal(row.value)
    except InvalidOperation:
        return f"{where} is {row.value!r}; give a number"
    if not value.is_finite() or value < 0:
        return f"{where} is {row.value}; give a finite number, 0 or more"
    if value > (most := MOST[row.limit]):
        return f"{where} is {_short(row.value)}; give at most {most}"
    if 0 < value < SMALLEST:
        return f"{where} is {_short(row.value)}; give 0, or at least {SMALLEST}"
    if row.limit in _WINDOWS and not value:
        return f"{where} is 0, a window without length; give seconds above 0"
    if row.limit in venue_limits.ABOVE_ZERO and not value:
        return f"{where} is 0; give more"
    if row.limit in _WHOLE and value != int(value):
        return f"{where} is {_short(row.value)}; give a whole number"
    return ""


def _is_open(row: LimitRow) -> bool:
    """Whether a person says on purpose that there is none."""
    return row.value == OPEN and (row.limit in OPEN_ENDED or row.limit in venue_limits.COUNTS)


def loosened(old: Sequence[LimitRow], new: Sequence[LimitRow]) -> list[str]:
    """What a new table loosens against the old one, in words; empty when it only tightens."""
    return [str(change) for change in loosening(old, new)]


def loosening(old: Sequence[LimitRow], new: Sequence[LimitRow]) -> tuple[Change, ...]:
    """The same as changes. A lost row is looser; so is a new one where nothing was set, for what is not set denies."""
    before, after = _keyed(old), _keyed(new)
    found = [
        Change(what=what_it_limits(row), before=opened, after=_told(row), source=row.source)
        for key, row in after.items()
        if key not in before and (opened := _opens(row, old))
    ]
    for key, row in before.items():
        wanted = after.get(key)
        if wanted is None:
            found.append(Change(what=what_it_limits(row), before=_told(row), after="removed"))
        elif is_looser(row.limit, row.value, wanted.value):
            found.append(Change(what=what_it_limits(row), before=_told(row), after=_told(wanted), source=wanted.source))
    return tuple(found)


def stricter(old: Sequence[LimitRow], new: Sequence[LimitRow]) -> tuple[LimitRow, ...]:
    """The stricter of both in each row: the new table as far as it tightens, the old one for the rest."""
    before, after = _keyed(old), _keyed(new)
    kept = [_stricter_row(row, after.get(key)) for key, row in before.items()]
    return (*kept, *(row for key, row in after.items() if key not in before and not _opens(row, old)))


def _stricter_row(old: LimitRow, new: LimitRow | None) -> LimitRow:
    if new is None:
        return old
    if not is_looser(old.limit, old.value, new.value):
        return new
    if old.limit not in LISTS or "*" in (old.value, new.value):
        return old
    both = _split(old.value) | _split(new.value) if old.limit == "restricted" else _split(old.value) & _split(new.value)
    return msgspec.structs.replace(new, value=",".join(sorted(both))) if both else old


def _keyed(rows: Iterable[LimitRow]) -> dict[tuple[str, str, str], LimitRow]:
    return {(row.scope, row.name, row.limit): row for row in rows}


def what_it_limits(row: LimitRow | OverrideLimit | EndOverride) -> str:
    """`max_position of strategy trend`."""
    return f"{row.limit} of {row.scope} {row.name}".rstrip()


def _told(row: LimitRow) -> str:
    return venue_limits.in_words(row.limit, row.value)


def _opens(row: LimitRow, old: Sequence[LimitRow]) -> str:
    """What was in force where a new row lets more through; empty where it can only be stricter."""
    if row.limit in venue_limits.NAMES:
        return venue_limits.opens(row, old)
    covering = [known for known in old if _covers(known, row)]
    if row.limit == "cancel_reserve" and covering:  # it does not stand beside the wider one, but in its place
        wider = max(covering, key=lambda known: Decimal(known.value))
        return wider.value if is_looser(row.limit, wider.value, row.value) else ""
    if covering:
        return ""
    if (default := DEFAULTS.get(row.limit)) is not None:
        return f"not set, which is {default}" if is_looser(row.limit, default, row.value) else ""
    return "not set, which denies" if row.limit in DENIES_UNSET else ""


def _covers(known: LimitRow, row: LimitRow) -> bool:
    """Whether everything that a row speaks about had this limit already: as a rule the new row can only be stricter."""
    return known.limit == row.limit and known.scope in ("book", row.scope) and known.name in ("", "*")


def is_looser(limit: str, old: str, new: str) -> bool:
    """Whether another value of a limit lets more through."""
    if limit in venue_limits.NAMES:
        return venue_limits.is_looser(limit, old, new)
    if limit == "self_match":
        return not _ways(old) <= _ways(new)
    if limit == "restricted":
        return "*" not in _split(new) and not _split(old) <= _split(new)
    if limit in LISTS:
        return "*" not in _split(old) and not _split(new) <= _split(old)
    if OPEN in (old, new):
        return new == OPEN != old
    if limit in _LARGER_IS_STRICTER:
        return Decimal(new) < Decimal(old)
    return Decimal(new) > Decimal(old)


def _strictest(rows: Sequence[LimitRow], convert: Callable[[Decimal], int], *, largest: bool = False) -> Limit | None:
    """Within bounds whatever is in the journal: an older version took any number, and lots and quanta can be tiny."""
    if not rows:
        return None
    limits = [
        Limit(value=min(convert(min(Decimal(row.value), MOST[row.limit])), LARGEST), source=row.source) for row in rows
    ]
    return max(limits) if largest else min(limits)


def nanoseconds(value: Decimal) -> int:
    """Seconds of a limit as the clocks count them."""
    return int(value * NANOSECONDS)


def _millionths(value: Decimal) -> int:
    return int(value * PER_PERCENT)


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:37]}..."


def _ways(value: str) -> frozenset[str]:
    """What a mode of self-match prevention does."""
    words = _split(value)
    return words if "both" not in words else SELF_MATCH


def _all_words(rows: Sequence[LimitRow]) -> Words | None:
    """The words of all rows together, at the place of the first."""
    if not rows:
        return None
    return Words(words=frozenset[str]().union(*(_split(row.value) for row in rows)), source=rows[0].source)


def _words(row: LimitRow) -> Words:
    return Words(words=_split(row.value), source=row.source)


def _split(value: str) -> frozenset[str]:
    return frozenset(word.strip() for word in value.split(",") if word.strip())
