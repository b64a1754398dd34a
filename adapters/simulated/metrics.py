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

from adapters.simulated.account import Account
from adapters.simulated.leg import Leg
from adapters.simulated.liquidation import liquidation_price, spare
from daemon.core.units import ZERO, add, divide, subtract
from daemon.core.venue import AccountReport

HIGHEST_RATIO = Decimal(1000)


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
        symbol, distance = _nearest_liquidation(account)
        return AccountReport(
            equity=float(account.equity()),
            available=float(account.available()),
            initial_margin=float(account.initial_margin()),
            maintenance_margin=float(account.maintenance_margin()),
            order_margin=float(account.order_margin()),
            margin_ratio=float(margin_ratio(account)),
            exposure=float(exposure(account)),
            liquidation_symbol=symbol,
            liquidation_distance=distance,
            fees=account.ledger.fees,
            funding=account.ledger.funding,
            slippage=self.slippage,
        )


def exposure(account: Account) -> Decimal:
    """Sum of the positions' values at mark, USDT, without sign."""
    total = ZERO
    for leg in account.legs():
        total = add(total, leg.value())
    return total


def margin_ratio(account: Account) -> Decimal:
    """Worst maintenance margin over margin left, a fraction: 0 without positions, 1 means liquidation."""
    legs = account.legs()
    if account.isolated:
        ratios = [_ratio(account.maintenance_margin_of(leg), account.margin_of(leg)) for leg in legs]
        return max(ratios, default=ZERO)
    return _ratio(account.maintenance_margin(), account.equity()) if legs else ZERO


def _ratio(needed: Decimal, left: Decimal) -> Decimal:
    return min(HIGHEST_RATIO, divide(needed, left)) if left > 0 else HIGHEST_RATIO


def _nearest_liquidation(account: Account) -> tuple[str, float | None]:
    nearest: tuple[str, float | None] = ("", None)
    over = None if account.isolated else spare(account)
    for leg in account.legs():
        distance = _distance(account, leg, over)
        if distance is not None and (nearest[1] is None or distance < nearest[1]):
            nearest = (leg.symbol, distance)
    return nearest


def _distance(account: Account, leg: Leg, over: Decimal | None) -> float | None:
    price = liquidation_price(account, leg, over)
    return None if price is None else float(divide(subtract(leg.mark(), price).copy_abs(), leg.mark()))
