"""What a run came to, folded from its decision stream alone.

Money (fees, funding, realised PnL, turnover, cash) is Decimal, booked again from the fills and settlements by the
core's own ledger, and what the stream's cash says otherwise is shown as `cash_unexplained`. Equity is float64 as in the
stream: cash plus open profit at the latest marks, taken at every evaluation and after every fill and settlement;
drawdowns look at all of these points, curves keep an even sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import assert_never

from msgspec import Struct

from daemon.core.events import Side
from daemon.core.ledger import Ledger
from daemon.core.orders import TRANSITIONS
from daemon.core.records import (
    AccountLine,
    Action,
    CreateType,
    DecisionLine,
    FillLine,
    FundingLine,
    HaltLine,
    LiquidationLine,
    OrderLine,
    OrderStatus,
    Record,
    RefusalLine,
    TransferLine,
)
from daemon.core.units import MONEY, ZERO
from daemon.core.venue_records import AdoptionLine, MismatchLine, ReconcileLine, SendLine, TrackLine
from replay.curve import EquityCurve, Point, Sample
from replay.venue_tally import VenueReport, VenueTally

RESULTS = ("funding",)  # transfers that are a result of trading; others change the capital


class Execution(Struct, frozen=True, gc=False):
    """A fill for a chart. price: USDT per base unit, qty: base units, above zero."""

    ts: int
    side: Side
    price: Decimal
    qty: Decimal


class SymbolReport(Struct, frozen=True, kw_only=True):
    """One symbol in one lane.

    holds: decisions to do nothing.  denied: refusals of guards, by code.  orders: those sent; made_orders: those that
    the exchange made, protections and liquidations.
    fees, funding: USDT, above zero when paid.  realised_pnl: USDT, before both.  turnover: USDT bought and sold.
    slippage: USDT, above zero when fills were worse than the touch of their decision.
    liquidations: steps of liquidations and deleveragings.
    position: base units at the end, below zero when short.  closed_trades: times the position came back to zero or
    changed sides; won: those that earned more than their fees (those of the last fill count in full) and funding.
    exposure: share of the time with a position.  longest_flat: nanoseconds.  prices: marks.  executions: fills;
    both are samples of at most 2,000.
    """

    symbol: str
    decisions: int
    holds: int
    denied: dict[str, int]
    orders: int
    made_orders: int
    fills: int
    fees: Decimal
    funding: Decimal
    slippage: Decimal
    realised_pnl: Decimal
    turnover: Decimal
    liquidations: int
    position: Decimal
    closed_trades: int
    won: int
    win_rate: float | None
    exposure: float
    longest_flat: int
    prices: tuple[Point, ...]
    executions: tuple[Execution, ...]


class LaneReport(Struct, frozen=True, kw_only=True):
    """One lane, all its symbols together.

    opening_cash: USDT before the first record.  cash: at the end.  transfers: USDT by reason.
    cash_unexplained: what the stream's cash differs from opening cash, transfers, realised PnL, fees, funding: "0".
    refusals: requests other than orders that the exchange refused.  margin_ratio: the worst one told, a fraction; None
    when the exchange told none.  venue: None for a simulated account.
    equity: a sample of at most 2,000 points.  max_drawdown: largest fall below an earlier peak, as a fraction of that
    peak; max_drawdown_usdt: likewise in USDT. Capital paid in or out is no rise or fall; funding is.
    """

    lane: str
    first_ts: int
    last_ts: int
    opening_cash: Decimal
    cash: Decimal
    transfers: dict[str, Decimal]
    cash_unexplained: Decimal
    fees: Decimal
    funding: Decimal
    slippage: Decimal
    realised_pnl: Decimal
    turnover: Decimal
    decisions: int
    orders: int
    fills: int
    refusals: int
    liquidations: int
    margin_ratio: float | None
    venue: VenueReport | None
    halts: int
    final_equity: float | None
    max_drawdown: float
    max_drawdown_usdt: float
    equity: tuple[Point, ...]
    drawdown: tuple[Point, ...]
    symbols: tuple[SymbolReport, ...]


class RunReport(Struct, frozen=True, kw_only=True):
    """All lanes of a run, by name. Times are None for a stream without records."""

    first_ts: int | None
    last_ts: int | None
    decisions: int
    orders: int
    fills: int
    lanes: tuple[LaneReport, ...]


def summarise(records: Iterable[Record]) -> RunReport:
    """Fold a decision stream into its report; one pass, memory independent of its length."""
    lanes: dict[str, _Lane] = {}
    for record in records:
        lane = lanes.get(record.lane)
        if lane is None:
            lane = lanes[record.lane] = _Lane(record.lane, record.ts)
        lane.add(record)
    reports = tuple(lanes[name].report() for name in sorted(lanes))
    return RunReport(
        first_ts=min((lane.first_ts for lane in reports), default=None),
        last_ts=max((lane.last_ts for lane in reports), default=None),
        decisions=sum(lane.decisions for lane in reports),
        orders=sum(lane.orders for lane in reports),
        fills=sum(lane.fills for lane in reports),
        lanes=reports,
    )


class _Symbol:
    """Counters of one symbol; a trade is what lies between two times without a position, or until it changes sides."""

    def __init__(self, name: str, ts: int) -> None:
        self.name = name
        self.decisions = self.holds = self.orders = self.made_orders = self.fills = self.closed = self.won = 0
        self.liquidations = 0
        self.denied: Counter[str] = Counter()
        self.fees = self.funding = self.slippage = self.realised = self.turnover = self.position = ZERO
        self.mark = 0.0
        self.prices = Sample()
        self.executions = Sample()
        self._trade_pnl = ZERO
        self._made: dict[str, None] = {}
        self._since = ts
        self._held = self._longest_flat = 0

    def decide(self, line: DecisionLine) -> None:
        self.decisions += 1
        self.holds += line.decision.action is Action.HOLD
        self.mark = line.context.mark
        self.prices.add(Point(line.ts, line.context.mark))
        for verdict in line.verdicts:
            if not verdict.allow:
                self.denied[verdict.code] += 1

    def order(self, line: OrderLine) -> None:
        """The exchange's own orders begin with any status, and have it once."""
        if line.create_type is CreateType.USER:
            self.orders += line.status is OrderStatus.SUBMITTED
        elif line.order_id not in self._made:
            self.made_orders += 1
            self._made[line.order_id] = None
        if not TRANSITIONS[line.status]:
            self._made.pop(line.order_id, None)

    def settle(self, line: FundingLine) -> None:
        self.funding = MONEY.add(self.funding, line.fee)
        self._trade_pnl = MONEY.subtract(self._trade_pnl, line.fee)

    def fill(self, line: FillLine, realised: Decimal, position: Decimal) -> None:
        self.fills += 1
        self.fees = MONEY.add(self.fees, line.fee)
        self.slippage = MONEY.add(self.slippage, line.slippage)
        self.realised = MONEY.add(self.realised, realised)
        self.turnover = MONEY.add(self.turnover, MONEY.multiply(line.price, line.qty))
        self.executions.add(Execution(line.ts, line.side, line.price, line.qty))
        self._trade_pnl = MONEY.subtract(MONEY.add(self._trade_pnl, realised), line.fee)
        if self.position and self.position * position <= 0:
            self.closed += 1
            self.won += self._trade_pnl > 0
            self._trade_pnl = ZERO
        if bool(self.position) != bool(position):
            self._turn(line.ts)
        self.position = position

    def _turn(self, ts: int) -> None:
        """The time since the last turn was spent with a position, or without one."""
        if self.position:
            self._held += ts - self._since
        else:
            self._longest_flat = max(self._longest_flat, ts - self._since)
        self._since = ts

    def report(self, first_ts: int, last_ts: int) -> SymbolReport:
        self._turn(last_ts)
        return SymbolReport(
            symbol=self.name,
            decisions=self.decisions,
            holds=self.holds,
            denied=dict(sorted(self.denied.items())),
            orders=self.orders,
            made_orders=self.made_orders,
            fills=self.fills,
            fees=self.fees,
            funding=self.funding,
            slippage=self.slippage,
            realised_pnl=self.realised,
            turnover=self.turnover,
            liquidations=self.liquidations,
            position=self.position,
            closed_trades=self.closed,
            won=self.won,
            win_rate=self.won / self.closed if self.closed else None,
            exposure=self._held / (last_ts - first_ts) if last_ts > first_ts else 0.0,
            longest_flat=self._longest_flat,
            prices=self.prices.values(Point),
            executions=self.executions.values(Execution),
        )


