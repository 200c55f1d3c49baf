from itertools import pairwise

import msgspec
import pytest

from tests.tools.make_sample import later_splits, sample_file
from toolkit.domain.errors import ConfigError
from toolkit.simulation.data import sample_histories
from toolkit.simulation.sample_bars import BarHistory, DailyBar, common_span, decode_bars, encode_bars

HISTORIES = sample_histories()
ONE = {"X": BarHistory((734000, 734001), (DailyBar(10, 14, 9, 12), DailyBar(13, 13, 8, 8)))}


def test_the_shipped_file_is_made_by_the_script_bit_for_bit() -> None:
    pytest.importorskip("bokeh_sampledata", reason="optional: bokeh-sampledata is not installed")
    assert decode_bars(sample_file(), "made now") == HISTORIES
    assert encode_bars(HISTORIES) == sample_file()


def test_the_shipped_file_is_small_and_holds_five_stocks() -> None:
    assert len(encode_bars(HISTORIES)) < 400_000
    assert {symbol: len(history.bars) for symbol, history in HISTORIES.items()} == {
        "AAPL": 3270, "FB": 196, "GOOG": 2148, "IBM": 3270, "MSFT": 3270,
    }  # fmt: skip


def test_a_split_is_taken_out_and_a_crash_stays() -> None:
    """AAPL split 2:1 twice (2000, 2005) and fell by half in one night of September 2000; MSFT split 2:1 in 2003."""
    falls = {symbol: min(b.close / a.close for a, b in neighbours(symbol)) for symbol in HISTORIES}
    assert HISTORIES["AAPL"].bars[0] == DailyBar(2964, 3302, 2962, 3258)  # 118.56, 132.06, 118.50, 130.31 by 4
    assert HISTORIES["AAPL"].bars[-1].close == 43047  # as traded
    assert round(falls["AAPL"], 2) == 0.48
    assert falls["MSFT"] > 0.83


def neighbours(symbol: str) -> list[tuple[DailyBar, DailyBar]]:
    bars = HISTORIES[symbol].bars
    return list(pairwise(bars))


def test_later_splits_multiply_and_dividends_do_not() -> None:
    assert later_splits([1.0, 2.0, 2.22, 6.66]) == [6, 3, 3, 1]


def test_bars_survive_their_bytes() -> None:
    assert decode_bars(encode_bars(ONE), "memory") == ONE


@pytest.mark.parametrize("keep", [0, 1, 20, 1000, -1])
def test_a_truncated_file_is_refused_with_its_name_and_the_mend(keep: int) -> None:
    with pytest.raises(ConfigError, match=r"bars\.msgpack: not a whole file of daily bars.*restore the file"):
        decode_bars(encode_bars(HISTORIES)[:keep], "bars.msgpack")


@pytest.mark.parametrize(
    ("column", "values"),
    [(1, [734001]), (1, [734001, 0]), (2, [10, -10]), (3, [-5, 0])],
    ids=["short column", "same day twice", "price of 0", "high under open"],
)
def test_impossible_bars_are_refused(column: int, values: list[int]) -> None:
    tag, (history,) = msgspec.msgpack.decode(encode_bars(ONE))
    history[column] = values
    with pytest.raises(ConfigError, match=r"bars\.msgpack: .*X.*restore the file"):
        decode_bars(msgspec.msgpack.encode([tag, [history]]), "bars.msgpack")


def test_the_common_span_is_that_of_the_chosen_instruments() -> None:
    assert len(common_span(HISTORIES).days) == 196
    longer = common_span(HISTORIES, ["AAPL", "GOOG"])
    assert len(longer.days) == len(longer.bars["AAPL"]) == len(longer.bars["GOOG"]) == 2148


def test_an_unknown_symbol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no sample bars of TSLA; there are AAPL, FB, GOOG, IBM, MSFT"):
        common_span(HISTORIES, ["AAPL", "TSLA"])


@pytest.mark.parametrize("symbols", [[], ["X", "AAPL"]])
def test_nothing_in_common_is_refused(symbols: list[str]) -> None:
    with pytest.raises(ConfigError, match="no session in common"):
        common_span(HISTORIES | {"X": BarHistory((1, 2), ONE["X"].bars)}, symbols)
