"""Own data is exact or refused: every fault names its row and the mend, and nothing is rounded in silence."""

import gzip
import hashlib
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Instrument
from toolkit.domain.market import Bar, Quote, SessionClosed, SessionOpened, Trade
from toolkit.research.data_own import OwnData

TABLE = pd.DataFrame(
    {
        "symbol": ["ACME", "BTC"],
        "tick": ["0.01", "0.5"],
        "lot": ["1", "0.001"],
        "currency": ["USD", "USD"],
        "calendar": ["XNYS", "24/7"],
    }
)
ACME, BTC = tk.data.instruments(TABLE)


def bars(days: int = 4, **changes: Mapping[int, float]) -> pd.DataFrame:
    """Daily bars from Monday 2024-03-04 on; `close={2: 50.0}` changes the close of row 2."""
    frame = pd.DataFrame(
        {
            "date": pd.bdate_range("2024-03-04", periods=days).strftime("%Y-%m-%d"),
            "open": 100.0,
            "high": 101.0,
            "low": 99.0,
            "close": 100.5,
            "volume": 4_000.0,
        }
    )
    for name, cells in changes.items():
        for row, value in cells.items():
            frame.loc[row, name] = value
    return frame


def quotes(times: list[str], bid: list[float], ask: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"time": times, "bid": bid, "ask": ask, "bid_size": 100.0, "ask_size": 100.0})


def only_problem(data: OwnData) -> str:
    (problem,) = data.report.problems
    return f"{problem.severity}: {problem.fault}: {problem}"


# ---- instruments


def test_a_table_becomes_instruments() -> None:
    assert (ACME.symbol, str(ACME.tick), ACME.calendar, ACME.venue) == ("ACME", "0.01", "XNYS", "paper")
    assert (str(BTC.lot), BTC.tick_value) == ("0.001", 5)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tick": ["0.01", "none"]}, "instruments row 2: tick is none; give a number above 0"),
        ({"tick": ["0.01", "-1"]}, "instruments row 2: BTC: tick is -1"),
        ({"symbol": ["ACME", "ACME"]}, "ACME is there twice"),
        ({"curency": ["USD", "USD"]}, "no column 'curency'; did you mean 'currency'?"),
        ({"shortable": ["yes", "maybe"]}, "row 2: shortable is 'maybe'; give one of yes, no, locate"),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(change: dict[str, list[str]], told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        tk.data.instruments(TABLE.assign(**change))
    assert told in str(raised.value)


def test_ticks_are_never_guessed() -> None:
    with pytest.raises(ConfigError, match="ticks and lots are never guessed"):
        tk.data.from_pandas(bars())


# ---- bars


def test_daily_bars_are_sessions_of_their_calendar() -> None:
    steps = list(tk.data.from_pandas(bars(6), ACME))
    events = [event for step in steps for event in step.events]
    told = [event for event in events if isinstance(event, Bar)]
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert all(earlier.time <= later.time for earlier, later in pairwise(steps))
    assert [event.session for event in events if isinstance(event, SessionOpened)] == list(bars(6)["date"])
    assert len([event for event in events if isinstance(event, SessionClosed)]) == 6
    assert (told[0].open, told[0].high, told[0].low, told[0].close, told[0].volume) == (
        10_000,
        10_100,
        9_900,
        10_050,
        4_000,
    )
    ends = [pd.Timestamp(int(step.time), tz="UTC").tz_convert("America/New_York") for step in steps
            if isinstance(step.events[0], Bar)]  # fmt: skip
    assert {(end.hour, end.minute) for end in ends} == {(16, 0)}, "told at the bell, after everything that made them"


def test_where_there_are_no_quotes_simulated_ones_say_so() -> None:
    data = tk.data.from_pandas(bars(2), ACME, spread_ticks=4)
    made = [event for step in data for event in step.events if isinstance(event, Quote)]
    assert {quote.ask - quote.bid for quote in made} == {4}
    assert [(quote.ask + quote.bid) // 2 for quote in made] == [10_050, 10_000, 9_900, 10_100, 10_050]
    assert {quote.bid_size for quote in made} == {1_000}, "a quarter of the volume each"
    assert data.label == "simulated quotes in own bars, 4 ticks apart"
    assert {step.label for step in data} == {data.label}


def test_timed_bars_end_when_they_are_over_by_start_or_by_end() -> None:
    times = pd.date_range("2024-03-04 09:30", periods=5, freq="5min", tz="America/New_York")
    frame = bars(5).drop(columns="date").set_index(times)
    by_start = [step.time for step in tk.data.from_pandas(frame, ACME) if isinstance(step.events[0], Bar)]
    by_end = tk.data.from_pandas(frame.set_index(times + pd.Timedelta("5min")), ACME, stamp="end", every="5m")
    assert by_start == [step.time for step in by_end if isinstance(step.events[0], Bar)]
    assert pd.Timestamp(int(by_start[0]), tz="UTC") == times[1]


def test_an_hour_at_the_end_of_a_session_ends_with_it() -> None:
    times = pd.date_range("2024-03-04 09:30", periods=7, freq="1h", tz="America/New_York")
    data = tk.data.from_pandas(bars(7).drop(columns="date").set_index(times), ACME)
    last = [step for step in data if isinstance(step.events[0], Bar)][-1]
    assert pd.Timestamp(int(last.time), tz="UTC").tz_convert("America/New_York").hour == 16
    assert not data.report.problems


# ---- what is wrong


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (bars(close={2: 100.505}), "error: off tick: row 2: ACME: close is no multiple of 0.01; check tick 0.01"),
        (bars(volume={1: 0.5}), "error: off lot: row 1: ACME: volume is no multiple of 1"),
        (bars(high={3: np.nan}), "error: not a number: row 3: ACME: high is no number; fill it in"),
        (bars(low={0: 0.0}), "error: zero or negative: row 0: ACME: low is 0 or below"),
        (bars(low={1: 100.2}), "error: impossible bar: row 1: ACME: open or close lies outside"),
        (bars(volume={1: 0.0}), "warning: no volume: row 1: ACME: volume is 0"),
        (bars().drop(columns="volume"), "warning: no sizes: row 0: ACME: there is no column volume; 1,000 lots"),
        (bars(4).drop(index=2), "warning: gap: row 2: ACME: 1 sessions before it are missing; ask the source"),
        (bars().replace({"date": {"2024-03-06": "2024-03-09"}}).sort_values("date"),
         "error: no session: row 3: ACME: this date is no session of XNYS"),
        (bars(close={2: 100.1}).replace({"date": {"2024-03-06": "2024-03-05"}}),
         "error: duplicate: row 2: ACME: another bar of the same time; keep one of the two"),
        (bars().iloc[[0, 1, 1, 2, 3]], "warning: duplicate: row 2: ACME: the row came before; counted once"),
        (bars().iloc[[1, 0, 2, 3]], "error: disorder: row 1: ACME: time goes back; sort the file, or allow sort=True"),
    ],
)  # fmt: skip
def test_each_fault_names_its_row_and_the_mend(frame: pd.DataFrame, told: str) -> None:
    assert any(line.startswith(told) for line in lines(tk.data.from_pandas(frame, ACME)))