class _Lane:
    """One lane while its records are folded."""

    def __init__(self, name: str, ts: int) -> None:
        self.name = name
        self._first_ts = self._last_ts = ts
        self._ledger = Ledger()
        self._opening: Decimal | None = None
        self._cash = ZERO
        self._transfers: dict[str, Decimal] = {}
        self._halts = self._refusals = 0
        self._margin_ratio: float | None = None
        self._venue = VenueTally(ts)
        self._symbols: dict[str, _Symbol] = {}
        self._equity = EquityCurve()

    def add(self, record: Record) -> None:
        self._last_ts = record.ts
        match record:
            case DecisionLine():
                self._symbol(record.symbol).decide(record)
                self._equity.add(record.ts, record.context.equity)
            case OrderLine():
                self._symbol(record.symbol).order(record)
            case FillLine():
                self._fill(record)
            case FundingLine():
                self._funding(record)
            case TransferLine():
                self._transfer(record)
            case LiquidationLine():
                self._symbol(record.symbol).liquidations += 1
            case AccountLine():
                self._margin_ratio = max(self._margin_ratio or 0.0, record.margin_ratio)
            case RefusalLine():
                self._refusals += 1
            case HaltLine():
                self._halts += record.halted
            case AdoptionLine():
                self._ledger.fill(record.symbol, record.side, record.price, record.qty, ZERO)
                self._venue.adoptions += 1
            case SendLine() | TrackLine() | ReconcileLine() | MismatchLine():
                self._venue.add(record)
            case _:
                assert_never(record)

    def _symbol(self, name: str) -> _Symbol:
        found = self._symbols.get(name)
        if found is None:
            found = self._symbols[name] = _Symbol(name, self._first_ts)
        return found

    def _fill(self, line: FillLine) -> None:
        realised = self._ledger.fill(line.symbol, line.side, line.price, line.qty, line.fee)
        if self._opening is None:
            self._open(MONEY.subtract(line.cash, self._ledger.cash))
        self._cash = line.cash
        self._symbol(line.symbol).fill(line, realised, self._ledger.position(line.symbol).qty)
        self._equity.add(line.ts, self._equity_now())

    def _funding(self, line: FundingLine) -> None:
        self._ledger.charge(line.fee)
        if self._opening is None:
            self._open(MONEY.subtract(line.cash, self._ledger.cash))
        self._cash = line.cash
        self._symbol(line.symbol).settle(line)
        self._equity.add(line.ts, self._equity_now())

    def _equity_now(self) -> float:
        open_profit = 0.0
        for name, position in self._ledger.positions.items():
            if position.qty:
                mark = self._symbols[name].mark or float(position.entry)
                open_profit += float(position.qty) * mark - float(position.entry_value)
        return float(self._cash) + open_profit

    def _transfer(self, line: TransferLine) -> None:
        self._ledger.transfer(line.amount)
        if self._opening is None:
            self._open(MONEY.subtract(line.cash, self._ledger.cash))
        self._cash = line.cash
        self._transfers[line.reason] = MONEY.add(self._transfers.get(line.reason, ZERO), line.amount)
        if line.reason not in RESULTS:
            self._equity.move_capital(line.amount)

    def _open(self, cash: Decimal) -> None:
        self._opening = cash
        self._ledger.transfer(cash)

    def report(self) -> LaneReport:
        symbols = tuple(self._symbols[name].report(self._first_ts, self._last_ts) for name in sorted(self._symbols))
        return LaneReport(
            lane=self.name,
            first_ts=self._first_ts,
            last_ts=self._last_ts,
            opening_cash=self._opening or ZERO,
            cash=self._cash,
            transfers=dict(sorted(self._transfers.items())),
            cash_unexplained=MONEY.subtract(self._cash, self._ledger.cash),
            fees=self._ledger.fees,
            funding=self._ledger.funding,
            slippage=_total(symbol.slippage for symbol in symbols),
            realised_pnl=_total(symbol.realised_pnl for symbol in symbols),
            turnover=_total(symbol.turnover for symbol in symbols),
            decisions=sum(symbol.decisions for symbol in symbols),
            orders=sum(symbol.orders for symbol in symbols),
            fills=sum(symbol.fills for symbol in symbols),
            refusals=self._refusals,
            liquidations=sum(symbol.liquidations for symbol in symbols),
            margin_ratio=self._margin_ratio,
            venue=self._venue.report(),
            halts=self._halts,
            final_equity=self._equity.last,
            max_drawdown=self._equity.fraction,
            max_drawdown_usdt=self._equity.usdt,
            equity=self._equity.curve.values(Point),
            drawdown=self._equity.falls.values(Point),
            symbols=symbols,
        )


def _total(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = MONEY.add(total, amount)
    return total
