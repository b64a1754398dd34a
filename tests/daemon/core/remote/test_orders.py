from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.account_events import AccountFact, Executed, Op, OrderSeen, OutcomeKind
from daemon.core.orders import TRANSITIONS, Amendment, OrderRequest
from daemon.core.records import OrderStatus
from daemon.core.remote.link_ids import link_id
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NS_PER_HOUR, NS_PER_MS
from daemon.core.venue import AmendReport, GrantReport, OrderReport, PlacedReport, RefusalReport
from tests.daemon.core.account_facts import D, executed, order_seen
from tests.daemon.core.build import ETH, MIDNIGHT
from tests.daemon.core.remote.bench import LINEAGE, Bench, of, seen, state_of

K = OutcomeKind


@pytest.fixture
def bench() -> Bench:
    return Bench().make_ready()


def acked(bench: Bench, **fields: Any) -> Tracked:
    """An order that the venue took."""
    order = bench.order(**fields)
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    return order


def working(bench: Bench, **fields: Any) -> Tracked:
    """An order that the venue showed as open."""
    order = acked(bench, **fields)
    bench.hear(seen(order, "New"))
    return order


def test_an_accepted_answer_says_that_the_order_was_taken_and_the_stream_what_became_of_it(bench: Bench) -> None:
    order = bench.order()
    assert (order.state, bench.statuses(order.id)) == (State.SENDING, [])
    bench.answer(bench.take(Op.CREATE), venue_id="v1")
    assert (order.state, order.venue_id, bench.statuses(order.id)) == (State.ACKED, "v1", [])
    bench.hear(seen(order, "New"))
    assert (order.state, bench.statuses(order.id)) == (State.WORKING, ["New"])


@pytest.mark.parametrize("status", ["New", "Untriggered", "PartiallyFilled"])
def test_an_order_seen_before_its_answer_works_and_the_answer_changes_nothing(bench: Bench, status: str) -> None:
    order = bench.order()
    bench.hear(seen(order, status, "0.4" if status == "PartiallyFilled" else "0"))
    assert state_of(order) is State.WORKING
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    assert state_of(order) is State.WORKING


def test_an_execution_before_the_answer_is_normal(bench: Bench) -> None:
    order = bench.order()
    bench.hear(executed(order.link_id, qty="0.4", ts=bench.now))
    assert (order.state, order.applied) == (State.WORKING, D("0.4"))
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    bench.hear(executed(order.link_id, "e2", "0.6", ts=bench.now))
    assert (order.state, bench.statuses(order.id)) == (State.FILLED, ["0.4", "0.6"])


def test_of_a_partial_fill_the_executions_tell(bench: Bench) -> None:
    order = working(bench)
    bench.hear(seen(order, "PartiallyFilled", "0.4", updated=2))
    assert bench.statuses(order.id) == ["New"]
    bench.hear(executed(order.link_id, qty="0.4", ts=bench.now))
    assert bench.statuses(order.id) == ["New", "0.4"]


def test_a_filled_order_waits_for_its_executions(bench: Bench) -> None:
    order = working(bench)
    bench.hear(seen(order, "Filled", "1", updated=2))
    assert (order.state, bench.statuses(order.id)) == (State.FILLS_PENDING, ["New"])
    bench.hear(executed(order.link_id, qty="0.7", ts=bench.now))
    assert state_of(order) is State.FILLS_PENDING
    bench.hear(executed(order.link_id, "e2", "0.3", ts=bench.now))
    assert (order.state, bench.statuses(order.id)) == (State.FILLED, ["New", "0.7", "0.3"])


def test_a_cancelled_order_may_hold_fills_and_waits_for_them(bench: Bench) -> None:
    order = working(bench)
    bench.hear(seen(order, "Cancelled", "0.4", updated=2, cancel_type="CancelByUser"))
    assert state_of(order) is State.FILLS_PENDING
    bench.hear(executed(order.link_id, qty="0.4", ts=bench.now))
    assert (order.state, bench.statuses(order.id)) == (State.CANCELLED, ["New", "0.4", "Cancelled"])


def test_an_order_cancelled_without_a_fill_has_ended(bench: Bench) -> None:
    order = working(bench)
    bench.hear(seen(order, "Cancelled", updated=2))
    assert (order.state, bench.statuses(order.id)) == (State.CANCELLED, ["New", "Cancelled"])


