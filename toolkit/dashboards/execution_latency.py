"""The view `execution_latency`: how long each hop of an order takes, over time and by venue; late ones; one course."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest
from typing import Any, Final

import numpy as np
from bokeh.models import ColumnDataSource, DataRange1d, FactorRange, HoverTool, NumeralTickFormatter
from bokeh.plotting import figure

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.drawing import BAR, SHADES, colour_of, curves, factors, few_ticks, label, lines
from toolkit.dashboards.face import Face, Number, Picture, Table
from toolkit.dashboards.known import Known
from toolkit.dashboards.looks import BAD, GOOD, ODD, Cell
from toolkit.dashboards.orders_seen import (
    ANSWER,
    BROKER,
    HOPS,
    QUEUE,
    STEPS,
    STRATEGY,
    Hop,
    Moments,
    courses_of,
    duration,
    left_out,
    takes,
)
from toolkit.domain.time import NANOSECONDS
from toolkit.measures.execution_cost import percentiles
from toolkit.replica.order_course import Course
from toolkit.replica.tallies import LATE_AFTER
from toolkit.research.picture_parts import INK, dress

TITLE: Final = "Execution latency"
OVER_TIME: Final = (STRATEGY, QUEUE, BROKER)
LEVELS: Final = (0.5, 0.95, 0.99)
LEVEL_WORDS: Final = ("p50", "p95", "p99")
STATIONS: Final = (
    "Strategy is from the quote at the engine until its answer is decided on: to its runner, its own work, and back.",
    "Queue is from there until it is written to the line: controls, journal, waiting. Its course parts it once more.",
    "More clocks would stand in an order's way, and cost what they measure.",
)
A_GROUP: Final = 100
"""Orders that a p99 takes."""
MOST_GROUPS: Final = 40
MOST_DOTS: Final = 200
MOST_LATE: Final = 40
MOST_SLOW: Final = 10
POINTS: Final = 200


def face(known: Known, choice: Choice) -> Face:
    """From the quote to the broker's word."""
    courses = courses_of(known, choice)
    late = [course for course in known.tallies.late(known.wall) if takes(choice, course) and _is_then(choice, course)]
    return Face(
        numbers=_numbers(known, courses, late),
        notes=(*known.notes(), *((words, "") for words in left_out(known, choice))),
        parts=(
            *(_over_time(known, hop, courses, choice) for hop in OVER_TIME),
            _distribution(courses, choice), _waterfall(known, choice, courses),
            _late(known, choice, late), _slowest(known, choice, courses), _by_venue(courses, choice),
        ),
    )  # fmt: skip


def _is_then(choice: Choice, course: Course) -> bool:
    """What waits now is of any time; of the past it is what was decided then."""
    return not choice.until or choice.covers(course.decided, choice.until)


# ---- five numbers


def _numbers(known: Known, courses: Sequence[Course], late: Sequence[Course]) -> tuple[Number, ...]:
    whole, broker = ANSWER.seconds(courses), BROKER.seconds(courses)
    waiting = sum(not course.answered for course in late)
    return (
        Number(value=f"{waiting}", words="orders wait for an answer for more than 5 s", how=BAD if waiting else GOOD),
        _percentile(whole, 0, "half of the orders are answered within"),
        _percentile(whole, 2, "99 % of the orders are answered within"),
        _percentile(broker, 2, "the broker acknowledges 99 % within"),
        Number(value=f"{len(courses):,}", words=f"orders let through; {len(late) - waiting} of the last came late"),
    )  # fmt: skip


def _percentile(seconds: np.ndarray[Any, np.dtype[np.float64]], place: int, words: str) -> Number:
    found = percentiles(seconds, LEVELS)[place]
    if not found.is_known:
        return Number(value="–", words=f"{words}: {found.reason}")
    how = BAD if found.value > LATE_AFTER / NANOSECONDS else GOOD
    return Number(value=duration(found.value), words=words, how=how)


# ---- pictures


