"""Funding: to the boundary, for whoever holds a position then."""

from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.events import Side
from daemon.core.orders import PositionIdx
from daemon.core.units import NS_PER_HOUR
from tests.conformance.conftest import OpenScene
from tests.conformance.scene import BTC, ETH, MIDNIGHT, Scene, specification

D = Decimal
HOUR_MS = 3_600_000
EIGHT = MIDNIGHT + 8 * NS_PER_HOUR


async def _announced(open_scene: OpenScene, rate: float = 0.0001, **changes: object) -> Scene:
    scene = await open_scene(**changes)
    await scene.prices(funding_rate=rate, next_funding=EIGHT)
    return scene


async def test_a_position_that_is_held_at_the_boundary_pays(open_scene: OpenScene) -> None:
    scene = await _announced(open_scene)
    await scene.buy("1")
    before = await scene.venue.wallet()
    await scene.venue.wait(8 * HOUR_MS + 1)
    fundings = await scene.venue.fundings()
    assert [(each.boundary, each.qty, each.fee) for each in fundings] == [(EIGHT, D(1), D("0.01"))]
    assert await scene.venue.wallet() == before - D("0.01")


@pytest.mark.parametrize(
    ("side", "rate", "fee"),
    [
        (Side.BUY, 0.0001, "0.01"),
        (Side.SELL, 0.0001, "-0.01"),
        (Side.BUY, -0.0002, "-0.02"),
        (Side.SELL, -0.0002, "0.02"),
    ],
)
async def test_longs_pay_a_positive_rate_and_shorts_receive_it(
    open_scene: OpenScene, side: Side, rate: float, fee: str
) -> None:
    scene = await _announced(open_scene, rate)
    await scene.order(side, "1")
    await scene.venue.wait(8 * HOUR_MS + 1)
    assert [each.fee for each in await scene.venue.fundings()] == [D(fee)]


@pytest.mark.parametrize(("before_ms", "settlements"), [(1, 1), (-1, 0)])
async def test_a_position_opened_a_millisecond_before_the_boundary_pays_and_one_opened_after_does_not(
    open_scene: OpenScene, before_ms: int, settlements: int
) -> None:
    scene = await _announced(open_scene)
    await scene.venue.wait(8 * HOUR_MS - before_ms)
    await scene.buy("1")
    await scene.venue.wait(HOUR_MS)
    assert len(await scene.venue.fundings()) == settlements


@pytest.mark.parametrize(("before_ms", "settlements"), [(1, 0), (-1, 1)])
async def test_a_position_closed_a_millisecond_before_the_boundary_does_not_pay(
    open_scene: OpenScene, before_ms: int, settlements: int
) -> None:
    scene = await _announced(open_scene)
    await scene.buy("1")
    await scene.venue.wait(8 * HOUR_MS - before_ms)
    await scene.sell("1")
    await scene.venue.wait(HOUR_MS)
    assert len(await scene.venue.fundings()) == settlements


async def test_it_is_settled_on_the_mark_price_of_the_boundary(open_scene: OpenScene) -> None:
    scene = await _announced(open_scene)
    await scene.buy("1")
    await scene.prices(mark=120.0)
    await scene.venue.wait(8 * HOUR_MS + 1)
    await scene.prices(mark=90.0)
    assert [each.fee for each in await scene.venue.fundings()] == [D("0.012")]


@pytest.mark.parametrize(("minutes", "settlements"), [(480, 3), (240, 6), (60, 24)])
async def test_every_symbol_has_its_own_interval(open_scene: OpenScene, minutes: int, settlements: int) -> None:
    scene = await open_scene(instruments=[specification(funding_interval_min=minutes)])
    await scene.prices(funding_rate=0.0001, next_funding=MIDNIGHT + minutes * 60 * 1_000_000_000)
    await scene.buy("1")
    await scene.venue.wait(24 * HOUR_MS + 1)
    fundings = await scene.venue.fundings()
    assert len(fundings) == settlements
    assert [each.boundary for each in fundings] == [
        MIDNIGHT + (number + 1) * minutes * 60 * 1_000_000_000 for number in range(settlements)
    ]


async def test_positions_of_several_symbols_and_sides_are_settled_each(open_scene: OpenScene) -> None:
    scene = await _announced(open_scene, instruments=[specification(BTC), specification(ETH)], hedge=True)
    await scene.prices(symbol=ETH, funding_rate=0.0005, next_funding=EIGHT)
    await scene.buy("2", position_idx=PositionIdx.LONG)
    await scene.sell("1", position_idx=PositionIdx.SHORT)
    await scene.buy("1", symbol=ETH, position_idx=PositionIdx.LONG)
    await scene.venue.wait(8 * HOUR_MS + 1)
    settled = {(each.symbol, each.qty): each.fee for each in await scene.venue.fundings()}
    assert settled == {(BTC, D(2)): D("0.02"), (BTC, D(-1)): D("-0.01"), (ETH, D(1)): D("0.05")}


async def test_who_holds_nothing_pays_nothing(open_scene: OpenScene) -> None:
    scene = await _announced(open_scene)
    await scene.buy("1", "99")
    await scene.venue.wait(24 * HOUR_MS + 1)
    assert await scene.venue.fundings() == []
    assert await scene.venue.wallet() == 10_000


async def test_each_boundary_is_settled_once(open_scene: OpenScene) -> None:
    scene = await _announced(open_scene)
    await scene.buy("1")
    await scene.venue.wait(8 * HOUR_MS + 1)
    await scene.prices(mark=100.0, next_funding=EIGHT)
    await scene.prices(mark=100.1, next_funding=EIGHT + 8 * NS_PER_HOUR)
    await scene.venue.wait(1)
    assert len(await scene.venue.fundings()) == 1
