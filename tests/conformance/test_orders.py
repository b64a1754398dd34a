"""Market and limit orders, and how long they live."""

from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.events import Side
from daemon.core.orders import Tolerance
from daemon.core.records import OrderStatus, OrderType, TimeInForce
from daemon.core.venue import QueueModel
from tests.conformance.conftest import OpenScene
from tests.conformance.scene import Scene, executed

D = Decimal
S = OrderStatus


async def test_a_market_order_walks_the_book_from_the_touch(scene: Scene) -> None:
    order = await scene.buy("4")
    assert await scene.paid(order) == executed(("100.1", "1"), ("100.2", "2"), ("101", "1"))
    assert await scene.statuses(order) == [S.NEW, S.PARTIALLY_FILLED, S.PARTIALLY_FILLED, S.FILLED]
    assert await scene.held() == 4


async def test_a_market_sell_walks_the_bids(scene: Scene) -> None:
    order = await scene.sell("2")
    assert await scene.paid(order) == executed(("100", "1"), ("99.9", "1"))
    assert await scene.held() == -2


async def test_what_the_book_cannot_fill_of_a_market_order_is_cancelled(scene: Scene) -> None:
    order = await scene.buy("60")
    assert await scene.filled(order) == 53
    assert await scene.status(order) is S.CANCELLED
    assert await scene.reason(order) == "EC_NoImmediateQtyToFill"
    assert await scene.held() == 53


@pytest.mark.parametrize(
    ("tolerance", "filled"),
    [
        (Tolerance(ticks=1), 3),
        (Tolerance(ticks=9), 53),
        (Tolerance(percent=D("0.1")), 3),
        (Tolerance(percent=D(1)), 53),
    ],
)
async def test_a_market_order_fills_no_further_from_the_touch_than_its_tolerance(
    scene: Scene, tolerance: Tolerance, filled: int
) -> None:
    order = await scene.buy("60", tolerance=tolerance)
    assert await scene.filled(order) == filled
    assert await scene.reason(order) == "EC_NoImmediateQtyToFill"


async def test_a_sell_with_a_tolerance_is_bounded_below_the_bid(scene: Scene) -> None:
    order = await scene.sell("60", tolerance=Tolerance(ticks=1))
    assert await scene.paid(order) == executed(("100", "1"), ("99.9", "2"))
    assert await scene.status(order) is S.CANCELLED


@pytest.mark.parametrize(
    ("time_in_force", "price", "filled", "end"),
    [
        (TimeInForce.GTC, "100", "0", ([S.NEW], "")),
        (TimeInForce.GTC, "100.2", "3", ([S.NEW, *[S.PARTIALLY_FILLED] * 2], "")),
        (TimeInForce.GTC, "101", "5", ([S.NEW, *[S.PARTIALLY_FILLED] * 2, S.FILLED], "")),
        (TimeInForce.IOC, "100", "0", ([S.NEW, S.CANCELLED], "EC_NoImmediateQtyToFill")),
        (TimeInForce.IOC, "100.2", "3", ([S.NEW, *[S.PARTIALLY_FILLED] * 2, S.CANCELLED], "EC_NoImmediateQtyToFill")),
        (TimeInForce.FOK, "100.2", "0", ([S.NEW, S.CANCELLED], "EC_CancelForNoFullFill")),
        (TimeInForce.FOK, "101", "5", ([S.NEW, *[S.PARTIALLY_FILLED] * 2, S.FILLED], "")),
        (TimeInForce.POST_ONLY, "100.1", "0", ([S.NEW, S.CANCELLED], "EC_PostOnlyWillTakeLiquidity")),
        (TimeInForce.POST_ONLY, "100", "0", ([S.NEW], "")),
    ],
)
async def test_time_in_force_decides_what_becomes_of_a_limit_order_that_does_not_fill_at_once(
    scene: Scene, time_in_force: TimeInForce, price: str, filled: str, end: tuple[list[S], str]
) -> None:
    statuses, reason = end
    order = await scene.buy("5", price, time_in_force)
    assert await scene.filled(order) == D(filled)
    assert await scene.statuses(order) == statuses
    assert await scene.reason(order) == reason
    assert bool(await scene.venue.open_orders("BTCUSDT")) is (statuses[-1] in (S.NEW, S.PARTIALLY_FILLED))


async def test_a_limit_order_that_crosses_takes_the_better_price_and_rests_at_its_own(scene: Scene) -> None:
    order = await scene.sell("2", "100")
    assert await scene.paid(order) == executed(("100", "1"))
    await scene.trade(100.1, 5.0, Side.BUY)
    assert await scene.paid(order) == executed(("100", "1"), ("100", "1"))
    assert [fill.maker for fill in await scene.executions(order)] == [False, True]


