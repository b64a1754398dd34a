"""What the server plays: the seam between a market (made, recorded or converted) and the sockets."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping
from typing import Protocol, TypeAlias

from msgspec import Struct

from adapters.sandbox.listings import Listing

Frame: TypeAlias = tuple[str, bytes]
"""(topic, frame as sent)."""

TimedFrame: TypeAlias = tuple[int, str, bytes]
"""(market time in milliseconds UTC, topic, frame as sent)."""


class BookView(Struct, frozen=True):
    """A book for REST: (price, size) as text, best first; times in milliseconds UTC."""

    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    ts_ms: int
    update_id: int
    seq: int
    cts_ms: int


class KlineQuery(Struct, frozen=True, kw_only=True):
    """Which bars a client asks for. Times are milliseconds UTC, inclusive; None leaves that end open."""

    symbol: str
    minutes: int
    start_ms: int | None
    end_ms: int | None
    limit: int


class Market(Protocol):
    """A market that is played step by step. State that clients can ask for belongs to the steps already taken."""

    @property
    def listings(self) -> Mapping[str, Listing]:
        """Instruments by symbol."""
        ...

    @property
    def topics(self) -> Collection[str]:
        """Every topic that can be subscribed."""
        ...

    @property
    def start_ms(self) -> int:
        """Market time before the first step, milliseconds UTC."""
        ...

    @property
    def next_ms(self) -> int | None:
        """When the next step is due, never falling; None at the end."""
        ...

    def advance(self, wanted: Container[str]) -> list[Frame]:
        """Take the next step and return its frames in order, those of unwanted topics left out.

        Only call it while `next_ms` is not None. The bytes of a frame do not depend on what else is wanted.
        """
        ...

    def snapshot(self, topic: str) -> bytes | None:
        """What a new subscriber of `topic` gets first; None if it has to wait for the next push."""
        ...

    def ticker(self, symbol: str) -> dict[str, str]:
        """Current ticker fields; empty before there are any."""
        ...

    def book(self, symbol: str) -> BookView | None:
        """The deepest book there is; None before its first snapshot."""
        ...

    def klines(self, query: KlineQuery) -> list[list[str]]:
        """Bars [start, open, high, low, close, volume, turnover], newest first; the newest may be open."""
        ...

    def trades(self, symbol: str) -> list[bytes]:
        """The last frames of `publicTrade`, oldest first, at least for the last thousand trades played."""
        ...

    def funding(self, symbol: str) -> list[tuple[int, str]]:
        """(milliseconds UTC when it was paid, rate) as far as the market knows without its tickers, oldest first."""
        ...


def timed_frames(market: Market, wanted: Collection[str] | None = None) -> Iterator[TimedFrame]:
    """Play a market to its end, in time order, without a server; `wanted` None means every topic."""
    topics = frozenset(market.topics if wanted is None else wanted)
    while (ts_ms := market.next_ms) is not None:
        for topic, payload in market.advance(topics):
            yield ts_ms, topic, payload


def pick_rows(rows: list[list[str]], query: KlineQuery) -> list[list[str]]:
    """Cut bars (oldest first) to a query and turn them newest first.

    A start without an end gives the first `limit` bars from there on, everything else the last `limit`.
    """
    low = query.start_ms if query.start_ms is not None else 0
    high = query.end_ms if query.end_ms is not None else 1 << 62
    inside = [row for row in rows if low <= int(row[0]) <= high]
    forward = query.start_ms is not None and query.end_ms is None
    chosen = inside[: query.limit] if forward else inside[-query.limit :]
    return chosen[::-1]
