"""A whole market made from recorded minutes: every symbol, every topic, in time order.

Steps are spread evenly over a minute, and the symbols over a step, so no two symbols move in the same millisecond. A
minute's bars are confirmed at its last instant, before the first step of the next. Nothing depends on the wall clock,
on hash seeds or on what is subscribed: the same data, settings and seed give the same bytes.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from adapters.sandbox.candles import INTERVAL_MINUTES
from adapters.sandbox.market import BookView, Frame, KlineQuery
from adapters.sandbox.market_data import (
    DEMO_END_MS,
    DEMO_START_MS,
    DEMO_SYMBOLS,
    MINUTE_MS,
    MinuteBar,
    SymbolData,
    demo_data,
)
from adapters.sandbox.price_path import STEPS_MIN
from adapters.sandbox.synthetic_symbol import PUSH_DELAY_MS, SyntheticSymbol
from daemon.core.errors import ConfigError

STEPS_MAX = 600
FIRST_STEP_MS = 20


class SyntheticSettings(Struct, frozen=True, kw_only=True):
    """How bars become frames.

    start_ms, end_ms: milliseconds UTC of the first minute played and of the end; earlier minutes are history, known to
    REST and the 24-hour figures. None means the span that all symbols share.
    steps_per_minute: 4 to 600.  depth: levels a side of `orderbook.<depth>`.  intervals: Bybit's codes of the klines.
    """

    seed: int = 1
    start_ms: int | None = None
    end_ms: int | None = None
    steps_per_minute: int = 12
    depth: int = 50
    intervals: tuple[str, ...] = ("1", "3", "5", "15", "60")


class _Event(NamedTuple):
    """A step of a symbol, or the end of its minute when `closes` is set."""

    ts_ms: int
    maker: SyntheticSymbol
    price: int
    lots: int
    closes: MinuteBar | None


class SyntheticMarket:
    """A `Market` made from recorded minutes.

    Raises:
        ConfigError: a setting is out of bounds, or there is nothing to play.
    """

    def __init__(self, data: Sequence[SymbolData], settings: SyntheticSettings | None = None) -> None:
        settings = settings or SyntheticSettings()
        self.start_ms, self.end_ms = _span(data, settings)
        _check(settings)
        self._steps = settings.steps_per_minute
        self._makers = {
            symbol.listing.symbol: SyntheticSymbol(
                symbol,
                start_ms=self.start_ms,
                seed=str(settings.seed),
                steps=self._steps,
                depth=settings.depth,
                intervals=settings.intervals,
            )
            for symbol in data
        }
        self.listings = {symbol.listing.symbol: symbol.listing for symbol in data}
        self._owners = {topic: maker for maker in self._makers.values() for topic in maker.topics}
        self.topics = frozenset(self._owners)
        self._events = self._schedule()
        self._next = next(self._events, None)

    @property
    def next_ms(self) -> int | None:
        """When the frames of the next step are pushed."""
        return None if self._next is None else self._next.ts_ms + PUSH_DELAY_MS

    def advance(self, wanted: Container[str]) -> list[Frame]:
        """Take the next step of one symbol, or close a minute of it."""
        event = self._next
        assert event is not None, "the market has ended"
        self._next = next(self._events, None)
        frames: list[Frame] = []
        if event.closes is None:
            event.maker.step(event.ts_ms, event.price, event.lots, wanted, frames)
        else:
            event.maker.close_minute(event.ts_ms, event.closes, wanted, frames)
        return frames

    def snapshot(self, topic: str) -> bytes | None:
        """First push for a new subscriber."""
        return self._owners[topic].snapshot(topic)

    def ticker(self, symbol: str) -> dict[str, str]:
        """Current ticker fields."""
        return self._makers[symbol].ticker()

    def book(self, symbol: str) -> BookView:
        """Current deep book."""
        return self._makers[symbol].book()

    def klines(self, query: KlineQuery) -> list[list[str]]:
        """Bars up to now, newest first."""
        return self._makers[query.symbol].klines(query)

    def trades(self, symbol: str) -> list[bytes]:
        """The last trades, a frame for each step."""
        return self._makers[symbol].trades()

    def funding(self, symbol: str) -> list[tuple[int, str]]:
        """The recorded rates up to now."""
        return self._makers[symbol].paid_funding()

    def _schedule(self) -> Iterator[_Event]:
        makers = list(self._makers.values())
        room = MINUTE_MS // self._steps - FIRST_STEP_MS
        phases = [FIRST_STEP_MS + index * room // len(makers) for index in range(len(makers))]
        for minute_ms in range(self.start_ms, self.end_ms, MINUTE_MS):
            bars = [maker.bar_at(minute_ms) for maker in makers]
            plans = [maker.plan(bar) for maker, bar in zip(makers, bars, strict=True)]
            for step in range(self._steps):
                at_ms = minute_ms + step * MINUTE_MS // self._steps
                for maker, plan, phase in zip(makers, plans, phases, strict=True):
                    price, lots = plan[step]
                    yield _Event(at_ms + phase, maker, price, lots, None)
            for maker, bar in zip(makers, bars, strict=True):
                yield _Event(minute_ms + MINUTE_MS, maker, 0, 0, bar)


def demo_market(symbols: Sequence[str] = DEMO_SYMBOLS, *, seed: int = 1, minutes: int = 1440) -> SyntheticMarket:
    """The demo: 2025-05-06 UTC from midnight on, with the two hours before it as history.

    Raises:
        ConfigError: a symbol without instrument rules, or `minutes` below one.
        DataError: a symbol that is not part of the demo.
    """
    end_ms = min(DEMO_END_MS, DEMO_START_MS + minutes * MINUTE_MS)
    return SyntheticMarket(demo_data(symbols), SyntheticSettings(seed=seed, start_ms=DEMO_START_MS, end_ms=end_ms))


def _span(data: Sequence[SymbolData], settings: SyntheticSettings) -> tuple[int, int]:
    if not data or not all(symbol.bars for symbol in data):
        raise ConfigError("sandbox: no bars to play", cure="Name at least one symbol, each with recorded bars.")
    first = max(symbol.bars[0].ts_ms for symbol in data)
    last = min(symbol.bars[-1].ts_ms for symbol in data) + MINUTE_MS
    start_ms = first if settings.start_ms is None else settings.start_ms
    end_ms = last if settings.end_ms is None else settings.end_ms
    if not first <= start_ms < end_ms <= last or start_ms % MINUTE_MS or end_ms % MINUTE_MS:
        raise ConfigError(
            f"sandbox: cannot play [{start_ms}, {end_ms}) ms",
            cure=f"Give full minutes within [{first}, {last}), the span that all symbols share.",
        )
    return start_ms, end_ms


def _check(settings: SyntheticSettings) -> None:
    if not STEPS_MIN <= settings.steps_per_minute <= STEPS_MAX:
        raise ConfigError(
            f"sandbox: steps_per_minute is {settings.steps_per_minute}", cure=f"Give {STEPS_MIN} to {STEPS_MAX}."
        )
    if not 2 <= settings.depth <= 1000:
        raise ConfigError(f"sandbox: depth is {settings.depth}", cure="Give 2 to 1000 levels a side.")
    unknown = [code for code in settings.intervals if code not in INTERVAL_MINUTES]
    if unknown:
        raise ConfigError(
            f"sandbox: unknown kline intervals {', '.join(unknown)}",
            cure=f"Choose among {', '.join(INTERVAL_MINUTES)}.",
        )
