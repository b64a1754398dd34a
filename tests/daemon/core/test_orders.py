from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.orders import (
    TRANSITIONS,
    OrderRequest,
    OrderState,
    add_fill,
    advance,
    order_id,
    replace_request,
)
from daemon.core.records import OrderStatus, OrderType, TimeInForce
from tests.daemon.core.build import BTC

TERMINAL = {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.DEACTIVATED}
EVENTS = st.lists(st.sampled_from([*OrderStatus, *map(Decimal, ("-1", "0", "0.25", "1", "3", "5", "7"))]), max_size=20)


def order(
    qty: str = "5", kind: OrderType = OrderType.LIMIT, time_in_force: TimeInForce = TimeInForce.GTC
) -> OrderState:
    return OrderState(OrderRequest("id", 1, "s", BTC, Side.BUY, kind, time_in_force, Decimal(qty), Decimal(100)))


@given(EVENTS)
def test_an_order_walks_the_table_is_never_overfilled_and_never_reopens(events: list[OrderStatus | Decimal]) -> None:
    state = order()
    closed_as: OrderStatus | None = None
    for event in events:
        before = (state.status, state.filled_qty)
        try:
            if isinstance(event, OrderStatus):
                advance(state, event)
            else:
                add_fill(state, event)
        except InvariantBroken:
            assert (state.status, state.filled_qty) == before
        else:
            assert state.status in TRANSITIONS[before[0]]
        assert 0 <= state.filled_qty <= 5
        assert state.remaining == 5 - state.filled_qty
        if closed_as is not None:
            assert state.status is closed_as
        closed_as = None if state.is_open else state.status


@pytest.mark.parametrize("before", list(OrderStatus))
@pytest.mark.parametrize("after", list(OrderStatus))
def test_only_the_steps_of_the_table_are_possible(before: OrderStatus, after: OrderStatus) -> None:
    state = OrderState(order().request, before)
    if after in TRANSITIONS[before]:
        advance(state, after)
        assert state.status is after
    else:
        with pytest.raises(InvariantBroken, match=f"from {before} to {after}"):
            advance(state, after)


def test_the_table_knows_every_status_and_the_terminal_ones_lead_nowhere() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)
    assert {status for status, following in TRANSITIONS.items() if not following} == TERMINAL
    assert all(OrderStatus.SUBMITTED not in following for following in TRANSITIONS.values())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OrderStatus.NEW, OrderStatus.REJECTED),
        (OrderStatus.NEW, OrderStatus.SUBMITTED),
        (OrderStatus.PARTIALLY_FILLED, OrderStatus.NEW),
        (OrderStatus.PARTIALLY_FILLED, OrderStatus.REJECTED),
        (OrderStatus.FILLED, OrderStatus.CANCELLED),
        (OrderStatus.CANCELLED, OrderStatus.FILLED),
        (OrderStatus.REJECTED, OrderStatus.NEW),
    ],
)
def test_these_steps_are_never_in_the_table(before: OrderStatus, after: OrderStatus) -> None:
    assert after not in TRANSITIONS[before]


def test_a_fill_of_all_that_is_left_fills_the_order() -> None:
    state = order()
    seen = []
    for qty in (2, 3):
        add_fill(state, Decimal(qty))
        seen.append((state.status, state.is_open))
    assert seen == [(OrderStatus.PARTIALLY_FILLED, True), (OrderStatus.FILLED, False)]


def test_only_limit_orders_without_an_immediate_end_may_rest() -> None:
    limit = [time_in_force for time_in_force in TimeInForce if order(time_in_force=time_in_force).request.may_rest]
    assert limit == [TimeInForce.GTC, TimeInForce.POST_ONLY]
    assert not order(kind=OrderType.MARKET).request.may_rest


def test_an_order_id_is_a_pure_function_of_the_decision() -> None:
    assert order_id("main", 7, 0) == order_id("main", 7, 0) == "main-7-0"


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        (OrderStatus.SUBMITTED, True),
        (OrderStatus.UNTRIGGERED, True),
        (OrderStatus.TRIGGERED, False),
        (OrderStatus.NEW, False),
        (OrderStatus.DEACTIVATED, False),
    ],
)
def test_a_conditional_order_waits_until_it_is_triggered_or_done(status: OrderStatus, waits: bool) -> None:
    plain = order().request
    conditional = msgspec.structs.replace(plain, trigger_price=Decimal(110))
    assert OrderState(conditional, status).waits is waits
    assert not OrderState(plain, status).waits


def changed(state: OrderState, **fields: Decimal | str | Side) -> OrderRequest:
    return msgspec.structs.replace(state.request, **fields)


def test_an_amendment_replaces_the_request_and_keeps_what_is_filled() -> None:
    state = order()
    add_fill(state, Decimal(2))
    replace_request(state, changed(state, qty=Decimal(3), price=Decimal(99)), ours=True)
    assert [state.request.qty, state.request.price] == [3, 99]
    assert [state.filled_qty, state.remaining, state.status] == [2, 1, OrderStatus.PARTIALLY_FILLED]


@pytest.mark.parametrize(
    "fields", [{"qty": Decimal(2)}, {"side": Side.SELL}, {"symbol": "ETHUSDT"}, {"strategy": "another"}], ids=str
)
def test_an_amendment_to_another_order_or_to_nothing_left_is_impossible(fields: dict[str, Decimal | str]) -> None:
    state = order()
    add_fill(state, Decimal(2))
    before = state.request
    with pytest.raises(InvariantBroken, match="cannot become"):
        replace_request(state, changed(state, **fields), ours=True)
    assert state.request is before


def test_a_closed_order_cannot_be_amended() -> None:
    state = OrderState(order().request, OrderStatus.CANCELLED)
    with pytest.raises(InvariantBroken, match="Cancelled"):
        replace_request(state, changed(state, qty=Decimal(9)), ours=True)


def test_what_an_amendment_under_way_adds_may_fill_already_and_what_it_takes_away_still_may() -> None:
    state = order()
    add_fill(state, Decimal(1))
    exposed = []
    for asked in (None, Decimal(8), Decimal(3)):
        state.asked_qty = asked
        exposed.append(state.exposed)
    assert exposed == [4, 7, 4]


def test_a_change_that_does_not_answer_ours_leaves_ours_under_way() -> None:
    state = order()
    state.asked_qty = Decimal(8)
    replace_request(state, changed(state, qty=Decimal(4)), ours=False)
    assert state.asked_qty == 8
    replace_request(state, changed(state, qty=Decimal(8)), ours=True)
    assert state.asked_qty is None
