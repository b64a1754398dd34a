"""Rules of each topic, frame by frame, through the decoder that routes to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from adapters.bybit.decoder import FrameDecoder
from daemon.core.events import (
    Bar,
    BarOrigin,
    BookDelta,
    BookDown,
    BookSnapshot,
    Fact,
    Quarantined,
    Side,
    Ticker,
    Trade,
)
from daemon.core.units import NS_PER_MINUTE, NS_PER_MS
from tests.adapters.bybit.frames import T0_MS, book, candle, klines, push, ticker, trade, trades

SOURCE = "public-1"


class Feed:
    """A decoder with one connection."""

    def __init__(self, **options: Any) -> None:
        self.decoder = FrameDecoder(**options)

    def __call__(self, frame: bytes, source: str = SOURCE) -> Sequence[Fact]:
        return self.decoder.decode(frame, 0, source)

    def one(self, frame: bytes, source: str = SOURCE) -> Fact:
        facts = self(frame, source)
        assert len(facts) == 1
        return facts[0]


def live_book(depth: int = 50) -> Feed:
    feed = Feed()
    assert isinstance(feed.one(book(10, kind="snapshot", depth=depth)), BookSnapshot)
    return feed


def test_a_snapshot_becomes_a_book_with_prices_as_parsed() -> None:
    fact = Feed().one(book(7, [("1.10", "2"), ("1.05", "0.5")], [("1.20", "3")], kind="snapshot", seq=99))
    ts = (T0_MS - 1) * NS_PER_MS
    assert fact == BookSnapshot("BTCUSDT", ts, [(1.1, 2.0), (1.05, 0.5)], [(1.2, 3.0)], 7, 99)


def test_a_book_without_the_matching_engines_time_is_stamped_with_the_pushs() -> None:
    frame = b'{"topic":"orderbook.50.X1","type":"snapshot","ts":1680673821591,"data":{"s":"X1","b":[],"a":[],"u":9}}'
    fact = Feed().one(frame)
    assert isinstance(fact, BookSnapshot)
    assert fact.ts_exchange == 1680673821591 * NS_PER_MS
    assert fact.cross_seq == 0


def test_the_next_delta_in_line_is_passed_on() -> None:
    fact = live_book().one(book(11, [("109147.80", "0")], []))
    assert fact == BookDelta("BTCUSDT", (T0_MS - 1) * NS_PER_MS, [(109147.8, 0.0)], [], 11, 457_538_796_406)


def test_a_delta_before_its_snapshot_says_once_that_there_is_no_book() -> None:
    feed = Feed()
    assert isinstance(feed.one(book(5)), BookDown)
    assert feed(book(6)) == ()
    assert feed(book(7)) == ()
    assert isinstance(feed.one(book(8, kind="snapshot")), BookSnapshot)
    assert isinstance(feed.one(book(9)), BookDelta)


@pytest.mark.parametrize("update_id", [12, 9, 5_000, 2])
def test_a_gap_downs_the_book_once_and_until_the_next_snapshot(update_id: int) -> None:
    feed = live_book()
    down = feed.one(book(update_id))
    assert isinstance(down, BookDown)
    assert down.reason == f"gap: u is {update_id}, expected 11"
    assert feed(book(update_id + 1)) == ()
    assert feed(book(11)) == ()
    assert isinstance(feed.one(book(40, kind="snapshot")), BookSnapshot)
    assert isinstance(feed.one(book(41)), BookDelta)


def test_a_repeated_delta_is_no_news_and_no_gap() -> None:
    feed = live_book()
    assert isinstance(feed.one(book(11)), BookDelta)
    assert feed(book(11)) == ()
    assert isinstance(feed.one(book(12)), BookDelta)


def test_an_update_id_of_one_is_a_fresh_book_whatever_the_type_says() -> None:
    feed = live_book()
    assert isinstance(feed.one(book(1)), BookSnapshot)
    assert isinstance(feed.one(book(2)), BookDelta)


def test_a_snapshot_may_come_at_any_time_also_with_a_known_update_id() -> None:
    feed = live_book()
    assert isinstance(feed.one(book(10, kind="snapshot")), BookSnapshot)
    assert isinstance(feed.one(book(3, kind="snapshot", seq=1)), BookSnapshot)
    assert isinstance(feed.one(book(4, seq=2)), BookDelta)


def test_a_falling_cross_sequence_downs_the_book() -> None:
    down = live_book().one(book(11, seq=457_538_796_405))
    assert isinstance(down, BookDown)
    assert "seq fell" in down.reason


def test_level_one_repeats_are_heartbeats_and_its_update_ids_may_skip() -> None:
    feed = live_book(depth=1)
    assert feed(book(10, kind="snapshot", depth=1)) == ()
    assert isinstance(feed.one(book(15, kind="snapshot", depth=1)), BookSnapshot)
    assert isinstance(feed.one(book(19, depth=1)), BookDelta)
    assert feed(book(19, depth=1)) == ()
    assert isinstance(feed.one(book(18, depth=1)), BookDown)


def test_a_second_depth_of_the_same_book_is_quarantined() -> None:
    feed = live_book()
    refused = feed.one(book(3, kind="snapshot", depth=200))
    assert isinstance(refused, Quarantined)
    assert refused.symbol == "BTCUSDT"
    assert isinstance(feed.one(book(11)), BookDelta)


def test_the_snapshot_of_another_connection_takes_the_book_over() -> None:
    feed = live_book()
    assert isinstance(feed.one(book(30, kind="snapshot"), "public-2"), BookSnapshot)
    assert isinstance(feed.one(book(11)), BookDown)
    assert feed(book(12)) == ()
    assert isinstance(feed.one(book(31), "public-2"), BookDelta)


@pytest.mark.parametrize(
    "levels",
    [[("0", "1")], [("-1", "1")], [("1", "-1")], [("NaN", "1")], [("inf", "1")], [("1e999", "1")], [("1", "")]],
)
def test_a_level_that_no_market_says_is_quarantined_and_leaves_a_gap(levels: list[tuple[str, str]]) -> None:
    feed = live_book()
    assert isinstance(feed.one(book(11, levels)), Quarantined)
    assert isinstance(feed.one(book(12)), BookDown)


@pytest.mark.parametrize("ts", [1_758_845_431, 1_758_845_431_000_000, 0, -5])
def test_times_that_are_not_milliseconds_of_this_era_are_quarantined(ts: int) -> None:
    assert isinstance(Feed().one(book(5, kind="snapshot", ts=ts)), Quarantined)


def test_data_of_another_symbol_than_the_topics_is_quarantined() -> None:
    feed = Feed()
    for frame in (
        book(5, kind="snapshot").replace(b'"s":"BTCUSDT"', b'"s":"ETHUSDT"'),
        trades(trade("a"), trade("b", symbol="ETHUSDT")),
        ticker(lastPrice="1").replace(b'"symbol":"BTCUSDT"', b'"symbol":"ETHUSDT"'),
    ):
        fact = feed.one(frame)
        assert fact == Quarantined(SOURCE, "the topic says BTCUSDT, the data ETHUSDT", "BTCUSDT")


def test_trades_become_facts_in_the_order_sent() -> None:
    facts = Feed()(trades(trade("a"), trade("b", price="5", size="7")))
    ts = T0_MS * NS_PER_MS
    assert facts == [
        Trade("BTCUSDT", ts, 109378.9, 0.02, Side.BUY, "a"),
        Trade("BTCUSDT", ts, 5.0, 7.0, Side.BUY, "b"),
    ]


def test_a_trade_is_told_once_also_within_a_frame_and_over_another_connection() -> None:
    feed = Feed()
    assert len(feed(trades(trade("a"), trade("a"), trade("b")))) == 2
    assert feed(trades(trade("b"))) == []
    assert len(feed(trades(trade("b"), trade("c")), "public-2")) == 1


def test_a_frame_that_is_quarantined_marks_none_of_its_trades_as_told() -> None:
    feed = Feed()
    assert isinstance(feed.one(trades(trade("a"), trade("b", price="0"))), Quarantined)
    assert isinstance(feed.one(trades(trade("a"), trade("b", symbol="ETHUSDT"))), Quarantined)
    assert len(feed(trades(trade("a"), trade("b")))) == 2


def test_the_latest_trade_ids_are_remembered_and_old_ones_forgotten() -> None:
    feed = Feed(trade_window=100)
    for number in range(1000):
        assert len(feed(trades(trade(f"id{number}")))) == 1
    assert all(feed(trades(trade(f"id{number}"))) == [] for number in range(900, 1000))
    assert len(feed(trades(trade("id0")))) == 1


def test_a_thousand_trades_in_one_message_are_all_told() -> None:
    assert len(Feed(trade_window=10)(trades(*[trade(f"id{number}") for number in range(1024)]))) == 1024


def test_trade_ids_of_two_symbols_are_apart() -> None:
    feed = Feed()
    assert len(feed(trades(trade("a")))) == 1
    assert len(feed(trades(trade("a", symbol="ETHUSDT"), symbol="ETHUSDT"))) == 1


def test_a_ticker_snapshot_carries_mark_index_funding_and_touch() -> None:
    fact = Feed().one(
        ticker(
            lastPrice="17216.00",
            markPrice="17217.33",
            indexPrice="17227.36",
            openInterest="68744.761",
            nextFundingTime="1673280000000",
            fundingRate="-0.000212",
            bid1Price="17215.50",
            bid1Size="84.489",
            ask1Price="17216.00",
            ask1Size="83.020",
            tickDirection="PlusTick",
        )
    )
    assert fact == Ticker(
        symbol="BTCUSDT",
        ts_exchange=T0_MS * NS_PER_MS,
        mark=17217.33,
        index=17227.36,
        last=17216.0,
        bid=17215.5,
        bid_qty=84.489,
        ask=17216.0,
        ask_qty=83.02,
        funding_rate=-0.000212,
        next_funding=1673280000000 * NS_PER_MS,
        open_interest=68744.761,
    )


def test_a_ticker_delta_carries_only_what_changed() -> None:
    feed = Feed()
    feed(ticker(lastPrice="1", markPrice="1"))
    assert feed.one(ticker("delta", markPrice="2")) == Ticker("BTCUSDT", T0_MS * NS_PER_MS, mark=2.0)


def test_a_ticker_delta_before_its_snapshot_is_dropped() -> None:
    feed = Feed()
    assert feed(ticker("delta", markPrice="2")) == ()
    assert isinstance(feed.one(ticker(markPrice="2")), Ticker)
    assert isinstance(feed.one(ticker("delta", markPrice="3")), Ticker)


def test_empty_and_null_fields_of_a_ticker_mean_none() -> None:
    fact = Feed().one(
        ticker(lastPrice="5", markPrice=None, fundingRate="", nextFundingTime="", bid1Price="0.00", ask1Price="0")
    )
    assert fact == Ticker("BTCUSDT", T0_MS * NS_PER_MS, last=5.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"markPrice": "NaN"},
        {"markPrice": "0"},
        {"markPrice": "-5", "fundingRate": ""},
        {"lastPrice": "Infinity"},
        {"fundingRate": "15"},
        {"openInterest": "-1"},
        {"nextFundingTime": "1673280000"},
        {"bid1Price": [1]},
        {"symbol": 5},
        {"symbol": None},
    ],
)
def test_a_ticker_with_an_impossible_field_is_quarantined(fields: dict[str, Any]) -> None:
    assert isinstance(Feed().one(ticker(**fields) if "symbol" not in fields else _without(fields)), Quarantined)


def _without(fields: dict[str, Any]) -> bytes:
    value = b"5" if fields["symbol"] else b"null"
    return ticker().replace(b'"symbol":"BTCUSDT"', b'"symbol":' + value)


def test_a_confirmed_candle_is_a_bar_stamped_at_its_end() -> None:
    start = 1_672_324_800_000
    (bar,) = Feed()(klines(candle(start)))
    assert bar == Bar(
        symbol="BTCUSDT",
        ts_exchange=(start + 300_000) * NS_PER_MS,
        interval=5 * NS_PER_MINUTE,
        ts_open=start * NS_PER_MS,
        open=16649.5,
        high=16678.5,
        low=16608.0,
        close=16677.0,
        volume=2.081,
        turnover=34666.4005,
        origin=BarOrigin.VENUE,
    )


def test_a_provisional_candle_is_no_bar() -> None:
    feed = Feed()
    assert feed(klines(candle(confirm=False))) == []
    assert len(feed(klines(candle()))) == 1


def test_a_candle_is_told_once_and_its_first_confirmation_wins() -> None:
    feed = Feed()
    start = 1_672_324_800_000
    assert len(feed(klines(candle(start)))) == 1
    assert feed(klines(candle(start, close="16650"))) == []
    assert feed(klines(candle(start)), "public-2") == []
    assert feed(klines(candle(start - 300_000))) == []
    assert len(feed(klines(candle(start), candle(start + 300_000)))) == 1


def test_candles_of_two_intervals_are_apart() -> None:
    feed = Feed()
    assert len(feed(klines(candle()))) == 1
    assert len(feed(klines(candle(minutes=15), code="15"))) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"low": "16650"},
        {"high": "16650"},
        {"open": "0"},
        {"close": "NaN"},
        {"volume": "-1"},
        {"interval": "1"},
        {"end": 1_672_324_859_999},
        {"start": 1_672_324_800},
        {"confirm": None},
    ],
)
def test_a_candle_that_contradicts_itself_is_quarantined(changed: dict[str, Any]) -> None:
    feed = Feed()
    assert isinstance(feed.one(klines({**candle(), **changed})), Quarantined)
    assert len(feed(klines(candle()))) == 1


@pytest.mark.parametrize(("code", "days"), [("D", 1), ("W", 7)])
def test_days_and_weeks_are_intervals_and_months_are_not(code: str, days: int) -> None:
    (bar,) = Feed()(klines({**candle(minutes=days * 1440), "interval": code}, code=code))
    assert isinstance(bar, Bar)
    assert bar.interval == days * 1440 * NS_PER_MINUTE
    refused = Feed().one(klines(candle(), code="M"))
    assert isinstance(refused, Quarantined)
    assert "month" in refused.reason


def test_liquidations_are_read_and_yield_nothing() -> None:
    feed = Feed()
    liquidation = {"T": T0_MS, "s": "AUSDT", "S": "Sell", "v": "2846", "p": "0.02456"}
    good = push("allLiquidation.AUSDT", [liquidation])
    assert feed(good) == ()
    assert isinstance(feed.one(good.replace(b'"0.02456"', b'"x"')), Quarantined)
