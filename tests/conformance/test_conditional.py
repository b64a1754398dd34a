"""Orders that wait for the last, mark or index price to rise or fall to their trigger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from daemon.core.events import Side
from daemon.core.orders import TriggerDirection
from daemon.core.records import OrderStatus, TriggerBy
from tests.conformance.conftest import OpenScene
from tests.conformance.scene import Scene, executed

D = Decimal
S = OrderStatus
RISES, FALLS = TriggerDirection.RISES, TriggerDirection.FALLS


async def _tell(scene: Scene, by: TriggerBy, price: float) -> None:
    match by:
        case TriggerBy.LAST:
            await scene.trade(price, 0.001)
        case TriggerBy.MARK:
            await scene.prices(mark=price)
        case TriggerBy.INDEX:
            await scene.prices(index=price)


async def _stop(scene: Scene, direction: TriggerDirection = RISES, price: str | None = None, **more: Any) -> str:
    side = Side.BUY if direction is RISES else Side.SELL
    fields = {"trigger_price": D(102) if direction is RISES else D(98), "trigger_direction": direction, **more}
    return await scene.order(side, "1", price, **fields)


@pytest.mark.parametrize("by", list(TriggerBy))
@pytest.mark.parametrize(("direction", "before", "reached"), [(RISES, 101.9, 102.0), (FALLS, 98.1, 98.0)])
async def test_a_conditional_order_goes_off_when_its_price_reaches_the_trigger_and_not_before(
    scene: Scene, by: TriggerBy, direction: TriggerDirection, before: float, reached: float
) -> None:
    order = await _stop(scene, direction, trigger_by=by)
    assert await scene.statuses(order) == [S.UNTRIGGERED]
    await _tell(scene, by, before)
    assert await scene.statuses(order) == [S.UNTRIGGERED]
    await _tell(scene, by, reached)
    assert await scene.statuses(order) == [S.UNTRIGGERED, S.TRIGGERED, S.NEW, S.FILLED]
    assert await scene.paid(order) == executed(("100.1" if direction is RISES else "100", "1"))


@pytest.mark.parametrize("by", list(TriggerBy))
async def test_the_other_prices_do_not_trigger_it(scene: Scene, by: TriggerBy) -> None:
    order = await _stop(scene, trigger_by=by)
    for other in TriggerBy:
        if other is not by:
            await _tell(scene, other, 105.0)
    assert await scene.statuses(order) == [S.UNTRIGGERED]


async def test_a_triggered_limit_order_rests_at_its_price(scene: Scene) -> None:
    order = await _stop(scene, price="99.5")
    await scene.trade(102.0, 0.001)
    assert await scene.statuses(order) == [S.UNTRIGGERED, S.TRIGGERED, S.NEW]
    await scene.trade(99.4, 5.0)
    assert await scene.status(order) is S.FILLED
    assert await scene.paid(order) == executed(("99.5", "1"))


async def test_a_conditional_order_binds_no_margin_until_it_goes_off(scene: Scene) -> None:
    await _stop(scene, price="99.5")
    assert await scene.venue.available() == 10_000
    await scene.trade(102.0, 0.001)
    assert await scene.venue.available() < 10_000


async def test_one_that_finds_no_margin_when_it_goes_off_is_cancelled(open_scene: OpenScene) -> None:
    scene = await open_scene(balance="15")
    order = await _stop(scene)
    await scene.buy("1", "99")
    await scene.trade(102.0, 0.001)
    assert await scene.statuses(order) == [S.UNTRIGGERED, S.TRIGGERED, S.CANCELLED]
    assert await scene.held() == 0


async def test_one_that_is_cancelled_before_its_trigger_is_deactivated(scene: Scene) -> None:
    order = await _stop(scene)
    assert await scene.venue.cancel(order) is None
    assert await scene.statuses(order) == [S.UNTRIGGERED, S.DEACTIVATED]
    assert await scene.reason(order) == "CancelByUser"
    await scene.trade(103.0, 0.001)
    assert await scene.held() == 0


async def test_its_trigger_can_be_amended(scene: Scene) -> None:
    order = await _stop(scene)
    assert await scene.amend(order, trigger_price="104") is None
    await scene.trade(102.0, 0.001)
    assert await scene.status(order) is S.UNTRIGGERED
    await scene.trade(104.0, 0.001)
    assert await scene.status(order) is S.FILLED


@pytest.mark.parametrize(("direction", "trigger", "code"), [(RISES, "99", "110092"), (FALLS, "101", "110093")])
async def test_a_trigger_on_the_wrong_side_of_the_price_is_refused(
    scene: Scene, direction: TriggerDirection, trigger: str, code: str
) -> None:
    order = await _stop(scene, direction, trigger_price=D(trigger))
    assert await scene.statuses(order) == [S.REJECTED]
    assert (await scene.reason(order)).startswith(code)


async def test_orders_that_one_price_reaches_go_off_in_the_order_of_their_triggers(scene: Scene) -> None:
    far = await _stop(scene, trigger_price=D(103))
    near = await _stop(scene, trigger_price=D(102))
    await scene.trade(104.0, 0.001)
    assert [fill.order_id for fill in await scene.executions()] == [near, far]


async def test_an_order_that_was_triggered_by_the_move_meets_the_book_after_it(scene: Scene) -> None:
    order = await _stop(scene, FALLS, trigger_by=TriggerBy.LAST)
    await scene.book([(97.0, 1.0), (96.0, 9.0)], [(97.1, 9.0)])
    await scene.trade(97.0, 0.001)
    assert await scene.paid(order) == executed(("97", "1"))
