from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import inf

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.simulated.resting import Resting
from adapters.simulated.working import Working
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.orders import OrderRequest
from daemon.core.records import OrderType, TimeInForce
from tests.daemon.core.build import BTC

D = Decimal
MARKET = Market(BTC)


def order(name: str, side: Side, limit: str | None) -> Working:
    price = None if limit is None else D(limit)
    request = OrderRequest(name, 1, "s", BTC, side, OrderType.LIMIT, TimeInForce.GTC, D(1), price)
    return Working(request, MARKET, D(1), 0, limit=price)


def buys(*limits: str) -> Resting:
    """Buys named a, b, c at these limits."""
    resting = Resting()
    for name, limit in zip("abcdef", limits, strict=False):
        resting.add(order(name, Side.BUY, limit))
    return resting


def sells(*limits: str) -> Resting:
    """Sells named a, b, c at these limits."""
    resting = Resting()
    for name, limit in zip("abcdef", limits, strict=False):
        resting.add(order(name, Side.SELL, limit))
    return resting


def names(orders: Sequence[Working]) -> str:
    return "".join(one.id for one in orders)


def test_what_only_touches_a_limit_does_not_go_through_it() -> None:
    bid, ask = buys("100"), sells("100")
    through = [99.9, 100.0, 100.1]
    assert [bool(bid.reached(Side.BUY, price, inclusive=False)) for price in through] == [True, False, False]
    assert [bool(ask.reached(Side.SELL, price, inclusive=False)) for price in through] == [False, False, True]
    for side, resting in ((Side.BUY, buys("100.1")), (Side.SELL, sells("100.1"))):
        assert resting.reached(side, 100.1, inclusive=True)


def test_orders_that_a_price_went_beyond_come_best_first_then_first_come() -> None:
    resting = buys("100.0", "100.2", "100.1", "100.2")
    assert names(resting.reached(Side.BUY, 100.1, inclusive=False)) == "bd"
    assert names(resting.reached(Side.BUY, 100.1, inclusive=True)) == "bdc"
    assert names(resting.reached(Side.BUY, 1.0, inclusive=False)) == "bdca"
    assert names(resting.reached(Side.BUY, 100.2, inclusive=True)) == "bd"
    resting = sells("100.0", "100.2", "100.1", "100.2")
    assert names(resting.reached(Side.SELL, 100.1, inclusive=False)) == "a"
    assert names(resting.reached(Side.SELL, 100.2, inclusive=True)) == "acbd"
    assert names(resting.reached(Side.SELL, 100.0, inclusive=True)) == "a"


def test_a_price_that_reaches_nobody_has_no_answer() -> None:
    resting = buys("100.0")
    assert resting.reached(Side.BUY, 100.0, inclusive=False) == []
    assert resting.reached(Side.BUY, 100.1, inclusive=True) == []
    assert resting.reached(Side.SELL, 1e9, inclusive=True) == []
    assert Resting().reached(Side.BUY, 0.1, inclusive=True) == []


def test_the_best_is_known_and_infinitely_far_when_there_is_none() -> None:
    resting = buys("100.0", "100.2")
    assert (resting.best(Side.BUY), resting.best(Side.SELL)) == (100.2, inf)
    assert (resting.bid, resting.ask) == (100.2, inf)
    assert (Resting().best(Side.BUY), sells("7", "6").best(Side.SELL)) == (-inf, 6.0)


def test_orders_at_a_price_come_first_come_first() -> None:
    resting = buys("100.1", "100.0", "100.1")
    assert names(resting.at(Side.BUY, 100.1)) == "ac"
    assert resting.at(Side.SELL, 100.1) == ()
    assert resting.at(Side.BUY, 99.0) == ()
    assert resting.levels(Side.BUY) == [100.0, 100.1]


def test_all_orders_are_told_buys_before_sells_best_first() -> None:
    resting = buys("100.0", "100.1")
    resting.add(order("y", Side.SELL, "101"))
    resting.add(order("x", Side.SELL, "100.5"))
    assert names(resting.orders()) == "baxy"


