from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.simulated.constraints import MAX_ACTIVE_ORDERS, refusal
from daemon.core.events import Instrument, Side
from daemon.core.orders import OrderRequest
from daemon.core.records import OrderType, TimeInForce
from tests.daemon.core.build import BTC, instrument

D = Decimal


def answer(
    qty: str = "1",
    price: str | None = "100",
    *,
    market: bool = False,
    reduce_only: bool = False,
    active: int = 0,
    on: Instrument | None = instrument(),  # noqa: B008 - a frozen struct
) -> str | None:
    kind = OrderType.MARKET if market else OrderType.LIMIT
    limit = None if market or price is None else D(price)
    request = OrderRequest("id", 1, "s", BTC, Side.BUY, kind, TimeInForce.GTC, D(qty), limit, reduce_only)
    return refusal(request, on, mark=D(100), active_orders=active)


def code(text: str | None) -> str:
    return "taken" if text is None else text.partition(":")[0]


def test_a_plain_order_is_taken() -> None:
    assert answer() is None
    assert answer(market=True) is None


@pytest.mark.parametrize("on", [None, instrument(status="PreLaunch"), instrument(status="Closed")])
def test_110074_a_contract_that_is_not_live(on: Instrument | None) -> None:
    assert code(answer(on=on)) == "110074"


@pytest.mark.parametrize(
    ("qty", "expected"), [("1.001", "taken"), ("1.0005", "10001"), ("0.0005", "10001"), ("1E+300", "10001")]
)
def test_10001_a_quantity_off_the_step(qty: str, expected: str) -> None:
    assert code(answer(qty)) == expected


def test_10001_a_quantity_below_the_minimum_and_the_minimum_is_taken() -> None:
    larger = instrument(min_qty=D("0.100"))
    assert code(answer("0.099", on=larger)) == "10001"
    assert answer("0.100", on=larger) is None


def test_10001_a_quantity_above_the_maximum_of_its_type_and_the_maximum_is_taken() -> None:
    assert answer("1190") is None
    assert code(answer("1190.001")) == "10001"
    assert answer("500", market=True) is None
    assert code(answer("500.001", market=True)) == "10001"
    assert answer("500.001", market=True, reduce_only=True) is None


@pytest.mark.parametrize("price", ["100.05", "0", "-1", "1E+300", None])
def test_10001_a_limit_price_off_the_tick_or_missing(price: str | None) -> None:
    assert code(answer(price=price)) == "10001"


def test_110094_a_value_below_the_minimum_and_the_minimum_is_taken() -> None:
    assert code(answer("0.049")) == "110094"
    assert answer("0.050") is None
    assert code(answer("0.049", market=True)) == "110094"
    assert answer("0.050", market=True) is None
    assert answer("0.001", reduce_only=True) is None


def test_110020_one_order_more_than_the_exchange_keeps() -> None:
    assert answer(active=MAX_ACTIVE_ORDERS - 1) is None
    assert code(answer(active=MAX_ACTIVE_ORDERS)) == "110020"


def test_the_state_of_the_contract_comes_before_the_grid_and_the_grid_before_the_value() -> None:
    assert code(answer("0.0005", on=instrument(status="Closed"))) == "110074"
    assert code(answer("0.0005")) == "10001"
    assert code(answer("0.001", price="100.05")) == "10001"
