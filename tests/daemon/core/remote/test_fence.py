from __future__ import annotations

from typing import Any

import pytest

from daemon.core.account_events import Op, OutcomeKind, StreamState, VenueTime
from daemon.core.events import Command, Restarted, Side
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NS_PER_MS, NS_PER_SECOND
from daemon.core.venue import OrderReport
from tests.daemon.core.account_facts import ACCOUNT, D, executed
from tests.daemon.core.build import BTC, ETH
from tests.daemon.core.remote.bench import Bench, seen, state_of

K = OutcomeKind
QUESTIONS = {Op.ORDER, Op.ORDER_HISTORY, Op.ORDER_EXECUTIONS}


@pytest.fixture
def bench() -> Bench:
    return Bench().make_ready()


def unknown(bench: Bench, **fields: Any) -> Tracked:
    """An order whose answer was lost; signed now, for three seconds."""
    order = bench.order(**fields)
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN, signed=bench.now + bench.context.offset, window_ms=3_000)
    assert state_of(order) is State.UNKNOWN
    return order


def asked(bench: Bench) -> list[Op]:
    """Questions by an order's name that nobody has answered yet."""
    return [request.op for request in bench.asked if request.op in QUESTIONS]


def test_an_order_that_was_lost_is_absent_when_all_questions_came_back_empty_twice_after_the_fence(
    bench: Bench,
) -> None:
    order = unknown(bench)
    bench.pass_time(5_000)  # the window of 3 s, and 2 s more
    assert state_of(order) is State.UNKNOWN
    bench.pass_time(2_100)
    assert state_of(order) is State.EXPIRED
    assert bench.states(order.id) == ["Unknown", "Absent", "Expired"]
    assert bench.statuses(order.id) == ["Rejected"]
    assert bench.of(OrderReport)[-1].reason.startswith("EXPIRED: proved never taken")
    assert bench.gates() == set()


def test_before_the_fence_only_the_order_itself_is_asked_for_and_nothing_is_proved(bench: Bench) -> None:
    unknown(bench)
    bench.pass_time(1, answer=False)
    assert asked(bench) == [Op.ORDER]
    bench.answer_questions()
    bench.pass_time(1_000, answer=False)
    assert asked(bench) == [Op.ORDER]
    assert bench.exchange._fence._cases["main-1-0"].proofs == 0


def test_after_the_fence_all_three_are_asked(bench: Bench) -> None:
    unknown(bench)
    bench.venue.silent = QUESTIONS
    bench.pass_time(5_000)
    bench.venue.silent = set()
    bench.answer_questions()  # of before the fence, answered after it: one question of three proves nothing
    assert bench.exchange._fence._cases["main-1-0"].proofs == 0
    bench.pass_time(1_000, answer=False)
    assert asked(bench) == [Op.ORDER, Op.ORDER_HISTORY, Op.ORDER_EXECUTIONS]


def test_a_positive_answer_ends_it_early(bench: Bench) -> None:
    order = unknown(bench)
    bench.venue.orders.append(seen(order, "New"))
    bench.pass_time(1)
    assert state_of(order) is State.WORKING
    assert (bench.gates(), bench.exchange.status().unknown) == (set(), 0)


def test_a_word_on_the_stream_ends_it_too(bench: Bench) -> None:
    order = unknown(bench)
    bench.hear(executed(order.link_id, qty="0.4", ts=bench.now))
    assert state_of(order) is State.WORKING
    assert bench.gates() == set()


@pytest.mark.parametrize("op", sorted(QUESTIONS))
def test_a_failed_question_is_not_an_empty_one(bench: Bench, op: Op) -> None:
    order = unknown(bench)
    bench.venue.failing = {op}
    bench.pass_time(600_000)
    assert state_of(order) is State.UNKNOWN
    assert "unknown_outcome BTCUSDT" in bench.gates()
    bench.venue.failing = set()
    bench.pass_time(30_000)
    assert state_of(order) is State.EXPIRED


@pytest.mark.parametrize("op", sorted(QUESTIONS))
def test_a_question_that_nobody_answers_is_not_an_empty_one(bench: Bench, op: Op) -> None:
    order = unknown(bench)
    bench.venue.silent = {op}
    bench.pass_time(600_000)
    assert state_of(order) is State.UNKNOWN


def test_an_answer_with_more_pages_is_not_a_complete_one(bench: Bench) -> None:
    order = unknown(bench)
    for _ in range(60):
        bench.pass_time(1_000, answer=False)
        for request in [one for one in bench.asked if one.op in QUESTIONS]:
            bench.asked.remove(request)
            bench.answer(request, K.ACCEPTED, cursor="more" if request.op is Op.ORDER_EXECUTIONS else "")
    assert state_of(order) is State.UNKNOWN


