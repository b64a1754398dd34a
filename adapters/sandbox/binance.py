"""Turns raw Binance captures (USDT-M futures or spot) into Bybit-shaped frames.

A capture has one event a line, `<local_ns> <json>`: `depthUpdate`, `trade` and `bookTicker` of combined streams, and a
REST depth snapshot (`lastUpdateId`). What comes out, in the order of the capture:

- `orderbook.<depth>`: a snapshot when the REST snapshot has been joined to the updates, then one delta for every update
  that changes the top of the kept full book; exactly `depth` levels a side, `u` rises by one.
- `orderbook.1`: a snapshot for every change of the best bid or ask (bookTicker).
- `publicTrade`: one frame a trade; `m` (buyer is maker) means that the taker sold.
- `tickers`: a snapshot at the first trade after the first quote, then deltas of last price, best bid and ask. The
  capture has no mark and index price, so both stand at the last price, and funding at zero.

Joining: Binance's docs, "How to manage a local order book correctly": updates that end before the snapshot are
dropped, the next one must span it, and each later one must follow its predecessor (`pu` on futures, `U` on spot).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from adapters.sandbox.listings import LISTINGS, Grid, Listing, grid_of
from adapters.sandbox.market import TimedFrame
from adapters.sandbox.recorded import RecordedMarket, read_lines
from adapters.sandbox.top_book import Levels, TopBook
from adapters.sandbox.wire import (
    book_frame,
    levels_text,
    tick_direction,
    ticker_frame,
    trade_frame,
    trade_id_prefix,
    trade_text,
)
from daemon.core.errors import DataError

FIRST_UPDATE_ID = 1000


class _Event(Struct, rename={"event_ms": "E", "match_ms": "T", "first": "U", "last": "u", "previous": "pu"}):
    """Any of Binance's events; `b` and `a` are lists of levels in an update and prices in a bookTicker."""

    e: str = ""
    event_ms: int = 0
    match_ms: int = 0
    first: int = 0
    last: int = 0
    previous: int = 0
    b: str | list[tuple[str, str]] = ""
    a: str | list[tuple[str, str]] = ""
    B: str = ""
    A: str = ""
    p: str = ""
    q: str = ""
    m: bool = False
    X: str = "MARKET"


class _Line(Struct, rename={"last_update_id": "lastUpdateId"}):
    stream: str = ""
    data: _Event | None = None
    last_update_id: int = 0
    T: int = 0
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []


_decode = msgspec.json.Decoder(_Line).decode


