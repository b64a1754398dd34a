"""Reads our own public frames back into facts, for the exchange that accounts trade on.

Of each symbol it takes the deepest book there is, its trades and its ticker; klines say nothing that those do not.

Assumptions:
- A book begins with a snapshot; deltas before it are ignored. A deeper book takes over from a shallower one with its
  own first snapshot, and from then on the shallower one is ignored.

Known limits: a market that plays klines only lets no order fill.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from daemon.core.events import BookDelta, BookSnapshot, MarketFact, Side, Ticker, Trade
from daemon.core.units import NS_PER_MS

BOOK, TRADES, TICKER = "orderbook", "publicTrade", "tickers"


class _BookData(Struct):
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    u: int = 0
    seq: int = 0


class _BookFrame(Struct):
    type: str
    ts: int
    data: _BookData
    cts: int = 0


class _TradeData(Struct):
    T: int
    S: Side
    v: str
    p: str
    i: str = ""


class _TradeFrame(Struct):
    data: list[_TradeData]


class _TickerData(Struct, rename="camel"):
    mark_price: str = ""
    index_price: str = ""
    last_price: str = ""
    bid1_price: str = ""
    bid1_size: str = ""
    ask1_price: str = ""
    ask1_size: str = ""
    funding_rate: str = ""
    next_funding_time: str = ""
    open_interest: str = ""


class _TickerFrame(Struct):
    ts: int
    data: _TickerData


_book = msgspec.json.Decoder(_BookFrame).decode
_trades = msgspec.json.Decoder(_TradeFrame).decode
_ticker = msgspec.json.Decoder(_TickerFrame).decode


class FrameReader:
    """Follows which book of each symbol counts."""

    def __init__(self) -> None:
        self._depths: dict[str, int] = {}

    def read(self, topic: str, payload: bytes) -> list[MarketFact]:
        """Facts of a frame, in order; none of a topic that says nothing here."""
        kind, _, rest = topic.partition(".")
        if kind == BOOK:
            depth, _, symbol = rest.partition(".")
            return self._read_book(symbol, int(depth) if depth.isdigit() else 0, payload)
        if kind == TRADES:
            return [_trade_of(rest, trade) for trade in _trades(payload).data]
        return [_ticker_of(rest, _ticker(payload))] if kind == TICKER else []

    def _read_book(self, symbol: str, depth: int, payload: bytes) -> list[MarketFact]:
        followed = self._depths.get(symbol, 0)
        if depth < followed:
            return []
        frame = _book(payload)
        data, ts = frame.data, (frame.cts or frame.ts) * NS_PER_MS
        bids, asks = _levels(data.b), _levels(data.a)
        if frame.type == "snapshot" or data.u == 1:
            self._depths[symbol] = depth
            return [BookSnapshot(symbol, ts, bids, asks, data.u, data.seq)]
        return [BookDelta(symbol, ts, bids, asks, data.u, data.seq)] if depth == followed else []


def topics_read(offered: Iterable[str], symbols: Iterable[str]) -> list[str]:
    """Which of the topics on offer have to be read: of each symbol the deepest book, trades and ticker."""
    by_symbol: dict[str, list[str]] = {symbol: [] for symbol in symbols}
    for topic in offered:
        owner = by_symbol.get(topic.rpartition(".")[2])
        if owner is not None and topic.partition(".")[0] in (BOOK, TRADES, TICKER):
            owner.append(topic)
    return [topic for topics in by_symbol.values() for topic in _chosen(topics)]


def _chosen(topics: list[str]) -> list[str]:
    books = [topic for topic in topics if topic.startswith(BOOK)]
    deepest = max(books, key=_depth, default="")
    return sorted(topic for topic in topics if topic == deepest or not topic.startswith(BOOK))


def _depth(topic: str) -> int:
    depth = topic.split(".")[1]
    return int(depth) if depth.isdigit() else 0


def _levels(rows: list[tuple[str, str]]) -> list[tuple[float, float]]:
    return [(float(price), float(size)) for price, size in rows]


def _trade_of(symbol: str, trade: _TradeData) -> Trade:
    return Trade(symbol, trade.T * NS_PER_MS, float(trade.p), float(trade.v), trade.S, trade.i)


def _ticker_of(symbol: str, frame: _TickerFrame) -> Ticker:
    data = frame.data
    return Ticker(
        symbol,
        frame.ts * NS_PER_MS,
        mark=_number(data.mark_price),
        index=_number(data.index_price),
        last=_number(data.last_price),
        bid=_number(data.bid1_price),
        bid_qty=_number(data.bid1_size),
        ask=_number(data.ask1_price),
        ask_qty=_number(data.ask1_size),
        funding_rate=_number(data.funding_rate),
        next_funding=int(data.next_funding_time) * NS_PER_MS if data.next_funding_time else None,
        open_interest=_number(data.open_interest),
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
