"""Definitions of instruments as commands: which make no sense, and which let more through than those in force.

A definition is a limit too: what may be sold short, how much an order may be, what a lot is worth and asks of margin.
So is of what the lots are that somebody holds: a split or another symbol frees them from what bounded them before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from toolkit.domain import commands as cm
from toolkit.domain.errors import ConfigError, DomainError
from toolkit.domain.instruments import Instrument, Shortable, describe
from toolkit.domain.ledger import Ledger
from toolkit.domain.people_events import Change
from toolkit.engine.account_checks import check_rename, check_split, holders_of

UNITS = ("tick", "lot", "multiplier", "currency", "venue")
"""What lots and prices in the books mean: it stays while anybody holds or works something."""

SOURCE = "config/instruments.yaml"
_FREEDOM = {Shortable.NO: 0, Shortable.LOCATE: 1, Shortable.YES: 2}
_WHOLE = Decimal(1)


def check(ledger: Ledger, body: cm.DefineInstruments) -> None:
    """DomainError for a definition that cannot be reckoned with, or that would change what somebody holds."""
    for instrument in body.instruments:
        _check_sense(ledger, instrument)
        known = _in_force(ledger, instrument)
        if known is None:
            continue
        changed = [name for name in UNITS if getattr(instrument, name) != getattr(known, name)]
        if changed and _is_in_use(ledger, instrument.symbol):
            raise DomainError(
                f"{instrument.symbol} is held or worked, and its {', '.join(changed)} would change under it: close and "
                "cancel that first, or give the new contract a symbol of its own (`execution account`)"
            )


def loosening(ledger: Ledger, body: cm.DefineInstruments) -> tuple[Change, ...]:
    """Each definition that lets through what the one in force does not."""
    check(ledger, body)
    return tuple(change for instrument in body.instruments for change in _looser(ledger, instrument))


def stricter(ledger: Ledger, body: cm.DefineInstruments) -> cm.DefineInstruments | None:
    """The definitions that loosen nothing; None when there are none that change anything."""
    find = ledger.instruments.find
    taken = tuple(
        each
        for each in body.instruments
        if find(each.symbol, each.effective_from) != each and not any(_looser(ledger, each))
    )
    return msgspec.structs.replace(body, instruments=taken) if taken else None


def splitting(ledger: Ledger, body: cm.SplitInstrument) -> tuple[Change, ...]:
    """Fewer lots for the same money use less of every limit in lots, and a wrong ratio moves each result."""
    check_split(ledger, body)
    if not holders_of(ledger, body.instrument):
        return ()
    return (Change(what=f"{body.instrument}, which is held", before=f"{body.denominator}", after=f"{body.numerator}"),)


def renaming(ledger: Ledger, body: cm.ChangeSymbol) -> tuple[Change, ...]:
    """What bounded the old symbol, or kept it out, does not bind the new one."""
    check_rename(ledger, body)
    if not holders_of(ledger, body.old):
        return ()
    return (Change(what="what is held of", before=body.old, after=body.new),)


def looser(ledger: Ledger, instruments: Sequence[Instrument]) -> tuple[Instrument, ...]:
    """Those of these that let more through than what is in force."""
    return tuple(each for each in instruments if any(_looser(ledger, each)))


def _looser(ledger: Ledger, new: Instrument) -> Iterator[Change]:
    old = _in_force(ledger, new)
    if old is None:
        return
    told = {
        "shortable": _FREEDOM[new.shortable] > _FREEDOM[old.shortable],
        "maximum": old.maximum is not None and (new.maximum is None or new.maximum > old.maximum),
        "margin": (_WHOLE if new.margin is None else new.margin) < (_WHOLE if old.margin is None else old.margin),
        "multiplier": new.multiplier < old.multiplier,
        "expiry": old.expiry is not None and (new.expiry is None or new.expiry > old.expiry),
        "calendar": new.calendar != old.calendar,
        "venue": new.venue != old.venue,  # which is open to all entries, whatever the rules of the router open
    }
    for name in (name for name, is_looser in told.items() if is_looser):
        before, after = (_word(getattr(each, name)) for each in (old, new))
        yield Change(what=f"{name} of {new.symbol}", before=before, after=after, source=SOURCE)


def _in_force(ledger: Ledger, new: Instrument) -> Instrument | None:
    """The definition whose place a new one takes, or after which it comes."""
    return ledger.instruments.find(new.symbol, new.effective_from) or ledger.instruments.find(new.symbol)


def _check_sense(ledger: Ledger, instrument: Instrument) -> None:
    currency = ledger.currencies.get(instrument.currency)
    if currency is None:
        raise DomainError(f"{instrument.symbol}: unknown currency {instrument.currency!r}; known: {_known(ledger)}")
    try:
        made = describe(
            symbol=instrument.symbol, tick=instrument.tick, lot=instrument.lot, multiplier=instrument.multiplier,
            currency=currency, calendar=instrument.calendar, venue=instrument.venue,
        )  # fmt: skip
    except ConfigError as problem:
        raise DomainError(str(problem)) from None
    if (made.tick_value, made.currency_quantum) != (instrument.tick_value, instrument.currency_quantum):
        raise DomainError(f"{instrument.symbol}: one tick on one lot is {made.tick_value} quanta of {currency.code}")


def _is_in_use(ledger: Ledger, symbol: str) -> bool:
    return bool(ledger.held.get(symbol) or ledger.open_orders(instrument=symbol))


def _known(ledger: Ledger) -> str:
    return ", ".join(ledger.currencies) or "none"


def _word(value: object) -> str:
    return "none" if value is None else str(value)
