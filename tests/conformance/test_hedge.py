"""Hedge mode: a long and a short position of one symbol side by side."""

from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.orders import PositionIdx
from daemon.core.records import OrderStatus, StopOrderType
from tests.conformance.conftest import OpenScene
from tests.conformance.scene import BTC, Scene, protects

D = Decimal
S = OrderStatus
LONG, SHORT = PositionIdx.LONG, PositionIdx.SHORT


@pytest.fixture
async def hedged(open_scene: OpenScene) -> Scene:
    return await open_scene(hedge=True)


async def test_a_long_and_a_short_position_live_side_by_side(hedged: Scene) -> None:
    await hedged.buy("2", position_idx=LONG)
    await hedged.sell("1", position_idx=SHORT)
    assert await hedged.held(BTC, LONG) == 2
    assert await hedged.held(BTC, SHORT) == -1


async def test_selling_the_long_position_closes_it_and_leaves_the_short_one(hedged: Scene) -> None:
    await hedged.buy("2", position_idx=LONG)
    await hedged.sell("1", position_idx=SHORT)
    await hedged.sell("2", position_idx=LONG)
    assert await hedged.held(BTC, LONG) == 0
    assert await hedged.held(BTC, SHORT) == -1


async def test_a_position_of_hedge_mode_is_closed_but_never_turned_over(hedged: Scene) -> None:
    await hedged.buy("2", position_idx=LONG)
    await hedged.sell("5", position_idx=LONG)
    assert await hedged.held(BTC, LONG) >= 0


async def test_each_position_has_its_own_entry_and_margin(hedged: Scene) -> None:
    await hedged.buy("1", position_idx=LONG)
    after_long = await hedged.venue.available()
    await hedged.sell("1", position_idx=SHORT)
    assert (await hedged.position(BTC, LONG)).entry == D("100.1")
    assert (await hedged.position(BTC, SHORT)).entry == 100
    assert await hedged.venue.available() < after_long - 10


@pytest.mark.parametrize(("hedge", "index"), [(True, PositionIdx.ONE_WAY), (False, LONG), (False, SHORT)])
async def test_an_order_must_name_a_position_of_the_mode(
    open_scene: OpenScene, hedge: bool, index: PositionIdx
) -> None:
    scene = await open_scene(hedge=hedge)
    order = await scene.buy("1", position_idx=index)
    assert await scene.statuses(order) == [S.REJECTED]
    assert (await scene.reason(order)).startswith("10001")


async def test_the_protection_of_one_position_does_not_touch_the_other(hedged: Scene) -> None:
    await hedged.buy("1", position_idx=LONG, protection=protects(stop_loss="95"))
    await hedged.sell("1", position_idx=SHORT, protection=protects(stop_loss="105"))
    assert len(await hedged.protections(StopOrderType.STOP_LOSS)) == 2
    await hedged.move(95.0)
    assert await hedged.held(BTC, LONG) == 0
    assert await hedged.held(BTC, SHORT) == -1
    assert len(await hedged.protections(StopOrderType.STOP_LOSS)) == 1


async def test_reduce_only_counts_its_own_position_alone(hedged: Scene) -> None:
    await hedged.buy("2", position_idx=LONG)
    order = await hedged.buy("1", position_idx=SHORT, reduce_only=True)
    assert (await hedged.reason(order)).startswith("110017")


async def test_the_mode_changes_only_while_nothing_is_open(open_scene: OpenScene) -> None:
    scene = await open_scene()
    assert ((await scene.venue.set_hedge(BTC, hedge=False)) or "").startswith("110025")
    order = await scene.buy("1", "99")
    assert ((await scene.venue.set_hedge(BTC, hedge=True)) or "").startswith("110028")
    await scene.venue.cancel(order)
    await scene.buy("1")
    assert ((await scene.venue.set_hedge(BTC, hedge=True)) or "").startswith("110024")
    await scene.sell("1")
    assert await scene.venue.set_hedge(BTC, hedge=True) is None
    assert await scene.status(await scene.buy("1", position_idx=LONG)) is S.FILLED
