from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.binance import BinanceConverter, binance_market, convert_captures
from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.market import timed_frames
from daemon.core.errors import DataError
from tests.adapters.sandbox.reading import Message, ReadBook, messages

CAPTURE = Path(__file__).parents[2] / "data" / "l2" / "binance_usdm_btcusdt_20240808_15s.gz"
BTC = LISTINGS["BTCUSDT"]


@pytest.fixture(scope="module")
def converted() -> list[Message]:
    return messages(convert_captures([CAPTURE], BTC))


@pytest.fixture(scope="module")
def captured() -> list[dict[str, Any]]:
    with gzip.open(CAPTURE, "rt") as lines:
        return [json.loads(line.partition(" ")[2]) for line in lines]


def of_topic(converted: list[Message], topic: str) -> list[Message]:
    return [message for message in converted if message["topic"] == topic]


@pytest.mark.parametrize("depth", [50, 200])
def test_a_real_book_stays_uncrossed_contiguous_and_exactly_as_deep_as_asked(depth: int) -> None:
    book = ReadBook()
    updates = messages(frame for frame in convert_captures([CAPTURE], BTC, depth) if f".{depth}." in frame[1])
    assert [message["type"] for message in updates] == ["snapshot"] + ["delta"] * (len(updates) - 1)
    assert len(updates) > 250
    for message in updates:
        book.apply(message)
        assert (len(book.bids), len(book.asks)) == (depth, depth)
        assert book.touch[0] < book.touch[1]


def test_the_touch_of_the_book_is_the_captured_bookticker_of_the_same_update(
    converted: list[Message], captured: list[dict[str, Any]]
) -> None:
    """Books and quotes of Binance share one update id, so the tolerance is zero: the last quote not after an update."""
    quotes = sorted(
        (event["data"]["u"], float(event["data"]["b"]), float(event["data"]["a"]))
        for event in captured
        if event.get("data", {}).get("e") == "bookTicker"
    )
    ends = {
        event["data"]["T"]: event["data"]["u"] for event in captured if event.get("data", {}).get("e") == "depthUpdate"
    }
    book, agreeing, compared = ReadBook(), 0, 0
    for message in of_topic(converted, "orderbook.50.BTCUSDT"):
        book.apply(message)
        known = [quote for quote in quotes if quote[0] <= ends[message["cts"]]]
        compared += 1
        agreeing += book.touch == known[-1][1:]
    assert compared > 250
    assert agreeing == compared


def test_every_market_trade_comes_out_with_its_taker_side(
    converted: list[Message], captured: list[dict[str, Any]]
) -> None:
    trades = [event["data"] for event in captured if event.get("data", {}).get("e") == "trade"]
    expected = [
        (trade["T"], float(trade["p"]), float(trade["q"]), "Sell" if trade["m"] else "Buy")
        for trade in trades
        if trade["X"] == "MARKET"
    ]
    pushed = [trade for message in of_topic(converted, "publicTrade.BTCUSDT") for trade in message["data"]]
    assert [(one["T"], float(one["p"]), float(one["v"]), one["S"]) for one in pushed] == expected
    assert len({one["i"] for one in pushed}) == len(pushed) > 100


def test_tickers_begin_with_a_snapshot_and_follow_last_price_and_touch(converted: list[Message]) -> None:
    ticker: dict[str, str] = {}
    pushes = of_topic(converted, "tickers.BTCUSDT")
    assert Counter(message["type"] for message in pushes) == {"snapshot": 1, "delta": len(pushes) - 1}
    assert pushes[0]["type"] == "snapshot"
    checked = 0
    for message in converted:
        if message["topic"] == "tickers.BTCUSDT":
            ticker |= message["data"]
        elif message["topic"] == "publicTrade.BTCUSDT" and ticker:
            checked += 1
    assert checked > 100
    assert ticker["lastPrice"] == of_topic(converted, "publicTrade.BTCUSDT")[-1]["data"][-1]["p"]
    last_quote = of_topic(converted, "orderbook.1.BTCUSDT")[-1]["data"]
    assert [ticker["bid1Price"], ticker["bid1Size"]] == last_quote["b"][0]
    assert [ticker["ask1Price"], ticker["ask1Size"]] == last_quote["a"][0]