def test_a_fill_that_comes_when_a_cancel_was_told_with_less_is_booked_when_the_venue_says_so(bench: Bench) -> None:
    """Two ends of one order may be told when a cancel races a fill: the one with more filled counts."""
    order = working(bench)
    bench.hear(seen(order, "Cancelled", "0.4", updated=2))
    bench.hear(seen(order, "Filled", "1", updated=2))
    bench.hear(executed(order.link_id, qty="0.4", ts=bench.now), executed(order.link_id, "e2", "0.6", ts=bench.now))
    assert (order.state, bench.statuses(order.id)) == (State.FILLED, ["New", "0.4", "0.6"])


@pytest.mark.parametrize(
    ("status", "end", "told"),
    [
        ("Rejected", State.REJECTED, "Rejected"),
        ("Cancelled", State.CANCELLED, "Cancelled"),
        ("PartiallyFilledCanceled", State.CANCELLED, "Cancelled"),
        ("Deactivated", State.CANCELLED, "Deactivated"),
    ],
)
def test_an_order_that_ended_before_anything_was_told_of_it_ends_in_the_venues_words(
    bench: Bench, status: str, end: State, told: str
) -> None:
    order = acked(bench)
    bench.hear(seen(order, status, reject_reason="EC_PostOnlyWillTakeLiquidity"))
    assert (order.state, bench.statuses(order.id)) == (end, [told])
    assert bench.of(OrderReport)[-1].reason == "EC_PostOnlyWillTakeLiquidity"


def test_an_end_that_the_lane_cannot_take_is_told_as_a_cancel(bench: Bench) -> None:
    """The lane's table knows no way from New to Deactivated."""
    order = working(bench)
    bench.hear(seen(order, "Deactivated", updated=2))
    assert bench.statuses(order.id) == ["New", "Cancelled"]


def test_a_conditional_order_waits_and_goes_off(bench: Bench) -> None:
    order = acked(bench, trigger_price=D(105))
    for number, status in enumerate(["Untriggered", "Triggered", "New"], 1):
        bench.hear(seen(order, status, updated=number))
    assert bench.statuses(order.id) == ["Untriggered", "Triggered", "New"]


def test_steps_that_were_not_heard_are_told_when_a_later_one_is(bench: Bench) -> None:
    order = acked(bench, trigger_price=D(105))
    bench.hear(seen(order, "Untriggered"), seen(order, "New", updated=2))
    assert bench.statuses(order.id) == ["Untriggered", "Triggered", "New"]
    other = acked(bench, trigger_price=D(105))
    bench.hear(seen(other, "Untriggered"), executed(other.link_id, "e9", ts=bench.now))
    assert bench.statuses(other.id) == ["Untriggered", "Triggered", "1"]


def test_of_steps_with_one_stamp_the_later_counts(bench: Bench) -> None:
    order = acked(bench, trigger_price=D(105))
    bench.hear(seen(order, "Untriggered"), seen(order, "Triggered"), seen(order, "New"), seen(order, "Triggered"))
    assert bench.statuses(order.id) == ["Untriggered", "Triggered", "New"]


def test_what_is_older_than_what_is_known_changes_nothing(bench: Bench) -> None:
    order = working(bench)
    bench.hear(seen(order, "PartiallyFilled", "0.4", updated=5, price=D(101)))
    assert order.request.price == D(101)
    before = len(bench.reports)
    bench.hear(seen(order, "New", "0", updated=9), seen(order, "PartiallyFilled", "0.4", updated=4, price=D(99)))
    assert (len(bench.reports), order.request.price) == (before, D(101))


def test_a_status_that_nobody_knows_makes_us_ask_the_venue(bench: Bench) -> None:
    order = working(bench)
    bench.hear(seen(order, "Teleported", updated=2))
    assert bench.mismatches() == [("order", "asking the venue")]
    assert not bench.exchange.ready
    assert state_of(order) is State.WORKING


def test_orders_of_other_symbols_are_not_ours(bench: Bench) -> None:
    before = len(bench.reports)
    bench.hear(order_seen("x", symbol=ETH), order_seen("x", "Teleported", symbol=ETH))
    assert len(bench.reports) == before


# Terms


