from __future__ import annotations

from typing import Any

import pytest

from daemon.core.account_events import Op, OutcomeKind, StreamState
from daemon.core.events import Restarted, Side
from daemon.core.orders import Amendment
from daemon.core.remote.link_ids import link_id
from daemon.core.remote.sending import CANCELS_MAX, LOOK_MS
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NS_PER_MS, NS_PER_SECOND
from daemon.core.venue import OrderReport, RefusalReport
from tests.daemon.core.account_facts import ACCOUNT, D, executed, order_seen
from tests.daemon.core.build import BTC
from tests.daemon.core.remote.bench import LINEAGE, Bench, seen, state_of

K = OutcomeKind


@pytest.fixture
def bench() -> Bench:
    return Bench().make_ready()


def acked(bench: Bench, **fields: Any) -> Tracked:
    order = bench.order(**fields)
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    return order


def working(bench: Bench, **fields: Any) -> Tracked:
    order = acked(bench, **fields)
    bench.hear(seen(order, "New"))
    bench.venue.orders.append(seen(order, "New"))
    return order


# New orders


def test_an_order_leaves_under_its_name_with_a_deadline(bench: Bench) -> None:
    order = bench.order()
    request = bench.take(Op.CREATE)
    assert request.link_id == order.link_id == link_id(LINEAGE, order.id)
    assert (request.order_id, request.symbol, request.urgent) == (order.id, BTC, False)
    assert request.deadline == order.deadline == bench.now + 5 * NS_PER_SECOND
    assert request.call.text == f"BTCUSDT|{order.link_id}|Buy|1"


def test_an_exit_may_leave_for_a_minute_and_from_the_kept_quota(bench: Bench) -> None:
    order = bench.order(side=Side.SELL, reduce_only=True)
    request = bench.take(Op.CREATE)
    assert (request.deadline, request.urgent) == (bench.now + 60 * NS_PER_SECOND, True)
    assert order.deadline == request.deadline


@pytest.mark.parametrize(
    ("side", "bid", "ask", "touch"),
    [(Side.BUY, 99.9, 100.1, "100.1"), (Side.SELL, 99.9, 100.1, "99.9"), (Side.BUY, 0.0, 0.0, "100.0")],
)
def test_the_touch_of_the_decision_is_kept(bench: Bench, side: Side, bid: float, ask: float, touch: str) -> None:
    bench.market.bid, bench.market.ask = bid, ask
    assert bench.order(side=side).reference == D(touch)


def test_without_any_price_there_is_no_touch(bench: Bench) -> None:
    bench.market.bid = bench.market.ask = bench.market.mark = 0.0
    assert bench.order().reference == D(0)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (K.ACCEPTED, State.ACKED),
        (K.REFUSED, State.REJECTED),
        (K.NOT_SENT, State.REJECTED),
        (K.EXISTS, State.UNKNOWN),
        (K.UNKNOWN, State.UNKNOWN),
        (K.BUSY, State.UNKNOWN),
        (K.GONE, State.UNKNOWN),
        (K.NO_OP, State.UNKNOWN),
    ],
)
def test_only_a_definite_refusal_ends_an_order(bench: Bench, kind: OutcomeKind, state: State) -> None:
    order = bench.order()
    bench.answer(bench.take(Op.CREATE), kind, code=110007, reason="words")
    assert order.state is state
    assert ("unknown_outcome BTCUSDT" in bench.gates()) == (state is State.UNKNOWN)


def test_every_kind_of_outcome_is_thought_of() -> None:
    assert len(OutcomeKind) == 8


def test_a_refusal_is_told_in_the_venues_words_and_what_never_left_in_ours(bench: Bench) -> None:
    bench.submit("a")
    bench.answer(bench.take(Op.CREATE), K.REFUSED, code=110007, reason="balance not enough")
    bench.submit("b")
    bench.answer(bench.take(Op.CREATE), K.NOT_SENT, reason="no route to host")
    assert [report.reason for report in bench.of(OrderReport)] == [
        "110007: balance not enough",
        "NOT_SENT: no route to host",
    ]


