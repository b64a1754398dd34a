from __future__ import annotations

from typing import Any

import pytest

from daemon.config import Config, require_active_lane
from daemon.core.errors import ConfigError
from tests.daemon.config.builders import DOCUMENT, LANE, parse, with_value

STRATEGY = {"name": "baseline", "use": "baseline_perps"}
CUSTOM = {
    "environment": "custom",
    "rest_url": "http://127.0.0.1:8080",
    "public_url": "ws://localhost:1/v5/public/linear",
}


def refuse(document: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(document)
    return str(caught.value)


def test_a_small_configuration_is_enough() -> None:
    config = parse(DOCUMENT)
    assert config.lanes[0].account == "paper"
    assert config.symbols_of(config.lanes[0].strategies[0]) == ("BTCUSDT",)
    assert config.active_lanes == config.lanes


def test_a_sandbox_on_loopback_may_be_the_clock() -> None:
    assert parse(with_value("venue", {**CUSTOM, "clock": "venue"})).venue.public_url == CUSTOM["public_url"]


@pytest.mark.parametrize(
    ("venue", "message"),
    [
        ({"environment": "custom"}, "venue.rest_url: missing"),
        ({**CUSTOM, "public_url": None}, "venue.public_url: missing"),
        ({"rest_url": "https://api.bybit.com"}, "venue.rest_url: given for mainnet"),
        ({"clock": "venue"}, "venue.clock: the venue's stamps cannot be the clock of mainnet"),
        ({**CUSTOM, "rest_url": "http://example.com"}, "venue.rest_url: http to example.com is not encrypted"),
        ({**CUSTOM, "rest_url": "ftp://127.0.0.1"}, "venue.rest_url: 'ftp://127.0.0.1' is not an address"),
        ({**CUSTOM, "rest_url": "http://[::1"}, "is not an address"),
        ({**CUSTOM, "rest_url": "http://127.0.0.1:99999"}, "is not an address"),
        ({**CUSTOM, "rest_url": "https://"}, "is not an address"),
        ({**CUSTOM, "rest_url": "https://user:password@example.com"}, "holds a user, a password"),
        ({**CUSTOM, "public_url": "wss://example.com/?key=1"}, "holds a user, a password, a query"),
        ({**CUSTOM, "public_url": "https://example.com"}, "is not an address"),
    ],
)
def test_a_venue_that_cannot_be_meant_is_refused(venue: dict[str, Any], message: str) -> None:
    assert message in refuse(with_value("venue", venue))


def test_nothing_to_listen_to_is_refused() -> None:
    assert "feed.symbols: no symbols and no history" in refuse({})
    silent = {"symbols": ["BTCUSDT"], "book_depth": 0, "trades": False, "tickers": False, "klines": []}
    assert "feed: every kind of data is off" in refuse({"feed": silent})


@pytest.mark.parametrize(("key", "value"), [("symbols", ["BTCUSDT", "BTCUSDT"]), ("klines", ["1m", "1h", "1m"])])
def test_what_stands_twice_in_a_list_is_refused(key: str, value: list[str]) -> None:
    assert f"feed.{key}[{len(value) - 1}]: {value[0]!r} stands twice" in refuse(with_value(f"feed.{key}", value))


def test_an_account_that_does_not_exist_is_refused_with_the_one_that_was_meant() -> None:
    message = refuse(with_value("lanes.0.account", "papr"))
    assert "my.toml: lanes[0].account: there is no account 'papr'" in message
    assert "Did you mean paper?" in message


def test_a_file_without_accounts_says_so() -> None:
    assert "The file has no accounts; add one." in refuse({**DOCUMENT, "accounts": {}})


def test_two_active_lanes_may_not_share_an_account() -> None:
    other = {**LANE, "name": "other"}
    message = refuse({**DOCUMENT, "lanes": [LANE, other]})
    assert "lanes[1].account: the active lanes 'main' and 'other' share the account 'paper'" in message
    assert "set active = false" in message
    assert len(parse({**DOCUMENT, "lanes": [LANE, {**other, "active": False}]}).active_lanes) == 1


def test_names_are_unique() -> None:
    assert "lanes[1].name: 'main' stands twice" in refuse({**DOCUMENT, "lanes": [LANE, {**LANE, "active": False}]})
    halves = [{**STRATEGY, "weight": 0.5}] * 2
    assert "lanes[0].strategies[1].name: 'baseline' stands twice" in refuse(with_value("lanes.0.strategies", halves))


def test_weights_share_the_equity_of_the_lane() -> None:
    three = [{"name": f"s{number}", "use": "x"} for number in range(3)]
    message = refuse(with_value("lanes.0.strategies", three))
    assert "lanes[0].strategies: the weights add up to 3" in message
    assert "weight = 0.333 each" in message
    thirds = [{**each, "weight": 1 / 3} for each in three]
    assert len(parse(with_value("lanes.0.strategies", thirds)).lanes[0].strategies) == 3


def test_a_symbol_without_data_is_refused() -> None:
    message = refuse(with_value("lanes.0.strategies.0.symbols", ["BTCUSDT", "ETHUSDT"]))
    assert "lanes[0].strategies[0].symbols[1]: no data is configured for ETHUSDT" in message
    tick = {"tick": "0.1", "step": "1", "min_qty": "1", "max_qty": "2", "max_market_qty": "2"}
    message = refuse(with_value("instruments.BTCUSD1USDT", tick))
    assert "instruments.BTCUSD1USDT: no data is configured for this symbol" in message


def test_all_references_that_lead_nowhere_are_told_together() -> None:
    lanes = [
        {**LANE, "account": "nobody"},
        {**LANE, "name": "other", "strategies": [{**STRATEGY, "symbols": ["XUSDT"]}]},
    ]
    message = refuse({**DOCUMENT, "lanes": lanes})
    assert "lanes[0].account" in message
    assert "lanes[1].strategies[0].symbols[0]" in message


def test_history_names_the_symbols_of_a_file_without_a_feed() -> None:
    history = [{"path": "a.csv", "symbol": "ETHUSDT"}, {"path": "b.csv", "symbol": "SOLUSDT"}, {"path": "c.csv"}]
    config = parse({**DOCUMENT, "feed": {}, "history": history})
    assert config.symbols == ("ETHUSDT", "SOLUSDT")
    assert config.symbols_of(config.lanes[0].strategies[0]) == ("ETHUSDT", "SOLUSDT")
    assert config.history[2] == {"path": "c.csv"}


def test_history_with_a_symbol_column_needs_strategies_that_name_theirs() -> None:
    document: dict[str, Any] = {**DOCUMENT, "feed": {}, "history": [{"path": "a.csv", "columns": {"symbol": "s"}}]}
    assert "lanes[0].strategies[0].symbols: missing" in refuse(document)
    named = [{**LANE, "strategies": [{**STRATEGY, "symbols": ["XRPUSDT"]}]}]
    assert parse({**document, "lanes": named}).symbols == ()


def test_lanes_may_be_empty_but_not_for_trading() -> None:
    nothing: Config = parse({**DOCUMENT, "lanes": []})
    with pytest.raises(ConfigError, match=r"my.toml: lanes: there are no lanes"):
        require_active_lane(nothing, "my.toml")
    with pytest.raises(ConfigError, match=r"my.toml: lanes: no lane is active"):
        require_active_lane(parse(with_value("lanes.0.active", False)), "my.toml")
    require_active_lane(parse(DOCUMENT), "my.toml")


@pytest.mark.parametrize(
    ("key", "value"), [("tick", "0"), ("step", "-1"), ("min_qty", "3"), ("max_leverage", "126"), ("min_notional", "-1")]
)
def test_an_instrument_that_cannot_exist_is_refused(key: str, value: str) -> None:
    spec = {"tick": "0.1", "step": "1", "min_qty": "1", "max_qty": "2", "max_market_qty": "2", key: value}
    assert "instruments.BTCUSDT.m" in (message := refuse(with_value("instruments.BTCUSDT", spec))) or key in message


def test_an_instrument_becomes_a_fact_with_its_numbers_as_written() -> None:
    spec = {"tick": "0.10", "step": "0.001", "min_qty": "0.001", "max_qty": "1190", "max_market_qty": "500"}
    fact = parse(with_value("instruments.BTCUSDT", spec)).instruments["BTCUSDT"].instrument("BTCUSDT")
    assert (fact.symbol, str(fact.tick), str(fact.step), fact.funding_interval_min) == ("BTCUSDT", "0.10", "0.001", 480)
