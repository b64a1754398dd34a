"""The exchange of a lane that was stopped: it takes nothing, and never reports."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.account_events import AccountFact
from daemon.core.events import Command, MarketFact, Restarted, VenueTrouble
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, TradingStop
from daemon.core.units import NEVER
from daemon.core.venue import Report

NOTHING: tuple[Report, ...] = ()


class ClosedExchange:
    """Stands where an exchange stood whose books broke. Implements `daemon.core.venue.Exchange`."""

    def __init__(self) -> None:
        self.next_due = NEVER
        self.agrees = False

    def submit(self, request: OrderRequest, market: Market, now: int) -> Sequence[Report]:
        """Take nothing."""
        del request, market, now
        return NOTHING

    def amend(self, amendment: Amendment, now: int) -> Sequence[Report]:
        """Take nothing."""
        del amendment, now
        return NOTHING

    def cancel(self, order_id: str, now: int) -> Sequence[Report]:
        """Take nothing."""
        del order_id, now
        return NOTHING

    def cancel_all(self, symbol: str, now: int) -> Sequence[Report]:
        """Take nothing."""
        del symbol, now
        return NOTHING

    def protect(self, stop: TradingStop, market: Market, now: int) -> Sequence[Report]:
        """Take nothing."""
        del stop, market, now
        return NOTHING

    def on_market(self, market: Market, fact: MarketFact, now: int) -> Sequence[Report]:
        """See nothing."""
        del market, fact, now
        return NOTHING

    def advance(self, now: int) -> Sequence[Report]:
        """Do nothing."""
        del now
        return NOTHING

    def trouble(self, trouble: VenueTrouble, now: int) -> Sequence[Report]:
        """Suffer nothing."""
        del trouble, now
        return NOTHING

    def prove(self, now: int) -> Sequence[Report]:
        """Prove nothing."""
        del now
        return NOTHING

    def hear(self, fact: AccountFact | Restarted | Command, now: int) -> Sequence[Report]:
        """Hear nothing."""
        del fact, now
        return NOTHING
