"""What the paper venue holds for its client: lots and cash, by its own trades and fees alone, from nothing on."""

from __future__ import annotations

from toolkit.domain.instruments import Instrument
from toolkit.domain.requests import TOGETHER


class Account:
    """Lots by instrument, quanta by asset. `cash` is None once a trade was taken back whose worth nobody told.

    `owned` are the same lots by instrument and by whom the orders named that traded them, one or several together.
    """

    def __init__(self) -> None:
        self.positions: dict[str, int] = {}
        self.owned: dict[str, dict[str, int]] = {}
        self.cash: dict[str, int] | None = {}

    def put_back(
        self, positions: dict[str, int], owned: dict[str, dict[str, int]], cash: dict[str, int] | None
    ) -> None:
        """What a snapshot kept; one of a venue that did not count its cash yet has none."""
        self.positions |= positions
        self.owned |= owned
        self.cash = cash

    def trade(self, instrument: Instrument, lots: int, price: int, fee: int, asset: str, owner: str) -> None:
        """`lots` are signed: what was sold is paid for, the fee is charged in its own asset."""
        self.move(instrument.symbol, lots, owner)
        if self.cash is not None:
            currency = instrument.currency
            self.cash[currency] = self.cash.get(currency, 0) - instrument.value(price, lots)
            if fee:
                self.cash[asset] = self.cash.get(asset, 0) - fee

    def move(self, symbol: str, lots: int, owner: str) -> None:
        """Lots alone."""
        self.positions[symbol] = self.positions.get(symbol, 0) + lots
        owned = self.owned.setdefault(symbol, {})
        owned[owner] = owned.get(owner, 0) + lots

    def closes(self, symbol: str, lots: int, owner: str) -> bool:
        """Whether these lots (signed) only shrink what is held here: in all, or what this owner's orders traded."""
        of_owner = sum(
            held for names, held in self.owned.get(symbol, {}).items() if owner in (names, *names.split(TOGETHER))
        )
        return any(held * lots < 0 and abs(lots) <= abs(held) for held in (self.positions.get(symbol, 0), of_owner))

    def lose_count(self) -> None:
        """A bust or a correction does not say what the trade was worth."""
        self.cash = None

    def told(self) -> tuple[tuple[str, int], ...] | None:
        """As the venue tells it: what is not 0."""
        return None if self.cash is None else tuple(sorted((asset, held) for asset, held in self.cash.items() if held))