def test_changed_levels_name_the_orders_that_rest_there() -> None:
    resting = buys("100.0", "100.1", "100.1")
    found = resting.among(Side.BUY, [(100.2, 9.0), (100.1, 4.0), (100.0, 0.0)])
    assert [(one.id, size) for one, size in found] == [("b", 4.0), ("c", 4.0), ("a", 0.0)]
    assert resting.among(Side.SELL, [(100.1, 4.0)]) == []


def test_an_order_is_removed_from_where_it_was_added_whatever_its_limit_is_by_now() -> None:
    resting, moved = Resting(), order("a", Side.BUY, "100")
    resting.add(moved)
    moved.limit = D(101)
    resting.remove(moved)
    assert moved not in resting
    resting.add(moved)
    assert resting.best(Side.BUY) == 101.0
    assert resting.levels(Side.BUY) == [101.0]


def test_what_cannot_rest_or_does_not_is_impossible() -> None:
    resting, resident = Resting(), order("a", Side.BUY, "100")
    resting.add(resident)
    with pytest.raises(InvariantBroken, match="order a with limit 100 cannot come to rest"):
        resting.add(resident)
    with pytest.raises(InvariantBroken, match="order b with limit None cannot come to rest"):
        resting.add(order("b", Side.BUY, None))
    with pytest.raises(InvariantBroken, match="order c does not rest"):
        resting.remove(order("c", Side.BUY, "100"))


class AgainstAPlainList(RuleBasedStateMachine):
    """Any sequence of adding and removing answers every question as a plain list of the orders would."""

    def __init__(self) -> None:
        super().__init__()
        self.resting = Resting()
        self.plain: list[Working] = []
        self.made = 0

    @rule(side=st.sampled_from(list(Side)), tick=st.integers(995, 1005))
    def add(self, side: Side, tick: int) -> None:
        self.made += 1
        added = order(f"o{self.made}", side, str(tick * D("0.1")))
        self.resting.add(added)
        self.plain.append(added)

    @precondition(lambda self: self.plain)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        removed = data.draw(st.sampled_from(self.plain))
        self.resting.remove(removed)
        self.plain.remove(removed)

    @rule(side=st.sampled_from(list(Side)), tick=st.integers(990, 1010), inclusive=st.booleans())
    def ask(self, side: Side, tick: int, inclusive: bool) -> None:
        price = tick * D("0.1")
        beyond = [one for one in self._side(side) if _beyond(side, _limit(one), price, inclusive)]
        assert self.resting.reached(side, float(price), inclusive=inclusive) == beyond
        here = [one for one in self._side(side) if one.limit == price]
        assert list(self.resting.at(side, float(price))) == here
        assert [one for one, _ in self.resting.among(side, [(float(price), 1.0)])] == here

    @invariant()
    def agree(self) -> None:
        assert len(self.resting) == len(self.plain)
        assert self.resting.orders() == self._side(Side.BUY) + self._side(Side.SELL)
        assert self.resting.bid == max((float(_limit(one)) for one in self._side(Side.BUY)), default=-inf)
        assert self.resting.ask == min((float(_limit(one)) for one in self._side(Side.SELL)), default=inf)
        for side in Side:
            assert list(self.resting.levels(side)) == sorted({float(_limit(one)) for one in self._side(side)})

    def _side(self, side: Side) -> list[Working]:
        sign = -1 if side is Side.BUY else 1
        return sorted((one for one in self.plain if one.side is side), key=lambda one: sign * _limit(one))


def _limit(one: Working) -> Decimal:
    assert one.limit is not None
    return one.limit


def _beyond(side: Side, limit: Decimal, price: Decimal, inclusive: bool) -> bool:
    if price == limit:
        return inclusive
    return price < limit if side is Side.BUY else price > limit


TestAgainstAPlainList = AgainstAPlainList.TestCase
TestAgainstAPlainList.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
