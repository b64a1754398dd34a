from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.simulated.account import Account
from adapters.simulated.audit import ALL_EVERY
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.orders import PositionIdx
from tests.adapters.simulated.examples.build import D, account, fill, market, order, position

BUY, SELL = Side.BUY, Side.SELL


def trading() -> Account:
    books, where = account(hedge=True), market()
    fill(books, where, BUY, "0.3", "50000", fee="8.25", idx=PositionIdx.LONG)
    books.reserve(order(where, SELL, "0.1", "51000", idx=PositionIdx.SHORT))
    books.settle(books.legs()[0], D("1.5"))
    books.check_all()
    return books


def lose_cash(books: Account) -> None:
    books.ledger.cash -= D("1e-18")


def grow_position(books: Account) -> None:
    books.legs()[0].position.qty += D("0.001")


def forget_funding(books: Account) -> None:
    books.ledger.funding = D(0)


def turn_over(books: Account) -> None:
    leg = books.legs()[0]
    leg.position.qty = leg.filled = D("-0.3")


def keep_entry(books: Account) -> None:
    leg = books.legs()[0]
    leg.position.qty = leg.filled = D(0)


def orders_below_zero(books: Account) -> None:
    books.legs()[0].buys.qty = D(-1)


def order_margin_below_zero(books: Account) -> None:
    books.reservations.total = D(-1)


BREACHES: list[tuple[Callable[[Account], None], str]] = [
    (lose_cash, "cash is 9990.24"),
    (forget_funding, "less fees 8.25, funding 0"),
    (grow_position, r"the position BTCUSDT#1 is 0.301, its fills add up to 0.3"),
    (turn_over, r"the hedge position BTCUSDT#1 is -0.3, on the wrong side"),
    (keep_entry, r"BTCUSDT#1 is flat with an entry value of 15000"),
    (orders_below_zero, r"Buy orders of BTCUSDT#1 add up to -1"),
    (order_margin_below_zero, r"order margin is -1 USDT with 1 orders"),
]


@pytest.mark.parametrize(("breach", "evidence"), BREACHES)
def test_a_breach_is_found_at_the_next_check_with_its_numbers(breach: Callable[[Account], None], evidence: str) -> None:
    books = trading()
    books.audit.note_change(books.legs()[0])
    breach(books)
    with pytest.raises(InvariantBroken, match=evidence):
        books.check()


def test_order_margin_without_orders_is_found() -> None:
    books = account()
    books.reservations.total = D(1)
    with pytest.raises(InvariantBroken, match="order margin is 1 USDT with 0 orders"):
        books.check()


def test_a_sum_that_drifted_is_found_by_the_full_check() -> None:
    books = trading()
    leg = books.legs()[0]
    leg.initial_margin += D("1e-18")
    books.check()
    with pytest.raises(InvariantBroken, match="margin of positions"):
        books.check_all()


def test_an_order_that_is_counted_twice_is_found_by_the_full_check() -> None:
    books = trading()
    where = books.legs()[0].market
    position(books, where, PositionIdx.SHORT).sells.qty += D("0.1")
    with pytest.raises(InvariantBroken, match=r"Sell orders of BTCUSDT#2: 0.2 was kept, the parts add up to 0.1"):
        books.check_all()


def test_the_full_check_comes_by_itself_once_in_a_while() -> None:
    books = trading()
    for _ in range(ALL_EVERY - 1):
        books.check()
    books.legs()[0].initial_margin += D(1)
    with pytest.raises(InvariantBroken, match="margin of positions"):
        books.check()
