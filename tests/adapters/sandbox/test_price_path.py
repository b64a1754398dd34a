from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.market_data import MinuteBar
from adapters.sandbox.price_path import minute_lots, minute_prices, split_lots, waypoint_steps

STEPS = st.integers(4, 60)
SEEDS = st.integers(0, 1000)


@st.composite
def bars(draw: st.DrawFn) -> MinuteBar:
    low = draw(st.integers(100, 1_000_000))
    high = low + draw(st.integers(0, 10_000))
    inside = st.integers(low, high)
    return MinuteBar(0, draw(inside), high, low, draw(inside), draw(st.integers(0, 1_000_000)))


@given(bars(), STEPS, SEEDS)
def test_the_path_has_the_open_high_low_and_close_of_its_bar(bar: MinuteBar, steps: int, seed: int) -> None:
    prices = minute_prices(bar, steps, Random(seed).random)
    assert len(prices) == steps
    assert (prices[0], max(prices), min(prices), prices[-1]) == (bar.open, bar.high, bar.low, bar.close)


@given(bars(), STEPS, SEEDS)
def test_a_rising_bar_dips_first_and_a_falling_one_peaks_first(bar: MinuteBar, steps: int, seed: int) -> None:
    prices = minute_prices(bar, steps, Random(seed).random)
    _, first, second, _ = waypoint_steps(steps)
    extremes = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    assert (prices[first], prices[second]) == extremes


@given(st.integers(0, 1_000_000), STEPS, SEEDS)
def test_the_volume_of_the_steps_adds_up_and_every_waypoint_trades(lots: int, steps: int, seed: int) -> None:
    shares = minute_lots(lots, steps, Random(seed).random)
    assert sum(shares) == lots
    assert min(shares) >= 0
    assert lots < 4 or all(shares[place] > 0 for place in waypoint_steps(steps))


@given(st.integers(1, 1_000_000), SEEDS)
def test_a_step_is_cut_into_one_to_three_trades_that_add_up(lots: int, seed: int) -> None:
    trades = split_lots(lots, Random(seed).random)
    assert sum(trades) == lots
    assert 1 <= len(trades) <= 3
    assert min(trades) >= 1