def test_no_answer_in_time_is_an_unknown_outcome(bench: Bench) -> None:
    order = bench.order()
    bench.pass_time(14_999, answer=False)
    assert state_of(order) is State.SENDING
    bench.pass_time(1, answer=False)
    assert state_of(order) is State.UNKNOWN


def test_a_refusal_of_an_order_that_works_changes_nothing(bench: Bench) -> None:
    order = bench.order()
    bench.hear(seen(order, "New"))
    bench.answer(bench.take(Op.CREATE), K.REFUSED, code=110007)
    assert state_of(order) is State.WORKING


@pytest.mark.parametrize("signed", [True, False])
def test_the_window_of_a_request_bounds_when_the_venue_may_take_it(bench: Bench, signed: bool) -> None:
    bench.context.offset = 7 * NS_PER_SECOND
    order = bench.order()
    stamp = bench.now + 3 * NS_PER_SECOND
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN, signed=stamp if signed else 0, window_ms=1_000)
    expected = stamp + NS_PER_SECOND if signed else bench.now + 10 * NS_PER_SECOND
    assert order.closes_at == expected


def test_an_order_that_was_taken_and_never_shown_is_asked_for(bench: Bench) -> None:
    order = acked(bench)
    bench.venue.orders.append(seen(order, "New"))
    bench.pass_time(LOOK_MS - 1, answer=False)
    assert not [request for request in bench.asked if request.op is Op.ORDER]
    bench.pass_time(1)
    assert state_of(order) is State.WORKING


def test_an_order_that_was_taken_and_is_not_found_is_unknown_not_gone(bench: Bench) -> None:
    order = acked(bench)
    bench.pass_time(LOOK_MS)
    assert state_of(order) is State.UNKNOWN
    assert bench.gates() == {"unknown_outcome BTCUSDT"}


def test_a_question_for_an_order_that_failed_is_asked_again(bench: Bench) -> None:
    order = acked(bench)
    bench.venue.failing = {Op.ORDER}
    bench.pass_time(LOOK_MS)
    assert state_of(order) is State.ACKED
    bench.venue.failing = set()
    bench.venue.orders.append(seen(order, "New"))
    bench.pass_time(LOOK_MS)
    assert state_of(order) is State.WORKING


# Gates


def test_an_order_that_carries_risk_is_not_sent_before_the_account_is_ready() -> None:
    bench = Bench()
    request = bench.submit()
    assert bench.of(OrderReport)[-1].reason == "DENIED: the account is down, not ready"
    assert bench.statuses(request.order_id) == ["Rejected"]
    assert bench.sends(Op.CREATE) == []
    bench.submit("exit", reduce_only=True)
    assert len(bench.sends(Op.CREATE)) == 1


def test_an_unknown_outcome_keeps_new_risk_off_its_symbol_and_no_other() -> None:
    bench = Bench(BTC, "ETHUSDT").make_ready()
    bench.order()
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN)
    refused = bench.submit()
    assert bench.statuses(refused.order_id) == ["Rejected"]
    assert bench.of(OrderReport)[-1].reason == "DENIED: an outcome on this symbol is unknown"
    bench.submit("exit", reduce_only=True)
    bench.submit("eth", symbol="ETHUSDT")
    assert [request.order_id for request in bench.sends(Op.CREATE)[1:]] == ["exit", "eth"]


# Cancels


def ask_cancel(bench: Bench, order: Tracked) -> None:
    bench.call(bench.exchange.cancel(order.id, bench.now))


def test_a_cancel_leaves_by_our_name_with_a_minute_and_the_kept_quota(bench: Bench) -> None:
    order = working(bench)
    ask_cancel(bench, order)
    request = bench.take(Op.CANCEL)
    assert request.call.text == f"BTCUSDT|{order.link_id}|"
    assert (request.urgent, request.deadline) == (True, bench.now + 60 * NS_PER_SECOND)


