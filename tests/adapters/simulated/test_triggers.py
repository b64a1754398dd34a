from __future__ import annotations

from decimal import Decimal
from math import inf, nan
from time import perf_counter_ns

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.simulated.triggers import Triggers
from adapters.simulated.working import Working
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.orders import OrderRequest, TriggerDirection
from daemon.core.records import OrderType, TimeInForce, TriggerBy

D = Decimal
RISES, FALLS = TriggerDirection.RISES, TriggerDirection.FALLS
LAST, MARK, INDEX = TriggerBy.LAST, TriggerBy.MARK, TriggerBy.INDEX
MARKET = Market("BTCUSDT")


def conditional(
    name: str, price: str, direction: TriggerDirection | None = RISES, by: TriggerBy = TriggerBy.LAST
) -> Working:
    request = OrderRequest(
        name,
        1,
        "s",
        "BTCUSDT",
        Side.BUY,
        OrderType.MARKET,
        TimeInForce.IOC,
        D(1),
        trigger_price=D(price),
        trigger_by=by,
        trigger_direction=direction,
    )
    return Working(request, MARKET, D(1), 0)


def waiting(*orders: Working) -> Triggers:
    triggers = Triggers()
    for order in orders:
        triggers.add(order)
    return triggers


def names(orders: list[Working]) -> list[str]:
    return [order.id for order in orders]


def test_a_rise_fires_at_the_trigger_price_and_not_a_tick_below() -> None:
    triggers = waiting(conditional("up", "100.1"))
    assert triggers.fired(LAST, 100.0) == []
    assert names(triggers.fired(LAST, 100.1)) == ["up"]
    assert len(triggers) == 0


def test_a_fall_fires_at_the_trigger_price_and_not_a_tick_above() -> None:
    triggers = waiting(conditional("down", "99.9", FALLS))
    assert triggers.fired(LAST, 100.0) == []
    assert names(triggers.fired(LAST, 99.9)) == ["down"]
    assert triggers.fired(LAST, 99.9) == []


def test_a_jump_fires_everything_it_went_beyond_in_the_order_it_was_reached() -> None:
    triggers = waiting(conditional("b", "102"), conditional("a", "101"), conditional("c", "103"))
    assert names(triggers.fired(LAST, 102.5)) == ["a", "b"]
    triggers = waiting(conditional("b", "98", FALLS), conditional("a", "99", FALLS), conditional("c", "97", FALLS))
    assert names(triggers.fired(LAST, 97.5)) == ["a", "b"]


def test_at_one_trigger_price_whoever_came_first_goes_off_first() -> None:
    triggers = waiting(conditional("z", "101"), conditional("a", "101"), conditional("m", "101"))
    assert names(triggers.fired(LAST, 101.0)) == ["z", "a", "m"]


def test_when_both_directions_go_off_the_trigger_further_from_the_price_was_reached_first() -> None:
    triggers = waiting(conditional("near", "100"), conditional("far", "105", FALLS), conditional("here", "101", FALLS))
    assert names(triggers.fired(LAST, 101.0)) == ["far", "near", "here"]


def test_last_mark_and_index_each_fire_their_own_orders_only() -> None:
    triggers = waiting(*(conditional(by.value, "101", by=by) for by in TriggerBy))
    assert names(triggers.fired(MARK, 101.0)) == ["MarkPrice"]
    assert names(triggers.fired(INDEX, 101.0)) == ["IndexPrice"]
    assert names(triggers.fired(LAST, 101.0)) == ["LastPrice"]


@pytest.mark.parametrize("unknown", [0.0, nan, -1.0])
def test_a_price_that_is_not_known_fires_nothing(unknown: float) -> None:
    triggers = waiting(conditional("down", "99", FALLS), conditional("up", "101"))
    assert triggers.fired(LAST, unknown) == []
    assert len(triggers) == 2


def test_a_removed_order_never_fires_and_the_next_one_does() -> None:
    first, second = conditional("first", "101"), conditional("second", "102")
    triggers = waiting(first, second)
    assert triggers.remove(first)
    assert first not in triggers
    assert triggers.fired(LAST, 101.5) == []
    assert names(triggers.fired(LAST, 102.0)) == ["second"]


def test_removing_what_fired_already_says_so_and_does_nothing() -> None:
    order = conditional("up", "101")
    triggers = waiting(order)
    triggers.fired(LAST, 101.0)
    assert not triggers.remove(order)


def test_an_amended_order_is_found_where_it_was_added_and_waits_anew() -> None:
    order = conditional("up", "101")
    triggers = waiting(order)
    order.request = replace(order.request, trigger_price=D(105), trigger_by=MARK)
    assert triggers.remove(order)
    triggers.add(order)
    assert triggers.fired(LAST, 110.0) == []
    assert names(triggers.fired(MARK, 105.0)) == ["up"]


