from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.simulated.constraints import (
    MAX_ACTIVE_ORDERS,
    MAX_CONDITIONAL_ORDERS,
    Standing,
    amend_refusal,
    price_in_band,
    reduces,
    refusal,
)
from adapters.simulated.working import Working
from daemon.core.events import Instrument, RiskTier, Side
from daemon.core.market import Market
from daemon.core.orders import (
    Amendment,
    OrderRequest,
    PositionIdx,
    Protection,
    Tolerance,
    TriggerDirection,
)
from daemon.core.records import OrderStatus, OrderType, StopOrderType, TimeInForce, TriggerBy
from tests.daemon.core.build import BTC, instrument

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
RISES, FALLS = TriggerDirection.RISES, TriggerDirection.FALLS
TIERS = (
    RiskTier(D(1000), D("0.005"), D("0.01"), D(100)),
    RiskTier(D(2000), D("0.01"), D("0.02"), D(50), D(5)),
    RiskTier(D(3000), D("0.02"), D("0.04"), D(25), D(25)),
)
STANDING = Standing(
    active_orders=0,
    conditional_orders=0,
    partial_protections=0,
    hedge=False,
    leverage=D(10),
    position_value=D(0),
    known_id=False,
    liquidation_price=None,
    reducible=D(0),
)


def market_of(
    on: Instrument | None = None, *, last: float = 100.0, mark: float = 100.0, index: float = 100.0
) -> Market:
    market = Market(BTC)
    market.instrument = instrument() if on is None else on
    market.last, market.mark, market.index = last, mark, index
    return market


def limit(qty: str = "1", price: str | None = "100", side: Side = BUY, **fields: Any) -> OrderRequest:
    return OrderRequest(
        "id", 1, "s", BTC, side, OrderType.LIMIT, TimeInForce.GTC, D(qty), None if price is None else D(price), **fields
    )


def market_order(qty: str = "1", side: Side = BUY, **fields: Any) -> OrderRequest:
    return OrderRequest("id", 1, "s", BTC, side, OrderType.MARKET, TimeInForce.IOC, D(qty), **fields)


def conditional(trigger: str, direction: TriggerDirection | None = RISES, **fields: Any) -> OrderRequest:
    return market_order(trigger_price=D(trigger), trigger_direction=direction, **fields)


def code(
    request: OrderRequest,
    *,
    on: Market | None = None,
    spec: Instrument | None = None,
    **standing: Any,
) -> str:
    text = refusal(request, market_of(spec) if on is None else on, replace(STANDING, **standing))
    return "taken" if text is None else text.partition(":")[0]


def test_plain_orders_are_taken() -> None:
    assert code(limit()) == "taken"
    assert code(market_order()) == "taken"
    assert code(conditional("101")) == "taken"


# Parameters


@pytest.mark.parametrize(
    ("hedge", "idx", "expected"),
    [
        (False, PositionIdx.ONE_WAY, "taken"),
        (False, PositionIdx.LONG, "10001"),
        (False, PositionIdx.SHORT, "10001"),
        (True, PositionIdx.ONE_WAY, "10001"),
        (True, PositionIdx.LONG, "taken"),
    ],
)
def test_10001_a_position_idx_that_is_not_of_the_mode(hedge: bool, idx: PositionIdx, expected: str) -> None:
    assert code(limit(position_idx=idx), hedge=hedge) == expected


def test_10001_a_limit_order_without_a_price() -> None:
    assert code(limit(price=None)) == "10001"
    assert code(limit(price="100")) == "taken"


def test_10001_a_conditional_order_without_a_direction() -> None:
    assert code(conditional("101", None)) == "10001"
    assert code(conditional("101", RISES)) == "taken"


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        (Tolerance(ticks=1), "taken"),
        (Tolerance(ticks=10_000), "taken"),
        (Tolerance(ticks=0), "110108"),
        (Tolerance(ticks=10_001), "110108"),
        (Tolerance(percent=D("0.01")), "taken"),
        (Tolerance(percent=D(10)), "taken"),
        (Tolerance(percent=D("0.009")), "110109"),
        (Tolerance(percent=D("10.01")), "110109"),
        (Tolerance(percent=D("0.015")), "110109"),
        (Tolerance(), "10001"),
        (Tolerance(ticks=1, percent=D(1)), "10001"),
    ],
)
def test_110108_and_110109_a_slippage_tolerance_out_of_range(tolerance: Tolerance, expected: str) -> None:
    assert code(market_order(tolerance=tolerance)) == expected


