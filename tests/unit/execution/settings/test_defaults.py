"""Every default that is promised to people, in one place: changing one is a decision, not an accident."""

from decimal import Decimal
from pathlib import Path

import msgspec

from execution.settings import read_settings
from execution.settings.models import DeskFile, InstrumentRow, Limits, LimitsFile, PaperFees, PaperVenueRow, StrategyRow
from execution.settings.venue_file import BreakerRow, VenuesFile
from toolkit.domain.instruments import Shortable
from toolkit.simulation.paper_settings import PaperSettings


def test_the_promised_defaults() -> None:
    desk = DeskFile.model_validate({"name": "demo", "code": "DSK", "base_currency": "USD"})
    assert desk.model_dump(mode="json") == {
        "name": "demo",
        "code": "DSK",
        "kind": "paper",
        "book": "paper",
        "base_currency": "USD",
        "servers": {"kind": "embedded", "durability": "process"},
        "feed": {
            "kind": "sample",
            "exchange": "",
            "symbols": [],
            "recording": "",
            "mode": "lockstep",
            "session_seconds": 5.0,
            "history_sessions": 100,
            "first_session": 60,
            "seed": 7,
            "spread_ticks": 2,
            "path_points": 3,
            "minimum_size": 100,
            "maximum_size": 2000,
            "rest": "",
            "stream": "",
        },
        "engine": {
            "lease_seconds": 3.0,
            "send_margin_seconds": 0.5,
            "quarantine_seconds": 2.0,
            "reconcile_seconds": 5.0,
            "snapshot_every": 50_000,
        },
        "archive": {"part_events": 100_000, "part_seconds": 600.0, "trim": True},
        "supervision": {
            "beat_seconds": 0.5,
            "hung_after_seconds": 10.0,
            "runner_memory_mb": 256,
            "service_memory_mb": 1024,
            "first_backoff_seconds": 0.5,
            "longest_backoff_seconds": 30.0,
            "give_up_after": 5,
            "give_up_within_seconds": 300.0,
            "stop_seconds": 10.0,
        },
        "jupyter": {"first_port": 8888, "notebooks": "notebooks"},
        "operations": {"enabled": False, "port": 8600, "memory_mb": 400, "session_hours": 10},
        "monitor": {"enabled": True, "port": 9464, "address": "127.0.0.1", "memory_mb": 300},
        "replayer": {"enabled": True, "memory_mb": 400},
        "dashboards": {
            "enabled": True,
            "port": 8601,
            "memory_mb": 400,
            "session_hours": 10,
            "time_zone": "",
            "viewers": 40,
        },
    }


def test_the_shipped_desk_file_spells_the_defaults_out(repository: Path) -> None:
    """A person who reads config/desk.yaml sees what is in force; nothing hides."""
    shipped = read_settings(repository).desk
    assert shipped == DeskFile.model_validate({"name": "demo", "code": "DSK", "base_currency": "USD"})


def test_an_instrument_defaults_to_a_share() -> None:
    row = InstrumentRow(tick=Decimal("0.01"), lot=Decimal(1), currency="USD", calendar="SAMPLE", venue="paper")
    assert (row.multiplier, row.minimum, row.maximum, row.shortable) == (Decimal(1), 1, None, Shortable.YES)


def test_no_limit_has_a_default_since_what_is_not_set_denies() -> None:
    assert set(Limits().model_dump().values()) == {None}
    assert LimitsFile.model_fields["book"].is_required()


def test_nothing_about_a_strategy_or_a_venue_is_assumed() -> None:
    required = {name for name, field in StrategyRow.model_fields.items() if field.is_required()}
    assert required == {"source", "class_name", "capital", "instruments", "enabled"}
    optional = {name for name, field in VenuesFile.model_fields.items() if not field.is_required()}
    assert optional == {"routes", "breakers", "budgets", "aggregation"}, "without rules a book has none"
    for model in (PaperVenueRow, PaperFees, BreakerRow):
        assert all(field.is_required() for field in model.model_fields.values())


def test_every_choice_about_the_paper_venue_can_be_written_down() -> None:
    choices = {field.name for field in msgspec.structs.fields(PaperSettings)} - {"name"}
    assert {name.removesuffix("_ms") for name in PaperVenueRow.model_fields} - {"kind"} == choices
