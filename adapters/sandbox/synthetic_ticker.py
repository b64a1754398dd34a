"""The ticker of a synthetic market.

- Index price: exponential average of the last price with a time constant of 30 s; mark price: the same with 10 s.
  Both are printed on the tick grid.
- 24-hour figures: over the last 1,440 recorded minutes (or as many as there are) and the running one.
- Open interest: starts at half of the first day's volume and drifts with one per cent of every step's signed volume;
  it counts both sides, so one side is half of it.
- Funding: the recorded rate that will be paid at the next boundary stands as its prediction; without a record 0.0001.
Source of the fields: Bybit v5 docs, "WebSocket Stream / Ticker".
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

from adapters.sandbox.candles import quads_of, turnover_text
from adapters.sandbox.listings import Grid, text_of
from adapters.sandbox.market_data import Funding, MinuteBar, SymbolData

DAY_MINUTES = 1440
HOUR_MINUTES = 60
INDEX_SECONDS = 30.0
MARK_SECONDS = 10.0
FUNDING_RATE_DEFAULT = "0.0001"


class DayWindow:
    """Figures of the last 24 hours of closed minutes, in ticks and lots."""

    __slots__ = ("_bars", "_open_first", "high", "lots", "low", "quads")

    def __init__(self, history: Sequence[MinuteBar], open_first: int) -> None:
        self._bars: deque[MinuteBar] = deque()
        self._open_first = open_first
        self.high, self.low, self.lots, self.quads = open_first, open_first, 0, 0
        for bar in history[-DAY_MINUTES:]:
            self._append(bar)
        self._bound()

    def close_minute(self, bar: MinuteBar) -> None:
        """Add a minute that has closed and drop the one that fell out."""
        if len(self._bars) == DAY_MINUTES:
            gone = self._bars.popleft()
            self.lots -= gone.lots
            self.quads -= quads_of(gone)
        self._append(bar)
        self._bound()

    def open_before(self, minutes: int) -> int:
        """Opening price of the minute that began so many minutes ago, or of the oldest one known."""
        if not self._bars:
            return self._open_first
        return self._bars[-min(minutes, len(self._bars))].open

    def _append(self, bar: MinuteBar) -> None:
        self._bars.append(bar)
        self.lots += bar.lots
        self.quads += quads_of(bar)

    def _bound(self) -> None:
        if self._bars:
            self.high = max(bar.high for bar in self._bars)
            self.low = min(bar.low for bar in self._bars)


class FundingSchedule:
    """Which rate stands as the prediction at a time, and when it is paid."""

    __slots__ = ("_interval_ms", "_rates", "_times")

    def __init__(self, funding: Funding, interval_min: int) -> None:
        self._interval_ms = interval_min * 60_000
        self._times = [ts_ms for ts_ms, _ in funding]
        self._rates = [rate for _, rate in funding]

    def next_at(self, ts_ms: int) -> tuple[int, str]:
        """(next boundary in milliseconds UTC, strictly later than `ts_ms`; predicted rate)."""
        boundary = (ts_ms // self._interval_ms + 1) * self._interval_ms
        place = bisect_left(self._times, boundary)
        if place < len(self._times) and self._times[place] == boundary:
            return boundary, self._rates[place]
        return boundary, FUNDING_RATE_DEFAULT


class SyntheticTicker:
    """Fields of the `tickers` topic of one symbol; `fields` is always complete and current."""

    def __init__(
        self, data: SymbolData, grid: Grid, *, history: Sequence[MinuteBar], first: MinuteBar, step_seconds: float
    ) -> None:
        self._grid = grid
        self._day = DayWindow(history, first.open)
        self._funding = FundingSchedule(data.funding, data.listing.instrument.funding_interval_min)
        self._index = self._mark = float(first.open)
        self._index_weight = step_seconds / (INDEX_SECONDS + step_seconds)
        self._mark_weight = step_seconds / (MARK_SECONDS + step_seconds)
        self._open_interest = 1000 + sum(bar.lots for bar in data.bars[:DAY_MINUTES]) // 2
        spec = data.listing.instrument
        self.fields = {
            "symbol": spec.symbol,
            "fundingIntervalHour": str(spec.funding_interval_min // 60),
            "fundingCap": text_of(spec.upper_funding_rate),
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "",
        }

    def close_minute(self, bar: MinuteBar) -> None:
        """Move the 24-hour window over a minute that has closed."""
        self._day.close_minute(bar)

    def update(
        self, ts_ms: int, minute: MinuteBar, *, signed_lots: int, direction: str, touch: tuple[int, int, int, int]
    ) -> dict[str, str]:
        """Take a step; returns the fields that changed.

        Args:
            ts_ms: time of the step, UTC.
            minute: the running minute so far; its close is the last price.
            signed_lots: volume of the step, negative when sellers took.
            direction: tick direction of the last trade.
            touch: bid, its lots, ask, its lots.
        """
        self._index += (minute.close - self._index) * self._index_weight
        self._mark += (minute.close - self._mark) * self._mark_weight
        self._open_interest = max(1000, self._open_interest + signed_lots // 100)
        fields = self.fields
        current = self._current(ts_ms, minute, direction, touch)
        changed = {name: text for name, text in current.items() if fields.get(name) != text}
        fields.update(changed)
        return changed

    def _current(
        self, ts_ms: int, minute: MinuteBar, direction: str, touch: tuple[int, int, int, int]
    ) -> dict[str, str]:
        day, grid = self._day, self._grid
        price, size = grid.price, grid.size
        before = day.open_before(DAY_MINUTES)
        mark = round(self._mark)
        open_interest = self._open_interest
        value = open_interest * grid.step * mark * grid.tick
        next_funding, rate = self._funding.next_at(ts_ms)
        return {
            "tickDirection": direction,
            "price24hPcnt": f"{minute.close / before - 1:.6f}",
            "lastPrice": price(minute.close),
            "prevPrice24h": price(before),
            "highPrice24h": price(max(day.high, minute.high)),
            "lowPrice24h": price(min(day.low, minute.low)),
            "prevPrice1h": price(day.open_before(HOUR_MINUTES)),
            "markPrice": price(mark),
            "indexPrice": price(round(self._index)),
            "openInterest": size(open_interest * 2),
            "openInterestValue": f"{value * 2:.2f}",
            "singleOpenInterest": size(open_interest),
            "singleOpenInterestValue": f"{value:.2f}",
            "turnover24h": turnover_text(day.quads + quads_of(minute), grid),
            "volume24h": size(day.lots + minute.lots),
            "nextFundingTime": str(next_funding),
            "fundingRate": rate,
            "bid1Price": price(touch[0]),
            "bid1Size": size(touch[1]),
            "ask1Price": price(touch[2]),
            "ask1Size": size(touch[3]),
        }
