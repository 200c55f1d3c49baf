"""Commands about accounts: transfers, corporate actions, and what becomes of breaks and doubts; it never trades."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.errors import DomainError
from toolkit.domain.instruments import Currency, Instrument
from toolkit.domain.ledger import HOUSE, MANUAL, Ledger
from toolkit.domain.money import LARGEST
from toolkit.domain.orders import ENTRY
from toolkit.engine.account_checks import (
    amount_of,
    check_cash,
    check_pair,
    check_rename,
    check_split,
    check_worth,
    currency_of,
    holders_of,
    lots_at,
    twice_of,
    venue_of,
    worth_of,
)
from toolkit.engine.break_desk import BreakCommand, BreakDesk
from toolkit.engine.risk.guard import Guard
from toolkit.engine.transaction import Transaction

AccountCommand = (
    cm.TransferPosition | cm.TransferCash | cm.DistributeCash | cm.SplitInstrument | cm.ChangeSymbol | BreakCommand
)

_encoder = msgspec.msgpack.Encoder()


class AccountDesk:
    """One method per command. A DomainError refuses the command; nothing has changed then."""

    def __init__(self, ledger: Ledger, guard: Guard, breaks: BreakDesk) -> None:
        self._ledger = ledger
        self._guard = guard
        self._breaks = breaks

    def take(self, transaction: Transaction, body: AccountCommand) -> None:
        """Carry a command out."""
        if not body.reason.strip():
            raise DomainError("a reason is missing: it stands in the journal beside your name")
        match body:
            case cm.TransferPosition():
                self._transfer_position(transaction, body)
            case cm.TransferCash():
                self._transfer_cash(transaction, body)
            case cm.DistributeCash():
                self._distribute(transaction, body)
            case cm.SplitInstrument():
                self._split(transaction, body)
            case cm.ChangeSymbol():
                self._change_symbol(transaction, body)
            case _:
                self._breaks.take(transaction, body)

    # ---- between sub-accounts

    def _transfer_position(self, transaction: Transaction, body: cm.TransferPosition) -> None:
        check_pair(self._ledger, body.source, body.target)
        instrument = self._ledger.instruments.require(body.instrument)
        lots = self._lots_to_give(body, instrument)
        self._check_exits(body.source, body.target, instrument.symbol, lots)
        self._check_limit(body.target, instrument, lots)
        twice = twice_of(self._ledger, instrument, body.price)
        worth = worth_of(instrument, lots, twice)
        check_cash(self._ledger, (body.source, worth), (body.target, -worth), asset=instrument.currency)
        event = ev.PositionTransferred(
            source=body.source,
            target=body.target,
            instrument=instrument.symbol,
            lots=lots,
            twice=twice,
            worth=worth,
            who=body.who,
            reason=body.reason,
            time=transaction.time,
        )
        _encoder.encode(event)
        symbol = instrument.symbol
        transaction.emit_change(event, ((body.source, symbol), (body.target, symbol)), body.reason)

    def _lots_to_give(self, body: cm.TransferPosition, instrument: Instrument) -> int:
        held = self._ledger.position(body.source, instrument.symbol).lots
        wanted = abs(held) if body.quantity is None else instrument.lots(body.quantity)
        if not 0 < wanted <= abs(held):
            raise DomainError(
                f"{body.source} holds {instrument.quantity_of(held):+f} {instrument.symbol}; "
                f"give a quantity above 0 and up to that, not {body.quantity}"
            )
        return wanted if held > 0 else -wanted

    def _check_exits(self, source: str, target: str, symbol: str, lots: int) -> None:
        """An exit that works for a position may not become an entry because the position went elsewhere."""
        for sub_account, change in ((source, -lots), (target, lots)):
            held = self._ledger.position(sub_account, symbol).lots
            shrinks = held * change < 0
            orders = self._ledger.open_orders(sub_account, symbol)
            waiting = symbol in self._ledger.waiting_exits.get(sub_account, {})
            if shrinks and (waiting or any(order.order_class is not ENTRY for order in orders)):
                raise DomainError(
                    f"exits of {sub_account} work for its {symbol}; cancel them first: execution disable {sub_account}"
                )

    def _check_limit(self, target: str, instrument: Instrument, lots: int) -> None:
        """What a strategy is given counts in its position like what it buys."""
        if target in (HOUSE, MANUAL):
            return
        limit = self._guard.position_limit(target, instrument)
        interval = self._ledger.interval(target, instrument.symbol)
        after = max(abs(interval.low + lots), abs(interval.high + lots))
        if limit is None or after > max(limit.value, interval.largest):
            allowed = "not set" if limit is None else f"{instrument.quantity_of(limit.value):f} ({limit.source})"
            raise DomainError(
                f"{target} could come to hold {instrument.quantity_of(after):f} {instrument.symbol}; "
                f"max_position is {allowed}"
            )

    def _transfer_cash(self, transaction: Transaction, body: cm.TransferCash) -> None:
        check_pair(self._ledger, body.source, body.target)
        amount = amount_of(self._ledger, body.asset, body.amount)
        if amount <= 0:
            raise DomainError(f"the amount is {body.amount}; give more than 0, and name who gives first")
        check_cash(self._ledger, (body.source, -amount), (body.target, amount), asset=body.asset)
        event = ev.CashTransferred(
            source=body.source,
            target=body.target,
            asset=body.asset,
            amount=amount,
            who=body.who,
            reason=body.reason,
            time=transaction.time,
        )
        _encoder.encode(event)
        transaction.emit(event)

    # ---- corporate actions

    def _distribute(self, transaction: Transaction, body: cm.DistributeCash) -> None:
        if body.kind not in ev.EARNED_BY_HOLDING:
            known = ", ".join(sorted(ev.EARNED_BY_HOLDING))
            raise DomainError(f"{body.kind!r} is not paid on what is held; {known} are")
        instrument = self._ledger.instruments.require(body.instrument)
        currency = currency_of(self._ledger, body.asset)
        venue = venue_of(self._ledger, body.venue, self._venues_that_hold(instrument))
        shares = self._shares(instrument, venue, currency, body.per_unit)
        if not shares:
            raise DomainError(f"nobody holds {instrument.symbol}" + (f" at {venue}" if venue else ""))
        if body.amount is not None:
            rest = amount_of(self._ledger, body.asset, body.amount) - sum(shares.values())
            shares[HOUSE] = shares.get(HOUSE, 0) + rest
        check_cash(self._ledger, *shares.items(), asset=body.asset)
        for sub_account, amount in shares.items():
            if amount:
                transaction.emit(
                    ev.CashMoved(
                        kind=body.kind,
                        sub_account=sub_account,
                        asset=body.asset,
                        amount=amount,
                        reference=body.reason,
                        time=transaction.time,
                        venue=venue,
                    )
                )

    def _venues_that_hold(self, instrument: Instrument) -> list[str]:
        return [venue for venue in self._ledger.venues if lots_at(self._ledger, instrument.symbol, venue)]

    def _shares(self, instrument: Instrument, venue: str, currency: Currency, per_unit: Decimal) -> dict[str, int]:
        """Quanta for each sub-account by what it holds, rounded half to even."""
        if not per_unit.is_finite() or per_unit.copy_abs() > LARGEST:
            raise DomainError(f"{per_unit} a unit is not a finite number; give one")
        per_lot = per_unit * instrument.lot / currency.quantum
        return {
            name: int((lots * per_lot).to_integral_value())
            for name, lots in lots_at(self._ledger, instrument.symbol, venue).items()
        }

    def _split(self, transaction: Transaction, body: cm.SplitInstrument) -> None:
        check_split(self._ledger, body)
        instrument = self._ledger.instruments.require(body.instrument)
        lots = split_lots(holders_of(self._ledger, instrument.symbol), body.numerator, body.denominator)
        for _, count in lots:
            check_worth(self._ledger, instrument, count, 0)
        event = ev.InstrumentSplit(
            instrument=instrument.symbol,
            numerator=body.numerator,
            denominator=body.denominator,
            lots=lots,
            who=body.who,
            reason=body.reason,
            time=transaction.time,
        )
        transaction.emit_change(event, [(name, instrument.symbol) for name, _ in lots], body.reason)

    def _change_symbol(self, transaction: Transaction, body: cm.ChangeSymbol) -> None:
        check_rename(self._ledger, body)
        event = ev.SymbolChanged(old=body.old, new=body.new, who=body.who, reason=body.reason, time=transaction.time)
        told = [
            (name, symbol)
            for name, held in self._ledger.positions.items()
            if body.old in held
            for symbol in (body.old, body.new)
        ]
        transaction.emit_change(event, told, body.reason)


def split_lots(held: dict[str, int], numerator: int, denominator: int) -> tuple[tuple[str, int], ...]:
    """New lots by sub-account: whole lots of each, the rest of what the venue has by largest remainder to its owner.

    The venue's own new position is that of the sum, cut towards zero; what no owner has a claim to goes to `house`.
    """
    total = sum(held.values()) * numerator
    whole = abs(total) // denominator * (1 if total >= 0 else -1)
    cut = {name: abs(lots) * numerator // denominator * (1 if lots > 0 else -1) for name, lots in held.items()}
    rest = whole - sum(cut.values())
    step = 1 if rest > 0 else -1
    claims = sorted(
        (name for name, lots in held.items() if lots * step > 0 and abs(lots) * numerator % denominator),
        key=lambda name: (-(abs(held[name]) * numerator % denominator), name),
    )
    for name in claims[: abs(rest)]:
        cut[name] += step
    if left := whole - sum(cut.values()):
        cut[HOUSE] = cut.get(HOUSE, 0) + left
    return tuple(cut.items())
