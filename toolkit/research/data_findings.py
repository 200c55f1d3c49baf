"""What was found in people's own data, in words: span, rows and every problem with its mend; it draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.domain.time import NANOSECONDS
from toolkit.research.data_problems import Problem, Severity
from toolkit.research.data_sessions import Sessions, Spans


class Findings:
    """What was found. `errors` keep the data from trading; `warnings` are to be judged; `frame` is all as a table."""

    def __init__(
        self, title: str, label: str, spans: tuple[Spans, ...], sessions: tuple[Sessions, ...],
        problems: tuple[Problem, ...],
    ) -> None:  # fmt: skip
        self.title, self.label, self.spans, self.sessions = title, label, spans, sessions
        self.errors = tuple(one for one in problems if one.severity is Severity.ERROR)
        self.warnings = tuple(one for one in problems if one.severity is Severity.WARNING)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Errors first."""
        return self.errors + self.warnings

    def count(self, fault: str) -> int:
        """How many rows have this fault, over all instruments: `report.count("gap")`."""
        return sum(one.count for one in self.problems if one.fault == fault)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a problem: severity, fault, instrument, count, where, what, mend."""
        columns = ["severity", "fault", "instrument", "count", "where", "what", "mend"]
        rows = [
            (one.severity.value, one.fault, one.instrument, one.count, ", ".join(one.places), one.what, one.mend)
            for one in self.problems
        ]
        return pd.DataFrame(rows, columns=columns)

    def refuse(self) -> None:
        """ConfigError with every error when there are some."""
        if self.errors:
            told = "\n  ".join(map(str, self.errors))
            raise ConfigError(f"{self.title}: nothing trades on data with errors:\n  {told}")

    def __repr__(self) -> str:
        lines = [f"{self.title} ({self.label}): {len(self.errors)} errors, {len(self.warnings)} warnings"]
        lines += ["  " + " ".join(row) for row in self.rows()]
        lines += [f"  {one.severity}, {one.fault}: {one}" for one in self.problems]
        return "\n".join(lines)

    def rows(self) -> Iterator[Sequence[str]]:
        """Instrument, kind, rows, first, last, lowest, highest, for each kind of each instrument."""
        for one in self.spans:
            series, tick = one.series, one.series.instrument.tick
            if not len(series.times):
                continue
            price = series.price[series.price > 0]
            low, high = (tick * int(value) / 2 for value in (price.min(), price.max()))
            yield (
                series.symbol, series.kind, f"{len(series.times):,}", _utc(int(one.starts[0])),
                _utc(int(one.ends[-1])), f"{low:,f}", f"{high:,f}",
            )  # fmt: skip


def badge(report: Findings) -> str:
    """One word for all of it, and the counts."""
    if report.errors:
        return f"{sum(one.count for one in report.errors):,} rows with errors: nothing trades on it"
    return f"{len(report.warnings)} warnings" if report.warnings else "nothing to report"


def _utc(time: int) -> str:
    return datetime.fromtimestamp(time / NANOSECONDS, UTC).strftime("%Y-%m-%d %H:%M")
