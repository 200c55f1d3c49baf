"""Times of a table in nanoseconds UTC; a time without a zone is never guessed, one that does not exist is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.domain.time import NANOSECONDS
from toolkit.research.data_table import Flags, Integers

MILLISECOND: Final = 1_000_000
UNITS: Final[Mapping[str, int]] = {"s": NANOSECONDS, "ms": MILLISECOND, "us": 1_000, "ns": 1}
NO_TIME: Final = "no time"
SKIPPED: Final = "skipped hour"
REPEATED: Final = "repeated hour"

_END: Final = 2**63  # of nanoseconds since 1970, in the year 2262
_OFFSET = re.compile(r"\d:\d\d.*(?:Z|[+-]\d\d:?\d\d)$")


class Times(NamedTuple):
    """Nanoseconds UTC (0 where a fault is flagged), the faults, and whether every time is a bare date.

    Of bare dates the nanoseconds are midnight UTC of that date, whatever the zone: they name sessions, not instants.
    """

    nanoseconds: Integers
    faults: Mapping[str, Flags]
    dates: bool


def read_times(
    column: pd.Series, timezone: str | None, unit: str | None, place: str, *, dates_name_sessions: bool
) -> Times:
    """ConfigError for naive times without `timezone`, for numbers without `unit`, and for a zone that nobody knows.

    Times that cannot be read are faults, or a ConfigError where others are naive without `timezone`.
    With `dates_name_sessions`, times that are all midnight (in their own zone, if they have one) are bare dates.
    """
    if timezone is not None:
        _check_zone(timezone, place)
    moments = _parsed(column, unit, place)
    missing = moments.isna().to_numpy()
    if dates_name_sessions and _are_dates(moments):
        return Times(_nanoseconds(moments), {NO_TIME: missing}, dates=True)
    if _is_aware(moments):
        return Times(_nanoseconds(moments.dt.tz_convert("UTC")), {NO_TIME: missing}, dates=False)
    if missing.all():
        return Times(_nanoseconds(moments), {NO_TIME: missing}, dates=False)
    if timezone is None:
        _refuse_unreadable(column, missing, place)
        raise ConfigError(
            f"{place}: times such as {moments.iloc[0]} are naive; say where their clock stands: "
            "timezone='America/New_York', or timezone='UTC'"
        )
    return _localised(moments, timezone, missing)


def midnight(day: str, timezone: str) -> int:
    """Nanoseconds UTC of local midnight of an ISO date."""
    return int(pd.Timestamp(day, tz=timezone).as_unit("ns").value)


def counted(count: object, unit: int) -> int:
    """Nanoseconds of a count since 1970, exactly, of a number or its text; ArithmeticError or ValueError otherwise."""
    nanoseconds = Decimal(str(count)) * unit
    if not 0 < nanoseconds < _END:
        raise ValueError(f"{count} is no time between 1970 and 2262, counted in {NANOSECONDS // unit:,} a second")
    return int(nanoseconds)


def moment(text: object) -> int:
    """Nanoseconds of an ISO time, which is UTC where it has no offset. ValueError for what is none."""
    time = pd.Timestamp(text) if isinstance(text, str) else pd.NaT
    if time is pd.NaT:
        raise ValueError(f"{text!r} is no time")
    return counted(time.as_unit("ns").value, 1)


def _refuse_unreadable(column: pd.Series, missing: Flags, place: str) -> None:
    """What is no time at all is told before where its clock stands: a zone would not mend it."""
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise ConfigError(
            f"{place}: row {row} (from 0): the time {str(column.iloc[row])!r} cannot be read, as {missing.sum():,} of "
            f"{len(missing):,}; write ISO times such as 2024-03-08 09:30:00"
        )


def _parsed(column: pd.Series, unit: str | None, place: str) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        if unit is None or unit not in UNITS:
            known = ", ".join(UNITS)
            raise ConfigError(f"{place}: times are numbers; say in which unit since 1970 (UTC): unit='ms', of {known}")
        return _from_numbers(column, UNITS[unit])
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    texts = column.astype(str).str.strip()
    offsets = texts.str.contains(_OFFSET).to_numpy(dtype=bool)
    if offsets.any() and not offsets.all():
        row = int(np.flatnonzero(offsets != offsets[0])[0])
        raise ConfigError(
            f"{place}: some times have an offset and some have none ({texts.iloc[0]!r}, {texts.iloc[row]!r}); "
            "write all of them the same way"
        )
    return pd.to_datetime(texts, utc=bool(len(offsets)) and bool(offsets.all()), errors="coerce", format="ISO8601")


def _from_numbers(column: pd.Series, scale: int) -> pd.Series:
    """Whole numbers exactly; those with a fraction as near as a float goes."""
    missing = column.isna()
    counts = column.fillna(0).to_numpy()
    exact = counts.astype(np.int64) * scale if counts.dtype.kind in "iu" else np.rint(counts * scale).astype(np.int64)
    moments = pd.Series(exact.astype("datetime64[ns]"), index=column.index).dt.tz_localize("UTC")
    return moments.mask(missing)


def _localised(moments: pd.Series, timezone: str, missing: Flags) -> Times:
    local = moments.dt.tz_localize(timezone, nonexistent="NaT", ambiguous="NaT")
    lost = local.isna().to_numpy() & ~missing
    faults = {NO_TIME: missing}
    if lost.any():
        first = moments.dt.tz_localize(timezone, nonexistent="NaT", ambiguous=np.ones(len(moments), dtype=bool))
        faults[SKIPPED] = first.isna().to_numpy() & ~missing
        faults[REPEATED] = lost & ~faults[SKIPPED]
    return Times(_nanoseconds(local.dt.tz_convert("UTC")), faults, dates=False)


def _nanoseconds(moments: pd.Series) -> Integers:
    plain = moments.dt.tz_localize(None) if _is_aware(moments) else moments
    values = plain.to_numpy(dtype="datetime64[ns]")
    return np.where(np.isnat(values), np.int64(0), values.astype(np.int64)).astype(np.int64)


def _are_dates(moments: pd.Series) -> bool:
    known = moments.dropna()
    return len(known) > 0 and bool((known == known.dt.normalize()).all())


def _is_aware(moments: pd.Series) -> bool:
    return isinstance(moments.dtype, pd.DatetimeTZDtype)


def _check_zone(timezone: str, place: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(
            f"{place}: timezone {timezone!r} is not known; give a name such as 'America/New_York' or 'UTC'"
        ) from None
