"""The desk: lets strategies decide, sizes and guards what they want, and books what the exchanges report.

The engine tells it the time and the cause; every record leaves through `emit` with the next `seq`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from math import isfinite
from typing import assert_never

from daemon.core.errors import InvariantBroken
from daemon.core.events import MarketFact, Side
from daemon.core.guards import Intent, judge
from daemon.core.lane import Lane, Runner
from daemon.core.ledger import apply_fill
from daemon.core.orders import OrderRequest, OrderState, add_fill, advance, order_id
from daemon.core.records import (
    Action,
    Choice,
    Context,
    DecisionLine,
    FillLine,
    HaltLine,
    OrderLine,
    OrderType,
    Record,
    TransferLine,
    Verdict,
    Window,
)
from daemon.core.sizing import Sized, size
from daemon.core.strategy import Decision, Snapshot
from daemon.core.units import ZERO, add
from daemon.core.venue import FillReport, OrderReport, Report, TransferReport

Emit = Callable[[Record], None]


class Desk:
    """Decisions and their consequences.

    now: `ts_recv` of the input being handled, nanoseconds UTC.  cause: its seq.  seq: of the last record.
    due: the earliest time at which an exchange or a bar has something to do although no fact says so.
    """

    __slots__ = ("_emit", "cause", "due", "now", "seq")

    def __init__(self, emit: Emit | None) -> None:
        self._emit = emit
        self.now = 0
        self.cause = 0
        self.seq = 0
        self.due = 0

    def evaluate(self, runner: Runner, fact: MarketFact | None) -> None:
        """Let a strategy decide; a symbol without any price yet is not evaluated."""
        market = runner.market
        mark = market.mark
        if mark <= 0.0 or runner.failed:
            return
        runner.window.append(mark)
        position = runner.position
        equity = runner.lane.equity() * runner.share
        snapshot = Snapshot(
            runner.symbol,
            self.now,
            fact,
            mark,
            market.bid,
            market.ask,
            position.qty_float,
            position.entry_float,
            equity,
            len(runner.working),
            runner.window,
        )
        try:
            decision = runner.strategy.decide(snapshot)
            holds = decision.action is Action.HOLD
        except Exception as error:  # noqa: BLE001 - whatever strategy code raises halts its lane, and no other
            self._fail(runner, _where(error))
            return
        runner.evaluation += 1
        if not holds:
            self._act(runner, decision, equity)
            return
        self.seq += 1
        if self._emit is not None:
            self._emit(self._line(runner, decision, equity, Choice(Action.HOLD, ZERO, None, decision.reason), ()))

    def absorb(self, lane: Lane, reports: Sequence[Report]) -> None:
        """Book what an exchange reported."""
        for report in reports:
            match report:
                case OrderReport():
                    self._order(lane, report)
                case FillReport():
                    self._fill(lane, report)
                case TransferReport():
                    self._transfer(lane, report)
                case _:
                    assert_never(report)
        self.note_due(lane)

    def note_due(self, lane: Lane) -> None:
        """Wake up when the lane's exchange has something to do."""
        if lane.exchange.next_due < self.due:
            self.due = lane.exchange.next_due

    def halt(self, lane: Lane, who: str, reason: str) -> None:
        """Stop a lane from opening risk until `who` is lifted; saying so again with the same reason changes nothing."""
        if lane.halts.get(who) == reason:
            return
        lane.halts[who] = reason
        self._halt_line(lane, f"{who}: {reason}")

    def lift(self, lane: Lane, who: str, reason: str) -> None:
        """Take back a halt, if there is one."""
        if lane.halts.pop(who, None) is not None:
            self._halt_line(lane, f"{who} lifted: {reason}")

    def _halt_line(self, lane: Lane, reason: str) -> None:
        self.seq += 1
        if self._emit is not None:
            self._emit(HaltLine(self.seq, self.cause, self.now, lane.name, bool(lane.halts), reason))

    def _fail(self, runner: Runner, what: str) -> None:
        runner.failed = True
        self.halt(runner.lane, f"strategy {runner.name} on {runner.symbol}", what)

    def _act(self, runner: Runner, decision: Decision, equity: float) -> None:
        numbers = (decision.qty, decision.target_notional, decision.price)
        if not all(_is_usable(number) for number in numbers):
            self._fail(runner, f"decided on quantity, target and price {numbers}, which are not all finite numbers")
            return
        sized = _size(runner, decision)
        self.seq += 1
        if isinstance(sized, str):
            choice = Choice(Action.HOLD, ZERO, decision.target_notional, f"{decision.reason}; {sized}")
            if self._emit is not None:
                self._emit(self._line(runner, decision, equity, choice, ()))
            return
        intent = self._intent(runner, decision, sized)
        verdicts = judge(intent, runner.lane.guards)
        if self._emit is not None:
            choice = Choice(decision.action, sized.qty, decision.target_notional, decision.reason)
            self._emit(self._line(runner, decision, equity, choice, verdicts))
        if all(verdict.allow for verdict in verdicts):
            self._submit(runner, decision, sized, reduce_only=intent.is_exit)
        elif any(verdict.guard == "daily_loss" and not verdict.allow for verdict in verdicts):
            self.halt(runner.lane, "daily_loss", "until the next day, UTC")

    def _submit(self, runner: Runner, decision: Decision, sized: Sized, *, reduce_only: bool) -> None:
        lane = runner.lane
        request = OrderRequest(
            order_id(lane.name, self.seq, 0),
            self.seq,
            runner.name,
            runner.symbol,
            sized.side,
            decision.order_type if sized.price is None else OrderType.LIMIT,
            decision.time_in_force,
            sized.qty,
            sized.price,
            reduce_only,
        )
        order = OrderState(request)
        lane.orders[request.order_id] = (order, runner)
        runner.working[request.order_id] = order
        lane.note_order(self.now)
        self._order_line(lane, order, "")
        self.absorb(lane, lane.exchange.submit(request, runner.market, self.now))

    def _intent(self, runner: Runner, decision: Decision, sized: Sized) -> Intent:
        lane, market, symbol = runner.lane, runner.market, runner.symbol
        buys = sized.side is Side.BUY
        change = sized.qty if buys else sized.qty.copy_negate()
        lowest, highest = lane.bounds(symbol)
        after = float(add(highest if buys else lowest, change))
        other = float(lowest if buys else highest)
        equity = lane.equity()
        mark = market.mark
        touch = market.ask if buys else market.bid
        leaves = _reduces(runner.position.qty, change) and _reduces(lane.ledger.position(symbol).qty, change)
        return Intent(
            is_exit=decision.reduce_only or leaves,
            mark=mark,
            price=touch if sized.price is None else float(sized.price),
            order_notional=float(sized.qty) * mark,
            position_notional_after=after * mark,
            gross_notional_after=lane.gross_notional(without=symbol) + max(abs(after), abs(other)) * mark,
            equity=equity,
            day_loss=(lane.day_equity or 0.0) - equity,
            orders_last_minute=lane.orders_last_minute(self.now),
            data_age=self.now - min(market.ts, market.ts_exchange),
            stale_topics=len(market.stale_topics),
            halted=bool(lane.halts),
        )

    def _order(self, lane: Lane, report: OrderReport) -> None:
        order, _ = _find(lane, report.order_id)
        advance(order, report.status)
        self._close_if_done(lane, order)
        self._order_line(lane, order, report.reason)

    def _fill(self, lane: Lane, report: FillReport) -> None:
        order, runner = _find(lane, report.order_id)
        add_fill(order, report.qty)
        ledger = lane.ledger
        realised = ledger.fill(report.symbol, report.side, report.price, report.qty, report.fee)
        apply_fill(runner.position, report.side, report.price, report.qty)
        ledger.check()
        lane.note_position(runner.market)
        self.seq += 1
        if self._emit is not None:
            self._emit(
                FillLine(
                    self.seq,
                    self.cause,
                    self.now,
                    lane.name,
                    report.order_id,
                    order.request.decision,
                    report.fill_id,
                    report.symbol,
                    report.side,
                    report.price,
                    report.qty,
                    report.fee,
                    report.maker,
                    realised,
                    ledger.position(report.symbol).qty,
                    ledger.cash,
                )
            )
        self._close_if_done(lane, order)
        self._order_line(lane, order, "")

    def _transfer(self, lane: Lane, report: TransferReport) -> None:
        lane.ledger.transfer(report.amount)
        self.seq += 1
        if self._emit is not None:
            cash = lane.ledger.cash
            self._emit(TransferLine(self.seq, self.cause, self.now, lane.name, report.amount, cash, report.reason))

    def _close_if_done(self, lane: Lane, order: OrderState) -> None:
        if not order.is_open:
            _, runner = lane.orders.pop(order.request.order_id)
            del runner.working[order.request.order_id]

    def _order_line(self, lane: Lane, order: OrderState, reason: str) -> None:
        self.seq += 1
        if self._emit is None:
            return
        request = order.request
        self._emit(
            OrderLine(
                self.seq,
                self.cause,
                self.now,
                lane.name,
                request.order_id,
                request.decision,
                request.symbol,
                request.side,
                request.type,
                request.time_in_force,
                request.qty,
                request.price,
                request.reduce_only,
                order.status,
                order.filled_qty,
                reason,
            )
        )

    def _line(
        self, runner: Runner, decision: Decision, equity: float, choice: Choice, verdicts: tuple[Verdict, ...]
    ) -> DecisionLine:
        position = runner.position
        window = runner.window
        context = Context(
            runner.market.mark,
            position.qty,
            position.entry,
            equity,
            decision.signal,
            decision.indicators,
            Window(len(window), window.digest()),
        )
        return DecisionLine(
            self.seq,
            self.cause,
            self.now,
            runner.lane.name,
            runner.name,
            runner.symbol,
            runner.evaluation,
            context,
            choice,
            verdicts,
        )


