from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.matching import (
    bar_goes_through,
    is_worse,
    quantity_beyond,
    slipped,
    total,
    trades_through,
    walk_book,
)
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.units import ZERO, on_grid
from tests.daemon.core.build import BTC, bar, snapshot

D = Decimal
TICK = D("0.1")
STEP = D("0.001")
SIDES = st.sampled_from(list(Side))
SIZES = st.integers(1, 5_000_000).map(lambda micro: micro / 1e6)


def market_of(bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> Market:
    market = Market(BTC)
    market.apply_snapshot(snapshot(bids, asks))
    return market


def ladder(sizes: list[float]) -> Market:
    """Bids from 100 down and asks from 100.1 up, a tick apart."""
    bids = [(round(100.0 - 0.1 * place, 1), size) for place, size in enumerate(sizes)]
    asks = [(round(100.1 + 0.1 * place, 1), size) for place, size in enumerate(sizes)]
    return market_of(bids, asks)


def test_a_taker_walks_the_levels_from_the_touch() -> None:
    market = ladder([1.0, 2.0, 5.0])
    assert walk_book(market, Side.BUY, D(4), None, STEP) == [(D("100.1"), D(1)), (D("100.2"), D(2)), (D("100.3"), D(1))]
    assert walk_book(market, Side.SELL, D(2), None, STEP) == [(D("100.0"), D(1)), (D("99.9"), D(1))]


def test_a_walk_ends_at_the_limit_and_takes_the_level_at_it() -> None:
    market = ladder([1.0, 2.0, 5.0])
    assert walk_book(market, Side.BUY, D(9), D("100.2"), STEP) == [(D("100.1"), D(1)), (D("100.2"), D(2))]
    assert walk_book(market, Side.SELL, D(9), D("100.0"), STEP) == [(D("100.0"), D(1))]
    assert walk_book(market, Side.BUY, D(9), D("100.0"), STEP) == []


def test_a_thin_book_fills_what_it_shows() -> None:
    assert total(walk_book(ladder([1.0, 0.0005]), Side.BUY, D(9), None, STEP)) == 1
    assert walk_book(market_of([], []), Side.BUY, D(9), None, STEP) == []


@given(
    st.lists(SIZES, max_size=8),
    SIDES,
    st.integers(1, 20_000).map(lambda steps: steps * STEP),
    st.none() | st.integers(990, 1010).map(lambda ticks: ticks * TICK),
)
def test_a_walk_is_never_more_than_wanted_or_shown_never_worse_than_the_limit_and_best_first(
    sizes: list[float], side: Side, qty: Decimal, limit: Decimal | None
) -> None:
    market = ladder(sizes)
    walked = walk_book(market, side, qty, limit, STEP)
    prices = [price for price, _ in walked]
    assert prices == sorted(set(prices), reverse=side is Side.SELL)
    assert total(walked) <= qty
    shown = dict(market.book.asks if side is Side.BUY else market.book.bids)
    for price, part in walked:
        assert 0 < part <= D(repr(shown[float(price)]))
        assert on_grid(part, STEP)
        assert limit is None or not is_worse(side, price, limit)


@given(SIDES, st.floats(0.05, 1e6), st.integers(0, 50))
def test_slippage_is_never_for_the_better_and_ends_on_the_tick(side: Side, price: float, ticks: int) -> None:
    executed = slipped(side, price, TICK, ticks)
    assert on_grid(executed, TICK)
    assert executed >= TICK
    worse_by = executed - D(repr(price)) if side is Side.BUY else D(repr(price)) - executed
    assert worse_by >= 0 or executed == TICK
    assert worse_by < TICK * (ticks + 1)


def test_a_price_is_worse_on_the_far_side_of_the_limit_only() -> None:
    assert [is_worse(Side.BUY, D(price), D(100)) for price in (99, 100, 101)] == [False, False, True]
    assert [is_worse(Side.SELL, D(price), D(100)) for price in (99, 100, 101)] == [True, False, False]


def test_what_only_touches_a_limit_does_not_go_through_it() -> None:
    assert [trades_through(Side.BUY, D(100), price) for price in (99.9, 100.0, 100.1)] == [True, False, False]
    assert [trades_through(Side.SELL, D(100), price) for price in (99.9, 100.0, 100.1)] == [False, False, True]


def test_the_quantity_beyond_a_limit_is_what_the_other_side_offers_strictly_better() -> None:
    market = ladder([1.0, 2.0, 5.0004])
    assert quantity_beyond(market, Side.BUY, D("100.1"), STEP) == ZERO
    assert quantity_beyond(market, Side.BUY, D("100.3"), STEP) == 3
    assert quantity_beyond(market, Side.BUY, D("200"), STEP) == 8
    assert quantity_beyond(market, Side.SELL, D("99.9"), STEP) == 1


@pytest.mark.parametrize(("side", "limit", "through"), [
    (Side.BUY, "95", False), (Side.BUY, "95.1", True), (Side.SELL, "105", False), (Side.SELL, "104.9", True),
])  # fmt: skip
def test_a_bar_goes_through_what_lies_within_its_low_and_high(side: Side, limit: str, through: bool) -> None:
    assert bar_goes_through(side, D(limit), bar(100.0, low=95.0, high=105.0)) is through
