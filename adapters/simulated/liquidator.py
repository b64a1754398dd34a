"""The liquidator: takes positions away that their margin no longer carries, and deleverages.

Its one job: the steps of a liquidation and what is told of them; whether and how much is decided in `liquidation`.
Source: Bybit help centre, "Trading Rules: Liquidation Process (UTA)" and "Auto-Deleveraging (ADL)".

Assumptions:
- First the orders are cancelled that would enlarge the position (in cross margin all orders of the account);
  protections and reduce-only orders stay.
- Above the lowest risk tier, the part that is too much for the tier below is sold with an order that takes what the
  market offers at no worse than the bankruptcy price; then the position is looked at again.
- What is left is taken over at the bankruptcy price: the account loses the position's margin, and no more.
- A deleveraging closes at the mark price, and cancels the symbol's orders first; who stood on the other side is not
  known.

Known limits: no insurance fund and no ranking; a deleveraging only comes when it is scripted.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import inf

from adapters.simulated.account import Account
from adapters.simulated.bookkeeper import Bookkeeper
from adapters.simulated.constraints import reduces
from adapters.simulated.contract import Contract
from adapters.simulated.execution import Execution
from adapters.simulated.leg import Leg
from adapters.simulated.life import Life
from adapters.simulated.liquidation import REDUCE, Step, deleveraging, endangered, liquidation_price, next_steps
from adapters.simulated.matcher import Matcher, step_of
from adapters.simulated.wire import Wire
from adapters.simulated.working import Working
from daemon.core.events import Side
from daemon.core.orders import OrderRequest
from daemon.core.records import CreateType, ExecType, OrderType, TimeInForce
from daemon.core.units import floor_qty, multiply, to_decimal
from daemon.core.venue import LiquidationReport


class Liquidator:
    """Watches the positions of an account."""

    def __init__(
        self,
        *,
        contracts: Mapping[str, Contract],
        account: Account,
        wire: Wire,
        life: Life,
        matcher: Matcher,
        execution: Execution,
        books: Bookkeeper,
    ) -> None:
        self._contracts = contracts
        self._account = account
        self._wire = wire
        self._life = life
        self._matcher = matcher
        self._execution = execution
        self._books = books
        self._made = 0

    def review(self, contract: Contract, now: int) -> None:
        """Liquidate what has to be by the mark price of a contract as it is now."""
        if not self._account.at_risk(contract.market):
            return
        legs = endangered(self._account, contract.market)
        if not legs:
            return
        self._prepare(legs, now)
        for leg in legs:
            self._liquidate(leg, now)

    def calm(self, contract: Contract) -> tuple[float, float]:
        """Mark prices between which no isolated position of a contract is liquidated."""
        low, high = 0.0, inf
        for leg in self._account.legs_of(contract.symbol):
            leg.endangered(contract.market.mark)
            low, high = max(low, leg.low), min(high, leg.high)
        return low, high

    def nearest(self, contract: Contract, here: float, end: float) -> float | None:
        """The first liquidation price on the way from one mark price to another, the start not included."""
        low, high = min(here, end), max(here, end)
        found = [
            float(price)
            for leg in self._account.legs_of(contract.symbol)
            if (price := liquidation_price(self._account, leg)) is not None and low <= price <= high
        ]
        ahead = [price for price in found if price != here]
        return min(ahead, key=lambda price: abs(price - here), default=None)

    def deleverage(self, contract: Contract, share: float, now: int) -> None:
        """Close a share of every position of a contract by deleveraging, after cancelling its active orders."""
        for leg in list(self._account.legs_of(contract.symbol)):
            qty = floor_qty(multiply(leg.qty, to_decimal(share)), step_of(contract.market))
            if not qty:
                continue
            step = deleveraging(self._account, leg, qty)
            self._tell(step, now)
            for order in list(contract.active.values()):
                if order.id in contract.active:
                    self._life.end(order, contract, now, "CancelByPrepareAdl")
            order = self._place(leg, step.side, qty, CreateType.ADL, contract=contract, now=now)
            self._execution.fill(
                order, contract, step.price, qty, maker=False, happened=now, exec_type=ExecType.ADL_TRADE
            )

    # Steps

    def _prepare(self, legs: list[Leg], now: int) -> None:
        """Cancel the orders that would enlarge what is in danger, or in cross margin all but reduce-only ones."""
        for contract in list(self._contracts.values()):
            sides = {leg.idx: leg.side for leg in legs if leg.symbol == contract.symbol}
            for order in list(contract.active.values()):
                enlarges = sides.get(order.leg) is order.side if self._account.isolated else not reduces(order.request)
                if enlarges and order.id in contract.active:
                    self._life.end(order, contract, now, "CancelByPrepareLiq")

    def _liquidate(self, leg: Leg, now: int) -> None:
        may_reduce = True
        while steps := next_steps(self._account, leg, may_reduce=may_reduce):
            for step in steps:
                self._tell(step, now)
                self._books.note_liquidation(
                    f"{step.leg.symbol}: {step.kind} of {step.side} {step.qty} at mark {step.mark}", now
                )
                contract = self._contracts[step.leg.symbol]
                if step.kind == REDUCE:
                    may_reduce = self._reduce(step, contract, now)
                else:
                    self._take_over(step, contract, now)

    def _reduce(self, step: Step, contract: Contract, now: int) -> bool:
        """Sell what is too much for the tier below; whether any of it went."""
        order = self._place(
            step.leg, step.side, step.qty, CreateType.LIQUIDATION, contract=contract, now=now, price=step.price
        )
        self._matcher.judge_now(order, contract, now)
        return bool(order.filled)

    def _take_over(self, step: Step, contract: Contract, now: int) -> None:
        order = self._place(step.leg, step.side, step.qty, CreateType.TAKE_OVER, contract=contract, now=now)
        self._execution.take_over(order, contract, step.leg, price=step.price, fee=step.fee, now=now)

    def _place(
        self,
        leg: Leg,
        side: Side,
        qty: Decimal,
        create_type: CreateType,
        *,
        contract: Contract,
        now: int,
        price: Decimal | None = None,
    ) -> Working:
        """An order of the exchange against a position; `side` is the position's."""
        self._made += 1
        request = OrderRequest(
            f"{leg.symbol}-{create_type.value.removeprefix('CreateBy').split('_')[0].lower()}-{self._made}",
            0,
            "",
            leg.symbol,
            Side.SELL if side is Side.BUY else Side.BUY,
            OrderType.MARKET if price is None else OrderType.LIMIT,
            TimeInForce.IOC,
            qty,
            price,
            reduce_only=True,
            position_idx=leg.idx,
            create_type=create_type,
        )
        order = self._life.place(request, contract, now)
        order.limit = price
        return order

    def _tell(self, step: Step, now: int) -> None:
        report = LiquidationReport(
            step.leg.symbol,
            step.kind,
            step.side,
            step.qty,
            step.mark,
            step.liquidation_price,
            step.bankruptcy_price,
            step.margin_balance,
            step.maintenance_margin,
        )
        self._wire.tell(now, report)