def test_time_and_seq_never_fall() -> None:
    frames = list(convert_captures([CAPTURE], BTC))
    assert [ts_ms for ts_ms, _, _ in frames] == sorted(ts_ms for ts_ms, _, _ in frames)
    books = [json.loads(payload)["data"]["seq"] for _, topic, payload in frames if topic.startswith("orderbook.")]
    assert books == sorted(set(books))


def test_the_market_of_a_capture_plays_the_converted_frames() -> None:
    market = binance_market([CAPTURE])
    assert list(market.listings) == ["BTCUSDT"]
    assert len(list(timed_frames(market, ["publicTrade.BTCUSDT"]))) > 100
    view = market.book("BTCUSDT")
    assert view is not None
    assert len(view.bids) == len(view.asks) == 50


def depth_line(first: int, last: int, previous: int, bids: list[list[str]], asks: list[list[str]]) -> bytes:
    data = {"e": "depthUpdate", "E": last, "T": last, "U": first, "u": last, "pu": previous, "b": bids, "a": asks}
    return b"1 " + json.dumps({"stream": "btcusdt@depth@0ms", "data": data}).encode()


def snapshot_line(update_id: int) -> bytes:
    levels = {"lastUpdateId": update_id, "T": 5, "bids": [["100.0", "1"]], "asks": [["101.0", "1"]]}
    return b"1 " + json.dumps(levels).encode()


def test_updates_before_the_rest_snapshot_are_joined_and_older_ones_dropped() -> None:
    converter = BinanceConverter(BTC)
    assert converter.convert(depth_line(1, 4, 0, [["99.0", "9"]], [])) == []
    assert converter.convert(depth_line(5, 8, 4, [["99.5", "2"]], [])) == []
    frames = converter.convert(snapshot_line(6))
    assert [json.loads(payload)["data"]["b"] for _, _, payload in frames] == [[["100.00", "1.000"], ["99.50", "2.000"]]]
    assert [json.loads(payload)["type"] for _, _, payload in frames] == ["snapshot"]


def test_a_hole_in_the_updates_is_an_error_and_not_a_wrong_book() -> None:
    converter = BinanceConverter(BTC)
    converter.convert(snapshot_line(6))
    converter.convert(depth_line(5, 8, 4, [["99.5", "2"]], []))
    with pytest.raises(DataError, match="missing before u=20"):
        converter.convert(depth_line(15, 20, 12, [], []))


def test_spot_updates_without_pu_must_follow_by_one() -> None:
    converter = BinanceConverter(BTC)
    converter.convert(snapshot_line(6))
    converter.convert(depth_line(7, 8, 0, [["99.5", "2"]], []))
    assert len(converter.convert(depth_line(9, 9, 0, [["99.6", "2"]], []))) == 1
    with pytest.raises(DataError, match="missing"):
        converter.convert(depth_line(11, 12, 0, [], []))


def test_a_capture_without_a_rest_snapshot_or_with_a_broken_line_is_refused_by_line(tmp_path: Path) -> None:
    file = tmp_path / "capture"
    file.write_bytes(depth_line(1, 4, 0, [], []))
    with pytest.raises(DataError, match="no REST snapshot"):
        list(convert_captures([file], BTC))
    file.write_bytes(snapshot_line(6) + b"\n1 {broken\n")
    with pytest.raises(DataError, match="capture: line 2"):
        list(convert_captures([file], BTC))
    file.write_bytes(b'1 {"data":{"e":"trade","p":"much","q":"1"}}\n')
    with pytest.raises(DataError, match="capture: line 1"):
        list(convert_captures([file], BTC))
