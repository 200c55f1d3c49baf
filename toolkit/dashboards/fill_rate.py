"""The view `fill_rate`: what became of orders: filled, refused and why, how soon, and at which price."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import isnan, nan, sqrt
from typing import Final

import numpy as np

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.drawing import SHADES, bar_data, bars, colour_of, curves
from toolkit.dashboards.face import Face, Number, Picture, Table
from toolkit.dashboards.known import Known
from toolkit.dashboards.looks import BAD, GOOD, ODD, Cell
from toolkit.dashboards.orders_seen import Floats, amounts, courses_of, duration, left_out, moments, share_words
from toolkit.domain.time import NANOSECONDS
from toolkit.measures.execution_cost import (
    HORIZONS,
    arrival_slippage,
    fill_ratio,
    markouts,
    time_to_fill,
    times_to_fill,
)
from toolkit.replica.order_course import Course
from toolkit.replica.replica import DenialSeen, FillSeen
from toolkit.research.control_names import CONTROL_NAMES

TITLE: Final = "Fill rate"
MOST_REASONS: Final = 12
SHARES: Final = tuple(place / 50 for place in range(1, 50))
FEWEST: Final = 5
MANY_REJECTS: Final = 0.03
GROUPINGS: Final[tuple[tuple[str, Callable[[Course], str]], ...]] = (
    ("strategy", lambda course: course.strategy),
    ("venue", lambda course: course.venue),
    ("type", lambda course: course.order_type.value),
)


def face(known: Known, choice: Choice) -> Face:
    """Orders that were let through within the span, and what was not."""
    courses = courses_of(known, choice)
    denials = [row for row in known.replica.denials if _takes(known, choice, row)]
    fills = [row for row in known.replica.fills if _takes(known, choice, row)]
    return Face(
        numbers=_numbers(courses, denials, known.wall),
        notes=(*known.notes(), *((words, "") for words in left_out(known, choice))),
        parts=(
            _shares(known, courses, choice), _time_to_fill(known, courses, choice), _markouts(known, fills, choice),
            _rejects(courses, choice), _denied(denials, choice), _cancels(courses, choice),
            _slippage(known, courses, choice),
        ),
    )  # fmt: skip


def _takes(known: Known, choice: Choice, row: DenialSeen | FillSeen) -> bool:
    is_of = known.covers(choice, int(row.wall)) and choice.takes(row.strategy)
    return is_of and (not choice.venues or choice.takes_venue(known.venue_of(row.order_id, row.instrument)))


# ---- five numbers


def _numbers(courses: Sequence[Course], denials: Sequence[DenialSeen], wall: int) -> tuple[Number, ...]:
    ratio = fill_ratio(*_quantities(courses))
    rejected, answered = (
        sum(bool(course.reject) for course in courses),
        sum(bool(course.answered) for course in courses),
    )
    share = rejected / answered if answered else nan
    soon = time_to_fill(*_waits(courses, wall))
    slipped = _slipped(courses)
    mean = float(np.nanmean(slipped)) if np.isfinite(slipped).any() else nan
    return (
        Number(value=share_words(ratio.by_order.value), words=f"of {len(courses):,} orders filled, wholly or partly"),
        Number(value=share_words(ratio.by_quantity.value), words="of the quantity sent was filled"),
        Number(
            value=duration(soon.value),
            words="until half of the orders filled" if soon.is_known else f"time to fill: {soon.reason}",
        ),
        Number(
            value=share_words(share), words=f"rejected by the venue: {rejected:,}; {len(denials):,} denied by controls",
            how="" if isnan(share) else BAD if share > MANY_REJECTS else GOOD,
        ),
        Number(
            value="–" if isnan(mean) else f"{mean:+.2f} bp",
            words="mean slippage from the middle that was seen; above 0 costs",
            how="" if isnan(mean) else ODD if mean > 0 else GOOD,
        ),
    )  # fmt: skip


def _quantities(courses: Sequence[Course]) -> tuple[Floats, Floats]:
    return amounts(courses, "quantity"), amounts(courses, "filled")


# ---- share filled


def _shares(known: Known, courses: Sequence[Course], choice: Choice) -> Table:
    rows = [row for name, of in GROUPINGS for row in _rows_of(name, of, courses, known.wall)]
    return Table(
        key="shares", title="Share filled", wide=True,
        columns=("by", "which", "orders>", "wholly>", "partly>", "not at all>", "still open>", "of orders>",
                 "of quantity>", "rejected>", "half filled within>"),
        rows=tuple(rows), empty=f"No order was let through in {choice.span_words}.",
    )  # fmt: skip


def _rows_of(
    name: str, of: Callable[[Course], str], courses: Sequence[Course], wall: int
) -> Iterable[tuple[Cell, ...]]:
    for group, inside in _grouped(of, courses):
        wanted, filled = _quantities(inside)
        ratio, ended = fill_ratio(wanted, filled), moments(inside, "ended") != 0
        wholly = np.count_nonzero(filled >= wanted)
        partly = np.count_nonzero((filled > 0) & (filled < wanted))
        still = np.count_nonzero(~ended & (filled < wanted))
        none = np.count_nonzero(ended & (filled == 0))
        rejected = sum(bool(course.reject) for course in inside)
        yield (
            name, group, f"{len(inside):,}", f"{wholly:,}", f"{partly:,}", f"{none:,}", f"{still:,}",
            share_words(ratio.by_order.value), share_words(ratio.by_quantity.value),
            (f"{rejected:,}", ODD) if rejected else "0", duration(time_to_fill(*_waits(inside, wall)).value),
        )  # fmt: skip


def _grouped(of: Callable[[Course], str], courses: Iterable[Course]) -> list[tuple[str, list[Course]]]:
    groups: defaultdict[str, list[Course]] = defaultdict(list)
    for course in courses:
        groups[of(course)].append(course)
    return sorted(groups.items())


# ---- how soon


def _waits(courses: Sequence[Course], now: int) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Seconds until the first fill, and whether there was one; without it, until the order ended, or until `now`."""
    fill, end, decided = (moments(courses, name) for name in ("first_fill", "ended", "decided"))
    waited = np.where(fill != 0, fill, np.where(end != 0, end, now)) - decided
    some = waited > 0
    return waited[some] / NANOSECONDS, (fill != 0)[some]


