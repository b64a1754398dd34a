from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import InvariantBroken
from daemon.core.remote.states import State
from daemon.core.remote.tracked import CLOSED_KEPT, Orders, Tracked
from tests.daemon.core.account_facts import D
from tests.daemon.core.build import BTC, ETH
from tests.daemon.core.remote.bench import make_request


def make(number: int, *, link: str | None = None, venue: str = "", symbol: str = BTC) -> Tracked:
    name = f"ls-{number}" if link is None else link
    return Tracked(make_request(f"o{number}", symbol=symbol), name, True, State.SENDING, venue)


def test_an_order_is_found_by_each_of_its_names() -> None:
    orders, order = Orders(), make(1)
    orders.add(order)
    assert orders.by_id("o1") is order
    assert orders.find("ls-1", "") is order
    assert orders.find("", "v1") is None
    orders.name(order, "v1")
    assert orders.find("", "v1") is order
    assert orders.find("ls-unknown", "v1") is order
    assert order.venue_id == "v1"


def test_a_name_that_we_gave_goes_before_the_venues() -> None:
    orders, ours, other = Orders(), make(1), make(2, venue="v2")
    orders.add(ours)
    orders.add(other)
    assert orders.find("ls-1", "v2") is ours


def test_an_order_without_a_name_of_ours_is_found_by_the_venues_only() -> None:
    orders, order = Orders(), make(1, link="", venue="v1")
    orders.add(order)
    assert orders.find("", "v1") is order
    assert orders.find("", "") is None


def test_an_id_is_tracked_once() -> None:
    orders = Orders()
    orders.add(make(1))
    with pytest.raises(InvariantBroken, match="o1 is tracked already"):
        orders.add(make(1))


def test_an_order_that_ended_is_found_by_its_names_but_is_not_open() -> None:
    orders, order = Orders(), make(1, venue="v1")
    orders.add(order)
    orders.close(order)
    assert orders.by_id("o1") is None
    assert orders.find("ls-1", "") is order
    assert orders.find("", "v1") is order


def test_the_oldest_of_many_ended_orders_are_forgotten() -> None:
    orders = Orders()
    for number in range(CLOSED_KEPT + 2):
        order = make(number, venue=f"v{number}")
        orders.add(order)
        orders.close(order)
    assert [orders.find(f"ls-{number}", f"v{number}") is None for number in (0, 1, 2)] == [True, True, False]
    assert CLOSED_KEPT >= 500  # more than the venue shows of closed ones, so that no repetition looks new


def test_forgotten_names_can_be_another_orders() -> None:
    orders, ended, after = Orders(), make(1, venue="v1"), make(2, link="ls-1", venue="v1")
    orders.add(ended)
    orders.close(ended)
    orders.forget_names(ended)
    assert orders.find("ls-1", "v1") is None
    orders.add(after)
    assert orders.find("ls-1", "") is after
    assert orders.find("", "v1") is after


def test_forgetting_an_old_order_leaves_the_names_that_another_has_taken() -> None:
    orders, ended, after = Orders(), make(1, venue="v1"), make(2, link="ls-1", venue="v1")
    orders.add(ended)
    orders.close(ended)
    orders.add(after)
    orders.forget_names(ended)
    assert orders.find("ls-1", "") is after
    assert orders.find("", "v1") is after


def test_open_orders_of_a_symbol_come_oldest_first() -> None:
    orders = Orders()
    first, other, last = make(1), make(2, symbol=ETH), make(3)
    for order in (first, other, last):
        orders.add(order)
    assert orders.on(BTC) == [first, last]
    assert orders.on(ETH) == [other]
    orders.close(first)
    assert orders.on(BTC) == [last]


def test_what_is_left_of_an_order_is_what_was_not_executed() -> None:
    order = make(1)
    assert order.remaining == D(1)
    order.applied = D("0.4")
    assert order.remaining == D("0.6")
    assert (order.id, order.symbol, order.is_open) == ("o1", BTC, True)
    order.state = State.FILLED
    assert not order.is_open


@given(st.lists(st.tuples(st.sampled_from(["add", "name", "close", "forget"]), st.integers(0, 5)), max_size=40))
def test_whatever_happens_each_name_leads_to_the_order_that_has_it(steps: list[tuple[str, int]]) -> None:
    orders = Orders()
    made: dict[int, Tracked] = {}
    forgotten: set[int] = set()
    for what, number in steps:
        if what == "add" and number not in made:
            made[number] = make(number)
            orders.add(made[number])
        elif number in made and number not in forgotten:
            order = made[number]
            if what == "name":
                orders.name(order, f"v{number}")
            elif what == "close":
                orders.close(order)
            elif what == "forget" and order.id not in orders.open:
                orders.forget_names(order)
                forgotten.add(number)
    for number, order in made.items():
        expected = None if number in forgotten else order
        assert orders.find(f"ls-{number}", "") is expected
        if order.venue_id:
            assert orders.find("", order.venue_id) is expected
