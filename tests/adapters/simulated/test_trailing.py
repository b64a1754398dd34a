from __future__ import annotations

from decimal import Decimal
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.trailing import TrailingStop
from daemon.core.events import Side
from daemon.core.orders import PositionIdx

D = Decimal


def trailing(distance: str, side: Side = Side.BUY, *, active: str | None = None, tick: str = "0.1") -> TrailingStop:
    active_price = None if active is None else D(active)
    return TrailingStop(
        leg=PositionIdx.ONE_WAY, side=side, distance=D(distance), tick=D(tick), active_price=active_price
    )


def test_the_stop_of_a_long_follows_the_highest_last_price() -> None:
    """Bybit help centre, "Trailing Stop": opened at 8,000 with a distance of 500."""
    stop = trailing("500")
    assert stop.follow(8000.0)
    assert stop.trigger == D(7500)
    assert stop.follow(9000.0)
    assert stop.trigger == D(8500)
    assert not stop.follow(8600.0)
    assert stop.trigger == D(8500)
    assert not stop.hit(8500.1)
    assert stop.hit(8500.0)


def test_the_stop_of_a_short_follows_the_lowest_last_price() -> None:
    stop = trailing("500", Side.SELL)
    assert stop.follow(8000.0)
    assert stop.follow(7000.0)
    assert not stop.follow(7400.0)
    assert stop.trigger == D(7500)
    assert not stop.hit(7499.9)
    assert stop.hit(7500.0)


def test_it_waits_for_its_active_price_and_starts_from_the_last_price_there() -> None:
    """Bybit help centre, "Trailing Stop": last price 7,000, distance 100, active price 8,000."""
    stop = trailing("100", active="8000")
    assert not stop.follow(7000.0)
    assert stop.expected == D(7900)
    assert stop.trigger is None
    assert not stop.hit(1.0)
    assert not stop.follow(7999.9)
    assert stop.follow(8000.0)
    assert stop.trigger is not None
    assert stop.trigger == stop.expected == D(7900)


def test_a_price_that_jumps_beyond_the_active_price_sets_the_stop_from_where_it_landed() -> None:
    stop = trailing("100", active="8000")
    assert stop.follow(8250.0)
    assert stop.trigger == D(8150)
    stop = trailing("100", Side.SELL, active="8000")
    assert not stop.follow(8000.1)
    assert stop.follow(7900.0)
    assert stop.trigger == D(8000)


def test_without_an_active_price_it_begins_with_the_first_price_it_hears() -> None:
    stop = trailing("100")
    assert stop.expected is None
    assert not stop.follow(0.0)
    assert stop.trigger is None
    assert stop.follow(5000.0)


@pytest.mark.parametrize("unknown", [0.0, nan, -5.0])
@pytest.mark.parametrize("side", list(Side))
def test_a_price_that_is_not_known_moves_and_hits_nothing(unknown: float, side: Side) -> None:
    stop = trailing("100", side)
    stop.follow(5000.0)
    before = stop.trigger
    assert not stop.follow(unknown)
    assert not stop.hit(unknown)
    assert stop.trigger == before


def test_between_two_ticks_the_stop_stands_further_away() -> None:
    long, short = trailing("1", tick="0.5"), trailing("1", Side.SELL, tick="0.5")
    long.follow(100.3)
    short.follow(100.3)
    assert (long.trigger, short.trigger) == (D(99), D("101.5"))


def test_a_better_price_within_the_same_tick_does_not_move_the_stop() -> None:
    stop = trailing("1", tick="0.5")
    assert stop.follow(100.1)
    assert not stop.follow(100.2)
    assert stop.best == 100.2
    assert stop.trigger == D(99)


def test_on_the_way_it_is_reached_where_it_stands_or_at_once_or_never() -> None:
    stop = trailing("10")
    stop.follow(100.0)
    assert stop.reached(100.0, 80.0) == 90.0
    assert stop.reached(100.0, 90.1) is None
    assert stop.reached(100.0, 200.0) is None
    assert stop.reached(85.0, 200.0) == 85.0
    short = trailing("10", Side.SELL)
    short.follow(100.0)
    assert short.reached(100.0, 120.0) == 110.0
    assert trailing("10").reached(100.0, 1.0) is None


PATHS = st.lists(st.integers(1_000, 3_000), min_size=1, max_size=60)


@given(PATHS, st.integers(1, 800), st.sampled_from(list(Side)), st.none() | st.integers(1_000, 3_000))
def test_it_stands_where_the_extreme_since_its_activation_says(
    path: list[int], distance: int, side: Side, active: int | None
) -> None:
    stop = trailing(str(D(distance) / 10), side, active=None if active is None else str(D(active) / 10))
    sign = 1 if side is Side.BUY else -1
    since: list[int] = []
    for price in path:
        if since or active is None or sign * price >= sign * active:
            since.append(price)
        stop.follow(price / 10)
        best = max(since, key=lambda seen: sign * seen, default=None)
        assert stop.trigger == (None if best is None else D(best - sign * distance) / 10)
        assert stop.hit(price / 10) is (best is not None and sign * (best - price) >= distance)


@given(PATHS, st.integers(1, 800), st.sampled_from(list(Side)))
def test_it_never_goes_back(path: list[int], distance: int, side: Side) -> None:
    stop = trailing(str(D(distance) / 10), side)
    stood: list[Decimal] = []
    for price in path:
        moved = stop.follow(price / 10)
        assert stop.trigger is not None
        assert moved is (not stood or stop.trigger != stood[-1])
        stood.append(stop.trigger)
    assert stood == sorted(stood, reverse=side is Side.SELL)
