from __future__ import annotations

import pytest

from daemon.core.events import Command, Side
from daemon.core.orders import OrderRequest
from daemon.core.panic import LOOK
from daemon.core.records import CreateType, HaltLine, OrderStatus, OrderType, TimeInForce
from daemon.core.units import NS_PER_SECOND
from daemon.core.venue import AdoptionReport
from tests.daemon.core.account_facts import D
from tests.daemon.core.build import BTC, Run, Scripted, buy, of_kind, ready, trade
from tests.daemon.core.fake import FakeExchange, fake_lane, fill, protection_order, status


def hold(decisions: int = 1) -> tuple[Run, FakeExchange]:
    """A lane that holds one BTC, bought by its strategy."""
    lane, exchange = fake_lane(Scripted(*[buy(1.0)] * decisions))
    run = ready(lane)
    run.tell(trade(100.0))
    [request] = [asked for asked in exchange.asked if isinstance(asked, OrderRequest)]
    exchange.news = [*status(request.order_id, OrderStatus.NEW), fill(request.order_id, Side.BUY, "1")]
    run.tell(trade(100.0))
    exchange.asked.clear()
    return run, exchange


def panic(run: Run) -> None:
    run.tell(Command("panic", reason="smoke"))


def look(run: Run) -> None:
    run.tell(trade(100.0), after=LOOK)


def closing(exchange: FakeExchange) -> list[OrderRequest]:
    return [asked for asked in exchange.asked if isinstance(asked, OrderRequest)]


def test_a_panic_halts_and_closes_what_is_held_with_a_reduce_only_market_order() -> None:
    run, exchange = hold()
    panic(run)
    [request] = closing(exchange)
    assert (request.side, request.qty, request.symbol) == (Side.SELL, D(1), BTC)
    assert (request.type, request.time_in_force, request.reduce_only) == (OrderType.MARKET, TimeInForce.IOC, True)
    assert (request.create_type, request.strategy, request.decision) == (CreateType.PANIC, "", 0)
    assert run.halts()[-1].reason == "panic: smoke"
    assert run.engine.lanes[0].is_halted(BTC)


def test_open_orders_are_cancelled_symbol_by_symbol_but_not_what_closes() -> None:
    run, exchange = hold(decisions=2)
    exchange.news = [protection_order("stop", Side.SELL, "1")]
    run.tell(trade(100.0))
    exchange.asked.clear()
    panic(run)
    assert exchange.asked[0] == f"all of {BTC}"
    assert len(closing(exchange)) == 1
    exchange.asked.clear()
    look(run)
    assert [asked for asked in exchange.asked if isinstance(asked, str)] == [f"all of {BTC}"]
    assert closing(exchange) == []  # one that closes is under way


def test_what_is_left_after_a_closing_order_ended_is_closed_by_another() -> None:
    run, exchange = hold()
    panic(run)
    [first] = closing(exchange)
    exchange.news = [fill(first.order_id, Side.SELL, "0.4"), *status(first.order_id, OrderStatus.CANCELLED)]
    run.tell(trade(100.0))
    exchange.asked.clear()
    look(run)
    [second] = closing(exchange)
    assert second.qty == D("0.6")
    assert second.order_id != first.order_id


def test_it_looks_again_every_other_second_and_not_before() -> None:
    run, exchange = hold()
    panic(run)
    [first] = closing(exchange)
    exchange.news = [*status(first.order_id, OrderStatus.REJECTED)]
    run.tell(trade(100.0))
    exchange.asked.clear()
    assert LOOK == 2 * NS_PER_SECOND
    run.tell(trade(100.0), after=LOOK - 1)
    assert closing(exchange) == []
    run.tell(trade(100.0), after=1)
    assert len(closing(exchange)) == 1


def close_all(run: Run, exchange: FakeExchange) -> None:
    [request] = closing(exchange)
    exchange.news = [fill(request.order_id, Side.SELL, "1")]
    exchange.asked.clear()
    run.tell(trade(100.0))


def proofs(run: Run) -> list[HaltLine]:
    return [line for line in of_kind(run.records, HaltLine) if "proved" in line.reason]


def test_a_flat_lane_is_proved_by_its_exchange_and_not_by_its_own_books() -> None:
    run, exchange = hold()
    panic(run)
    exchange.agrees = False
    close_all(run, exchange)
    look(run)
    assert exchange.asked == ["prove"]
    look(run)
    look(run)
    assert proofs(run) == []
    exchange.agrees = True
    look(run)
    assert [line.reason for line in proofs(run)] == ["panic: flat, and without open orders: proved"]
    assert run.engine.desk.panics["main"].proved
    look(run)
    assert len(proofs(run)) == 1
    assert exchange.asked == ["prove"]


def test_what_the_proof_brings_up_is_closed_too() -> None:
    run, exchange = hold()
    panic(run)
    close_all(run, exchange)
    exchange.answers = [[AdoptionReport(BTC, Side.SELL, D(2), D(100), "found")]]
    look(run)
    assert exchange.asked == ["prove"]
    look(run)
    [request] = closing(exchange)
    assert (request.side, request.qty) == (Side.BUY, D(2))
    assert proofs(run) == []


def test_a_lane_that_is_flat_already_is_proved_at_once() -> None:
    lane, exchange = fake_lane(Scripted())
    run = ready(lane)
    panic(run)
    assert exchange.asked == ["prove"]
    look(run)
    assert len(proofs(run)) == 1


def test_a_panic_ends_by_resume_only() -> None:
    run, exchange = hold()
    panic(run)
    close_all(run, exchange)
    look(run)
    look(run)
    assert run.engine.lanes[0].is_halted(BTC)
    run.tell(Command("resume", reason="looked at it"))
    assert not run.engine.lanes[0].is_halted(BTC)
    assert run.engine.desk.panics == {}


def test_resume_stops_a_panic_that_is_not_done() -> None:
    run, exchange = hold()
    panic(run)
    run.tell(Command("resume", reason="a mistake"))
    exchange.asked.clear()
    look(run)
    assert exchange.asked == []


def test_an_exchange_that_breaks_in_a_panic_stops_its_lane() -> None:
    run, exchange = hold()
    exchange.breaks_when_asked = "its books broke"
    panic(run)
    assert run.halts()[-1].reason == "breach: its books broke"


@pytest.mark.parametrize("again", [1, 3])
def test_a_second_panic_begins_anew_and_does_no_harm(again: int) -> None:
    run, exchange = hold()
    for _ in range(again + 1):
        panic(run)
    assert len(closing(exchange)) == 1
