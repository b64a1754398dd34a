"""Frames shaped as Bybit's, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

T0_MS = 1_758_845_431_000

Level = tuple[str, str]


def push(topic: str, data: Any, *, kind: str = "snapshot", ts: int = T0_MS, **more: Any) -> bytes:
    return msgspec.json.encode({"topic": topic, "type": kind, "ts": ts, "data": data, **more})


def book(
    update_id: int,
    bids: Sequence[Level] = (("109147.80", "1.687"),),
    asks: Sequence[Level] = (("109148.00", "0.5"),),
    *,
    kind: str = "delta",
    symbol: str = "BTCUSDT",
    depth: int = 50,
    seq: int = 457_538_796_406,
    ts: int = T0_MS,
) -> bytes:
    data = {"s": symbol, "b": bids, "a": asks, "u": update_id, "seq": seq}
    return push(f"orderbook.{depth}.{symbol}", data, kind=kind, ts=ts, cts=ts - 1)


def trade(trade_id: str, *, symbol: str = "BTCUSDT", price: str = "109378.90", size: str = "0.020") -> dict[str, Any]:
    return {
        "T": T0_MS,
        "s": symbol,
        "S": "Buy",
        "v": size,
        "p": price,
        "L": "ZeroPlusTick",
        "i": trade_id,
        "BT": False,
        "RPI": False,
        "seq": 457_514_743_450,
    }


def trades(*items: dict[str, Any], symbol: str = "BTCUSDT") -> bytes:
    return push(f"publicTrade.{symbol}", items)


def ticker(kind: str = "snapshot", symbol: str = "BTCUSDT", **fields: Any) -> bytes:
    return push(f"tickers.{symbol}", {"symbol": symbol, **fields}, kind=kind, cs=50_193_544_280)


def candle(start: int = 1_672_324_800_000, *, minutes: int = 5, confirm: bool = True, **changed: Any) -> dict[str, Any]:
    return {
        "start": start,
        "end": start + minutes * 60_000 - 1,
        "interval": str(minutes),
        "open": "16649.5",
        "close": "16677",
        "high": "16678.5",
        "low": "16608",
        "volume": "2.081",
        "turnover": "34666.4005",
        "confirm": confirm,
        "timestamp": start + 1_000,
        **changed,
    }


def klines(*items: dict[str, Any], code: str = "5", symbol: str = "BTCUSDT") -> bytes:
    return push(f"kline.{code}.{symbol}", items)


def ack(req_id: str, *, success: bool = True, text: str = "", op: str = "subscribe") -> bytes:
    answer = {"success": success, "ret_msg": text, "conn_id": "3cd84cb1", "req_id": req_id, "op": op}
    return msgspec.json.encode(answer)