def test_10001_a_slippage_tolerance_on_anything_but_a_plain_market_order() -> None:
    assert code(limit(tolerance=Tolerance(ticks=5))) == "10001"
    assert code(conditional("101", tolerance=Tolerance(ticks=5))) == "10001"


@pytest.mark.parametrize("reducing", [limit(reduce_only=True), limit(close_on_trigger=True)])
def test_10001_an_order_that_only_reduces_cannot_carry_a_protection(reducing: OrderRequest) -> None:
    protection = Protection(stop_loss=D(90))
    assert code(limit(protection=protection)) == "taken"
    assert code(replace(reducing, protection=protection), reducible=D(5)) == "10001"
    assert code(reducing, reducible=D(5)) == "taken"


@pytest.mark.parametrize(
    ("protection", "expected"),
    [
        (Protection(), "taken"),
        (Protection(take_profit=D(110), stop_loss=D(90)), "taken"),
        (Protection(take_profit=D(0)), "taken"),
        (Protection(trailing_stop=D(10)), "10001"),
        (Protection(stop_loss=D(90), active_price=D(110)), "10001"),
        (Protection(stop_loss=D(90), qty=D(1), partial=True), "10001"),
        (Protection(take_profit=D(110), take_profit_limit=D(111)), "10001"),
        (Protection(take_profit=D(110), take_profit_limit=D(111), partial=True), "taken"),
        (Protection(take_profit=D(110), take_profit_limit=D("111.05"), partial=True), "10001"),
        (Protection(take_profit=D("110.05")), "10001"),
        (Protection(stop_loss=D(-90)), "10001"),
    ],
)
def test_10001_a_protection_that_an_order_cannot_carry(protection: Protection, expected: str) -> None:
    assert code(limit(protection=protection)) == expected


# Contract, lot, tick, value


@pytest.mark.parametrize("status", ["PreLaunch", "Delivering", "Closed"])
def test_110074_a_contract_that_is_not_live(status: str) -> None:
    assert code(limit(), spec=instrument(status=status)) == "110074"


def test_110074_a_contract_that_nobody_knows() -> None:
    assert code(limit(), on=Market(BTC)) == "110074"


@pytest.mark.parametrize(
    ("qty", "expected"),
    [
        ("1.001", "taken"),
        ("1.0005", "10001"),
        ("0.0005", "10001"),
        ("0", "10001"),
        ("-1", "10001"),
        ("1E+300", "10001"),
    ],
)
def test_10001_a_quantity_off_the_step(qty: str, expected: str) -> None:
    assert code(limit(qty)) == expected


def test_10001_a_quantity_below_the_minimum_and_the_minimum_is_taken() -> None:
    spec = instrument(min_qty=D("0.100"))
    assert code(limit("0.099"), spec=spec) == "10001"
    assert code(limit("0.100"), spec=spec) == "taken"


def test_10001_a_quantity_above_the_maximum_of_its_type_and_the_maximum_is_taken() -> None:
    assert code(limit("1190")) == "taken"
    assert code(limit("1190.001")) == "10001"
    assert code(market_order("500")) == "taken"
    assert code(market_order("500.001")) == "10001"
    assert code(market_order("500.001", reduce_only=True), reducible=D(600)) == "taken"


@pytest.mark.parametrize("price", ["100.05", "0", "-1", "1E+300", "1E-300"])
def test_10001_a_limit_price_off_the_tick(price: str) -> None:
    assert code(limit(price=price)) == "10001"
    assert code(limit(price="100.1")) == "taken"


@pytest.mark.parametrize("trigger", ["101.05", "0", "-1"])
def test_10001_a_trigger_price_off_the_tick(trigger: str) -> None:
    assert code(conditional(trigger)) == "10001"
    assert code(conditional("101.1")) == "taken"


def test_110094_a_value_below_the_minimum_and_the_minimum_is_taken() -> None:
    assert code(limit("0.049")) == "110094"
    assert code(limit("0.050")) == "taken"
    assert code(market_order("0.049")) == "110094"
    assert code(market_order("0.050")) == "taken"
    assert code(limit("0.001", reduce_only=True), reducible=D(1)) == "taken"


