"""How Bybit v5 words requests: exact bodies and query strings, before anybody signs them.

Source: Bybit v5 docs, "Trade", "Position" and "Account". Category linear, settle coin USDT. Bodies are compact JSON in
a fixed order of keys, numbers are decimal text without exponent: the text is written down before it is sent, and what
is sent must be equal to it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import msgspec

from daemon.core.orders import Amendment, OrderRequest, Protection, SelfMatch, Tolerance, TradingStop
from daemon.core.records import OrderType
from daemon.core.remote.requests import Call
from daemon.core.units import NS_PER_MS

CATEGORY = "linear"
SETTLE_COIN = "USDT"
ORDERS_PER_PAGE = 50
EXECUTIONS_PER_PAGE = 100

Fields: TypeAlias = dict[str, str | int | bool]


class BybitDialect:
    """Implements `daemon.core.remote.requests.Dialect`."""

    def create(self, request: OrderRequest, link_id: str) -> Call:
        """POST /v5/order/create; fields that are not set are left out, and mean the venue's defaults."""
        body = _about(request.symbol)
        body |= {"side": request.side.value, "orderType": request.type.value, "qty": _text(request.qty)}
        if request.type is OrderType.LIMIT and request.price is not None:
            body["price"] = _text(request.price)
        body |= {
            "timeInForce": request.time_in_force.value,
            "positionIdx": int(request.position_idx),
            "orderLinkId": link_id,
        }
        if request.reduce_only:
            body["reduceOnly"] = True
        if request.close_on_trigger:
            body["closeOnTrigger"] = True
        body |= _trigger(request)
        if request.protection is not None:
            body |= _order_protection(request.protection)
        if request.self_match is not SelfMatch.NONE:
            body["smpType"] = request.self_match.value
        if request.tolerance is not None:
            body |= _tolerance(request.tolerance)
        return _post("/v5/order/create", body)

    def amend(self, amendment: Amendment, symbol: str, link_id: str) -> Call:
        """POST /v5/order/amend; "0" removes a take-profit or stop-loss."""
        body = _about(symbol)
        body["orderLinkId"] = link_id
        changes = {
            "qty": amendment.qty,
            "price": amendment.price,
            "triggerPrice": amendment.trigger_price,
            "takeProfit": amendment.take_profit,
            "stopLoss": amendment.stop_loss,
        }
        return _post("/v5/order/amend", body | _given(changes))

    def cancel(self, symbol: str, *, link_id: str = "", venue_id: str = "") -> Call:
        """POST /v5/order/cancel, by our id where there is one: given both, the venue would look at its own only."""
        body = _about(symbol)
        body |= {"orderLinkId": link_id} if link_id else {"orderId": venue_id}
        return _post("/v5/order/cancel", body)

    def cancel_all(self, symbol: str) -> Call:
        """POST /v5/order/cancel-all; without a filter it takes conditional orders too."""
        return _post("/v5/order/cancel-all", _about(symbol))

    def protect(self, stop: TradingStop) -> Call:
        """POST /v5/position/trading-stop; "0" removes what is set."""
        protection = stop.protection
        body = _about(stop.symbol)
        body |= {"tpslMode": _mode(protection), "positionIdx": int(stop.position_idx)}
        body |= _legs(protection)
        body |= _given({"trailingStop": protection.trailing_stop, "activePrice": protection.active_price})
        if protection.partial and protection.qty is not None:
            sizes = {"tpSize": protection.take_profit, "slSize": protection.stop_loss}
            body |= {key: _text(protection.qty) for key, price in sizes.items() if price is not None}
        if protection.partial:
            body |= _limits(protection)
        return _post("/v5/position/trading-stop", body)

    def set_leverage(self, symbol: str, leverage: str) -> Call:
        """POST /v5/position/set-leverage; in one-way mode both sides must be equal."""
        return _post("/v5/position/set-leverage", _about(symbol) | {"buyLeverage": leverage, "sellLeverage": leverage})

    def open_orders(self, cursor: str) -> Call:
        """GET /v5/order/realtime over all symbols, conditional orders too."""
        query = f"category={CATEGORY}&settleCoin={SETTLE_COIN}&openOnly=0&limit={ORDERS_PER_PAGE}"
        return Call("GET", "/v5/order/realtime", query + _page(cursor))

    def order(self, symbol: str, link_id: str, venue_id: str = "") -> Call:
        """GET /v5/order/realtime by id, which finds an order that was closed lately too."""
        return Call("GET", "/v5/order/realtime", _one(symbol, link_id, venue_id))

    def order_history(self, symbol: str, link_id: str, venue_id: str = "") -> Call:
        """GET /v5/order/history; orders cancelled without a fill are there for 24 hours."""
        return Call("GET", "/v5/order/history", _one(symbol, link_id, venue_id))

    def order_executions(self, symbol: str, link_id: str, cursor: str, venue_id: str = "") -> Call:
        """GET /v5/execution/list by id; the venue then ignores every other filter."""
        query = f"{_one(symbol, link_id, venue_id)}&limit={EXECUTIONS_PER_PAGE}"
        return Call("GET", "/v5/execution/list", query + _page(cursor))

    def executions(self, start: int, end: int, cursor: str) -> Call:
        """GET /v5/execution/list, of all kinds and symbols; the bounds are cut and raised to whole milliseconds."""
        window = f"startTime={start // NS_PER_MS}&endTime={-(-end // NS_PER_MS)}"
        query = f"category={CATEGORY}&{window}&limit={EXECUTIONS_PER_PAGE}"
        return Call("GET", "/v5/execution/list", query + _page(cursor))

    def positions(self, symbol: str) -> Call:
        """GET /v5/position/list; by symbol, because over all symbols the flat ones are left out."""
        return Call("GET", "/v5/position/list", f"category={CATEGORY}&symbol={symbol}")

    def wallet(self) -> Call:
        """GET /v5/account/wallet-balance; asked by name the coin is there even when there is none of it."""
        return Call("GET", "/v5/account/wallet-balance", f"accountType=UNIFIED&coin={SETTLE_COIN}")

    def account(self) -> Call:
        """GET /v5/account/info."""
        return Call("GET", "/v5/account/info", "")


