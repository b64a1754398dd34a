from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.simulated.protection import (
    PARTIAL,
    amended,
    order_children,
    partial_orders,
    position_orders,
    replaced,
    siblings,
    trailing_order,
    whole_stop,
)
from adapters.simulated.trailing import TrailingStop
from adapters.simulated.working import Working
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, PositionIdx, Protection, TradingStop, TriggerDirection
from daemon.core.records import CreateType, OrderType, StopOrderType, TimeInForce, TriggerBy

D = Decimal
BTC = "BTCUSDT"
RISES, FALLS = TriggerDirection.RISES, TriggerDirection.FALLS
BOTH = Protection(take_profit=D(110), stop_loss=D(90))
BOTH_PARTIAL = Protection(take_profit=D(110), stop_loss=D(90), partial=True)


def parent(protection: Protection | None, side: Side = Side.BUY, idx: PositionIdx = PositionIdx.ONE_WAY) -> Working:
    request = OrderRequest(
        "entry", 7, "trend", BTC, side, OrderType.MARKET, TimeInForce.IOC, D(2), position_idx=idx, protection=protection
    )
    return Working(request, Market(BTC), D(2), 0)


def stop(protection: Protection, idx: PositionIdx = PositionIdx.ONE_WAY) -> TradingStop:
    return TradingStop(BTC, protection, decision=7, strategy="trend", position_idx=idx)


def test_each_fill_of_an_order_makes_its_own_pair_named_after_it() -> None:
    first = order_children(parent(BOTH_PARTIAL), D("0.5"), 1)
    second = order_children(parent(BOTH_PARTIAL), D("1.5"), 2)
    assert [child.order_id for child in first + second] == ["entry-tp1", "entry-sl1", "entry-tp2", "entry-sl2"]
    assert [child.qty for child in first + second] == [D("0.5"), D("0.5"), D("1.5"), D("1.5")]
    assert {(child.parent, child.decision, child.strategy) for child in first} == {("entry", 7, "trend")}


def test_a_partial_pair_is_two_orders_that_only_reduce_and_say_what_they_are() -> None:
    take_profit, stop_loss = order_children(parent(BOTH_PARTIAL), D(1), 1)
    assert take_profit.stop_order_type is StopOrderType.PARTIAL_TAKE_PROFIT
    assert take_profit.create_type is CreateType.PARTIAL_TAKE_PROFIT
    assert stop_loss.stop_order_type is StopOrderType.PARTIAL_STOP_LOSS
    assert stop_loss.create_type is CreateType.PARTIAL_STOP_LOSS
    for child in (take_profit, stop_loss):
        assert child.reduce_only
        assert child.close_on_trigger
        assert child.is_conditional
        assert (child.type, child.time_in_force, child.price) == (OrderType.MARKET, TimeInForce.IOC, None)
    assert {take_profit.stop_order_type, stop_loss.stop_order_type} == PARTIAL


@pytest.mark.parametrize(
    ("side", "closing", "take_profit_direction", "stop_loss_direction"),
    [(Side.BUY, Side.SELL, RISES, FALLS), (Side.SELL, Side.BUY, FALLS, RISES)],
)
def test_a_long_takes_profit_on_a_rise_and_a_short_on_a_fall(
    side: Side, closing: Side, take_profit_direction: TriggerDirection, stop_loss_direction: TriggerDirection
) -> None:
    take_profit, stop_loss = order_children(parent(BOTH_PARTIAL, side), D(1), 1)
    assert take_profit.side is stop_loss.side is closing
    assert (take_profit.trigger_price, take_profit.trigger_direction) == (D(110), take_profit_direction)
    assert (stop_loss.trigger_price, stop_loss.trigger_direction) == (D(90), stop_loss_direction)


def test_a_limit_price_makes_a_partial_protection_a_resting_limit_order() -> None:
    protection = Protection(take_profit=D(110), take_profit_limit=D(111), stop_loss=D(90), partial=True)
    take_profit, stop_loss = order_children(parent(protection), D(1), 1)
    assert (take_profit.type, take_profit.price, take_profit.time_in_force) == (
        OrderType.LIMIT,
        D(111),
        TimeInForce.GTC,
    )
    assert stop_loss.type is OrderType.MARKET


def test_each_protection_waits_for_its_own_kind_of_price_on_its_parents_position() -> None:
    protection = Protection(
        take_profit=D(110),
        stop_loss=D(90),
        take_profit_by=TriggerBy.MARK,
        stop_loss_by=TriggerBy.INDEX,
        partial=True,
    )
    take_profit, stop_loss = order_children(parent(protection, idx=PositionIdx.LONG), D(1), 1)
    assert (take_profit.trigger_by, stop_loss.trigger_by) == (TriggerBy.MARK, TriggerBy.INDEX)
    assert take_profit.position_idx is stop_loss.position_idx is PositionIdx.LONG


def test_an_order_with_a_protection_of_the_whole_position_has_no_children_but_sets_a_trading_stop() -> None:
    assert order_children(parent(BOTH), D(1), 1) == []
    assert whole_stop(parent(BOTH)) == stop(BOTH)
    assert whole_stop(parent(BOTH_PARTIAL)) is None
    assert order_children(parent(None), D(1), 1) == []
    assert whole_stop(parent(None)) is None