def lines(data: OwnData) -> list[str]:
    return [f"{one.severity}: {one.fault}: {one}" for one in data.report.problems]


def test_nothing_trades_on_errors_but_the_report_is_there() -> None:
    data = tk.data.from_pandas(bars(close={2: 100.505}), ACME)
    assert data.report.count("off tick") == 1
    with pytest.raises(ConfigError, match="nothing trades on data with errors:\n  row 2: ACME: close is no multiple"):
        iter(data)
    assert "nothing trades on it" in data._repr_html_()


def test_rounding_happens_when_allowed_and_is_counted() -> None:
    data = tk.data.from_pandas(bars(close={2: 100.506}), ACME, round_to_tick=True)
    assert only_problem(data).startswith("warning: rounded: row 2: ACME: close was rounded to tick 0.01")
    assert [event.close for step in data for event in step.events if isinstance(event, Bar)][2] == 10_051


def test_sorting_happens_when_allowed_and_is_counted() -> None:
    data = tk.data.from_pandas(bars().iloc[[1, 0, 2, 3]], ACME, sort=True)
    assert only_problem(data).startswith("warning: disorder: row 1: ACME: time went back; sorted")
    assert len([event for step in data for event in step.events if isinstance(event, Bar)]) == 4


@pytest.mark.parametrize(
    ("factor", "words"),
    [(0.5, "2:1 split"), (1 / 3, "3:1 split"), (2 / 3, "3:2 split"), (10.0, "reverse split of 10:1")],
)
def test_an_overnight_jump_like_a_split_is_told(factor: float, words: str) -> None:
    frame = bars()
    prices = ["open", "high", "low", "close"]
    frame.loc[2:, prices] = (frame.loc[2:, prices] * factor).round(2)
    assert words in only_problem(tk.data.from_pandas(frame, ACME))
    assert "row 2" in only_problem(tk.data.from_pandas(frame, ACME))


# ---- quotes and trades


def test_crossed_and_locked_quotes_pass_and_are_told() -> None:
    times = [f"2024-03-04 15:00:0{second}Z" for second in range(3)]
    data = tk.data.from_pandas(quotes(times, [1.00, 1.02, 1.01], [1.01, 1.01, 1.01]), ACME)
    assert [problem.fault for problem in data.report.warnings] == ["crossed", "locked"]
    assert [problem.places for problem in data.report.warnings] == [("row 1",), ("row 2",)]
    assert data.label == "own quotes"
    assert data.summary.quotes == {"ACME": 3}