def _time_to_fill(known: Known, courses: Sequence[Course], choice: Choice) -> Picture:
    types = [name for name, count in Counter(_type(course) for course in courses).most_common(4) if count >= FEWEST]
    data: dict[str, list[float]] = {"share": [100 * share for share in SHARES]}
    for place, name in enumerate(types):
        seconds, filled = _waits([course for course in courses if _type(course) == name], known.wall)
        found = [each.value for each in times_to_fill(seconds, filled, SHARES)]
        data[f"ms{place}"] = [nan if isnan(value) else max(1e3 * value, 1e-3) for value in found]
    some = any(not isnan(value) for name, column in data.items() if name != "share" for value in column)
    return Picture(
        key="time_to_fill", title="Part of the orders filled within so many ms, %", data=data, shape=tuple(types),
        draw=curves([(f"ms{place}", "share", name, colour_of(place)) for place, name in enumerate(types)], "ms", "%"),
        legend=tuple((name, colour_of(place)) for place, name in enumerate(types)),
        empty="" if some else f"Too few orders filled in {choice.span_words}.",
        below="Kaplan-Meier: an order that ended, or still rests, without a fill counts as not filled so far",
    )  # fmt: skip


def _type(course: Course) -> str:
    return course.order_type.value


# ---- at which price


def _slipped(courses: Iterable[Course]) -> Floats:
    """bp of the middle that was seen, one a filled order; above 0 is a cost."""
    known = [course for course in courses if course.filled and course.arrival]
    price = amounts(known, "cost") / amounts(known, "filled")
    return arrival_slippage(amounts(known, "side"), price, amounts(known, "arrival") / 2)


def _slippage(known: Known, courses: Sequence[Course], choice: Choice) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, of in GROUPINGS:
        for group, inside in _grouped(of, courses):
            slipped = _slipped(inside)
            slipped = slipped[np.isfinite(slipped)]
            if len(slipped):
                low, middle, high = np.quantile(slipped, (0.05, 0.5, 0.95))
                spread = float(slipped.std(ddof=1)) / sqrt(len(slipped)) if len(slipped) > 1 else nan
                rows.append(
                    (name, group, f"{len(slipped):,}", _bp(float(slipped.mean())),
                     "–" if isnan(spread) else f"± {2 * spread:.2f}",
                     _bp(float(middle)), _bp(float(low)), _bp(float(high)))
                )  # fmt: skip
    return Table(
        key="slippage", title="Slippage from the middle that was seen, bp; above 0 costs", wide=True,
        columns=("by", "which", "filled orders>", "mean>", "two s.e.>", "median>", "5 %>", "95 %>"), rows=tuple(rows),
        empty=f"No order that saw a quote filled in {choice.span_words}.",
    )  # fmt: skip


