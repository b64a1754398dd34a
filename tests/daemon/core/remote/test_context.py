from __future__ import annotations

from daemon.core.account_events import Op, Outcome, OutcomeKind
from daemon.core.events import Side
from daemon.core.remote.context import Answer, Context
from daemon.core.remote.requests import Call, Request
from daemon.core.units import NEVER, NS_PER_MS, NS_PER_SECOND, ZERO
from daemon.core.venue import GateReport, SendReport
from tests.daemon.core.account_facts import ACCOUNT, D, order_seen
from tests.daemon.core.build import BTC, ETH, MIDNIGHT
from tests.daemon.core.remote.bench import make_context

QUESTION = Call("GET", "wallet", "")


def outcome(request: Request, kind: OutcomeKind = OutcomeKind.ACCEPTED) -> Outcome:
    return Outcome(account=ACCOUNT, request=request.id, op=request.op, kind=kind)


def ask(context: Context, op: Op = Op.WALLET) -> tuple[Request, list[Answer]]:
    answers: list[Answer] = []
    return context.send(op, QUESTION, answers.append), answers


def test_times_are_stretched_as_the_venues_clock_is() -> None:
    context, _ = make_context(time_scale=2.5)
    assert context.span(1_000) == 2_500 * NS_PER_MS
    context.offset = -7
    assert context.venue_now == context.now - 7


def test_symbols_are_kept_once_in_their_order() -> None:
    context, _ = make_context(ETH, BTC, ETH)
    assert context.symbols == (ETH, BTC)


def test_a_gate_is_told_when_it_shuts_and_when_it_opens_and_never_twice() -> None:
    context, _ = make_context()
    context.shut("clock", "too far off")
    context.shut("clock", "too far off")
    context.shut("clock", "farther")
    assert context.is_shut("clock")
    assert not context.is_shut("clock", BTC)
    context.open("clock", "known")
    context.open("clock", "known")
    assert not context.is_shut("clock")
    assert context.take_reports() == [
        GateReport("clock", True, "too far off"),
        GateReport("clock", True, "farther"),
        GateReport("clock", False, "known"),
    ]
    assert context.take_reports() == []


def test_a_gate_of_one_symbol_is_not_another_ones() -> None:
    context, _ = make_context(BTC, ETH)
    context.shut("position", "differs", BTC)
    context.open("position", "agrees", ETH)
    assert context.gates == {("position", BTC): "differs"}
    assert context.take_reports() == [GateReport("position", True, "differs", BTC)]


def test_requests_are_numbered_and_leave_in_the_order_in_which_they_were_decided() -> None:
    context, outbox = make_context()
    first, _ = ask(context)
    second, _ = ask(context, Op.ACCOUNT)
    assert [request.id for request in outbox] == ["main-r1", "main-r2"] == [first.id, second.id]
    assert (first.account, first.op, first.call, first.urgent) == (ACCOUNT, Op.WALLET, QUESTION, False)


def test_only_a_request_that_acts_has_a_send_record() -> None:
    context, _ = make_context()
    ask(context)
    assert not context.in_flight
    assert context.take_reports() == []
    acting, _ = ask(context, Op.CANCEL)
    assert context.in_flight
    assert context.take_reports() == [SendReport(acting)]
    context.answered(outcome(acting))
    assert not context.in_flight


def test_every_request_that_changes_something_acts() -> None:
    acting = {"create", "amend", "cancel", "cancel_all", "trading_stop", "set_leverage"}
    for op in Op:
        context, _ = make_context()
        ask(context, op)
        assert context.in_flight == (op in acting), op


def test_an_answer_comes_with_the_rows_of_its_own_request_once() -> None:
    context, _ = make_context()
    request, answers = ask(context)
    mine, others = order_seen("ls-x", request=request.id), order_seen("ls-x", request="main-r99")
    context.collect(mine)
    context.collect(others)
    context.answered(outcome(request))
    context.answered(outcome(request))
    assert answers == [Answer(request, outcome(request), (mine,))]
    assert answers[0].ok


def test_only_an_accepted_answer_is_one() -> None:
    context, _ = make_context()
    request, _ = ask(context)
    assert not Answer(request, None).ok
    for kind in OutcomeKind:
        assert Answer(request, outcome(request, kind)).ok == (kind is OutcomeKind.ACCEPTED)


def test_a_request_without_an_answer_is_given_up_after_its_deadline_and_twice_the_patience() -> None:
    context, _ = make_context(answer_ms=1_000)
    answers: list[Answer] = []
    context.send(Op.CREATE, QUESTION, answers.append, deadline=context.now + 3 * NS_PER_SECOND)
    assert context.due == MIDNIGHT + 5 * NS_PER_SECOND
    context.now = MIDNIGHT + 5 * NS_PER_SECOND - 1
    context.give_up()
    assert answers == []
    context.now += 1
    context.give_up()
    assert [answer.outcome for answer in answers] == [None]
    assert context.due == NEVER


def test_a_question_has_a_deadline_too() -> None:
    context, _ = make_context(answer_ms=1_000, entry_deadline_ms=4_000)
    ask(context)
    assert context.due == MIDNIGHT + 6 * NS_PER_SECOND


def test_a_late_answer_to_a_request_that_was_given_up_changes_nothing() -> None:
    context, _ = make_context()
    request, answers = ask(context)
    context.now += 60 * NS_PER_SECOND
    context.give_up()
    context.collect(order_seen("ls-x", request=request.id))
    context.answered(outcome(request))
    assert len(answers) == 1


def test_nobody_waits_any_more_after_a_crash_and_numbers_go_on() -> None:
    context, _ = make_context()
    request, answers = ask(context, Op.CREATE)
    context.forget_requests()
    assert context.due == NEVER
    assert not context.in_flight
    context.answered(outcome(request))
    assert answers == []
    assert ask(context)[0].id == "main-r2"


def test_whoever_is_told_that_no_answer_came_may_ask_again_at_once() -> None:
    context, outbox = make_context()
    again: list[Request] = []
    context.send(Op.WALLET, QUESTION, lambda _: again.append(ask(context)[0]))
    context.now += 60 * NS_PER_SECOND
    context.give_up()
    assert [request.id for request in outbox] == ["main-r1", "main-r2"] == ["main-r1", again[0].id]


def test_a_position_is_what_our_books_hold() -> None:
    context, _ = make_context()
    assert context.position(BTC) == ZERO
    context.held.fill(BTC, Side.SELL, D(100), D(2), D(0))
    assert context.position(BTC) == D(-2)
