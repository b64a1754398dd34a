from __future__ import annotations

from adapters.sandbox.candles import Candle, aggregate
from adapters.sandbox.listings import LISTINGS, grid_of
from adapters.sandbox.market_data import MINUTE_MS, MinuteBar

GRID = grid_of(LISTINGS["BTCUSDT"].instrument)


def minute(index: int, price: int, lots: int = 10) -> MinuteBar:
    return MinuteBar(index * MINUTE_MS, price, price + 5, price - 5, price + 1, lots)


def test_minutes_add_up_to_bars_aligned_to_the_day() -> None:
    candles = aggregate([minute(index, 1000 + index) for index in range(2, 8)], 3)
    assert [candle.start_ms for candle in candles] == [0, 3 * MINUTE_MS, 6 * MINUTE_MS]
    full = candles[1]
    assert (full.open, full.high, full.low, full.close, full.lots) == (1003, 1010, 998, 1006, 30)


def test_extending_by_an_open_minute_leaves_the_closed_part_alone() -> None:
    candle = Candle(0, minute(0, 1000))
    grown = candle.with_minute(minute(1, 2000))
    assert (candle.close, candle.high, candle.lots) == (1001, 1005, 10)
    assert (grown.open, grown.close, grown.high, grown.lots) == (1000, 2001, 2005, 20)


def test_turnover_is_volume_at_the_mean_of_the_four_prices_and_adds_up() -> None:
    one = Candle(0, MinuteBar(0, 1000, 1004, 996, 1000, 2000))
    assert one.turnover_text(GRID) == "200.0000"
    both = one.with_minute(MinuteBar(MINUTE_MS, 2000, 2000, 2000, 2000, 1000))
    assert both.turnover_text(GRID) == "400.0000"
