"""Interventions: what is done to an account by neither the market nor its own orders.

Its one job: transfers, changed settings, and executions and fundings that somebody scripts; a server that plays an
exchange to others uses them. Each is followed by a call of the exchange's `advance`, which tells what came of it.

Known limits: only active orders can be filled by force; one that waits for its trigger cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from adapters.simulated.account import Account
from adapters.simulated.bookkeeper import Bookkeeper
from adapters.simulated.contract import Contract
from adapters.simulated.execution import Execution
from adapters.simulated.protector import current
from adapters.simulated.settlement import Settlement
from adapters.simulated.wire import Wire
from daemon.core.orders import PositionIdx, Protection
from daemon.core.venue import TransferReport


class Interventions:
    """Acts on the parts of one exchange.

    Args:
        contracts: its contracts by symbol.
        account: its books.
        wire: tells what was done.
        execution: fills by force.
        settlement: settles by force.
        books: follows a change of the margin mode.
        settle_down: what the exchange looks at after anything happened on a contract.
    """

    def __init__(
        self,
        *,
        contracts: Mapping[str, Contract],
        account: Account,
        wire: Wire,
        execution: Execution,
        settlement: Settlement,
        books: Bookkeeper,
        settle_down: Callable[[Contract, int], None],
    ) -> None:
        self._contracts = contracts
        self._account = account
        self._wire = wire
        self._execution = execution
        self._settlement = settlement
        self._books = books
        self._settle_down = settle_down

    def transfer(self, amount: Decimal, reason: str, now: int) -> None:
        """Money into (above zero) or out of the account, USDT; the caller has seen that it is there."""
        self._account.transfer(amount)
        self._wire.tell(now, TransferReport(amount, reason))
        self.settings_changed(now)

    def settings_changed(self, now: int) -> None:
        """Look at everything anew after leverage, margin, margin mode or balance were changed."""
        self._books.follow_margin_mode()
        for contract in list(self._contracts.values()):
            self._settle_down(contract, now)

    def force_fill(self, order_id: str, qty: Decimal | None, price: Decimal, now: int) -> bool:
        """Fill an active order at `price`, USDT, wholly or by no more than `qty`; whether there was one to fill."""
        for contract in self._contracts.values():
            order = contract.active.get(order_id)
            if order is not None:
                part = order.remaining if qty is None else min(qty, order.remaining)
                self._execution.fill(order, contract, price, part, maker=order.judged, happened=now)
                self._settle_down(contract, now)
                return True
        return False

    def settle_funding(self, symbol: str, rate: Decimal, now: int) -> None:
        """Settle funding of a symbol at once, at a rate of the caller's, a fraction."""
        contract = self._contracts.get(symbol)
        if contract is not None:
            self._settlement.charge(contract, rate, now, now)
            self._settle_down(contract, now)

    def protection(self, symbol: str, leg: PositionIdx) -> Protection:
        """What protects the whole of a position now."""
        contract = self._contracts.get(symbol)
        return Protection() if contract is None else current(contract, leg)
