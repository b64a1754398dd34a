"""The sandbox as a venue under test: what a client sees of it in answers and pushes, over its gateway in this process.

The world (market, time, deleveraging) is moved from outside, everything else is asked for with a key. Scenarios that
need what a sandbox's account cannot be given are skipped, and say so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from adapters.sandbox.gateway.accounts import Account, ApiKey
from adapters.sandbox.gateway.gateway import Gateway
from adapters.sandbox.gateway.limits import LimitSettings
from adapters.sandbox.gateway.settings import GatewaySettings
from daemon.core.account_events import Executed, Op, OrderSeen, WalletSeen
from daemon.core.events import Instrument, MarketFact, Side, TroubleKind, VenueTrouble
from daemon.core.orders import Amendment, OrderRequest, PositionIdx, TradingStop
from daemon.core.records import CreateType, ExecType, OrderStatus, OrderType, StopOrderType
from daemon.core.units import NS_PER_MS, ZERO
from daemon.core.venue import ExchangeSettings, MarginMode
from tests.adapters.sandbox.gateway.world import KEY, SECRET, UID
from tests.conformance.hand_market import HandMarket
from tests.conformance.sandbox_client import SandboxClient
from tests.conformance.venue import FillView, FundingView, OrderView, PositionView, Setup, StatusView, VenueUnderTest

OFFERED = {"taker_fee", "maker_fee", "margin_mode", "stop_on_liquidation"}
INSTANT = ExchangeSettings(entry_latency_ms=0, response_latency_ms=0)
MODES = {MarginMode.ISOLATED: "ISOLATED_MARGIN", MarginMode.CROSS: "REGULAR_MARGIN"}


class SandboxVenue:
    """Implements `VenueUnderTest`."""

    def __init__(self, setup: Setup) -> None:
        self._now_ms = setup.start // NS_PER_MS
        self._market = HandMarket(setup.instruments, self._now_ms)
        limits = LimitSettings(enabled=False)
        self._gateway = Gateway(self._market, GatewaySettings(accounts=(_account(setup),), limits=limits))
        self._client = SandboxClient(self._gateway, lambda: self._now_ms)

    # The world

    async def tell(self, fact: MarketFact | Instrument) -> None:
        if isinstance(fact, Instrument):
            pytest.skip("the sandbox's instruments stay as they are while it runs")
        topic, payload = self._market.frame(fact, self._now_ms)
        self._gateway.on_frame(topic, payload, self._now_ms)
        self._client.listen()

    async def wait(self, ms: int) -> None:
        self._now_ms += ms
        self._gateway.advance(self._now_ms)
        self._client.listen()

    async def trouble(self, trouble: VenueTrouble) -> None:
        if trouble.kind is not TroubleKind.ADL:
            pytest.skip("trouble of requests is planned before a sandbox starts; see the tests of its gateway")
        self._gateway.venue.force_adl(UID, trouble.symbol, trouble.share, self._now_ms)
        self._client.listen()

    # Requests

    async def place(self, request: OrderRequest) -> str | None:
        refused = self._client.act(self._client.dialect.create(request, request.order_id), Op.CREATE)
        if refused is not None and request.order_id not in self._client.statuses:
            self._client.statuses[request.order_id] = [StatusView(OrderStatus.REJECTED, refused)]
        return refused

    async def amend(self, amendment: Amendment) -> str | None:
        symbol = self._client.symbols.get(amendment.order_id, "BTCUSDT")
        link_id = amendment.order_id
        return self._client.act(self._client.dialect.amend(amendment, symbol, link_id), Op.AMEND)

    async def cancel(self, order_id: str) -> str | None:
        symbol = self._client.symbols.get(order_id, "BTCUSDT")
        return self._client.act(self._client.dialect.cancel(symbol, link_id=order_id), Op.CANCEL)

    async def cancel_all(self, symbol: str) -> None:
        if symbol:
            self._client.act(self._client.dialect.cancel_all(symbol), Op.CANCEL_ALL)
        else:
            self._client.post("/v5/order/cancel-all", category="linear", settleCoin="USDT")

    async def protect(self, stop: TradingStop) -> str | None:
        return self._client.act(self._client.dialect.protect(stop), Op.PROTECT)

    async def set_leverage(self, symbol: str, leverage: Decimal) -> str | None:
        return self._client.act(self._client.dialect.set_leverage(symbol, f"{leverage:f}"), Op.SET_LEVERAGE)

    async def set_margin_mode(self, mode: MarginMode) -> str | None:
        return self._client.post("/v5/account/set-margin-mode", setMarginMode=MODES[mode])

    async def set_hedge(self, symbol: str, *, hedge: bool) -> str | None:
        return self._client.post("/v5/position/switch-mode", category="linear", symbol=symbol, mode=3 if hedge else 0)

    async def add_margin(self, symbol: str, amount: Decimal, position_idx: PositionIdx) -> str | None:
        what = {"category": "linear", "symbol": symbol, "margin": f"{amount:f}", "positionIdx": int(position_idx)}
        return self._client.post("/v5/position/add-margin", **what)

    # What the account's client knows

    async def order(self, order_id: str) -> OrderView:
        return _view(self._client.order(order_id))

    async def open_orders(self, symbol: str) -> list[OrderView]:
        return [_view(order) for order in reversed(self._client.open_orders()) if order.symbol == symbol]

    async def history(self, order_id: str) -> list[StatusView]:
        return self._client.statuses.get(order_id, [])

    async def fills(self) -> list[FillView]:
        return [_fill(each) for each in self._client.executions if each.exec_type != "Funding"]

    async def fundings(self) -> list[FundingView]:
        return [_funding(each) for each in self._client.executions if each.exec_type == "Funding"]

    async def position(self, symbol: str, position_idx: PositionIdx) -> PositionView:
        found = [each for each in self._client.positions(symbol) if each.idx == position_idx]
        return PositionView(found[0].qty, found[0].entry) if found else PositionView(ZERO, ZERO)

    async def wallet(self) -> Decimal:
        return self._wallet().balance

    async def available(self) -> Decimal:
        whole = self._client.result(self._client.dialect.wallet())["list"][0]
        if whole["totalAvailableBalance"]:
            return Decimal(whole["totalAvailableBalance"])
        coin = self._wallet()
        return coin.balance - (coin.position_margin or ZERO) - (coin.order_margin or ZERO)

    def _wallet(self) -> WalletSeen:
        (coin,) = self._client.ask(self._client.dialect.wallet(), Op.WALLET)
        assert isinstance(coin, WalletSeen)
        return coin


@asynccontextmanager
async def open_sandbox(setup: Setup) -> AsyncIterator[VenueUnderTest]:
    """A fresh account at a sandbox."""
    for name in ExchangeSettings.__struct_fields__:
        if name not in OFFERED and getattr(setup.settings, name) != getattr(INSTANT, name):
            pytest.skip(f"accounts of the sandbox have no {name}: it answers at once and fills as it does by default")
    yield SandboxVenue(setup)


def _account(setup: Setup) -> Account:
    return Account(
        uid=UID,
        name="conformance",
        keys=(ApiKey(key=KEY, secret=SECRET),),
        balance_usdt=setup.balance,
        leverage=setup.leverage,
        margin_mode="cross" if setup.settings.margin_mode is MarginMode.CROSS else "isolated",
        position_mode="hedge" if setup.hedge else "one_way",
        taker_fee=setup.settings.taker_fee,
        maker_fee=setup.settings.maker_fee,
    )


def _view(order: OrderSeen) -> OrderView:
    kind = OrderType(order.type)
    return OrderView(
        order.link_id or order.venue_id,
        order.symbol,
        Side(order.side),
        kind,
        order.qty,
        order.filled,
        order.price if kind is OrderType.LIMIT else None,
        OrderStatus(order.status),
        order.trigger_price,
        StopOrderType(order.stop_order_type),
        CreateType(order.create_type),
        order.reduce_only,
    )


def _fill(row: Executed) -> FillView:
    return FillView(
        row.link_id or row.venue_id,
        row.exec_id,
        row.symbol,
        Side(row.side),
        row.price,
        row.qty,
        row.fee,
        row.maker,
        ExecType(row.exec_type),
    )


def _funding(row: Executed) -> FundingView:
    qty = row.qty if row.side == Side.BUY.value else row.qty.copy_negate()
    return FundingView(row.symbol, row.ts, qty, row.fee_rate or ZERO, row.fee)
