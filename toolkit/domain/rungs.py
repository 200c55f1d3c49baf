"""What one session earned in a running book, in its replay and in a backtest, by strategy; amounts in quanta."""

from __future__ import annotations

import msgspec


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy in one session, in quanta of the base currency.

    `live` (B4), `replay` (B1) and `backtest` (B0) are what it earned over the steps that were replayed, None where
    nothing was, and then `missing` says why; `stands` is its result since the book began. Of live less replay `delay`,
    `spread_impact`, `missed` and `fees` are of orders that both sent (they add up to execution), `signal` is the rest.
    `orders` are those that were sent, `noise` is what half a spread on each of them would cost, all added.
    """

    strategy: str
    version: str
    stands: int | None = None
    live: int | None = None
    replay: int | None = None
    backtest: int | None = None
    delay: float = 0.0
    spread_impact: float = 0.0
    missed: float = 0.0
    fees: float = 0.0
    signal: float = 0.0
    orders: int = 0
    noise: float = 0.0
    missing: str = ""


class SessionRungs(msgspec.Struct, frozen=True, kw_only=True):
    """One session, or the part of it that is over. `time` and `step` are the feed's where it ends, `wall` is ours then.

    `remarks` say what of it was left out, and why.
    """

    session: str
    step: int
    time: int
    wall: int
    rungs: tuple[Rung, ...]
    remarks: tuple[str, ...] = ()


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How far one strategy has come from what it is held `against`, in σ; None while that cannot be said, and `why`.

    `sigma` is of a session's difference in quanta, `last` the newest difference in σ, `better` and `worse` are Page's
    sums. `sessions` were measured, `behind` of them are where σ comes from; `unmeasured` followed the last of them.
    """

    strategy: str
    against: str
    sigma: float | None = None
    last: float | None = None
    better: float | None = None
    worse: float | None = None
    sessions: int = 0
    behind: int = 0
    unmeasured: int = 0
    why: str = ""


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """As of `wall`: the drift after the last closed session, and the one that goes on, as far as it was replayed."""

    wall: int
    drifts: tuple[Drift, ...] = ()
    now: SessionRungs | None = None
    problem: str = ""
