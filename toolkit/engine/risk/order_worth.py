"""What an order is worth in the worst case, before it is looked at: controls 2 and 14 hold it against their limits."""

from __future__ import annotations

from toolkit.domain.ledger import ONE, Ledger
from toolkit.domain.orders import BUY
from toolkit.engine.risk.proposal import Proposal
from toolkit.engine.view import LastQuote


def worst_price(proposal: Proposal, quote: LastQuote | None) -> int:
    """The most that one lot may change hands for, in ticks: a sale with a low limit still gets the bid."""
    limit = proposal.price or 0
    if proposal.side is BUY:
        if proposal.terms is not None and proposal.terms.stop is not None and not limit:
            return max(proposal.terms.stop, quote.quote.ask if quote else 0)
        return limit or (quote.quote.ask if quote else 0)
    return max(limit, quote.quote.bid if quote else 0)


def worth_of(proposal: Proposal, quote: LastQuote | None, ledger: Ledger) -> int | None:
    """Quanta of the base currency; None without a price or without a rate of exchange."""
    price = worst_price(proposal, quote)
    if price <= 0:
        return None
    instrument = proposal.instrument
    value = price * proposal.quantity * instrument.tick_value
    if instrument.currency == ledger.base_currency:
        return value
    rate = ledger.rate(instrument.currency)
    if rate is None:
        return None
    return value if rate is ONE else int((value * rate).to_integral_value())