def test_110094_a_conditional_market_order_is_valued_at_its_trigger() -> None:
    assert code(replace(conditional("200"), qty=D("0.025"))) == "taken"
    assert code(replace(conditional("199.9"), qty=D("0.025"))) == "110094"


def test_110118_a_market_order_before_any_price_was_heard() -> None:
    assert code(market_order(), on=market_of(last=0.0, mark=0.0)) == "110118"
    assert code(market_order(), on=market_of(last=100.0, mark=0.0)) == "taken"
    assert code(limit(), on=market_of(last=0.0, mark=0.0)) == "taken"


# Prices against the market


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [
        (BUY, "102", "taken"),
        (BUY, "102.1", "110003"),
        (BUY, "50", "taken"),
        (SELL, "98", "taken"),
        (SELL, "97.9", "110003"),
        (SELL, "150", "taken"),
    ],
)
def test_110003_a_price_beyond_the_band_where_it_is_not_moved(side: Side, price: str, expected: str) -> None:
    assert code(limit(price=price, side=side), band=(D(102), D(98))) == expected


def test_the_band_concerns_neither_market_nor_conditional_orders() -> None:
    waits = limit(price="120", trigger_price=D(119), trigger_direction=RISES)
    assert code(waits, band=(D(102), D(98))) == "taken"
    assert code(market_order(), band=(D(102), D(98))) == "taken"


def test_a_price_beyond_the_band_is_moved_to_it_and_one_within_stays() -> None:
    limits = (D(102), D(98))
    assert price_in_band(D(103), BUY, limits, move=True) == D(102)
    assert price_in_band(D(97), SELL, limits, move=True) == D(98)
    assert price_in_band(D(101), BUY, limits, move=True) == D(101)
    assert price_in_band(D(102), BUY, limits, move=False) == D(102)
    refused = price_in_band(D(97), SELL, limits, move=False)
    assert isinstance(refused, str)
    assert refused.startswith("110003: order price 97 ")


@pytest.mark.parametrize(
    ("side", "price", "liquidation", "expected"),
    [
        (BUY, "90", "90", "110040"),
        (BUY, "90.1", "90", "taken"),
        (SELL, "110", "110", "110040"),
        (SELL, "109.9", "110", "taken"),
        (BUY, "90", "110", "taken"),
        (SELL, "110", "90", "taken"),
    ],
)
def test_110040_adding_to_a_position_beyond_its_liquidation_price(
    side: Side, price: str, liquidation: str, expected: str
) -> None:
    assert code(limit(price=price, side=side), liquidation_price=D(liquidation)) == expected


@pytest.mark.parametrize(
    ("direction", "trigger", "expected"),
    [
        (RISES, "100.1", "taken"),
        (RISES, "100", "110092"),
        (RISES, "99.9", "110092"),
        (FALLS, "99.9", "taken"),
        (FALLS, "100", "110093"),
        (FALLS, "100.1", "110093"),
    ],
)
def test_110092_and_110093_a_trigger_on_the_wrong_side(
    direction: TriggerDirection, trigger: str, expected: str
) -> None:
    assert code(conditional(trigger, direction)) == expected


@pytest.mark.parametrize(
    ("by", "market"),
    [
        (TriggerBy.LAST, market_of(last=100.0, mark=200.0, index=200.0)),
        (TriggerBy.MARK, market_of(last=200.0, mark=100.0, index=200.0)),
        (TriggerBy.INDEX, market_of(last=200.0, mark=200.0, index=100.0)),
    ],
)
def test_a_trigger_is_measured_against_its_own_kind_of_price(by: TriggerBy, market: Market) -> None:
    assert code(conditional("150", RISES, trigger_by=by), on=market) == "taken"
    assert code(conditional("150", FALLS, trigger_by=by), on=market) == "110093"
    unknown = market_of(last=0.0, mark=0.0, index=0.0)
    assert code(conditional("150", FALLS, trigger_by=by), on=unknown) == "taken"