def test_a_strangers_order_is_cancelled_by_the_venues_name(bench: Bench) -> None:
    bench.hear(order_seen("by-hand"))
    ask_cancel(bench, bench.tracked("v-by-hand"))
    assert bench.take(Op.CANCEL).call.text == "BTCUSDT||v-by-hand"


def test_a_cancel_of_what_is_not_open_is_refused(bench: Bench) -> None:
    bench.call(bench.exchange.cancel("nobody", bench.now))
    assert bench.of(RefusalReport) == [RefusalReport("cancel", "nobody", "", "110001: the order is not open")]


def test_a_refused_cancel_is_told_and_is_over(bench: Bench) -> None:
    order = working(bench)
    ask_cancel(bench, order)
    bench.answer(bench.take(Op.CANCEL), K.REFUSED, code=10001, reason="bad")
    assert bench.of(RefusalReport) == [RefusalReport("cancel", order.id, BTC, "10001: bad")]
    assert not order.cancelling
    bench.pass_time(30_000)
    assert len(bench.sends(Op.CANCEL)) == 1


@pytest.mark.parametrize("kind", [K.UNKNOWN, K.BUSY, K.ACCEPTED, K.NO_OP, K.EXISTS, K.NOT_SENT])
def test_a_cancel_in_doubt_is_asked_about_and_repeated_while_the_order_is_open(bench: Bench, kind: OutcomeKind) -> None:
    order = working(bench)
    bench.pass_time(10_000)  # nothing is to be looked at any more
    ask_cancel(bench, order)
    bench.answer(bench.take(Op.CANCEL), kind)
    assert state_of(order) is State.WORKING
    bench.pass_time(2 * LOOK_MS)
    assert len(bench.sends(Op.CANCEL)) == 2
    assert order.cancelling


def test_gone_says_nothing_about_the_past_so_the_venue_is_asked_at_once(bench: Bench) -> None:
    order = working(bench)
    ask_cancel(bench, order)
    bench.venue.orders.clear()
    bench.venue.closed.append(seen(order, "Filled", "1", updated=2))
    bench.answer(bench.take(Op.CANCEL), K.GONE, code=110001)
    assert state_of(order) is State.WORKING
    bench.answer_questions()
    assert state_of(order) is State.FILLS_PENDING
    bench.hear(executed(order.link_id, ts=bench.now))
    assert bench.of(RefusalReport)[-1].reason == "110001: the order ended as Filled"


def test_an_order_without_a_name_of_ours_is_looked_for_among_all_of_them(bench: Bench) -> None:
    bench.hear(order_seen("", venue_id="by-hand"))
    ask_cancel(bench, bench.tracked("by-hand"))
    bench.answer(bench.take(Op.CANCEL), K.GONE)
    assert not bench.exchange.ready
    assert Op.OPEN_ORDERS in [request.op for request in bench.asked]
    assert Op.ORDER not in [request.op for request in bench.asked]


def test_a_cancel_that_is_never_obeyed_is_given_up_loudly(bench: Bench) -> None:
    order = working(bench)
    ask_cancel(bench, order)
    for _ in range(CANCELS_MAX):
        for request in list(bench.waiting):
            bench.waiting.remove(request)
            bench.answer(request)
        bench.pass_time(2 * LOOK_MS)
    bench.pass_time(2 * LOOK_MS)
    assert len(bench.sends(Op.CANCEL)) == CANCELS_MAX == 5
    assert "cancel BTCUSDT" in bench.gates()
    assert ("cancel", "given up") in bench.mismatches()
    assert bench.of(RefusalReport)[-1].reason == "not obeyed after 5 requests"
    bench.hear(seen(order, "Cancelled", updated=99))
    assert bench.gates() == set()
    assert not order.cancelling


