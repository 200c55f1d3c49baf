"""What is asked of ccxt without a line out: whether it is there, and other addresses than the exchange's own."""

import importlib.util
import sys

import pytest

from toolkit.adapters.ccxt_markets import check_installed, open_exchange
from toolkit.domain.errors import ConfigError

LOOPBACK = {"rest": "http://127.0.0.1:81", "stream": "ws://127.0.0.1:82"}


def test_without_the_extra_the_line_to_type_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="needs ccxt; install it: ") as caught:
        check_installed()
    assert str(caught.value).split("install it: ")[1].startswith(f"{sys.executable} -m pip install ")
    assert "[exchanges]" in str(caught.value)


async def test_every_address_of_an_exchange_can_be_moved_to_a_mirror() -> None:
    exchange = open_exchange("binance", **LOOPBACK)
    try:
        assert exchange.urls["api"]["public"] == "http://127.0.0.1:81/api/v3"
        assert exchange.urls["api"]["ws"]["spot"] == "ws://127.0.0.1:82/ws"
        assert not exchange.apiKey
    finally:
        await exchange.close()


async def test_nothing_of_ccxt_asks_for_a_key_or_for_other_markets_than_spot() -> None:
    exchange = open_exchange("binance", **LOOPBACK)
    try:
        assert exchange.options["fetchMarkets"] == {"types": ["spot"]}
        assert exchange.options["fetchCurrencies"] is False
    finally:
        await exchange.close()
