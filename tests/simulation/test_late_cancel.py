"""A cancel that comes too late: the order filled, and the stream has not said so."""

from __future__ import annotations

from adapters.sandbox.gateway.plan import Plan, PushFault, When
from daemon.core.records import Action, FillLine, OrderType
from daemon.core.strategy import Decision
from tests.daemon.core.build import BTC, buy
from tests.simulation.closed_loop import UID, ClosedLoop

MUTED = Plan(pushes=(PushFault(when=When(topic="*", from_s=5), drop=True),))
CANCEL = Decision(Action.CANCEL, "told to cancel")


def filled_unseen() -> ClosedLoop:
    loop = ClosedLoop(MUTED)
    loop.until_ready()
    loop.decide(buy(0.01, order_type=OrderType.LIMIT, price=90_000.0))
    loop.run(7_000)
    order_id = str(loop.truth("accepted")[0]["order_id"])
    loop.gateway.advance(loop.now_ms)
    loop.gateway.venue.force_fill(UID, BTC, order_id=order_id, now_ms=loop.now_ms)
    loop.decide(CANCEL)
    return loop


def test_the_fill_of_an_order_that_a_cancel_found_filled_is_known_within_five_seconds() -> None:
    loop = filled_unseen()
    loop.run_until(lambda: bool(loop.lines(FillLine)), within_ms=5_000, what="the fill is booked")


def test_an_order_that_has_ended_is_not_cancelled_again_and_shuts_no_gate() -> None:
    loop = filled_unseen()
    loop.run(60_000)
    cancels = [entry for entry in loop.truth("request") if entry["route"] == "/v5/order/cancel"]
    assert len(cancels) == 1
    assert loop.desk.exchange.status().gates == {}
    assert not loop.desk.lane.orders
    assert loop.replayed() == loop.desk.lines
