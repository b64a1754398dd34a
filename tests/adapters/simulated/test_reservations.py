from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.reservations import Reservations, binds
from daemon.core.events import Side
from daemon.core.records import OrderStatus
from tests.adapters.simulated.examples.build import D, account, market, order, position

BUY, SELL = Side.BUY, Side.SELL


def test_what_binds() -> None:
    where = market()
    assert binds(order(where, BUY, "1", "1"))
    assert binds(order(where, BUY, "1", "1", status=OrderStatus.TRIGGERED))
    assert not binds(order(where, BUY, "1", "1", reduce_only=True))
    assert not binds(order(where, BUY, "1", "1", status=OrderStatus.UNTRIGGERED))


def agree(_: object) -> bool:
    return True


def test_the_caller_decides_whether_more_fits() -> None:
    where, made = market(), Reservations()
    leg = position(account(), where)
    asked = []

    def refuse(cost: object) -> bool:
        asked.append(cost)
        return False

    assert not made.bind(order(where, BUY, "1", "50000"), leg, refuse)
    assert asked == [D("5052.25")]
    assert (len(made), made.total, leg.buys.qty) == (0, D(0), D(0))
    assert made.bind(order(where, BUY, "1", "50000"), leg, agree)
    assert made.total == D("5052.25")


@given(st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 50), st.integers(1, 999)), min_size=1, max_size=12))
def test_what_is_bound_is_never_below_zero_and_goes_with_the_orders(orders: list[tuple[Side, int, int]]) -> None:
    where, made = market(), Reservations()
    leg = position(account(), where)
    working = [order(where, side, D(qty) / 1000, D(price) / 10) for side, qty, price in orders]
    for each in working:
        made.bind(each, leg, agree)
        made.fill(each, each.remaining / 2)
        made.charge(leg)
        assert min(made.total, leg.buys.cost, leg.sells.cost, leg.buys.value, leg.sells.value) >= 0
    assert made.total == leg.buys.cost + leg.sells.cost > 0
    for each in reversed(working):
        made.fill(each, each.remaining * 2)  # more than is left of it: no more than is left goes
        assert min(leg.buys.qty, leg.sells.qty, leg.buys.value, leg.sells.value) >= 0
        made.free(each)
    assert (made.total, leg.buys.qty, leg.sells.value) == (D(0), D(0), D(0))
