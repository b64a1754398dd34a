"""One reader per topic: a frame in, facts out, and the little that must be remembered between frames.

Each `read` takes a whole frame of its topic and returns its facts. Raises `FrameError` for what makes no sense and lets
msgspec's errors through; the decoder turns both into a `Quarantined`. Nothing changes in a reader that raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from adapters.bybit.topics import Topic
from adapters.bybit.wire import (
    KlineItem,
    OrderbookFrame,
    TickerData,
    TickerFrame,
    decode_klines,
    decode_liquidations,
    decode_loose_ticker,
    decode_orderbook,
    decode_ticker,
    decode_trades,
)
from daemon.core.errors import FrameError
from daemon.core.events import Bar, BookDelta, BookDown, BookSnapshot, Fact, Ticker, Trade
from daemon.core.units import NS_PER_MS

CONTIGUOUS_DEPTH_MIN = 50
NO_UPDATE = -1


class Reader(Protocol):
    """What the decoder asks of a topic's reader."""

    def read(self, frame: bytes) -> Sequence[Fact]:
        """Turn a frame of this topic into facts."""
        ...

    def forget(self, reason: str, /) -> Sequence[Fact]:
        """The connection was lost: what follows from it, and until the next snapshot nothing is known."""
        ...


class BookOwners:
    """Which reader feeds the one book of each symbol; the latest snapshot of the same depth takes it over."""

    def __init__(self) -> None:
        self._readers: dict[str, BookReader] = {}

    def take(self, reader: BookReader) -> None:
        """Make `reader` the one that feeds its symbol's book.

        Raises:
            FrameError: another depth feeds it already.
        """
        owner = self._readers.get(reader.symbol)
        if owner is not None and owner is not reader:
            if owner.depth != reader.depth:
                raise FrameError(f"orderbook.{owner.depth} already feeds the book of {reader.symbol}")
            owner.retire()
        self._readers[reader.symbol] = reader

    def release(self, reader: BookReader) -> None:
        """The reader lost its connection."""
        if self._readers.get(reader.symbol) is reader:
            del self._readers[reader.symbol]


class BookReader:
    """`orderbook.{depth}.{symbol}`: continuity only; the book itself is the engine's.

    Rules (Bybit v5 docs, "Orderbook"): a snapshot, or any message with u = 1, replaces the book. A delta needs a
    snapshot before it on this connection. From depth 50 on `u` rises by one per message, below that it just rises.
    The same `u` again is a repeat without news, save a snapshot of depth 50 or more, which may answer a resync.
    `seq` does not fall from one delta to the next.
    """

    __slots__ = ("_contiguous", "_expected", "_live", "_owners", "_seq", "_told", "_ts", "depth", "symbol")

    def __init__(self, topic: Topic, owners: BookOwners) -> None:
        self.symbol = topic.symbol
        self.depth = topic.depth
        self._owners = owners
        self._contiguous = topic.depth >= CONTIGUOUS_DEPTH_MIN
        self._live = False
        self._told = False
        self._expected = NO_UPDATE
        self._seq = 0
        self._ts = 0

    def read(self, frame: bytes) -> Sequence[Fact]:
        """Return a snapshot or delta, a `BookDown` at the first sign of a loss, or nothing."""
        message = decode_orderbook(frame)
        data = message.data
        if data.symbol != self.symbol:
            raise _foreign(self.symbol, data.symbol)
        update_id = data.update_id
        cross_seq = data.cross_seq
        if update_id != self._expected or cross_seq < self._seq or message.type != "delta":
            return self._irregular(message)
        self._expected = update_id + 1
        self._seq = cross_seq
        self._ts = ts = (message.cts or message.ts) * NS_PER_MS
        return (BookDelta(self.symbol, ts, data.bids, data.asks, update_id, cross_seq),)

    def forget(self, reason: str) -> Sequence[Fact]:
        """Wait for the next snapshot; says so if there was a book."""
        self._owners.release(self)
        was_live = self._live
        self.retire()
        self._told = self._told or was_live
        return (BookDown(self.symbol, self._ts, reason),) if was_live else ()

    def retire(self) -> None:
        """Stop feeding the book: it was lost, or another connection's snapshot took it over."""
        self._live = False
        self._expected = NO_UPDATE
        self._seq = 0

    def _irregular(self, message: OrderbookFrame) -> Sequence[Fact]:
        """Everything but the next delta in line."""
        data = message.data
        ts = (message.cts or message.ts) * NS_PER_MS
        repeated = self._live and data.update_id == self._expected - 1
        if repeated and (message.type == "delta" or not self._contiguous):
            return ()
        if message.type == "snapshot" or data.update_id == 1:
            self._owners.take(self)
            self._live = True
            self._note(ts, data.update_id, data.cross_seq)
            return (BookSnapshot(self.symbol, ts, data.bids, data.asks, data.update_id, data.cross_seq),)
        if not self._live:
            return self._down(ts, "delta before its snapshot")
        if data.cross_seq < self._seq and data.cross_seq:
            return self._down(ts, f"gap: seq fell from {self._seq} to {data.cross_seq}")
        if data.update_id < self._expected or (self._contiguous and data.update_id > self._expected):
            return self._down(ts, f"gap: u is {data.update_id}, expected {self._expected}")
        self._note(ts, data.update_id, data.cross_seq)
        return (BookDelta(self.symbol, ts, data.bids, data.asks, data.update_id, data.cross_seq),)

    def _note(self, ts: int, update_id: int, cross_seq: int) -> None:
        self._expected = update_id + 1
        self._seq = cross_seq
        self._ts = ts
        self._told = False

    def _down(self, ts: int, reason: str) -> Sequence[Fact]:
        self.retire()
        if self._told:
            return ()
        self._told = True
        return (BookDown(self.symbol, ts, reason),)


