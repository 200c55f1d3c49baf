"""What every control may answer, and the refusal for a limit that nobody set; it looks at nothing itself."""

from __future__ import annotations

from toolkit.domain.events import Check
from toolkit.engine.risk.proposal import Proposal, Refused

Answer = Check | Refused | None
LIMIT_NOT_SET = "LIMIT_NOT_SET"


def unset(control: int, name: str, proposal: Proposal) -> Refused:
    """What is not set denies, and says where it could be set."""
    return Refused(
        control=control,
        observed=name,
        limit=LIMIT_NOT_SET,
        source="config/limits.yaml",
        would_pass=f"set {name} for the book, for {proposal.strategy} or for {proposal.instrument.symbol}",
    )
