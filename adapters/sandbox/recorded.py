"""Plays recorded public frames of Bybit, byte for byte.

A file holds one frame a line: `<recv_ns> <frame json>`, or the bare frame; plain, .gz or .zst. Frames are played in
file order at their own `ts` (never backwards); acks, pongs and other lines without a topic are left out. Books and
tickers are followed, so that a late subscriber gets a snapshot of the state that the next recorded delta builds on.
"""

from __future__ import annotations

import gzip
import io
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard
from msgspec import Struct

from adapters.sandbox.candles import INTERVAL_MINUTES
from adapters.sandbox.listings import Listing, listings_of
from adapters.sandbox.market import BookView, Frame, KlineQuery, TimedFrame, pick_rows
from adapters.sandbox.wire import book_frame, levels_text, ticker_frame
from daemon.core.errors import ConfigError, DataError

KLINES_KEPT = 1000
TRADE_FRAMES_KEPT = 1000


class _Head(Struct):
    topic: str = ""
    type: str = ""
    ts: int = 0


class _BookData(Struct):
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    u: int
    seq: int = 0


class _BookFrame(Struct):
    ts: int
    type: str
    data: _BookData
    cts: int = 0


class _TickerFrame(Struct):
    ts: int
    data: dict[str, str]
    cs: int = 0


class _KlineData(Struct):
    start: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    turnover: str
    confirm: bool


class _KlineFrame(Struct):
    data: list[_KlineData]


_head = msgspec.json.Decoder(_Head).decode
_book = msgspec.json.Decoder(_BookFrame).decode
_ticker = msgspec.json.Decoder(_TickerFrame).decode
_kline = msgspec.json.Decoder(_KlineFrame).decode


def read_lines(path: Path) -> Iterator[bytes]:
    """Lines of a file without their ends; .gz and .zst are unpacked.

    Raises:
        DataError: the file cannot be read or unpacked.
    """
    try:
        with path.open("rb") as file:
            for line in _unpacked(path, file):
                if stripped := line.strip():
                    yield stripped
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise DataError(f"{path.name}: {error}", cure="Give a readable file, plain, .gz or .zst.") from error


def read_frames(path: Path) -> Iterator[TimedFrame]:
    """Topic frames of a recording in file order, with time that never falls.

    Raises:
        DataError: a line is not a frame; names file and line.
    """
    latest = 0
    for number, line in enumerate(read_lines(path), start=1):
        payload = line if line[:1] == b"{" else line.partition(b" ")[2]
        try:
            head = _head(payload)
        except msgspec.DecodeError as error:
            raise DataError(
                f"{path.name}: line {number}: {error}", cure="Cut the line out of the recording."
            ) from error
        if head.topic:
            latest = max(latest, head.ts)
            yield latest, head.topic, payload


