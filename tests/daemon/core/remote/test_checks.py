from __future__ import annotations

from typing import Any

import pytest

from daemon.core.account_events import Op, OutcomeKind, StreamState
from daemon.core.remote.checks import EXECUTIONS_MS, ORDERS_MS, POSITIONS_MS, PROTECTION_MS, WALLET_MS
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NS_PER_MS
from daemon.core.venue import ReconcileReport
from tests.daemon.core.account_facts import D, executed, order_seen, position_seen
from tests.daemon.core.build import BTC, ETH
from tests.daemon.core.remote.bench import STOP, Bench, seen, state_of

K = OutcomeKind


@pytest.fixture
def bench() -> Bench:
    return Bench().make_ready()


def working(bench: Bench, **fields: Any) -> Tracked:
    order = bench.order(**fields)
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    bench.hear(seen(order, "New"))
    bench.venue.orders.append(seen(order, "New"))
    bench.pass_time(1)
    return order


def asked_in(bench: Bench, ms: int, op: Op) -> int:
    """How many requests of a kind are sent in a time; each is answered when its millisecond is over."""
    count = 0
    for _ in range(ms // 100):
        bench.pass_time(100, answer=False)
        count += sum(request.op is op for request in bench.asked)
        bench.answer_questions()
    return count


def test_the_periods_are_those_of_the_rule() -> None:
    assert (ORDERS_MS, POSITIONS_MS, EXECUTIONS_MS) == (15_000, 30_000, 60_000)
    assert (WALLET_MS, PROTECTION_MS) == (300_000, 5_000)


@pytest.mark.parametrize(
    ("op", "times"),
    [(Op.OPEN_ORDERS, 20), (Op.POSITIONS, 10), (Op.EXECUTIONS, 6), (Op.WALLET, 1), (Op.ACCOUNT, 0)],
)
def test_in_five_minutes_each_check_is_made_as_often_as_its_period_says(bench: Bench, op: Op, times: int) -> None:
    assert asked_in(bench, 301_000, op) == times  # a look at the wallet comes with executions of its own


def test_a_protection_that_is_wanted_is_looked_at_every_five_seconds(bench: Bench) -> None:
    order = bench.order(protection=STOP)
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    bench.hear(executed(order.link_id, ts=bench.now))
    bench.venue.executions = [executed(order.link_id, ts=bench.now)]
    bench.venue.positions[BTC] = position_seen("1", stop_loss=D(90))
    bench.pass_time(10_000)
    assert asked_in(bench, 60_000, Op.POSITIONS) == 12 + 2


def test_the_checks_rest_while_a_reconciliation_goes_on(bench: Bench) -> None:
    bench.hear(StreamState(bench.context.account, up=False))
    assert asked_in(bench, 120_000, Op.OPEN_ORDERS) == 0


def test_one_look_that_differs_proves_nothing(bench: Bench) -> None:
    working(bench)
    bench.pass_time(10_000)
    shown, bench.venue.orders = bench.venue.orders, []
    bench.pass_time(5_100)
    assert bench.exchange.ready
    bench.venue.orders = shown
    bench.pass_time(30_000)
    assert bench.steps().count("begin") == 1


def test_an_open_order_that_the_venue_does_not_show_twice_starts_a_reconciliation(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    bench.venue.closed = [seen(order, "Cancelled", updated=9)]
    bench.pass_time(19_000)
    assert bench.of(ReconcileReport)[-1].step == "ready"
    reasons = [report.reason for report in bench.of(ReconcileReport) if report.step == "begin"]
    assert reasons[1:] == [f"open orders that the venue does not show: {order.id}"]
    assert state_of(order) is State.CANCELLED


def test_the_second_look_comes_after_two_seconds_with_a_look_at_the_executions_between(bench: Bench) -> None:
    working(bench)
    bench.venue.orders = []
    ops: list[tuple[int, Op]] = []
    begun = bench.now
    while bench.exchange.ready and bench.now - begun < 60_000 * NS_PER_MS:
        bench.pass_time(100, answer=False)
        ops += [((bench.now - begun) // NS_PER_MS, request.op) for request in bench.asked]
        bench.answer_questions()
    orders = [at for at, op in ops if op is Op.OPEN_ORDERS][:2]
    assert orders[1] - orders[0] == pytest.approx(2_000, abs=200)
    assert [op for at, op in ops if orders[0] <= at < orders[1]].count(Op.EXECUTIONS) >= 0
    assert not bench.exchange.ready


def test_an_order_that_was_active_lately_is_not_looked_for(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    for number in range(10):
        bench.pass_time(2_500)
        bench.hear(seen(order, "New", updated=100 + number, price=D(101 + number)))
    assert bench.steps().count("begin") == 1


def test_orders_that_the_checks_find_are_followed(bench: Bench) -> None:
    bench.venue.orders = [order_seen("by-hand")]
    bench.pass_time(15_100)
    assert bench.tracked("v-by-hand").state is State.WORKING


def test_a_position_that_differs_twice_starts_a_reconciliation(bench: Bench) -> None:
    bench.venue.positions[BTC] = position_seen("0.5")
    bench.pass_time(31_000)
    assert bench.exchange.ready
    bench.pass_time(2_000)
    assert not bench.exchange.ready
    reasons = [report.reason for report in bench.of(ReconcileReport) if report.step == "begin"]
    assert reasons[1] == "position BTCUSDT: ours 0, venue 0.5"


def test_a_difference_on_one_symbol_is_not_counted_once_for_every_symbol() -> None:
    bench = Bench(BTC, ETH).make_ready()
    bench.venue.positions[BTC] = position_seen("0.5")
    bench.pass_time(30_500)
    bench.venue.positions.clear()
    bench.pass_time(30_000)
    assert bench.steps().count("begin") == 1
    assert bench.exchange.ready


def test_a_difference_that_changes_from_look_to_look_is_on_its_way(bench: Bench) -> None:
    for qty in ("0.5", "-0.5", "0.25", "0.75"):
        bench.venue.positions[BTC] = position_seen(qty)
        bench.pass_time(30_000 if qty == "0.5" else 2_000)
    assert bench.exchange.ready
    bench.pass_time(2_000)
    assert not bench.exchange.ready


def test_a_venue_that_answers_no_question_any_more_shuts_the_gate_until_it_does(bench: Bench) -> None:
    questions = {Op.OPEN_ORDERS, Op.POSITIONS, Op.EXECUTIONS, Op.WALLET}
    bench.venue.failing = set(questions)
    bench.pass_time(29_000)
    assert bench.gates() == set()
    bench.pass_time(10_000)
    assert bench.gates() == {"unanswered"}
    bench.venue.failing.clear()
    bench.pass_time(10_000)
    assert bench.gates() == set()
    assert bench.exchange.ready


def test_a_missed_execution_is_found_before_the_second_look_and_nothing_is_made_of_it(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    bench.venue.closed = [seen(order, "Filled", "1", updated=9)]
    bench.venue.executions = [executed(order.link_id, ts=bench.now)]
    bench.venue.positions[BTC] = position_seen("1")
    bench.pass_time(19_000)
    assert (state_of(order), bench.context.position(BTC)) == (State.FILLED, D(1))
    assert bench.steps().count("begin") == 1


def test_positions_are_looked_at_soon_after_something_ended(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    bench.pass_time(1)
    bench.hear(seen(order, "Cancelled", updated=9))
    assert asked_in(bench, 3_000, Op.POSITIONS) == 1


def test_a_check_that_failed_says_nothing(bench: Bench) -> None:
    working(bench)
    bench.venue.failing = {Op.OPEN_ORDERS, Op.POSITIONS}
    bench.pass_time(120_000)
    assert bench.steps().count("begin") == 1
    assert bench.exchange.ready


def test_missing_money_is_found_within_two_looks_at_the_wallet(bench: Bench) -> None:
    bench.venue.balance = D(9_000)
    bench.pass_time(301_000)
    assert bench.mismatches() == []
    bench.pass_time(300_000)
    assert bench.mismatches() == [("wallet", "booked as a transfer")]


# Missing executions


def test_missing_executions_are_asked_for_after_1_3_10_and_then_every_30_seconds(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    bench.venue.closed = [seen(order, "Filled", "1", updated=9)]
    bench.hear(seen(order, "Filled", "1", updated=9))
    times: list[int] = []
    begun = bench.now
    while bench.now - begun < 80_000 * NS_PER_MS:
        bench.pass_time(100, answer=False)
        mine = [request for request in bench.asked if request.op is Op.ORDER_EXECUTIONS]
        times += [(bench.now - begun) // NS_PER_MS] * len(mine)
        bench.answer_questions()
    assert times[:5] == pytest.approx([1_000, 4_000, 14_000, 44_000, 74_000], abs=300)


def test_executions_that_stay_missing_shut_the_gate_of_their_symbol(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    bench.venue.closed = [seen(order, "Filled", "1", updated=9)]
    bench.hear(seen(order, "Filled", "1", updated=9))
    bench.pass_time(40_000)
    assert "executions BTCUSDT" not in bench.gates()
    bench.pass_time(40_000)
    assert "executions BTCUSDT" in bench.gates()
    assert state_of(order) is State.FILLS_PENDING  # never is a fill invented


def test_missing_executions_that_are_found_end_the_order_and_open_the_gate_again(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    bench.venue.closed = [seen(order, "Filled", "1", updated=9)]
    bench.hear(seen(order, "Filled", "1", updated=9))
    bench.pass_time(80_000)
    assert "executions BTCUSDT" in bench.gates()
    bench.venue.executions = [executed(order.link_id, ts=bench.now)]
    bench.venue.positions[BTC] = position_seen("1")
    bench.pass_time(40_000)
    assert state_of(order) is State.FILLED
    assert bench.gates() == set()
