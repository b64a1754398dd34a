"""Take-profit, stop-loss and trailing stop, on orders and on positions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.events import Side
from daemon.core.records import CreateType, OrderStatus, OrderType, StopOrderType, TriggerBy
from tests.conformance.scene import BTC, Scene, executed, protects

D = Decimal
S = OrderStatus
K = StopOrderType
CLEARED = (S.DEACTIVATED, S.CANCELLED)


async def _long(scene: Scene, qty: str = "1", **protection: object) -> str:
    """A long position at 100.1 whose order carries a protection."""
    return await scene.buy(qty, protection=protects(**protection) if protection else None)


async def test_the_protection_of_an_order_becomes_conditional_orders_on_the_whole_position(scene: Scene) -> None:
    await _long(scene, take_profit="110", stop_loss="95")
    profit, loss = await scene.protection(K.TAKE_PROFIT), await scene.protection(K.STOP_LOSS)
    assert (profit.trigger_price, loss.trigger_price) == (D(110), D(95))
    assert (profit.create_type, loss.create_type) == (CreateType.TAKE_PROFIT, CreateType.STOP_LOSS)
    for order in (profit, loss):
        assert (order.side, order.type, order.status) == (Side.SELL, OrderType.MARKET, S.UNTRIGGERED)
        assert order.reduce_only


@pytest.mark.parametrize(
    ("price", "hit", "other"), [(110.0, K.TAKE_PROFIT, K.STOP_LOSS), (95.0, K.STOP_LOSS, K.TAKE_PROFIT)]
)
async def test_the_one_that_is_hit_closes_the_position_and_clears_the_other(
    scene: Scene, price: float, hit: K, other: K
) -> None:
    await _long(scene, take_profit="110", stop_loss="95")
    closing, cleared = await scene.protection(hit), await scene.protection(other)
    await scene.move(price)
    assert await scene.statuses(closing.order_id) == [S.UNTRIGGERED, S.TRIGGERED, S.NEW, S.FILLED]
    assert await scene.held() == 0
    assert await scene.status(cleared.order_id) in CLEARED
    assert await scene.reason(cleared.order_id) == "CancelByTpSlTsClear"
    assert await scene.venue.open_orders(BTC) == []


async def test_a_short_position_is_protected_the_other_way_round(scene: Scene) -> None:
    await scene.sell("1", protection=protects(take_profit="90", stop_loss="105"))
    loss = await scene.protection(K.STOP_LOSS)
    assert loss.side is Side.BUY
    await scene.move(105.0)
    assert await scene.paid(loss.order_id) == executed(("105.1", "1"))
    assert await scene.held() == 0


async def test_a_full_protection_closes_the_position_as_it_is_when_it_goes_off(scene: Scene) -> None:
    await _long(scene, stop_loss="95")
    loss = await scene.protection(K.STOP_LOSS)
    await scene.buy("2")
    await scene.move(95.0)
    assert await scene.filled(loss.order_id) == 3
    assert await scene.held() == 0


async def test_closing_the_position_by_hand_clears_its_protection(scene: Scene) -> None:
    await _long(scene, take_profit="110", stop_loss="95")
    made = await scene.venue.open_orders(BTC)
    await scene.sell("1")
    assert await scene.venue.open_orders(BTC) == []
    for order in made:
        assert await scene.reason(order.order_id) == "CancelByTpSlTsClear"


async def test_an_order_that_does_not_fill_is_not_protected_yet(scene: Scene) -> None:
    order = await scene.buy("2", "99.5", protection=protects(stop_loss="95"))
    assert await scene.protections(K.STOP_LOSS) == []
    await scene.trade(99.4, 1.0)
    assert len(await scene.protections(K.STOP_LOSS)) == 1
    assert await scene.status(order) is S.PARTIALLY_FILLED


async def test_the_mark_price_may_be_what_triggers_a_stop_loss(scene: Scene) -> None:
    await _long(scene, stop_loss="95", stop_loss_by=TriggerBy.MARK)
    await scene.trade(94.0, 0.001)
    assert await scene.held() == 1
    await scene.prices(mark=95.0)
    assert await scene.held() == 0


async def test_the_stop_loss_of_an_order_can_be_amended_before_it_fills(scene: Scene) -> None:
    order = await scene.buy("1", "99.5", protection=protects(stop_loss="95"))
    assert await scene.amend(order, stop_loss="96") is None
    await scene.trade(99.4, 5.0)
    assert (await scene.protection(K.STOP_LOSS)).trigger_price == 96


# Partial


async def test_a_partial_protection_is_of_what_filled(scene: Scene) -> None:
    await scene.buy("2", "99.5", protection=protects(take_profit="110", stop_loss="95", partial=True))
    await scene.trade(99.4, 0.5)
    profit, loss = await scene.protection(K.PARTIAL_TAKE_PROFIT), await scene.protection(K.PARTIAL_STOP_LOSS)
    assert (profit.qty, loss.qty) == (D("0.5"), D("0.5"))
    await scene.trade(99.4, 5.0)
    quantities = [order.qty for order in await scene.protections(K.PARTIAL_STOP_LOSS)]
    assert sum(quantities) == 2


async def test_of_a_pair_of_partial_orders_the_one_that_goes_off_cancels_the_other(scene: Scene) -> None:
    await scene.buy("3")
    await _long(scene, "1", take_profit="110", stop_loss="95", partial=True)
    profit, loss = await scene.protection(K.PARTIAL_TAKE_PROFIT), await scene.protection(K.PARTIAL_STOP_LOSS)
    await scene.move(110.0)
    assert await scene.status(profit.order_id) is S.FILLED
    assert await scene.status(loss.order_id) in CLEARED
    assert await scene.held() == 3


async def test_a_partial_take_profit_may_be_a_limit_order(scene: Scene) -> None:
    await _long(scene, take_profit="110", take_profit_limit="111", partial=True)
    profit = await scene.protection(K.PARTIAL_TAKE_PROFIT)
    assert (profit.type, profit.price) == (OrderType.LIMIT, D(111))
    await scene.move(110.0)
    assert await scene.status(profit.order_id) is S.NEW
    await scene.trade(111.1, 5.0, Side.BUY)
    assert await scene.paid(profit.order_id) == executed(("111", "1"))
    assert await scene.held() == 0


# On a position


async def test_a_position_is_protected_replaced_and_set_free(scene: Scene) -> None:
    await scene.buy("1")
    assert await scene.protect(protects(take_profit="110", stop_loss="95")) is None
    assert (await scene.protection(K.STOP_LOSS)).trigger_price == 95
    assert await scene.protect(protects(stop_loss="97")) is None
    assert (await scene.protection(K.STOP_LOSS)).trigger_price == 97
    assert (await scene.protection(K.TAKE_PROFIT)).trigger_price == 110
    assert await scene.protect(protects(take_profit="0")) is None
    assert await scene.protections(K.TAKE_PROFIT) == []
    await scene.move(97.0)
    assert await scene.held() == 0


async def test_partial_protections_of_a_position_add_up(scene: Scene) -> None:
    await scene.buy("3")
    assert await scene.protect(protects(stop_loss="97", qty="1", partial=True)) is None
    assert await scene.protect(protects(stop_loss="95", qty="2", partial=True)) is None
    await scene.move(97.0)
    assert await scene.held() == 2
    await scene.move(95.0)
    assert await scene.held() == 0


async def test_a_protection_needs_a_position_and_something_to_set(scene: Scene) -> None:
    assert ((await scene.protect(protects(stop_loss="95"))) or "").startswith(("110033", "10001"))
    await scene.buy("1")
    assert ((await scene.protect(protects())) or "").startswith("34040")


@pytest.mark.parametrize("protection", [{"take_profit": "99"}, {"stop_loss": "101"}, {"stop_loss": "95.05"}])
async def test_a_protection_on_the_wrong_side_of_the_price_or_off_the_grid_is_refused(
    scene: Scene, protection: dict[str, str]
) -> None:
    await scene.buy("1")
    assert await scene.protect(protects(**protection)) is not None
    assert await scene.venue.open_orders(BTC) == []


# Trailing stop


async def test_a_trailing_stop_follows_the_best_price_and_closes_when_it_turns(scene: Scene) -> None:
    await scene.buy("1")
    assert await scene.protect(protects(trailing_stop="2")) is None
    await scene.move(105.0)
    await scene.move(103.1)
    assert await scene.held() == 1
    await scene.move(103.0)
    assert await scene.held() == 0
    assert await scene.venue.open_orders(BTC) == []


async def test_the_trailing_stop_of_a_short_position_follows_downwards(scene: Scene) -> None:
    await scene.sell("1")
    await scene.protect(protects(trailing_stop="2"))
    await scene.move(95.0)
    await scene.move(96.9)
    assert await scene.held() == -1
    await scene.move(97.0)
    assert await scene.held() == 0


async def test_a_trailing_stop_begins_at_its_active_price(scene: Scene) -> None:
    await scene.buy("1")
    await scene.protect(protects(trailing_stop="2", active_price="104"))
    await scene.move(103.0)
    await scene.move(98.0)
    assert await scene.held() == 1
    await scene.move(104.0)
    await scene.move(102.0)
    assert await scene.held() == 0


async def test_a_trailing_stop_is_seen_as_an_open_order_and_can_be_removed(scene: Scene) -> None:
    await scene.buy("1")
    await scene.protect(protects(trailing_stop="2"))
    assert len(await scene.protections(K.TRAILING_STOP)) == 1
    assert await scene.protect(protects(trailing_stop="0")) is None
    assert await scene.protections(K.TRAILING_STOP) == []
    await scene.move(95.0)
    assert await scene.held() == 1
