from __future__ import annotations

from typing import Any

import pytest

from daemon.core.account_events import AccountFact, Op, Origin, OutcomeKind, StreamState, VenueTime
from daemon.core.events import Command, Restarted, Side, VenueTrouble
from daemon.core.orders import Protection, TradingStop
from daemon.core.remote.exchange import INCIDENTS
from daemon.core.remote.states import State
from daemon.core.units import NEVER, NS_PER_SECOND
from daemon.core.venue import Exchange, FillReport, GateReport
from tests.daemon.core.account_facts import ACCOUNT, ONE_OF_EACH, D, executed, order_seen, position_seen
from tests.daemon.core.build import BTC, MIDNIGHT, trade
from tests.daemon.core.remote.bench import Bench, seen, state_of

K = OutcomeKind


@pytest.fixture
def bench() -> Bench:
    return Bench().make_ready()


def test_what_is_ours_to_book_begins_by_the_venues_clock() -> None:
    bench = Bench()
    bench.pass_time(1)
    assert bench.context.began == bench.now
    bench.hear(VenueTime(account=ACCOUNT, offset=-(10**10), bound=1))
    assert bench.context.began == bench.now - 10**10
    bench.make_ready()
    began = bench.context.began
    bench.hear(VenueTime(account=ACCOUNT, offset=7, bound=1))
    assert bench.context.began == began


def test_it_is_an_exchange_that_is_not_ready_and_knows_nothing() -> None:
    bench = Bench()
    exchange: Exchange = bench.exchange
    assert (exchange.next_due, exchange.agrees) == (0, False)
    status = bench.exchange.status()
    assert (status.account, status.phase, status.ready) == (ACCOUNT, "down", False)
    assert (status.positions, status.cash, status.unknown, status.open_orders) == ({BTC: "0"}, "0", 0, 0)


@pytest.mark.parametrize("fact", ONE_OF_EACH, ids=lambda fact: type(fact).__name__)
def test_every_fact_about_an_account_is_understood(fact: AccountFact) -> None:
    Bench().hear(fact)
    Bench().make_ready().hear(fact)


def test_the_first_input_shuts_the_gate_whatever_it_is() -> None:
    bench = Bench()
    assert bench.call(bench.exchange.advance(MIDNIGHT)) == [GateReport("reconcile", True, "starting")]
    assert bench.context.began == MIDNIGHT
    assert bench.call(bench.exchange.advance(MIDNIGHT + 1)) == []


def test_what_the_market_does_reaches_the_account_through_the_venue_only(bench: Bench) -> None:
    fact = trade(100.0)
    assert bench.exchange.on_market(bench.market, fact, bench.now) == ()
    assert bench.exchange.trouble(VenueTrouble(kind="adl"), bench.now) == ()  # type: ignore[arg-type]


def test_a_clock_that_is_not_known_well_enough_shuts_the_gate(bench: Bench) -> None:
    bench.hear(VenueTime(account=ACCOUNT, offset=5, bound=10**9, ok=False))
    assert bench.gates() == {"clock"}
    assert bench.context.gates["clock", ""] == "the venue's clock is known to 1000000000 ns only"
    bench.hear(VenueTime(account=ACCOUNT, offset=6, bound=10, ok=True))
    assert (bench.gates(), bench.context.offset) == (set(), 6)


def test_rows_of_answers_wait_until_the_answer_is_complete(bench: Bench) -> None:
    row = position_seen("5", request="nobody")
    bench.hear(row)
    assert bench.exchange._books.position(BTC) == D(0)


def test_pushes_are_taken_at_once(bench: Bench) -> None:
    bench.hear(position_seen("5", origin=Origin.STREAM, updated=10**19))
    assert bench.exchange._books.position(BTC) == D(5)


def test_it_agrees_only_when_ready_and_nothing_that_acts_is_under_way(bench: Bench) -> None:
    assert bench.exchange.agrees
    order = bench.order()
    assert not bench.exchange.agrees
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    assert bench.exchange.agrees
    bench.hear(StreamState(ACCOUNT, up=False))
    assert (bench.exchange.settled, bench.exchange.agrees) == (True, False)


def test_it_does_not_agree_while_an_outcome_is_unknown(bench: Bench) -> None:
    bench.order()
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN)
    assert (bench.exchange.settled, bench.exchange.status().unknown) == (False, 1)


