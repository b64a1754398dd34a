"""Metrics: the account as its exchange sees it, in one report.

Its one job: fees, funding and slippage so far, margin in use, stress and the distance to liquidation.

Assumptions:
- Margin ratio: maintenance margin over margin left, of the worst position (isolated) or of the account (cross).
- The distance to liquidation is that of the mark price from the liquidation price, as a fraction of the mark; in cross
  margin by the estimate of `adapters.simulated.liquidation`.

Known limits: a ratio is held at 1000 where next to nothing or less is left.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from adapters.simulated.account import Account
from adapters.simulated.leg import Leg
from adapters.simulated.liquidation import liquidation_price
from daemon.core.units import ZERO, add, divide, subtract
from daemon.core.venue import AccountReport

HIGHEST_RATIO = Decimal(1000)


class Holding(Struct):
    """A position at mark. value: without sign.  needed: its maintenance margin.  USDT."""

    leg: Leg
    value: Decimal
    unrealised: Decimal
    needed: Decimal

    def left(self) -> Decimal:
        """What is left of its margin in isolated margin, USDT."""
        return add(add(self.leg.initial_margin, self.leg.added), self.unrealised)


class Metrics:
    """Totals that the ledger does not keep. slippage: cost against the touch at decision, USDT, above zero if worse."""

    __slots__ = ("slippage",)

    def __init__(self) -> None:
        self.slippage = ZERO

    def note_slippage(self, amount: Decimal) -> None:
        """Count the slippage of an execution, USDT, above zero when worse."""
        self.slippage = add(self.slippage, amount)

    def account_report(self, account: Account) -> AccountReport:
        """The account now, at the mark prices of its markets."""
        holdings = _holdings(account)
        equity, needed, value = account.ledger.cash, ZERO, ZERO
        for held in holdings:
            equity = add(equity, held.unrealised)
            needed = add(needed, held.needed)
            value = add(value, held.value)
        symbol, distance = _nearest_liquidation(account, holdings, subtract(equity, needed))
        return AccountReport(
            equity=float(equity),
            available=float(account.available()),
            initial_margin=float(account.initial_margin()),
            maintenance_margin=float(needed),
            order_margin=float(account.order_margin()),
            margin_ratio=float(_margin_ratio(account, holdings, equity, needed)),
            exposure=float(value),
            liquidation_symbol=symbol,
            liquidation_distance=distance,
            fees=account.ledger.fees,
            funding=account.ledger.funding,
            slippage=self.slippage,
        )


def _holdings(account: Account) -> list[Holding]:
    return [Holding(leg, leg.value(), leg.unrealised(), account.maintenance_margin_of(leg)) for leg in account.legs()]


def _margin_ratio(account: Account, holdings: list[Holding], equity: Decimal, needed: Decimal) -> Decimal:
    """Worst maintenance margin over margin left, a fraction: 0 without positions, 1 means liquidation."""
    if not account.isolated:
        return _ratio(needed, equity) if holdings else ZERO
    return max([_ratio(held.needed, held.left()) for held in holdings], default=ZERO)


def _ratio(needed: Decimal, left: Decimal) -> Decimal:
    return min(HIGHEST_RATIO, divide(needed, left)) if left > 0 else HIGHEST_RATIO


def _nearest_liquidation(account: Account, holdings: list[Holding], spare: Decimal) -> tuple[str, float | None]:
    """The symbol nearest to its liquidation, and how far it is; spare: equity above the maintenance margin, USDT."""
    nearest: tuple[str, float | None] = ("", None)
    for held in holdings:
        price, mark = liquidation_price(account, held.leg, spare), held.leg.mark()
        distance = None if price is None else float(divide(subtract(mark, price).copy_abs(), mark))
        if distance is not None and (nearest[1] is None or distance < nearest[1]):
            nearest = (held.leg.symbol, distance)
    return nearest
