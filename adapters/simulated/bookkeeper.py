"""The bookkeeper: writes the account down at times, and says when it should open no more risk.

Its one job: when metrics and stop conditions are looked at. What they are stands in `metrics` and `stops`.

Assumptions:
- The account is written down at whole multiples of `account_every_min` since midnight UTC while a position is held, and
  at the first one after an execution; not again while nothing has changed.
"""

from __future__ import annotations

from decimal import Decimal

from adapters.simulated.account import Account
from adapters.simulated.agenda import Agenda
from adapters.simulated.metrics import Metrics
from adapters.simulated.stops import StopConditions
from adapters.simulated.wire import Wire
from daemon.core.units import NS_PER_MINUTE
from daemon.core.venue import AccountReport, ExchangeSettings, StopReport


class Bookkeeper:
    """Counts what trading cost, and reports on the account.

    only_at_executions: whether only executions and settlements can meet a stop condition, and no mark price.
    """

    def __init__(self, settings: ExchangeSettings, account: Account, agenda: Agenda, wire: Wire) -> None:
        self._account = account
        self._agenda = agenda
        self._wire = wire
        self._metrics = Metrics()
        self._stops = StopConditions(settings)
        self._stops_at_executions = not settings.stop_equity_usdt and settings.stop_free_margin_usdt is None
        self.follow_margin_mode()
        self._stop_on_liquidation = settings.stop_on_liquidation
        self._period = settings.account_every_min * NS_PER_MINUTE
        self._scheduled = False
        self._written: AccountReport | None = None

    def follow_margin_mode(self) -> None:
        """Take over the account's margin mode as it is now."""
        self.only_at_executions = self._account.isolated and self._stops_at_executions

    def note_fill(self, slippage: Decimal, now: int) -> None:
        """Count an execution and what it cost against the touch, USDT."""
        self._metrics.note_slippage(slippage)
        self._schedule(now)

    def note_liquidation(self, evidence: str, now: int) -> None:
        """Say that a position was liquidated."""
        if self._stop_on_liquidation:
            self._wire.tell(now, StopReport("LIQUIDATED", evidence))

    def review(self, now: int) -> None:
        """Look at the stop conditions."""
        while (stop := self._stops.review(self._account)) is not None:
            self._wire.tell(now, stop)

    def _schedule(self, now: int) -> None:
        if self._period and not self._scheduled:
            self._scheduled = True
            self._agenda.add(now - now % self._period + self._period, self._write)

    def _write(self, now: int) -> None:
        self._scheduled = False
        report = self._metrics.account_report(self._account)
        if report != self._written:
            self._written = report
            self._wire.tell(now, report)
        if self._account.legs():
            self._schedule(now)
