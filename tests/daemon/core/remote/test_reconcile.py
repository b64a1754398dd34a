from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from daemon.core.account_events import Op, OutcomeKind, StreamState, Unreadable
from daemon.core.events import Restarted, Side
from daemon.core.remote.reconcile import OVERLAP, PASSES_MAX, PAUSE_MS, RETRY_MS, SLOW_MS, Phase
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS, NS_PER_SECOND
from daemon.core.venue import AdoptionReport, FillReport, GateReport, ReconcileReport, TransferReport
from tests.daemon.core.account_facts import ACCOUNT, D, executed, order_seen, position_seen
from tests.daemon.core.build import BTC, ETH, MIDNIGHT
from tests.daemon.core.remote.bench import Bench, of, seen, state_of

K = OutcomeKind
UP, DOWN = StreamState(ACCOUNT, up=True), StreamState(ACCOUNT, up=False, reason="cut")
ASKED = {Op.OPEN_ORDERS, Op.EXECUTIONS, Op.POSITIONS, Op.WALLET, Op.ACCOUNT}


@pytest.fixture
def bench() -> Bench:
    return Bench().make_ready()


def phase_of(bench: Bench) -> Phase:
    return bench.exchange._reconciler.phase


def working(bench: Bench, **fields: Any) -> Tracked:
    order = bench.order(**fields)
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    bench.hear(seen(order, "New"))
    bench.venue.orders.append(seen(order, "New"))
    bench.pass_time(1)
    return order


def reconnect(bench: Bench) -> None:
    bench.hear(DOWN)
    bench.pass_time(1_000)
    bench.hear(UP)


# The path to READY


def test_nothing_is_asked_and_nothing_may_be_risked_before_the_stream_is_up() -> None:
    bench = Bench()
    bench.pass_time(60_000)
    assert (phase_of(bench), bench.exchange.ready, bench.asked, bench.steps()) == (Phase.DOWN, False, [], [])
    assert bench.gates() == {"reconcile"}


def test_a_pass_asks_for_everything(bench: Bench) -> None:
    bench = Bench(BTC, ETH)
    bench.hear(UP)
    assert [(request.op, request.symbol) for request in bench.asked] == [
        (Op.OPEN_ORDERS, ""),
        (Op.EXECUTIONS, ""),
        (Op.POSITIONS, BTC),
        (Op.POSITIONS, ETH),
        (Op.WALLET, ""),
        (Op.ACCOUNT, ""),
    ]


def test_two_passes_in_a_row_that_agree_make_the_account_ready() -> None:
    bench = Bench()
    bench.hear(UP)
    bench.answer_questions()
    assert (bench.steps(), bench.exchange.ready) == (["begin", "pass"], False)
    bench.pass_time(PAUSE_MS + 1)
    assert (bench.steps(), bench.exchange.ready) == (["begin", "pass", "pass", "ready"], True)
    assert (bench.gates(), bench.exchange.agrees) == (set(), True)
    assert bench.of(ReconcileReport)[-1].reason == "the private stream is up"


def test_the_record_of_a_pass_says_what_was_asked_and_answered_completely() -> None:
    bench = Bench()
    bench.hear(UP)
    bench.answer_questions()
    queries = bench.of(ReconcileReport)[-1].queries
    assert [query.op for query in queries] == ["open_orders", "executions", "positions", "wallet", "account"]
    assert (queries[1].first, queries[1].last) == (MIDNIGHT, MIDNIGHT + NS_PER_SECOND)


@pytest.mark.parametrize("op", sorted(ASKED))
def test_a_pass_with_a_question_that_failed_is_none(op: Op) -> None:
    bench = Bench()
    bench.venue.failing = {op}
    bench.hear(UP)
    bench.pass_time(120_000)
    assert not bench.exchange.ready
    [report] = [report for report in bench.of(ReconcileReport) if report.step == "pass"]
    assert report.reason == f"{op} failed: unknown, 10016: Server error"  # said once, however often it fails
    bench.venue.failing = set()
    bench.pass_time(SLOW_MS + 2_000)
    assert bench.exchange.ready


