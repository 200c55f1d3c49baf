"""What config/venues.yaml says of control, as rows of the table of limits, and read back from it; it reads no files.

So it is proposed, approved, journaled and shown like every other limit, and a saved file loosens none of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from toolkit.domain.commands import LimitRow
from toolkit.domain.rate_budget import BudgetPlan
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.risk.portfolio_limits import OPEN
from toolkit.engine.router_settings import BreakerSettings, RouteRule

COUNTS = ("breaker_rejects", "breaker_venue_rejects", "breaker_late_answers")
BREAKER = (*COUNTS, "breaker_within", "breaker_late_after", "breaker_open")
BUDGET = (
    "budget_key", "budget_messages", "budget_window", "budget_processes", "budget_reserve", "budget_share",
    "budget_block",
)  # fmt: skip
DEAD_MAN = ("dead_man_by", "dead_man_after", "dead_man_cancels")
ROUTES, JOIN_WITHIN = "routes", "join_within"
OF_VENUE = (*BREAKER, *BUDGET, *DEAD_MAN)
NAMES = (*OF_VENUE, ROUTES, JOIN_WITHIN)

WORDS: Final = frozenset({"budget_key", "dead_man_by", "dead_man_cancels", ROUTES})
WHOLE: Final = frozenset({
    *COUNTS, "budget_messages", "budget_processes", "budget_reserve", "budget_share", "budget_block",
})  # fmt: skip
LARGER_IS_STRICTER: Final = frozenset({"breaker_within", "breaker_open", "budget_window", "budget_reserve"})
NEUTRAL: Final = frozenset({"budget_processes", "budget_share", "budget_block"})
"""How one rate is divided between processes: all of them together send no more than its messages."""

KNOWN: Final = {"dead_man_by": ("venue", "watchdog"), "dead_man_cancels": ("entries", "all")}
LOOSER_WORDS: Final[Mapping[str, str]] = {"dead_man_by": "watchdog", "dead_man_cancels": "all"}
"""Our own watchdog goes down with its machine; a dead man that takes all takes protection along."""

MOST: Final[Mapping[str, Decimal]] = {
    **dict.fromkeys(WHOLE, Decimal(10**6)),
    **dict.fromkeys(("breaker_within", "breaker_late_after", "breaker_open", "budget_window"), Decimal(10**9)),
    "budget_processes": Decimal(100),
    "dead_man_after": Decimal(3_600),
    JOIN_WITHIN: Decimal(60),
}
ABOVE_ZERO: Final = frozenset(MOST) - {"budget_share", JOIN_WITHIN}
ELSEWHERE: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(OF_VENUE, frozenset({"book", "account", "strategy", "instrument", "stage"})),
    **dict.fromkeys((ROUTES, JOIN_WITHIN), frozenset({"venue", "account", "strategy", "instrument", "stage"})),
}

_rules = msgspec.json.Decoder(tuple[RouteRule, ...])
_IS_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}").fullmatch
"""Processes that share a rate lock files of this name."""


class DeadManRule(NamedTuple):
    """What happens to entries when the engine falls silent for so long (seconds): by whom, and whether to all else."""

    by: str
    after: Decimal
    cancels: str


# ---- which of two is looser


def are_in(rows: Iterable[LimitRow]) -> bool:
    """Whether a table holds these at all. One of before they were in it says nothing of them, and the file holds."""
    return any(row.limit == ROUTES for row in rows)


def is_looser(limit: str, old: str, new: str) -> bool:
    """Whether another value lets more through, or lets it go on for longer."""
    if limit == ROUTES:
        return _opens_a_venue(_rules.decode(old), _rules.decode(new))
    if limit in WORDS:
        return new != old and new == LOOSER_WORDS.get(limit, new)
    if limit in NEUTRAL or old == OPEN:
        return False
    if new == OPEN:
        return True
    return Decimal(new) < Decimal(old) if limit in LARGER_IS_STRICTER else Decimal(new) > Decimal(old)


def opens(row: LimitRow, old: Sequence[LimitRow]) -> str:
    """What was in force where a new row lets more through: a venue without breakers is sent nothing, and is opened."""
    if row.limit not in BREAKER or not are_in(old):
        return ""
    known = any(each.limit in BREAKER and each.name == row.name for each in old)
    return "" if known else "not set, which denies"


def problem_with(row: LimitRow) -> str:
    """What is wrong with a row of words, in words; "" where it can be in force."""
    if (known := KNOWN.get(row.limit)) is not None and row.value not in known:
        return f"is {row.value}; give one of {', '.join(known)}"
    if row.limit == "budget_key" and not _IS_KEY(row.value):
        return f"is {row.value!r}; give small letters, digits and _"
    if row.limit != ROUTES:
        return ""
    try:
        _rules.decode(row.value)
    except msgspec.MsgspecError as wrong:
        return str(wrong)
    return ""


def in_words(limit: str, value: str) -> str:
    """A value as people read it: rules one by one."""
    if limit != ROUTES:
        return value
    return "; ".join(map(_rule_in_words, _rules.decode(value))) or "none"


def _opens_a_venue(old: Sequence[RouteRule], new: Sequence[RouteRule]) -> bool:
    """Whether an entry could go to a venue to which no rule let it go before. An instrument's own is always open, and
    in which order rules come, or what is preferred, chooses among what is open."""
    return any(
        not any(venue in known.venues and _covers(known, rule) for known in old)
        for rule in new
        for venue in rule.venues
    )


def _covers(known: RouteRule, rule: RouteRule) -> bool:
    """Whether a rule speaks of all that another one speaks of."""
    for field in ("instruments", "strategies", "stages"):
        wide, narrow = getattr(known, field), getattr(rule, field)
        if wide and not (narrow and narrow <= wide):
            return False
    least, most = known.minimum_quantity, known.maximum_quantity
    if least is not None and (rule.minimum_quantity is None or rule.minimum_quantity < least):
        return False
    return most is None or (rule.maximum_quantity is not None and rule.maximum_quantity <= most)


def _rule_in_words(rule: RouteRule) -> str:
    told = [", ".join(rule.venues)]
    told += [
        f"{word} {' '.join(sorted(names))}"
        for word, names in (("for", rule.instruments), ("of", rule.strategies), ("at", rule.stages))
        if names
    ]
    if rule.minimum_quantity is not None:
        told.append(f"from {rule.minimum_quantity}")
    if rule.maximum_quantity is not None:
        told.append(f"to {rule.maximum_quantity}")
    return f"{' '.join(told)} by {rule.prefer.value}"


# ---- what a file says, as rows


def row_of_routes(rules: Sequence[RouteRule], source: str) -> LimitRow:
    value = msgspec.json.encode(rules, order="deterministic").decode()
    return LimitRow(scope="book", name="", limit=ROUTES, value=value, source=source)


# ---- and back


def routes(rows: Iterable[LimitRow]) -> tuple[RouteRule, ...]:
    return next((_rules.decode(row.value) for row in rows if row.limit == ROUTES), ())


def join_within(rows: Iterable[LimitRow]) -> int:
    """Nanoseconds of feed time that entries wait for others; 0 joins none."""
    return next((_nanoseconds(row.value) for row in rows if row.limit == JOIN_WITHIN), 0)


def breakers(rows: Iterable[LimitRow]) -> tuple[Mapping[str, BreakerSettings], frozenset[str]]:
    """The breakers by venue, and the venues that have none on purpose. What is incomplete is not set, and denies."""
    found: dict[str, BreakerSettings] = {}
    without: set[str] = set()
    for venue, said in _by_venue(rows, BREAKER).items():
        values = {limit: row.value for limit, row in said.items()}
        if all(values.get(limit) == OPEN for limit in COUNTS):
            without.add(venue)
        elif len(values) == len(BREAKER) and OPEN not in values.values():
            found[venue] = BreakerSettings(
                rejects=int(values["breaker_rejects"]),
                venue_rejects=int(values["breaker_venue_rejects"]),
                late=int(values["breaker_late_answers"]),
                within=_nanoseconds(values["breaker_within"]),
                late_after=_nanoseconds(values["breaker_late_after"]),
                open_for=_nanoseconds(values["breaker_open"]),
                source=said["breaker_rejects"].source,
            )
    return found, frozenset(without)


def budgets(rows: Iterable[LimitRow], venues: Collection[str]) -> dict[str, BudgetPlan]:
    """The rates of these venues. A row that was tightened alone may leave no room for the parts: they are cut then."""
    plans = {}
    for venue, said in _by_venue(rows, BUDGET).items():
        if venue not in venues or len(said) < len(BUDGET):
            continue
        messages, processes, reserve, share, block = (
            int(said[f"budget_{part}"].value) for part in ("messages", "processes", "reserve", "share", "block")
        )
        own = messages // processes
        reserve = min(reserve, own)
        plans[venue] = BudgetPlan(
            key=said["budget_key"].value,
            messages=messages,
            window=_nanoseconds(said["budget_window"].value),
            processes=processes,
            reserve=reserve,
            share=min(share, own - reserve),
            block=block,
            source=said["budget_messages"].source,
        )
    return plans


def dead_men(rows: Iterable[LimitRow]) -> dict[str, DeadManRule]:
    """By venue, of those that have one."""
    return {
        venue: DeadManRule(
            said["dead_man_by"].value, Decimal(said["dead_man_after"].value), said["dead_man_cancels"].value
        )
        for venue, said in _by_venue(rows, DEAD_MAN).items()
        if len(said) == len(DEAD_MAN)
    }


def _by_venue(rows: Iterable[LimitRow], limits: Collection[str]) -> dict[str, dict[str, LimitRow]]:
    found: dict[str, dict[str, LimitRow]] = {}
    for row in rows:
        if row.scope == "venue" and row.limit in limits:
            found.setdefault(row.name, {})[row.limit] = row
    return found


def _nanoseconds(seconds: str) -> int:
    return int(Decimal(seconds) * NANOSECONDS)