def _over_time(known: Known, hop: Hop, courses: Sequence[Course], choice: Choice) -> Picture:
    decided, taken = hop.passed(courses)
    empty = "" if len(taken) else f"No order has passed this in {choice.span_words}."
    if len(taken) and not taken.any():
        empty = "No time passes here: in lockstep an order is decided at the very quote that it saw."
    if len(taken) < MOST_DOTS:
        data = {"time": list(known.zone.axis(decided.tolist())), "each": [_drawn(each) for each in taken.tolist()]}
        columns = [("each", "one order", colour_of(0))]
        below = "Each order is a dot: there are too few for a p99."
    else:
        data = _groups(known, decided, taken)
        columns = list(zip(LEVEL_WORDS, LEVEL_WORDS, SHADES, strict=True))
        below = f"{len(taken):,} orders in {len(data['time'])} groups of equal count"
    return Picture(
        key=f"hop_{hop.name}", title=f"{hop.words}, ms", data=data, shape=(len(columns),), empty=empty, below=below,
        draw=lines(columns, "ms", form="0,0.[000]", log=True, dots=len(columns) == 1, height=200),
        legend=tuple((words, colour) for _, words, colour in columns),
    )  # fmt: skip


def _groups(known: Known, decided: Moments, taken: Moments) -> dict[str, list[float]]:
    """Percentiles of as many orders each as the last one takes, so that none is a guess."""
    count = max(1, min(MOST_GROUPS, len(taken) // A_GROUP))
    data: dict[str, list[float]] = {"time": [], **{name: [] for name in LEVEL_WORDS}}
    for walls, part in zip(np.array_split(decided, count), np.array_split(taken, count), strict=True):
        data["time"].append(float(known.zone.axis([int(walls[-1])])[0]))
        for name, found in zip(LEVEL_WORDS, percentiles(part / 1e6, LEVELS), strict=True):
            data[name].append(max(found.value, 1e-3))
    if count == 1:  # a line takes two points
        first = float(known.zone.axis([int(decided[0])])[0])
        data = {name: [first if name == "time" else values[0], values[0]] for name, values in data.items()}
    return data


def _drawn(nanoseconds: int) -> float:
    """In ms, and above 0 as a logarithmic axis wants it."""
    return max(nanoseconds / 1e6, 1e-3)


def _distribution(courses: Sequence[Course], choice: Choice) -> Picture:
    """Which part of the orders has passed a hop within so many ms."""
    taken = {hop: np.sort(hop.seconds(courses)) for hop in OVER_TIME}
    some = {hop: seconds for hop, seconds in taken.items() if len(seconds) and seconds[-1]}
    shares = np.linspace(0, 1, POINTS)
    data: dict[str, list[float]] = {"share": [100 * share for share in shares]}
    for hop, seconds in some.items():
        data[hop.name] = [max(1e3 * value, 1e-3) for value in np.quantile(seconds, shares)]
    columns = [(hop.name, hop.words, colour_of(OVER_TIME.index(hop))) for hop in some]
    return Picture(
        key="distribution", title="Part of the orders that passed a hop within so many ms, %", data=data,
        shape=tuple(data), draw=curves([(name, "share", words, colour) for name, words, colour in columns], "ms", "%"),
        legend=tuple((words, colour) for _, words, colour in columns),
        empty="" if some else f"No order was let through in {choice.span_words}.",
    )  # fmt: skip


def _waterfall(known: Known, choice: Choice, courses: Sequence[Course]) -> Picture:
    """The course of one order: of the address, else of the slowest."""
    course = known.tallies.courses.get(choice.order) if choice.order else _slow(courses)[:1]
    if isinstance(course, list):
        course = course[0] if course else None
    steps = [] if course is None else _passed(course)
    origin = 0 if course is None else course.tick or course.decided
    data: dict[str, list[Any]] = {"name": [], "left": [], "right": [], "text": [], "colour": []}
    for place, (hop, taken) in enumerate(steps):
        begins = 0.0 if course is None else (getattr(course, hop.begins) - origin) / 1e6
        data["name"].append(hop.words)
        data["left"].append(begins)
        data["right"].append(begins + taken / 1e6)
        data["text"].append(duration(taken / NANOSECONDS))
        data["colour"].append(colour_of(place))
    which = f"order {choice.order}" if choice.order else "the slowest order"
    title = "The slowest order" if course is None else f"{which}: {_what(known, course)}"
    missing = f"{which} is not among the newest orders." if choice.order else f"No order in {choice.span_words}."
    return Picture(
        key="waterfall", title=f"{title[0].upper()}{title[1:]}", data=data, shape=(len(steps),),
        draw=_draw_waterfall, empty="" if steps else missing,
        below="" if course is None else f"ms since its quote was seen; all of it: `execution why {course.order_id}`",
    )  # fmt: skip


def _passed(course: Course) -> list[tuple[Hop, int]]:
    """The steps that it went, the last one only where it filled in parts."""
    found = [(hop, taken) for hop in STEPS if (taken := hop.nanoseconds(course)) is not None]
    return [(hop, taken) for hop, taken in found if taken or hop is not STEPS[-1]]


def _draw_waterfall(source: ColumnDataSource) -> figure:
    names = factors(source)
    made = figure(
        y_range=FactorRange(factors=names), height=70 + BAR * len(names), sizing_mode="stretch_width",
        toolbar_location=None, tools="", x_axis_label="ms", x_range=DataRange1d(start=0, range_padding=0.5),
    )  # fmt: skip
    dress(made)
    drawn = made.hbar(y="name", left="left", right="right", height=0.6, color="colour", alpha=0.85, source=source)
    made.text(
        x="right", y="name", text="text", source=source, x_offset=6, text_baseline="middle", text_color=INK,
        text_font_size="11px",
    )  # fmt: skip
    made.add_tools(HoverTool(renderers=[drawn], tooltips=[("@name", "@text")]))
    made.xaxis.formatter = NumeralTickFormatter(format="0,0.[000]")
    made.ygrid.visible = False
    few_ticks(made)
    label(made)
    return made


# ---- tables


def _late(known: Known, choice: Choice, late: Sequence[Course]) -> Table:
    shown = late[:MOST_LATE]
    return Table(
        key="late", title="Late orders: more than 5 s from decision to answer", wide=True,
        columns=("order", "strategy", "venue", "what", "decided>", "waited>", "status"),
        rows=tuple(_order_row(known, course) for course in shown), links=_links(choice, shown),
        empty="No order waits, and none of the last was answered late.",
    )  # fmt: skip


def _slowest(known: Known, choice: Choice, courses: Sequence[Course]) -> Table:
    shown = _slow(courses)
    return Table(
        key="slowest", title="Slowest answers in the span", wide=True,
        columns=("order", "strategy", "venue", "what", "decided>", "waited>", "status"),
        rows=tuple(_order_row(known, course) for course in shown), links=_links(choice, shown),
        empty=f"No order was answered in {choice.span_words}.",
        below=("An order's link draws its course.",) if shown else (),
    )  # fmt: skip


def _order_row(known: Known, course: Course) -> tuple[Cell, ...]:
    waited = course.waited(known.wall)
    how = BAD if waited > LATE_AFTER and not course.answered else ODD if waited > LATE_AFTER else ""
    return (
        course.order_id, course.strategy, course.venue, _what(known, course),
        known.zone.clock(course.decided, known.wall), (duration(waited / NANOSECONDS), how), course.status,
    )  # fmt: skip


def _by_venue(courses: Sequence[Course], choice: Choice) -> Table:
    rows = []
    for venue in sorted({course.venue for course in courses}):
        of_venue = [course for course in courses if course.venue == venue]
        for hop in HOPS:
            seconds = hop.seconds(of_venue)
            if len(seconds):
                found = [duration(each.value) if each.is_known else "–" for each in percentiles(seconds, LEVELS)]
                rows.append((venue, hop.words, f"{len(seconds):,}", *found, duration(float(seconds.max()))))
    return Table(
        key="hops", title="Hops by venue", wide=True,
        columns=("venue", "hop", "orders>", "p50>", "p95>", "p99>", "slowest>"), rows=tuple(rows),
        empty=f"No order was let through in {choice.span_words}.",
        below=(*STATIONS, "A dash where there are too few orders: p95 takes 20, p99 takes 100.") if rows else (),
    )  # fmt: skip


def _slow(courses: Sequence[Course]) -> list[Course]:
    answered = [course for course in courses if course.answered]
    return nsmallest(MOST_SLOW, answered, key=lambda course: course.decided - course.answered)


def _links(choice: Choice, courses: Sequence[Course]) -> tuple[str, ...]:
    return tuple(choice.but(order=course.order_id).address() for course in courses)


def _what(known: Known, course: Course) -> str:
    instrument = known.replica.ledger.instruments.find(course.instrument)
    quantity = f"{course.quantity}" if instrument is None else f"{instrument.quantity_of(course.quantity):f}"
    return f"{course.side.name} {quantity} {course.instrument} {course.order_type.value}"
