"""What can be tuned about the public feed. Times are milliseconds."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from adapters.bybit.topics import TopicKind
from daemon.core.units import NS_PER_MS

NEVER = 2**63 - 1
Duration: TypeAlias = Annotated[int, Meta(ge=1, le=86_400_000)]
DurationOrNever: TypeAlias = Annotated[int, Meta(ge=0, le=86_400_000)]
Number: TypeAlias = Annotated[int, Meta(ge=1)]


class Silence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Longest silence of a topic before it counts as stale, by kind; 0 means that it may be silent for ever.

    Cadence of the venue (Bybit v5 docs, topic pages): book 10 to 200 ms, ticker 100 ms, kline 1 to 60 s; trades and
    liquidations come when they come.
    """

    orderbook_ms: DurationOrNever = 5_000
    ticker_ms: DurationOrNever = 5_000
    trade_ms: DurationOrNever = 120_000
    kline_ms: DurationOrNever = 70_000
    liquidation_ms: DurationOrNever = 0

    def limit_ns(self, kind: TopicKind) -> int:
        """The limit of a kind in nanoseconds, `NEVER` when there is none."""
        limits = {
            TopicKind.ORDERBOOK: self.orderbook_ms,
            TopicKind.TICKER: self.ticker_ms,
            TopicKind.TRADE: self.trade_ms,
            TopicKind.KLINE: self.kline_ms,
            TopicKind.LIQUIDATION: self.liquidation_ms,
        }
        return limits[kind] * NS_PER_MS or NEVER


class FeedSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the public feed keeps its connections.

    topics_per_request, topics_per_connection: where subscriptions are cut, beside the venue's own limit in characters.
    ack_ms: an ack, and the snapshot of a book or ticker, must come within this time.
    ping_ms, pong_ms: time between pings, and until their answer must be there.
    backoff_first_ms, backoff_max_ms, stable_ms: first and longest wait before the next attempt to connect, and how long
        a connection must have lived for the next wait to be the first again.
    forbidden_ms: the wait after HTTP 403, with which the venue bans an address for ten minutes.
    resync_ms: least time between two subscriptions of one topic.
    replacements: how often a silent topic may cost the connection before the others are left in peace.
    inbox_frames, inbox_bytes: what may wait for a slow consumer before reading stops.
    """

    topics_per_request: Number = 10
    topics_per_connection: Number = 200
    ack_ms: Duration = 5_000
    ping_ms: Duration = 20_000
    pong_ms: Duration = 10_000
    connect_ms: Duration = 10_000
    backoff_first_ms: Duration = 500
    backoff_max_ms: Duration = 30_000
    stable_ms: Duration = 60_000
    forbidden_ms: Duration = 600_000
    resync_ms: Duration = 1_000
    replacements: Number = 3
    inbox_frames: Number = 20_000
    inbox_bytes: Number = 64 * 1024 * 1024
    silence: Silence = Silence()
