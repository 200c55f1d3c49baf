"""A gate is data: a measure, what is tolerated, how much evidence it takes; with observations it gives a verdict.

FAIL says that the measure is worse than tolerated, and is wrong with probability α at most however often one looks.
PASS says that it is no worse than tolerated plus a margin. All else is INCONCLUSIVE, which holds: too few
observations, none at all, a σ that is not known yet, or a failure that the others at that venue show as well.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from math import isfinite
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import ndtri

from toolkit.measures.performance import Floats
from toolkit.measures.sequential import Boundary, Places, long_run_deviation, share_evidence, worst_likelihood_ratio

CONFIDENCE: Final = 0.95
"""Of a PASS: the margin holds with this probability."""

SHOWS_THE_SAME: Final = 10.0
"""The others fail as well when their newest observations are so many times likelier than the tolerated share."""

WINDOW: Final = 20
"""So many of the newest observations of others say whether they show the same."""

CONFIRMED: Final = 5
"""A failure that others may share counts once it has stood for so many observations: they may be a little later."""


Flags = NDArray[np.bool_]


class Verdict(IntEnum):
    INCONCLUSIVE = 0
    PASS = 1
    FAIL = 2


class Kind(StrEnum):
    """How a gate looks at its measure.

    `share`: of orders (or decisions) to which something happened, 0 or 1 each. `mean`: of a figure in bp, where lower
    is worse. `event`: what must not happen once, such as a confirmed break.
    """

    SHARE = "share"
    MEAN = "mean"
    EVENT = "event"


class Measure(StrEnum):
    """What is observed of each order, or of each decision.

    Shares: `rejected` by the venue, acknowledged `late`, `missed` where its twin filled, decided otherwise than the
    replay (`mismatch`), no decision where the replay has one (`missing`). Means, in bp: `difference`, B4 − B3, and
    `slippage`, what the backtest assumed less the slippage from the middle at arrival. Events: a confirmed `break`, a
    `doubt` older than its limit, a `breach` of a limit after the trade, a `kill`.
    """

    REJECTED = "rejected"
    LATE = "late"
    MISSED = "missed"
    MISMATCH = "mismatch"
    MISSING = "missing"
    DIFFERENCE = "difference"
    SLIPPAGE = "slippage"
    BREAK = "break"
    DOUBT = "doubt"
    BREACH = "breach"
    KILL = "kill"


ITS_OWN: Final = frozenset({Measure.BREACH, Measure.KILL})
"""Events that no venue brings about."""


def kind_of(measure: Measure) -> Kind:
    """How a measure is looked at."""
    if measure in (Measure.DIFFERENCE, Measure.SLIPPAGE):
        return Kind.MEAN
    if measure in (Measure.BREAK, Measure.DOUBT, *ITS_OWN):
        return Kind.EVENT
    return Kind.SHARE


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """`tolerated` is a share or bp; `margin` in the same unit is how much beyond it a PASS must rule out.

    `minimum` observations come before any verdict but the FAIL of an event; `alpha` is the probability of a wrong FAIL.
    A gate that is a `dry_run` is shown and decides nothing. With `common_cause` a failure that others show too holds.
    """

    name: str
    measure: Measure
    kind: Kind
    tolerated: float = 0.0
    margin: float = 0.0
    minimum: int = 1
    alpha: float = 0.001
    dry_run: bool = False
    common_cause: bool = True


class Observations(NamedTuple):
    """One value an order (or decision), NaN where there is none; `others` those of the champion or of other strategies
    at the same venue over the same span.

    For a mean: `sigma` of one order from `behind` orders that are not among these; NaN when nobody knows it yet, then
    the first `burn_in` orders tell. It is never taken below `floor`, half of the median spread.
    """

    values: Floats
    others: Floats | None = None
    sigma: float = float("nan")
    behind: int = 0
    floor: float = 0.0
    burn_in: int = 200


class Finding(NamedTuple):
    """What a gate says, with its evidence: what was seen, the limit, in how many observations, and why."""

    gate: Gate
    verdict: Verdict
    observed: float
    limit: float
    seen: int
    reason: str


def judge(gate: Gate, observations: Observations) -> Finding:
    """The verdict after the last observation."""
    count = int(np.isfinite(observations.values).sum())
    verdict = Verdict(int(judge_looks(gate, observations, np.array([len(observations.values)])).verdicts[0]))
    observed = float(np.nansum(observations.values)) if gate.kind is Kind.EVENT else _mean(observations.values)
    limit = gate.tolerated if gate.kind is not Kind.MEAN else -gate.tolerated
    return Finding(gate, verdict, observed, limit, count, _reason(gate, observations, verdict, count))


class Looks(NamedTuple):
    """What a gate says at each look: its verdict, and whether it fails as the others do, which begins a stage anew."""

    verdicts: Places
    common: Flags


class _Path(NamedTuple):
    """At each look: the gate's own measure fails, or passes, and the others fail as well."""

    fails: Flags
    passes: Flags
    others: Flags