class RecordedMarket:
    """A `Market` of recorded or converted frames.

    Args:
        frames: makes the frames anew each time it is called; they are read twice, first for topics and start.
        listings: instruments to list; None looks up every symbol that occurs.

    Raises:
        ConfigError: there is no frame, or a symbol has no instrument rules.
    """

    def __init__(self, frames: Callable[[], Iterable[TimedFrame]], listings: Iterable[Listing] | None = None) -> None:
        self.start_ms, self.topics = _scan(frames())
        if listings is None:
            symbols = sorted({topic.rpartition(".")[2] for topic in self.topics})
            self.listings = listings_of(symbols)
        else:
            self.listings = {listing.symbol: listing for listing in listings}
        self._frames = iter(frames())
        self._next = next(self._frames, None)
        self._books: dict[str, _FollowedBook] = {}
        self._tickers: dict[str, _TickerFrame] = {}
        self._klines: dict[str, deque[list[str]]] = {}
        self._trades: dict[str, deque[bytes]] = {}

    @property
    def next_ms(self) -> int | None:
        """When the next frame is due."""
        return None if self._next is None else self._next[0]

    def advance(self, wanted: Container[str]) -> list[Frame]:
        """Take the next recorded frame."""
        assert self._next is not None, "the recording has ended"
        _, topic, payload = self._next
        self._next = next(self._frames, None)
        self._follow(topic, payload)
        return [(topic, payload)] if topic in wanted else []

    def snapshot(self, topic: str) -> bytes | None:
        """State of a book or a ticker as far as it was played; None before its first frame."""
        if topic in self._tickers:
            state = self._tickers[topic]
            return ticker_frame(topic, "snapshot", ts_ms=state.ts, seq=state.cs, fields=state.data)
        if topic not in self._books:
            return None
        view = self._books[topic].view()
        return book_frame(
            topic,
            "snapshot",
            topic.rpartition(".")[2],
            ts_ms=view.ts_ms,
            bids=levels_text(view.bids),
            asks=levels_text(view.asks),
            update_id=view.update_id,
            seq=view.seq,
            cts_ms=view.cts_ms,
        )

    def ticker(self, symbol: str) -> dict[str, str]:
        """Ticker fields as far as they were played."""
        state = self._tickers.get(f"tickers.{symbol}")
        return {} if state is None else dict(state.data)

    def book(self, symbol: str) -> BookView | None:
        """The deepest recorded book."""
        topics = [topic for topic in self._books if topic.rpartition(".")[2] == symbol]
        if not topics:
            return None
        return self._books[max(topics, key=lambda topic: int(topic.split(".")[1]))].view()

    def klines(self, query: KlineQuery) -> list[list[str]]:
        """The last confirmed bars of the recording; intervals that were not recorded have none."""
        code = next((code for code, minutes in INTERVAL_MINUTES.items() if minutes == query.minutes), "")
        return pick_rows(list(self._klines.get(f"kline.{code}.{query.symbol}", ())), query)

    def trades(self, symbol: str) -> list[bytes]:
        """The last trade frames that were played."""
        return list(self._trades.get(f"publicTrade.{symbol}", ()))

    def funding(self, _symbol: str) -> list[tuple[int, str]]:
        """Nothing: a recording says it in its tickers."""
        return []

    def _follow(self, topic: str, payload: bytes) -> None:
        try:
            if topic.startswith("orderbook."):
                self._follow_book(topic, _book(payload))
            elif topic.startswith("tickers."):
                self._follow_ticker(topic, _ticker(payload))
            elif topic.startswith("kline."):
                self._follow_kline(topic, _kline(payload))
            elif topic.startswith("publicTrade."):
                self._trades.setdefault(topic, deque(maxlen=TRADE_FRAMES_KEPT)).append(payload)
        except msgspec.DecodeError as error:
            raise DataError(f"recorded {topic}: {error}", cure="Cut the frame out of the recording.") from error

    def _follow_book(self, topic: str, frame: _BookFrame) -> None:
        if topic not in self._books:
            if frame.type != "snapshot":
                return
            self._books[topic] = _FollowedBook()
        self._books[topic].apply(frame)

    def _follow_ticker(self, topic: str, frame: _TickerFrame) -> None:
        known = self._tickers.get(topic)
        if known is not None:
            frame.data = known.data | frame.data
        self._tickers[topic] = frame

    def _follow_kline(self, topic: str, frame: _KlineFrame) -> None:
        rows = self._klines.setdefault(topic, deque(maxlen=KLINES_KEPT))
        for bar in frame.data:
            if bar.confirm:
                rows.append([str(bar.start), bar.open, bar.high, bar.low, bar.close, bar.volume, bar.turnover])


class _FollowedBook:
    """A book by the number of its prices, keeping their text."""

    __slots__ = ("_asks", "_bids", "_last")

    def __init__(self) -> None:
        self._bids: dict[float, tuple[str, str]] = {}
        self._asks: dict[float, tuple[str, str]] = {}
        self._last: _BookFrame | None = None

    def apply(self, frame: _BookFrame) -> None:
        self._last = frame
        if frame.type == "snapshot" or frame.data.u == 1:
            self._bids, self._asks = {}, {}
        for side, levels in ((self._bids, frame.data.b), (self._asks, frame.data.a)):
            for price, size in levels:
                if float(size):
                    side[float(price)] = (price, size)
                else:
                    side.pop(float(price), None)

    def view(self) -> BookView:
        last = self._last
        assert last is not None, "a book is followed from its first snapshot on"
        return BookView(
            bids=[self._bids[price] for price in sorted(self._bids, reverse=True)],
            asks=[self._asks[price] for price in sorted(self._asks)],
            ts_ms=last.ts,
            update_id=last.data.u,
            seq=last.data.seq,
            cts_ms=last.cts,
        )


def recorded_market(path: Path, listings: Iterable[Listing] | None = None) -> RecordedMarket:
    """The market of one file of recorded frames.

    Raises:
        ConfigError, DataError: as in `RecordedMarket` and `read_frames`.
    """
    return RecordedMarket(lambda: read_frames(path), listings)


def _scan(frames: Iterable[TimedFrame]) -> tuple[int, frozenset[str]]:
    start_ms, topics = 0, set()
    for ts_ms, topic, _ in frames:
        start_ms = start_ms or ts_ms
        topics.add(topic)
    if not topics:
        raise ConfigError("sandbox: the recording holds no frame with a topic", cure="Give a file of public frames.")
    return start_ms, frozenset(topics)


def _unpacked(path: Path, file: BinaryIO) -> Iterable[bytes]:
    if path.suffix == ".gz":
        return gzip.GzipFile(fileobj=file)
    if path.suffix == ".zst":
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
    return file
