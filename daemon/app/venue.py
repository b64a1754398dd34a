"""Bybit as a configuration names it: hosts, topics, limits of silence, and the clock that a run goes by."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from adapters.bybit.hosts import Environment, custom_environment, environment
from adapters.bybit.instruments import server_time
from adapters.bybit.settings import FeedSettings, Silence
from daemon.clock import SystemClock, VenueClock
from daemon.config import Config, parse_interval
from daemon.core.units import NS_PER_MINUTE
from daemon.ports import Received


def venue_environment(config: Config) -> Environment:
    """The hosts that a configuration names."""
    venue = config.venue
    if venue.environment != "custom":
        return environment(venue.environment)
    assert venue.rest_url is not None, "checked by the configuration"
    assert venue.public_url is not None, "checked by the configuration"
    private = venue.private_url or venue.public_url
    return custom_environment("custom", rest=venue.rest_url, public_linear=venue.public_url, private=private)


def feed_topics(config: Config) -> list[str]:
    """Bybit's names of everything that the configuration subscribes to."""
    feed = config.feed
    topics: list[str] = []
    for symbol in feed.symbols:
        if feed.book_depth:
            topics.append(book_topic(config, symbol))
        if feed.trades:
            topics.append(f"publicTrade.{symbol}")
        if feed.tickers:
            topics.append(f"tickers.{symbol}")
        topics += [f"kline.{_interval_code(interval)}.{symbol}" for interval in feed.klines]
    return topics


def book_topic(config: Config, symbol: str) -> str:
    """Bybit's name of the book of a symbol."""
    return f"orderbook.{config.feed.book_depth}.{symbol}"


def feed_settings(config: Config) -> FeedSettings:
    """How long the feed lets each kind of topic be silent."""
    limits = config.feed.stale_after_ms
    silence = Silence(orderbook_ms=limits.book, ticker_ms=limits.ticker, trade_ms=limits.trades, kline_ms=limits.klines)
    return FeedSettings(silence=silence)


class RunTime(Struct, frozen=True):
    """The time that a run goes by.

    now: nanoseconds UTC.  stamp: the time of a received item, None where that is the moment of reception.
    """

    now: Callable[[], int]
    stamp: Callable[[Received], int] | None


def run_time(config: Config, start: int) -> RunTime:
    """The machine's time; or, from `start` on, that of the frames' own stamps."""
    if config.venue.clock == "system":
        return RunTime(SystemClock().now, None)
    clock = VenueClock(start)
    return RunTime(clock.now, lambda item: clock.now() if item.frame is None else clock.observe(item.frame))


async def time_to_go_on(config: Config, host: Environment, last: int) -> int:
    """Time of what the daemon itself says first; `last` is that of the run's last input, 0 for a new run.

    Raises:
        FeedError: it is the venue's, which cannot be reached.
    """
    if config.venue.clock == "system":
        return max(last, SystemClock().now())
    # Asked also when a run goes on: a stream is signed by this time before the first frame tells a better one.
    return max(last, await server_time(host.rest))


def _interval_code(interval: str) -> str:
    """Bybit's word for an interval: minutes, or D and W. Source: Bybit v5 docs, "Kline"."""
    return {"1d": "D", "1w": "W"}.get(interval) or str(parse_interval(interval) // NS_PER_MINUTE)