def _markouts(known: Known, fills: Sequence[FillSeen], choice: Choice) -> Picture:
    strategies = sorted({fill.strategy for fill in fills})[: len(SHADES)]
    data: dict[str, list[float]] = {"seconds": list(HORIZONS.values())}
    for place, name in enumerate(strategies):
        moved = _moved(known, [fill for fill in fills if fill.strategy == name])
        data[f"bp{place}"] = [
            float(np.nanmean(values)) if np.isfinite(values).any() else nan for values in moved.values()
        ]
    some = any(not isnan(value) for name, column in data.items() if name != "seconds" for value in column)
    return Picture(
        key="markouts", title="Markouts: how far the middle went our way after a fill, bp", data=data,
        shape=tuple(strategies),
        draw=curves(
            [("seconds", f"bp{place}", name, colour_of(place)) for place, name in enumerate(strategies)], "s", "bp",
            zero=True,
        ),
        legend=tuple((name, colour_of(place)) for place, name in enumerate(strategies)),
        empty="" if some else f"No fill in {choice.span_words} has prices after it yet.",
        below=f"mean of {len(fills):,} fills, after 1 s, 10 s, 1 min and 5 min of the feed's time",
    )  # fmt: skip


def _moved(known: Known, fills: Sequence[FillSeen]) -> dict[str, Floats]:
    """Markouts of fills of any instruments, by horizon."""
    middles = known.tallies.middles
    found: dict[str, list[Floats]] = {name: [] for name in HORIZONS}
    for symbol in {fill.instrument for fill in fills}:
        of_symbol = [fill for fill in fills if fill.instrument == symbol]
        times = np.array(middles.times.get(symbol, ()), dtype=np.float64) / NANOSECONDS
        twice = np.array(middles.twice.get(symbol, ()), dtype=np.float64)
        moved = markouts(
            np.array([int(fill.side) for fill in of_symbol], dtype=np.float64),
            np.array([fill.price for fill in of_symbol], dtype=np.float64),
            np.array([int(fill.time) for fill in of_symbol], dtype=np.float64) / NANOSECONDS, times, twice / 2,
        )  # fmt: skip
        for name, values in moved.items():
            found[name].append(values)
    return {name: np.concatenate(parts) if parts else np.empty(0) for name, parts in found.items()}


# ---- reasons


def _rejects(courses: Sequence[Course], choice: Choice) -> Picture:
    counts = Counter(course.reject.replace("_", " ").lower() for course in courses if course.reject)
    return _reasons("rejects", "Rejects by the venue, by reason", counts, SHADES[2], "No order was rejected", choice)


def _denied(denials: Sequence[DenialSeen], choice: Choice) -> Picture:
    counts = Counter(_control(row.control) for row in denials)
    return _reasons("denials", "Denials by our controls", counts, SHADES[1], "No control denied anything", choice)


def _control(number: int) -> str:
    return f"{number} {CONTROL_NAMES[number]}" if number in CONTROL_NAMES else "what the order table refuses"


def _cancels(courses: Sequence[Course], choice: Choice) -> Picture:
    counts = Counter(course.cancel.replace("_", " ") for course in courses if course.cancel)
    return _reasons("cancels", "Cancels, by cause", counts, SHADES[0], "No order was cancelled", choice)


def _reasons(key: str, title: str, counts: Counter[str], colour: str, nothing: str, choice: Choice) -> Picture:
    found = counts.most_common(MOST_REASONS)
    rest = sum(counts.values()) - sum(count for _, count in found)
    found += [("others", rest)] if rest else []
    return Picture(
        key=key, title=title, data=bar_data([(name, float(count), f"{count:,}", colour) for name, count in found]),
        shape=(len(found),), draw=bars("orders", form="0,0"),
        empty="" if found else f"{nothing} in {choice.span_words}.",
        below=f"{sum(counts.values()):,} in {choice.span_words}",
    )  # fmt: skip


def _bp(value: float) -> str:
    return f"{value:+.2f}"