def test_a_whole_position_is_protected_in_nobodys_name_by_market_orders_over_all_of_it() -> None:
    take_profit, stop_loss = position_orders(stop(BOTH, PositionIdx.SHORT), D(-3), "BTCUSDT-2-1")
    assert (take_profit.order_id, stop_loss.order_id) == ("BTCUSDT-2-1-tp", "BTCUSDT-2-1-sl")
    assert (take_profit.stop_order_type, stop_loss.stop_order_type) == (
        StopOrderType.TAKE_PROFIT,
        StopOrderType.STOP_LOSS,
    )
    assert (take_profit.create_type, stop_loss.create_type) == (CreateType.TAKE_PROFIT, CreateType.STOP_LOSS)
    for made in (take_profit, stop_loss):
        assert (made.side, made.qty, made.type, made.strategy) == (Side.BUY, D(3), OrderType.MARKET, "")
        assert (made.decision, made.parent, made.position_idx) == (7, "", PositionIdx.SHORT)


@pytest.mark.parametrize("unset", [None, D(0)])
def test_what_is_not_given_or_zero_makes_no_order(unset: Decimal | None) -> None:
    made = position_orders(stop(Protection(take_profit=unset, stop_loss=D(90))), D(1), "x")
    assert [request.order_id for request in made] == ["x-sl"]
    made = position_orders(stop(Protection(take_profit=D(110), stop_loss=unset)), D(1), "x")
    assert [request.order_id for request in made] == ["x-tp"]


def test_a_partial_trading_stop_is_of_its_own_quantity_or_of_the_position() -> None:
    some = Protection(take_profit=D(90), stop_loss=D(110), partial=True, qty=D("0.4"))
    made = partial_orders(stop(some), D(-3), "x")
    assert [(request.order_id, request.qty, request.side) for request in made] == [
        ("x-tp", D("0.4"), Side.BUY),
        ("x-sl", D("0.4"), Side.BUY),
    ]
    assert {request.strategy for request in made} == {"trend"}
    assert [request.qty for request in partial_orders(stop(BOTH_PARTIAL), D(3), "x")] == [D(3), D(3)]


def test_partial_protections_asked_for_together_are_siblings_and_others_are_not() -> None:
    assert siblings(partial_orders(stop(BOTH_PARTIAL), D(1), "x")) == {"x-tp": "x-sl", "x-sl": "x-tp"}
    alone = Protection(take_profit=D(110), partial=True)
    assert siblings(partial_orders(stop(alone), D(1), "x")) == {}
    assert siblings(position_orders(stop(BOTH), D(1), "x")) == {}


def test_a_trailing_stop_is_an_order_over_the_whole_position_at_where_it_stands() -> None:
    asked = stop(Protection(trailing_stop=D(10)))
    trailing = TrailingStop(leg=PositionIdx.ONE_WAY, side=Side.BUY, distance=D(10), tick=D("0.1"))
    trailing.follow(100.0)
    made = trailing_order(asked, trailing, D(2), "x")
    assert (made.order_id, made.qty, made.side, made.strategy) == ("x-ts", D(2), Side.SELL, "")
    assert (made.trigger_price, made.trigger_direction, made.trigger_by) == (D(90), FALLS, TriggerBy.LAST)
    assert (made.stop_order_type, made.create_type) == (StopOrderType.TRAILING_STOP, CreateType.TRAILING_STOP)
    assert made.reduce_only


def test_a_trailing_stop_that_waits_for_its_active_price_is_shown_where_it_will_first_stand() -> None:
    asked = stop(Protection(trailing_stop=D(10), active_price=D(80)))
    trailing = TrailingStop(leg=PositionIdx.ONE_WAY, side=Side.SELL, distance=D(10), tick=D("0.1"), active_price=D(80))
    trailing.follow(100.0)
    made = trailing_order(asked, trailing, D(-2), "x")
    assert (made.trigger_price, made.trigger_direction, made.side) == (D(90), RISES, Side.BUY)


@pytest.mark.parametrize(
    ("protection", "kinds"),
    [
        (Protection(take_profit=D(110)), (StopOrderType.TAKE_PROFIT,)),
        (Protection(stop_loss=D(0)), (StopOrderType.STOP_LOSS,)),
        (BOTH, (StopOrderType.TAKE_PROFIT, StopOrderType.STOP_LOSS)),
        (Protection(trailing_stop=D(0)), (StopOrderType.TRAILING_STOP,)),
        (BOTH_PARTIAL, ()),
        (Protection(), ()),
    ],
)
def test_what_is_set_or_zero_replaces_its_kind_and_partial_ones_are_added(
    protection: Protection, kinds: tuple[StopOrderType, ...]
) -> None:
    assert replaced(protection) == kinds


def test_an_amendment_changes_adds_or_removes_one_side_of_a_protection() -> None:
    assert amended(BOTH, Amendment("x", qty=D(1))) is BOTH
    assert amended(BOTH, Amendment("x", take_profit=D(120))) == Protection(take_profit=D(120), stop_loss=D(90))
    assert amended(BOTH, Amendment("x", stop_loss=D(0))) == Protection(take_profit=D(110))
    assert amended(None, Amendment("x", stop_loss=D(80))) == Protection(stop_loss=D(80))
    assert amended(BOTH, Amendment("x", take_profit=D(0), stop_loss=D(0))) is None
    assert amended(None, Amendment("x", take_profit=D(0))) is None


def test_a_side_that_is_removed_takes_its_limit_price_with_it() -> None:
    limits = Protection(
        take_profit=D(110), take_profit_limit=D(111), stop_loss=D(90), stop_loss_limit=D(89), partial=True
    )
    assert amended(limits, Amendment("x", take_profit=D(0))) == Protection(
        stop_loss=D(90), stop_loss_limit=D(89), partial=True
    )
    assert amended(limits, Amendment("x", stop_loss=D(0), take_profit=D(115))) == Protection(
        take_profit=D(115), take_profit_limit=D(111), partial=True
    )
