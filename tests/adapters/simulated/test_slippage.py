from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.slippage import (
    BasisPoints,
    Chain,
    SlippageModel,
    SquareRootImpact,
    Ticks,
    make_slippage,
    slipped,
)
from daemon.core.errors import InvariantBroken
from daemon.core.events import Bar, Side
from daemon.core.market import Market
from daemon.core.units import on_grid
from daemon.core.venue import ExchangeSettings
from tests.daemon.core.build import BTC, MIDNIGHT, MINUTE, instrument

D = Decimal
TICK = D("0.1")


def market(volume: float | None = None, *, interval: int = MINUTE) -> Market:
    made = Market(BTC)
    made.instrument = instrument()
    if volume is not None:
        made.apply_bar(Bar(BTC, MIDNIGHT + interval, interval, MIDNIGHT, 100.0, 100.0, 100.0, 100.0, volume))
    return made


def buy(model: SlippageModel, price: str, qty: str = "1", known: Market | None = None) -> Decimal:
    return slipped(model, Side.BUY, D(price), D(qty), known or market())


def sell(model: SlippageModel, price: str, qty: str = "1", known: Market | None = None) -> Decimal:
    return slipped(model, Side.SELL, D(price), D(qty), known or market())


def test_ticks_worsen_by_ticks() -> None:
    assert buy(Ticks(3), "100.0") == D("100.3")
    assert sell(Ticks(3), "100.0") == D("99.7")


def test_basis_points_worsen_by_a_share_of_the_price_rounded_to_the_worse_tick() -> None:
    assert buy(BasisPoints(10), "1000.0") == 1001
    assert sell(BasisPoints(10), "1000.0") == 999
    assert buy(BasisPoints(1), "1000.5") == D("1000.7")  # 1000.60005
    assert sell(BasisPoints(1), "1000.5") == D("1000.3")  # 1000.39995


def test_impact_grows_with_the_square_root_of_the_size() -> None:
    known = market(100.0)
    assert buy(SquareRootImpact(0.01), "1000.0", "100", known) == 1010
    assert buy(SquareRootImpact(0.01), "1000.0", "25", known) == 1005
    assert sell(SquareRootImpact(0.01), "1000.0", "1", known) == 999
    assert buy(SquareRootImpact(0.01), "1000.0", "400", known) == 1020


def test_the_volume_of_longer_bars_is_scaled_to_a_minute() -> None:
    assert buy(SquareRootImpact(0.01), "1000.0", "100", market(500.0, interval=5 * MINUTE)) == 1010


def test_without_a_bar_an_order_counts_as_a_minutes_volume_and_without_volume_as_a_hundred_times_that() -> None:
    assert buy(SquareRootImpact(0.01), "1000.0", "3") == 1010
    assert buy(SquareRootImpact(0.01), "1000.0", "3", market(0.0)) == 1100
    assert buy(SquareRootImpact(0.01), "1000.0", "3", market(1e-9)) == 1100


def test_costs_of_a_chain_add_up_and_are_rounded_once() -> None:
    chain = Chain((Ticks(1), BasisPoints(0.5), BasisPoints(0.5)))
    assert buy(chain, "1000.0") == D("1000.2")
    assert sell(chain, "1000.0") == D("999.8")
    assert buy(Chain(()), "1000.0") == 1000


def test_the_settings_say_which_models_worsen_a_price() -> None:
    assert buy(make_slippage(ExchangeSettings()), "1000.0") == D("1000.1")
    assert buy(make_slippage(ExchangeSettings(slippage_ticks=0)), "1000.0") == 1000
    every = ExchangeSettings(slippage_ticks=2, slippage_bps=5.0, impact=0.01)
    assert buy(make_slippage(every), "1000.0", "1", market(100.0)) == D("1001.7")  # 0.2 + 0.5 + 1.0


class TenOverForBuys:
    """A model as a user would write one."""

    def cost(self, side: Side, price: Decimal, qty: Decimal, market: Market) -> Decimal:
        return D(10) if side is Side.BUY else D(0)


def test_a_model_of_ones_own_needs_one_method() -> None:
    assert buy(Chain((Ticks(1), TenOverForBuys())), "1000.0") == D("1010.1")
    assert sell(Chain((Ticks(1), TenOverForBuys())), "1000.0") == D("999.9")


@pytest.mark.parametrize("cost", ["-0.1", "NaN", "Infinity"])
def test_a_model_that_would_improve_a_price_or_has_no_answer_breaks_an_invariant(cost: str) -> None:
    class Wrong:
        def cost(self, side: Side, price: Decimal, qty: Decimal, market: Market) -> Decimal:
            return D(cost)

    answer = cost
    with pytest.raises(InvariantBroken, match=f"Wrong: slippage of {answer}"):
        buy(Wrong(), "100.0")


@given(
    side=st.sampled_from(list(Side)),
    price=st.floats(0.05, 1e6),
    qty=st.integers(1, 10**9).map(lambda steps: steps * D("0.001")),
    ticks=st.integers(0, 50),
    bps=st.floats(0, 1000),
    impact=st.floats(0, 1),
    volume=st.none() | st.floats(0, 1e9),
)
def test_slippage_is_never_for_the_better_and_ends_on_the_tick(
    *, side: Side, price: float, qty: Decimal, ticks: int, bps: float, impact: float, volume: float | None
) -> None:
    model = make_slippage(ExchangeSettings(slippage_ticks=ticks, slippage_bps=bps, impact=impact))
    seen, known = D(repr(price)), market(volume)
    executed = slipped(model, side, seen, qty, known)
    assert on_grid(executed, TICK)
    assert executed >= TICK
    worse_by = executed - seen if side is Side.BUY else seen - executed
    assert worse_by >= 0 or executed == TICK
    assert worse_by <= model.cost(side, seen, qty, known) + TICK


@given(st.floats(1, 1e6), st.integers(1, 10**6), st.integers(1, 10**6), st.floats(0.1, 1e6))
def test_a_larger_order_is_never_executed_better(price: float, small: int, more: int, volume: float) -> None:
    model, known, seen = SquareRootImpact(0.1), market(volume), D(repr(price))
    first, second = D(small) * D("0.001"), D(small + more) * D("0.001")
    assert slipped(model, Side.BUY, seen, first, known) <= slipped(model, Side.BUY, seen, second, known)
    assert slipped(model, Side.SELL, seen, first, known) >= slipped(model, Side.SELL, seen, second, known)
