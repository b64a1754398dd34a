from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.events import Side
from daemon.core.lane import Lane, Runner
from daemon.core.ledger import apply_fill
from daemon.core.market import Market
from daemon.core.orders import OrderRequest, OrderState, add_fill
from daemon.core.records import OrderType, TimeInForce
from daemon.core.units import NS_PER_MINUTE, ZERO
from tests.daemon.core.build import BTC, ETH, MIDNIGHT, Scripted, lane, trade

D = Decimal


@pytest.fixture
def runners() -> tuple[Runner, Runner, Runner]:
    """Two strategies on BTCUSDT and one on ETHUSDT in one lane."""
    made = (Runner("a", BTC, Scripted()), Runner("b", BTC, Scripted()), Runner("c", ETH, Scripted()))
    lane(*made)
    for runner in made:
        runner.market = Market(runner.symbol)
        runner.market.apply_trade(trade(100.0, symbol=runner.symbol))
    return made


def place(runner: Runner, side: Side, qty: str, price: str | None = None) -> OrderState:
    """An order under way; with a price it is a limit order that may rest."""
    number = len(runner.lane.orders)
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    limit = None if price is None else D(price)
    request = OrderRequest(f"o{number}", number, runner.name, runner.symbol, side, kind, TimeInForce.GTC, D(qty), limit)
    order = OrderState(request)
    runner.lane.orders[request.order_id] = (order, runner)
    runner.working[request.order_id] = order
    return order


def hold(runner: Runner, qty: str, price: int = 100) -> Lane:
    """Give a position to the runner and to its account."""
    side = Side.BUY if D(qty) > 0 else Side.SELL
    runner.lane.ledger.fill(runner.symbol, side, D(price), abs(D(qty)), ZERO)
    apply_fill(runner.position, side, D(price), abs(D(qty)))
    runner.lane.note_position(runner.market)
    return runner.lane


def test_what_a_strategy_holds_counts_its_own_orders_as_filled(runners: tuple[Runner, Runner, Runner]) -> None:
    first, second, _ = runners
    hold(first, "2")
    add_fill(place(first, Side.BUY, "1"), D("0.25"))
    place(first, Side.SELL, "5", "110")
    place(second, Side.BUY, "9")
    assert first.held() == D("-2.25")
    assert second.held() == 9


def test_what_is_being_closed_is_not_closed_again(runners: tuple[Runner, Runner, Runner]) -> None:
    runner = runners[0]
    hold(runner, "3")
    place(runner, Side.SELL, "1")
    assert runner.unclosed(resting=False) == 2
    place(runner, Side.SELL, "1.5", "110")
    assert runner.unclosed(resting=False) == 2
    assert runner.unclosed(resting=True) == D("0.5")
    place(runner, Side.SELL, "9")
    assert runner.unclosed(resting=False) == 0


def test_an_entry_under_way_is_nothing_to_close(runners: tuple[Runner, Runner, Runner]) -> None:
    runner = runners[0]
    place(runner, Side.BUY, "1")
    assert runner.unclosed(resting=True) == 0
    place(runner, Side.SELL, "1")
    assert runner.unclosed(resting=True) == 0


def test_a_short_is_closed_by_what_buys(runners: tuple[Runner, Runner, Runner]) -> None:
    runner = runners[0]
    hold(runner, "-3")
    place(runner, Side.SELL, "1")
    place(runner, Side.BUY, "1")
    assert runner.unclosed(resting=True) == -2
    place(runner, Side.BUY, "4")
    assert runner.unclosed(resting=True) == 0


def test_an_account_may_end_between_all_its_sell_and_all_its_buy_orders_filled(
    runners: tuple[Runner, Runner, Runner],
) -> None:
    first, second, other = runners
    hold(first, "1")
    place(first, Side.BUY, "2")
    place(second, Side.BUY, "3")
    place(second, Side.SELL, "10")
    place(other, Side.BUY, "100")
    assert first.lane.bounds(BTC) == (D(-9), D(6))
    assert first.lane.bounds("XRPUSDT") == (ZERO, ZERO)


def test_gross_notional_takes_the_worse_side_of_each_other_symbol(runners: tuple[Runner, Runner, Runner]) -> None:
    first, second, other = runners
    account = hold(first, "1")
    place(second, Side.SELL, "10")
    place(other, Side.BUY, "2")
    assert account.gross_notional(without="") == 900 + 200
    assert account.gross_notional(without=BTC) == 200
    assert account.gross_notional(without=ETH) == 900


def test_equity_is_cash_and_open_profit_at_mark(runners: tuple[Runner, Runner, Runner]) -> None:
    first, _, other = runners
    first.lane.ledger.transfer(D(1000))
    hold(first, "2", 90)
    account = hold(other, "-1", 110)
    assert account.equity() == 1000 + 2 * (100 - 90) + -1 * (100 - 110)
    hold(other, "1", 100)
    assert account.equity() == 1000 + 20 + 10
    assert [market.symbol for _, market in account.open] == [BTC]


def test_orders_are_counted_for_sixty_seconds() -> None:
    account = lane()
    for second in (0, 10, 20):
        account.note_order(MIDNIGHT + second * 1_000_000_000)
    assert account.orders_last_minute(MIDNIGHT + NS_PER_MINUTE - 1) == 3
    assert account.orders_last_minute(MIDNIGHT + NS_PER_MINUTE) == 2
    assert account.orders_last_minute(MIDNIGHT + 2 * NS_PER_MINUTE) == 0