def test_a_failed_pass_is_repeated_soon_and_later_slowly() -> None:
    bench = Bench()
    bench.venue.failing = {Op.WALLET}
    bench.hear(UP)
    times: list[int] = []
    for _ in range(100_000 // 500):
        before = bench.context._requests
        bench.pass_time(500)
        if bench.context._requests > before:
            times.append(bench.now)
    gaps = [(after - before) / NS_PER_MS for before, after in pairwise(times)]
    assert gaps[: PASSES_MAX - 1] == pytest.approx([RETRY_MS] * (PASSES_MAX - 1), abs=510)
    assert gaps[PASSES_MAX:] == pytest.approx([SLOW_MS] * len(gaps[PASSES_MAX:]), abs=510)
    assert len(gaps) > PASSES_MAX


def test_an_agreeing_pass_does_not_count_when_the_next_one_fails() -> None:
    bench = Bench()
    bench.hear(UP)
    bench.answer_questions()
    bench.venue.failing = {Op.ACCOUNT}
    bench.pass_time(600)
    bench.venue.failing = set()
    bench.pass_time(RETRY_MS + 10)
    assert not bench.exchange.ready
    bench.pass_time(PAUSE_MS + 10)
    assert bench.exchange.ready


def test_answers_of_a_pass_that_was_given_up_do_not_count() -> None:
    bench = Bench()
    bench.hear(UP)
    old = list(bench.asked)
    bench.asked.clear()
    bench.hear(DOWN, UP)
    for request in old:
        bench.answer(request, K.ACCEPTED, *bench.venue.rows(request))
    assert bench.steps() == ["begin", "down", "begin"]


# What is found on the way


def test_orders_come_first_then_executions_in_their_order() -> None:
    bench = Bench()
    bench.hear(UP)
    first = executed("x", "b", "0.4", ts=bench.now + 1)
    second = executed("x", "a", "0.1", ts=bench.now + 2)
    bench.venue.executions = [second, first]
    bench.venue.orders = [order_seen("x", "PartiallyFilled", filled=D("0.5"), updated=bench.now)]
    bench.venue.positions[BTC] = position_seen("0.5")
    bench.answer_questions()
    assert [fill.fill_id for fill in bench.of(FillReport)] == ["b", "a"]
    assert bench.tracked("v-x").request.price == D(100)  # known by its row, not by an execution


def test_executions_that_were_missed_are_applied_on_the_reconnect(bench: Bench) -> None:
    order = working(bench)
    bench.hear(DOWN)
    bench.venue.orders = []
    bench.venue.closed = [seen(order, "Filled", "1", updated=9)]
    bench.venue.executions = [executed(order.link_id, ts=bench.now)]
    bench.venue.positions[BTC] = position_seen("1")
    bench.venue.balance -= D("0.055")
    bench.pass_time(1_000)
    bench.hear(UP)
    bench.pass_time(3_000)
    assert (state_of(order), bench.context.position(BTC), bench.exchange.ready) == (State.FILLED, D(1), True)
    assert bench.mismatches() == []


def test_an_order_that_is_not_shown_is_asked_for_by_its_name(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    bench.venue.closed = [seen(order, "Cancelled", updated=9)]
    reconnect(bench)
    bench.pass_time(3_000)
    assert (state_of(order), bench.exchange.ready) == (State.CANCELLED, True)


def test_an_order_that_is_in_no_answer_goes_to_the_fence_and_is_not_gone_by_one_look(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    reconnect(bench)
    bench.answer_questions()
    assert state_of(order) is State.UNKNOWN
    assert not bench.exchange.ready
    bench.pass_time(10_000)
    assert state_of(order) is State.CLOSED_NO_FILL
    bench.pass_time(5_000)
    assert bench.exchange.ready


def test_no_answer_about_an_order_is_no_word_of_its_end(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    bench.venue.failing = {Op.ORDER_HISTORY}
    reconnect(bench)
    bench.pass_time(60_000)
    assert state_of(order) is State.WORKING
    assert not bench.exchange.ready


def test_an_order_that_moved_after_the_question_is_not_missing_from_its_answer(bench: Bench) -> None:
    order = bench.order()
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    bench.hear(Unreadable(ACCOUNT, "order", "garbage"))
    bench.now += 1
    bench.hear(seen(order, "New"))
    bench.answer_questions()
    assert state_of(order) is State.WORKING


def test_the_account_is_not_ready_while_an_outcome_is_unknown(bench: Bench) -> None:
    order = bench.order()
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN, signed=bench.now, window_ms=3_000)
    reconnect(bench)
    bench.pass_time(3_000)
    assert (phase_of(bench), bench.exchange.status().differences) == (Phase.SYNCING, ("1 unknown outcomes",))
    bench.pass_time(10_000)
    assert state_of(order) is State.EXPIRED
    assert bench.exchange.ready


def test_the_account_is_not_ready_while_executions_are_missing(bench: Bench) -> None:
    order = working(bench)
    bench.venue.orders = []
    bench.venue.closed = [seen(order, "Filled", "1", updated=9)]
    reconnect(bench)
    bench.pass_time(20_000)
    assert state_of(order) is State.FILLS_PENDING
    assert bench.exchange.status().differences == ("executions of 1 orders are missing",)
    bench.venue.executions = [executed(order.link_id, ts=bench.now)]
    bench.venue.positions[BTC] = position_seen("1")
    bench.pass_time(60_000)
    assert (state_of(order), bench.exchange.ready) == (State.FILLED, True)


# Windows


def test_every_pass_asks_again_for_ten_minutes_before_the_last_complete_look(bench: Bench) -> None:
    bench.pass_time(3_600_000)
    reconnect(bench)
    request = next(request for request in bench.asked if request.op is Op.EXECUTIONS)
    first, last = request.call.text.split("|")[:2]
    assert OVERLAP == 10 * NS_PER_MINUTE
    cursor = bench.exchange._reconciler.cursor
    assert int(first) == cursor - OVERLAP
    assert bench.now - cursor < 61 * NS_PER_SECOND
    assert int(last) == bench.now + NS_PER_SECOND


def test_a_long_outage_is_asked_for_in_windows_of_a_week(bench: Bench) -> None:
    bench.hear(DOWN)
    bench.now += 20 * NS_PER_DAY
    bench.hear(UP)
    windows = [request.call.text.split("|")[:2] for request in bench.asked if request.op is Op.EXECUTIONS]
    assert len(windows) == 3
    assert windows[0][1] == windows[1][0]


def forgetful(days_away: float) -> Bench:
    """An account at a venue that keeps a week, ready, then away for so long and back."""
    bench = Bench(history_days=7).make_ready()
    bench.hear(DOWN)
    bench.now += int(days_away * NS_PER_DAY)
    bench.hear(UP)
    bench.pass_time(10_000)
    return bench


def test_what_the_venue_has_forgotten_is_not_asked_for_and_takes_no_new_risk_until_somebody_has_looked() -> None:
    bench = forgetful(8)
    assert bench.mismatches() == [("history", "halted")]
    assert (bench.exchange.ready, bench.gates()) == (True, {"history"})
    reconnect(bench)
    bench.pass_time(10_000)
    assert bench.mismatches() == [("history", "halted")], "told once"
    assert bench.gates() == {"history"}
    bench.call(bench.exchange.prove(bench.now))
    bench.pass_time(10_000)
    assert (bench.exchange.ready, bench.gates()) == (True, set())


def test_what_the_venue_has_forgotten_is_told_once_however_many_passes_fail() -> None:
    bench = Bench(history_days=7).make_ready()
    bench.hear(DOWN)
    bench.now += 8 * NS_PER_DAY
    bench.venue.failing = {Op.WALLET}
    bench.hear(UP)
    bench.pass_time(20_000)
    bench.venue.failing = set()
    bench.pass_time(60_000)
    assert bench.steps().count("pass") > 2
    assert bench.mismatches() == [("history", "halted")]


def test_the_week_that_the_venue_keeps_is_asked_for_whole() -> None:
    bench = Bench(history_days=7).make_ready()
    bench.hear(DOWN)
    bench.now += 8 * NS_PER_DAY
    del bench.asked[:]
    bench.hear(UP)
    first = min(int(request.call.text.split("|")[0]) for request in bench.asked if request.op is Op.EXECUTIONS)
    assert first == bench.now - 7 * NS_PER_DAY


def test_an_absence_within_what_the_venue_keeps_is_no_incident() -> None:
    bench = forgetful(6.9)
    assert bench.mismatches() == []
    assert (bench.exchange.ready, bench.gates()) == (True, set())


def test_nothing_before_we_came_is_asked_for() -> None:
    bench = Bench()
    bench.hear(UP)
    request = next(request for request in bench.asked if request.op is Op.EXECUTIONS)
    assert int(request.call.text.split("|")[0]) == MIDNIGHT


def test_the_cursor_moves_only_when_the_window_was_answered_completely(bench: Bench) -> None:
    cursor = bench.exchange._reconciler.cursor
    bench.venue.failing = {Op.EXECUTIONS}
    bench.pass_time(100_000)
    assert bench.exchange._reconciler.cursor == cursor
    bench.venue.failing = set()
    bench.pass_time(61_000)
    assert bench.exchange._reconciler.cursor > cursor


def test_the_cursor_is_the_venues_time(bench: Bench) -> None:
    bench.context.offset = -5 * NS_PER_SECOND
    bench.pass_time(10_000)
    reconnect(bench)
    asked_at = bench.now
    bench.pass_time(100)
    assert bench.exchange._reconciler.cursor == asked_at - 5 * NS_PER_SECOND


# What does not agree


def test_a_position_that_stays_different_is_judged_after_five_passes_and_the_account_goes_on() -> None:
    bench = Bench()
    bench.venue.positions[BTC] = position_seen("0.5")
    bench.hear(UP)
    bench.pass_time(RETRY_MS * (PASSES_MAX - 2))
    assert bench.mismatches() == []
    bench.pass_time(RETRY_MS * 4)
    assert bench.mismatches() == [("position", "halted the symbol")]
    assert (bench.exchange.ready, bench.gates()) == (True, {"position BTCUSDT"})


def test_where_it_is_configured_the_position_is_adopted() -> None:
    bench = Bench(foreign_position="adopt")
    bench.venue.positions[BTC] = position_seen("0.5")
    bench.hear(UP)
    bench.pass_time(RETRY_MS * (PASSES_MAX + 4))
    assert len(bench.of(AdoptionReport)) == 1
    assert (bench.exchange.ready, bench.gates()) == (True, set())


def test_what_an_operator_asks_to_prove_is_looked_at_adopted_and_proved(bench: Bench) -> None:
    bench.venue.positions[BTC] = position_seen("0.5")
    bench.pass_time(120_000)
    assert bench.gates() == {"position BTCUSDT"}
    bench.venue.positions[BTC] = position_seen("0.2")
    bench.call(bench.exchange.prove(bench.now))
    assert bench.context.position(BTC) == D(0)
    bench.pass_time(6_000)
    assert bench.context.position(BTC) == D("0.2")
    assert (bench.exchange.ready, bench.gates()) == (True, set())
    bench.venue.positions[BTC] = position_seen("0.5")
    bench.pass_time(120_000)
    assert bench.gates() == {"position BTCUSDT"}  # once only


def test_what_differs_in_one_pass_only_is_not_judged_however_many_failed_before() -> None:
    bench = Bench()
    bench.venue.failing = {Op.WALLET}
    bench.hear(UP)
    bench.pass_time(60_000)
    bench.venue.failing = set()
    bench.venue.positions[BTC] = position_seen("0.5")
    while "pass" not in bench.steps()[2:]:
        bench.pass_time(500)
    bench.venue.positions[BTC] = position_seen("0")
    bench.pass_time(10_000)
    assert bench.mismatches() == []
    assert (bench.exchange.ready, bench.gates()) == (True, set())


def test_a_proof_is_not_begun_while_the_stream_is_down(bench: Bench) -> None:
    bench.hear(DOWN)
    bench.call(bench.exchange.prove(bench.now))
    assert phase_of(bench) is Phase.DOWN


# Doubts


def test_what_cannot_be_read_makes_us_ask_for_everything(bench: Bench) -> None:
    reports = bench.hear(Unreadable(ACCOUNT, "order", "qty is NaN"))
    assert of(reports, GateReport) == [GateReport("reconcile", True, "something unreadable: qty is NaN")]
    bench.pass_time(3_000)
    assert bench.exchange.ready


def test_a_doubt_while_asking_makes_the_agreeing_pass_worthless() -> None:
    bench = Bench()
    bench.hear(UP)
    bench.answer_questions()
    bench.hear(Unreadable(ACCOUNT, "order", "qty is NaN"))
    bench.pass_time(PAUSE_MS + 10)
    assert not bench.exchange.ready
    bench.pass_time(PAUSE_MS + 10)
    assert bench.exchange.ready


def test_a_stream_that_goes_shuts_the_gate_at_once(bench: Bench) -> None:
    reports = bench.hear(DOWN)
    assert of(reports, GateReport) == [GateReport("reconcile", True, "cut")]
    assert of(reports, ReconcileReport) == [ReconcileReport("down", "cut")]
    bench.pass_time(100_000)
    assert phase_of(bench) is Phase.DOWN
    assert bench.hear(DOWN) == []


def test_a_restart_goes_the_same_way_as_a_reconnect(bench: Bench) -> None:
    bench.hear(Restarted())
    assert phase_of(bench) is Phase.DOWN
    bench.hear(UP)
    bench.pass_time(3_000)
    assert bench.exchange.ready
    assert len(bench.of(TransferReport)) == 1  # the opening balance is booked once in a lineage


def test_money_is_looked_at_in_each_agreeing_pass() -> None:
    bench = Bench().make_ready()
    bench.venue.balance = D(9_000)
    reconnect(bench)
    bench.pass_time(3_000)
    assert bench.mismatches() == [("wallet", "booked as a transfer")]


def test_a_short_position_of_a_reconnect_is_compared_with_its_sign(bench: Bench) -> None:
    order = working(bench, side=Side.SELL)
    bench.hear(executed(order.link_id, side="Sell", ts=bench.now))
    bench.venue.orders = []
    bench.venue.positions[BTC] = position_seen("-1")
    bench.venue.balance -= D("0.055")
    reconnect(bench)
    bench.pass_time(3_000)
    assert bench.exchange.ready
    assert bench.mismatches() == []
