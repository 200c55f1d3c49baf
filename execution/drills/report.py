"""A drill's report as Markdown for people and JSON for machines; it judges nothing that the drills did not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from execution.drills.outcome import Outcome

WHERE = (
    "On a desk of their own: real servers, engine and `execution venue` as processes of this machine, with its load. "
    "No other desk, no market and no other venue was touched. Seconds count from the injection to when this program "
    "could see it in the journal, in the process table or at the venue."
)


def write_report(folder: Path, outcomes: Sequence[Outcome], began: datetime, seconds: float) -> Path:
    """Both files, named by the time; returns the one for people."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = began.astimezone(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    document = {
        "began": began.astimezone(UTC).isoformat(), "seconds": round(seconds, 1),
        "passed": all(outcome.passed for outcome in outcomes),
        "drills": [msgspec.to_builtins(outcome) | {"passed": outcome.passed} for outcome in outcomes],
    }  # fmt: skip
    (folder / f"{stem}.json").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    page = folder / f"{stem}.md"
    page.write_text(markdown(outcomes, began, seconds), encoding="utf-8")
    return page


def markdown(outcomes: Sequence[Outcome], began: datetime, seconds: float) -> str:
    """The page. The worst of the runs stands in the table, each run below."""
    failed = [outcome.name for outcome in outcomes if not outcome.passed]
    verdict = f"**NOT passed: {', '.join(failed)}**" if failed else "All passed."
    lines = [
        f"# Drills of {began.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        "",
        f"{verdict} {len(outcomes)} drills in {seconds:.0f} s. {WHERE}",
        "",
        "| drill | detected after | safe after | passed |",
        "|---|---|---|---|",
        *map(_row, outcomes),
    ]
    for outcome in outcomes:
        lines += ["", f"## {outcome.name}", ""]
        for number, finding in enumerate(outcome.findings, 1):
            lines += [
                *([f"Run {number}:", ""] if len(outcome.findings) > 1 else []),
                f"- injected: {finding.injected}",
                f"- detected after {_seconds(finding.detect_seconds)} by {finding.detected_by}",
                f"- safe after {_seconds(finding.safe_seconds)}: {finding.safe_when or '–'}",
                f"- ended: {finding.ended}",
                f"- the venue: {finding.venue_says}",
                f"- {'passed' if finding.passed else '**not passed**'}",
                "",
            ]
        lines.append(f"In earnest: `runbooks/{outcome.page}`.")
    return "\n".join(lines) + "\n"


def _row(outcome: Outcome) -> str:
    passed = "yes" if outcome.passed else "**no**"
    worst = f"{_seconds(outcome.slowest_detect)} | {_seconds(outcome.slowest_safe)}"
    return f"| {outcome.name} | {worst} | {passed} |"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
