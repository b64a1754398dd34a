"""The private stream is away for a second and for eight days, with up to 5,000 fills meanwhile: all come back, once."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from adapters.sandbox.gateway.plan import Plan, PushFault, When
from daemon.core.records import FillLine
from daemon.core.venue_records import ReconcileLine
from tests.daemon.core.build import BTC, buy
from tests.simulation.closed_loop import UID, ClosedLoop
from tests.simulation.random_trade import evidence_of, inner_differences
from tests.simulation.trade_judge import judge

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
OUTAGES = [SECOND, MINUTE, HOUR, 25 * HOUR, 8 * DAY]
PRICE = 80_000.0  # far below the market: what rests there is executed by the venue's own hand only


def rest(world: ClosedLoop, qty: float) -> str:
    """An order of ours that rests; the venue's name of it."""
    world.decide(buy(qty, price=PRICE))
    world.run(3_000)
    return str(world.truth("accepted")[-1]["order_id"])


def fill(world: ClosedLoop, order: str, qty: str) -> None:
    done = world.gateway.venue.force_fill(UID, BTC, order_id=order, qty=Decimal(qty), now_ms=world.now_ms)
    assert done


def go_away(world: ClosedLoop) -> None:
    world.private_up = False
    world.drop_stream()


def stay_away(world: ClosedLoop, ms: int, fills: int, order: str) -> None:
    """Be away for a time in which an order is executed bit by bit, spread over all of it."""
    parts = max(1, min(fills, 50))
    for part in range(parts):
        share = fills * (part + 1) // parts - fills * part // parts
        for _ in range(share):
            fill(world, order, "0.001")
        world.skip(ms // parts)


def come_back(world: ClosedLoop) -> int:
    world.private_up = True
    took = world.until_ready(30_000)
    world.run(2_000)
    return took


def check(world: ClosedLoop, calm_ms: int) -> None:
    assert judge(evidence_of(world, calm_ms, 30_000)) == []
    assert list(inner_differences(world)) == []


@pytest.mark.parametrize("fills", [0, 1, 200])
@pytest.mark.parametrize("ms", OUTAGES)
def test_what_happened_while_the_stream_was_away_comes_back_once_and_exact(ms: int, fills: int) -> None:
    world = ClosedLoop(minutes=10)
    world.until_ready()
    order = rest(world, 5.1)
    go_away(world)
    stay_away(world, ms, fills, order)
    calm_ms = world.now_ms
    took = come_back(world)
    assert took <= 10_000
    assert len(world.lines(FillLine)) == fills
    check(world, calm_ms)


def test_five_thousand_fills_in_eight_days_come_back_once_and_exact() -> None:
    world = ClosedLoop(minutes=10)
    world.until_ready()
    order = rest(world, 5.1)
    go_away(world)
    stay_away(world, 8 * DAY, 5_000, order)
    calm_ms = world.now_ms
    come_back(world)
    assert len(world.lines(FillLine)) == 5_000
    assert world.desk.lane.ledger.position(BTC).qty == Decimal(5)
    check(world, calm_ms)


@pytest.mark.parametrize("ms", [MINUTE, 25 * HOUR, 8 * DAY])
def test_an_order_that_was_cancelled_by_hand_meanwhile_is_not_open_any_more(ms: int) -> None:
    world = ClosedLoop(minutes=10)
    world.until_ready()
    rest(world, 1.0)
    go_away(world)
    world.gateway.venue.answer(UID, "POST", "/v5/order/cancel-all", {"category": "linear", "symbol": BTC}, world.now_ms)
    world.skip(ms)
    calm_ms = world.now_ms
    world.private_up = True
    world.until_ready(60_000)
    assert world.desk.exchange._context.orders.open == {}
    check(world, calm_ms)


@pytest.mark.parametrize("ms", [MINUTE, DAY])
def test_strangers_trades_while_the_stream_was_away_are_booked_and_halt_the_symbol(ms: int) -> None:
    world = ClosedLoop(minutes=10)
    world.until_ready()
    go_away(world)
    body: dict[str, Any] = {"category": "linear", "symbol": BTC, "side": "Sell", "orderType": "Market", "qty": "0.02"}
    for _ in range(3):
        world.gateway.venue.answer(UID, "POST", "/v5/order/create", body, world.now_ms)
        world.skip(ms // 3)
    calm_ms = world.now_ms
    come_back(world)
    assert world.desk.lane.ledger.position(BTC).qty == Decimal("-0.06")
    assert world.desk.lane.is_halted(BTC)
    check(world, calm_ms)


def test_a_daemon_that_was_down_for_a_day_comes_back_exact() -> None:
    world = ClosedLoop(minutes=10)
    world.until_ready()
    order = rest(world, 1.0)
    world.crash(1)
    world.private_up = False
    stay_away(world, DAY, 100, order)
    calm_ms = world.now_ms
    come_back(world)
    assert len(world.lines(FillLine)) == 100
    check(world, calm_ms)


# Storms


def test_sixty_drops_two_seconds_apart_end_with_one_ready_soon_after() -> None:
    world = ClosedLoop(minutes=20)
    world.until_ready()
    order = rest(world, 1.0)
    for _ in range(60):
        world.drop_stream()
        fill(world, order, "0.001")
        world.run(2_000)
    world.drop_stream()
    calm_ms = world.now_ms
    assert world.until_ready() <= 10_000
    before = sum(line.step == "ready" for line in reconciled(world))
    world.run(60_000)
    assert sum(line.step == "ready" for line in reconciled(world)) == before
    assert len(world.lines(FillLine)) == 60
    check(world, calm_ms)


@pytest.mark.parametrize("seed", range(3))
def test_a_storm_of_drops_delays_and_repeats_ends_with_one_ready_soon_after(seed: int) -> None:
    rng = Random(seed)
    when = When(probability=0.2)
    pushes = (
        PushFault(when=when, drop=True),
        PushFault(when=when, delay_ms=700),
        PushFault(when=when, copies=2),
        PushFault(when=when, shuffle=3, hold_ms=200),
    )
    world = ClosedLoop(Plan(seed=seed, pushes=pushes), minutes=20)
    world.until_ready()
    order = rest(world, 1.0)
    for _ in range(60):
        world.drop_stream()
        if rng.random() < 0.7:
            fill(world, order, "0.001")
        world.reconnect_ms = rng.choice([20, 400, 1_500])
        world.run(rng.choice([300, 1_000, 2_000, 3_500]))
    world.end_trouble()
    world.reconnect_ms = 500
    world.drop_stream()
    calm_ms = world.now_ms
    assert world.until_ready() <= 10_000
    world.run(5_000)
    check(world, calm_ms)


def reconciled(world: ClosedLoop) -> list[Any]:
    return world.lines(ReconcileLine)