@pytest.mark.parametrize(
    ("side", "take_profit", "stop_loss", "expected"),
    [
        (BUY, "95.1", "94.9", "taken"),
        (BUY, "95", None, "10001"),
        (BUY, None, "95", "10001"),
        (SELL, "94.9", "95.1", "taken"),
        (SELL, "95", None, "10001"),
        (SELL, None, "95", "10001"),
    ],
)
def test_10001_take_profit_and_stop_loss_are_measured_against_the_limit_price(
    side: Side, take_profit: str | None, stop_loss: str | None, expected: str
) -> None:
    protection = Protection(
        take_profit=None if take_profit is None else D(take_profit),
        stop_loss=None if stop_loss is None else D(stop_loss),
    )
    assert code(limit(price="95", side=side, protection=protection)) == expected


def test_10001_a_market_orders_protection_is_measured_against_the_price_that_lets_it_go_off() -> None:
    market = market_of(last=100.0, mark=110.0)
    by_mark = Protection(take_profit=D(105), take_profit_by=TriggerBy.MARK)
    assert code(market_order(protection=by_mark), on=market) == "10001"
    assert code(market_order(protection=Protection(take_profit=D(105))), on=market) == "taken"


def test_10001_a_conditional_market_orders_protection_is_measured_against_its_trigger() -> None:
    assert code(conditional("120", protection=Protection(stop_loss=D(110)))) == "taken"
    assert code(conditional("120", protection=Protection(stop_loss=D(120)))) == "10001"


# Account


def test_110072_an_id_that_was_used_before() -> None:
    assert code(limit(), known_id=True) == "110072"
    assert code(limit(), known_id=False) == "taken"


def test_110017_reducing_where_nothing_is_left_to_reduce() -> None:
    assert code(limit(reduce_only=True), reducible=D(0)) == "110017"
    assert code(limit(close_on_trigger=True), reducible=D(0)) == "110017"
    assert code(limit(reduce_only=True), reducible=D("0.001")) == "taken"


def test_a_conditional_order_may_wait_for_a_position_to_reduce() -> None:
    assert code(conditional("101", reduce_only=True), reducible=D(0)) == "taken"


@pytest.mark.parametrize(
    ("side", "idx", "only_reduces"),
    [
        (BUY, PositionIdx.LONG, False),
        (SELL, PositionIdx.LONG, True),
        (SELL, PositionIdx.SHORT, False),
        (BUY, PositionIdx.SHORT, True),
        (SELL, PositionIdx.ONE_WAY, False),
    ],
)
def test_in_hedge_mode_an_order_against_its_own_leg_only_reduces(
    side: Side, idx: PositionIdx, only_reduces: bool
) -> None:
    request = limit(side=side, position_idx=idx)
    assert reduces(request) is only_reduces
    hedge = idx is not PositionIdx.ONE_WAY
    assert code(request, hedge=hedge) == ("110017" if only_reduces else "taken")


def test_110020_one_order_more_than_the_exchange_keeps() -> None:
    assert code(limit(), active_orders=MAX_ACTIVE_ORDERS - 1) == "taken"
    assert code(limit(), active_orders=MAX_ACTIVE_ORDERS) == "110020"
    assert code(conditional("101"), active_orders=MAX_ACTIVE_ORDERS) == "taken"


def test_110009_one_conditional_order_more_than_the_exchange_keeps() -> None:
    assert code(conditional("101"), conditional_orders=MAX_CONDITIONAL_ORDERS - 1) == "taken"
    assert code(conditional("101"), conditional_orders=MAX_CONDITIONAL_ORDERS) == "110009"
    assert code(limit(), conditional_orders=MAX_CONDITIONAL_ORDERS) == "taken"


def test_110061_one_partial_protection_more_than_the_exchange_keeps() -> None:
    pair = limit(protection=Protection(take_profit=D(110), stop_loss=D(90), partial=True))
    assert code(pair, partial_protections=18) == "taken"
    assert code(pair, partial_protections=19) == "110061"
    whole = limit(protection=Protection(take_profit=D(110), stop_loss=D(90)))
    assert code(whole, partial_protections=20) == "taken"


def test_110086_a_leverage_above_the_contracts_or_its_lowest_tiers_maximum() -> None:
    assert code(limit(), leverage=D(100)) == "taken"
    assert code(limit(), leverage=D("100.01")) == "110086"
    tighter = instrument(risk_tiers=TIERS[1:])
    assert code(limit(), leverage=D(50), spec=tighter) == "taken"
    assert code(limit(), leverage=D("50.01"), spec=tighter) == "110086"


