"""A market for the sandbox that is moved by facts: each becomes the public frame that says it."""

from __future__ import annotations

from collections.abc import Container, Iterable

from adapters.sandbox.listings import Listing
from adapters.sandbox.market import BookView, Frame, KlineQuery
from adapters.sandbox.wire import book_frame, levels_text, ticker_frame, trade_frame, trade_text
from daemon.core.events import BookDelta, BookSnapshot, Instrument, MarketFact, Ticker, Trade
from daemon.core.units import NS_PER_MS

DEPTH = 50
TICKER_FIELDS = {
    "mark": "markPrice",
    "index": "indexPrice",
    "last": "lastPrice",
    "bid": "bid1Price",
    "bid_qty": "bid1Size",
    "ask": "ask1Price",
    "ask_qty": "ask1Size",
    "funding_rate": "fundingRate",
    "open_interest": "openInterest",
}


class HandMarket:
    """Implements the sandbox's `Market`; it plays nothing by itself."""

    def __init__(self, instruments: Iterable[Instrument], start_ms: int) -> None:
        self.start_ms = start_ms
        self.next_ms: int | None = None
        self.listings = {each.symbol: _listing(each, place) for place, each in enumerate(instruments, start=1)}
        self.topics = [
            f"{kind}.{symbol}" for symbol in self.listings for kind in (f"orderbook.{DEPTH}", "publicTrade", "tickers")
        ]
        self._count = 0

    def frame(self, fact: MarketFact, now_ms: int) -> Frame:
        """The frame that says a fact."""
        self._count += 1
        match fact:
            case BookSnapshot() | BookDelta():
                return self._book(fact, now_ms)
            case Trade():
                topic = f"publicTrade.{fact.symbol}"
                text = trade_text(
                    fact.symbol,
                    ts_ms=now_ms,
                    side=fact.taker_side.value,
                    size=_text(fact.qty),
                    price=_text(fact.price),
                    direction="PlusTick",
                    trade_id=f"t{self._count}",
                    seq=self._count,
                )
                return topic, trade_frame(topic, ts_ms=now_ms, trades=[text])
            case Ticker():
                topic = f"tickers.{fact.symbol}"
                return topic, ticker_frame(topic, "delta", ts_ms=now_ms, seq=self._count, fields=_ticker(fact))
        raise AssertionError(f"the sandbox has no frame that says {fact}")

    def _book(self, fact: BookSnapshot | BookDelta, now_ms: int) -> Frame:
        topic = f"orderbook.{DEPTH}.{fact.symbol}"
        kind = "snapshot" if isinstance(fact, BookSnapshot) else "delta"
        bids, asks = (levels_text((_text(p), _text(q)) for p, q in side) for side in (fact.bids, fact.asks))
        return topic, book_frame(
            topic, kind, fact.symbol,
            ts_ms=now_ms, bids=bids, asks=asks, update_id=self._count + 1, seq=self._count, cts_ms=now_ms,
        )  # fmt: skip

    # What is left of the protocol

    def advance(self, wanted: Container[str]) -> list[Frame]:
        return []

    def snapshot(self, topic: str) -> bytes | None:
        return None

    def ticker(self, symbol: str) -> dict[str, str]:
        return {}

    def book(self, symbol: str) -> BookView | None:
        return None

    def klines(self, query: KlineQuery) -> list[list[str]]:
        return []

    def trades(self, symbol: str) -> list[bytes]:
        return []

    def funding(self, symbol: str) -> list[tuple[int, str]]:
        return []


def _listing(instrument: Instrument, place: int) -> Listing:
    return Listing(
        instrument=instrument,
        base_coin=instrument.symbol.removesuffix("USDT"),
        symbol_id=place,
        max_price=instrument.tick * 10_000_000,
    )


def _ticker(fact: Ticker) -> dict[str, str]:
    said = {"symbol": fact.symbol}
    for name, field in TICKER_FIELDS.items():
        value = getattr(fact, name)
        if value is not None:
            said[field] = _text(value)
    if fact.next_funding is not None:
        said["nextFundingTime"] = str(fact.next_funding // NS_PER_MS)
    return said


def _text(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")