def judge_looks(gate: Gate, observations: Observations, looks: Places) -> Looks:
    """At each look, a number of observations each, what `judge` would have said then."""
    path = _path(gate, observations, looks)
    alone = path.fails & ~path.others
    if _waits(gate, observations):
        alone &= _path(gate, _set_aside(gate, observations), np.maximum(looks - CONFIRMED, 0)).fails
    passes = path.passes & ~path.fails & ~path.others
    found = np.where(alone, Verdict.FAIL, np.where(passes, Verdict.PASS, Verdict.INCONCLUSIVE))
    return Looks(found, path.fails & path.others)


def _set_aside(gate: Gate, observations: Observations) -> Observations:
    """Without the orders around which the others showed the same: the end of an outage counts for nobody either.

    Around is what the others had shown by so many observations later as a failure has to stand.
    """
    values, others = observations.values, observations.others
    if gate.kind is not Kind.SHARE or others is None or not len(values):
        return observations
    shows = np.concatenate(
        (_others_share(gate, others, np.arange(1, len(values) + 1)), np.zeros(CONFIRMED, dtype=bool))
    )
    around = sliding_window_view(shows, CONFIRMED + 1).any(axis=1)
    return observations._replace(values=np.where(around, np.nan, values))


def _waits(gate: Gate, observations: Observations) -> bool:
    """Whether a failure has to stand for a while. What a strategy does by itself, or with nobody beside it, has not to:
    after it there may be no further order to wait for."""
    if not gate.common_cause or gate.kind is Kind.MEAN:
        return False
    return gate.kind is Kind.SHARE or (gate.measure not in ITS_OWN and observations.others is not None)


def _path(gate: Gate, observations: Observations, looks: Places) -> _Path:
    match gate.kind:
        case Kind.SHARE:
            fails, passes = _share(gate, observations.values, looks)
            others = _others_share(gate, observations.others, looks)
        case Kind.MEAN:
            fails, passes = _mean_path(gate, observations, looks)
            others = _others_mean(gate, observations, looks)
        case _:
            happened = np.cumsum(np.nan_to_num(observations.values))
            fails = _at(happened, looks) > gate.tolerated
            seen = _at(np.cumsum(np.isfinite(observations.values)), looks)
            passes = ~fails & (seen >= max(gate.minimum, 1))
            others = _others_events(gate, observations.others, looks)
    return _Path(fails, passes, others & gate.common_cause)


# ---- shares


def _share(gate: Gate, values: Floats, looks: Places) -> tuple[Flags, Flags]:
    happened, seen = _counts(values, looks)
    enough = seen >= gate.minimum
    fails = enough & (_at(share_evidence(values, gate.tolerated), looks) >= 1 / gate.alpha)
    return fails, enough & (upper_share(happened, seen) <= gate.tolerated + gate.margin)


def upper_share(happened: Floats, seen: Floats) -> Floats:
    """The upper end of Wilson's one-sided interval (1927) at the confidence of a PASS; 1 for nothing seen."""
    z = float(ndtri(CONFIDENCE))
    count = np.maximum(seen, 1)
    share = happened / count
    middle = share + z**2 / (2 * count)
    reach = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    found: Floats = np.where(seen > 0, (middle + reach) / (1 + z**2 / count), 1.0)
    return found


def _others_share(gate: Gate, others: Floats | None, looks: Places) -> Flags:
    if others is None:
        return np.zeros(len(looks), dtype=bool)
    last = np.minimum(looks, len(others))
    (happened, seen), (before, seen_before) = _counts(others, last), _counts(others, np.maximum(last - WINDOW, 0))
    found: Flags = worst_likelihood_ratio(happened - before, seen - seen_before, gate.tolerated) >= SHOWS_THE_SAME
    return found


