"""What people write is read exactly, or refused with file, line, value and mend."""

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from execution.settings import read_settings
from execution.settings.documents import parse_document
from execution.settings.feed_file import FeedFile
from execution.settings.models import DeskFile, InstrumentsFile, LimitsFile, StrategiesFile
from execution.settings.venue_file import VenuesFile
from toolkit.domain.errors import ConfigError
from toolkit.engine.messages import Valuation
from toolkit.simulation.paper_settings import LogNormal, OrdinaryDay, QueueModel, Uniform
from toolkit.simulation.sample_feed import sample_instruments

QUEUE = "queue: {ahead_percent: 100, unprinted_traded_percent: 50, unseen_touch_per_million: 250000}"


@pytest.fixture
def home(tmp_path: Path, repository: Path) -> Path:
    shutil.copytree(repository / "config", tmp_path / "config")
    return tmp_path


def edit(home: Path, name: str, old: str, new: str) -> int:
    """Replace the first `old` in a file; the line where it stood."""
    path = home / "config" / f"{name}.yaml"
    text = path.read_text()
    assert old in text, f"the shipped {name}.yaml no longer has {old!r}"
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def refusal(home: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_settings(home)
    return str(caught.value)


def test_the_shipped_desk_is_valid(repository: Path) -> None:
    settings = read_settings(repository)
    assert settings.desk.name == "demo"
    assert settings.desk.code == "DSK"
    assert list(settings.strategies) == ["trend", "mean_reversion", "quoting"]
    assert all(row.enabled for row in settings.strategies.values())


def test_the_shipped_instruments_are_those_of_the_sample_feed(repository: Path) -> None:
    assert read_settings(repository).instruments == sample_instruments()


def test_every_limit_row_names_its_line(repository: Path) -> None:
    limits, venues = ((repository / f"config/{name}.yaml").read_text().splitlines() for name in ("limits", "venues"))
    rows = read_settings(repository).limits.rows
    assert len(rows) > 20
    for row in rows:
        name, _, line = row.source.partition(":")
        if name == "config/limits.yaml":
            assert row.limit in limits[int(line) - 1]
        elif row.scope == "venue":
            assert venues[int(line) - 1].strip().partition(":")[0] in (row.name, "dead_man")
        else:
            assert venues[int(line) - 1] == "venues:", "the shipped file has neither routes nor aggregation"


def test_numbers_keep_the_digits_that_were_written(home: Path) -> None:
    edit(home, "instruments", "tick: 0.01", "tick: 0.010")
    assert read_settings(home).instruments[0].tick == Decimal("0.01")


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("desk", "base_currency:", "base_curency:", "unknown key 'base_curency'; did you mean 'base_currency'?"),
        ("desk", "  seed: 7", "  sead: 7", "unknown key 'feed.sead'; did you mean 'seed'?"),
        ("limits", "  max_order_value: 50000", "  max_ordr_value: 5", "did you mean 'max_order_value'?"),
        ("venues", "    slippage_ticks:", "    slipage_ticks:", "did you mean 'slippage_ticks'?"),
        ("venues", "    report_latency_ms:", "    reprot_latency_ms:", "did you mean 'report_latency_ms'?"),
        ("venues", "queue: null", "queue: {ahead_prcent: 100}", "did you mean 'ahead_percent'?"),
        ("venues", "impact: null", "impact: {coeficient: 1}", "did you mean 'coefficient'?"),
        (
            "venues",
            "submit_latency_ms: 50",
            "submit_latency_ms: {kind: lognormal, median: 5, p98: 9}",
            "did you mean 'p99'?",
        ),
        ("venues", "      taker_per_unit:", "      taker_per_unt:", "did you mean 'taker_per_unit'?"),
        ("strategies", "    capital: 100000", "    captial: 100000", "did you mean 'capital'?"),
        ("instruments", "tick: 0.01, lot", "tik: 0.01, lot", "did you mean 'tick'?"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known(home: Path, file: str, old: str, new: str, says: str) -> None:
    line = edit(home, file, old, new)
    message = refusal(home)
    assert message.startswith(f"config/{file}.yaml:{line}: ")
    assert says in message


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "nan", "-0.01", "0", "abc", "true", "", "[1]"])
def test_a_tick_that_is_no_number_above_zero_is_refused(home: Path, value: str) -> None:
    line = edit(home, "instruments", "tick: 0.01", f"tick: {value}")
    assert f"config/instruments.yaml:{line}: instruments.AAPL.tick is " in refusal(home)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("desk", "durability: process", "durability: everysec", "'everysec'"),
        ("desk", "code: DSK", "code: desk", "3 characters of 0-9 and A-Z"),
        ("desk", "send_margin_seconds: 0.5", "send_margin_seconds: 2", "less than half of lease_seconds"),
        ("desk", "session_seconds: 5", "session_seconds: -5", "-5"),
        ("instruments", "currency: USD, cal", "currency: EUR, cal", "'EUR'"),
        ("instruments", "tick: 0.01", "tick: 0.00003", "give USD a smaller quantum"),
        ("strategies", "[AAPL, FB", "[AAPPL, FB", "did you mean 'AAPL'?"),
        ("strategies", "enabled: true", "enabled: yes", "'yes'"),
        ("instruments", "venue: paper}", "venue: papr}", "did you mean 'paper'?"),
        ("venues", "kind: quote", "kind: kuote", "'quote', 'base', 'named'"),
        ("venues", "submit_latency_ms: 50", "submit_latency_ms: {kind: gamma, median: 5}", "{kind: lognormal, median:"),
        ("venues", "submit_latency_ms: 50", "submit_latency_ms: fast", "'fast'"),
        ("venues", "submit_latency_ms: 50", "submit_latency_ms: {kind: uniform, low: 5, high: 4}", "not be below low"),
        ("venues", "tiers: []", "tiers: [{from_volum: 5}]", "did you mean 'from_volume'?"),
        ("venues", "maximum_basis_points: null", "maximum_basis_points: -1", "-1"),
        (
            "venues",
            "asset: {kind: quote}",
            "asset: {kind: named, code: BNB, quantum: 0.00000001, price: 600}",
            "add BNB: {quantum: 0.00000001} to currencies",
        ),
        ("venues", "participation_percent: 10", "participation_percent: 101", "101"),
        ("limits", "  paper:", "  papre:", "did you mean 'paper'?"),
        ("limits", "  trend:", "  trent:", "did you mean 'trend'?"),
        ("limits", "  max_position: 10000", "  max_position: -1", "-1"),
        (
            "limits",
            "venues:\n  paper:",
            "accounts:\n  papre: {max_position: 1}\nvenues:\n  paper:",
            "did you mean 'paper'?",
        ),
        ("limits", "  LIVE_10:", "  LIVE10:", "did you mean 'LIVE_10'?"),
        ("limits", "  AAPL: {", "  AAPL: {message_rate: 5, ", "means nothing for one instrument"),
        ("limits", "  AAPL: {", "  AAPL: {restrictd: [IBM], ", "did you mean 'restricted'?"),
        ("limits", "permitted_sides: [buy, sell]", "permitted_sides: [buy, sel]", "'sel'"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(home: Path, file: str, old: str, new: str, says: str) -> None:
    line = edit(home, file, old, new)
    message = refusal(home)
    assert message.startswith(f"config/{file}.yaml:")
    assert says in message
    assert abs(int(message.split(":")[1]) - line) <= 3


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("strategies", "capital: 100000", "capital: 1e40", "1E+40; it must be less than or equal to 1000000000000000"),
        ("strategies", "capital: 100000", "capital: 1e-999999", "no more than 18 decimal places"),
        ("strategies", "capital: 100000", "capital: 1e99999999999999999999", "valid decimal"),
        ("strategies", "capital: 100000", "capital: 1e15", "capital in USD is 1E+15; give at most 100000000000000"),
        pytest.param("strategies", "capital: 100000", f"capital: {'9' * 5_000}", "9...; it must be less", id="digits"),
        ("limits", "duplicate_window: 1", "duplicate_window: 100000000000", "less than or equal to 604800"),
        ("limits", "max_order_value: 100000", "max_order_value: 1e30", "less than or equal to 1000000000000000"),
        ("limits", "message_rate: 200", "message_rate: 0.5", "valid integer"),
        ("instruments", "tick: 0.01", "tick: 1e999999999", "less than or equal to 1000000000000000"),
    ],
)
def test_a_number_beyond_what_the_books_can_hold_is_refused(
    home: Path, file: str, old: str, new: str, says: str
) -> None:
    line = edit(home, file, old, new)
    message = refusal(home)
    assert message.startswith(f"config/{file}.yaml:{line}: ")
    assert says in message


