from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bybit.topics import (
    ARGS_CHARACTERS_MAX,
    Topic,
    TopicKind,
    parse_subscription,
    parse_topic,
    split_connections,
    split_requests,
    topic_prefix,
)
from daemon.core.errors import ConfigError
from daemon.core.units import NS_PER_DAY, NS_PER_HOUR


def test_a_topic_says_kind_symbol_depth_and_interval() -> None:
    assert parse_topic("orderbook.50.BTCUSDT") == Topic(
        "orderbook.50.BTCUSDT", TopicKind.ORDERBOOK, "BTCUSDT", depth=50
    )
    assert parse_topic("kline.60.1000PEPEUSDT").interval == NS_PER_HOUR
    assert parse_topic("kline.W.ETHUSDT").interval == 7 * NS_PER_DAY
    assert parse_topic("publicTrade.BTC-26SEP25").symbol == "BTC-26SEP25"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "orderbook.BTCUSDT",
        "orderbook.0.BTCUSDT",
        "orderbook.rpi.BTCUSDT",
        "orderbook.٣.BTCUSDT",
        "kline.M.BTCUSDT",
        "kline.2.BTCUSDT",
        "tickers",
        "tickers.btcusdt",
        "tickers.5.BTCUSDT",
        "publicTrade.",
        "liquidation.BTCUSDT",
        "order",
        "tickers." + "A" * 41,
    ],
)
def test_a_topic_that_cannot_be_is_refused_with_a_cure(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_topic(name)
    assert "orderbook.50.S" in caught.value.cure


@given(st.text())
def test_any_text_is_a_topic_or_a_typed_refusal(name: str) -> None:
    topic: Topic | None = None
    with suppress(ConfigError):
        topic = parse_topic(name)
    assert topic is None or topic.name == name


def test_repeated_topics_are_taken_once_in_order() -> None:
    topics = parse_subscription(["tickers.B", "tickers.A", "tickers.B"])
    assert [topic.symbol for topic in topics] == ["B", "A"]


def test_two_depths_of_one_book_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"orderbook\.1\.A and orderbook\.50\.A"):
        parse_subscription(["orderbook.1.A", "orderbook.50.A"])


def test_nothing_to_subscribe_to_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing"):
        parse_subscription([])


def test_requests_hold_the_allowed_number_of_topics() -> None:
    topics = parse_subscription(f"tickers.S{number}" for number in range(23))
    batches = split_requests(topics, 10)
    assert [len(batch) for batch in batches] == [10, 10, 3]
    assert [topic for batch in batches for topic in batch] == topics


@given(st.integers(1, 60), st.integers(0, 2500))
def test_connections_respect_both_limits_and_lose_no_topic(per_connection: int, count: int) -> None:
    topics = [parse_topic(f"orderbook.1000.SYMBOL{number}USDT") for number in range(count)]
    parts = split_connections(topics, per_connection)
    assert [topic for part in parts for topic in part] == topics
    assert all(0 < len(part) <= per_connection for part in parts)


def test_arguments_of_a_connection_stay_within_the_venues_characters() -> None:
    topics = [parse_topic(f"orderbook.1000.SYMBOL{number}USDT") for number in range(2000)]
    parts = split_connections(topics, 10_000)
    lengths = [len(str([topic.name for topic in part]).replace(" ", "")) for part in parts]
    assert len(parts) > 1
    assert max(lengths) <= ARGS_CHARACTERS_MAX
    assert lengths[0] > ARGS_CHARACTERS_MAX - 40


def test_the_prefix_is_what_the_venue_writes_first() -> None:
    assert b'{"topic":"tickers.A","type":"delta"}'.startswith(topic_prefix("tickers.A"))
