"""The exact text of requests."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from adapters.bybit.dialect import BybitDialect
from daemon.core.events import Side
from daemon.core.orders import (
    Amendment,
    OrderRequest,
    PositionIdx,
    Protection,
    SelfMatch,
    Tolerance,
    TradingStop,
    TriggerDirection,
)
from daemon.core.records import OrderType, TimeInForce, TriggerBy
from daemon.core.remote.requests import Call, Dialect
from daemon.core.units import NS_PER_MS

DIALECT: Dialect = BybitDialect()
LINK = "ls-abcdefghijklmnopqrstuvwx-ab"


def limit(**changed: object) -> OrderRequest:
    fields: dict[str, object] = {
        "order_id": "lane-1-0",
        "decision": 1,
        "strategy": "s",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.POST_ONLY,
        "qty": Decimal("0.010"),
        "price": Decimal("50000.10"),
        **changed,
    }
    return OrderRequest(**fields)  # type: ignore[arg-type]


def market(**changed: object) -> OrderRequest:
    return limit(type=OrderType.MARKET, time_in_force=TimeInForce.IOC, price=None, **changed)


def test_a_limit_order_has_its_fields_in_a_fixed_order_and_its_zeros_as_given() -> None:
    assert DIALECT.create(limit(), LINK) == Call(
        "POST",
        "/v5/order/create",
        '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.010","price":"50000.10",'
        f'"timeInForce":"PostOnly","positionIdx":0,"orderLinkId":"{LINK}"}}',
    )


def test_an_exit_at_market_says_that_it_only_reduces() -> None:
    call = DIALECT.create(market(side=Side.SELL, reduce_only=True, position_idx=PositionIdx.LONG), LINK)
    assert call.text == (
        '{"category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"0.010",'
        f'"timeInForce":"IOC","positionIdx":1,"orderLinkId":"{LINK}","reduceOnly":true}}'
    )


def test_a_conditional_order_names_its_trigger() -> None:
    request = market(
        trigger_price=Decimal("48000.5"),
        trigger_by=TriggerBy.MARK,
        trigger_direction=TriggerDirection.FALLS,
        reduce_only=True,
        close_on_trigger=True,
    )
    text = DIALECT.create(request, LINK).text
    tail = (
        '"reduceOnly":true,"closeOnTrigger":true,"triggerPrice":"48000.5","triggerDirection":2,"triggerBy":"MarkPrice"}'
    )
    assert text.endswith(tail)


def test_protection_tolerance_and_self_match_come_last() -> None:
    protection = Protection(take_profit=Decimal(60000), stop_loss=Decimal(40000), stop_loss_by=TriggerBy.MARK)
    request = market(protection=protection, self_match=SelfMatch.CANCEL_TAKER, tolerance=Tolerance(ticks=25))
    assert DIALECT.create(request, LINK).text.endswith(
        '"takeProfit":"60000","tpTriggerBy":"LastPrice","stopLoss":"40000","slTriggerBy":"MarkPrice","tpslMode":"Full",'
        '"smpType":"CancelTaker","slippageToleranceType":"TickSize","slippageTolerance":"25"}'
    )


def test_partial_protection_may_be_of_limit_orders() -> None:
    protection = Protection(take_profit=Decimal(60000), partial=True, take_profit_limit=Decimal("60000.5"))
    request = market(protection=protection, tolerance=Tolerance(percent=Decimal("0.50")))
    assert DIALECT.create(request, LINK).text.endswith(
        '"takeProfit":"60000","tpTriggerBy":"LastPrice","tpslMode":"Partial","tpOrderType":"Limit",'
        '"tpLimitPrice":"60000.5","slippageToleranceType":"Percent","slippageTolerance":"0.50"}'
    )


def test_a_leg_of_zero_protects_no_order_but_takes_a_positions_away() -> None:
    none = Protection(take_profit=Decimal(0), stop_loss=Decimal("0.00"))
    assert "tpslMode" not in DIALECT.create(market(protection=none), LINK).text
    assert DIALECT.protect(TradingStop("BTCUSDT", none)).text == (
        '{"category":"linear","symbol":"BTCUSDT","tpslMode":"Full","positionIdx":0,"takeProfit":"0",'
        '"tpTriggerBy":"LastPrice","stopLoss":"0","slTriggerBy":"LastPrice"}'
    )


def test_a_trailing_stop_of_a_position() -> None:
    protection = Protection(trailing_stop=Decimal("120.5"), active_price=Decimal(61000))
    assert DIALECT.protect(TradingStop("BTCUSDT", protection)) == Call(
        "POST",
        "/v5/position/trading-stop",
        '{"category":"linear","symbol":"BTCUSDT","tpslMode":"Full","positionIdx":0,"trailingStop":"120.5",'
        '"activePrice":"61000"}',
    )


def test_partial_protection_of_a_position_names_its_size_for_each_leg() -> None:
    protection = Protection(stop_loss=Decimal(40000), partial=True, qty=Decimal("0.5"), stop_loss_limit=Decimal(39990))
    assert DIALECT.protect(TradingStop("BTCUSDT", protection)).text == (
        '{"category":"linear","symbol":"BTCUSDT","tpslMode":"Partial","positionIdx":0,"stopLoss":"40000",'
        '"slTriggerBy":"LastPrice","slSize":"0.5","slOrderType":"Limit","slLimitPrice":"39990"}'
    )


def test_amend_says_only_what_changes() -> None:
    amendment = Amendment("lane-1-0", qty=Decimal("0.020"), stop_loss=Decimal(0))
    assert DIALECT.amend(amendment, "BTCUSDT", LINK) == Call(
        "POST",
        "/v5/order/amend",
        f'{{"category":"linear","symbol":"BTCUSDT","orderLinkId":"{LINK}","qty":"0.020","stopLoss":"0"}}',
    )


def test_cancel_goes_by_one_id_because_the_venue_would_look_at_its_own_first() -> None:
    ours = DIALECT.cancel("BTCUSDT", link_id=LINK, venue_id="v")
    assert ours.text == f'{{"category":"linear","symbol":"BTCUSDT","orderLinkId":"{LINK}"}}'
    theirs = DIALECT.cancel("BTCUSDT", venue_id="v")
    assert theirs == Call("POST", "/v5/order/cancel", '{"category":"linear","symbol":"BTCUSDT","orderId":"v"}')


def test_settings_and_cancel_all() -> None:
    everything = Call("POST", "/v5/order/cancel-all", '{"category":"linear","symbol":"BTCUSDT"}')
    assert DIALECT.cancel_all("BTCUSDT") == everything
    assert DIALECT.set_leverage("BTCUSDT", "5").text == (
        '{"category":"linear","symbol":"BTCUSDT","buyLeverage":"5","sellLeverage":"5"}'
    )


def test_questions_with_their_pages() -> None:
    one = f"category=linear&symbol=BTCUSDT&orderLinkId={LINK}"
    every = "category=linear&settleCoin=USDT&openOnly=0&limit=50"
    cursor = "page_args%3Dfd43%26symbol%3D6%26"
    assert DIALECT.open_orders("") == Call("GET", "/v5/order/realtime", every)
    assert DIALECT.open_orders(cursor).text == f"{every}&cursor={cursor}"
    assert DIALECT.order("BTCUSDT", LINK) == Call("GET", "/v5/order/realtime", one)
    assert DIALECT.order_history("BTCUSDT", LINK) == Call("GET", "/v5/order/history", one)
    assert DIALECT.order_executions("BTCUSDT", LINK, "x").text == f"{one}&limit=100&cursor=x"
    assert DIALECT.order("BTCUSDT", "", "v-1").text == "category=linear&symbol=BTCUSDT&orderId=v-1"
    assert DIALECT.order_history("BTCUSDT", LINK, "v-1").text == one
    assert DIALECT.positions("BTCUSDT").text == "category=linear&symbol=BTCUSDT"
    assert DIALECT.wallet().text == "accountType=UNIFIED&coin=USDT"
    assert DIALECT.account() == Call("GET", "/v5/account/info", "")


def test_a_window_of_executions_covers_its_bounds_in_whole_milliseconds() -> None:
    start, end = 1_700_000_000_000 * NS_PER_MS + 1, 1_700_000_000_005 * NS_PER_MS + 1
    text = DIALECT.executions(start, end, "").text
    assert text == "category=linear&startTime=1700000000000&endTime=1700000000006&limit=100"


@given(st.decimals(min_value="1e-12", max_value="1e15", allow_nan=False, allow_infinity=False))
def test_numbers_have_no_exponent_and_lose_nothing(qty: Decimal) -> None:
    text = msgspec.json.decode(DIALECT.create(limit(qty=qty), LINK).text)["qty"]
    assert "E" not in text.upper()
    assert Decimal(text) == qty
