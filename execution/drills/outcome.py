"""What a drill found: injected, detected, safe, and what the venue's own ledger says; it runs nothing."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one drill. Seconds count from the injection; None is "not within the time that it had"."""

    injected: str
    detected_by: str = "nothing"
    detect_seconds: float | None = None
    safe_when: str = ""
    safe_seconds: float | None = None
    ended: str = ""
    venue_says: str = ""
    passed: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All runs of one drill; `page` is the runbook of its real counterpart."""

    name: str
    page: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return bool(self.findings) and all(finding.passed for finding in self.findings)

    @property
    def slowest_detect(self) -> float | None:
        """The worst of the runs; None when one of them never detected it."""
        return _worst([finding.detect_seconds for finding in self.findings])

    @property
    def slowest_safe(self) -> float | None:
        return _worst([finding.safe_seconds for finding in self.findings])


def _worst(seconds: list[float | None]) -> float | None:
    known = [second for second in seconds if second is not None]
    return max(known) if known and len(known) == len(seconds) else None
