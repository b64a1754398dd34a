"""Incidents of market data: the same frames, read by a naive reader and by ours, held against what really was.

A frame that the network lost, or that the venue said twice, is in the script; `View` is what a strategy would be shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from adapters.bybit.decoder import FrameDecoder
from daemon.core.events import Bar, BookDelta, BookDown, BookSnapshot, Fact, Link, Quarantined, Ticker, Trade
from daemon.core.market import Market
from tests.adapters.bybit.frames import book, candle, klines, ticker, trade, trades
from tests.daemon.core.build import BTC, apply_to

SOURCE, START, MINUTES = "public-1", 1_672_324_800_000, 300_000
Levels = dict[float, float]


class View(Struct):
    """What a reader shows of a market. book: bids and asks, None while it says that it has none."""

    book: tuple[Levels, Levels] | None = None
    candles: list[tuple[int, float]] = field(default_factory=list)
    traded: float = 0.0
    mark: float = 0.0
    crashed: bool = False


class FeedIncident(Struct, frozen=True, kw_only=True):
    """See `tests.museum.incident.Incident`. frames: with the trouble; calm: without it; right: what really is."""

    cite: str
    row: str
    happened: str
    naive: str
    ours: str
    frames: Sequence[bytes]
    calm: Sequence[bytes]
    right: View

    @property
    def id(self) -> str:
        """Name of its test."""
        return f"{self.row} {self.cite}".replace("/", "_").replace("#", "_").replace(" ", "-")


def read_naively(frames: Sequence[bytes]) -> View:
    """As the cited readers did: apply what comes, as it comes."""
    view = View(book=({}, {}))
    for frame in frames:
        try:
            message = json.loads(frame)
            _take(view, message["topic"].partition(".")[0], message["data"])
        except (ValueError, KeyError, TypeError):
            view.crashed = True
            break
    return view


def _take(view: View, kind: str, data: Any) -> None:
    if kind == "orderbook":
        assert view.book is not None
        for side, levels in zip(view.book, (data["b"], data["a"]), strict=True):
            side.update({float(price): float(size) for price, size in levels})
            for price in [price for price, size in side.items() if not size]:
                del side[price]
    elif kind == "kline":
        view.candles += [(row["start"], float(row["close"])) for row in data]
    elif kind == "publicTrade":
        view.traded += sum(float(row["v"]) for row in data)
    elif kind == "tickers":
        view.mark = float(data["markPrice"])


def read_with_ours(frames: Sequence[bytes]) -> View:
    """Through the decoder and the market that a strategy sees."""
    decoder, market, view = FrameDecoder(), Market(BTC), View()
    for frame in frames:
        for fact in decoder.decode(frame, START, SOURCE):
            _apply(market, view, fact)
    if market.has_book and market.book.valid:
        view.book = (dict(market.book.bids), dict(market.book.asks))
    view.mark = market.mark
    return view


def _apply(market: Market, view: View, fact: Fact) -> None:
    match fact:
        case BookSnapshot() | BookDelta() | BookDown() | Ticker():
            apply_to(market, fact)
        case Quarantined() | Link():
            market.drop_book()
        case Bar():
            view.candles.append((fact.ts_open // 1_000_000, fact.close))
        case Trade():
            view.traded += fact.qty


def is_harmed(view: View, right: View) -> bool:
    """Whether a strategy would be shown something that is not so. No book is no wrong book."""
    wrong_book = view.book is not None and right.book is not None and view.book != right.book
    rest = (view.candles, round(view.traded, 9), view.mark) != (right.candles, round(right.traded, 9), right.mark)
    return view.crashed or wrong_book or rest


_FIRST = book(1, [("100", "1")], [("101", "1")], kind="snapshot")
_MOVED = book(2, [("100", "0"), ("99", "2")], [])
_BETTER = book(3, [], [("100.5", "1")])
_AGAIN = book(9, [("98", "1")], [("99", "1")], kind="snapshot")
_OPEN = klines(candle(START, confirm=False, close="16650"))
_CLOSED = klines(candle(START, confirm=True, close="16677"))
_CLOSED_AGAIN = klines(candle(START, confirm=True, close="16700"))
_TRADE = trades(trade("t1", size="0.5"))
_MARK = ticker(markPrice="100.5", lastPrice="100.4", bid1Price="100", ask1Price="101")

FEEDS = (
    FeedIncident(
        cite="bmoscon/cryptofeed#1016",
        row="M01",
        happened="A book that had missed an update went on with levels that were gone, until it crossed.",
        naive="a delta is applied, whatever came before it",
        ours="The gap is seen in the update's number: the book is down until its next snapshot.",
        frames=(_FIRST, _BETTER),
        calm=(_FIRST, _MOVED, _BETTER),
        right=View(book=({99.0: 2.0}, {101.0: 1.0, 100.5: 1.0})),
    ),
    FeedIncident(
        cite="DigitalRuby/ExchangeSharp PR#844",
        row="M02",
        happened="A snapshot in the middle of a stream was merged into the book, old levels and all.",
        naive="a snapshot is one more update",
        ours="Any snapshot replaces the book.",
        frames=(_FIRST, _AGAIN),
        calm=(_AGAIN,),
        right=View(book=({98.0: 1.0}, {99.0: 1.0})),
    ),
    FeedIncident(
        cite="bybit-exchange/api-connectors#18",
        row="M03",
        happened="A subscription to the book began with updates; its first snapshot never reached the user.",
        naive="the first delta begins a book",
        ours="Before a snapshot there is no book, and deltas make none.",
        frames=(_MOVED, _BETTER),
        calm=(_FIRST, _MOVED, _BETTER),
        right=View(book=({99.0: 2.0}, {101.0: 1.0, 100.5: 1.0})),
    ),
    FeedIncident(
        cite="ccxt/ccxt#21885",
        row="M05",
        happened="Unfinished candles came over the stream, and nothing in them said whether they were closed.",
        naive="a candle that is pushed is a candle",
        ours="Only a confirmed candle is one, once.",
        frames=(_OPEN, _CLOSED),
        calm=(_CLOSED,),
        right=View(candles=[(START, 16677.0)]),
    ),
    FeedIncident(
        cite="bybit-exchange/docs-legacy#175",
        row="M06",
        happened="Bybit sent a second confirmed candle of the same minute a few seconds after the first.",
        naive="every confirmed candle is a new one",
        ours="The first decides; a second of the same interval is no candle.",
        frames=(_CLOSED, _CLOSED_AGAIN),
        calm=(_CLOSED,),
        right=View(candles=[(START, 16677.0)]),
    ),
    FeedIncident(
        cite="ccxt/ccxt PR#25639",
        row="M10",
        happened="Trades came twice over the streams of three exchanges, and the library's own tests failed of it.",
        naive="each message is a trade",
        ours="Trades are known by their id within a window.",
        frames=(_TRADE, _TRADE),
        calm=(_TRADE,),
        right=View(traded=0.5),
    ),
    FeedIncident(
        cite="TorchTrade/torchtrade#347",
        row="M13",
        happened="A value that was not a number went through; every comparison with it was false, and that meant sell.",
        naive="float() of what is sent",
        ours="What is not a finite number is set aside at the boundary; the last good value stands.",
        frames=(_MARK, ticker("delta", markPrice="NaN")),
        calm=(_MARK,),
        right=View(mark=100.5),
    ),
    FeedIncident(
        cite="verata-veritatis/pybit#9",
        row="N16",
        happened="A message of another shape ended the callback with an error.",
        naive="a message has the fields that one expects",
        ours="What cannot be read is quarantined with its reason; the next frame is read as if nothing had been.",
        frames=(_TRADE, b'{"topic":"publicTrade.BTCUSDT","data":"x"}', trades(trade("t2", size="0.25"))),
        calm=(_TRADE, trades(trade("t2", size="0.25"))),
        right=View(traded=0.75),
    ),
)
