"""Control 16 as a pure function: what may be traded, where, on which side, and what may be sold short."""

from __future__ import annotations

from toolkit.domain.events import Check
from toolkit.domain.instruments import Shortable
from toolkit.domain.orders import BUY, SELL
from toolkit.engine.risk.answers import LIMIT_NOT_SET, Answer
from toolkit.engine.risk.proposal import Proposal, Refused, Situation

YES, LOCATE = Shortable.YES, Shortable.LOCATE


def permitted(proposal: Proposal, situation: Situation) -> Answer:
    """16: permitted instruments, venues, sides and short sales; an exit needs only a known instrument."""
    limits, symbol = situation.limits, proposal.instrument.symbol
    if not limits.permitted:
        return Refused(
            control=16,
            observed=symbol,
            limit=LIMIT_NOT_SET,
            source="config/limits.yaml",
            would_pass=f"add {symbol} to `permitted` of {proposal.strategy}",
        )
    if (row := limits.excluded_by) is not None:
        return Refused(
            control=16,
            observed=symbol,
            limit=",".join(sorted(row.words)),
            source=row.source,
            would_pass=f"one of {', '.join(sorted(row.words))}",
        )
    if (row := limits.restricted_by) is not None:
        return Refused(
            control=16,
            observed=symbol,
            limit=f"restricted: {','.join(sorted(row.words))}",
            source=row.source,
            would_pass="an exit would, or another instrument",
        )
    if (row := limits.venue_excluded_by) is not None:
        return Refused(
            control=16,
            observed=f"venue {proposal.venue}",
            limit=",".join(sorted(row.words)),
            source=row.source,
            would_pass=f"at {' or '.join(sorted(row.words))}",
        )
    row = limits.no_buys if proposal.side is BUY else limits.no_sells
    if row is not None:
        return Refused(
            control=16,
            observed="buy" if proposal.side is BUY else "sell",
            limit=",".join(sorted(row.words)),
            source=row.source,
            would_pass=f"a {' or '.join(sorted(row.words))} order",
        )
    return _short_sale(proposal, situation)


def _short_sale(proposal: Proposal, situation: Situation) -> Answer:
    """What is not certain to be held is sold short: freely, not at all, or as far as somebody located it."""
    instrument, symbol = proposal.instrument, proposal.instrument.symbol
    if proposal.side is SELL and instrument.shortable is not YES:
        low = situation.ledger.account_interval(symbol, proposal.replaces).low
        located = situation.limits.located if instrument.shortable is LOCATE else None
        most = low + (located.value if located is not None else 0)
        if situation.adds > most:
            return Refused(
                control=16,
                observed=f"short sale of {situation.adds} with {low} certain to be held",
                limit=f"shortable: {instrument.shortable}" + (f", {located.value} located" if located else ""),
                source=located.source if located else f"instrument {symbol}",
                would_pass=f"{max(most, 0)} lots would",
            )
    return Check(control=16, observed=symbol, limit="permitted")