def _about(symbol: str) -> Fields:
    return {"category": CATEGORY, "symbol": symbol}


def _one(symbol: str, link_id: str, venue_id: str) -> str:
    """An order by our id, or by the venue's where it has none of ours."""
    return f"category={CATEGORY}&symbol={symbol}&" + (f"orderLinkId={link_id}" if link_id else f"orderId={venue_id}")


def _page(cursor: str) -> str:
    """The venue's cursor, which is percent-encoded already."""
    return f"&cursor={cursor}" if cursor else ""


def _post(path: str, body: Fields) -> Call:
    return Call("POST", path, msgspec.json.encode(body).decode())


def _text(value: Decimal) -> str:
    return format(value, "f") if value else "0"


def _given(values: dict[str, Decimal | None]) -> Fields:
    return {key: _text(value) for key, value in values.items() if value is not None}


def _trigger(request: OrderRequest) -> Fields:
    if request.trigger_price is None:
        return {}
    fields: Fields = {"triggerPrice": _text(request.trigger_price)}
    if request.trigger_direction is not None:
        fields["triggerDirection"] = int(request.trigger_direction)
    fields["triggerBy"] = request.trigger_by.value
    return fields


def _mode(protection: Protection) -> str:
    return "Partial" if protection.partial else "Full"


def _order_protection(protection: Protection) -> Fields:
    """Protection of an order; a leg of zero is none."""
    legs = _legs(protection, zero=False)
    if not legs:
        return {}
    return legs | {"tpslMode": _mode(protection)} | (_limits(protection) if protection.partial else {})


def _legs(protection: Protection, *, zero: bool = True) -> Fields:
    fields: Fields = {}
    if protection.take_profit is not None and (zero or protection.take_profit):
        fields |= {"takeProfit": _text(protection.take_profit), "tpTriggerBy": protection.take_profit_by.value}
    if protection.stop_loss is not None and (zero or protection.stop_loss):
        fields |= {"stopLoss": _text(protection.stop_loss), "slTriggerBy": protection.stop_loss_by.value}
    return fields


def _limits(protection: Protection) -> Fields:
    """Limit prices of partial legs; legs without one are market orders, which is the venue's default."""
    fields: Fields = {}
    if protection.take_profit and protection.take_profit_limit is not None:
        fields |= {"tpOrderType": "Limit", "tpLimitPrice": _text(protection.take_profit_limit)}
    if protection.stop_loss and protection.stop_loss_limit is not None:
        fields |= {"slOrderType": "Limit", "slLimitPrice": _text(protection.stop_loss_limit)}
    return fields


def _tolerance(tolerance: Tolerance) -> Fields:
    if tolerance.ticks is not None:
        return {"slippageToleranceType": "TickSize", "slippageTolerance": str(tolerance.ticks)}
    assert tolerance.percent is not None, "a tolerance is in ticks or in percent"
    return {"slippageToleranceType": "Percent", "slippageTolerance": _text(tolerance.percent)}