@pytest.mark.parametrize(
    ("leverage", "held", "qty", "expected"),
    [
        (100, 0, "10", "taken"),
        (100, 0, "10.001", "110090"),
        (100, 900, "1", "taken"),
        (100, 901, "1", "110090"),
        (100, 0, "30", "110090"),
        (50, 0, "20", "taken"),
        (50, 0, "20.001", "110090"),
        (26, 0, "20.001", "110090"),
        (25, 0, "30", "taken"),
        (25, 0, "30.001", "110089"),
        (1, 0, "30", "taken"),
        (1, 0, "30.001", "110089"),
    ],
)
def test_110090_and_110089_a_value_above_the_risk_limit_of_the_leverage(
    leverage: int, held: int, qty: str, expected: str
) -> None:
    spec = instrument(risk_tiers=TIERS)
    assert code(limit(qty), leverage=D(leverage), position_value=D(held), spec=spec) == expected


def test_110090_names_the_leverage_that_would_do() -> None:
    text = refusal(limit("15"), market_of(instrument(risk_tiers=TIERS)), replace(STANDING, leverage=D(100)))
    assert text == "110090: value 1500 exceeds 1000 USDT; adjust your leverage to 50 or below"


def test_reducing_orders_have_no_risk_limit() -> None:
    spec = instrument(risk_tiers=TIERS)
    assert code(limit("50", reduce_only=True), leverage=D(200), reducible=D(50), spec=spec) == "taken"


def test_the_first_of_several_reasons_is_given_in_the_exchanges_order() -> None:
    """Each step repairs the fault that was named and leaves all later ones in place."""
    spec = instrument(risk_tiers=TIERS)
    live, closed = market_of(spec), market_of(replace(spec, status="Closed"))
    standing: dict[str, Any] = {"band": (D(90), D(80)), "known_id": True, "active_orders": MAX_ACTIVE_ORDERS}
    standing["leverage"] = D(101)
    given_ = [
        code(limit("0.0005", "100.05", position_idx=PositionIdx.LONG), on=closed, **standing),
        code(limit("0.0005", "100.05"), on=closed, **standing),
        code(limit("0.0005", "100.05"), on=live, **standing),
        code(limit("0.001", "100"), on=live, **standing),
        code(limit("31", "100"), on=live, **standing),
        code(limit("31", "90"), on=live, **standing),
        code(limit("31", "90", reduce_only=True), on=live, **(standing | {"known_id": False})),
        code(limit("35", "90"), on=live, **(standing | {"known_id": False})),
        code(limit("35", "90"), on=live, **(standing | {"known_id": False, "active_orders": 0})),
        code(limit("35", "90"), on=live, leverage=D(100)),
        code(limit("20", "90"), on=live, leverage=D(100)),
    ]
    assert given_ == [
        "10001",
        "110074",
        "10001",
        "110094",
        "110003",
        "110072",
        "110017",
        "110020",
        "110086",
        "110089",
        "110090",
    ]


# Amendments


def working(request: OrderRequest, filled: str = "0", status: OrderStatus = OrderStatus.NEW) -> Working:
    return Working(request, market_of(), D(1), 0, status=status, filled=D(filled))


def amend_code(
    order: Working, *, on: Market | None = None, standing: Standing | None = None, **changes: Decimal
) -> str:
    text = amend_refusal(Amendment("id", **changes), order, market_of() if on is None else on, standing)
    return "taken" if text is None else text.partition(":")[0]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (OrderStatus.NEW, "taken"),
        (OrderStatus.PARTIALLY_FILLED, "taken"),
        (OrderStatus.UNTRIGGERED, "taken"),
        (OrderStatus.FILLED, "110001"),
        (OrderStatus.CANCELLED, "110001"),
        (OrderStatus.DEACTIVATED, "110001"),
        (OrderStatus.REJECTED, "110001"),
    ],
)
def test_110001_amending_an_order_that_is_finished(status: OrderStatus, expected: str) -> None:
    assert amend_code(working(limit(), status=status), qty=D(2)) == expected


def test_110074_amending_on_a_contract_that_is_not_live() -> None:
    assert amend_code(working(limit()), on=market_of(instrument(status="Closed")), qty=D(2)) == "110074"