def test_a_cancel_is_not_repeated_before_its_time(bench: Bench) -> None:
    order = working(bench)
    ask_cancel(bench, order)
    bench.answer(bench.take(Op.CANCEL), K.GONE)
    bench.answer_questions()
    assert len(bench.sends(Op.CANCEL)) == 1
    bench.pass_time(LOOK_MS)
    assert len(bench.sends(Op.CANCEL)) == 2


def test_a_cancel_of_an_order_that_was_unknown_is_sent_again_when_it_is_found(bench: Bench) -> None:
    order = bench.order()
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN)
    ask_cancel(bench, order)
    bench.answer(bench.take(Op.CANCEL), K.GONE)
    bench.hear(seen(order, "New"))
    assert state_of(order) is State.WORKING
    assert bench.take(Op.CANCEL).link_id == order.link_id


def test_cancel_all_is_a_request_and_never_a_state(bench: Bench) -> None:
    first, second = working(bench), working(bench)
    bench.call(bench.exchange.cancel_all("", bench.now))
    request = bench.take(Op.CANCEL_ALL)
    assert (request.call.text, request.urgent) == (BTC, True)
    bench.answer(request)
    assert (first.state, second.state) == (State.WORKING, State.WORKING)
    bench.hear(seen(first, "Cancelled", updated=2, cancel_type="CancelByUser"))
    bench.venue.orders = [seen(second, "New")]
    bench.pass_time(LOOK_MS)
    assert bench.take(Op.CANCEL).link_id == second.link_id


def test_cancel_all_of_an_account_goes_symbol_by_symbol() -> None:
    bench = Bench(BTC, "ETHUSDT").make_ready()
    bench.call(bench.exchange.cancel_all("", bench.now))
    assert [request.symbol for request in bench.sends(Op.CANCEL_ALL)] == [BTC, "ETHUSDT"]
    bench.call(bench.exchange.cancel_all("ETHUSDT", bench.now))
    assert [request.symbol for request in bench.sends(Op.CANCEL_ALL)][2:] == ["ETHUSDT"]


# Amendments


def ask_amend(bench: Bench, order: Tracked, **changes: Any) -> None:
    bench.call(bench.exchange.amend(Amendment(order.id, **changes), bench.now))


def test_an_amendment_leaves_with_the_deadline_of_an_entry(bench: Bench) -> None:
    order = working(bench)
    ask_amend(bench, order, price=D(99))
    request = bench.take(Op.AMEND)
    assert (request.deadline, request.urgent) == (bench.now + 5 * NS_PER_SECOND, False)
    assert order.amending is not None


def test_one_change_at_a_time(bench: Bench) -> None:
    order = working(bench)
    ask_amend(bench, order, price=D(99))
    ask_amend(bench, order, price=D(98))
    assert len(bench.sends(Op.AMEND)) == 1
    assert bench.of(RefusalReport)[-1].reason == "110079: another change of this order is under way"


def test_an_amendment_of_what_is_not_open_is_refused(bench: Bench) -> None:
    bench.call(bench.exchange.amend(Amendment("nobody", price=D(99)), bench.now))
    assert bench.of(RefusalReport) == [RefusalReport("amend", "nobody", "", "110001: the order is not open")]


@pytest.mark.parametrize("kind", [K.REFUSED, K.NOT_SENT, K.NO_OP])
def test_an_amendment_that_has_no_effect_for_certain_is_refused(bench: Bench, kind: OutcomeKind) -> None:
    order = working(bench)
    ask_amend(bench, order, price=D(99))
    bench.answer(bench.take(Op.AMEND), kind, code=10001, reason="order not modified")
    assert bench.of(RefusalReport) == [RefusalReport("amend", order.id, BTC, "10001: order not modified")]
    assert order.amending is None


