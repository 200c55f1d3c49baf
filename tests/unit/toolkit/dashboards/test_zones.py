"""Every time is shown in the desk's zone, which is named, also over the change of the clocks."""

from datetime import UTC, datetime

import pytest

from toolkit.dashboards.zones import Zone
from toolkit.domain.errors import ConfigError


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("zone", "at", "label"),
    [
        ("Europe/Berlin", "2026-01-05T12:00", "Europe/Berlin, UTC+01:00"),
        ("Europe/Berlin", "2026-07-05T12:00", "Europe/Berlin, UTC+02:00"),
        ("America/New_York", "2026-01-05T12:00", "America/New_York, UTC-05:00"),
        ("UTC", "2026-01-05T12:00", "UTC"),
    ],
)
def test_the_zone_is_named_with_its_offset(zone: str, at: str, label: str) -> None:
    assert Zone(zone).label(ns(at)) == label


def test_an_axis_shows_the_desks_clock_on_both_sides_of_a_change() -> None:
    walls = [ns("2026-03-29T00:30"), ns("2026-03-29T01:30")]  # Berlin's clocks go from 2 to 3
    shown = [datetime.fromtimestamp(ms / 1000, UTC).hour for ms in Zone("Europe/Berlin").axis(walls)]
    assert shown == [1, 3]


def test_another_day_is_said_and_never_is_a_dash() -> None:
    zone, now = Zone("UTC"), ns("2026-01-05T12:00")
    assert zone.clock(ns("2026-01-05T08:00"), now) == "08:00:00"
    assert zone.clock(ns("2026-01-04T08:00"), now) == "04 Jan 08:00:00"
    assert zone.clock(0, now) == "–"


def test_an_unknown_zone_is_said() -> None:
    with pytest.raises(ConfigError, match="Europe/Berlin"):
        Zone("Europe/Berlyn")
