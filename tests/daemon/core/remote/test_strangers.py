from __future__ import annotations

import pytest

from daemon.core.events import Side
from daemon.core.orders import PositionIdx, TriggerDirection
from daemon.core.records import CreateType, OrderType, StopOrderType, TimeInForce, TriggerBy
from daemon.core.remote.strangers import (
    FORCED,
    PROTECTIONS,
    request_of_execution,
    request_of_order,
    word,
    word_idx,
)
from tests.daemon.core.account_facts import D, executed, order_seen
from tests.daemon.core.build import BTC


def test_an_order_is_taken_as_the_venue_shows_it() -> None:
    row = order_seen(
        "by-hand",
        "Untriggered",
        side="Sell",
        type="Market",
        time_in_force="IOC",
        reduce_only=True,
        position_idx=2,
        trigger_price=D(90),
        trigger_by="MarkPrice",
        trigger_direction=2,
        close_on_trigger=True,
        stop_order_type="StopLoss",
        create_type="CreateByStopLoss",
    )
    request = request_of_order(row)
    assert (request.order_id, request.decision, request.strategy, request.symbol) == ("v-by-hand", 0, "", BTC)
    assert (request.side, request.type, request.time_in_force) == (Side.SELL, OrderType.MARKET, TimeInForce.IOC)
    assert (request.qty, request.price, request.trigger_price) == (D(1), D(100), D(90))
    assert (request.trigger_by, request.trigger_direction) == (TriggerBy.MARK, TriggerDirection.FALLS)
    assert (request.reduce_only, request.close_on_trigger, request.position_idx) == (True, True, PositionIdx.SHORT)
    assert (request.stop_order_type, request.create_type) == (StopOrderType.STOP_LOSS, CreateType.STOP_LOSS)


def test_words_that_we_do_not_know_stand_for_something_we_do() -> None:
    row = order_seen(
        "x", type="Iceberg", time_in_force="RPI", trigger_by="Moon", stop_order_type="tpsl", create_type="CreateByRobot"
    )
    request = request_of_order(row)
    assert (request.type, request.time_in_force, request.trigger_by) == (
        OrderType.MARKET,
        TimeInForce.GTC,
        TriggerBy.LAST,
    )
    assert (request.stop_order_type, request.create_type) == (StopOrderType.NONE, CreateType.OTHER)
    assert request.trigger_direction is None
    assert word(TriggerBy, "MarkPrice", TriggerBy.LAST) is TriggerBy.MARK


@pytest.mark.parametrize(("direction", "known"), [(0, None), (1, TriggerDirection.RISES), (3, None)])
def test_a_trigger_direction_is_one_of_two(direction: int, known: TriggerDirection | None) -> None:
    assert request_of_order(order_seen("x", trigger_direction=direction)).trigger_direction is known


@pytest.mark.parametrize("idx", [-1, 3, 99])
def test_a_position_index_that_is_none_counts_as_the_only_one(idx: int) -> None:
    assert word_idx(idx) is PositionIdx.ONE_WAY


def test_an_order_known_by_an_execution_is_at_least_as_large_as_it() -> None:
    known = request_of_execution(executed("x", qty="0.4", order_qty=D(3), side="Sell"))
    assert (known.qty, known.side, known.order_id, known.strategy) == (D(3), Side.SELL, "v-x", "")
    assert request_of_execution(executed("x", qty="0.4", order_qty=None)).qty == D("0.4")
    assert request_of_execution(executed("x", qty="2", order_qty=D(1))).qty == D(2)


def test_what_the_venue_makes_to_protect_or_by_force_is_nobody_elses() -> None:
    assert PROTECTIONS.isdisjoint(FORCED)
    assert CreateType.USER not in PROTECTIONS | FORCED
    assert CreateType.OTHER not in PROTECTIONS | FORCED
    assert {CreateType.LIQUIDATION, CreateType.TAKE_OVER, CreateType.ADL} == FORCED
    assert len(PROTECTIONS) == 6
