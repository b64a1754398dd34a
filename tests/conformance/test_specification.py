"""Specifications of a contract that change while orders and positions are open."""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import RiskTier
from daemon.core.records import OrderStatus
from tests.conformance.conftest import OpenScene
from tests.conformance.scene import BTC, Scene, executed, specification

D = Decimal
S = OrderStatus


async def test_a_new_grid_counts_for_orders_from_then_on(scene: Scene) -> None:
    assert await scene.status(await scene.buy("1.001", "99.1")) is S.NEW
    await scene.venue.tell(specification(tick=D("0.5"), step=D("0.01"), min_qty=D("0.01")))
    assert await scene.status(await scene.buy("1", "99.1")) is S.REJECTED
    assert await scene.status(await scene.buy("1.001", "99.5")) is S.REJECTED
    assert await scene.status(await scene.buy("1.01", "99.5")) is S.NEW


async def test_an_order_of_the_old_grid_stays_and_fills(scene: Scene) -> None:
    order = await scene.buy("1", "99.1")
    await scene.venue.tell(specification(tick=D("0.5")))
    await scene.trade(99.0, 5.0)
    assert await scene.paid(order) == executed(("99.1", "1"))


async def test_a_contract_that_stops_trading_takes_no_new_orders_and_still_cancels_old_ones(scene: Scene) -> None:
    order = await scene.buy("1", "99")
    await scene.venue.tell(specification(status="Delivering"))
    refused = await scene.buy("1", "99")
    assert (await scene.reason(refused)).startswith("110074")
    assert await scene.venue.cancel(order) is None
    assert await scene.status(order) is S.CANCELLED
    await scene.venue.tell(specification())
    assert await scene.status(await scene.buy("1", "99")) is S.NEW


async def test_a_lower_maximum_counts_for_new_orders(scene: Scene) -> None:
    await scene.venue.tell(specification(max_qty=D(2), max_market_qty=D(1)))
    assert await scene.status(await scene.buy("2", "99")) is S.NEW
    assert await scene.status(await scene.buy("2.001", "99")) is S.REJECTED
    assert await scene.status(await scene.buy("1.001")) is S.REJECTED


async def test_a_higher_maintenance_rate_brings_the_liquidation_price_nearer(open_scene: OpenScene) -> None:
    lenient = (RiskTier(D(2_000_000), D("0.005"), D("0.01"), D(100)),)
    strict = (RiskTier(D(2_000_000), D("0.05"), D("0.06"), D(100)),)
    scene = await open_scene(instruments=[specification(risk_tiers=lenient)])
    await scene.book([(99.9, 9.0)], [(100.0, 9.0)])
    await scene.buy("1")
    await scene.prices(mark=94.0)  # 90 / 0.995 = 90.45
    assert await scene.held() == 1
    await scene.venue.tell(specification(risk_tiers=strict))
    await scene.prices(mark=94.0)  # 90 / 0.95 = 94.74
    assert await scene.held(BTC) == 0