def test_an_answer_of_before_the_fence_proves_nothing_however_late_it_comes(bench: Bench) -> None:
    order = unknown(bench)
    bench.venue.early = 60 * NS_PER_SECOND
    bench.pass_time(60_000)
    assert state_of(order) is State.UNKNOWN
    bench.venue.early = 0
    bench.pass_time(5_000)
    assert state_of(order) is State.EXPIRED


def test_the_fence_runs_by_the_venues_clock(bench: Bench) -> None:
    bench.hear(VenueTime(account=ACCOUNT, offset=-10 * NS_PER_SECOND, bound=1))
    order = bench.order()
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN, signed=bench.now, window_ms=3_000)
    bench.pass_time(14_900)  # by the venue's clock 10 s less
    assert state_of(order) is State.UNKNOWN
    bench.pass_time(4_000)
    assert state_of(order) is State.EXPIRED


def test_one_empty_round_is_no_proof_and_an_order_may_surface_before_the_second(bench: Bench) -> None:
    order = unknown(bench)
    bench.pass_time(5_500)
    assert bench.exchange._fence._cases[order.id].proofs == 1
    bench.venue.orders.append(seen(order, "New"))
    bench.pass_time(2_000)
    assert state_of(order) is State.WORKING


def test_a_row_of_the_past_that_changes_nothing_is_no_proof_of_absence(bench: Bench) -> None:
    """The venue knows the order, though its row is not newer than what we know: it is not absent."""
    order = bench.order()
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    bench.hear(seen(order, "New", updated=5))
    order.state = State.UNKNOWN
    bench.exchange._fence.watch(order)
    bench.venue.orders.append(seen(order, "New", updated=5))
    bench.pass_time(60_000)
    assert state_of(order) is State.WORKING


def test_an_exit_is_sent_again_under_the_same_name_while_it_is_wanted(bench: Bench) -> None:
    order = unknown(bench, side=Side.SELL, reduce_only=True)
    bench.pass_time(8_000)
    assert bench.states(order.id) == ["Unknown", "Absent", "Sending"]
    sent = bench.sends(Op.CREATE)
    assert len(sent) == 2
    assert sent[0].call == sent[1].call
    assert sent[0].link_id == sent[1].link_id
    assert order.sends == 2
    assert bench.gates() == set()


def test_a_refusal_of_what_was_sent_again_proves_nothing_about_the_first_time(bench: Bench) -> None:
    order = unknown(bench, side=Side.SELL, reduce_only=True)
    bench.pass_time(8_000)
    bench.answer(bench.take(Op.CREATE), K.REFUSED, code=110017, reason="position is zero", signed=bench.now)
    assert state_of(order) is State.UNKNOWN


def test_an_order_that_is_being_cancelled_is_not_sent_again(bench: Bench) -> None:
    order = unknown(bench, side=Side.SELL, reduce_only=True)
    bench.call(bench.exchange.cancel(order.id, bench.now))
    bench.answer(bench.take(Op.CANCEL), K.GONE)
    bench.pass_time(10_000)
    assert state_of(order) is State.EXPIRED
    assert len(bench.sends(Op.CREATE)) == 1


def patient() -> Bench:
    """Entries may be sent for a minute."""
    return Bench(BTC, ETH, entry_deadline_ms=60_000).make_ready()


def test_an_entry_is_sent_again_only_while_no_other_gate_is_shut() -> None:
    for who, symbol, again in (("", "", True), ("clock", "", False), ("foreign", BTC, False), ("foreign", ETH, True)):
        bench = patient()
        order = unknown(bench)
        if who:
            bench.context.shut(who, "test", symbol)
        bench.pass_time(8_000)
        assert (len(bench.sends(Op.CREATE)) == 2) is again, (who, symbol)
        assert state_of(order) is (State.SENDING if again else State.EXPIRED)


@pytest.mark.parametrize(
    ("commands", "again"),
    [
        (["halt"], False),
        (["panic"], False),
        (["drain"], False),
        (["cancel"], True),
        (["halt", "panic", "resume"], True),
        (["resume", "halt"], False),
    ],
)
def test_a_halted_lane_sends_no_entry_again(commands: list[str], again: bool) -> None:
    bench = patient()
    order = unknown(bench)
    bench.hear(*(Command(name, reason="lunch") for name in commands))
    bench.pass_time(8_000)
    assert (len(bench.sends(Op.CREATE)) == 2) is again
    assert state_of(order) is (State.SENDING if again else State.EXPIRED)


def test_a_halt_keeps_no_exit_from_being_sent_again(bench: Bench) -> None:
    unknown(bench, side=Side.SELL, reduce_only=True)
    bench.hear(Command("halt", reason="lunch"))
    bench.pass_time(8_000)
    assert len(bench.sends(Op.CREATE)) == 2


