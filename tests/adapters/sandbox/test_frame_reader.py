from __future__ import annotations

import msgspec
import pytest

from adapters.sandbox.frame_reader import FrameReader, topics_read
from adapters.sandbox.synthetic_market import demo_market
from adapters.sandbox.wire import book_frame
from daemon.core.events import BookDelta, BookSnapshot, Side, Ticker, Trade
from daemon.core.market import Market

BTC = "BTCUSDT"


def book(depth: int, kind: str, bid: str, *, update_id: int = 2) -> tuple[str, bytes]:
    topic = f"orderbook.{depth}.{BTC}"
    return topic, book_frame(
        topic, kind, BTC, ts_ms=12, bids=f'["{bid}","1.5"]', asks='["50001","2"]', update_id=update_id, seq=7, cts_ms=10
    )


def test_a_snapshot_and_its_deltas_are_read_with_the_engines_time() -> None:
    reader = FrameReader()
    assert reader.read(*book(50, "snapshot", "50000")) == [
        BookSnapshot(BTC, 10_000_000, [(50000.0, 1.5)], [(50001.0, 2.0)], 2, 7)
    ]
    assert reader.read(*book(50, "delta", "49999")) == [
        BookDelta(BTC, 10_000_000, [(49999.0, 1.5)], [(50001.0, 2.0)], 2, 7)
    ]


def test_a_delta_before_its_snapshot_is_ignored() -> None:
    reader = FrameReader()
    assert reader.read(*book(50, "delta", "50000")) == []
    reader.read(*book(1, "snapshot", "50000"))
    assert reader.read(*book(50, "delta", "49999")) == []
    assert len(reader.read(*book(1, "snapshot", "49998"))) == 1


def test_a_deeper_book_takes_over_for_good() -> None:
    reader = FrameReader()
    reader.read(*book(1, "snapshot", "50000"))
    assert len(reader.read(*book(50, "snapshot", "50000"))) == 1
    assert reader.read(*book(1, "snapshot", "50000")) == []


def test_update_one_is_a_fresh_start_whatever_the_type_says() -> None:
    (fact,) = FrameReader().read(*book(50, "delta", "50000", update_id=1))
    assert isinstance(fact, BookSnapshot)


def test_a_real_trade_and_ticker_are_read() -> None:
    reader = FrameReader()
    trade = (
        b'{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT",'
        b'"S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false}]}'
    )
    assert reader.read("publicTrade.BTCUSDT", trade) == [
        Trade(BTC, 1672304486865_000_000, 16578.5, 0.001, Side.BUY, "20f43950-d8dd-5b31-9112-a178eb6023af")
    ]
    ticker = (
        b'{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"17217.33",'
        b'"nextFundingTime":"1673280000000","fundingRate":"-0.000212"},"cs":24987956059,"ts":1673272861686}'
    )
    (fact,) = reader.read("tickers.BTCUSDT", ticker)
    assert fact == Ticker(
        BTC, 1673272861686_000_000, mark=17217.33, funding_rate=-0.000212, next_funding=1673280000000_000_000
    )


@pytest.mark.parametrize("topic", ["kline.1.BTCUSDT", "allLiquidation.BTCUSDT", "priceLimit.BTCUSDT"])
def test_topics_that_say_nothing_new_are_not_even_parsed(topic: str) -> None:
    assert FrameReader().read(topic, b"not json") == []


def test_of_each_symbol_the_deepest_book_the_trades_and_the_ticker_are_read() -> None:
    offered = ["orderbook.1.BTCUSDT", "orderbook.200.BTCUSDT", "orderbook.50.BTCUSDT", "kline.1.BTCUSDT",
               "publicTrade.BTCUSDT", "tickers.BTCUSDT", "tickers.XRPUSDT"]  # fmt: skip
    assert topics_read(offered, [BTC, "ETHUSDT"]) == ["orderbook.200.BTCUSDT", "publicTrade.BTCUSDT", "tickers.BTCUSDT"]


def test_a_market_made_of_our_frames_is_the_one_that_made_them() -> None:
    source, reader, market = demo_market([BTC], minutes=5), FrameReader(), Market(BTC)
    topics = topics_read(source.topics, [BTC])
    frames = [(topic, snapshot) for topic in topics if (snapshot := source.snapshot(topic)) is not None]
    while source.next_ms is not None:
        frames += source.advance(frozenset(topics))
    for topic, payload in frames:
        for fact in reader.read(topic, payload):
            match fact:
                case BookSnapshot():
                    assert market.apply_snapshot(fact)
                case BookDelta():
                    assert market.apply_delta(fact)
                case Ticker():
                    market.apply_ticker(fact)
                case Trade():
                    market.apply_trade(fact)
    view, ticker = source.book(BTC), source.ticker(BTC)
    assert (market.bid, market.ask) == (float(view.bids[0][0]), float(view.asks[0][0]))
    assert market.mark == float(ticker["markPrice"])
    assert market.next_funding == int(ticker["nextFundingTime"]) * 1_000_000
    assert market.last == float(ticker["lastPrice"])


def test_a_frame_that_is_none_raises() -> None:
    with pytest.raises(msgspec.DecodeError):
        FrameReader().read("tickers.BTCUSDT", b"{}")
