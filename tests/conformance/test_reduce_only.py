"""Orders that may only make a position smaller."""

from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.orders import TriggerDirection
from daemon.core.records import OrderStatus
from tests.conformance.conftest import OpenScene
from tests.conformance.scene import Scene, protects

D = Decimal
S = OrderStatus
CLOSED = (S.FILLED, S.CANCELLED)


async def test_reduce_only_without_a_position_is_refused(scene: Scene) -> None:
    order = await scene.sell("1", reduce_only=True)
    assert await scene.statuses(order) == [S.REJECTED]
    assert (await scene.reason(order)).startswith("110017")


async def test_reduce_only_in_the_direction_of_the_position_is_refused(scene: Scene) -> None:
    await scene.buy("1")
    order = await scene.buy("1", reduce_only=True)
    assert (await scene.reason(order)).startswith("110017")
    assert await scene.held() == 1


async def test_reduce_only_is_cut_to_the_position_and_never_flips_it(scene: Scene) -> None:
    await scene.buy("2")
    order = await scene.sell("5", reduce_only=True)
    assert await scene.filled(order) == 2
    assert await scene.status(order) in CLOSED
    assert await scene.held() == 0


async def test_a_resting_one_is_cut_when_the_position_becomes_smaller(scene: Scene) -> None:
    await scene.buy("3")
    order = await scene.sell("3", "100.5", reduce_only=True)
    await scene.sell("2")
    await scene.trade(101.0, 50.0)
    assert await scene.filled(order) == 1
    assert await scene.status(order) in CLOSED
    assert await scene.held() == 0


async def test_a_resting_one_is_cancelled_when_the_position_is_gone(scene: Scene) -> None:
    await scene.buy("1")
    order = await scene.sell("1", "101", reduce_only=True)
    await scene.sell("1")
    assert await scene.statuses(order) == [S.NEW, S.CANCELLED]
    assert await scene.reason(order) == "CancelByReduceOnly"


async def test_two_of_them_close_no_more_than_there_is(scene: Scene) -> None:
    await scene.buy("3")
    await scene.sell("2", "100.5", reduce_only=True)
    await scene.sell("2", "100.6", reduce_only=True)
    await scene.trade(101.0, 50.0)
    await scene.trade(101.0, 50.0)
    assert await scene.held() == 0
    assert await scene.venue.open_orders("BTCUSDT") == []


async def test_reduce_only_binds_no_margin(open_scene: OpenScene) -> None:
    scene = await open_scene(balance="10.5")
    await scene.buy("1")
    free = await scene.venue.available()
    await scene.sell("1", "101", reduce_only=True)
    assert await scene.venue.available() == free


async def test_reduce_only_may_be_smaller_than_the_least_notional(scene: Scene) -> None:
    await scene.buy("1")
    order = await scene.sell("0.001", reduce_only=True)
    assert await scene.status(order) is S.FILLED


async def test_reduce_only_carries_no_protection(scene: Scene) -> None:
    await scene.buy("1")
    order = await scene.sell("1", "101", reduce_only=True, protection=protects(take_profit="90"))
    assert await scene.statuses(order) == [S.REJECTED]


async def test_close_on_trigger_closes_the_position_and_no_more(scene: Scene) -> None:
    await scene.buy("1")
    order = await scene.sell("5", close_on_trigger=True, trigger_price=D(98), trigger_direction=TriggerDirection.FALLS)
    await scene.trade(98.0, 0.001)
    assert await scene.filled(order) == 1
    assert await scene.held() == 0


async def test_close_on_trigger_without_a_position_is_cancelled(scene: Scene) -> None:
    await scene.buy("1")
    order = await scene.sell("1", close_on_trigger=True, trigger_price=D(98), trigger_direction=TriggerDirection.FALLS)
    await scene.sell("1")
    await scene.trade(98.0, 0.001)
    assert await scene.status(order) in (S.CANCELLED, S.DEACTIVATED)
    assert await scene.held() == 0


async def test_a_waiting_reduce_only_stop_closes_what_is_there_when_it_goes_off(scene: Scene) -> None:
    await scene.buy("3")
    order = await scene.sell("3", reduce_only=True, trigger_price=D(98), trigger_direction=TriggerDirection.FALLS)
    await scene.sell("2")
    await scene.trade(98.0, 0.001)
    assert await scene.filled(order) == 1
    assert await scene.held() == 0


@pytest.mark.parametrize("changes", [{"price": "99"}, {"qty": "9", "price": "99"}, {"qty": "9"}])
async def test_an_amended_one_still_closes_no_more_than_there_is(scene: Scene, changes: dict[str, str]) -> None:
    await scene.buy("2")
    order = await scene.sell("5", "101", reduce_only=True)
    await scene.amend(order, **changes)
    await scene.trade(101.1, 50.0)
    assert await scene.filled(order) == 2
    assert await scene.held() == 0