def test_10001_amending_nothing_or_to_what_it_is_already() -> None:
    assert amend_code(working(limit())) == "10001"
    assert amend_code(working(limit()), qty=D(1), price=D(100)) == "10001"
    assert amend_code(working(limit()), qty=D(1), price=D("100.1")) == "taken"


def test_110064_amending_to_no_more_than_is_filled() -> None:
    order = working(limit("3"), filled="1", status=OrderStatus.PARTIALLY_FILLED)
    assert amend_code(order, qty=D(1)) == "110064"
    assert amend_code(order, qty=D("1.001")) == "taken"


def test_an_amended_quantity_and_price_obey_lot_tick_and_value() -> None:
    assert amend_code(working(limit()), qty=D("1.0005")) == "10001"
    assert amend_code(working(limit()), qty=D(1191)) == "10001"
    assert amend_code(working(limit()), price=D("100.05")) == "10001"
    assert amend_code(working(limit()), qty=D("0.049")) == "110094"
    assert amend_code(working(limit()), qty=D("0.05")) == "taken"
    assert amend_code(working(limit("0.05")), price=D("99.9")) == "110094"


def test_10001_a_market_order_has_no_price_to_amend() -> None:
    assert amend_code(working(market_order()), price=D(100)) == "10001"


def test_an_amended_trigger_price_needs_an_order_that_waits_and_the_right_side() -> None:
    waits = working(conditional("105"), status=OrderStatus.UNTRIGGERED)
    assert amend_code(waits, trigger_price=D("100.1")) == "taken"
    assert amend_code(waits, trigger_price=D(100)) == "110092"
    assert amend_code(waits, trigger_price=D("100.05")) == "10001"
    falls = working(conditional("95", FALLS), status=OrderStatus.UNTRIGGERED)
    assert amend_code(falls, trigger_price=D(100)) == "110093"
    assert amend_code(working(conditional("105")), trigger_price=D(106)) == "10001"


def test_10001_a_trailing_stop_moves_by_itself() -> None:
    request = conditional("95", FALLS, reduce_only=True, stop_order_type=StopOrderType.TRAILING_STOP)
    assert amend_code(working(request, status=OrderStatus.UNTRIGGERED), trigger_price=D(96)) == "10001"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (StopOrderType.TAKE_PROFIT, "110060"),
        (StopOrderType.STOP_LOSS, "110060"),
        (StopOrderType.TRAILING_STOP, "110060"),
        (StopOrderType.PARTIAL_TAKE_PROFIT, "taken"),
        (StopOrderType.STOP, "taken"),
    ],
)
def test_110060_a_protection_of_the_whole_position_keeps_its_quantity(kind: StopOrderType, expected: str) -> None:
    request = conditional("105", reduce_only=True, stop_order_type=kind)
    assert amend_code(working(request, status=OrderStatus.UNTRIGGERED), qty=D(2)) == expected


def test_110059_the_protection_of_a_partially_filled_order_stays() -> None:
    order = working(limit("3"), filled="1", status=OrderStatus.PARTIALLY_FILLED)
    assert amend_code(order, stop_loss=D(90)) == "110059"
    assert amend_code(working(limit("3")), stop_loss=D(90)) == "taken"


def test_10001_an_amended_protection_obeys_side_and_tick_and_who_may_have_one() -> None:
    order = working(limit(price="95", protection=Protection(take_profit=D(110))))
    assert amend_code(order, take_profit=D(95)) == "10001"
    assert amend_code(order, take_profit=D("95.1")) == "taken"
    assert amend_code(order, take_profit=D("95.15")) == "10001"
    assert amend_code(order, take_profit=D(0)) == "taken"
    assert amend_code(working(limit(reduce_only=True)), stop_loss=D(90)) == "10001"


def test_what_an_amendment_leaves_alone_is_not_judged_anew() -> None:
    order = working(conditional("95", RISES, protection=Protection(stop_loss=D(97))), status=OrderStatus.UNTRIGGERED)
    assert amend_code(order, qty=D(2)) == "taken"


