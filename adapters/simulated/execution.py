"""Execution: an order fills. Fees, the account's books, what is told, and what follows from it.

Its one job: one execution at a price and quantity that were found elsewhere. Source: Bybit help centre, "Trading Fee
Structure"; fee = quantity * price * rate, charged per fill in USDT.
"""

from __future__ import annotations

from decimal import Decimal

from adapters.simulated.account import Account
from adapters.simulated.bookkeeper import Bookkeeper
from adapters.simulated.contract import Contract
from adapters.simulated.leg import Leg
from adapters.simulated.life import Life
from adapters.simulated.margin import trading_fee
from adapters.simulated.protector import Protector
from adapters.simulated.settlement import Settlement
from adapters.simulated.wire import Wire
from adapters.simulated.working import Working
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.records import ExecType, OrderStatus
from daemon.core.units import ZERO, add, multiply, subtract, to_cash
from daemon.core.venue import ExchangeSettings, FillReport


class Execution:
    """Fills orders."""

    def __init__(
        self,
        *,
        settings: ExchangeSettings,
        account: Account,
        wire: Wire,
        life: Life,
        protector: Protector,
        settlement: Settlement,
        books: Bookkeeper,
    ) -> None:
        self._settings = settings
        self._account = account
        self._wire = wire
        self._life = life
        self._protector = protector
        self._settlement = settlement
        self._books = books

    def fill(
        self,
        order: Working,
        contract: Contract,
        price: Decimal,
        qty: Decimal,
        *,
        maker: bool,
        happened: int,
        exec_type: ExecType = ExecType.TRADE,
    ) -> None:
        """Fill `qty` base units of an active order at `price`, USDT.

        Raises:
            InvariantBroken: there is nothing to fill, or the account's books do not add up afterwards.
        """
        if qty <= 0:
            raise InvariantBroken(f"an execution of {qty} on order {order.id}")
        settings = self._settings
        fee = trading_fee(qty, price, settings.maker_fee if maker else settings.taker_fee)
        before = self._account.held(order.request.symbol, order.leg)
        self._account.fill(order, price, qty, fee)
        self._book(order, price, qty, fee, maker=maker, happened=happened, exec_type=exec_type)
        self._follow(order, contract, qty, before, happened)

    def take_over(
        self, order: Working, contract: Contract, leg: Leg, *, price: Decimal, fee: Decimal, now: int
    ) -> None:
        """Take a position over at its bankruptcy price: all that is left of `order`, with exactly this fee, USDT.

        Raises:
            InvariantBroken: the account's books do not add up afterwards.
        """
        qty, before = order.remaining, leg.position.qty
        self._account.take_over(leg, price, qty, fee)
        self._book(order, price, qty, fee, maker=False, happened=now, exec_type=ExecType.BUST_TRADE)
        self._follow(order, contract, qty, before, now)

    def _book(
        self,
        order: Working,
        price: Decimal,
        qty: Decimal,
        fee: Decimal,
        *,
        maker: bool,
        happened: int,
        exec_type: ExecType,
    ) -> None:
        """Count an execution that the account has booked, and tell of it."""
        self._account.check()
        request = order.request
        order.remaining = subtract(order.remaining, qty)
        order.filled = add(order.filled, qty)
        order.fills += 1
        slippage = _slippage(order, price, qty)
        self._books.note_fill(slippage, happened)
        report = FillReport(
            request.order_id,
            f"{request.order_id}-f{order.fills}",
            request.symbol,
            request.side,
            price,
            qty,
            fee,
            maker,
            exec_type,
            slippage,
        )
        self._wire.tell(happened, report)

    def _follow(self, order: Working, contract: Contract, qty: Decimal, before: Decimal, happened: int) -> None:
        """What follows from an execution: the order's end, protections, funding."""
        if order.remaining:
            order.status = OrderStatus.PARTIALLY_FILLED
        elif order.filled < order.request.qty:
            self._life.end(order, contract, happened, "CancelByReduceOnly")
        else:
            order.status = OrderStatus.FILLED
            self._life.forget(order, contract)
        self._protector.after_fill(order, contract, qty, before, happened)
        self._settlement.schedule(contract, happened)


def _slippage(order: Working, price: Decimal, qty: Decimal) -> Decimal:
    if not order.reference:
        return ZERO
    worse = subtract(price, order.reference) if order.side is Side.BUY else subtract(order.reference, price)
    return to_cash(multiply(worse, qty))