def test_another_price_or_quantity_at_the_venue_is_told(bench: Bench) -> None:
    order = working(bench)
    bench.hear(seen(order, "New", updated=2, qty=D(2), price=D(99)))
    [report] = bench.of(AmendReport)
    assert (report.request.qty, report.request.price, report.reason) == (D(2), D(99), "changed at the venue")
    assert order.request == report.request


def test_our_amendment_is_told_without_a_reason(bench: Bench) -> None:
    order = working(bench)
    bench.call(bench.exchange.amend(Amendment(order.id, qty=D(2)), bench.now))
    bench.hear(seen(order, "New", updated=2, qty=D(2)))
    assert [report.reason for report in bench.of(AmendReport)] == [""]
    assert order.amending is None


def test_a_quantity_not_above_what_was_executed_is_not_taken(bench: Bench) -> None:
    order = working(bench)
    bench.hear(executed(order.link_id, qty="0.4", ts=bench.now))
    bench.hear(seen(order, "PartiallyFilled", "0.4", updated=2, qty=D("0.4")))
    assert order.request.qty == D(1)
    assert bench.of(AmendReport) == []


def test_a_market_order_has_no_price_to_change(bench: Bench) -> None:
    order = acked(bench, price=None)
    bench.hear(seen(order, "New", price=D(123)))
    assert order.request.price is None
    assert bench.of(AmendReport) == []


def test_an_order_that_the_venue_cut_and_filled_is_told_as_cancelled(bench: Bench) -> None:
    order = working(bench)
    bench.hear(executed(order.link_id, qty="0.4", ts=bench.now), seen(order, "Filled", "0.4", updated=2))
    assert bench.statuses(order.id) == ["New", "0.4", "Cancelled"]
    assert state_of(order) is State.CANCELLED
    assert "cut its quantity" in bench.of(OrderReport)[-1].reason


# Cancels


def cancel(bench: Bench, order: Tracked) -> None:
    bench.call(bench.exchange.cancel(order.id, bench.now))
    bench.answer(bench.take(Op.CANCEL))


def test_a_cancel_by_us_is_told_as_one(bench: Bench) -> None:
    order = working(bench)
    cancel(bench, order)
    reports = bench.hear(seen(order, "Cancelled", updated=2, cancel_type="CancelByUser"))
    assert of(reports, OrderReport) == [OrderReport(order.id, OrderStatus.CANCELLED, "CancelByUser")]
    assert not of(reports, GrantReport)
    assert not of(reports, RefusalReport)


def test_a_persons_cancel_is_told_apart(bench: Bench) -> None:
    order = working(bench)
    bench.hear(seen(order, "Cancelled", updated=2, cancel_type="CancelByUser"))
    assert bench.of(OrderReport)[-1].reason == "CancelByUser, not by us"


def test_a_cancel_that_the_order_ended_before_for_another_reason_is_granted(bench: Bench) -> None:
    order = working(bench)
    cancel(bench, order)
    reports = bench.hear(seen(order, "Cancelled", updated=2, cancel_type="CancelByReduceOnly"))
    assert of(reports, GrantReport) == [GrantReport("cancel", order.id)]
    assert of(reports, OrderReport)[-1].reason == "CancelByReduceOnly"


def test_a_cancel_that_came_too_late_is_refused(bench: Bench) -> None:
    order = working(bench)
    cancel(bench, order)
    reports = bench.hear(executed(order.link_id, ts=bench.now))
    assert of(reports, RefusalReport) == [
        RefusalReport("cancel", order.id, order.symbol, "110001: the order ended as Filled")
    ]


# After the end


@pytest.mark.parametrize("status", ["Filled", "PartiallyFilled", "New"])
def test_repetitions_about_an_order_that_ended_change_nothing(bench: Bench, status: str) -> None:
    order = working(bench)
    bench.hear(executed(order.link_id, ts=bench.now))
    before = len(bench.reports)
    bench.hear(seen(order, status, {"Filled": "1", "PartiallyFilled": "0.5", "New": "0"}[status], updated=9))
    assert len(bench.reports) == before


def test_an_order_that_had_ended_for_us_and_is_open_at_the_venue_is_followed_and_halts_its_symbol(
    bench: Bench,
) -> None:
    order = acked(bench)
    bench.hear(seen(order, "Rejected"))
    assert state_of(order) is State.REJECTED
    bench.hear(seen(order, "New", updated=2))
    assert "order BTCUSDT" in bench.gates()
    assert bench.mismatches()[0] == ("order", "followed as a stranger's, cancelled")
    assert not bench.exchange.ready
    again = bench.tracked(f"v-{order.link_id}")
    assert (again.ours, again.state, order.state) == (False, State.WORKING, State.REJECTED)
    bench.hear(executed(order.link_id, ts=bench.now))
    assert bench.context.position(order.symbol) == D(1)