class TradeWindow:
    """The latest trade ids of a symbol, between `size` and twice as many: two generations, the older dropped whole."""

    __slots__ = ("older", "size", "younger")

    def __init__(self, size: int) -> None:
        self.size = size
        self.younger: set[str] = set()
        self.older: set[str] = set()

    def turn(self) -> None:
        """Drop the older generation; the younger one is full."""
        self.older = self.younger
        self.younger = set()


class TradeReader:
    """`publicTrade.{symbol}`: each trade once, by its id, also across reconnects and connections."""

    __slots__ = ("_symbol", "_window")

    def __init__(self, topic: Topic, window: TradeWindow) -> None:
        self._symbol = topic.symbol
        self._window = window

    def read(self, frame: bytes) -> Sequence[Fact]:
        """Return the trades not seen before, in the order sent."""
        items = decode_trades(frame).data
        symbol = self._symbol
        for item in items:
            if item.symbol != symbol:
                raise _foreign(symbol, item.symbol)
        window = self._window
        younger = window.younger
        older = window.older
        facts = []
        for item in items:
            trade_id = item.trade_id
            if trade_id not in younger and trade_id not in older:
                younger.add(trade_id)
                facts.append(Trade(symbol, item.ts * NS_PER_MS, item.price, item.size, item.side, trade_id))
        if len(younger) >= window.size:
            window.turn()
        return facts

    def forget(self, _reason: str, /) -> Sequence[Fact]:
        """Keep the ids: a trade told again after a reconnect is still the same trade."""
        return ()


class TickerReader:
    """`tickers.{symbol}`: passes on what changed; a delta before the connection's first snapshot is dropped.

    Fields that are absent, null or empty text are None; so are a bid, an ask and a funding time of zero, with which the
    venue says that there is none. Nothing is merged here.
    """

    __slots__ = ("_live", "_symbol")

    def __init__(self, topic: Topic) -> None:
        self._symbol = topic.symbol
        self._live = False

    def read(self, frame: bytes) -> Sequence[Fact]:
        """Return one `Ticker`, or nothing before the snapshot."""
        try:
            message = decode_ticker(frame)
        except msgspec.ValidationError:
            message = _decode_loosely(frame)
        data = message.data
        if data.symbol != self._symbol:
            raise _foreign(self._symbol, data.symbol)
        if not self._live:
            if message.type == "delta":
                return ()
            self._live = True
        next_funding = data.next_funding_ms
        return (
            Ticker(
                self._symbol,
                message.ts * NS_PER_MS,
                data.mark,
                data.index,
                data.last,
                data.bid,
                data.bid_qty,
                data.ask,
                data.ask_qty,
                data.funding_rate,
                None if next_funding is None else next_funding * NS_PER_MS,
                data.open_interest,
            ),
        )

    def forget(self, _reason: str, /) -> Sequence[Fact]:
        """Wait for the next snapshot; the fields told so far stand until the engine's guards call them stale."""
        self._live = False
        return ()


