"""What happens when an order would trade with another one of the same account."""

from __future__ import annotations

import pytest

from daemon.core.orders import SelfMatch
from daemon.core.records import OrderStatus, TimeInForce
from tests.conformance.scene import Scene, executed

S = OrderStatus


async def _meet(scene: Scene, self_match: SelfMatch, time_in_force: TimeInForce = TimeInForce.GTC) -> tuple[str, str]:
    """A sell order of ours rests inside a wide spread, and a buy order of ours comes."""
    await scene.book([(99.0, 50.0)], [(101.0, 50.0)])
    maker = await scene.sell("1", "100")
    taker = await scene.buy("2", "100", time_in_force, self_match=self_match)
    return maker, taker


async def test_cancel_maker_cancels_the_one_that_rested_and_lets_the_other_go_on(scene: Scene) -> None:
    maker, taker = await _meet(scene, SelfMatch.CANCEL_MAKER)
    assert await scene.statuses(maker) == [S.NEW, S.CANCELLED]
    assert await scene.reason(maker) == "CancelBySmp"
    assert await scene.statuses(taker) == [S.NEW]


async def test_cancel_taker_cancels_the_one_that_came(scene: Scene) -> None:
    maker, taker = await _meet(scene, SelfMatch.CANCEL_TAKER)
    assert await scene.statuses(maker) == [S.NEW]
    assert await scene.statuses(taker) == [S.NEW, S.CANCELLED]
    assert await scene.reason(taker) == "CancelBySmp"


async def test_cancel_both_cancels_both(scene: Scene) -> None:
    for order in await _meet(scene, SelfMatch.CANCEL_BOTH):
        assert await scene.statuses(order) == [S.NEW, S.CANCELLED]
        assert await scene.reason(order) == "CancelBySmp"


async def test_without_prevention_they_trade_with_each_other(scene: Scene) -> None:
    maker, taker = await _meet(scene, SelfMatch.NONE)
    assert await scene.paid(maker) == executed(("100", "1"))
    assert await scene.paid(taker) == executed(("100", "1"))
    assert [fill.maker for fill in await scene.executions(maker)] == [True]
    assert [fill.maker for fill in await scene.executions(taker)] == [False]
    assert await scene.held() == 0


@pytest.mark.parametrize("self_match", list(SelfMatch))
async def test_orders_that_do_not_cross_leave_each_other_alone(scene: Scene, self_match: SelfMatch) -> None:
    await scene.book([(99.0, 50.0)], [(101.0, 50.0)])
    maker = await scene.sell("1", "100.5")
    taker = await scene.buy("1", "100", self_match=self_match)
    assert await scene.statuses(maker) == [S.NEW]
    assert await scene.statuses(taker) == [S.NEW]


async def test_a_tag_on_the_order_that_rests_does_not_count(scene: Scene) -> None:
    await scene.book([(99.0, 50.0)], [(101.0, 50.0)])
    maker = await scene.sell("1", "100", self_match=SelfMatch.CANCEL_BOTH)
    taker = await scene.buy("1", "100")
    assert await scene.status(maker) is S.FILLED
    assert await scene.status(taker) is S.FILLED


async def test_better_prices_of_others_are_taken_before_our_own(scene: Scene) -> None:
    await scene.book([(99.0, 50.0)], [(99.5, 1.0), (101.0, 50.0)])
    maker = await scene.sell("1", "100")
    taker = await scene.buy("2", "100", self_match=SelfMatch.CANCEL_TAKER)
    assert await scene.paid(taker) == executed(("99.5", "1"))
    assert await scene.status(taker) is S.CANCELLED
    assert await scene.status(maker) is S.NEW
