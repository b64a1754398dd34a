"""Liquidation: on the mark price, at the tier's price, with all the account loses and no more.

Formulas: Bybit help centre, "Trading Rules: Liquidation Process (UTA)" and "Bankruptcy Price (USDT Contract)".
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.events import RiskTier, Side
from daemon.core.orders import PositionIdx, TriggerDirection
from daemon.core.records import CreateType, ExecType, OrderStatus
from daemon.core.venue import MarginMode
from tests.conformance.conftest import OpenScene
from tests.conformance.scene import BTC, ETH, Scene, protects, specification

D = Decimal
S = OrderStatus
ONE_WAY = PositionIdx.ONE_WAY

FIRST_TIER = (RiskTier(D(2_000_000), D("0.005"), D("0.01"), D(100)),)
STEEP = (
    RiskTier(D(1000), D("0.02"), D("0.04"), D(25), D(0)),
    RiskTier(D(2000), D("0.025"), D("0.05"), D(20), D(5)),
    RiskTier(D(3000), D("0.03"), D("0.06"), D("16.66"), D(15)),
    RiskTier(D(4000), D("0.035"), D("0.07"), D("14.28"), D(30)),
    RiskTier(D(5000), D("0.04"), D("0.08"), D("12.5"), D(50)),
)


async def _tiered(open_scene: OpenScene, tiers: tuple[RiskTier, ...] = FIRST_TIER, **changes: object) -> Scene:
    """A deep book at 100, so that a position of 100 USDT has an entry of exactly 100."""
    symbols = [specification(symbol, risk_tiers=tiers) for symbol in (BTC, ETH)]
    scene = await open_scene(instruments=symbols, **changes)
    for symbol in (BTC, ETH):
        await scene.book([(100.0, 1000.0)], [(100.1, 1000.0)], symbol=symbol)
    return scene


async def _position(scene: Scene, side: Side, qty: str, symbol: str = BTC) -> str:
    """A position with an entry of 100."""
    if side is Side.BUY:
        await scene.book([(99.9, 1000.0)], [(100.0, 1000.0)], symbol=symbol)
    else:
        await scene.book([(100.0, 1000.0)], [(100.1, 1000.0)], symbol=symbol)
    return await scene.order(side, qty, symbol=symbol)


async def _busts(scene: Scene) -> list[tuple[Decimal, Decimal]]:
    return [(fill.price, fill.qty) for fill in await scene.executions() if fill.exec_type is ExecType.BUST_TRADE]


# Isolated: 100 at 10x, maintenance 0.5 %: bankruptcy 90 and 110; liquidation 90 / 0.995 = 90.45, 110 / 1.005 = 109.45


@pytest.mark.parametrize(
    ("side", "safe", "fatal", "bankruptcy"), [(Side.BUY, 90.5, 90.4, "90"), (Side.SELL, 109.4, 109.5, "110")]
)
async def test_an_isolated_position_is_taken_over_at_its_bankruptcy_price_when_mark_reaches_the_liquidation_price(
    open_scene: OpenScene, side: Side, safe: float, fatal: float, bankruptcy: str
) -> None:
    scene = await _tiered(open_scene)
    await _position(scene, side, "1")
    await scene.prices(mark=safe)
    assert abs(await scene.held()) == 1
    await scene.prices(mark=fatal)
    assert await scene.held() == 0
    assert await _busts(scene) == [(D(bankruptcy), D(1))]


@pytest.mark.parametrize(("side", "fatal", "loss"), [(Side.BUY, 90.4, "10.0495"), (Side.SELL, 109.5, "10.0605")])
async def test_an_isolated_position_loses_its_initial_margin_and_nothing_more(
    open_scene: OpenScene, side: Side, fatal: float, loss: str
) -> None:
    scene = await _tiered(open_scene)
    await _position(scene, side, "1")
    before = await scene.venue.wallet()
    await scene.prices(mark=fatal)
    assert await scene.venue.wallet() == before - D(loss)
    assert await scene.venue.available() == await scene.venue.wallet()


async def test_the_last_price_does_not_liquidate(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene)
    await _position(scene, Side.BUY, "1")
    await scene.trade(80.0, 0.001)
    assert await scene.held() == 1


async def test_the_position_of_another_symbol_is_left_alone_in_isolated_margin(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene)
    await _position(scene, Side.BUY, "1")
    await _position(scene, Side.BUY, "1", ETH)
    await scene.prices(mark=85.0)
    assert await scene.held(BTC) == 0
    assert await scene.held(ETH) == 1


async def test_orders_that_would_enlarge_the_position_are_cancelled_before(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene)
    await _position(scene, Side.BUY, "1")
    enlarging = await scene.buy("1", "91")
    await scene.prices(mark=90.4)
    assert await scene.status(enlarging) is S.CANCELLED
    assert await scene.reason(enlarging) == "CancelByPrepareLiq"


async def test_the_exchange_names_the_order_of_a_takeover(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene)
    await _position(scene, Side.BUY, "1")
    await scene.prices(mark=90.4)
    last = (await scene.executions())[-1]
    order = await scene.venue.order(last.order_id)
    assert (order.create_type, order.side, order.status) == (CreateType.TAKE_OVER, Side.SELL, S.FILLED)


async def test_what_protects_or_reduces_a_position_is_gone_with_it(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene)
    await _position(scene, Side.BUY, "1")
    await scene.protect(protects(take_profit="120"))
    await scene.sell("1", "119", reduce_only=True)
    await scene.sell("1", reduce_only=True, trigger_price=D(70), trigger_direction=TriggerDirection.FALLS)
    await scene.prices(mark=90.4)
    open_kinds = [order.stop_order_type.value for order in await scene.venue.open_orders(BTC) if order.price]
    assert open_kinds == []
    await scene.trade(60.0, 0.001)
    assert await scene.held() == 0


async def test_added_margin_moves_the_liquidation_price_away(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene)
    await _position(scene, Side.BUY, "1")
    assert await scene.venue.add_margin(BTC, D(5), ONE_WAY) is None
    await scene.prices(mark=86.0)
    assert await scene.held() == 1
    before = await scene.venue.wallet()
    await scene.prices(mark=85.4)  # (90 - 5 / (1 - c)) / 0.995 = 85.43
    assert await scene.held() == 0
    lost = before - await scene.venue.wallet()
    assert abs(lost - D("15.0495")) < D("0.01")


async def test_a_higher_leverage_brings_the_liquidation_price_nearer(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene)
    assert await scene.venue.set_leverage(BTC, D(20)) is None
    await _position(scene, Side.BUY, "1")
    await scene.prices(mark=95.5)  # 95 / 0.995 = 95.477
    assert await scene.held() == 1
    await scene.prices(mark=95.4)
    assert await _busts(scene) == [(D(95), D(1))]


# Partial steps: 15 at 100, 10x, tier 2: liquidation (1350 - 5) / (15 * 0.975) = 91.966; then at most 1000 of value


async def test_a_position_above_the_lowest_tier_is_first_reduced_to_the_next_lower_one(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene, STEEP)
    await _position(scene, Side.BUY, "15")
    await scene.book([(91.9, 1000.0)], [(92.0, 1000.0)])
    await scene.prices(mark=92.0)
    assert await scene.held() == 15
    await scene.prices(mark=91.9)
    held = await scene.held()
    assert D("10.87") <= held <= D("10.881")  # 1000 / 91.9
    assert await _busts(scene) == []
    last = (await scene.executions())[-1]
    assert (await scene.venue.order(last.order_id)).create_type is CreateType.LIQUIDATION
    assert last.price == D("91.9")


async def test_what_is_still_in_danger_in_the_lowest_tier_is_taken_over(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene, STEEP)
    await _position(scene, Side.BUY, "15")
    await scene.book([(91.9, 1000.0)], [(92.0, 1000.0)])
    await scene.prices(mark=91.9)
    held = await scene.held()
    await scene.prices(mark=91.8)  # 90 / 0.98 = 91.837
    assert await scene.held() == 0
    assert await _busts(scene) == [(D(90), held)]


# Cross


async def test_in_cross_margin_the_whole_account_stands_for_a_position(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene, balance="20", margin_mode=MarginMode.CROSS)
    await _position(scene, Side.BUY, "1")
    await scene.prices(mark=81.0)  # 20 - 0.055 - 19 left, maintenance 0.44
    assert await scene.held() == 1
    await scene.prices(mark=80.4)  # 0.345 left
    assert await scene.held() == 0


async def test_a_cross_account_that_is_taken_over_ends_with_nothing_and_owes_nothing(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene, balance="20", margin_mode=MarginMode.CROSS)
    await _position(scene, Side.BUY, "1")
    await scene.prices(mark=80.4)
    assert abs(await scene.venue.wallet()) < D("0.05")
    assert await scene.venue.available() >= D("-0.05")


async def test_profit_of_one_position_keeps_another_alive_in_cross_margin(open_scene: OpenScene) -> None:
    scene = await _tiered(open_scene, balance="40", margin_mode=MarginMode.CROSS)
    await _position(scene, Side.BUY, "1")
    await _position(scene, Side.SELL, "1", ETH)
    await scene.prices(mark=70.0, symbol=ETH)
    await scene.prices(mark=70.0)
    assert await scene.held(BTC) == 1
    await scene.prices(mark=110.0, symbol=ETH)
    assert await scene.held(BTC) == 0


@pytest.mark.parametrize("mode", list(MarginMode))
async def test_an_account_that_was_liquidated_goes_on_with_what_is_left(
    open_scene: OpenScene, mode: MarginMode
) -> None:
    scene = await _tiered(open_scene, balance="100", margin_mode=mode)
    await _position(scene, Side.BUY, "9")
    await scene.prices(mark=85.0)
    await scene.move(100.0)
    order = await scene.buy("0.1")
    assert await scene.status(order) in (S.FILLED, S.REJECTED)
    assert await scene.venue.wallet() >= D("-0.05")
