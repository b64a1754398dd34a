from __future__ import annotations

import pytest

from adapters.simulated import margin
from adapters.simulated.account import Account
from adapters.simulated.stops import ACCOUNT_BLOWN, MARGIN_SHORT, StopConditions
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.venue import ExchangeSettings, MarginMode
from tests.adapters.simulated.examples.build import FEE, D, account, fill, market, order, position

BUY, SELL = Side.BUY, Side.SELL
CROSS = MarginMode.CROSS


def code(stops: StopConditions, books: Account) -> str:
    report = stops.review(books)
    return "" if report is None else report.code


def move(books: Account, where: Market, mark: float) -> None:
    where.mark = mark
    books.at_risk(where)


def test_an_account_that_never_had_money_is_not_blown() -> None:
    books, stops = account("0"), StopConditions(ExchangeSettings())
    assert stops.review(books) is None
    books.transfer(D(5))
    assert stops.review(books) is None
    books.transfer(D(-5))
    assert code(stops, books) == ACCOUNT_BLOWN


def test_a_blown_account_is_told_once_until_it_is_over() -> None:
    where, books = market(), account("10000", mode=CROSS)
    stops = StopConditions(ExchangeSettings(stop_equity_usdt=D(8000)))
    fill(books, where, BUY, "1", "50000")
    assert code(stops, books) == ""
    move(books, where, 48_000.1)
    assert code(stops, books) == ""
    move(books, where, 48_000.0)
    report = stops.review(books)
    assert report is not None
    assert report.code == ACCOUNT_BLOWN
    assert report.evidence == "equity of 8000.0 USDT, wallet balance 10000, is not above the limit of 8000 USDT"
    move(books, where, 47_000.0)
    assert code(stops, books) == ""
    move(books, where, 50_000.0)
    assert code(stops, books) == ""
    move(books, where, 47_000.0)
    assert code(stops, books) == ACCOUNT_BLOWN


def test_the_equity_counts_open_losses_in_isolated_margin_too() -> None:
    where, books = market(), account("10000")
    stops = StopConditions(ExchangeSettings(stop_equity_usdt=D(9000)))
    fill(books, where, SELL, "1", "50000")
    move(books, where, 51_000.0)
    assert code(stops, books) == ACCOUNT_BLOWN


def test_little_free_margin_is_told_where_a_limit_is_set() -> None:
    where, books = market(), account("10000")
    stops = StopConditions(ExchangeSettings(stop_free_margin_usdt=D(5000)))
    assert code(stops, books) == ""
    made = order(where, BUY, "1", "50000")
    assert books.reserve(made)
    report = stops.review(books)
    assert report is not None
    assert report.code == MARGIN_SHORT
    assert report.evidence == (
        "4947.75000 USDT available, below the limit of 5000 USDT: "
        "margin balance 10000, bound by positions 0, by orders 5052.25000"
    )
    assert code(stops, books) == ""
    books.release(made)
    assert code(stops, books) == ""
    assert books.reserve(made)
    assert code(stops, books) == MARGIN_SHORT


def overdrawn_by_a_worse_fill() -> Account:
    books, where = account("5052.25"), market()
    made = order(where, BUY, "1", "50000")
    books.reserve(made)
    books.fill(made, D(50_010), D(1), margin.trading_fee(D(1), D(50_010), FEE))
    return books


def overdrawn_by_a_better_short() -> Account:
    books, where = account("5057.75"), market()
    made = order(where, SELL, "1", "50000")
    books.reserve(made)
    books.fill(made, D(50_100), D(1), margin.trading_fee(D(1), D(50_100), FEE))
    return books


def overdrawn_by_the_mark_in_cross_margin() -> Account:
    books, where = account("6000", mode=CROSS), market()
    fill(books, where, BUY, "1", "50000")
    move(books, where, 48_000.0)
    return books


def overdrawn_by_funding_in_cross_margin() -> Account:
    books, where = account("5030", mode=CROSS), market()
    fill(books, where, BUY, "1", "50000")
    books.settle(position(books, where), D(100))
    return books


def overdrawn_by_orders_whose_position_went() -> Account:
    books, where = account("5000"), market()
    fill(books, where, BUY, "0.5", "50000")
    books.reserve(order(where, SELL, "0.9", "50000"))
    fill(books, where, SELL, "0.5", "48000")
    return books


@pytest.mark.parametrize(
    "make",
    [
        overdrawn_by_a_worse_fill,
        overdrawn_by_a_better_short,
        overdrawn_by_the_mark_in_cross_margin,
        overdrawn_by_funding_in_cross_margin,
        overdrawn_by_orders_whose_position_went,
    ],
)
def test_nothing_overdraws_an_account_silently(make: object) -> None:
    assert callable(make)
    books = make()
    assert isinstance(books, Account)
    assert books.available() < 0
    books.check_all()
    assert code(StopConditions(ExchangeSettings()), books) == MARGIN_SHORT


def test_funding_never_overdraws_isolated_margin() -> None:
    books, where = account("5030"), market()
    fill(books, where, BUY, "1", "50000")
    books.settle(position(books, where), D(100))
    assert books.available() == 0
    assert code(StopConditions(ExchangeSettings()), books) == ""


def test_two_conditions_are_told_one_after_the_other() -> None:
    where, books = market(), account("6000", mode=CROSS)
    stops = StopConditions(ExchangeSettings(stop_equity_usdt=D(5000)))
    fill(books, where, BUY, "1", "50000")
    move(books, where, 48_000.0)
    assert [code(stops, books) for _ in range(3)] == [ACCOUNT_BLOWN, MARGIN_SHORT, ""]