@pytest.mark.parametrize("kind", [K.UNKNOWN, K.BUSY, K.ACCEPTED])
def test_an_amendment_in_doubt_is_given_up_only_when_the_venue_can_no_longer_take_it(
    bench: Bench, kind: OutcomeKind
) -> None:
    order = working(bench)
    bench.pass_time(10_000)  # nothing is to be looked at any more
    ask_amend(bench, order, price=D(99))
    bench.answer(bench.take(Op.AMEND), kind, signed=bench.now, window_ms=3_000)
    bench.pass_time(4_500)
    assert order.amending is not None
    bench.pass_time(2_000)
    assert order.amending is None
    assert bench.of(RefusalReport) == [RefusalReport("amend", order.id, BTC, "the venue did not take it")]


def test_an_amendment_in_doubt_that_the_venue_took_is_found(bench: Bench) -> None:
    order = working(bench)
    ask_amend(bench, order, price=D(99))
    bench.answer(bench.take(Op.AMEND), K.UNKNOWN)
    bench.venue.orders = [seen(order, "New", updated=2, price=D(99))]
    bench.pass_time(LOOK_MS)
    assert (order.request.price, order.amending) == (D(99), None)
    assert bench.of(RefusalReport) == []


def test_an_amendment_of_an_order_that_ended_meanwhile_is_refused(bench: Bench) -> None:
    order = working(bench)
    ask_amend(bench, order, price=D(99))
    bench.hear(executed(order.link_id, ts=bench.now))
    assert bench.of(RefusalReport)[-1] == RefusalReport("amend", order.id, BTC, "110001: the order ended as Filled")
    bench.answer(bench.take(Op.AMEND), K.GONE)
    assert len(bench.of(RefusalReport)) == 1


def test_a_late_answer_to_an_older_amendment_says_nothing_of_the_newer_one(bench: Bench) -> None:
    order = working(bench)
    ask_amend(bench, order, price=D(99))
    first = bench.take(Op.AMEND)
    bench.hear(seen(order, "New", updated=2, price=D(99)))
    ask_amend(bench, order, price=D(98))
    bench.answer(first, K.REFUSED)
    assert order.amending is not None
    assert bench.of(RefusalReport) == []


# Crashes


def test_after_a_crash_what_was_being_sent_is_unknown_until_the_venue_was_asked(bench: Bench) -> None:
    order = bench.order()
    bench.hear(Restarted())
    assert (order.state, order.closes_at) == (State.UNKNOWN, bench.now + 3_000 * NS_PER_MS)
    bench.hear(StreamState(ACCOUNT, up=True))
    bench.venue.orders.append(seen(order, "New"))
    bench.answer_questions()
    assert state_of(order) is State.WORKING
    assert len(bench.sends(Op.CREATE)) == 1


def test_a_cancel_that_a_crash_interrupted_is_asked_about_and_repeated(bench: Bench) -> None:
    order = working(bench)
    ask_cancel(bench, order)
    bench.waiting.clear()
    bench.hear(Restarted())
    assert order.cancelling
    bench.pass_time(2 * LOOK_MS)
    assert bench.take(Op.CANCEL).link_id == order.link_id
    bench.hear(seen(order, "Cancelled", updated=2, cancel_type="CancelByUser"))
    assert bench.of(OrderReport)[-1].reason == "CancelByUser"


def test_an_amendment_that_a_crash_interrupted_is_found_or_refused(bench: Bench) -> None:
    taken, lost = working(bench), working(bench)
    ask_amend(bench, taken, price=D(99))
    ask_amend(bench, lost, price=D(99))
    bench.hear(Restarted())
    bench.venue.orders = [seen(taken, "New", updated=2, price=D(99)), seen(lost, "New")]
    bench.pass_time(4_900)
    assert (taken.request.price, taken.amending) == (D(99), None)
    assert lost.amending is not None
    bench.pass_time(LOOK_MS)
    assert [report.order_id for report in bench.of(RefusalReport)] == [lost.id]
