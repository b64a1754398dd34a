"""Changing orders, and taking them back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.orders import TriggerDirection
from daemon.core.records import OrderStatus
from daemon.core.venue import QueueModel
from tests.conformance.conftest import OpenScene
from tests.conformance.scene import BTC, ETH, Scene, executed, specification

D = Decimal
S = OrderStatus


async def test_an_amended_price_counts_from_then_on(scene: Scene) -> None:
    order = await scene.buy("1", "99")
    assert await scene.amend(order, price="99.5") is None
    assert (await scene.venue.order(order)).price == D("99.5")
    await scene.trade(99.4, 5.0)
    assert await scene.paid(order) == executed(("99.5", "1"))


async def test_an_amended_price_that_crosses_the_book_takes_at_once(scene: Scene) -> None:
    order = await scene.buy("1", "99")
    assert await scene.amend(order, price="100.1") is None
    assert await scene.paid(order) == executed(("100.1", "1"))
    assert [fill.maker for fill in await scene.executions(order)] == [False]
    assert await scene.statuses(order) == [S.NEW, S.FILLED]


@pytest.mark.parametrize(
    ("changes", "fills"),
    [
        ([], True),
        ([{"qty": "0.5"}], True),
        ([{"price": "99.8"}, {"price": "99.9"}], False),
        ([{"qty": "2"}], False),
    ],
)
async def test_a_changed_price_or_a_larger_quantity_gives_up_the_place_in_the_queue(
    open_scene: OpenScene, changes: list[dict[str, str]], fills: bool
) -> None:
    scene = await open_scene(queue=QueueModel.BACK)
    order = await scene.buy("1", "99.9")
    await scene.trade(99.9, 1.5)
    for change in changes:
        assert await scene.amend(order, **change) is None
    await scene.trade(99.9, 1.5)
    assert (await scene.filled(order) > 0) is fills


async def test_an_amended_quantity_is_the_new_total(scene: Scene) -> None:
    order = await scene.buy("5", "99.5")
    await scene.trade(99.4, 2.0)
    assert await scene.amend(order, qty="3") is None
    await scene.trade(99.4, 9.0)
    assert await scene.status(order) is S.FILLED
    assert await scene.filled(order) == 3


@pytest.mark.parametrize("qty", ["1", "2"])
async def test_a_quantity_of_no_more_than_what_is_filled_is_refused(scene: Scene, qty: str) -> None:
    order = await scene.buy("5", "99.5")
    await scene.trade(99.4, 2.0)
    assert ((await scene.amend(order, qty=qty)) or "").startswith("110064")
    assert (await scene.venue.order(order)).qty == 5
    assert await scene.status(order) is S.PARTIALLY_FILLED


async def test_an_amendment_needs_margin_like_an_order(open_scene: OpenScene) -> None:
    scene = await open_scene(balance="50")
    order = await scene.buy("1", "99")
    assert ((await scene.amend(order, qty="10")) or "").startswith("110007")
    assert (await scene.venue.order(order)).qty == 1
    assert await scene.status(order) is S.NEW


@pytest.mark.parametrize("change", [{"price": "99.55"}, {"qty": "1.0005"}, {"qty": "2000"}])
async def test_an_amendment_off_the_grid_or_too_large_is_refused(scene: Scene, change: dict[str, str]) -> None:
    order = await scene.buy("1", "99.5")
    assert ((await scene.amend(order, **change)) or "").startswith("10001")
    seen = await scene.venue.order(order)
    assert (seen.qty, seen.price) == (D(1), D("99.5"))


async def test_an_order_that_does_not_exist_can_neither_be_changed_nor_cancelled(scene: Scene) -> None:
    assert ((await scene.amend("nobody", price="99")) or "").startswith("110001")
    assert ((await scene.venue.cancel("nobody")) or "").startswith("110001")


async def test_a_finished_order_can_neither_be_changed_nor_cancelled(scene: Scene) -> None:
    order = await scene.buy("1")
    assert ((await scene.amend(order, qty="2")) or "").startswith("110001")
    assert ((await scene.venue.cancel(order)) or "").startswith("110001")
    assert await scene.statuses(order) == [S.NEW, S.FILLED]


async def test_a_cancelled_order_keeps_what_it_filled(scene: Scene) -> None:
    order = await scene.buy("5", "99.5")
    await scene.trade(99.4, 2.0)
    assert await scene.venue.cancel(order) is None
    assert await scene.statuses(order) == [S.NEW, S.PARTIALLY_FILLED, S.CANCELLED]
    assert await scene.reason(order) == "CancelByUser"
    await scene.trade(99.0, 9.0)
    assert await scene.filled(order) == 2
    assert await scene.held() == 2


async def test_cancel_all_takes_every_order_of_a_symbol_conditional_ones_too(open_scene: OpenScene) -> None:
    scene = await open_scene(instruments=[specification(BTC), specification(ETH)])
    rests = await scene.buy("1", "99")
    waits = await scene.buy("1", trigger_price=D(102), trigger_direction=TriggerDirection.RISES)
    other = await scene.buy("1", "99", symbol=ETH)
    await scene.venue.cancel_all(BTC)
    assert await scene.status(rests) is S.CANCELLED
    assert await scene.status(waits) is S.DEACTIVATED
    assert await scene.status(other) is S.NEW
    assert await scene.venue.open_orders(BTC) == []


async def test_cancel_all_without_a_symbol_takes_every_order_of_the_account(open_scene: OpenScene) -> None:
    scene = await open_scene(instruments=[specification(BTC), specification(ETH)])
    orders = [await scene.buy("1", "99"), await scene.sell("1", "101", symbol=ETH)]
    await scene.venue.cancel_all("")
    assert [await scene.status(order) for order in orders] == [S.CANCELLED, S.CANCELLED]
    assert await scene.venue.available() == 10_000


async def test_a_cancel_that_comes_too_late_changes_nothing(open_scene: OpenScene) -> None:
    scene = await open_scene(entry_latency_ms=20, response_latency_ms=20)
    order = await scene.buy("1", "99.5")
    await scene.venue.wait(40)
    await scene.venue.cancel(order)
    await scene.venue.wait(10)
    await scene.trade(99.4, 5.0)
    await scene.venue.wait(100)
    assert await scene.statuses(order) == [S.NEW, S.FILLED]