def _counts(values: Floats, looks: Places) -> tuple[Floats, Floats]:
    known = np.isfinite(values)
    return _at(np.cumsum(np.where(known, values, 0.0)), looks), _at(np.cumsum(known).astype(np.float64), looks)


# ---- means


def _mean_path(gate: Gate, observations: Observations, looks: Places) -> tuple[Flags, Flags]:
    tested = _tested(observations)
    never = np.zeros(len(looks), dtype=bool)
    if tested is None:
        return never, never
    values, boundary, begins = tested
    boundary = boundary._replace(tolerated=gate.tolerated, alpha=gate.alpha)
    within = np.maximum(looks - begins, 0)
    seen = _at(np.cumsum(np.isfinite(values)).astype(np.float64), within)
    enough = seen >= gate.minimum
    fails = enough & (_at(boundary.path(values), within) > 1)
    total = _at(np.cumsum(np.nan_to_num(values)), within)
    count = np.maximum(seen, 1)
    lower = total / count - float(ndtri(CONFIDENCE)) * boundary.sigma / np.sqrt(count)
    return fails, enough & (lower > -(gate.tolerated + gate.margin))


def _tested(observations: Observations) -> tuple[Floats, Boundary, int] | None:
    """The values that are tested, the boundary with its σ, and how many came before them to tell σ."""
    values = observations.values
    if isfinite(observations.sigma) and observations.behind:
        boundary = Boundary(max(observations.sigma, observations.floor), observations.behind)
        return (values, boundary, 0) if boundary.sigma > 0 else None
    known = np.flatnonzero(np.isfinite(values))
    if len(known) <= observations.burn_in:
        return None
    begins = int(known[observations.burn_in])
    first = values[:begins]
    deviation = long_run_deviation(first[np.isfinite(first)])
    sigma = max(deviation.value if deviation.is_known else 0.0, observations.floor)
    return (values[begins:], Boundary(sigma, observations.burn_in), begins) if sigma > 0 else None


def _others_mean(gate: Gate, observations: Observations, looks: Places) -> Flags:
    """Whether the others lose as clearly over the same span: then it is the market, or the paper model."""
    others = observations.others
    if others is None or not isfinite(observations.sigma) or not observations.behind:
        return np.zeros(len(looks), dtype=bool)
    boundary = Boundary(max(observations.sigma, observations.floor), observations.behind, gate.tolerated, 0.1)
    return _at(boundary.path(others), np.minimum(looks, len(others))) > 1


# ---- events


def _others_events(gate: Gate, others: Floats | None, looks: Places) -> Flags:
    if others is None:
        return np.zeros(len(looks), dtype=bool)
    return _at(np.cumsum(np.nan_to_num(others)), np.minimum(looks, len(others))) > gate.tolerated


# ---- words


def _reason(gate: Gate, observations: Observations, verdict: Verdict, count: int) -> str:
    if verdict is not Verdict.INCONCLUSIVE:
        return "worse than tolerated" if verdict is Verdict.FAIL else "no worse than tolerated, within its margin"
    if not len(observations.values) or not count:
        return "no observation"
    if gate.kind is Kind.MEAN and (tested := _tested(observations)) is None:
        if count > observations.burn_in or isfinite(observations.sigma):
            return "the differences do not vary, so no σ is known"
        return f"σ is not known before {observations.burn_in} orders; {count} so far"
    if gate.kind is Kind.MEAN and tested is not None:
        count = int(np.isfinite(tested[0]).sum())
    if count < gate.minimum:
        return f"{count} of {gate.minimum} observations"
    path = _path(gate, observations, np.array([len(observations.values)]))
    if path.fails[0]:
        shared = "others at this venue show the same: a common cause"
        return shared if path.others[0] else f"fails, and counts once that has stood for {CONFIRMED} observations"
    return "neither worse than tolerated nor shown to be within the margin"


def _at(path: Floats | Places, looks: Places) -> Floats:
    """The path's value at each look; 0 before the first observation."""
    padded = np.concatenate(([0.0], np.asarray(path, dtype=np.float64)))
    found: Floats = padded[looks]
    return found


def _mean(values: Floats) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
