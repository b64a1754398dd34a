"""Bars of longer intervals out of minutes, exact in ticks and lots.

Turnover: recordings of bars rarely carry it, so a minute's turnover is defined as volume x (open + high + low + close)
/ 4, the same on the kline topic, in REST history and in the ticker, and longer bars add up their minutes.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.sandbox.listings import Grid
from adapters.sandbox.market_data import MINUTE_MS, MinuteBar

INTERVAL_MINUTES = {"1": 1, "3": 3, "5": 5, "15": 15, "30": 30, "60": 60, "120": 120, "240": 240, "360": 360,
                    "720": 720, "D": 1440}  # fmt: skip
"""Bybit's interval codes that divide a UTC day."""


class Candle:
    """A bar that grows; prices in ticks, `quads` is four times the turnover in ticks x lots."""

    __slots__ = ("close", "high", "lots", "low", "open", "quads", "start_ms")

    def __init__(self, start_ms: int, first: MinuteBar) -> None:
        self.start_ms = start_ms
        self.open = first.open
        self.high = first.high
        self.low = first.low
        self.close = first.close
        self.lots = first.lots
        self.quads = quads_of(first)

    def add(self, bar: MinuteBar) -> None:
        """Extend by a later minute."""
        self.high = max(self.high, bar.high)
        self.low = min(self.low, bar.low)
        self.close = bar.close
        self.lots += bar.lots
        self.quads += quads_of(bar)

    def with_minute(self, bar: MinuteBar) -> Candle:
        """This candle extended by a minute that is still open; this one stays as it is."""
        grown = object.__new__(Candle)
        grown.start_ms, grown.open = self.start_ms, self.open
        grown.high, grown.low, grown.close = self.high, self.low, self.close
        grown.lots, grown.quads = self.lots, self.quads
        grown.add(bar)
        return grown

    def prices_text(self, grid: Grid) -> tuple[str, str, str, str]:
        """Open, high, low and close in the kline topic's form."""
        return (
            grid.kline_price(self.open),
            grid.kline_price(self.high),
            grid.kline_price(self.low),
            grid.kline_price(self.close),
        )

    def turnover_text(self, grid: Grid) -> str:
        """Turnover in USDT."""
        return turnover_text(self.quads, grid)


def quads_of(bar: MinuteBar) -> int:
    """Four times the turnover of a minute, in ticks x lots."""
    return (bar.open + bar.high + bar.low + bar.close) * bar.lots


def turnover_text(quads: int, grid: Grid) -> str:
    """Text in USDT of four times a turnover in ticks x lots."""
    return f"{quads * (grid.tick * grid.step) / 4:.4f}"


def aggregate(bars: Sequence[MinuteBar], minutes: int) -> list[Candle]:
    """Bars of `minutes` minutes, aligned to the UTC day, oldest first; the first and the last may lack minutes."""
    width = minutes * MINUTE_MS
    candles: list[Candle] = []
    for bar in bars:
        start_ms = bar.ts_ms - bar.ts_ms % width
        if candles and candles[-1].start_ms == start_ms:
            candles[-1].add(bar)
        else:
            candles.append(Candle(start_ms, bar))
    return candles
