from __future__ import annotations

from typing import Any

import pytest

from daemon.core.account_events import Op, Origin, OutcomeKind, PositionSeen
from daemon.core.events import Restarted, Side
from daemon.core.orders import Protection, TradingStop
from daemon.core.remote.protection import TRIES_MAX
from daemon.core.venue import GrantReport, RefusalReport
from tests.daemon.core.account_facts import D, executed, position_seen
from tests.daemon.core.build import BTC
from tests.daemon.core.remote.bench import STOP, Bench

K = OutcomeKind


@pytest.fixture
def bench() -> Bench:
    return Bench().make_ready()


def hold(bench: Bench, **fields: Any) -> None:
    """Buy one with an order that carries a protection."""
    order = bench.order(**fields)
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    bench.hear(executed(order.link_id, f"e-{order.id}", ts=bench.now))


def wanted(bench: Bench) -> tuple[str, ...]:
    return bench.exchange._protector.wanted


def shown(stop: str = "0", target: str = "0", trailing: str = "0", qty: str = "1", **fields: Any) -> PositionSeen:
    levels = {"stop_loss": D(stop), "take_profit": D(target), "trailing_stop": D(trailing)}
    return position_seen(qty, origin=Origin.STREAM, updated=10**19, **(levels | fields))


def protect(bench: Bench, decision: int = 7, **levels: Any) -> TradingStop:
    stop = TradingStop(BTC, Protection(**levels), decision, "scripted")
    bench.call(bench.exchange.protect(stop, bench.market, bench.now))
    return stop


def answer(bench: Bench, kind: OutcomeKind, **fields: Any) -> None:
    bench.answer(bench.take(Op.PROTECT), kind, **fields)


@pytest.mark.parametrize("kind", [K.ACCEPTED, K.NO_OP])
def test_a_granted_protection_is_told_and_wanted_from_then_on(bench: Bench, kind: OutcomeKind) -> None:
    hold(bench)
    protect(bench, stop_loss=D(90))
    assert wanted(bench) == ()
    answer(bench, kind)
    assert bench.of(GrantReport) == [GrantReport("trading stop", BTC)]
    assert wanted(bench) == (BTC,)


def test_a_request_to_protect_takes_the_kept_quota(bench: Bench) -> None:
    protect(bench, stop_loss=D(90))
    request = bench.take(Op.PROTECT)
    assert (request.urgent, request.call.text) == (True, "BTCUSDT|90|None")


def test_a_refused_protection_is_told_to_who_asked_and_is_not_wanted(bench: Bench) -> None:
    hold(bench)
    protect(bench, stop_loss=D(200))
    answer(bench, K.REFUSED, code=10001, reason="StopLoss set for Buy position should be lower")
    assert bench.of(RefusalReport) == [
        RefusalReport("trading stop", "", BTC, "10001: StopLoss set for Buy position should be lower", 7)
    ]
    assert wanted(bench) == ()
    assert bench.gates() == set()


@pytest.mark.parametrize("kind", [K.UNKNOWN, K.BUSY, K.NOT_SENT, K.GONE])
def test_a_protection_in_doubt_is_sent_again_and_not_for_ever(bench: Bench, kind: OutcomeKind) -> None:
    hold(bench)
    protect(bench, stop_loss=D(90))
    for _ in range(TRIES_MAX):
        answer(bench, kind)
        bench.pass_time(1_000)
    assert len(bench.sends(Op.PROTECT)) == TRIES_MAX == 5
    assert [report.reason for report in bench.of(RefusalReport)] == ["the venue did not answer"]


def test_what_an_order_carries_protects_the_position_once_it_fills(bench: Bench) -> None:
    order = bench.order(protection=STOP)
    assert wanted(bench) == ()
    bench.hear(executed(order.link_id, qty="0.1", ts=bench.now))
    assert wanted(bench) == (BTC,)


def test_partial_protections_are_orders_of_their_own(bench: Bench) -> None:
    hold(bench, protection=Protection(stop_loss=D(90), partial=True))
    assert wanted(bench) == ()


def test_a_missing_stop_is_placed_again_and_said(bench: Bench) -> None:
    hold(bench, protection=STOP)
    bench.hear(shown())
    assert bench.take(Op.PROTECT).call.text == "BTCUSDT|90|None"
    assert bench.mismatches() == [("protection", "placed again")]


@pytest.mark.parametrize("levels", [{"stop_loss": D(90)}, {"take_profit": D(110)}, {"trailing_stop": D(3)}])
def test_of_several_levels_only_what_is_missing_is_placed(bench: Bench, levels: dict[str, Any]) -> None:
    hold(bench)
    protect(bench, **levels)
    answer(bench, K.ACCEPTED)
    names = {"stop_loss": "stop", "take_profit": "target", "trailing_stop": "trailing"}
    full = {names[key]: str(value) for key, value in levels.items()}
    bench.hear(shown(**full))
    assert bench.waiting == []
    bench.hear(shown())
    assert len(bench.waiting) == 1


def test_a_stop_that_stands_elsewhere_was_moved_by_somebody_and_is_left_alone(bench: Bench) -> None:
    hold(bench, protection=STOP)
    bench.hear(shown(stop="95"))
    assert bench.waiting == []
    assert bench.mismatches() == []