class BinanceConverter:
    """Converts one symbol's capture, line by line.

    Args:
        listing: the instrument; its tick and step must be those of the capture's market.
        depth: levels a side of the book that comes out.
    """

    def __init__(self, listing: Listing, depth: int = 50) -> None:
        self._symbol = listing.symbol
        self._grid = grid_of(listing.instrument)
        self._now_ms = 0
        self._seq = 0
        self._book = TopBook(depth)
        self._joined = 0
        self._snapshot_id = 0
        self._early: list[_Event] = []
        self._update_id = self._touch_update_id = FIRST_UPDATE_ID
        self._topics = {
            kind: f"{kind}.{listing.symbol}" for kind in (f"orderbook.{depth}", "orderbook.1", "publicTrade", "tickers")
        }
        self._topic_book = self._topics[f"orderbook.{depth}"]
        self._touch: tuple[str, str, str, str] | None = None
        self._last_price, self._direction, self._trades = 0.0, "ZeroPlusTick", 0
        self._trade_prefix = trade_id_prefix(f"binance/{listing.symbol}")
        self._ticker: dict[str, str] = {}

    def convert(self, line: bytes) -> list[TimedFrame]:
        """Frames that one line of the capture gives, often none.

        Raises:
            DataError: the line cannot be read, or updates of the book are missing before it.
        """
        try:
            return self._dispatch(_decode(line.partition(b" ")[2]))
        except (msgspec.DecodeError, ValueError) as error:
            raise DataError(f"binance capture: {error}", cure="Cut the line out of the capture.") from error

    @property
    def joined(self) -> bool:
        """Whether a REST snapshot was joined to the book updates."""
        return self._joined > 0

    def _dispatch(self, parsed: _Line) -> list[TimedFrame]:
        if parsed.data is None:
            return self._rest_snapshot(parsed) if parsed.last_update_id else []
        event = parsed.data
        if event.e == "depthUpdate":
            return self._depth(event)
        if event.e == "trade":
            return self._trade(event)
        if event.e == "bookTicker" or parsed.stream.endswith("@bookTicker"):
            return self._quote(event)
        return []

    def _rest_snapshot(self, line: _Line) -> list[TimedFrame]:
        self._book.reset(_levels(self._grid, line.bids), _levels(self._grid, line.asks))
        self._snapshot_id, self._joined = line.last_update_id, 0
        self._now_ms = max(self._now_ms, line.T)
        early, self._early = self._early, []
        return [frame for event in early for frame in self._depth(event)]

    def _depth(self, event: _Event) -> list[TimedFrame]:
        if not self._snapshot_id:
            self._early.append(event)
            return []
        if event.last <= self._snapshot_id and not self._joined:
            return []
        first = not self._joined
        self._check_order(event)
        self._joined = event.last
        if isinstance(event.b, str) or isinstance(event.a, str):
            raise ValueError("a depthUpdate without levels")
        self._book.change(_levels(self._grid, event.b), _levels(self._grid, event.a))
        bids, asks = self._book.take_changes(everything=first)
        if not bids and not asks:
            return []
        return [self._book_frame(event, "snapshot" if first else "delta", bids, asks)]

    def _check_order(self, event: _Event) -> None:
        if not self._joined:
            fits = event.first <= self._snapshot_id + 1
        elif event.previous:
            fits = event.previous == self._joined
        else:
            fits = event.first == self._joined + 1
        if not fits:
            raise DataError(
                f"binance capture: book updates are missing before u={event.last}",
                cure="Cut the capture before the hole, or begin it at a later REST snapshot.",
            )

    def _book_frame(
        self, event: _Event, kind: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]]
    ) -> TimedFrame:
        self._update_id += 1
        return self._timed(
            event,
            self._topic_book,
            book_frame(
                self._topic_book,
                kind,
                self._symbol,
                ts_ms=event.event_ms,
                bids=self._text(bids),
                asks=self._text(asks),
                update_id=self._update_id,
                seq=self._next_seq(),
                cts_ms=event.match_ms or event.event_ms,
            ),
        )

    def _quote(self, event: _Event) -> list[TimedFrame]:
        grid = self._grid
        if not isinstance(event.b, str) or not isinstance(event.a, str):
            raise ValueError("a bookTicker without prices")
        bid, ask = grid.price(grid.ticks(event.b)), grid.price(grid.ticks(event.a))
        touch = (bid, grid.size(grid.lots(event.B)), ask, grid.size(grid.lots(event.A)))
        if touch == self._touch:
            return []
        self._touch = touch
        names = ("bid1Price", "bid1Size", "ask1Price", "ask1Size")
        return [self._touch_frame(event, touch), *self._tick(event, dict(zip(names, touch, strict=True)))]

    def _touch_frame(self, event: _Event, touch: tuple[str, str, str, str]) -> TimedFrame:
        self._touch_update_id += 1
        topic = self._topics["orderbook.1"]
        frame = book_frame(
            topic,
            "snapshot",
            self._symbol,
            ts_ms=event.event_ms or self._now_ms,
            bids=levels_text([touch[:2]]),
            asks=levels_text([touch[2:]]),
            update_id=self._touch_update_id,
            seq=self._next_seq(),
            cts_ms=event.match_ms or self._now_ms,
        )
        return self._timed(event, topic, frame)

    def _trade(self, event: _Event) -> list[TimedFrame]:
        grid = self._grid
        price, lots = float(event.p), grid.lots(event.q)
        # Insurance fund and liquidation bookings are no trades between others: their price or size is zero.
        if event.X != "MARKET" or price <= 0 or lots == 0:
            return []
        before = self._last_price or price
        self._direction = tick_direction(price, before, self._direction)
        self._last_price = price
        text = grid.price(grid.ticks(event.p))
        trade = trade_text(
            self._symbol,
            ts_ms=event.match_ms,
            side="Sell" if event.m else "Buy",
            size=grid.size(lots),
            price=text,
            direction=self._direction,
            trade_id=f"{self._trade_prefix}{self._trades:012d}",
            seq=self._next_seq(),
        )
        self._trades += 1
        topic = self._topics["publicTrade"]
        frame = self._timed(event, topic, trade_frame(topic, ts_ms=event.event_ms, trades=[trade]))
        prices = {"lastPrice": text, "markPrice": text, "indexPrice": text, "tickDirection": self._direction}
        return [frame, *self._tick(event, prices)]

    def _tick(self, event: _Event, fields: dict[str, str]) -> list[TimedFrame]:
        known = self._ticker
        changed = {name: text for name, text in fields.items() if known.get(name) != text}
        complete_before = "lastPrice" in known and "bid1Price" in known
        known.update(changed)
        if not changed or "lastPrice" not in known or "bid1Price" not in known:
            return []
        kind = "delta" if complete_before else "snapshot"
        body = (
            changed if complete_before else {"fundingRate": "0", "nextFundingTime": self._next_funding(event), **known}
        )
        topic = self._topics["tickers"]
        frame = ticker_frame(
            topic,
            kind,
            ts_ms=event.event_ms or self._now_ms,
            seq=self._next_seq(),
            fields={"symbol": self._symbol, **body},
        )
        return [self._timed(event, topic, frame)]

    def _next_funding(self, event: _Event) -> str:
        interval_ms = 8 * 3_600_000
        return str(((event.event_ms or self._now_ms) // interval_ms + 1) * interval_ms)

    def _timed(self, event: _Event, topic: str, payload: bytes) -> TimedFrame:
        self._now_ms = max(self._now_ms, event.event_ms)
        return self._now_ms, topic, payload

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _text(self, levels: list[tuple[int, int]]) -> str:
        grid = self._grid
        return levels_text([(grid.price(ticks), grid.size(lots) if lots else "0") for ticks, lots in levels])


def convert_captures(paths: Sequence[Path], listing: Listing, depth: int = 50) -> Iterator[TimedFrame]:
    """Frames of a capture that may go on over several files.

    Raises:
        DataError: as in `BinanceConverter.convert`, naming file and line.
    """
    converter = BinanceConverter(listing, depth)
    for path in paths:
        yield from _converted(converter, path.name, read_lines(path))
    if not converter.joined:
        raise DataError(
            "binance capture: no REST snapshot that fits the book updates", cure="Begin with the file that has it."
        )


def binance_market(paths: Sequence[Path], listing: Listing | None = None, depth: int = 50) -> RecordedMarket:
    """The market of a capture; without a listing it is BTCUSDT of the USDT-M futures.

    Raises:
        ConfigError, DataError: as in `RecordedMarket` and `convert_captures`.
    """
    chosen = listing or LISTINGS["BTCUSDT"]
    return RecordedMarket(lambda: convert_captures(paths, chosen, depth), [chosen])


def _converted(converter: BinanceConverter, name: str, lines: Iterable[bytes]) -> Iterator[TimedFrame]:
    for number, line in enumerate(lines, start=1):
        try:
            yield from converter.convert(line)
        except DataError as error:
            raise DataError(f"{name}: line {number}: {error.message}", cure=error.cure) from error


def _levels(grid: Grid, levels: list[tuple[str, str]]) -> Levels:
    return {grid.ticks(price): grid.lots(size) for price, size in levels}