def test_it_wakes_when_its_earliest_part_has_something_to_do(bench: Bench) -> None:
    exchange = bench.exchange
    assert exchange.next_due == exchange._checks.due
    order = bench.order()
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN)
    assert exchange.next_due == exchange._fence.due <= bench.now
    bench.hear(seen(order, "New"))
    assert exchange.next_due > bench.now
    bench.hear(StreamState(ACCOUNT, up=False))
    bench.hear(Restarted())
    assert exchange.next_due == NEVER


def test_time_that_has_come_is_noticed_with_any_input(bench: Bench) -> None:
    order = bench.order()
    bench.now += 20 * NS_PER_SECOND
    bench.hear(VenueTime(account=ACCOUNT, offset=0, bound=1))
    assert state_of(order) is State.UNKNOWN


def test_status_tells_gates_and_positions_in_words(bench: Bench) -> None:
    bench.hear(executed("by-hand", ts=bench.now))
    status = bench.exchange.status()
    assert list(status.gates) == ["foreign BTCUSDT"]
    assert (status.positions, status.open_orders) == ({BTC: "1"}, 0)
    assert status.cash == "9999.945"


def test_a_proof_opens_what_something_that_happened_once_had_shut(bench: Bench) -> None:
    for who in sorted(INCIDENTS):
        bench.context.shut(who, "test", BTC)
    bench.context.shut("clock", "test")
    bench.call(bench.exchange.prove(bench.now))
    assert bench.gates() == {"clock", "reconcile"}
    bench.pass_time(2_000)
    assert bench.gates() == {"clock"}


def test_who_resumes_has_looked_at_what_happened_once_and_everything_is_held_against_the_venue_anew(
    bench: Bench,
) -> None:
    for who in sorted(INCIDENTS):
        bench.context.shut(who, "test", BTC)
    bench.context.shut("clock", "test")
    bench.hear(Command("resume", reason="it was me"))
    assert bench.gates() == {"clock", "reconcile"}
    bench.pass_time(2_000)
    assert bench.gates() == {"clock"}


def test_a_resume_without_an_incident_asks_nothing(bench: Bench) -> None:
    asked = len(bench.asked)
    bench.hear(Command("halt", reason="lunch"), Command("resume", reason="back"))
    assert (len(bench.asked), bench.gates()) == (asked, set())


def test_a_protection_leaves_whatever_the_account_is(bench: Bench) -> None:
    down = Bench()
    stop = TradingStop(BTC, Protection(stop_loss=D(90)), 3, "scripted")
    down.call(down.exchange.protect(stop, down.market, down.now))
    assert len(down.sends(Op.PROTECT)) == 1


def test_after_an_end_the_positions_are_looked_at_soon(bench: Bench) -> None:
    before = bench.exchange._checks.due
    order = bench.order()
    bench.hear(seen(order, "Cancelled"))
    assert bench.exchange._checks.due == bench.now + 2 * NS_PER_SECOND < before


def story(bench: Bench) -> None:
    """A day of everything."""
    order = bench.order(protection=Protection(stop_loss=D(90)))
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN)
    bench.hear(seen(order, "New"), executed(order.link_id, qty="0.4", ts=bench.now))
    bench.call(bench.exchange.cancel(order.id, bench.now))
    bench.hear(order_seen("by-hand"), Restarted(), StreamState(ACCOUNT, up=True))
    bench.pass_time(30_000)


def test_the_same_inputs_lead_to_the_same_reports() -> None:
    told = []
    for _ in range(2):
        bench = Bench().make_ready()
        story(bench)
        told.append(bench.snapshot())
    assert told[0] == told[1]


def test_the_held_books_mirror_what_the_lane_was_told(bench: Bench) -> None:
    story(bench)
    fills = bench.of(FillReport)
    signed = sum(((fill.qty if fill.side is Side.BUY else -fill.qty) for fill in fills), D(0))
    assert bench.context.position(BTC) == signed


@pytest.mark.parametrize("settings", [{}, {"time_scale": 10.0}])
def test_at_a_faster_clock_everything_takes_as_many_of_its_seconds(settings: dict[str, Any]) -> None:
    scale = settings.get("time_scale", 1.0)
    bench = Bench(**settings)
    bench.hear(StreamState(ACCOUNT, up=True))
    bench.pass_time(600 * scale)
    assert bench.exchange.ready
    order = bench.order()
    bench.answer(bench.take(Op.CREATE), K.UNKNOWN, signed=bench.now, window_ms=3_000)
    bench.pass_time(4_900 * scale)
    assert state_of(order) is State.UNKNOWN
    bench.pass_time(2_400 * scale)
    assert state_of(order) is State.EXPIRED