def test_a_missing_side_is_a_fact_and_two_are_an_error() -> None:
    frame = quotes(["2024-03-04 15:00Z", "2024-03-04 15:01Z"], [1.0, np.nan], [1.01, 1.01])
    frame.loc[1, "bid_size"] = np.nan
    (first, second) = [
        event for step in tk.data.from_pandas(frame, ACME) for event in step.events if isinstance(event, Quote)
    ]
    assert (first.bid, second.bid, second.bid_size, second.ask) == (100, 0, 0, 101)
    frame.loc[1, ["ask", "ask_size"]] = np.nan
    assert "error: no side: row 1" in only_problem(tk.data.from_pandas(frame, ACME))


def test_equal_trades_are_two_trades_with_simulated_quotes_around() -> None:
    frame = pd.DataFrame({"time": ["2024-03-04 15:00Z"] * 2, "price": [20_000.5] * 2, "qty": [0.001] * 2})
    data = tk.data.from_pandas(frame, BTC)
    events = [event for step in data for event in step.events if isinstance(event, Trade | Quote)]
    assert [type(event).__name__ for event in events] == ["Quote", "Trade", "Quote", "Trade"]
    assert data.label == "simulated quotes in own trades, 2 ticks apart"


def test_a_silence_is_measured_in_open_time() -> None:
    times = ["2024-03-04 15:59:59", "2024-03-05 09:30:01", "2024-03-05 10:30:01"]
    frame = quotes(times, [1.0, 1.01, 1.02], [1.03, 1.04, 1.05])
    assert only_problem(tk.data.from_pandas(frame, ACME, timezone="America/New_York")).startswith(
        "warning: gap: row 2: ACME: 3,600 open seconds of silence"
    )


# ---- times


def test_naive_times_are_refused_with_the_mend() -> None:
    frame = quotes(["2024-03-04 15:00:00", "2024-03-04 15:00:01"], [1.0, 1.0], [1.01, 1.02])
    with pytest.raises(ConfigError, match=r"2024-03-04 15:00:00 are naive; .* timezone='America/New_York'"):
        tk.data.from_pandas(frame, ACME)
    with pytest.raises(ConfigError, match="timezone 'New York' is not known"):
        tk.data.from_pandas(frame, ACME, timezone="New York")


@pytest.mark.parametrize("timezone", [None, "America/New_York"])
def test_times_that_cannot_be_read_are_told_before_naive_ones(timezone: str | None) -> None:
    frame = quotes(["01/02/2024 15:00", "02/02/2024 15:00"], [1.0, 1.0], [1.01, 1.02])
    with pytest.raises(ConfigError, match=r"row 0, row 1: ACME: the time cannot be read; write ISO"):
        tk.data.from_pandas(frame, ACME, timezone=timezone)


def test_one_time_that_cannot_be_read_among_naive_ones_is_quoted() -> None:
    frame = quotes(["2024-03-04 15:00:00", "04/03/2024"], [1.0, 1.0], [1.01, 1.02])
    with pytest.raises(ConfigError, match=r"row 1 \(from 0\): the time '04/03/2024' cannot be read, as 1 of 2; write"):
        tk.data.from_pandas(frame, ACME)


def test_a_skipped_and_a_repeated_hour_are_named() -> None:
    frame = quotes(["2024-03-10 02:30:00", "2024-11-03 01:30:00"], [1.0, 1.0], [1.5, 1.5])
    with pytest.raises(ConfigError) as raised:
        tk.data.from_pandas(frame, BTC, timezone="America/New_York")
    assert "row 0: BTC: this time was skipped when clocks went forward; give times in UTC" in str(raised.value)
    assert "row 1: BTC: this time came twice when clocks went back" in str(raised.value)


def test_numbers_need_a_unit_and_stay_exact() -> None:
    frame = quotes(["", ""], [1.0, 1.0], [1.5, 2.0]).assign(time=[1_709_564_400_000, 1_709_564_400_001])
    with pytest.raises(ConfigError, match="say in which unit since 1970"):
        tk.data.from_pandas(frame, BTC)
    data = tk.data.from_pandas(frame, BTC, unit="ms")
    assert list(data)[-2].time == 1_709_564_400_001 * 1_000_000


def test_offsets_on_some_times_only_are_refused() -> None:
    frame = quotes(["2024-03-04 15:00:00Z", "2024-03-04 15:00:01"], [1.0, 1.0], [1.5, 1.5])
    with pytest.raises(ConfigError, match="some times have an offset and some have none"):
        tk.data.from_pandas(frame, BTC, timezone="UTC")


# ---- files


