"""Executions: each is applied once, whoever tells of it and however often.

The key is (symbol, execution id). Two sources, the stream and the executions query, feed one reducer; a repetition
changes nothing, and the same key with other content halts the symbol. Of Bybit's execution types those of `ExecType`
move a position, `Funding` moves cash only, and any other is not booked: its symbol is halted until a person has looked.

Source: Bybit v5 docs, "Get Trade History" and "Execution" (private stream), "Enums Definitions" (execType).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from daemon.core.account_events import FUNDING, Executed
from daemon.core.events import Side
from daemon.core.records import ExecType
from daemon.core.remote.context import Context
from daemon.core.remote.orders import OrderMachine
from daemon.core.remote.states import State
from daemon.core.remote.strangers import request_of_execution
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NS_PER_DAY, ZERO, add, multiply, subtract
from daemon.core.venue import AmendReport, FillReport, FundingReport, MismatchReport

KEPT = 8 * NS_PER_DAY
_MOVES = {kind.value: kind for kind in ExecType}


class Fills:
    """The reducer of executions. filled: called with each order that an execution was applied to."""

    def __init__(self, context: Context, orders: OrderMachine) -> None:
        self.filled: Callable[[Tracked], None] = lambda _order: None
        self._context = context
        self._orders = orders
        self._seen: OrderedDict[tuple[str, str], tuple[int, tuple[object, ...]]] = OrderedDict()

    def see(self, row: Executed) -> None:
        """Apply an execution unless it was applied before."""
        context = self._context
        if row.ts < context.began or row.symbol not in context.symbols:
            return
        key, content = (row.symbol, row.exec_id), _content(row)
        known = self._seen.get(key)
        if known is not None:
            if known[1] != content:
                self._halt(row, "the same execution was told with other content")
            return
        self._remember(key, row.ts, content)
        if row.exec_type == FUNDING:
            self._settle(row)
        elif row.exec_type in _MOVES:
            self._apply(row, _MOVES[row.exec_type])
        else:
            self._halt(row, f"an execution of type {row.exec_type!r}, which is not known: it was not booked")

    def _remember(self, key: tuple[str, str], ts: int, content: tuple[object, ...]) -> None:
        seen = self._seen
        seen[key] = (ts, content)
        while seen:
            first = next(iter(seen))
            if seen[first][0] >= ts - KEPT:
                return
            del seen[first]

    def _halt(self, row: Executed, reason: str) -> None:
        context = self._context
        told = f"{row.exec_type} {row.side} {row.qty} at {row.price}, id {row.exec_id}"
        context.tell(MismatchReport("execution", row.symbol, row.venue_id, "", told, "halted the symbol"))
        context.shut("execution", reason, row.symbol)

    def _settle(self, row: Executed) -> None:
        context = self._context
        qty = row.qty if row.side == Side.BUY else row.qty.copy_negate()
        context.held.charge(row.fee)
        rate = ZERO if row.fee_rate is None else row.fee_rate
        context.tell(FundingReport(row.symbol, row.ts, qty, row.price, rate, row.fee))

    def _apply(self, row: Executed, kind: ExecType) -> None:
        order = self._orders.orders.find(row.link_id, row.venue_id)
        if order is None or (not order.is_open and order.state is not State.FILLED):
            order = self._stranger(row, order)
        if row.qty > order.remaining and not self._enlarge(order, row):
            self._halt(row, f"an execution of {row.qty} on order {order.id}, of which {order.remaining} were left")
            return
        self._orders.before_fill(order)
        self._book(order, row, kind)
        self.filled(order)
        self._orders.after_fill(order)

    def _enlarge(self, order: Tracked, row: Executed) -> bool:
        """Whether the order is larger by now than we knew; then the lane is told."""
        total = row.order_qty
        if total is None or not order.is_open or total <= order.request.qty:
            return False
        if row.qty > subtract(total, order.applied):
            return False
        order.request = replace(order.request, qty=total)
        self._context.tell(AmendReport(order.request, "the venue has it with this quantity"))
        return True

    def _book(self, order: Tracked, row: Executed, kind: ExecType) -> None:
        context, side = self._context, order.request.side
        order.applied = add(order.applied, row.qty)
        order.touched = context.now
        context.held.fill(row.symbol, side, row.price, row.qty, row.fee)
        slippage = _slippage(order.reference, side, row.price, row.qty)
        context.tell(
            FillReport(order.id, row.exec_id, row.symbol, side, row.price, row.qty, row.fee, row.maker, kind, slippage)
        )

    def _stranger(self, row: Executed, ended: Tracked | None) -> Tracked:
        """Take on an order that we know by its execution only."""
        if ended is not None:
            self._orders.orders.forget_names(ended)
        return self._orders.take_on(request_of_execution(row), row.link_id, row.venue_id)


def _content(row: Executed) -> tuple[object, ...]:
    return (row.venue_id, row.side, row.price, row.qty, row.fee, row.exec_type)


def _slippage(reference: Decimal, side: Side, price: Decimal, qty: Decimal) -> Decimal:
    """Cost against the touch at the decision, USDT, above zero when worse; nothing where the touch is not known."""
    if not reference:
        return ZERO
    worse = subtract(price, reference) if side is Side.BUY else subtract(reference, price)
    return multiply(worse, qty)