def test_110090_a_larger_order_meets_the_risk_limit_with_what_is_left_of_it() -> None:
    market = market_of(instrument(risk_tiers=TIERS))
    order = working(limit("8"), filled="4", status=OrderStatus.PARTIALLY_FILLED)
    standing = replace(STANDING, leverage=D(100), position_value=D(400))
    assert amend_code(order, on=market, standing=standing, qty=D(10)) == "taken"
    assert amend_code(order, on=market, standing=standing, qty=D("10.001")) == "110090"
    assert amend_code(order, on=market, standing=None, qty=D("10.001")) == "taken"
    crowded = replace(standing, position_value=D(5000))
    assert amend_code(order, on=market, standing=crowded, qty=D(7)) == "taken"


# Whatever is asked


NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.sampled_from([D(0), D("0.1"), D(1), D(100), D("1E+999999"), D("-1E-999999"), D("1E-6176")]),
    st.decimals(min_value=0, max_value=200, places=1),
)
MAYBE = st.none() | NUMBERS
PROTECTIONS = st.builds(
    Protection,
    take_profit=MAYBE,
    stop_loss=MAYBE,
    take_profit_by=st.sampled_from(TriggerBy),
    stop_loss_by=st.sampled_from(TriggerBy),
    partial=st.booleans(),
    take_profit_limit=MAYBE,
    stop_loss_limit=MAYBE,
    qty=MAYBE,
    trailing_stop=MAYBE,
    active_price=MAYBE,
)
REQUESTS = st.builds(
    OrderRequest,
    order_id=st.just("id"),
    decision=st.just(1),
    strategy=st.just("s"),
    symbol=st.just(BTC),
    side=st.sampled_from(Side),
    type=st.sampled_from(OrderType),
    time_in_force=st.sampled_from(TimeInForce),
    qty=NUMBERS,
    price=MAYBE,
    reduce_only=st.booleans(),
    position_idx=st.sampled_from(PositionIdx),
    trigger_price=MAYBE,
    trigger_by=st.sampled_from(TriggerBy),
    trigger_direction=st.none() | st.sampled_from(TriggerDirection),
    close_on_trigger=st.booleans(),
    protection=st.none() | PROTECTIONS,
    tolerance=st.none() | st.builds(Tolerance, ticks=st.none() | st.integers(), percent=MAYBE),
)
TAKEN = st.decimals(min_value="0.001", max_value=1000, places=3)
"""Quantities of orders that rest: the exchange has taken them."""
STANDINGS = st.builds(
    Standing,
    active_orders=st.integers(0, 501),
    conditional_orders=st.integers(0, 11),
    partial_protections=st.integers(0, 21),
    hedge=st.booleans(),
    leverage=st.decimals(1, 200, places=2),
    position_value=st.decimals(-(10**9), 10**9, places=4),
    known_id=st.booleans(),
    liquidation_price=st.none() | st.decimals(0, 200, places=1),
    reducible=st.decimals(0, 100, places=3),
    band=st.none() | st.just((D(105), D(95))),
)
MARKETS = st.builds(
    market_of,
    st.sampled_from([instrument(), instrument(risk_tiers=TIERS), instrument(status="Closed")]),
    last=st.sampled_from([0.0, 100.0]),
    mark=st.sampled_from([0.0, 101.0]),
    index=st.sampled_from([0.0, 99.0]),
)


@settings(max_examples=300, deadline=None)
@given(REQUESTS, MARKETS, STANDINGS)
def test_whatever_is_asked_is_taken_or_refused_with_a_code(
    request: OrderRequest, market: Market, standing: Standing
) -> None:
    text = refusal(request, market, standing)
    assert text is None or text.partition(": ")[0].isdigit()
    if text is None:
        assert market.instrument is not None
        assert request.qty >= market.instrument.min_qty


@settings(max_examples=300, deadline=None)
@given(REQUESTS, TAKEN, MARKETS, STANDINGS, st.builds(Amendment, st.just("id"), MAYBE, MAYBE, MAYBE, MAYBE, MAYBE))
def test_whatever_is_amended_is_taken_or_refused_with_a_code(
    request: OrderRequest, qty: Decimal, market: Market, standing: Standing, amendment: Amendment
) -> None:
    order = Working(replace(request, qty=qty), market, D(1), 0, status=OrderStatus.NEW)
    text = amend_refusal(amendment, order, market, standing)
    assert text is None or text.partition(": ")[0].isdigit()
