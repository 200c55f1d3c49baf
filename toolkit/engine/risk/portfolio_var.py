"""Value at risk of the book after an order, incrementally; plain arithmetic on floats, which decides and never books.

With v the values of the account's positions in the base currency, C the covariance of their returns per second of open
market (EWMA, RiskMetrics 1996) and m = C·v, an order of value d in instrument k makes v'·C·v into

    V + 2·d·m_k + d²·C_kk,

and the value at risk is z·√(horizon · that). Two instruments that never moved together count as moving together against
us: they add 2·|v_i|·|v_j|·σ_i·σ_j. What works already, or is in doubt, may fill or not: by the triangle inequality no
outcome of it adds more than the sum of what each instrument's larger side is worth alone, and that is added. Exits that
work count as not done.
"""

from __future__ import annotations

from math import expm1, isnan, sqrt
from operator import mul
from statistics import NormalDist

from toolkit.domain.ledger import Ledger
from toolkit.engine.risk.portfolio_exposure import NO_PRICE, Exposures
from toolkit.engine.sampled_models import SampledModels

NAN = float("nan")


class BookRisk:
    """The variance of one book per second of open market, in quanta of the base currency squared."""

    def __init__(self, ledger: Ledger, exposures: Exposures, models: SampledModels) -> None:
        self._ledger = ledger
        self._exposures = exposures
        self._models = models
        self._version = -1
        self._remade = -1
        self._index: dict[str, int] = {}
        self._symbols: list[str] = []
        self._values: list[float] = []
        self._sigmas: list[float] = []
        self._rows: list[list[float]] = []
        self._loose: list[list[float]] = []
        self._is_loose = False
        self._moves: list[float] = []
        self._against: list[float] = []
        self._pending: dict[str, float] = {}
        self.variance = 0.0
        self.waiting = 0.0
        self.unknown: dict[str, None] = {}

    # ---- reading

    def variance_after(self, symbol: str, value: float) -> float:
        """Variance of what is held and one more order of this value; NaN without a volatility of the instrument."""
        at = self._index.get(symbol)
        if at is None:
            at = self._add(symbol)
        after = self.variance + 2.0 * value * self._moves[at] + value * value * self._rows[at][at]
        if self._is_loose:
            after += 2.0 * abs(value) * self._against[at]
        return after

    def waiting_without(self, replaced: str, symbol: str) -> float:
        """`waiting` without the order that is to be replaced."""
        exposure, at = self._ledger.account_exposure.get(symbol), self._index.get(symbol)
        if exposure is None or at is None:
            return self.waiting
        lots = max(exposure.entries_without(self._ledger.orders[replaced]))
        unit = self._exposures.units[symbol][0]
        return self.waiting - self._pending.get(symbol, 0.0) + lots * unit / 2.0 * self._sigmas[at]

    def outcomes(self, symbol: str, value: float) -> list[float]:
        """What the book and one more order of this value would have made in each session of which all returns are
        known."""
        returns = self._models.returns
        worths = zip(self._symbols, self._values, strict=True)
        held = [(worth, returns.get(name, {})) for name, worth in worths if worth]
        held.append((value, returns.get(symbol, {})))
        sessions = [session for session in held[-1][1] if all(session in theirs for _, theirs in held)]
        return [sum(worth * expm1(theirs[session]) for worth, theirs in held) for session in sessions]

    def loss(self, outcomes: list[float], confidence: float) -> float:
        """The loss that so large a part of the outcomes does not exceed: of n the ⌊(1−c)·n⌋ worst are left out."""
        return -sorted(outcomes)[int((1.0 - confidence) * len(outcomes) + 1e-9)] if outcomes else 0.0

    # ---- following

    def refresh(self) -> None:
        """Bring it up to date with exposures that are; nearly always it is."""
        exposures = self._exposures
        if self._version != self._models.version or self._remade != exposures.remade:
            self._version, self._remade = self._models.version, exposures.remade
            exposures.changed.clear()
            self._make_anew()
        elif exposures.changed:
            changed = list(exposures.changed)
            exposures.changed.clear()
            if 4 * len(changed) > len(self._symbols) + 4:
                self._revalue()
            else:
                for symbol in changed:
                    self._move(symbol)

    def _make_anew(self) -> None:
        """Covariances too. Instruments that were asked about before stay known."""
        held = {symbol for lots in self._ledger.venue_positions.values() for symbol, count in lots.items() if count}
        symbols = sorted({*self._index, *held, *self._exposures.units})
        for kept in (self._symbols, self._values, self._sigmas, self._rows, self._loose, self._moves, self._against):
            kept.clear()
        self._index.clear()
        self._is_loose = False
        for symbol in symbols:
            self._add(symbol)
        self._revalue()

    def _add(self, symbol: str) -> int:
        """Take an instrument in that is not held, or whose value comes later."""
        models, sigma = self._models, self._models.volatility(symbol)
        row, loose = [], []
        for other, spread in zip(self._symbols, self._sigmas, strict=True):
            both = sigma * spread
            correlation = models.correlation(symbol, other)
            is_known = not isnan(correlation)
            row.append(both * correlation if is_known else 0.0)
            loose.append(0.0 if is_known or isnan(both) else both)
            self._is_loose = self._is_loose or not is_known
        for their_row, their_loose, mine, apart in zip(self._rows, self._loose, row, loose, strict=True):
            their_row.append(mine)
            their_loose.append(apart)
        row.append(sigma * sigma)
        loose.append(0.0)
        at = self._index[symbol] = len(self._symbols)
        self._symbols.append(symbol)
        self._sigmas.append(sigma)
        self._rows.append(row)
        self._loose.append(loose)
        self._values.append(0.0)
        self._moves.append(sum(map(mul, row, self._values)) if not isnan(sigma) else NAN)
        self._against.append(sum(map(mul, loose, map(abs, self._values))))
        return at

    def _revalue(self) -> None:
        """All values anew, at covariances that stand."""
        self.unknown.clear()
        self._pending.clear()
        self.waiting = 0.0
        self._values = [self._value(symbol) for symbol in self._symbols]
        for symbol in self._symbols:
            self._wait(symbol)
        values = self._values
        self._moves = [
            NAN if isnan(sigma) else sum(map(mul, row, values))
            for row, sigma in zip(self._rows, self._sigmas, strict=True)
        ]
        if self._is_loose:
            sizes = list(map(abs, values))
            self._against = [sum(map(mul, row, sizes)) for row in self._loose]
        self._sum_up()

    def _move(self, symbol: str) -> None:
        """One instrument's position, mark or working orders have changed."""
        at = self._index.get(symbol)
        if at is None:
            at = self._add(symbol)
        value, before = self._value(symbol), self._values[at]
        self._wait(symbol)
        if value == before:
            return
        by, row = value - before, self._rows[at]
        self._values[at] = value
        self._moves = [move + by * covariance for move, covariance in zip(self._moves, row, strict=True)]
        if self._is_loose:
            more = abs(value) - abs(before)
            self._against = [size + more * both for size, both in zip(self._against, self._loose[at], strict=True)]
        self._sum_up()

    def _sum_up(self) -> None:
        """Instruments that nobody holds add nothing, also when nothing is known of them."""
        held = [(value, at) for at, value in enumerate(self._values) if value]
        variance = sum(value * self._moves[at] for value, at in held)
        if self._is_loose:
            variance += sum(abs(value) * self._against[at] for value, at in held)
        self.variance = max(variance, 0.0)

    def _value(self, symbol: str) -> float:
        """Of the account's position, in quanta; 0 with its name in `unknown` where its risk is not known."""
        lots = sum(account.get(symbol, 0) for account in self._ledger.venue_positions.values())
        self.unknown.pop(symbol, None)
        if not lots:
            return 0.0
        unit = self._exposures.units.get(symbol, (NO_PRICE, 0))[0]
        if unit == NO_PRICE or isnan(self._sigmas[self._index[symbol]]):
            self.unknown[symbol] = None
            return 0.0
        return lots * unit / 2.0

    def _wait(self, symbol: str) -> None:
        """What entries that work in an instrument could add at most: the larger side, alone."""
        exposure = self._ledger.account_exposure.get(symbol)
        lots = max(exposure.buys, exposure.sells) if exposure is not None else 0
        adds = 0.0
        if lots:
            unit, sigma = self._exposures.units.get(symbol, (NO_PRICE, 0))[0], self._sigmas[self._index[symbol]]
            if unit == NO_PRICE or isnan(sigma):
                self.unknown[symbol] = None
            else:
                adds = lots * unit / 2.0 * sigma
        before = self._pending.pop(symbol, 0.0)
        if adds:
            self._pending[symbol] = adds
        if adds != before:
            self.waiting = sum(self._pending.values())


def multiple(confidence: float, horizon: float) -> float:
    """z·√horizon: from a standard deviation per √second to a value at risk at this confidence over so many seconds."""
    return NormalDist().inv_cdf(confidence) * sqrt(horizon)