def test_more_filled_than_was_known_when_an_order_ended_is_followed(bench: Bench) -> None:
    order = working(bench)
    bench.hear(seen(order, "Cancelled", updated=2))
    bench.hear(seen(order, "Cancelled", "0.4", updated=3))
    assert "order BTCUSDT" in bench.gates()
    bench.hear(executed(order.link_id, qty="0.4", ts=bench.now))
    assert bench.context.position(order.symbol) == D("0.4")


# Strangers


def test_an_order_by_hand_is_followed_and_opens_no_gate(bench: Bench) -> None:
    reports = bench.hear(order_seen("by-hand"))
    [placed] = of(reports, PlacedReport)
    assert (placed.request.order_id, placed.status) == ("v-by-hand", OrderStatus.NEW)
    assert bench.mismatches() == [("foreign order", "followed")]
    assert bench.gates() == set()


def test_an_order_by_hand_that_is_executed_halts_its_symbol(bench: Bench) -> None:
    bench.hear(order_seen("by-hand"), executed("by-hand", ts=bench.now))
    assert bench.gates() == {"foreign BTCUSDT"}
    assert bench.context.position("BTCUSDT") == D(1)


def test_a_stop_that_the_venue_made_for_us_is_no_strangers(bench: Bench) -> None:
    bench.hear(
        order_seen("", "Untriggered", venue_id="s1", trigger_price=D(90), create_type="CreateByStopLoss", side="Sell"),
        executed("", venue_id="s1", side="Sell", create_type="CreateByStopLoss", ts=bench.now),
    )
    assert bench.mismatches() == []
    assert bench.gates() == set()
    assert bench.statuses("s1") == ["Triggered", "1"]


@pytest.mark.parametrize("create_type", ["CreateByLiq", "CreateByTakeOver_PassThrough", "CreateByAdl_PassThrough"])
def test_what_the_venue_does_by_force_is_booked_and_halts_the_symbol(bench: Bench, create_type: str) -> None:
    bench.hear(executed("", venue_id="f1", side="Sell", create_type=create_type, ts=bench.now))
    assert bench.gates() == {"forced BTCUSDT"}
    assert bench.context.position("BTCUSDT") == D(-1)


def test_an_unknown_order_under_a_name_of_ours_halts_the_lane(bench: Bench) -> None:
    bench.hear(order_seen(link_id(LINEAGE, "another-1-0")))
    assert bench.gates() == {"lineage"}
    assert bench.waiting == []


def test_an_unknown_order_under_a_name_of_ours_is_cancelled_where_that_is_configured() -> None:
    bench = Bench(foreign_order="cancel").make_ready()
    bench.hear(order_seen(link_id(LINEAGE, "another-1-0")))
    assert bench.gates() == set()
    assert bench.take(Op.CANCEL).call.text == f"BTCUSDT||v-{link_id(LINEAGE, 'another-1-0')}"


def test_an_order_that_was_over_before_we_came_is_none_of_our_business(bench: Bench) -> None:
    before = len(bench.reports)
    bench.hear(order_seen("old", "Cancelled", updated=MIDNIGHT + 5))
    bench.hear(order_seen("old", "Filled", filled=D(1), updated=MIDNIGHT - NS_PER_HOUR))
    assert len(bench.reports) == before


def test_an_order_that_was_executed_since_we_came_is_followed_though_it_is_over(bench: Bench) -> None:
    bench.hear(order_seen("by-hand", "Filled", filled=D(1), updated=bench.now))
    assert bench.tracked("v-by-hand").state is State.FILLS_PENDING
    bench.hear(executed("by-hand", ts=bench.now))
    assert bench.context.position("BTCUSDT") == D(1)


# Any interleaving of the same messages ends in the same state


