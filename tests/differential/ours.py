"""Plays a scenario on our simulated exchange, as the engine would: let time pass, change the market, match."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.simulated.exchange import SimulatedExchange
from daemon.core.ledger import Ledger
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest
from daemon.core.records import OrderStatus
from daemon.core.units import ZERO, subtract
from daemon.core.venue import AmendReport, FillReport, OrderReport, RefusalReport, Report, TransferReport
from tests.daemon.core.build import apply_to
from tests.differential.scenario import BALANCE, LEVERAGE, Cancel, Happening, Scenario
from tests.differential.trace import Step, Trace, What

STATUSES = {
    OrderStatus.NEW: What.NEW,
    OrderStatus.UNTRIGGERED: What.UNTRIGGERED,
    OrderStatus.TRIGGERED: What.TRIGGERED,
    OrderStatus.CANCELLED: What.END,
    OrderStatus.REJECTED: What.END,
    OrderStatus.DEACTIVATED: What.END,
}


def play(scenario: Scenario) -> Trace:
    """Play a scenario; the trace holds what a lane would have heard."""
    player = _Player(scenario)
    for place, (now, happening) in enumerate(zip(scenario.times, scenario.happenings, strict=True)):
        player.play(place, now, happening)
    return player.trace()


class _Player:
    def __init__(self, scenario: Scenario) -> None:
        self._exchange = SimulatedExchange(scenario.settings(), balance=BALANCE, leverage=LEVERAGE)
        self._market = Market(scenario.instrument.symbol)
        self._market.instrument = scenario.instrument
        self._ledger = Ledger()
        self._place = 0
        self._asked = ""
        self._steps: dict[str, list[Step]] = {}
        self._fills: list[tuple[str, Step]] = []

    def trace(self) -> Trace:
        """What was heard so far."""
        position = self._ledger.positions.get(self._market.symbol)
        qty = ZERO if position is None else position.qty
        return Trace(self._steps, self._fills, qty, subtract(self._ledger.cash, BALANCE))

    def play(self, place: int, now: int, happening: Happening) -> None:
        """Play one happening."""
        self._place, self._asked = place, ""
        if now >= self._exchange.next_due:
            self._hear(self._exchange.advance(now))
        match happening:
            case OrderRequest():
                self._steps[happening.order_id] = []
                self._hear(self._exchange.submit(happening, self._market, now))
            case Amendment():
                self._asked = happening.order_id
                self._hear(self._exchange.amend(happening, now))
            case Cancel():
                self._hear(self._exchange.cancel(happening.order_id, now))
            case _:
                self._market.ts = self._market.ts_exchange = now
                apply_to(self._market, happening)
                self._hear(self._exchange.on_market(self._market, happening, now))

    def _hear(self, reports: Iterable[Report]) -> None:
        for report in reports:
            match report:
                case OrderReport():
                    word = f"{report.status} {report.reason}".strip()
                    self._note(report.order_id, Step(self._place, STATUSES[report.status], word=word))
                case FillReport():
                    self._fill(report)
                case AmendReport():
                    request = report.request
                    what = What.AMENDED if request.order_id == self._asked else What.RESIZED
                    price = ZERO if request.price is None else request.price
                    self._note(request.order_id, Step(self._place, what, price, request.qty, word=report.reason))
                case RefusalReport():
                    self._note(report.order_id, Step(self._place, What.REFUSED, word=report.reason))
                case TransferReport():
                    self._ledger.transfer(report.amount)
                case _:
                    raise AssertionError(f"nothing in a scenario causes {report}")

    def _fill(self, report: FillReport) -> None:
        self._ledger.fill(report.symbol, report.side, report.price, report.qty, report.fee)
        step = Step(self._place, What.FILL, report.price, report.qty, report.maker, report.fee)
        self._note(report.order_id, step)
        self._fills.append((report.order_id, step))

    def _note(self, order_id: str, step: Step) -> None:
        self._steps[order_id].append(step)
