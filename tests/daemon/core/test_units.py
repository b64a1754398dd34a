from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import InvariantBroken
from daemon.core.units import (
    CASH_GRID,
    MONEY,
    NS_PER_DAY,
    floor_qty,
    on_grid,
    price_down,
    price_up,
    round_to_grid,
    to_cash,
    to_decimal,
    utc_day,
)

GRIDS = st.sampled_from([Decimal(text) for text in ("0.0001", "0.001", "0.05", "0.1", "0.5", "1", "10")])
AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=8)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_market_data_survives_the_way_to_money_and_back(value: float) -> None:
    assert float(to_decimal(value)) == value


def test_the_shortest_text_of_a_number_is_what_becomes_money() -> None:
    assert to_decimal(0.1) == Decimal("0.1")
    assert to_decimal(5) == Decimal(5)


def test_a_subclass_of_float_with_another_text_is_converted_like_its_value() -> None:
    class Scalar(float):
        def __repr__(self) -> str:
            return f"Scalar({float(self)})"

    assert to_decimal(Scalar(0.1)) == Decimal("0.1")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_never_becomes_money(value: float) -> None:
    with pytest.raises(InvariantBroken, match="not finite"):
        to_decimal(value)


@given(AMOUNTS, GRIDS)
def test_a_quantity_is_cut_towards_zero_by_less_than_a_step(value: Decimal, step: Decimal) -> None:
    cut = floor_qty(value, step)
    assert on_grid(cut, step)
    assert abs(cut) <= abs(value)
    assert abs(value - cut) < step
    assert cut * value >= 0


@given(AMOUNTS, GRIDS)
def test_prices_go_down_or_up_to_the_next_tick(value: Decimal, tick: Decimal) -> None:
    below, above = price_down(value, tick), price_up(value, tick)
    assert on_grid(below, tick)
    assert on_grid(above, tick)
    assert below <= value <= above
    assert above - below == (0 if on_grid(value, tick) else tick)


@given(st.integers(-(10**9), 10**9), GRIDS)
def test_what_lies_on_the_grid_stays_where_it_is(count: int, grid: Decimal) -> None:
    value = count * grid
    assert on_grid(value, grid)
    assert floor_qty(value, grid) == price_down(value, grid) == price_up(value, grid) == value


@pytest.mark.parametrize("value", ["1E+300", "123456789012345678901234567890123456789", "1E-300"])
def test_a_number_of_absurd_size_is_not_on_the_grid_rather_than_an_error(value: str) -> None:
    assert not on_grid(Decimal(value), Decimal("0.001"))


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=25))
def test_cash_lies_on_its_grid_within_half_of_it_and_stays_there(amount: Decimal) -> None:
    cash = to_cash(amount)
    assert MONEY.remainder(cash, CASH_GRID) == 0
    assert abs(MONEY.subtract(cash, amount)) <= CASH_GRID / 2
    assert to_cash(cash) == cash


def test_cash_that_lies_on_the_grid_keeps_its_short_text() -> None:
    assert str(to_cash(Decimal("1.50"))) == "1.50"


def test_money_does_not_obey_the_context_of_the_thread() -> None:
    with localcontext(prec=3, rounding=ROUND_HALF_EVEN):
        assert to_decimal(12345.678) == Decimal("12345.678")
        assert floor_qty(Decimal("12345.6789"), Decimal("0.001")) == Decimal("12345.678")
        assert to_cash(Decimal("12345.678")) == Decimal("12345.678")
        assert round_to_grid(Decimal("12345.6"), Decimal("0.5"), ROUND_HALF_EVEN) == Decimal("12345.5")


def test_a_day_begins_at_midnight_utc() -> None:
    assert utc_day(NS_PER_DAY - 1) == 0
    assert utc_day(NS_PER_DAY) == 1