def _is_usable(number: object) -> bool:
    """Strategy code need not be type-checked, so its numbers are."""
    return number is None or (isinstance(number, float | int) and isfinite(number))


def _size(runner: Runner, decision: Decision) -> Sized | str:
    market = runner.market
    if runner.evaluation <= runner.strategy.warmup:
        return f"warming up, {runner.evaluation} of {runner.strategy.warmup}"
    if market.instrument is None:
        return "the instrument is not known yet"
    closes = decision.action is Action.CLOSE
    held = runner.unclosed(resting=decision.price is not None) if closes else runner.held()
    return size(decision, instrument=market.instrument, mark=market.mark, held=held)


def _reduces(held: Decimal, change: Decimal) -> bool:
    """Whether a change brings what is held closer to zero without crossing it."""
    return bool(held) and (held > 0) != (change > 0) and change.copy_abs() <= held.copy_abs()


def _find(lane: Lane, order: str) -> tuple[OrderState, Runner]:
    found = lane.orders.get(order)
    if found is None:
        raise InvariantBroken(f"lane {lane.name}: the exchange reports on {order}, which is not open")
    return found


def _where(error: Exception) -> str:
    """Kind and place of an error, without its text: texts may hold addresses that differ between runs."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = "" if frame is None else f" at {frame.tb_frame.f_code.co_qualname}, line {frame.tb_lineno}"
    return f"raised {type(error).__name__}{place}"
