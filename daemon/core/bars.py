"""Bars made by ourselves from public trades.

An interval is [start, start + interval) of exchange time. A bar closes with the first trade at or after its end, or
when our clock is `GRACE` past it, whichever comes first; a trade that arrives for a bar already closed is left out and
counted in `late`. An interval without trades makes no bar; the gap is visible by `ts_open`.
"""

from __future__ import annotations

from daemon.core.events import Bar, BarOrigin, Trade
from daemon.core.units import NEVER, NS_PER_SECOND

GRACE = NS_PER_SECOND


class BarBuilder:
    """Aggregates the trades of one symbol into bars of `interval` nanoseconds, by exchange time."""

    __slots__ = (
        "_close",
        "_closed_until",
        "_high",
        "_low",
        "_open",
        "_start",
        "_turnover",
        "_volume",
        "interval",
        "late",
        "symbol",
    )

    def __init__(self, symbol: str, interval: int) -> None:
        self.symbol = symbol
        self.interval = interval
        self.late = 0
        self._start = -1
        self._closed_until = 0
        self._open = self._high = self._low = self._close = self._volume = self._turnover = 0.0

    @property
    def due(self) -> int:
        """When our clock closes the bar in progress, nanoseconds UTC; NEVER without one."""
        return self._start + self.interval + GRACE if self._start >= 0 else NEVER

    def add(self, trade: Trade) -> Bar | None:
        """Count a trade; returns the bar that it closed."""
        if trade.ts_exchange < self._closed_until:
            self.late += 1
            return None
        closed = self._close_before(trade.ts_exchange)
        price = trade.price
        if self._start < 0:
            self._start = trade.ts_exchange - trade.ts_exchange % self.interval
            self._open = self._high = self._low = price
            self._volume = self._turnover = 0.0
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price
        self._volume += trade.qty
        self._turnover += trade.qty * price
        return closed

    def close_at(self, now: int) -> Bar | None:
        """Return the bar in progress if our clock `now` is GRACE past its end."""
        return self._close_before(now - GRACE)

    def _close_before(self, ts_exchange: int) -> Bar | None:
        if self._start < 0 or ts_exchange < self._start + self.interval:
            return None
        self._closed_until = self._start + self.interval
        bar = Bar(
            self.symbol,
            self._start + self.interval,
            self.interval,
            self._start,
            self._open,
            self._high,
            self._low,
            self._close,
            self._volume,
            self._turnover,
            BarOrigin.TRADES,
        )
        self._start = -1
        return bar
