"""What goes wrong at a venue, and what its client gets to know of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.events import TroubleKind, VenueTrouble
from daemon.core.records import CreateType, ExecType, OrderStatus
from tests.conformance.conftest import OpenScene
from tests.conformance.scene import BTC, ETH, Scene, specification

D = Decimal
S = OrderStatus
K = TroubleKind


async def test_requests_are_refused_as_many_as_were_told(scene: Scene) -> None:
    await scene.venue.trouble(VenueTrouble(kind=K.REJECT, count=2, reason="10016: server error"))
    orders = [await scene.buy("1") for _ in range(3)]
    assert [await scene.status(order) for order in orders] == [S.REJECTED, S.REJECTED, S.FILLED]
    assert await scene.reason(orders[0]) == "10016: server error"
    assert await scene.held() == 1


async def test_amendments_and_cancels_are_requests_too(scene: Scene) -> None:
    order = await scene.buy("1", "99")
    await scene.venue.trouble(VenueTrouble(kind=K.REJECT, count=2))
    assert ((await scene.amend(order, price="98")) or "").startswith("10016")
    assert ((await scene.venue.cancel(order)) or "").startswith("10016")
    assert await scene.statuses(order) == [S.NEW]
    assert await scene.venue.cancel(order) is None


async def test_trouble_of_one_symbol_leaves_the_others_alone(open_scene: OpenScene) -> None:
    scene = await open_scene(instruments=[specification(BTC), specification(ETH)])
    await scene.venue.trouble(VenueTrouble(kind=K.REJECT, symbol=ETH))
    assert await scene.status(await scene.buy("1")) is S.FILLED
    assert await scene.status(await scene.buy("1", symbol=ETH)) is S.REJECTED


async def test_a_late_answer_comes_late_although_the_order_filled_at_once(scene: Scene) -> None:
    await scene.venue.trouble(VenueTrouble(kind=K.LATE, delay_ms=500))
    order = await scene.buy("1")
    await scene.venue.wait(499)
    assert await scene.statuses(order) == []
    await scene.book([(109.0, 9.0)], [(110.0, 9.0)])
    await scene.venue.wait(1)
    assert await scene.statuses(order) == [S.NEW, S.FILLED]
    assert (await scene.executions(order))[0].price == D("100.1")


async def test_a_lost_request_never_arrives(scene: Scene) -> None:
    await scene.venue.trouble(VenueTrouble(kind=K.LOST_REQUEST, delay_ms=1000))
    order = await scene.buy("1")
    await scene.venue.wait(999)
    assert await scene.statuses(order) == []
    await scene.venue.wait(1)
    assert await scene.statuses(order) == [S.REJECTED]
    assert await scene.held() == 0
    assert await scene.status(await scene.buy("1")) is S.FILLED


@pytest.mark.parametrize("price", [None, "99.5"])
async def test_an_order_whose_answer_was_lost_is_there_all_the_same(scene: Scene, price: str | None) -> None:
    await scene.venue.trouble(VenueTrouble(kind=K.LOST_ANSWER, delay_ms=1000))
    order = await scene.buy("1", price)
    await scene.trade(99.4, 5.0)
    await scene.venue.wait(999)
    assert await scene.statuses(order) == []
    await scene.venue.wait(1)
    assert await scene.statuses(order) == [S.NEW, S.FILLED]
    assert await scene.held() == 1


async def test_while_the_connection_is_down_nothing_is_told_and_nothing_can_be_sent(scene: Scene) -> None:
    rests = await scene.buy("1", "99.5")
    await scene.venue.trouble(VenueTrouble(kind=K.DISCONNECT, delay_ms=1000))
    await scene.trade(99.4, 5.0)
    assert await scene.statuses(rests) == [S.NEW]
    unsent = await scene.buy("1")
    await scene.venue.wait(1000)
    assert await scene.statuses(rests) == [S.NEW, S.FILLED]
    assert await scene.statuses(unsent) == [S.REJECTED]
    assert await scene.held() == 1
    assert await scene.status(await scene.buy("1")) is S.FILLED


@pytest.mark.parametrize(("share", "left"), [(1.0, "0"), (0.5, "1")])
async def test_a_deleveraging_closes_its_share_of_the_position(scene: Scene, share: float, left: str) -> None:
    await scene.buy("2")
    rests = await scene.buy("1", "99")
    await scene.venue.trouble(VenueTrouble(kind=K.ADL, symbol=BTC, share=share))
    assert await scene.held() == D(left)
    last = (await scene.executions())[-1]
    assert last.exec_type is ExecType.ADL_TRADE
    assert (await scene.venue.order(last.order_id)).create_type is CreateType.ADL
    assert await scene.reason(rests) == "CancelByPrepareAdl"


async def test_trouble_that_is_over_leaves_no_trace(scene: Scene) -> None:
    await scene.venue.trouble(VenueTrouble(kind=K.DISCONNECT, delay_ms=100))
    await scene.venue.trouble(VenueTrouble(kind=K.LATE, delay_ms=100, count=1))
    await scene.venue.wait(1000)
    late = await scene.buy("1")
    await scene.venue.wait(100)
    assert await scene.status(late) is S.FILLED
    order = await scene.sell("1")
    assert await scene.statuses(order) == [S.NEW, S.PARTIALLY_FILLED, S.FILLED] or await scene.status(order) is S.FILLED
    assert await scene.held() == 0