async def test_a_resting_order_that_is_only_touched_stays_and_one_that_is_passed_fills(scene: Scene) -> None:
    order = await scene.buy("3", "99.5")
    await scene.trade(99.5, 9.0)
    assert await scene.statuses(order) == [S.NEW]
    await scene.trade(99.4, 1.0)
    assert await scene.statuses(order) == [S.NEW, S.PARTIALLY_FILLED]
    await scene.trade(99.3, 9.0)
    assert await scene.statuses(order) == [S.NEW, S.PARTIALLY_FILLED, S.FILLED]
    assert await scene.paid(order) == executed(("99.5", "1"), ("99.5", "2"))


async def test_a_resting_order_waits_for_what_stood_before_it(open_scene: OpenScene) -> None:
    scene = await open_scene(queue=QueueModel.BACK)
    order = await scene.buy("1", "99.9")
    await scene.trade(99.9, 1.5)
    assert await scene.filled(order) == 0
    await scene.trade(99.9, 1.5)
    assert await scene.status(order) is S.FILLED


async def test_nobody_stands_before_a_resting_order_once_the_price_went_through_it(open_scene: OpenScene) -> None:
    scene = await open_scene(queue=QueueModel.BACK)
    order = await scene.buy("1", "99.9")
    await scene.trade(99.8, 0.4)
    assert await scene.filled(order) == D("0.4")
    await scene.trade(99.9, 0.6)
    assert await scene.status(order) is S.FILLED


async def test_what_we_took_of_a_level_is_gone_until_the_level_changes(scene: Scene) -> None:
    first = await scene.buy("1")
    second = await scene.buy("1")
    assert await scene.paid(first) == executed(("100.1", "1"))
    assert await scene.paid(second) == executed(("100.2", "1"))
    await scene.levels(asks=[(100.1, 3.0)])
    third = await scene.buy("1")
    assert await scene.paid(third) == executed(("100.1", "1"))


async def test_takers_and_makers_pay_their_fee_on_what_they_executed(scene: Scene) -> None:
    taker = await scene.buy("1")
    maker = await scene.sell("1", "100.5")
    await scene.trade(100.6, 9.0, Side.BUY)
    assert [fill.fee for fill in await scene.executions(taker)] == [D("0.055055")]
    assert [fill.fee for fill in await scene.executions(maker)] == [D("0.0201")]
    assert await scene.venue.wallet() == D(10_000) + D("0.4") - D("0.055055") - D("0.0201")


async def test_every_execution_has_an_id_of_its_own(scene: Scene) -> None:
    await scene.buy("4")
    await scene.sell("4")
    ids = [fill.fill_id for fill in await scene.executions()]
    assert len(ids) == 6
    assert len(set(ids)) == 6


async def test_an_open_order_binds_margin_and_gives_it_back_when_it_is_cancelled(scene: Scene) -> None:
    order = await scene.buy("1", "99")
    cost = D("9.9") + D("0.05445") + D("0.049005")  # margin, fee to open, fee to close at bankruptcy
    assert await scene.venue.available() == 10_000 - cost
    await scene.venue.cancel(order)
    assert await scene.venue.available() == 10_000


async def test_a_reversal_closes_first_and_opens_the_rest_at_the_price_of_the_fill(scene: Scene) -> None:
    await scene.buy("1")
    await scene.sell("3")
    position = await scene.position()
    assert position.qty == -2
    assert position.entry == D("99.9")


async def test_what_was_asked_for_can_be_read_again(scene: Scene) -> None:
    order = await scene.buy("2", "99.5", TimeInForce.POST_ONLY)
    seen = await scene.venue.order(order)
    assert (seen.side, seen.type, seen.qty, seen.price) == (Side.BUY, OrderType.LIMIT, D(2), D("99.5"))
    assert not seen.reduce_only
    assert [view.order_id for view in await scene.venue.open_orders("BTCUSDT")] == [order]


async def test_over_a_slow_line_an_order_is_known_only_when_its_answer_came(open_scene: OpenScene) -> None:
    scene = await open_scene(entry_latency_ms=20, response_latency_ms=30)
    order = await scene.buy("1")
    await scene.venue.wait(49)
    assert await scene.statuses(order) == []
    await scene.venue.wait(1)
    assert await scene.statuses(order) == [S.NEW, S.FILLED]


async def test_an_order_meets_the_market_as_it_stands_when_it_arrives(open_scene: OpenScene) -> None:
    scene = await open_scene(entry_latency_ms=20)
    order = await scene.buy("1")
    await scene.venue.wait(10)
    await scene.book([(104.0, 5.0)], [(105.0, 5.0)])
    await scene.venue.wait(20)
    assert await scene.paid(order) == executed(("105", "1"))
