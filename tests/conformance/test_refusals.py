"""What a venue does not take, with its code."""

from __future__ import annotations

from decimal import Decimal

import pytest

from daemon.core.events import RiskTier, Side
from daemon.core.orders import OrderRequest, PositionIdx, Tolerance, TriggerDirection
from daemon.core.records import OrderStatus, OrderType, TimeInForce
from daemon.core.venue import MarginMode
from tests.conformance.conftest import OpenScene
from tests.conformance.scene import BTC, Scene, protects, specification

D = Decimal
S = OrderStatus
RISES, FALLS = TriggerDirection.RISES, TriggerDirection.FALLS
TIERS = (
    RiskTier(D(5000), D("0.02"), D("0.04"), D(25), D(0)),
    RiskTier(D(10_000), D("0.04"), D("0.08"), D("12.5"), D(100)),
)


async def _refused(scene: Scene, order: str, code: str | tuple[str, ...]) -> None:
    assert await scene.statuses(order) == [S.REJECTED]
    assert (await scene.reason(order)).startswith(code), await scene.reason(order)
    assert await scene.venue.available() == await scene.venue.wallet()


@pytest.mark.parametrize(
    ("qty", "price"),
    [
        ("0.0005", "99"),  # not a multiple of the step
        ("1.0005", "99"),
        ("1191", "99"),  # above the maximum of a limit order
        ("501", None),  # above that of a market order
        ("1", "99.05"),  # not a multiple of the tick
        ("1", "0"),
    ],
)
async def test_a_quantity_or_price_off_the_grid_or_out_of_bounds(scene: Scene, qty: str, price: str | None) -> None:
    await _refused(scene, await scene.buy(qty, price), "10001")


@pytest.mark.parametrize(("qty", "price"), [("0.05", "99"), ("0.049", None)])
async def test_an_order_value_below_the_minimum(scene: Scene, qty: str, price: str | None) -> None:
    await _refused(scene, await scene.buy(qty, price), "110094")


async def test_an_order_value_of_exactly_the_minimum_is_taken(scene: Scene) -> None:
    assert await scene.statuses(await scene.buy("0.05", "100")) == [S.NEW]


@pytest.mark.parametrize("status", ["PreLaunch", "Delivering", "Closed"])
async def test_a_contract_that_is_not_trading(open_scene: OpenScene, status: str) -> None:
    scene = await open_scene(instruments=[specification(status=status)])
    await _refused(scene, await scene.buy("1", "99"), "110074")


@pytest.mark.parametrize(
    ("side", "price", "moved"), [(Side.BUY, "105", "101"), (Side.SELL, "95", "99"), (Side.BUY, "101", "101")]
)
async def test_a_price_beyond_the_band_is_moved_to_it_where_the_account_allows(
    open_scene: OpenScene, side: Side, price: str, moved: str
) -> None:
    narrow = specification(price_limit_ratio_x=D("0.01"), price_limit_ratio_y=D("0.02"))
    scene = await open_scene(instruments=[narrow])
    await scene.book([(99.9, 0.001)], [(100.1, 0.001)])
    order = await scene.order(side, "1", price)
    assert await scene.status(order) is S.PARTIALLY_FILLED
    assert (await scene.venue.order(order)).price == D(moved)


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "101.1"), (Side.SELL, "98.9")])
async def test_a_price_beyond_the_band_is_refused_where_it_does_not(
    open_scene: OpenScene, side: Side, price: str
) -> None:
    narrow = specification(price_limit_ratio_x=D("0.01"), price_limit_ratio_y=D("0.02"))
    scene = await open_scene(instruments=[narrow], move_price_to_limit=False)
    await _refused(scene, await scene.order(side, "1", price), "110003")


async def test_a_market_order_fills_no_further_than_the_band(open_scene: OpenScene) -> None:
    narrow = specification(price_limit_ratio_x=D("0.01"), price_limit_ratio_y=D("0.02"))
    scene = await open_scene(instruments=[narrow])
    await scene.book([(99.9, 1.0)], [(100.1, 1.0), (102.0, 50.0)])
    order = await scene.buy("5")
    assert await scene.filled(order) == 1
    assert await scene.reason(order) == "EC_NoImmediateQtyToFill"


async def test_an_order_id_that_is_in_use(scene: Scene) -> None:
    first = await scene.buy("1", "99")
    answer = await scene.venue.place(_same_id(first))
    assert (answer or "").startswith("110072")
    assert await scene.statuses(first) == [S.NEW]
    assert len(await scene.venue.open_orders(BTC)) == 1


async def test_an_order_id_that_was_used_before(scene: Scene) -> None:
    first = await scene.buy("1")
    answer = await scene.venue.place(_same_id(first))
    assert (answer or "").startswith("110072")
    assert await scene.held() == 1


def _same_id(order_id: str) -> OrderRequest:
    return OrderRequest(order_id, 9, "conformance", BTC, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, D(1), D(98))


async def test_more_than_500_active_orders_on_a_symbol(scene: Scene) -> None:
    for _ in range(500):
        await scene.buy("0.06", "98")
    assert len(await scene.venue.open_orders(BTC)) == 500
    order = await scene.buy("0.06", "98")
    assert await scene.statuses(order) == [S.REJECTED]
    assert (await scene.reason(order)).startswith("110020")


async def test_more_than_10_conditional_orders_on_a_symbol(scene: Scene) -> None:
    for _ in range(10):
        order = await scene.buy("1", trigger_price=D(102), trigger_direction=RISES)
        assert await scene.status(order) is S.UNTRIGGERED
    await _refused(scene, await scene.buy("1", trigger_price=D(102), trigger_direction=RISES), "110009")


