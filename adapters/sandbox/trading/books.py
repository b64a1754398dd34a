"""The account's books as its clients see them, folded from what the exchange reports.

Its one job: of each execution what it closed and realised; the closed PnL and the transaction log; of each position its
fees and times. The arithmetic of money is that of `daemon.core.ledger`, so wallet and positions equal the exchange's to
the last digit, which the tests demand.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from adapters.sandbox.trading.closed_pnl import ClosedPnl
from adapters.sandbox.trading.execution_record import Booked, ExecutionRecord
from adapters.sandbox.trading.transactions import SETTLEMENT, TRADE, TRANSFER_IN, TRANSFER_OUT, TYPES, Transaction
from daemon.core.events import Side
from daemon.core.ledger import Ledger
from daemon.core.units import ZERO, add, divide, multiply, subtract, to_cash


class LegBook(Struct):
    """What a position remembers.

    open_fees: paid to open what is held now, USDT.  current, total: realised less fees and funding, of the position as
    it is held now, and ever; USDT.  seq: of its last execution, -1 before the first.
    Times are milliseconds UTC, 0 before there is one.
    """

    open_fees: Decimal = ZERO
    current: Decimal = ZERO
    total: Decimal = ZERO
    seq: int = -1
    created_ms: int = 0
    updated_ms: int = 0
    opened_ms: int = 0


class Books:
    """Money and positions of one account.

    ledger: as the reports say.  transactions, closed: oldest first.
    """

    def __init__(self, uid: str) -> None:
        self.ledger = Ledger()
        self.transactions: list[Transaction] = []
        self.closed: list[ClosedPnl] = []
        self._uid = uid
        self._closed_by_order: dict[str, ClosedPnl] = {}
        self._legs: dict[str, LegBook] = {}

    def leg(self, key: str) -> LegBook:
        """What a position remembers, by its name in the ledger."""
        return self._legs.setdefault(key, LegBook())

    def legs(self) -> list[LegBook]:
        """What all positions remember."""
        return list(self._legs.values())

    def fill(self, key: str, side: Side, price: Decimal, qty: Decimal, fee: Decimal) -> Booked:
        """Book an execution on the position `key`."""
        position, leg = self.ledger.position(key), self.leg(key)
        before = position.qty
        opposite = bool(before) and (before > 0) is (side is Side.SELL)
        closed = min(before.copy_abs(), qty) if opposite else ZERO
        realised = self.ledger.fill(key, side, price, qty, fee)
        gained = subtract(realised, fee)
        leg.total = add(leg.total, gained)
        opens_anew = position.qty and (not before or (position.qty > 0) is not (before > 0))
        opening_fee = subtract(fee, _closing_fee(fee, closed, qty))
        leg.current = opening_fee.copy_negate() if opens_anew else add(leg.current, gained)
        return Booked(closed, realised, position.qty)

    def note_fill(self, key: str, execution: ExecutionRecord, booked: Booked, leverage: Decimal) -> None:
        """Write an execution that was booked into the closed PnL, the transaction log and the position's memory."""
        leg, now_ms = self.leg(key), execution.time_ms
        close_fee = _closing_fee(execution.fee, booked.closed, execution.qty)
        if booked.closed:
            before = add(booked.size.copy_abs(), booked.closed) if _still(booked, execution) else booked.closed
            open_fee = to_cash(divide(multiply(leg.open_fees, booked.closed), before))
            leg.open_fees = subtract(leg.open_fees, open_fee)
            self._close(execution, booked, leverage, open_fee, close_fee)
        leg.open_fees = add(leg.open_fees, subtract(execution.fee, close_fee))
        opened = booked.closed != execution.qty
        if opened and booked.size.copy_abs() == subtract(execution.qty, booked.closed):
            leg.opened_ms = now_ms
        leg.seq, leg.updated_ms = execution.seq, now_ms
        leg.created_ms = leg.created_ms or now_ms
        self._log_fill(execution, booked)

    def settle(self, key: str, execution: ExecutionRecord) -> None:
        """Book a settlement of funding."""
        fee, leg = execution.fee, self.leg(key)
        self.ledger.charge(fee)
        leg.total, leg.current = subtract(leg.total, fee), subtract(leg.current, fee)
        self._log(
            Transaction(
                time_ms=execution.time_ms,
                type=SETTLEMENT,
                change=fee.copy_negate(),
                symbol=execution.symbol,
                side=execution.side.value,
                qty=execution.qty,
                size=self.ledger.position(key).qty,
                price=execution.price,
                funding=fee.copy_negate(),
                fee_rate=execution.rate,
                trade_id=execution.exec_id,
                order_id=execution.order_id,
            )
        )

    def transfer(self, amount: Decimal, now_ms: int) -> None:
        """Book money that came or left, USDT."""
        self.ledger.transfer(amount)
        kind = TRANSFER_IN if amount >= 0 else TRANSFER_OUT
        self._log(Transaction(time_ms=now_ms, type=kind, change=amount, cash_flow=amount))

    def _close(
        self, execution: ExecutionRecord, booked: Booked, leverage: Decimal, open_fee: Decimal, close_fee: Decimal
    ) -> None:
        row = self._closed_by_order.get(execution.order_id)
        if row is None:
            row = ClosedPnl(
                serial=len(self.closed) + 1,
                symbol=execution.symbol,
                order_id=execution.order_id,
                side=execution.side,
                order_qty=execution.order_qty,
                order_price=execution.order_price,
                order_type=execution.order_type,
                exec_type=execution.exec_type,
                leverage=leverage,
                created_ms=execution.time_ms,
                updated_ms=execution.time_ms,
            )
            self._closed_by_order[execution.order_id] = row
            self.closed.append(row)
        exit_value = multiply(booked.closed, execution.price)
        gained = booked.realised if execution.side is Side.SELL else booked.realised.copy_negate()
        row.qty = add(row.qty, booked.closed)
        row.entry_value = add(row.entry_value, subtract(exit_value, gained))
        row.exit_value = add(row.exit_value, exit_value)
        row.open_fee, row.close_fee = add(row.open_fee, open_fee), add(row.close_fee, close_fee)
        row.realised = add(row.realised, booked.realised)
        row.fills += 1
        row.updated_ms = execution.time_ms

    def _log_fill(self, execution: ExecutionRecord, booked: Booked) -> None:
        self._log(
            Transaction(
                time_ms=execution.time_ms,
                type=TYPES.get(execution.exec_type, TRADE),
                change=subtract(booked.realised, execution.fee),
                symbol=execution.symbol,
                side=execution.side.value,
                qty=execution.qty,
                size=booked.size,
                price=execution.price,
                fee=execution.fee,
                fee_rate=execution.rate,
                cash_flow=booked.realised,
                trade_id=execution.exec_id,
                order_id=execution.order_id,
                link_id=execution.link_id,
            )
        )

    def _log(self, row: Transaction) -> None:
        row.serial = len(self.transactions) + 1
        row.id = f"{self._uid}_{row.symbol or 'USDT'}_{row.serial}"
        row.balance = self.ledger.cash
        self.transactions.append(row)


def _still(booked: Booked, execution: ExecutionRecord) -> bool:
    """Whether something of the position that an execution reduced is left, rather than it being closed or turned."""
    return bool(booked.size) and booked.closed == execution.qty


def _closing_fee(fee: Decimal, closed: Decimal, qty: Decimal) -> Decimal:
    """The part of an execution's fee that is for what it closed, USDT."""
    return to_cash(divide(multiply(fee, closed), qty))
