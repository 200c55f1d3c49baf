"""Whether a rate of exchange may be counted on: there is one, and it is young enough; values hang on nothing older."""

from __future__ import annotations

from toolkit.domain.time import NANOSECONDS
from toolkit.engine.risk.proposal import Refused, Situation

LIMIT_NOT_SET = "LIMIT_NOT_SET"


def rate_problem(control: int, currency: str, situation: Situation) -> Refused | None:
    """Why this currency has no rate to count on, or None: the base currency needs none."""
    ledger, limit = situation.ledger, situation.limits.rate_age
    if currency == ledger.base_currency:
        return None
    pair = f"{currency}/{ledger.base_currency}"
    if limit is None:
        return Refused(
            control=control,
            observed="max_rate_age",
            limit=LIMIT_NOT_SET,
            source="config/limits.yaml",
            would_pass="set max_rate_age for the book: so many seconds a rate of exchange holds",
        )
    if ledger.rate(currency) is None:
        return Refused(
            control=control,
            observed=f"no rate {pair}",
            limit="a fresh rate",
            source=limit.source,
            would_pass=f"once the instrument that values {currency} (`valued_by` in config/instruments.yaml) is quoted",
        )
    age = situation.view.age(ledger.rate_times[currency], situation.now)
    if age > limit.value:
        return Refused(
            control=control,
            observed=f"rate {pair} {age / NANOSECONDS:g} s old",
            limit=f"{limit.value / NANOSECONDS:g} s",
            source=limit.source,
            would_pass="once a fresh good quote of the currency arrives",
        )
    return None
