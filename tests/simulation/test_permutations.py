"""Answer, order, execution and position may arrive in any order, and more than once: the end is one and the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.gateway.plan import Plan, PushFault, RequestFault, When
from daemon.core.account_events import AccountFact, Executed, Op, Origin, Outcome, OutcomeKind
from daemon.core.records import FillLine, OrderLine
from daemon.core.units import NS_PER_MS
from tests.daemon.core.account_facts import ACCOUNT, D, executed, order_seen, position_seen
from tests.daemon.core.build import BTC, MIDNIGHT, buy
from tests.daemon.core.remote.bench import Bench
from tests.simulation.closed_loop import ClosedLoop

FOUR = ("ack", "order", "execution", "position")
EVERY_ORDER = pytest.mark.parametrize("order", list(permutations(FOUR)), ids="-".join)
APART_MS = 20
PUSHES = 5  # of a market order: New, its execution, Filled, the position, the wallet


# In the closed loop


def plan_of(order: Sequence[str]) -> Plan:
    """Each of the four takes so long that they arrive in this order."""
    delays = {what: APART_MS * place for place, what in enumerate(order, start=1)}
    pushes = tuple(PushFault(when=When(topic=topic), delay_ms=delays[topic]) for topic in FOUR[1:])
    return Plan(requests=(RequestFault(when=When(route="/v5/order/create"), delay_ms=delays["ack"]),), pushes=pushes)


def played(plan: Plan) -> ClosedLoop:
    loop = ClosedLoop(plan)
    loop.until_ready()
    loop.decide(buy(0.01))
    loop.run(6_000)
    return loop


def end_of(loop: ClosedLoop) -> dict[str, Any]:
    """Where a run ended: what is held, open and told of the order."""
    status = loop.desk.exchange.status()
    told = [(line.status, line.filled_qty) for line in loop.lines(OrderLine)]
    fills = [(line.fill_id, line.qty, line.position, line.cash) for line in loop.lines(FillLine)]
    return {"status": status, "end": told[-1], "fills": fills, "open": list(loop.desk.lane.orders)}


@pytest.fixture(scope="module")
def calm_end() -> dict[str, Any]:
    return end_of(played(Plan()))


@EVERY_ORDER
def test_the_four_messages_of_an_order_end_in_one_state_in_all_24_orders(
    order: tuple[str, ...], calm_end: dict[str, Any]
) -> None:
    loop = played(plan_of(order))
    assert arrived(loop) == order
    assert end_of(loop) == calm_end
    assert loop.replayed() == loop.desk.lines


def arrived(loop: ClosedLoop) -> tuple[str, ...]:
    """The four in the order in which they came; the last of each kind counts."""
    names = [_name(what) for _, what in loop.desk.told]
    last = [name for name in dict.fromkeys(reversed(names)) if name in FOUR]
    return tuple(reversed(last))


def _name(what: object) -> str:
    """Which of the four an input is."""
    if isinstance(what, tuple):
        source, frame = what
        topic = frame.partition(b'"topic":"')[2].partition(b'"')[0].decode()
        return topic if source.startswith("private") else ""
    return "ack" if getattr(what, "op", None) is Op.CREATE else ""


def test_the_pushes_of_an_order_end_in_one_state_in_all_120_orders(calm_end: dict[str, Any]) -> None:
    for order in permutations(range(PUSHES)):
        loop = played(Plan(pushes=(PushFault(when=When(topic="*"), permute=order),)))
        assert end_of(loop) == calm_end, order


# On the exchange alone


def facts_of(bench: Bench) -> list[AccountFact]:
    """What a venue tells of an order of one BTC that fills at once, the answer first."""
    request = bench.take(Op.CREATE)
    link_id = request.link_id
    ms = [MIDNIGHT + n * NS_PER_MS for n in range(4)]
    return [
        Outcome(account=ACCOUNT, request=request.id, op=Op.CREATE, kind=OutcomeKind.ACCEPTED, venue_id=f"v-{link_id}"),
        order_seen(link_id, "New", updated=ms[1]),
        executed(link_id, ts=ms[2]),
        order_seen(link_id, "Filled", filled=D(1), updated=ms[2]),
        position_seen("1", origin=Origin.STREAM, updated=ms[3]),
    ]


def end_on_the_bench(order: Sequence[int]) -> dict[str, Any]:
    """Tell the facts in this order, places may repeat, and see where it ends."""
    bench = Bench().make_ready()
    request = bench.submit()
    facts = facts_of(bench)
    for place in order:
        bench.hear(facts[place])
    context = bench.context
    return {
        "told": bench.statuses(request.order_id)[-1],
        "state": bench.states(request.order_id)[-1],
        "held": context.position(BTC),
        "cash": context.held.cash,
        "open": list(context.orders.open),
        "gates": bench.gates(),
        "position": bench.exchange._books.positions[BTC],
        "mismatches": bench.mismatches(),
    }


IN_ORDER = tuple(range(5))


def test_the_exchange_alone_ends_in_one_state_in_every_order_of_the_facts() -> None:
    wanted = end_on_the_bench(IN_ORDER)
    assert wanted["held"] == 1
    assert wanted["state"] == "Filled"
    assert not wanted["mismatches"]
    for order in permutations(IN_ORDER):
        assert end_on_the_bench(order) == wanted, order


@given(st.lists(st.sampled_from(IN_ORDER), max_size=10), st.permutations(IN_ORDER))
def test_a_fact_that_is_told_again_changes_nothing(more: list[int], order: list[int]) -> None:
    """The answer is heard once: a request has one."""
    repeated = [place for place in more if place != 0]
    assert end_on_the_bench([*order, *repeated]) == end_on_the_bench(IN_ORDER)


@pytest.mark.parametrize("first", ["stream", "query"])
def test_an_execution_told_by_the_stream_and_by_a_query_is_one(first: str) -> None:
    bench = Bench().make_ready()
    request = bench.submit()
    facts = facts_of(bench)
    if first == "stream":
        bench.hear(*facts)
    bench.venue.executions = [fact for fact in facts if isinstance(fact, Executed)]
    bench.venue.positions[BTC] = position_seen("1")
    bench.venue.balance -= D("0.055")
    bench.pass_time(70_000)
    if first == "query":
        bench.hear(*facts)
    assert bench.statuses(request.order_id).count("1") == 1
    assert bench.context.position(BTC) == 1
    assert not bench.mismatches()
