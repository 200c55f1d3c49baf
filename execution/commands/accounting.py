"""`execution account`: what moved cash or changed lots outside of trading, booked by a named person with a reason."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from execution.commands.desk import Stop
from execution.commands.exits import Exit
from execution.commands.reconciling import SOURCE, decimal_of, open_books, tell_outcome
from toolkit.client.commands import person
from toolkit.domain.commands import ChangeSymbol, DistributeCash, MoveCash, SplitInstrument


def move(
    given: Path | None, kind: str, amount: str, asset: str, sub_account: str, *, venue: str, reason: str, as_json: bool
) -> Exit:
    """Book cash that came in (or, below 0, went out): a deposit, interest, an adjustment."""
    _, state, books = open_books(given)
    value = _number("AMOUNT", amount)
    command = MoveCash(
        kind=kind, sub_account=sub_account, asset=asset, amount=value, who=person(SOURCE), reason=reason, venue=venue
    )  # fmt: skip
    return tell_outcome(state, books, command, f"{kind} of {value:+f} {asset} in {sub_account}", as_json)


def distribute(
    given: Path | None, kind: str, instrument: str, per_unit: str, asset: str, *,
    amount: str | None, venue: str, reason: str, as_json: bool,
) -> Exit:  # fmt: skip
    """Pay (or, below 0, charge) every sub-account by what it holds of an instrument."""
    _, state, books = open_books(given)
    value = _number("PER_UNIT", per_unit)
    command = DistributeCash(
        kind=kind, instrument=instrument, asset=asset, per_unit=value, amount=decimal_of("--amount", amount),
        who=person(SOURCE), reason=reason, venue=venue,
    )  # fmt: skip
    return tell_outcome(state, books, command, f"{kind} of {value:+f} {asset} a unit of {instrument}", as_json)


def split(given: Path | None, instrument: str, ratio: str, *, reason: str, as_json: bool) -> Exit:
    """`2:1`: one share became two. Orders in the old shares must be gone."""
    _, state, books = open_books(given)
    new, _, old = ratio.partition(":")
    if not (new.isdecimal() and old.isdecimal()):
        raise Stop(Exit.USAGE, f"{ratio!r} is no ratio; write new:old, such as 2:1")
    command = SplitInstrument(
        instrument=instrument, numerator=int(new), denominator=int(old), who=person(SOURCE), reason=reason
    )
    return tell_outcome(state, books, command, f"{instrument} was split {new} for {old}", as_json)


def rename(given: Path | None, old: str, new: str, *, reason: str, as_json: bool) -> Exit:
    """Positions in one symbol are positions in another from here on."""
    _, state, books = open_books(given)
    command = ChangeSymbol(old=old, new=new, who=person(SOURCE), reason=reason)
    return tell_outcome(state, books, command, f"{old} is {new} now", as_json)


def _number(name: str, text: str) -> Decimal:
    value = decimal_of(name, text)
    if value is None:
        raise Stop(Exit.USAGE, f"{name} is missing")
    return value
