from __future__ import annotations

from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct

from daemon.config import decode
from daemon.core.errors import ConfigError
from tests.daemon.config.builders import FORMATS, parse, with_value

CURES: list[tuple[str, Any, str, str]] = [
    # path as in `with_value`, value, start of the message, part of the cure
    ("feedd", {}, "feedd: unknown key", "Did you mean feed?"),
    ("feed.bookdepth", 50, "feed.bookdepth: unknown key", "Did you mean book_depth?"),
    ("feed.timer_s", 1, "feed.timer_s: unknown key", "Did you mean timer_ms? It is in milliseconds"),
    ("storage.segment_gb", 1, "storage.segment_gb: unknown key", "Did you mean segment_mb? It is in MiB"),
    ("storage.fsyncInterval", 1, "storage.fsyncInterval: unknown key", "Did you mean fsync_interval_ms?"),
    (
        "accounts.paper.exchange.entry_latency_s",
        1,
        "accounts.paper.exchange.entry_latency_s: unknown key",
        "Did you mean entry_latency_ms? It is in milliseconds",
    ),
    (
        "accounts.paper.exchange.entry_latency",
        1,
        "accounts.paper.exchange.entry_latency: unknown key",
        "Did you mean entry_latency_ms?",
    ),
    ("lanes.0.guards.max_leverag", 5, "lanes[0].guards.max_leverag: unknown key", "Did you mean max_leverage?"),
    (
        "lanes.0.max_order_notional_usdt",
        5,
        "lanes[0].max_order_notional_usdt: unknown key",
        "belongs in lanes[].guards",
    ),
    ("symbols", ["BTCUSDT"], "symbols: unknown key", "symbols belongs in feed"),
    ("lanes.0.guards.zzz", 5, "lanes[0].guards.zzz: unknown key", "Known here: stale_after_ms"),
    (
        "lanes.0.guards.price_collar",
        5,
        "lanes[0].guards.price_collar: Expected float <= 0.5, got 5",
        "5 % is written 0.05",
    ),
    ("lanes.0.strategies.0.weight", 50, "lanes[0].strategies[0].weight: Expected float <= 1.0", "5 % is written 0.05"),
    ("lanes.0.strategies.0.weight", "50%", "lanes[0].strategies[0].weight: Expected float", "5 % is written 0.05"),
    ("accounts.paper.exchange.taker_fee", "0.055", "accounts.paper.exchange.taker_fee: ", "5 % is written 0.05"),
    ("lanes.0.guards.stale_after_ms", "5s", "lanes[0].guards.stale_after_ms: Expected int", "number of milliseconds"),
    (
        "lanes.0.guards.stale_after_ms",
        -1,
        "lanes[0].guards.stale_after_ms: Expected int >= 1",
        "number of milliseconds",
    ),
    ("feed.trades", "true", "feed.trades: Expected bool, got 'true'", "without quotes"),
    ("feed.trades", 1, "feed.trades: Expected bool, got 1", "docs/configuration.md"),
    ("feed.book_depth", 25, "feed.book_depth: Invalid enum value 25", "docs/configuration.md"),
    ("feed.klines", ["2m"], "feed.klines[0]: Invalid enum value '2m'", "1m 3m 5m"),
    ("feed.klines", "1m", "feed.klines: Expected a list", "Write one of"),
    ("feed.symbols", ["btcusdt"], "feed.symbols[0]: ", 'Did you mean "BTCUSDT"?'),
    ("feed.symbols", ["BTC/USDT:USDT"], "feed.symbols[0]: ", 'Did you mean "BTCUSDT"?'),
    ("feed.symbols", ["BTC-PERP"], "feed.symbols[0]: ", "such as"),
    ("instruments.btcusdt", {}, "instruments.btcusdt: ", 'Did you mean "BTCUSDT"?'),
    ("instruments.BTCUSDT", {"tick": "0.1"}, "instruments.BTCUSDT.step: missing", "/v5/market/instruments-info"),
    ("accounts.paper.venue", "demo", "accounts.paper.venue: ", 'Write "simulated" or "bybit"'),
    ("accounts.paper.balance_usdt", "-5", "accounts.paper.balance_usdt: -5 is not between", "number of USDT"),
    ("accounts.paper.balance_usdt", "lots", "accounts.paper.balance_usdt: Invalid decimal string", "number of USDT"),
    ("accounts.paper.leverage", 0.5, "accounts.paper.leverage: 0.5 is not between 1 and 125", "docs"),
    ("accounts", [], "accounts: Expected a table", "docs"),
    ("lanes.0.account", None, "lanes[0].account: Expected str", "docs"),
    ("lanes.0.name", "Main lane", "lanes[0].name: Expected str matching regex", "docs"),
    ("lanes.0.strategies", [], "lanes[0].strategies: Expected a list of length >= 1", "docs"),
    ("lanes.0.strategies", [{"name": "a"}], "lanes[0].strategies[0].use: missing", "docs/configuration.md explains it"),
    ("storage.min_free_mb", True, "storage.min_free_mb: Expected int, got True", "number of MiB"),
    ("accounts.paper.exchange.margin_mode", "portfolio", "accounts.paper.exchange.margin_mode: Invalid enum", "docs"),
    ("accounts.paper.exchange.queue", "middle", "accounts.paper.exchange.queue: Invalid enum value 'middle'", "docs"),
    (
        "accounts.paper.exchange.volume_share",
        10,
        "accounts.paper.exchange.volume_share: Expected float <= 1.0, got 10",
        "5 % is written 0.05",
    ),
    ("accounts.paper.exchange.impact", "1%", "accounts.paper.exchange.impact: Expected float", "5 % is written 0.05"),
    (
        "accounts.paper.exchange.slippage_bps",
        -1,
        "accounts.paper.exchange.slippage_bps: Expected float >= 0.0, got -1",
        "number of basis points",
    ),
    (
        "accounts.paper.exchange.entry_latency_samples_ms",
        [5, -1],
        "accounts.paper.exchange.entry_latency_samples_ms[1]: Expected float >= 0.0, got -1",
        "number of milliseconds",
    ),
    (
        "accounts.paper.exchange.entry_latency_samples_ms",
        20,
        "accounts.paper.exchange.entry_latency_samples_ms: Expected a list",
        "number of milliseconds",
    ),
    (
        "accounts.paper.exchange.feed_latency_ms",
        60_001,
        "accounts.paper.exchange.feed_latency_ms: Expected int <= 60000, got 60001",
        "number of milliseconds",
    ),
    ("accounts.paper.exchange.seed", "x", "accounts.paper.exchange.seed: Expected int", "docs"),
    ("accounts.paper.exchange.move_price_to_limit", "no", "accounts.paper.exchange.move_price_to_limit: ", "docs"),
    (
        "accounts.paper.exchange.stop_equity_usdt",
        "-1",
        "accounts.paper.exchange.stop_equity_usdt: -1 is not between 0 and 1e15",
        "number of USDT",
    ),
    (
        "accounts.paper.exchange.stop_free_margin",
        5,
        "accounts.paper.exchange.stop_free_margin: unknown key",
        "Did you mean stop_free_margin_usdt? It is in USDT",
    ),
    (
        "accounts.paper.exchange.account_every_min",
        1441,
        "accounts.paper.exchange.account_every_min: Expected int <= 1440",
        "number of minutes",
    ),
    ("margin_mode", "cross", "margin_mode: unknown key", "margin_mode belongs in accounts.*.exchange"),
    ("feed.instruments_every_h", 1, "feed.instruments_every_h: unknown key", "instruments_every_min? It is in minutes"),
    ("venue.environment", "live", "venue.environment: Invalid enum value 'live'", "docs"),
]


