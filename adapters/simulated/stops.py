"""Stop conditions: when the exchange says that an account should open no more risk.

Its one job: to compare equity and available balance with their limits and to speak once, until it is over.

    ACCOUNT_BLOWN   equity <= stop_equity_usdt
    MARGIN_SHORT    available < stop_free_margin_usdt where that is set, and whenever available < 0

Assumptions:
- An account that never had money is not blown.
- Being over means that the numbers are beyond the limit again; what follows from a stop is the lane's to decide.

Known limits: equity moves with mark prices; between two facts of a symbol it is as of the last one.
"""

from __future__ import annotations

from decimal import Decimal

from adapters.simulated.account import Account
from daemon.core.units import ZERO
from daemon.core.venue import ExchangeSettings, StopReport

ACCOUNT_BLOWN = "ACCOUNT_BLOWN"
MARGIN_SHORT = "MARGIN_SHORT"


class StopConditions:
    """Watches one account by the settings of its exchange."""

    __slots__ = ("_begun", "_blown", "_equity", "_equity_float", "_free", "_free_float", "_short")

    def __init__(self, settings: ExchangeSettings) -> None:
        self._equity = settings.stop_equity_usdt
        self._equity_float = float(self._equity)
        self._free = ZERO if settings.stop_free_margin_usdt is None else settings.stop_free_margin_usdt
        self._free_float = float(self._free)
        self._begun = self._blown = self._short = False

    def review(self, account: Account) -> StopReport | None:
        """What there is to say, once. One thing at a time: ask again to hear another.

        Costs the same however many positions there are, until a limit is near.
        """
        slack = account.slack()
        whole = account.equity_estimate() - slack > self._equity_float
        free = account.available_estimate() - slack > self._free_float
        self._blown = self._blown and not whole
        self._short = self._short and not free
        self._begun = self._begun or bool(account.ledger.transfers)
        if (whole and free) or not self._begun:
            return None
        return (None if whole else self._review_equity(account)) or (None if free else self._review_available(account))

    def _review_equity(self, account: Account) -> StopReport | None:
        equity = account.equity()
        was, self._blown = self._blown, equity <= self._equity
        if was or not self._blown:
            return None
        cash = account.ledger.cash
        evidence = f"equity of {equity} USDT, wallet balance {cash}, is not above the limit of {self._equity} USDT"
        return StopReport(ACCOUNT_BLOWN, evidence)

    def _review_available(self, account: Account) -> StopReport | None:
        available = account.available()
        was, self._short = self._short, available < self._free
        if was or not self._short:
            return None
        return StopReport(MARGIN_SHORT, _shortage(account, available, self._free))


def _shortage(account: Account, available: Decimal, limit: Decimal) -> str:
    return (
        f"{available} USDT available, below the limit of {limit} USDT: margin balance {account.margin_balance()}, "
        f"bound by positions {account.initial_margin()}, by orders {account.order_margin()}"
    )
