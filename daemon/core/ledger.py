"""Money: cash and positions of one account, folded from fills, transfers and funding.

Exact: a position keeps its entry value (signed quantity times price, summed) instead of a rounded average, and the
part of it that a reducing fill releases is rounded once, to `CASH_GRID`, and subtracted as rounded. So

    cash = transfers - fees - funding - sum over fills of (signed quantity * price) + sum of entry values still held

holds to the last digit; `check` demands it. One-way mode: one signed position per symbol.
Source: Bybit help centre, "P&L calculations (USDT Contract)".
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.units import ZERO, add, divide, multiply, subtract, to_cash


class Position(Struct):
    """A signed position. qty: base units, below zero when short.  entry_value: USDT that qty was bought for, signed.

    entry is the average price of what is held, 0 when flat; qty_float and entry_float mirror qty and entry for
    evaluations, which are float64. All are set by `apply_fill`.
    """

    symbol: str
    qty: Decimal = ZERO
    entry_value: Decimal = ZERO
    realised_pnl: Decimal = ZERO
    entry: Decimal = ZERO
    qty_float: float = 0.0
    entry_float: float = 0.0


class Ledger:
    """Cash and positions of one account, USDT. `cash` is the wallet balance: realised, without open profit."""

    __slots__ = ("_bought", "cash", "cash_float", "fees", "funding", "positions", "transfers")

    def __init__(self) -> None:
        self.cash = ZERO
        self.cash_float = 0.0
        self.transfers = ZERO
        self.fees = ZERO
        self.funding = ZERO
        self.positions: dict[str, Position] = {}
        self._bought = ZERO

    def position(self, symbol: str) -> Position:
        """The position of a symbol, made flat when it is asked for the first time."""
        found = self.positions.get(symbol)
        if found is None:
            found = self.positions[symbol] = Position(symbol)
        return found

    def transfer(self, amount: Decimal) -> None:
        """Money into (above zero) or out of the account."""
        self.transfers = add(self.transfers, amount)
        self._set_cash(add(self.cash, amount))

    def charge(self, fee: Decimal) -> None:
        """Book a settlement of funding. fee: USDT, above zero when paid."""
        self.funding = add(self.funding, fee)
        self._set_cash(subtract(self.cash, fee))

    def fill(self, symbol: str, side: Side, price: Decimal, qty: Decimal, fee: Decimal) -> Decimal:
        """Book one execution; returns the PnL it realised, without its fee.

        price: USDT per base unit, qty: base units, above zero.  fee: USDT, above zero when paid.
        """
        position = self.position(symbol)
        signed = qty if side is Side.BUY else qty.copy_negate()
        realised = apply_fill(position, side, price, qty)
        self.fees = add(self.fees, fee)
        self._bought = add(self._bought, multiply(signed, price))
        self._set_cash(subtract(add(self.cash, realised), fee))
        return realised

    def equity(self, marks: dict[str, Decimal]) -> Decimal:
        """Cash plus unrealised PnL at the given mark prices, USDT."""
        total = self.cash
        for symbol, position in self.positions.items():
            if position.qty:
                value = multiply(position.qty, marks[symbol])
                total = add(total, subtract(value, position.entry_value))
        return total

    def check(self) -> None:
        """Money is neither made nor lost.

        Raises:
            InvariantBroken: with the numbers that do not add up.
        """
        held = ZERO
        for position in self.positions.values():
            if position.qty:
                held = add(held, position.entry_value)
            elif position.entry_value:
                raise InvariantBroken(f"{position.symbol} is flat with an entry value of {position.entry_value}")
        paid = add(self.fees, self.funding)
        expected = add(subtract(subtract(self.transfers, paid), self._bought), held)
        if expected != self.cash:
            raise InvariantBroken(f"cash is {self.cash}, transfers, fees, funding and fills say {expected}")

    def _set_cash(self, cash: Decimal) -> None:
        self.cash = cash
        self.cash_float = float(cash)


def apply_fill(position: Position, side: Side, price: Decimal, qty: Decimal) -> Decimal:
    """Change a position by an execution; returns the PnL realised by the part that reduced it, USDT.

    Adding moves the average entry, reducing keeps it, crossing zero opens the rest at the fill's price.
    """
    signed = qty if side is Side.BUY else qty.copy_negate()
    before = position.qty
    after = add(before, signed)
    realised = ZERO
    if before and (before > 0) != (signed > 0):
        leaves_some = bool(after) and (after > 0) == (before > 0)
        closed = signed.copy_negate() if leaves_some else before
        released = _share(position, closed) if leaves_some else position.entry_value
        realised = subtract(multiply(closed, price), released)
        position.entry_value = subtract(position.entry_value, released)
        position.realised_pnl = add(position.realised_pnl, realised)
        signed = add(signed, closed)
    if signed:
        position.entry_value = add(position.entry_value, multiply(signed, price))
    position.qty = after
    if signed == after:  # flat, or all that is held comes from this fill
        position.entry = price if after else ZERO
    else:
        position.entry = to_cash(divide(position.entry_value, after))
    position.qty_float = float(after)
    position.entry_float = float(position.entry)
    return realised


def _share(position: Position, closed: Decimal) -> Decimal:
    """Entry value of `closed` signed units out of a position, rounded once."""
    return to_cash(divide(multiply(position.entry_value, closed), position.qty))
