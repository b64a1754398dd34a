"""Public frames of Bybit v5 as bytes: envelope, field names, types and text form.

Numbers are strings, times are milliseconds as integers. Source: Bybit v5 docs, "WebSocket Stream / Public".
A real delta, for the form:
{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1758845431663,"data":{"s":"BTCUSDT","b":[["109147.80","1.687"]],
"a":[["109148.00","0"]],"u":21111423,"seq":457538796406},"cts":1758845431662}
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import msgspec

_encode = msgspec.json.Encoder().encode


def levels_text(levels: Iterable[tuple[str, str]]) -> str:
    """The inside of a JSON list of [price, size]."""
    return ",".join([f'["{price}","{size}"]' for price, size in levels])


def book_frame(
    topic: str, kind: str, symbol: str, *, ts_ms: int, bids: str, asks: str, update_id: int, seq: int, cts_ms: int
) -> bytes:
    """An `orderbook.N` push; bids and asks are the inside of their JSON lists, best first, kind snapshot or delta."""
    return (
        f'{{"topic":"{topic}","type":"{kind}","ts":{ts_ms},"data":{{"s":"{symbol}","b":[{bids}],"a":[{asks}],'
        f'"u":{update_id},"seq":{seq}}},"cts":{cts_ms}}}'
    ).encode()


def trade_text(
    symbol: str, *, ts_ms: int, side: str, size: str, price: str, direction: str, trade_id: str, seq: int
) -> str:
    """One element of a `publicTrade` push; side is the taker's, direction Bybit's tick direction."""
    return (
        f'{{"T":{ts_ms},"s":"{symbol}","S":"{side}","v":"{size}","p":"{price}","L":"{direction}",'
        f'"i":"{trade_id}","BT":false,"RPI":false,"seq":{seq}}}'
    )


def trade_frame(topic: str, *, ts_ms: int, trades: Iterable[str]) -> bytes:
    """A `publicTrade` push of elements made by `trade_text`."""
    return f'{{"topic":"{topic}","type":"snapshot","ts":{ts_ms},"data":[{",".join(trades)}]}}'.encode()


def ticker_frame(topic: str, kind: str, *, ts_ms: int, seq: int, fields: dict[str, str]) -> bytes:
    """A `tickers` push; fields hold `symbol` first."""
    return _encode({"topic": topic, "type": kind, "data": fields, "cs": seq, "ts": ts_ms})


def kline_frame(
    topic: str,
    interval: str,
    *,
    ts_ms: int,
    start_ms: int,
    end_ms: int,
    prices: tuple[str, str, str, str],
    volume: str,
    turnover: str,
    confirm: bool,
    last_trade_ms: int,
) -> bytes:
    """A `kline` push; prices are open, high, low, close; `end_ms` is one millisecond before the next bar."""
    opened, high, low, close = prices
    return (
        f'{{"topic":"{topic}","type":"snapshot","ts":{ts_ms},"data":[{{"start":{start_ms},"end":{end_ms},'
        f'"interval":"{interval}","open":"{opened}","close":"{close}","high":"{high}","low":"{low}",'
        f'"volume":"{volume}","turnover":"{turnover}","confirm":{"true" if confirm else "false"},'
        f'"timestamp":{last_trade_ms}}}]}}'
    ).encode()


def trade_id_prefix(name: str) -> str:
    """First four groups of a trade id in the form of a UUID; the last group is the count of the trade, 12 digits."""
    digest = sha256(name.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[12:15]}-9{digest[15:18]}-"


def tick_direction(price: float, before: float, direction_before: str) -> str:
    """Bybit's tick direction of a trade, given the price and the direction of the trade before it."""
    if price > before:
        return "PlusTick"
    if price < before:
        return "MinusTick"
    return "ZeroPlusTick" if direction_before.endswith("PlusTick") else "ZeroMinusTick"
