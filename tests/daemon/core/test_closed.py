"""A breach: what stops when an exchange's books break, and what goes on."""

from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.closed import ClosedExchange
from daemon.core.events import Side, Timer, TroubleKind, VenueTrouble
from daemon.core.lane import Lane
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, Protection, TradingStop
from daemon.core.records import Action, DecisionLine, HaltLine, OrderType, TimeInForce
from daemon.core.strategy import Decision, OnTimer, OnTrade
from daemon.core.units import NEVER, NS_PER_DAY
from tests.daemon.core.build import BTC, HOLD, Run, Scripted, buy, of_kind, ready, trade
from tests.daemon.core.fake import FakeExchange, fake_lane, fill

D = Decimal
LATE = VenueTrouble(kind=TroubleKind.LATE)


def two_lanes(strategy: Scripted) -> tuple[Run, Lane, FakeExchange, Scripted]:
    broken, exchange = fake_lane(strategy, name="broken")
    beside = Scripted(*[buy(1)] * 9, triggers=(OnTrade(), OnTimer("tick")))
    sound, _ = fake_lane(beside, name="sound")
    return ready(broken, sound), broken, exchange, beside


def every_way() -> list[tuple[str, list[Decision]]]:
    """What makes an exchange be called, and the script before it."""
    limit = buy(1, price=99.0)
    return [
        ("on_market", [HOLD]),
        ("advance", [HOLD]),
        ("trouble", [HOLD]),
        ("submit", [buy(1)]),
        ("amend", [limit, Decision(Action.AMEND, "better", price=98.0)]),
        ("cancel", [limit, Decision(Action.CANCEL, "enough")]),
        ("protect", [buy(1), Decision(Action.PROTECT, "careful", stop_loss=90.0)]),
    ]


def provoke(run: Run, exchange: FakeExchange, call: str, evidence: str) -> list[HaltLine]:
    if call == "advance":
        exchange.broken, exchange.next_due = evidence, run.now + 1
        run.engine.desk.note_due(run.engine.lanes[0])
        return of_kind(run.tell(Timer("other", 0), after=1), HaltLine)
    if call == "trouble":
        exchange.broken = evidence
        return of_kind(run.tell(VenueTrouble(kind=TroubleKind.LATE, lane="broken")), HaltLine)
    if call == "on_market":
        exchange.broken = evidence
        return of_kind(run.tell(trade(100.0)), HaltLine)
    exchange.breaks_when_asked = evidence
    return of_kind(run.tell(trade(100.0)), HaltLine)


@pytest.mark.parametrize(("call", "script"), every_way(), ids=[call for call, _ in every_way()])
def test_books_that_break_in_any_call_stop_their_lane_and_no_other(call: str, script: list[Decision]) -> None:
    strategy = Scripted(*script, *[buy(1)] * 9, triggers=(OnTrade(), OnTimer("tick")))
    run, broken, exchange, beside = two_lanes(strategy)
    for number, _ in enumerate(script[:-1]):
        run.tell(trade(100.0))
        if call == "protect":
            (asked,) = exchange.asked
            assert isinstance(asked, OrderRequest)
            run.engine.desk.absorb(broken, [fill(asked.order_id, Side.BUY, "1", number=number)])
    (halt,) = provoke(run, exchange, call, "110 is not 100")
    assert (halt.lane, halt.halted, halt.reason) == ("broken", True, "breach: 110 is not 100")
    asked_before, seen_before, others_before = len(exchange.asked), len(strategy.snapshots), len(beside.snapshots)
    for _ in range(3):
        run.tell(trade(100.0), Timer("tick", 0), LATE, after=1)
    assert (len(exchange.asked), len(strategy.snapshots)) == (asked_before, seen_before)
    assert len(beside.snapshots) == others_before + 6
    assert isinstance(broken.exchange, ClosedExchange)


def test_a_stopped_lane_stays_stopped_over_midnight_and_a_resume() -> None:
    run, broken, exchange, _ = two_lanes(Scripted(*[buy(1)] * 9))
    provoke(run, exchange, "on_market", "why")
    run.tell(trade(100.0), after=NS_PER_DAY)
    assert broken.halts == {"breach": "why"}
    assert {line.lane for line in of_kind(run.tell(trade(100.0)), DecisionLine)} == {"sound"}


def test_what_was_booked_before_the_impossible_report_stays_booked_and_written() -> None:
    run, broken, exchange, _ = two_lanes(Scripted(buy(2)))
    run.tell(trade(100.0))
    (asked,) = exchange.asked
    assert isinstance(asked, OrderRequest)
    exchange.news = [fill(asked.order_id, Side.BUY, "1"), fill(asked.order_id, Side.BUY, "9", number=2)]
    kinds = [type(record).__name__ for record in run.tell(trade(100.0)) if record.lane == "broken"]
    assert kinds == ["FillLine", "OrderLine", "HaltLine"]
    assert broken.ledger.position(BTC).qty == 1


def test_a_closed_exchange_takes_nothing_and_tells_nothing() -> None:
    exchange = ClosedExchange()
    market = Market(BTC)
    request = OrderRequest("o", 1, "s", BTC, Side.BUY, OrderType.MARKET, TimeInForce.GTC, D(1))
    said = [
        exchange.submit(request, market, 1),
        exchange.amend(Amendment("o"), 1),
        exchange.cancel("o", 1),
        exchange.cancel_all("", 1),
        exchange.protect(TradingStop(BTC, Protection()), market, 1),
        exchange.on_market(market, trade(100.0), 1),
        exchange.advance(1),
        exchange.trouble(LATE, 1),
    ]
    assert (said, exchange.next_due) == ([()] * 8, NEVER)