def test_an_order_without_direction_or_that_waits_already_cannot_be_added() -> None:
    triggers = Triggers()
    with pytest.raises(InvariantBroken, match="cannot wait"):
        triggers.add(conditional("x", "101", None))
    order = conditional("y", "101")
    triggers.add(order)
    with pytest.raises(InvariantBroken, match="cannot wait"):
        triggers.add(order)


def test_the_nearest_trigger_on_the_way_up_or_down() -> None:
    triggers = waiting(conditional("up", "103"), conditional("upper", "104"), conditional("down", "97", FALLS))
    assert triggers.nearest(100.0, 110.0) == 103.0
    assert triggers.nearest(100.0, 103.0) == 103.0
    assert triggers.nearest(100.0, 102.9) is None
    assert triggers.nearest(100.0, 90.0) == 97.0
    assert triggers.nearest(100.0, 97.1) is None
    assert triggers.nearest(100.0, 110.0, MARK) is None
    assert Triggers().nearest(100.0, 200.0) is None


def test_the_start_of_a_way_counts_and_what_it_is_beyond_is_reached_there() -> None:
    assert waiting(conditional("up", "100")).nearest(100.0, 90.0) == 100.0
    assert waiting(conditional("up", "95")).nearest(100.0, 110.0) == 100.0
    assert waiting(conditional("down", "105", FALLS)).nearest(100.0, 110.0) == 100.0


def test_what_is_nearest_is_what_goes_off_there() -> None:
    triggers = waiting(conditional("up", "100.1"), conditional("down", "99.9", FALLS))
    for end, name in ((110.0, "up"), (90.0, "down")):
        here = triggers.nearest(100.0, end)
        assert here is not None
        assert names(triggers.fired(LAST, here)) == [name]


def test_a_price_that_fires_nothing_costs_the_same_with_a_thousand_orders_as_with_two() -> None:
    def cost(triggers: Triggers) -> float:
        best = inf
        for _ in range(20):
            started = perf_counter_ns()
            for _ in range(1000):
                triggers.fired(LAST, 100.0)
            best = min(best, perf_counter_ns() - started)
        return best

    few = waiting(conditional("up", "101"), conditional("down", "99", FALLS))
    many = waiting(
        *(conditional(f"u{n}", str(101 + n)) for n in range(500)),
        *(conditional(f"d{n}", str(99 - D(n) / 10), FALLS) for n in range(500)),
    )
    assert cost(many) < 5 * cost(few)


class Naive:
    """Looks at every order at every price."""

    def __init__(self) -> None:
        self.orders: list[Working] = []

    def fired(self, by: TriggerBy, price: float) -> list[str]:
        hit = [order for order in self.orders if order.request.trigger_by is by and _is_reached(order, price)]
        self.orders = [order for order in self.orders if order not in hit]
        ranked = sorted(enumerate(hit), key=lambda pair: (-abs(price - _trigger(pair[1])), pair[0]))
        return [order.id for _, order in ranked]

    def nearest(self, start: float, end: float) -> float | None:
        low, high = min(start, end), max(start, end)
        mine = [order for order in self.orders if order.request.trigger_by is LAST]
        if any(_is_reached(order, start) for order in mine):
            return start
        way = RISES if end > start else FALLS
        on_way = [
            _trigger(order)
            for order in mine
            if order.request.trigger_direction is way and low <= _trigger(order) <= high
        ]
        return min(on_way, key=lambda price: abs(price - start), default=None)


def _trigger(order: Working) -> float:
    assert order.request.trigger_price is not None
    return float(order.request.trigger_price)


def _is_reached(order: Working, price: float) -> bool:
    rises = order.request.trigger_direction is RISES
    return price >= _trigger(order) if rises else price <= _trigger(order)


PRICES = st.integers(90, 110)
STEPS = st.one_of(
    st.tuples(st.just("add"), PRICES, st.sampled_from([RISES, FALLS]), st.sampled_from(list(TriggerBy))),
    st.tuples(st.just("remove"), st.integers(0, 30)),
    st.tuples(st.just("price"), PRICES, st.sampled_from(list(TriggerBy))),
    st.tuples(st.just("way"), PRICES, PRICES),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_it_agrees_with_looking_at_every_order_at_every_price(steps: list[tuple[object, ...]]) -> None:
    triggers, naive = Triggers(), Naive()
    for number, step in enumerate(steps):
        match step:
            case ("add", int(price), TriggerDirection() as direction, TriggerBy() as by):
                order = conditional(str(number), str(price), direction, by)
                triggers.add(order)
                naive.orders.append(order)
            case ("remove", int(index)) if naive.orders:
                assert triggers.remove(naive.orders.pop(index % len(naive.orders)))
            case ("price", int(price), TriggerBy() as by):
                assert names(triggers.fired(by, float(price))) == naive.fired(by, float(price))
            case ("way", int(start), int(end)):
                assert triggers.nearest(float(start), float(end)) == naive.nearest(float(start), float(end))
    assert len(triggers) == len(naive.orders)