@pytest.mark.parametrize(("command", "again"), [("halt", False), ("drain", True)])
def test_a_restart_takes_back_what_was_said_at_the_end_and_no_halt(command: str, again: bool) -> None:
    bench = patient()
    bench.hear(Command(command, reason="lunch"), Restarted(), StreamState(ACCOUNT, up=True))
    bench.pass_time(10_000)
    unknown(bench)
    bench.pass_time(8_000)
    assert (len(bench.sends(Op.CREATE)) == 2) is again


def test_an_entry_is_not_sent_again_while_the_stream_is_down() -> None:
    bench = patient()
    order = unknown(bench)
    bench.hear(StreamState(ACCOUNT, up=False, reason="cut"))
    bench.pass_time(10_000)
    assert state_of(order) is State.EXPIRED
    assert len(bench.sends(Op.CREATE)) == 1


def test_an_order_that_the_venue_knew_and_lost_all_trace_of_is_closed_without_a_fill(bench: Bench) -> None:
    order = bench.order(side=Side.SELL, reduce_only=True)
    bench.answer(bench.take(Op.CREATE), venue_id="v1", signed=bench.now, window_ms=3_000)
    bench.pass_time(60_000)
    assert state_of(order) is State.CLOSED_NO_FILL
    assert bench.statuses(order.id) == ["Cancelled"]
    assert len(bench.sends(Op.CREATE)) == 1


def test_the_gate_opens_with_the_last_of_a_symbols_unknown_outcomes() -> None:
    bench = patient()
    other = bench.order(symbol=ETH)
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN)
    first, second = bench.order(), bench.order()
    for request in list(bench.waiting):
        bench.waiting.remove(request)
        bench.answer(request, K.UNKNOWN)
    bench.hear(seen(first, "New"))
    assert bench.gates() == {f"unknown_outcome {BTC}", f"unknown_outcome {ETH}"}
    bench.hear(seen(second, "New"))
    assert bench.gates() == {f"unknown_outcome {ETH}"}
    bench.hear(seen(other, "New", symbol=ETH))
    assert bench.gates() == set()


def test_what_cannot_be_known_for_a_minute_is_an_alarm_and_is_asked_about_for_ever_slowly(bench: Bench) -> None:
    order = unknown(bench)
    bench.venue.failing = set(QUESTIONS)
    bench.pass_time(59_000)
    assert bench.mismatches() == []
    bench.pass_time(4_000)
    assert bench.mismatches() == [("unknown outcome", "asking on, slowly")]
    asked_before = bench.context._requests
    bench.pass_time(60_000)
    assert 3 <= (bench.context._requests - asked_before) / 3 <= 12
    assert state_of(order) is State.UNKNOWN


def test_after_a_crash_the_fence_runs_from_the_restart_and_proofs_begin_anew(bench: Bench) -> None:
    order = unknown(bench)
    bench.pass_time(5_500)
    assert bench.exchange._fence._cases[order.id].proofs == 1
    bench.hear(Restarted())
    bench.pass_time(4_900)
    assert state_of(order) is State.UNKNOWN
    assert bench.exchange._fence._cases[order.id].proofs == 0
    bench.pass_time(4_000)
    assert state_of(order) is State.EXPIRED


def test_an_order_that_was_sending_when_the_daemon_died_is_fenced_from_the_restart(bench: Bench) -> None:
    order = bench.order()
    bench.now += 3_600 * NS_PER_SECOND
    bench.hear(Restarted())
    assert bench.exchange._fence._cases[order.id].fence == bench.now + 5_000 * NS_PER_MS


def test_an_outcome_found_in_the_history_is_found(bench: Bench) -> None:
    order = unknown(bench)
    bench.venue.closed.append(seen(order, "Cancelled", updated=2))
    bench.pass_time(1_000)
    assert state_of(order) is State.CANCELLED


def test_an_outcome_found_in_the_executions_only_is_found(bench: Bench) -> None:
    order = unknown(bench)
    bench.venue.executions.append(executed(order.link_id, ts=bench.now))
    bench.venue.failing = {Op.EXECUTIONS}
    bench.pass_time(7_000)
    assert state_of(order) is State.FILLED
    assert bench.context.position(BTC) == D(1)


def test_several_unknown_outcomes_are_settled_one_by_one(bench: Bench) -> None:
    bench.submit()
    bench.submit()
    for request in list(bench.waiting):
        bench.waiting.remove(request)
        bench.answer(request, K.UNKNOWN, signed=bench.now, window_ms=3_000)
    first, second = bench.tracked("main-1-0"), bench.tracked("main-2-0")
    bench.venue.orders.append(seen(first, "New"))
    bench.pass_time(8_000)
    assert (first.state, second.state) == (State.WORKING, State.EXPIRED)