def test_limits_of_accounts_and_stages_are_rows_with_their_place(home: Path) -> None:
    edit(home, "limits", "venues:\n  paper:", "accounts:\n  paper: {max_position: 9}\nvenues:\n  paper:")
    line = edit(home, "limits", "stages:\n", "stages:\n  PAPER: {restricted: [IBM]}\n")
    rows = {(row.scope, row.name, row.limit): row for row in read_settings(home).limits.rows}
    assert rows["account", "paper", "max_position"].value == "9"
    assert rows["stage", "PAPER", "restricted"].value == "IBM"
    assert rows["stage", "PAPER", "restricted"].source == f"config/limits.yaml:{line + 1}"


@pytest.mark.parametrize("model", [DeskFile, InstrumentsFile, LimitsFile, StrategiesFile, VenuesFile, FeedFile])
def test_every_number_in_a_file_has_an_end(model: type[BaseModel]) -> None:
    """What is written is counted in 64 bits further on; one number without an end is enough to stop an engine."""
    assert [place for place, schema in numbers(model.model_json_schema(), "") if "maximum" not in schema] == []


def numbers(schema: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every part of a JSON schema that is a number, with its place."""
    if isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from numbers(part, f"{place}.{index}")
    elif isinstance(schema, dict):
        if schema.get("type") in ("integer", "number"):
            yield place, schema
        for key, part in schema.items():
            yield from numbers(part, f"{place}.{key}")


def test_choices_of_a_venue_that_contradict_each_other_are_refused_with_the_mend(home: Path) -> None:
    edit(home, "venues", "queue: null", QUEUE)
    edit(home, "venues", "quote_touch_fills: false", "quote_touch_fills: true")
    message = refusal(home)
    assert message.startswith("config/venues.yaml:")
    assert "set quote_touch_fills: false, or queue: null" in message


def test_an_instrument_that_impact_does_not_know_is_refused_with_the_line_to_add(home: Path) -> None:
    edit(home, "venues", "impact: null", "impact: {coefficient: 1, days: {IBM: {volatility_percent: 1.4, volume: 40}}}")
    message = refusal(home)
    assert message.startswith("config/venues.yaml:")
    assert "add impact.days.AAPL" in message


def test_fees_in_a_base_asset_need_a_code_for_every_instrument(home: Path) -> None:
    edit(home, "instruments", "currencies:", "currencies:\n  APL: {quantum: 0.01}")
    edit(home, "venues", "{kind: quote}", "{kind: base, codes: {AAPL: APL}, quantum: 0.01}")
    assert "has no code for FB, GOOG, IBM, MSFT; add" in refusal(home)


def test_the_whole_paper_model_can_be_written_down(home: Path) -> None:
    edit(home, "venues", "submit_latency_ms: 50", "submit_latency_ms: {kind: lognormal, median: 20, p99: 150.5}")
    edit(home, "venues", "report_latency_ms: 0", "report_latency_ms: {kind: uniform, low: 1, high: 2}")
    edit(home, "venues", "queue: null", QUEUE)
    days = ", ".join(
        f"{one}: {{volatility_percent: 1.4, volume: 4000000}}" for one in ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    )
    edit(home, "venues", "impact: null", f"impact: {{coefficient: 0.7, days: {{{days}}}}}")
    venue = read_settings(home).venues["paper"]
    assert venue.submit_latency == LogNormal(median=20_000_000, p99=150_500_000)
    assert venue.report_latency == Uniform(low=1_000_000, high=2_000_000)
    assert venue.queue == QueueModel(ahead_percent=100, unprinted_traded_percent=50, unseen_touch_per_million=250_000)
    assert venue.impact is not None
    assert venue.impact.days["IBM"] == OrdinaryDay(volatility_percent=Decimal("1.4"), volume=Decimal(4_000_000))


def test_every_problem_of_a_file_is_told_at_once(home: Path) -> None:
    edit(home, "desk", "  seed: 7", "  seed: -7")
    edit(home, "desk", "name: demo", "name: Demo Desk")
    assert len(refusal(home).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"a: 1\na: 2\n", "desk.yaml:2: 'a' stands here twice"),
        (b"a: [1, 2\nb: 3\n", "desk.yaml:2: not valid YAML"),
        (b"a: \xff\n", "desk.yaml:1: not UTF-8"),
        (b"", "desk.yaml:1: the file is empty"),
        (b"# only a comment\n", "the file is empty"),
        (b"? [a]\n: 1\n", "desk.yaml:1: a key must be a word"),
        (b"a: *b\n", "desk.yaml:1: not valid YAML"),
        (b"a: !!python/object:os.system x\n", "tag"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(text: bytes, says: str) -> None:
    with pytest.raises(ConfigError, match=r"desk\.yaml") as caught:
        parse_document(text, "desk.yaml")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("no", "no"),
        ("010", 10),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ("1e-4", Decimal("0.0001")),
        ("true", True),
        ("'5'", "5"),
        ("1_000", 1000),
        ("0.10", Decimal("0.10")),
        ("~", None),
    ],
)
def test_plain_words_are_read_as_people_mean_them(written: str, read: object) -> None:
    assert parse_document(f"a: {written}\n".encode(), "x").content == {"a": read}


def test_a_missing_file_is_named_with_the_mend(home: Path) -> None:
    (home / "config/limits.yaml").unlink()
    assert refusal(home) == (
        "config/limits.yaml is missing; copy the one of the project into the desk's config/ folder"
    )


def test_parameters_reach_a_strategy_as_plain_python(home: Path) -> None:
    edit(home, "strategies", "parameters: {}", "parameters: {fast: 5, entry: 1.5, names: [a, 0.25]}")
    parameters = read_settings(home).strategies["trend"].parameters
    assert parameters == {"fast": 5, "entry": 1.5, "names": ["a", 0.25]}
    assert [type(value) for value in parameters.values()] == [int, float, list]


def test_a_currency_is_valued_by_an_instrument_or_a_number(home: Path) -> None:
    edit(home, "instruments", "  USD: {quantum: 0.0001}", """\
  USD: {quantum: 0.0001}
  EUR: {quantum: 0.0001, valued_by: EURUSD}
  GBP: {quantum: 0.0001, price: 1.25}""")  # fmt: skip
    pair = "  EURUSD: {tick: 0.01, lot: 1, currency: USD, calendar: SAMPLE, venue: paper}\n  AAPL:"
    edit(home, "instruments", "  AAPL:", pair)
    assert read_settings(home).exchange_rates == (
        Valuation(asset="EUR", instrument="EURUSD"),
        Valuation(asset="GBP", price=Decimal("1.25")),
    )


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{quantum: 0.01, valued_by: EURUSD}", "is 'EURUSD', which is no instrument here"),
        ("{quantum: 0.01, valued_by: PAIR}", "is PAIR, priced in GBP; give one that is priced in USD or in EUR"),
        ("{quantum: 0.01, valued_by: IBM, price: 2}", "not both"),
    ],
)
def test_a_rate_that_cannot_be_made_is_refused_with_its_line(home: Path, row: str, says: str) -> None:
    others = "  GBP: {quantum: 0.01}\n  USD: {quantum: 0.0001}"
    pair = "  PAIR: {tick: 0.01, lot: 1, currency: GBP, calendar: SAMPLE, venue: paper}\n  AAPL:"
    line = edit(home, "instruments", "  USD: {quantum: 0.0001}", f"  EUR: {row}\n{others}")
    edit(home, "instruments", "  AAPL:", pair)
    found = refusal(home)
    assert says in found
    assert f"config/instruments.yaml:{line}" in found