_ZERO_MEANS_NONE = ("bid1Price", "ask1Price", "nextFundingTime")


def _decode_loosely(frame: bytes) -> TickerFrame:
    """Read a ticker with empty fields; what is there must keep the same bounds."""
    message = decode_loose_ticker(frame)
    given = {name: value for name, value in message.data.items() if value is not None and value != ""}
    for name in _ZERO_MEANS_NONE:
        if _is_zero(given.get(name)):
            del given[name]
    return TickerFrame(message.type, message.ts, msgspec.convert(given, TickerData, strict=False))


def _is_zero(value: object) -> bool:
    return value == 0 if isinstance(value, int | float) else isinstance(value, str) and value.strip("0.") == ""


class LastBars:
    """Start of the last confirmed candle of each (symbol, interval code), over all connections."""

    def __init__(self) -> None:
        self.starts: dict[tuple[str, str], int] = {}


class KlineReader:
    """`kline.{interval}.{symbol}`: each candle once, when it is confirmed; the first confirmation wins."""

    __slots__ = ("_key", "_last_bars", "_topic")

    def __init__(self, topic: Topic, last_bars: LastBars) -> None:
        self._topic = topic
        self._key = (topic.symbol, topic.interval_code)
        self._last_bars = last_bars

    def read(self, frame: bytes) -> Sequence[Fact]:
        """Return the bars that closed with this frame and are later than the last one."""
        items = decode_klines(frame).data
        for item in items:
            self._check(item)
        facts: list[Fact] = []
        starts = self._last_bars.starts
        for item in items:
            if item.confirm and item.start > starts.get(self._key, 0):
                starts[self._key] = item.start
                facts.append(self._bar(item))
        return facts

    def forget(self, _reason: str, /) -> Sequence[Fact]:
        """Keep the last start: a candle told again after a reconnect is still the same candle."""
        return ()

    def _check(self, item: KlineItem) -> None:
        topic = self._topic
        if item.interval != topic.interval_code:
            raise FrameError(f"the topic says interval {topic.interval_code}, the data {item.interval[:10]}")
        if (item.end - item.start + 1) * NS_PER_MS != topic.interval:
            raise FrameError(f"a candle from {item.start} to {item.end} is not of interval {topic.interval_code}")
        if not item.low <= min(item.open, item.close) <= max(item.open, item.close) <= item.high:
            raise FrameError(f"open, high, low and close of the candle at {item.start} contradict each other")

    def _bar(self, item: KlineItem) -> Bar:
        return Bar(
            symbol=self._topic.symbol,
            ts_exchange=(item.end + 1) * NS_PER_MS,
            interval=self._topic.interval,
            ts_open=item.start * NS_PER_MS,
            open=item.open,
            high=item.high,
            low=item.low,
            close=item.close,
            volume=item.volume,
            turnover=item.turnover,
        )


class LiquidationReader:
    """`allLiquidation.{symbol}`: checked for its shape, then ignored."""

    __slots__ = ()

    def read(self, frame: bytes) -> Sequence[Fact]:
        """Return nothing."""
        decode_liquidations(frame)
        return ()

    def forget(self, _reason: str, /) -> Sequence[Fact]:
        """Return nothing."""
        return ()


def _foreign(expected: str, found: str) -> FrameError:
    return FrameError(f"the topic says {expected}, the data {found[:40]}")
