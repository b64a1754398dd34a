from __future__ import annotations

import json
import re

import pytest

from adapters.sandbox.wire import (
    book_frame,
    kline_frame,
    levels_text,
    tick_direction,
    ticker_frame,
    trade_frame,
    trade_id_prefix,
    trade_text,
)


def test_a_book_delta_has_the_exchanges_envelope_and_types() -> None:
    frame = book_frame(
        "orderbook.50.BTCUSDT",
        "delta",
        "BTCUSDT",
        ts_ms=1758845431663,
        bids=levels_text([("109147.80", "1.687"), ("109144.10", "0.027")]),
        asks=levels_text([("109148.00", "0")]),
        update_id=21111423,
        seq=457538796406,
        cts_ms=1758845431662,
    )
    assert json.loads(frame) == {
        "topic": "orderbook.50.BTCUSDT",
        "type": "delta",
        "ts": 1758845431663,
        "data": {
            "s": "BTCUSDT",
            "b": [["109147.80", "1.687"], ["109144.10", "0.027"]],
            "a": [["109148.00", "0"]],
            "u": 21111423,
            "seq": 457538796406,
        },
        "cts": 1758845431662,
    }


def test_trades_share_a_frame() -> None:
    trade = trade_text(
        "BTCUSDT", ts_ms=5, side="Buy", size="0.020", price="109378.90", direction="PlusTick", trade_id="x", seq=7
    )
    message = json.loads(trade_frame("publicTrade.BTCUSDT", ts_ms=6, trades=[trade, trade]))
    expected = {
        "T": 5, "s": "BTCUSDT", "S": "Buy", "v": "0.020", "p": "109378.90", "L": "PlusTick", "i": "x",
        "BT": False, "RPI": False, "seq": 7,
    }  # fmt: skip
    assert message == {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 6, "data": [expected, expected]}


def test_a_ticker_carries_its_cross_sequence_beside_the_fields() -> None:
    frame = ticker_frame("tickers.BTCUSDT", "delta", ts_ms=9, seq=8, fields={"symbol": "BTCUSDT", "lastPrice": "1.0"})
    assert json.loads(frame) == {
        "topic": "tickers.BTCUSDT",
        "type": "delta",
        "data": {"symbol": "BTCUSDT", "lastPrice": "1.0"},
        "cs": 8,
        "ts": 9,
    }


def test_a_kline_says_whether_it_is_confirmed_as_a_boolean() -> None:
    frame = kline_frame(
        "kline.5.BTCUSDT",
        "5",
        ts_ms=300_002,
        start_ms=0,
        end_ms=299_999,
        prices=("1", "4", "0.5", "2"),
        volume="3",
        turnover="6",
        confirm=True,
        last_trade_ms=299_000,
    )
    assert json.loads(frame)["data"] == [
        {
            "start": 0, "end": 299_999, "interval": "5", "open": "1", "close": "2", "high": "4", "low": "0.5",
            "volume": "3", "turnover": "6", "confirm": True, "timestamp": 299_000,
        }
    ]  # fmt: skip


def test_trade_ids_look_like_uuids() -> None:
    trade_id = f"{trade_id_prefix('BTCUSDT')}{7:012d}"
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-9[0-9a-f]{3}-[0-9]{12}", trade_id)
    assert trade_id_prefix("BTCUSDT") != trade_id_prefix("ETHUSDT")


@pytest.mark.parametrize(
    ("price", "before", "direction_before", "expected"),
    [
        (2.0, 1.0, "MinusTick", "PlusTick"),
        (1.0, 2.0, "PlusTick", "MinusTick"),
        (1.0, 1.0, "PlusTick", "ZeroPlusTick"),
        (1.0, 1.0, "ZeroPlusTick", "ZeroPlusTick"),
        (1.0, 1.0, "MinusTick", "ZeroMinusTick"),
        (1.0, 1.0, "ZeroMinusTick", "ZeroMinusTick"),
    ],
)
def test_tick_direction_remembers_the_last_change(
    price: float, before: float, direction_before: str, expected: str
) -> None:
    assert tick_direction(price, before, direction_before) == expected
