"""Bybit's public frames into facts: the parser that live, shadow and replay share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

import msgspec

from adapters.bybit.streams import (
    BookOwners,
    BookReader,
    KlineReader,
    LastBars,
    LiquidationReader,
    Reader,
    TickerReader,
    TradeReader,
    TradeWindow,
)
from adapters.bybit.topics import Topic, TopicKind, parse_topic, topic_prefix
from adapters.bybit.wire import decode_control
from daemon.core.errors import ConfigError, FrameError
from daemon.core.events import Fact, Link, Quarantined, Restarted

UNREADABLE = (msgspec.MsgspecError, FrameError, UnicodeDecodeError, RecursionError)
READERS_MAX = 10_000
REASON_CHARACTERS_MAX = 200
TOPIC_WITHIN = 100

Read = Callable[[bytes], Sequence[Fact]]
ReadSource = Callable[[bytes, int, str], Sequence[Fact]]


class FrameDecoder:
    """Implements `daemon.ports.Decoder` for Bybit v5 public linear streams; see `streams` for the rules per topic.

    A pure function of the frames and links it was given: no clock, no chance. What cannot be read (malformed JSON, an
    unknown shape or topic, a number out of bounds) yields a single `Quarantined` and is counted; nothing is raised.

    Args:
        trade_window: how many of the latest trade ids per symbol are remembered at least, to drop repeated trades.
        others: who reads the frames of connections that carry no public streams, by source.
    """

    def __init__(self, *, trade_window: int = 8192, others: Mapping[str, ReadSource] | None = None) -> None:
        self.frames_quarantined = 0
        self._others = others or {}
        self._trade_window = trade_window
        self._owners = BookOwners()
        self._last_bars = LastBars()
        self._trade_windows: dict[str, TradeWindow] = {}
        self._readers: defaultdict[str, dict[str, Reader]] = defaultdict(dict)
        self._reads: defaultdict[str, dict[bytes, Read]] = defaultdict(dict)
        self._readers_left = READERS_MAX

    def decode(self, frame: bytes, ts_recv: int, source: str) -> Sequence[Fact]:
        """Read one frame of a connection; acks, pongs and provisional candles yield nothing.

        The venue writes the topic first, so the bytes before its closing quote find the reader of a known topic.
        """
        try:
            read = self._reads[source].get(frame.partition(b'",')[0])
            return self._read_unrouted(frame, ts_recv, source) if read is None else read(frame)
        except UNREADABLE as error:
            self.frames_quarantined += 1
            return (Quarantined(source, _reason(error), _symbol(frame)),)

    def observe(self, fact: Fact) -> Sequence[Fact]:
        """Forget the continuity of what a lost link carried, or of everything after a restart.

        Returns:
            a `BookDown` for each book that was known until now.
        """
        match fact:
            case Link(up=False):
                readers = self._readers[fact.source]
                lost = [readers[name] for name in fact.topics if name in readers] if fact.topics else readers.values()
                reason = f"link down: {fact.reason}" if fact.reason else "link down"
            case Restarted():
                lost = [reader for readers in self._readers.values() for reader in readers.values()]
                reason = "restarted"
            case _:
                return ()
        return [down for reader in lost for down in reader.forget(reason)]

    def _read_unrouted(self, frame: bytes, ts_recv: int, source: str) -> Sequence[Fact]:
        """Read the first frame of a topic, one whose topic does not stand first, an answer, or what is not public."""
        if (other := self._others.get(source)) is not None:
            return other(frame, ts_recv, source)
        envelope = decode_control(frame)
        if envelope.is_control:
            return ()
        if envelope.topic is None:
            raise FrameError("neither data of a topic nor an answer")
        reader = self._readers[source].get(envelope.topic)
        if reader is None:
            reader = self._add_reader(envelope.topic, source)
        return reader.read(frame)

    def _add_reader(self, name: str, source: str) -> Reader:
        try:
            topic = parse_topic(name)
        except ConfigError as error:
            raise FrameError(error.message) from error
        if not self._readers_left:
            raise FrameError(f"more than {READERS_MAX} topics")
        self._readers_left -= 1
        reader = self._make_reader(topic)
        self._readers[source][name] = reader
        self._reads[source][topic_prefix(name)] = reader.read
        return reader

    def _make_reader(self, topic: Topic) -> Reader:
        match topic.kind:
            case TopicKind.ORDERBOOK:
                return BookReader(topic, self._owners)
            case TopicKind.TRADE:
                window = self._trade_windows.setdefault(topic.symbol, TradeWindow(self._trade_window))
                return TradeReader(topic, window)
            case TopicKind.TICKER:
                return TickerReader(topic)
            case TopicKind.KLINE:
                return KlineReader(topic, self._last_bars)
            case TopicKind.LIQUIDATION:
                return LiquidationReader()
            case _:
                assert_never(topic.kind)


def _reason(error: Exception) -> str:
    text = error.message if isinstance(error, FrameError) else str(error)
    return text[:REASON_CHARACTERS_MAX]


def _symbol(frame: bytes) -> str:
    """Find the symbol of a frame that was not read, or nothing."""
    _, found, rest = frame[:TOPIC_WITHIN].partition(topic_prefix(""))
    name = rest.partition(b'"')[0] if found else b""
    try:
        return parse_topic(name.decode("ascii")).symbol
    except (ConfigError, UnicodeDecodeError):
        return ""