async def test_more_than_20_partial_protections(scene: Scene) -> None:
    await scene.buy("3")
    for number in range(20):
        assert await scene.protect(protects(stop_loss=str(90 - number), qty="0.1", partial=True)) is None
    assert ((await scene.protect(protects(stop_loss="60", qty="0.1", partial=True))) or "").startswith("110061")


async def test_a_position_beyond_the_last_risk_tier(open_scene: OpenScene) -> None:
    scene = await open_scene(instruments=[specification(risk_tiers=TIERS)], balance="1000000")
    await _refused(scene, await scene.buy("101", "100"), ("110089", "110090"))
    assert await scene.statuses(await scene.buy("60", "99")) == [S.NEW]
    order = await scene.buy("60", "99")
    assert (await scene.reason(order)).startswith(("110089", "110090"))


async def test_a_position_whose_tier_does_not_allow_the_leverage(open_scene: OpenScene) -> None:
    scene = await open_scene(instruments=[specification(risk_tiers=TIERS)], balance="1000000", leverage="20")
    assert await scene.statuses(await scene.buy("40", "99")) == [S.NEW]
    order = await scene.buy("40", "99")
    assert await scene.statuses(order) == [S.REJECTED]
    assert (await scene.reason(order)).startswith(("110086", "110090", "110013"))


async def test_more_than_the_account_can_pay_for(open_scene: OpenScene) -> None:
    scene = await open_scene(balance="100")
    await _refused(scene, await scene.buy("10", "100"), "110007")
    assert await scene.statuses(await scene.buy("9.8", "100")) == [S.NEW]
    order = await scene.buy("1", "100")
    assert (await scene.reason(order)).startswith("110007")


@pytest.mark.parametrize(
    ("tolerance", "code"),
    [
        (Tolerance(ticks=0), "110108"),
        (Tolerance(ticks=10_001), "110108"),
        (Tolerance(percent=D("0.001")), "110109"),
        (Tolerance(percent=D(11)), "110109"),
    ],
)
async def test_a_tolerance_out_of_range(scene: Scene, tolerance: Tolerance, code: str) -> None:
    await _refused(scene, await scene.buy("1", tolerance=tolerance), code)


@pytest.mark.parametrize("protection", [{"take_profit": "99"}, {"stop_loss": "101"}, {"take_profit": "110.05"}])
async def test_a_protection_on_the_wrong_side_or_off_the_grid(scene: Scene, protection: dict[str, str]) -> None:
    order = await scene.buy("1", "100", protection=protects(**protection))
    assert await scene.statuses(order) == [S.REJECTED]


async def test_of_several_faults_the_parameters_are_named_first(scene: Scene) -> None:
    await _refused(scene, await scene.buy("1191", "0.05", reduce_only=True), "10001")


async def test_a_refused_order_leaves_no_trace(scene: Scene) -> None:
    await scene.buy("1", "99.05")
    assert await scene.venue.open_orders(BTC) == []
    assert await scene.venue.fills() == []
    assert await scene.venue.wallet() == 10_000


# Settings of the account


async def test_the_leverage_is_changed_and_a_change_to_the_same_refused(scene: Scene) -> None:
    assert await scene.venue.set_leverage(BTC, D(20)) is None
    await scene.buy("1", "99")
    assert 10_000 - await scene.venue.available() < 6
    assert ((await scene.venue.set_leverage(BTC, D(20))) or "").startswith("110043")


@pytest.mark.parametrize("leverage", ["0.5", "101", "10.001"])
async def test_a_leverage_out_of_bounds_or_off_its_step_is_refused(scene: Scene, leverage: str) -> None:
    assert ((await scene.venue.set_leverage(BTC, D(leverage))) or "").startswith(("10001", "110013"))


async def test_a_leverage_that_the_tier_of_the_position_does_not_allow_is_refused(open_scene: OpenScene) -> None:
    scene = await open_scene(instruments=[specification(risk_tiers=TIERS)], balance="1000000")
    await scene.book([(99.9, 500.0)], [(100.0, 500.0)])
    await scene.buy("60")
    assert ((await scene.venue.set_leverage(BTC, D(20))) or "").startswith("110013")
    assert await scene.venue.set_leverage(BTC, D(12)) is None


async def test_a_lower_leverage_needs_the_margin_for_it(open_scene: OpenScene) -> None:
    scene = await open_scene(balance="20")
    await scene.buy("1")
    assert ((await scene.venue.set_leverage(BTC, D(2))) or "").startswith(("110044", "110012"))
    assert await scene.venue.set_leverage(BTC, D(8)) is None


async def test_the_margin_mode_is_changed_and_a_change_to_the_same_refused(scene: Scene) -> None:
    assert ((await scene.venue.set_margin_mode(MarginMode.ISOLATED)) or "").startswith("110026")
    assert await scene.venue.set_margin_mode(MarginMode.CROSS) is None


async def test_margin_is_added_to_a_position_and_taken_back_but_no_more_than_was_added(scene: Scene) -> None:
    refused = await scene.venue.add_margin(BTC, D(5), PositionIdx.ONE_WAY)
    assert (refused or "").startswith("110033")
    await scene.buy("1")
    free = await scene.venue.available()
    assert await scene.venue.add_margin(BTC, D(5), PositionIdx.ONE_WAY) is None
    assert await scene.venue.available() == free - 5
    assert await scene.venue.add_margin(BTC, D(-5), PositionIdx.ONE_WAY) is None
    assert await scene.venue.available() == free
    refused = await scene.venue.add_margin(BTC, D(-1000), PositionIdx.ONE_WAY)
    assert (refused or "").startswith(("110078", "110046"))
    refused = await scene.venue.add_margin(BTC, D(100_000), PositionIdx.ONE_WAY)
    assert refused is not None
