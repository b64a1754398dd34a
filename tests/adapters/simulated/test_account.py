from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.simulated.account import Account, margin_rate, order_cost_rate
from daemon.core.events import Side
from daemon.core.units import ZERO
from tests.daemon.core.build import BTC, ETH

D = Decimal
FEE = D("0.00055")


@pytest.fixture
def account() -> Account:
    made = Account(leverage=D(10), taker_fee=FEE)
    made.ledger.transfer(D(10_000))
    return made


@pytest.mark.parametrize(("side", "cost"), [(Side.BUY, "5052.25"), (Side.SELL, "5057.75")])
def test_order_cost_of_the_bybit_page_order_cost_usdt_contract(side: Side, cost: str) -> None:
    assert D(50_000) * order_cost_rate(side, leverage=D(10), taker_fee=FEE) == D(cost)


@pytest.mark.parametrize(
    ("side", "fee_to_close", "margin"), [(Side.BUY, "21.56", "821.56"), (Side.SELL, "22.44", "822.44")]
)
def test_initial_margin_of_the_bybit_page_liquidation_process_uta(side: Side, fee_to_close: str, margin: str) -> None:
    bound = D(40_000) * margin_rate(side, leverage=D(50), taker_fee=FEE)
    assert bound == D(margin)
    assert bound - D(800) == D(fee_to_close)


def test_an_order_binds_its_cost_until_it_is_released(account: Account) -> None:
    assert account.reserve("a", BTC, Side.BUY, D(1), D(50_000))
    assert account.available() == D(10_000) - D("5052.25")
    account.release("a")
    assert account.available() == 10_000
    account.release("a")
    assert account.available() == 10_000


def test_an_order_may_cost_all_that_is_available_and_not_more(account: Account) -> None:
    account.ledger.transfer(D("5052.25") - 10_000)
    assert not account.reserve("a", BTC, Side.BUY, D(1), D("50000.1"))
    assert account.available() == D("5052.25")
    assert account.reserve("a", BTC, Side.BUY, D(1), D(50_000))
    assert account.available() == 0
    assert not account.reserve("b", ETH, Side.BUY, D("0.01"), D(100))


def test_a_position_binds_its_initial_margin_at_entry_whatever_the_market_does(account: Account) -> None:
    account.ledger.fill(BTC, Side.SELL, D(50_000), D(1), D("27.5"))
    assert account.available() == D(10_000) - D("27.5") - (D(5_000) + D(55_000) * FEE)


def test_an_order_that_reduces_binds_nothing_and_is_taken_without_money(account: Account) -> None:
    account.ledger.fill(BTC, Side.BUY, D(50_000), D(1), ZERO)
    account.ledger.transfer(-account.available())
    assert account.available() == 0
    assert account.reserve("out", BTC, Side.SELL, D(1), D(50_000))
    assert account.available() == 0
    assert not account.reserve("through", BTC, Side.SELL, D("1.001"), D(50_000))


def test_an_order_through_zero_binds_the_part_that_opens(account: Account) -> None:
    account.ledger.fill(BTC, Side.BUY, D(100), D(1), ZERO)
    before = account.available()
    assert account.reserve("flip", BTC, Side.SELL, D(3), D(100))
    assert before - account.available() == 200 * order_cost_rate(Side.SELL, leverage=D(10), taker_fee=FEE)


def test_what_is_left_of_an_order_binds_its_own_cost_only(account: Account) -> None:
    account.reserve("a", BTC, Side.BUY, D(4), D(100))
    account.reserve_rest("a", BTC, Side.BUY, D(1), D(100))
    assert account.available() == 10_000 - 100 * order_cost_rate(Side.BUY, leverage=D(10), taker_fee=FEE)


def test_the_opening_part_is_what_exceeds_the_opposite_position(account: Account) -> None:
    assert account.opening_qty(BTC, Side.BUY, D(2)) == 2
    account.ledger.fill(BTC, Side.SELL, D(100), D(3), ZERO)
    assert account.opening_qty(BTC, Side.BUY, D(2)) == 0
    assert account.opening_qty(BTC, Side.BUY, D(5)) == 2
    assert account.opening_qty(BTC, Side.SELL, D(2)) == 2
