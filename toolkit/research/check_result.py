"""What `tk.check` found, and how it shows itself: a verdict for each check, and where and why it failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from html import escape
from typing import NamedTuple

from toolkit.domain.time import NANOSECONDS
from toolkit.research.embedding import style
from toolkit.research.observation import Difference


class Verdict(StrEnum):
    """What cannot be measured is no pass."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Finding(NamedTuple):
    """One check: what was seen in a sentence, where runs parted first, and the likely causes with their mend."""

    name: str
    verdict: Verdict
    words: str
    difference: Difference | None = None
    causes: tuple[str, ...] = ()

    def without_evidence(self) -> Finding:
        """The same for a strategy that said nothing at all: a pass would prove nothing."""
        if self.verdict is not Verdict.PASS:
            return self
        words = "it gave no signal and asked for nothing on this data: take more sessions, or mend its conditions"
        return self._replace(verdict=Verdict.INCONCLUSIVE, words=words)


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The findings of one check. `passed` is True only when every check passed."""

    title: str
    data: str
    decisions: int
    fills: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return self.verdict is Verdict.PASS

    @property
    def verdict(self) -> Verdict:
        """FAIL when one failed, else INCONCLUSIVE when one is, else PASS."""
        found = {finding.verdict for finding in self.findings}
        return next(one for one in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS) if one in found)

    def finding(self, name: str) -> Finding:
        """One check by its name, as the page shows it."""
        return next(finding for finding in self.findings if finding.name == name)

    def __str__(self) -> str:
        lines = [f"{self.title}: {self.verdict} ({self.decisions:,} decisions, {self.fills:,} fills; {self.data})"]
        for finding in self.findings:
            lines.append(f"  {finding.verdict:<12}  {finding.name}: {finding.words}")
            lines += [f"                {line}" for line in _evidence(finding)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(map(_row, self.findings))
        return (
            f"{style()}<div class='qd-result'><header>{_badge(self.verdict)}<h2>Check of {escape(self.title)}</h2>"
            f"<div class='qd-under'>{self.decisions:,} decisions, {self.fills:,} fills · {escape(self.data)}</div>"
            f"</header><div class='qd-scroll'><table><tbody>{rows}</tbody></table></div></div>"
        )


def _row(finding: Finding) -> str:
    lines = "".join(f"<br><span>{escape(line)}</span>" for line in _evidence(finding))
    return (
        f"<tr><td>{_badge(finding.verdict)}</td><td><b>{escape(finding.name)}</b></td>"
        f"<td class='qd-wide'>{escape(finding.words)}{lines}</td></tr>"
    )


_COLOURS = {Verdict.PASS: "#1f9d6b", Verdict.FAIL: "#d9485f", Verdict.INCONCLUSIVE: "#b7791f"}


def _badge(verdict: Verdict) -> str:
    return f"<span class='qd-badge' style='background:{_COLOURS[verdict]}'>{verdict}</span>"


def _evidence(finding: Finding) -> list[str]:
    lines = []
    if (found := finding.difference) is not None:
        when = datetime.fromtimestamp(found.time / NANOSECONDS, UTC)
        place = f"step {found.step:,}, {when:%Y-%m-%d %H:%M:%S} UTC" + (
            f", {found.instrument}" if found.instrument else ""
        )
        lines.append(f"{place}: first “{found.expected or 'nothing'}”, then “{found.found or 'nothing'}”")
    return lines + [f"Likely: {cause}." for cause in finding.causes]
