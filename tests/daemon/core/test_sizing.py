from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.events import Side
from daemon.core.records import Action
from daemon.core.sizing import Sized, limit_price, size
from daemon.core.strategy import Decision
from daemon.core.units import ZERO, on_grid, to_decimal
from tests.daemon.core.build import buy, close, instrument, sell

D = Decimal
BTC = instrument()


def sized(decision: Decision, *, mark: float = 100.0, held: Decimal = ZERO) -> Sized | str:
    return size(decision, instrument=BTC, worth=to_decimal(mark), held=held)


def towards(notional: float) -> Decision:
    return Decision(Action.BUY if notional > 0 else Action.SELL, "target", target_notional=notional)


def test_a_quantity_is_cut_to_the_step() -> None:
    assert sized(buy(0.12345)) == Sized(Side.BUY, D("0.123"), None)
    assert sized(sell(0.12399)) == Sized(Side.SELL, D("0.123"), None)


@pytest.mark.parametrize("qty", [0.0, -1.0])
def test_a_quantity_that_is_not_above_zero_orders_nothing_rather_than_the_other_side(qty: float) -> None:
    assert sized(buy(qty)) == f"quantity {qty} is not above zero"
    assert sized(sell(qty)) == f"quantity {qty} is not above zero"


def test_an_entry_without_quantity_or_target_orders_nothing() -> None:
    assert sized(Decision(Action.BUY, "how much?")) == "quantity None is not above zero"


def test_a_quantity_below_the_minimum_orders_nothing_and_the_minimum_is_enough() -> None:
    assert sized(buy(0.0009), mark=50_000.0) == "quantity 0.000 is below the minimum of 0.001"
    assert sized(buy(0.001), mark=50_000.0) == Sized(Side.BUY, D("0.001"), None)


def test_an_entry_below_the_minimum_value_orders_nothing_and_the_minimum_is_enough() -> None:
    assert sized(buy(0.049)) == "order value is below the minimum of 5 USDT"
    assert sized(buy(0.05)) == Sized(Side.BUY, D("0.050"), None)


def test_what_only_reduces_needs_no_minimum_value() -> None:
    assert sized(close(), held=D("0.010")) == Sized(Side.SELL, D("0.010"), None)
    assert sized(sell(0.01, reduce_only=True), held=D("0.010")) == Sized(Side.SELL, D("0.010"), None)


def test_closing_orders_the_opposite_of_what_is_held() -> None:
    assert sized(close(), held=D("-0.5")) == Sized(Side.BUY, D("0.5"), None)
    assert sized(close()) == "already flat"


def test_a_target_orders_the_difference_to_what_is_held() -> None:
    assert sized(towards(100.0), held=D("0.4")) == Sized(Side.BUY, D("0.600"), None)
    assert sized(towards(-100.0), held=D("0.4")) == Sized(Side.SELL, D("1.400"), None)


def test_a_target_that_is_reached_or_on_the_other_side_of_what_is_held_orders_nothing() -> None:
    assert sized(towards(100.0), held=D(1)) == "already at the target"
    assert sized(towards(100.0), held=D(2)) == "already at the target"


def test_limit_prices_go_to_the_tick_that_is_not_worse_for_us() -> None:
    bought, sold = sized(buy(1.0, price=99.97)), sized(sell(1.0, price=99.91))
    assert isinstance(bought, Sized)
    assert isinstance(sold, Sized)
    assert (bought.price, sold.price) == (D("99.9"), D("100.0"))


def test_no_price_is_no_limit_and_a_price_of_zero_is_one() -> None:
    assert limit_price(None, Side.BUY, BTC.tick) is None
    assert limit_price(0.0, Side.BUY, BTC.tick) == 0


@given(
    st.floats(-1e7, 1e7),
    st.floats(0.1, 1e6),
    st.integers(-10_000, 10_000).map(lambda steps: steps * D("0.001")),
)
def test_an_order_to_a_target_ends_on_the_grid_and_not_beyond_the_target(
    notional: float, mark: float, held: Decimal
) -> None:
    found = sized(towards(notional), mark=mark, held=held)
    if isinstance(found, str):
        return
    assert found.qty >= BTC.min_qty
    assert on_grid(found.qty, BTC.step)
    after = held + (found.qty if found.side is Side.BUY else -found.qty)
    assert abs(float(after)) <= abs(notional / mark) * (1 + 1e-12)
    assert abs(float(after)) >= abs(notional / mark) * (1 - 1e-12) - float(BTC.step)