class Story:
    """What really happened to an order, and everything that is told of it."""

    def __init__(self, fills: list[str], end: str, conditional: bool) -> None:
        self.fills = [] if end == "Deactivated" else fills
        self.end = end
        self.conditional = conditional or end == "Deactivated"  # only what still waits can be deactivated

    def rows(self, order: Tracked) -> list[AccountFact]:
        stamps = iter(range(1, 50))
        told: list[AccountFact] = []
        steps = ["Untriggered", "Triggered", "New"] if self.conditional else ["New"]
        steps = steps[:1] if self.end == "Deactivated" else steps
        told += [seen(order, status, updated=next(stamps)) for status in steps]
        total = D(0)
        for number, qty in enumerate(self.fills):
            total += D(qty)
            at = next(stamps)
            told.append(executed(order.link_id, f"e{number}", qty, ts=MIDNIGHT + at * NS_PER_MS))
            full = total == order.request.qty
            told.append(seen(order, "Filled" if full else "PartiallyFilled", f"{total}", updated=at))
        if total < order.request.qty and self.end:
            told.append(seen(order, self.end, f"{total}", updated=next(stamps)))
        return told


stories = st.builds(
    Story,
    st.sampled_from([[], ["1"], ["0.4"], ["0.4", "0.6"], ["0.1", "0.2"], ["0.2", "0.3", "0.5"]]),
    st.sampled_from(["", "Cancelled", "Deactivated"]),
    st.booleans(),
)


def end_of(bench: Bench, request: OrderRequest, link: str) -> tuple[object, ...]:
    order = bench.context.orders.find(link, "")
    assert order is not None
    # The way may differ where a step was not heard in time; where it ends may not.
    last = [one for one in bench.statuses(request.order_id) if one in ("Cancelled", "Rejected", "Deactivated")]
    fills = sorted(one for one in bench.statuses(request.order_id) if one[0].isdigit())
    return (
        order.state,
        order.applied,
        order.is_open and order.seen_filled,
        last,
        fills,
        bench.context.position(request.symbol),
    )


@settings(max_examples=150, deadline=None)
@given(stories, st.data())
def test_any_interleaving_of_the_same_messages_ends_in_the_same_state(story: Story, data: st.DataObject) -> None:
    ends = []
    for shuffled in (False, True):
        bench = Bench().make_ready()
        order = bench.order(trigger_price=D(105) if story.conditional else None)
        answer = bench.take(Op.CREATE)
        messages: list[AccountFact | None] = [None, *story.rows(order)]
        if shuffled:
            messages += data.draw(st.lists(st.sampled_from(messages[1:]), max_size=6), label="repeats")
            messages = data.draw(st.permutations(messages), label="order")
        for message in messages:
            if message is None:
                bench.answer(answer, venue_id=f"v-{order.link_id}")
            else:
                bench.hear(message)
        ends.append(end_of(bench, order.request, order.link_id))
        check_legal(bench, order.id)
        assert bench.gates() == set()
        assert not bench.mismatches()
    assert ends[0] == ends[1]


@settings(max_examples=60, deadline=None)
@given(stories)
def test_telling_everything_twice_is_telling_it_once(story: Story) -> None:
    told: list[list[str]] = []
    for times in (1, 2):
        bench = Bench().make_ready()
        order = bench.order(trigger_price=D(105) if story.conditional else None)
        bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
        for message in story.rows(order):
            bench.hear(*[message] * times)
        told.append(bench.statuses(order.id))
    assert told[0] == told[1]


def check_legal(bench: Bench, order_id: str) -> None:
    """The lane hears only steps that its own table knows, and fills that add up to no more than the order."""
    status, filled = OrderStatus.SUBMITTED, D(0)
    order = next(request.order_id for request in bench.sends(Op.CREATE) if request.order_id == order_id)
    for told in bench.statuses(order):
        if told[0].isdigit():
            filled += D(told)
            after = OrderStatus.FILLED if filled == 1 else OrderStatus.PARTIALLY_FILLED
        else:
            after = OrderStatus(told)
        assert after in TRANSITIONS[status], (bench.statuses(order), status, after)
        status = after
    assert filled <= 1


def test_the_rows_of_a_story_are_what_a_venue_may_tell() -> None:
    bench = Bench().make_ready()
    rows = Story(["0.4", "0.6"], "", True).rows(bench.order())
    assert sum(isinstance(row, Executed) for row in rows) == 2
    assert [row.status for row in rows if isinstance(row, OrderSeen)] == [
        *("Untriggered", "Triggered", "New", "PartiallyFilled", "Filled")
    ]
