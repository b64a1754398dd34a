"""Accounts, markets and orders for the tests of the money side."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import count
from pathlib import Path

from adapters.simulated.account import Account
from adapters.simulated.leg import Leg
from adapters.simulated.working import Working
from daemon.core.events import Instrument, RiskTier, Side
from daemon.core.market import Market
from daemon.core.orders import OrderRequest, PositionIdx
from daemon.core.records import OrderStatus, OrderType, TimeInForce
from daemon.core.venue import MarginMode

D = Decimal
BTC = "BTCUSDT"
ETH = "ETHUSDT"
FEE = D("0.00055")
ONE_WAY = PositionIdx.ONE_WAY
_ids = count()


def risk_tiers(symbol: str) -> tuple[RiskTier, ...]:
    """Bybit's table of one symbol."""
    table = json.loads(Path(__file__).with_name("risk_tiers.json").read_text())
    return tuple(RiskTier(*map(D, row)) for row in table["tiers"][symbol])


def one_tier(maintenance: str = "0.005", deduction: str = "0", max_leverage: int = 100) -> tuple[RiskTier, ...]:
    return (RiskTier(D("1e12"), D(maintenance), 1 / D(max_leverage), D(max_leverage), D(deduction)),)


def instrument(symbol: str = BTC, tiers: tuple[RiskTier, ...] = ()) -> Instrument:
    """Bybit's BTCUSDT, under any name."""
    return Instrument(
        symbol=symbol,
        tick=D("0.1"),
        step=D("0.001"),
        min_qty=D("0.001"),
        max_qty=D(1190),
        max_market_qty=D(500),
        risk_tiers=tiers,
    )


def market(symbol: str = BTC, mark: float = 50_000.0, tiers: tuple[RiskTier, ...] | None = None) -> Market:
    made = Market(symbol)
    made.instrument = instrument(symbol, one_tier() if tiers is None else tiers)
    made.mark = mark
    return made


def account(
    balance: str = "10000",
    *,
    leverage: str = "10",
    fee: Decimal = FEE,
    mode: MarginMode = MarginMode.ISOLATED,
    hedge: bool = False,
) -> Account:
    made = Account(leverage=D(leverage), taker_fee=fee, mode=mode, hedge=hedge)
    made.transfer(D(balance))
    return made


def order(
    where: Market,
    side: Side,
    qty: str | Decimal,
    price: str | Decimal,
    *,
    idx: PositionIdx = ONE_WAY,
    reduce_only: bool = False,
    status: OrderStatus = OrderStatus.SUBMITTED,
) -> Working:
    request = OrderRequest(
        f"order-{next(_ids)}",
        1,
        "strategy",
        where.symbol,
        side,
        OrderType.LIMIT,
        TimeInForce.GTC,
        D(qty),
        D(price),
        reduce_only,
        idx,
    )
    return Working(request, where, D(qty), 0, status=status, price=D(price))


def fill(
    books: Account,
    where: Market,
    side: Side,
    qty: str | Decimal,
    price: str | Decimal,
    *,
    fee: str | Decimal = "0",
    idx: PositionIdx = ONE_WAY,
) -> Decimal:
    """An execution of an order that reserved nothing; what it realised."""
    return books.fill(order(where, side, qty, price, idx=idx), D(price), D(qty), D(fee))


def position(books: Account, where: Market, idx: PositionIdx = ONE_WAY) -> Leg:
    return books.leg(where.symbol, idx, where)