@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz", "prices.zip", "prices.parquet"])
def test_files_of_all_kinds_are_the_same(name: str, tmp_path: Path) -> None:
    frame = bars(3).assign(symbol="ACME")
    path = tmp_path / name
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_csv(path, index=False)
    assert list(tk.data.read(path, [ACME, BTC])) == list(tk.data.from_pandas(frame, ACME))


def test_a_fault_in_a_file_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    bars(close={2: 100.505}).to_csv(path, index=False)
    assert tk.data.read(path, ACME).report.errors[0].places == ("prices.csv:4",)


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (bars().drop(columns="close"), "neither bars .* it has time, open, high, low, volume; rename with columns="),
        (bars().assign(symbol="XYZ"), "XYZ is no instrument given here .ACME.; add it"),
        (bars().iloc[:0], "it has no rows"),
        (bars().assign(Time="2024-03-04"), "two columns mean time; say which"),
        (bars(open={0: 0.01}, high={0: 0.01}, low={0: 0.01}, close={0: 0.01}), "a price goes down to 1 ticks"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(frame: pd.DataFrame, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        tk.data.from_pandas(frame, ACME)


def test_other_names_are_renamed() -> None:
    frame = bars(2).rename(columns={"close": "settle"})
    assert len(tk.data.from_pandas(frame, ACME, columns={"settle": "close"})) > 4


def test_the_report_is_a_table_and_a_page() -> None:
    data = tk.data.from_pandas(bars(close={2: 100.505}).assign(symbol="ACME"), [ACME, BTC])
    assert list(data.report.frame["where"]) == ["row 2", "Own data"]
    page = data._repr_html_()
    assert "qd-picture" in page
    assert "off tick" in page
    assert "simulated quotes in own bars" in page
    assert instrument_symbols(data) == ["ACME"]


def instrument_symbols(data: OwnData) -> list[str]:
    known: tuple[Instrument, ...] = data.instruments
    return [one.symbol for one in known]


def test_text_without_a_header_has_the_columns_that_are_listed(tmp_path: Path) -> None:
    """As Binance and Kraken hand out their candles; what stands behind the listed ones is left out, line 1 is a row."""
    path = tmp_path / "ACME-1m.csv"
    rows = [f"{1_704_207_600_000 + minute * 60_000},10,10.5,9.5,10.25,{minute},0,7" for minute in range(5)]
    path.write_text("\n".join(rows))
    names = ["time", "open", "high", "low", "close", "volume"]
    data = tk.data.read(path, ACME, columns=names, unit="ms")
    bars = [one for step in data for one in step.events if isinstance(one, Bar)]
    assert [(one.open, one.close, one.volume) for one in bars] == [(1_000, 1_025, volume) for volume in range(5)]
    (nothing_traded,) = [one for one in data.report.problems if one.fault == "no volume"]
    assert nothing_traded.places == ("ACME-1m.csv:1",)
    with pytest.raises(ConfigError, match=r"ACME-1m.csv: cannot be read"):
        tk.data.read(path, ACME, columns=[*names, "count", "other", "more"], unit="ms")
    table = tmp_path / "own.parquet"
    pd.read_csv(path, header=None, names=names, usecols=range(6)).to_parquet(table)
    with pytest.raises(ConfigError, match="its columns have names; rename with columns="):
        tk.data.read(table, ACME, columns=names, unit="ms")


@pytest.mark.parametrize(
    ("name", "first", "row"),
    [
        ("prices.csv.gz", "time,bid,ask", "{},1,2"),
        ("BTCUSD.gz", "1600000000000000000 {}", '1600000000000000000 {{"stream": "{}"}}'),
        ("answer.json.gz", "[", '"{}",'),
    ],
)
def test_a_packed_file_without_its_end_is_told_as_that(name: str, first: str, row: str, tmp_path: Path) -> None:
    """As a recorder leaves it that was killed: a table, a recording, an answer."""
    noise = (hashlib.sha256(str(number).encode()).hexdigest() for number in range(2_000))
    whole = gzip.compress("\n".join([first, *map(row.format, noise)]).encode())
    path = tmp_path / name
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match=f"{name}: its end is missing.*unpack what is there"):
        tk.data.read(path, ACME)
    path.write_bytes(b"nothing packed")
    with pytest.raises(ConfigError, match=f"{name}: cannot be unpacked .*; fetch it again"):
        tk.data.read(path, ACME)


def test_an_instrument_without_rows_is_told(tmp_path: Path) -> None:
    """Whoever gave it would see nothing of it in any result, and nothing said so."""
    report = tk.data.from_pandas(bars().assign(symbol="ACME"), [ACME, BTC]).report
    ((fault, severity, symbol),) = [(one.fault, one.severity, one.instrument) for one in report.problems]
    assert (fault, severity, symbol) == ("no rows", "warning", "BTC")
    assert not tk.data.from_pandas(bars().assign(symbol="ACME"), [ACME]).report.problems
