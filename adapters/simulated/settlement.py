"""Settlement: funding at its exact boundary, for what is held then.

Assumptions:
- What is stamped with the boundary itself still counts as before it: a position opened at that very time pays, one
  closed at that time does not. Funding is settled one nanosecond later, on mark price and rate as they are known then.
- The rate is the venue's last one told for that boundary, held within the instrument's caps.
- A symbol whose funding was never told is not charged.

Known limits: on Bybit trades within seconds of the boundary may fall on either side.
Source: Bybit help centre, "Introduction to Funding Rate".
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from adapters.simulated.account import Account
from adapters.simulated.agenda import Agenda
from adapters.simulated.contract import Contract
from adapters.simulated.funding import funding_fee, funding_rate, next_boundary
from adapters.simulated.leg import Leg
from adapters.simulated.wire import Wire
from daemon.core.units import to_decimal
from daemon.core.venue import FundingReport

JUST_AFTER = 1


class Settlement:
    """Puts boundaries on the agenda while a position is held, and settles them."""

    def __init__(self, account: Account, agenda: Agenda, wire: Wire) -> None:
        self._account = account
        self._agenda = agenda
        self._wire = wire

    def schedule(self, contract: Contract, after: int) -> None:
        """Put the next boundary on the agenda when a position is held and none is there, or the venue moved it."""
        market = contract.market
        if not self._account.legs_of(contract.symbol):
            return
        moved = after < market.next_funding < contract.boundary
        if contract.boundary and not moved:
            return
        boundary = next_boundary(market, after - JUST_AFTER)
        if boundary != contract.boundary:
            contract.boundary = boundary
            self._agenda.add(boundary + JUST_AFTER, partial(self._settle, contract, boundary))

    def _settle(self, contract: Contract, boundary: int, now: int) -> None:
        if boundary != contract.boundary:
            return
        contract.boundary = 0
        if contract.market.next_funding:
            self.charge(contract, funding_rate(contract.market), boundary, now)
        self.schedule(contract, boundary + JUST_AFTER)

    def charge(self, contract: Contract, rate: Decimal, boundary: int, now: int) -> None:
        """Settle what is held of a contract at a rate, a fraction."""
        for leg in list(self._account.legs_of(contract.symbol)):
            self._charge(leg, contract, rate, boundary, now)

    def _charge(self, leg: Leg, contract: Contract, rate: Decimal, boundary: int, now: int) -> None:
        qty = leg.position.qty
        mark = to_decimal(contract.market.mark)
        fee = funding_fee(qty, mark, rate)
        self._account.settle(leg, fee)
        self._account.check()
        self._wire.tell(now, FundingReport(contract.symbol, boundary, qty, mark, rate, fee))