@pytest.mark.parametrize(("path", "value", "message", "cure"), CURES, ids=[case[2] for case in CURES])
def test_an_error_names_path_reason_and_cure(path: str, value: object, message: str, cure: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(with_value(path, value), "json", "my.toml")
    assert str(caught.value).startswith(f"my.toml: {message}")
    assert cure in str(caught.value)


def test_all_problems_of_a_file_are_told_at_once() -> None:
    document = with_value("feed.trade", True)
    document["lanes"][0]["guards"] = {"max_leverag": 3, "price_collar": 7}
    document["accounts"]["paper"] = {"exchange": {"slippage_ticks": -1}}
    with pytest.raises(ConfigError) as caught:
        parse(document)
    found = [line.split(": ")[1] for line in str(caught.value).splitlines() if line.startswith("my.toml")]
    guards = "lanes[0].guards"
    assert found == [
        "feed.trade",
        "accounts.paper.exchange.slippage_ticks",
        f"{guards}.max_leverag",
        f"{guards}.price_collar",
    ]


def test_more_than_twenty_problems_are_cut() -> None:
    with pytest.raises(ConfigError, match="80 more problems are not shown"):
        parse({f"key_{number}": 1 for number in range(100)})


def test_off_switches_a_guard_off_in_every_format() -> None:
    for kind in FORMATS:
        guards = parse(with_value("lanes.0.guards", {"max_leverage": "off"}), kind).lanes[0].guards
        assert guards.max_leverage is None
        assert guards.max_orders_per_min == 60


def test_null_is_off_too() -> None:
    assert parse(with_value("lanes.0.guards", {"price_collar": None})).lanes[0].guards.price_collar is None


def test_off_is_a_text_where_nothing_can_be_off() -> None:
    settings = parse(with_value("lanes.0.strategies.0.settings", {"mode": "off"})).lanes[0].strategies[0].settings
    assert settings == {"mode": "off"}
    with pytest.raises(ConfigError, match=r"feed\.timer_ms"):
        parse(with_value("feed.timer_ms", "off"))


class Knobs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    window_ms: Annotated[int, Meta(ge=1)] = 5
    stop: float | None = 0.1
    nested: tuple[dict[str, int], ...] = ()

    def __post_init__(self) -> None:
        if self.window_ms == 13:
            raise ConfigError("thirteen brings bad luck", cure="Take 14.")


def test_settings_of_a_strategy_are_decoded_with_the_same_errors() -> None:
    assert decode({"stop": "off", "nested": [{"a": 1}]}, Knobs, name="x", path="p") == Knobs(
        stop=None, nested=({"a": 1},)
    )
    for settings, message in (
        ({"window_s": 1}, "x: lanes[0].settings.window_s: unknown key\n  cure: Did you mean window_ms?"),
        ({"window_ms": 0}, "x: lanes[0].settings.window_ms: Expected int >= 1, got 0"),
        ({"nested": [{"a": "b"}]}, "x: lanes[0].settings.nested[0].a: Expected int, got 'b'"),
        ({"stop": float("nan")}, "x: lanes[0].settings.stop: nan is not a finite number"),
        ({"window_ms": 13}, "x: lanes[0].settings: thirteen brings bad luck\n  cure: Take 14."),
    ):
        with pytest.raises(ConfigError) as caught:
            decode(settings, Knobs, name="x", path="lanes[0].settings")
        assert str(caught.value).startswith(message)
