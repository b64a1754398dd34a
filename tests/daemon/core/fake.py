"""An exchange that notes what it is asked for and reports what a test tells it to."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from daemon.core.account_events import AccountFact
from daemon.core.errors import InvariantBroken
from daemon.core.events import Command, MarketFact, Restarted, Side, VenueTrouble
from daemon.core.guards import GuardSettings
from daemon.core.lane import Lane, Runner
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, TradingStop
from daemon.core.records import CreateType, OrderStatus, OrderType, StopOrderType, TimeInForce
from daemon.core.strategy import Strategy
from daemon.core.units import NEVER
from daemon.core.venue import FillReport, OrderReport, PlacedReport, Report, TransferReport
from tests.daemon.core.build import BTC, NO_GUARDS

Asked = OrderRequest | Amendment | TradingStop | VenueTrouble | AccountFact | Restarted | str
BALANCE = Decimal(10_000)


class FakeExchange:
    """Implements `daemon.core.venue.Exchange`.

    asked: everything it was asked for; a cancel as the id of the order.  commands: of the operator, that it heard.
    answers: what the next requests are answered with, one list each.  news: what the next market fact brings.
    broken: while it says why, every call raises; breaks_when_asked: only requests do.
    """

    def __init__(self) -> None:
        self.next_due = 0
        self.asked: list[Asked] = []
        self.commands: list[Command] = []
        self.answers: list[list[Report]] = []
        self.news: list[Report] = [TransferReport(BALANCE, "opening balance")]
        self.agrees = True
        self.broken = ""
        self.breaks_when_asked = ""

    def submit(self, request: OrderRequest, market: Market, now: int) -> Sequence[Report]:
        return self._asked(request)

    def amend(self, amendment: Amendment, now: int) -> Sequence[Report]:
        return self._asked(amendment)

    def cancel(self, order_id: str, now: int) -> Sequence[Report]:
        return self._asked(order_id)

    def cancel_all(self, symbol: str, now: int) -> Sequence[Report]:
        return self._asked(f"all of {symbol}")

    def protect(self, stop: TradingStop, market: Market, now: int) -> Sequence[Report]:
        return self._asked(stop)

    def on_market(self, market: Market, fact: MarketFact, now: int) -> Sequence[Report]:
        return self._told()

    def advance(self, now: int) -> Sequence[Report]:
        self.next_due = NEVER
        return self._told()

    def trouble(self, trouble: VenueTrouble, now: int) -> Sequence[Report]:
        return self._asked(trouble)

    def prove(self, now: int) -> Sequence[Report]:
        return self._asked("prove")

    def hear(self, fact: AccountFact | Restarted | Command, now: int) -> Sequence[Report]:
        if isinstance(fact, Command):
            self.commands.append(fact)
            return []
        return self._asked(fact)

    def _asked(self, what: Asked) -> Sequence[Report]:
        self.asked.append(what)
        self._check()
        if self.breaks_when_asked:
            raise InvariantBroken(self.breaks_when_asked)
        return self.answers.pop(0) if self.answers else []

    def _told(self) -> Sequence[Report]:
        self._check()
        news, self.news = self.news, []
        return news

    def _check(self) -> None:
        if self.broken:
            raise InvariantBroken(self.broken)


def fake_lane(
    *runners: Runner | Strategy, name: str = "main", guards: GuardSettings = NO_GUARDS
) -> tuple[Lane, FakeExchange]:
    """A lane on a fake exchange; bare strategies trade BTCUSDT under the name "scripted"."""
    made = [runner if isinstance(runner, Runner) else Runner("scripted", BTC, runner) for runner in runners]
    exchange = FakeExchange()
    return Lane(name, exchange, made, guards), exchange


def status(order_id: str, *steps: OrderStatus, reason: str = "") -> list[Report]:
    return [OrderReport(order_id, step, reason) for step in steps]


def fill(
    order_id: str, side: Side, qty: str, price: str = "100", *, symbol: str = BTC, number: int = 1, fee: str = "0"
) -> FillReport:
    return FillReport(
        order_id, f"{order_id}-f{number}", symbol, side, Decimal(price), Decimal(qty), Decimal(fee), maker=False
    )


def protection_order(
    order_id: str,
    side: Side,
    qty: str,
    *,
    trigger: str = "90",
    strategy: str = "",
    decision: int = 0,
    symbol: str = BTC,
) -> PlacedReport:
    """A stop-loss that the exchange made, waiting for its trigger."""
    request = OrderRequest(
        order_id,
        decision,
        strategy,
        symbol,
        side,
        OrderType.MARKET,
        TimeInForce.IOC,
        Decimal(qty),
        reduce_only=True,
        trigger_price=Decimal(trigger),
        close_on_trigger=True,
        stop_order_type=StopOrderType.STOP_LOSS,
        create_type=CreateType.STOP_LOSS,
    )
    return PlacedReport(request, OrderStatus.UNTRIGGERED)


def liquidation_order(order_id: str, side: Side, qty: str, *, symbol: str = BTC) -> PlacedReport:
    """A takeover of (a part of) the account's whole position."""
    request = OrderRequest(
        order_id,
        0,
        "",
        symbol,
        side,
        OrderType.MARKET,
        TimeInForce.IOC,
        Decimal(qty),
        reduce_only=True,
        create_type=CreateType.TAKE_OVER,
    )
    return PlacedReport(request, OrderStatus.NEW)
