from __future__ import annotations

import pytest

from adapters.simulated.account_settings import add_margin, set_leverage, set_margin_mode, switch_position_mode
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.venue import MarginMode
from tests.adapters.simulated.examples.build import BTC, D, account, fill, market, order, position, risk_tiers

BUY, SELL = Side.BUY, Side.SELL
ISOLATED, CROSS = MarginMode.ISOLATED, MarginMode.CROSS


def code(refused: str | None) -> str:
    return "" if refused is None else refused.split(":")[0]


def test_leverage_sizes_positions_and_orders_anew() -> None:
    where, books = market(), account()
    fill(books, where, BUY, "1", "50000")
    made = order(where, BUY, "0.5", "50000")
    assert books.reserve(made)
    before = books.available()
    assert set_leverage(books, where, D(25)) is None
    assert books.leverage_of(BTC) == 25
    assert books.initial_margin() == D("2026.4")
    assert books.order_margin() == D("1026.95")
    assert books.available() > before
    books.check_all()


def test_leverage_set_before_a_position_is_its_own_and_other_symbols_keep_theirs() -> None:
    where, books = market(), account()
    assert set_leverage(books, where, D(20)) is None
    assert position(books, where).leverage == 20
    assert books.leverage_of("ETHUSDT") == 10


@pytest.mark.parametrize(
    ("leverage", "expected"),
    [("10", "110043"), ("0.99", "10001"), ("100.01", "10001"), ("10.001", "10001"), ("12.34", "")],
)
def test_leverage_must_be_new_and_on_the_grid(leverage: str, expected: str) -> None:
    assert code(set_leverage(account(), market(), D(leverage))) == expected
    assert code(set_leverage(account(), Market("NEWUSDT"), D(leverage))) == "10001"


def test_leverage_above_the_tier_of_position_and_orders_is_refused() -> None:
    where, books = market(tiers=risk_tiers(BTC)), account("400000")
    fill(books, where, BUY, "30", "50000")
    assert books.reserve(order(where, BUY, "20", "50000"))
    refused = set_leverage(books, where, D(91))
    assert refused is not None
    assert refused.startswith("110013: 91 is above the 90.00 allowed for 2500000.0 USDT")
    assert set_leverage(books, where, D(90)) is None


def test_leverage_that_needs_more_than_is_available_changes_nothing() -> None:
    where, books = market(), account("6000")
    fill(books, where, BUY, "1", "50000")
    leg = position(books, where)
    books.set_added(leg, D(20))
    before = [books.available(), leg.initial_margin, leg.added, leg.leverage]
    assert code(set_leverage(books, where, D(5))) == "110044"
    assert [books.available(), leg.initial_margin, leg.added, leg.leverage] == before
    books.check_all()


def test_leverage_that_would_liquidate_changes_nothing() -> None:
    where, books = market(mark=49_000.0), account("6000")
    fill(books, where, BUY, "1", "50000")
    assert code(set_leverage(books, where, D(60))) == "110011"
    assert position(books, where).leverage == 10
    assert set_leverage(books, where, D(40)) is None


def test_added_margin_returns_when_the_leverage_changes() -> None:
    where, books = market(), account()
    fill(books, where, BUY, "1", "50000")
    leg = position(books, where)
    assert add_margin(books, leg, D(500)) is None
    assert set_leverage(books, where, D(20)) is None
    assert leg.added == 0
    assert books.available() == 10_000 - leg.initial_margin
    books.check_all()


def test_margin_is_added_and_taken_back() -> None:
    where, books = market(), account()
    fill(books, where, BUY, "1", "50000")
    leg = position(books, where)
    price, free = leg.liquidation_price, books.available()
    assert price is not None
    assert add_margin(books, leg, D("1000.5")) is None
    assert books.available() == free - D("1000.5")
    assert leg.liquidation_price is not None
    assert leg.liquidation_price < price
    assert add_margin(books, leg, D("-1000.5")) is None
    assert (leg.liquidation_price, books.available()) == (price, free)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("0", "10001"), ("0.00001", "10001"), ("5000", "110012"), ("-0.0001", "110078"), ("4900", "")],
)
def test_amounts_of_margin_that_are_refused(amount: str, expected: str) -> None:
    where, books = market(), account()
    fill(books, where, BUY, "1", "50000")
    assert code(add_margin(books, position(books, where), D(amount))) == expected
    books.check_all()


def test_margin_needed_to_stay_alive_cannot_be_taken() -> None:
    where, books = market(mark=44_500.0), account()
    fill(books, where, BUY, "1", "50000")
    leg = position(books, where)
    books.set_added(leg, D(1000))
    assert code(add_margin(books, leg, D(-1000))) == "110046"
    assert leg.added == 1000
    assert add_margin(books, leg, D(-100)) is None


def test_margin_is_added_to_isolated_positions_only() -> None:
    where, books = market(), account()
    assert code(add_margin(books, position(books, where), D(1))) == "110033"
    crossed = account(mode=CROSS)
    fill(crossed, where, BUY, "1", "50000")
    assert code(add_margin(crossed, position(crossed, where), D(1))) == "110015"


def test_the_margin_mode_changes_with_positions_open_and_back() -> None:
    where, books = market(mark=51_000.0), account()
    fill(books, where, BUY, "1", "50000")
    leg = position(books, where)
    books.set_added(leg, D(500))
    assert code(set_margin_mode(books, ISOLATED)) == "110026"
    assert set_margin_mode(books, CROSS) is None
    assert (leg.added, leg.initial_margin) == (D(0), D(0))
    assert books.margin_balance() == 11_000
    assert abs(books.available_estimate() - float(books.available())) < books.slack()
    books.check_all()
    assert set_margin_mode(books, ISOLATED) is None
    assert books.available() == 10_000 - leg.initial_margin
    assert set_margin_mode(books, CROSS) is None
    assert abs(books.available_estimate() - float(books.available())) < books.slack()
    books.check_all()


def test_a_margin_mode_that_the_account_cannot_carry_is_refused() -> None:
    where, books = market(), account("5500", mode=CROSS)
    fill(books, where, BUY, "1", "50000")
    where.mark = 45_100.0
    refused = set_margin_mode(books, ISOLATED)
    assert refused == "3400045: isolated margin is more than the account can carry, with 475.25000 USDT available"
    assert books.mode is CROSS
    assert abs(books.available_estimate() - float(books.available())) < books.slack()
    books.check_all()


def test_the_position_mode_changes_only_while_nothing_is_open() -> None:
    where, books = market(), account()
    assert code(switch_position_mode(books, hedge=False)) == "110025"
    made = order(where, BUY, "0.1", "50000")
    books.reserve(made)
    assert code(switch_position_mode(books, hedge=True)) == "110028"
    books.fill(made, D(50_000), D("0.1"), D(0))
    books.release(made)
    assert code(switch_position_mode(books, hedge=True)) == "110024"
    fill(books, where, SELL, "0.1", "50000")
    assert switch_position_mode(books, hedge=True) is None
    assert books.hedge