@pytest.mark.parametrize("qty", ["0", "2", "-1"])
def test_only_a_row_that_shows_the_position_as_we_hold_it_counts(bench: Bench, qty: str) -> None:
    hold(bench, protection=STOP)
    bench.hear(shown(qty=qty))
    assert bench.waiting == []


def test_a_missing_stop_is_not_placed_twice_while_it_is_under_way(bench: Bench) -> None:
    hold(bench, protection=STOP)
    bench.hear(shown(), shown())
    assert len(bench.sends(Op.PROTECT)) == 1
    answer(bench, K.UNKNOWN)
    bench.hear(shown())
    assert len(bench.sends(Op.PROTECT)) == 1
    bench.pass_time(1_000)
    assert len(bench.sends(Op.PROTECT)) == 2


def test_a_position_whose_stop_cannot_be_placed_takes_no_more_risk_until_one_stands(bench: Bench) -> None:
    hold(bench, protection=STOP)
    bench.hear(shown())
    answer(bench, K.REFUSED, code=10001, reason="no")
    assert bench.gates() == {"protection BTCUSDT"}
    bench.hear(shown())
    answer(bench, K.ACCEPTED)
    assert bench.gates() == set()


def test_a_stop_that_a_person_sets_opens_the_gate(bench: Bench) -> None:
    hold(bench, protection=STOP)
    bench.hear(shown())
    answer(bench, K.REFUSED, code=10001, reason="no")
    bench.hear(shown(stop_loss=D(80), take_profit=D(200)))
    assert bench.gates() == set()
    assert len(bench.sends(Op.PROTECT)) == 1


def test_a_flat_position_needs_none_and_opens_the_gate(bench: Bench) -> None:
    hold(bench, protection=STOP)
    bench.hear(shown())
    answer(bench, K.REFUSED, code=10001, reason="no")
    _sell(bench)
    assert wanted(bench) == ()
    assert bench.gates() == set()


def _sell(bench: Bench) -> None:
    order = bench.order(side=Side.SELL, reduce_only=True)
    bench.answer(bench.take(Op.CREATE), venue_id=f"v-{order.link_id}")
    bench.hear(executed(order.link_id, f"e-{order.id}", side="Sell", ts=bench.now))


def test_what_was_to_protect_a_position_that_is_gone_is_not_sent_again(bench: Bench) -> None:
    hold(bench, protection=STOP)
    bench.hear(shown())
    answer(bench, K.UNKNOWN)
    _sell(bench)
    bench.pass_time(5_000)
    assert len(bench.sends(Op.PROTECT)) == 1
    assert bench.gates() == set()


def test_zero_removes_a_level_and_what_is_not_named_stays(bench: Bench) -> None:
    hold(bench)
    protect(bench, stop_loss=D(90), take_profit=D(110))
    answer(bench, K.ACCEPTED)
    protect(bench, stop_loss=D(0))
    answer(bench, K.ACCEPTED)
    bench.hear(shown())
    assert bench.take(Op.PROTECT).call.text == "BTCUSDT|None|110"
    bench.waiting.clear()
    protect(bench, take_profit=D(0))
    answer(bench, K.ACCEPTED)
    assert wanted(bench) == ()


def test_to_repeat_an_older_request_would_undo_the_later_one(bench: Bench) -> None:
    hold(bench)
    first = protect(bench, stop_loss=D(90))
    older = bench.take(Op.PROTECT)
    protect(bench, 8, stop_loss=D(95))
    answer(bench, K.ACCEPTED)
    bench.answer(older, K.UNKNOWN)
    bench.pass_time(5_000)
    assert len(bench.sends(Op.PROTECT)) == 2
    assert bench.of(RefusalReport) == [
        RefusalReport("trading stop", "", BTC, "not answered, and followed by another", first.decision)
    ]


def test_a_protection_that_a_crash_interrupted_is_sent_again(bench: Bench) -> None:
    hold(bench)
    protect(bench, stop_loss=D(90))
    bench.waiting.clear()
    bench.hear(Restarted())
    bench.pass_time(1_000)
    answer(bench, K.ACCEPTED)
    assert bench.of(GrantReport) == [GrantReport("trading stop", BTC)]
    bench.hear(Restarted())
    bench.pass_time(5_000)
    assert bench.waiting == []


def test_the_venue_is_looked_at_every_five_seconds_while_a_protection_is_wanted(bench: Bench) -> None:
    hold(bench, protection=STOP)
    bench.venue.executions = [executed(bench.sends(Op.CREATE)[0].link_id, "e-main-1-0", ts=bench.now)]
    bench.venue.positions[BTC] = shown(stop="90")
    bench.pass_time(20_000)
    assert bench.waiting == []
    bench.venue.positions[BTC] = shown()
    bench.pass_time(5_000)
    assert bench.take(Op.PROTECT).call.text == "BTCUSDT|90|None"


def test_what_is_set_for_the_whole_position_of_hedge_mode_is_not_ours(bench: Bench) -> None:
    hold(bench, protection=STOP)
    bench.hear(shown(idx=1))
    assert bench.waiting == []
