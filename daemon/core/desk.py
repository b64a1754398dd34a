"""The desk: lets strategies decide, asks the guards about what they want, and hands it to the exchanges.

What a decision means is worked out in `daemon.core.wishes`, what it would lead to in `daemon.core.exposure`; what the
exchanges report goes to the `daemon.core.blotter`. An exchange whose books break stops its own lane, and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from math import isfinite

from daemon.core import exposure, halts
from daemon.core.blotter import AMEND, CANCEL, PROTECT, Blotter
from daemon.core.closed import ClosedExchange
from daemon.core.errors import InvariantBroken
from daemon.core.events import MarketFact
from daemon.core.guards import judge
from daemon.core.lane import Lane, Runner
from daemon.core.orders import Amendment, OrderRequest, OrderState, TradingStop, order_id
from daemon.core.panic import WHO as PANIC
from daemon.core.panic import Panic
from daemon.core.records import (
    Action,
    Choice,
    Context,
    DecisionLine,
    OrderType,
    StopOrderType,
    TimeInForce,
    TriggerBy,
    Verdict,
    Window,
)
from daemon.core.strategy import Decision, Snapshot
from daemon.core.turn import Emit, Turn
from daemon.core.units import ZERO
from daemon.core.venue import Report
from daemon.core.wishes import Amending, Cancelling, Placing, Protecting, Wish, interpret, terms

__all__ = ["Desk", "Emit"]


class Desk:
    """Decisions and their consequences. turn: when and why, and the stream of records.  panics: by name of the lane."""

    __slots__ = ("_blotter", "panics", "turn")

    def __init__(self, emit: Emit | None) -> None:
        self.turn = Turn(emit)
        self.panics: dict[str, Panic] = {}
        self._blotter = Blotter(self.turn)

    @property
    def seq(self) -> int:
        """Number of the last record."""
        return self.turn.seq

    @property
    def cause(self) -> int:
        """Number of the input being handled."""
        return self.turn.cause

    def evaluate(self, runner: Runner, fact: MarketFact | None) -> None:
        """Let a strategy decide; a symbol without any price yet is not evaluated."""
        market = runner.market
        mark = market.mark
        if mark <= 0.0 or runner.failed:
            return
        turn = self.turn
        runner.window.append(mark)
        position = runner.position
        equity = runner.lane.equity() * runner.share
        snapshot = Snapshot(
            runner.symbol,
            turn.now,
            fact,
            mark,
            market.bid,
            market.ask,
            position.qty_float,
            position.entry_float,
            equity,
            len(runner.working),
            runner.window,
            len(runner.waiting),
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
        turn.seq += 1
        if turn.emit is not None:
            turn.emit(self._line(runner, decision, equity, Choice(Action.HOLD, ZERO, None, decision.reason), ()))

    def absorb(self, lane: Lane, reports: Sequence[Report]) -> None:
        """Book what an exchange reported; what cannot be true stops the lane."""
        try:
            self._blotter.absorb(lane, reports)
        except InvariantBroken as error:
            self.breach(lane, error)
        self.note_due(lane)

    def note_due(self, lane: Lane) -> None:
        """Wake up when the lane's exchange has something to do."""
        if lane.exchange.next_due < self.turn.due:
            self.turn.due = lane.exchange.next_due

    def halt(self, lane: Lane, who: str, reason: str) -> None:
        """Stop a lane from opening risk until `who` is lifted."""
        halts.halt(self.turn, lane, who, reason)

    def lift(self, lane: Lane, who: str, reason: str) -> None:
        """Take back a halt, if there is one."""
        halts.lift(self.turn, lane, who, reason)

    def command(self, lane: Lane, name: str, reason: str) -> None:
        """Carry out an operator's command; see `daemon.core.events.Command`."""
        match name:
            case "halt":
                self.halt(lane, "operator", reason)
            case "panic":
                self.halt(lane, PANIC, reason)
                self.panics[lane.name] = Panic(self.turn, lane, self._blotter)
                self.look_at_panic(lane)
            case "resume":
                self.panics.pop(lane.name, None)
                for who in ("operator", PANIC, halts.DRAIN):
                    self.lift(lane, who, reason)
            case "drain":
                self.halt(lane, halts.DRAIN, reason)
            case "cancel":
                self._cancel_all_of(lane)
            case _:
                pass  # of another version; it was recorded

    def look_at_panic(self, lane: Lane) -> None:
        """Do what a panic still has to do, if its time has come."""
        panic = self.panics[lane.name]
        if panic.due > self.turn.now:
            return
        try:
            panic.look()
        except InvariantBroken as error:
            self.breach(lane, error)
        self.turn.due = min(self.turn.due, panic.due)
        self.note_due(lane)

    def _cancel_all_of(self, lane: Lane) -> None:
        """Cancel what the strategies have open; protections of the account's position stay."""
        ours = [state for state, runner in lane.orders.values() if runner is not None]
        try:
            self._cancel(lane, Cancelling(tuple(ours)))
        except InvariantBroken as error:
            self.breach(lane, error)
        self.note_due(lane)

    def breach(self, lane: Lane, error: InvariantBroken) -> None:
        """Stop a lane whose books cannot be trusted any more: no evaluation, no order, no report, and no way back."""
        lane.exchange = ClosedExchange()
        for runner in lane.runners:
            runner.failed = True
        self.halt(lane, "breach", error.message)

    def _fail(self, runner: Runner, what: str) -> None:
        runner.failed = True
        self.halt(runner.lane, f"strategy {runner.name} on {runner.symbol}", what)

    def _act(self, runner: Runner, decision: Decision, equity: float) -> None:
        nonsense = _nonsense(decision)
        if nonsense is not None:
            self._fail(runner, nonsense)
            return
        wish = interpret(runner, decision)
        turn = self.turn
        turn.seq += 1
        if isinstance(wish, str):
            choice = Choice(Action.HOLD, ZERO, decision.target_notional, f"{decision.reason}; {wish}")
            if turn.emit is not None:
                turn.emit(self._line(runner, decision, equity, choice, ()))
            return
        verdicts = self._ask_guards(runner, wish)
        if turn.emit is not None:
            asked = terms(wish, decision)
            choice = Choice(decision.action, _qty(wish), decision.target_notional, decision.reason, asked)
            turn.emit(self._line(runner, decision, equity, choice, verdicts))
        if all(verdict.allow for verdict in verdicts):
            self._carry_out(runner, decision, wish)
        elif any(verdict.guard == "daily_loss" and not verdict.allow for verdict in verdicts):
            self.halt(runner.lane, "daily_loss", "until the next day, UTC")

    def _ask_guards(self, runner: Runner, wish: Wish) -> tuple[Verdict, ...]:
        """Cancels and protections are not judged: nothing may keep a trader from taking risk away."""
        now = self.turn.now
        match wish:
            case Placing():
                return judge(exposure.of_order(runner, wish, now), runner.lane.guards)
            case Amending():
                return judge(exposure.of_amendment(runner, wish, now), runner.lane.guards)
            case _:
                return ()

    # Asking the exchange

    def _carry_out(self, runner: Runner, decision: Decision, wish: Wish) -> None:
        lane = runner.lane
        try:
            match wish:
                case Placing():
                    self._place(runner, decision, wish)
                case Cancelling():
                    self._cancel(lane, wish)
                case Amending():
                    self._amend(lane, wish)
                case Protecting():
                    self._protect(runner, wish)
        except InvariantBroken as error:
            self.breach(lane, error)
        self.note_due(lane)

    def _place(self, runner: Runner, decision: Decision, wish: Placing) -> None:
        lane, now, sized, condition = runner.lane, self.turn.now, wish.sized, wish.condition
        decided = self.turn.seq
        request = OrderRequest(
            order_id(lane.name, decided, 0),
            decided,
            runner.name,
            runner.symbol,
            sized.side,
            decision.order_type if sized.price is None else OrderType.LIMIT,
            decision.time_in_force,
            sized.qty,
            sized.price,
            wish.is_exit,
            trigger_price=None if condition is None else condition.price,
            trigger_by=decision.trigger_by,
            trigger_direction=None if condition is None else condition.direction,
            protection=wish.protection,
            stop_order_type=StopOrderType.NONE if condition is None else StopOrderType.STOP,
        )
        lane.note_order(now)
        self._blotter.add(lane, OrderState(request))
        self._blotter.absorb(lane, lane.exchange.submit(request, runner.market, now))

    def _cancel(self, lane: Lane, wish: Cancelling) -> None:
        decided = self.turn.seq
        for order in wish.orders:
            if order.is_open:
                order.cancelling = True
                lane.ask(CANCEL, order.request.order_id, decided)
                self._blotter.absorb(lane, lane.exchange.cancel(order.request.order_id, self.turn.now))

    def _amend(self, lane: Lane, wish: Amending) -> None:
        now, order = self.turn.now, wish.order
        request = order.request
        amendment = Amendment(
            request.order_id,
            None if wish.qty == request.qty else wish.qty,
            None if wish.price == request.price else wish.price,
        )
        order.asked_qty = wish.qty
        lane.ask(AMEND, request.order_id, self.turn.seq)
        lane.note_order(now)
        self._blotter.absorb(lane, lane.exchange.amend(amendment, now))

    def _protect(self, runner: Runner, wish: Protecting) -> None:
        lane, decided = runner.lane, self.turn.seq
        lane.ask(PROTECT, runner.symbol, decided)
        stop = TradingStop(runner.symbol, wish.protection, decided, runner.name)
        self._blotter.absorb(lane, lane.exchange.protect(stop, runner.market, self.turn.now))

    def _line(
        self, runner: Runner, decision: Decision, equity: float, choice: Choice, verdicts: tuple[Verdict, ...]
    ) -> DecisionLine:
        turn = self.turn
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
            turn.seq,
            turn.cause,
            turn.now,
            runner.lane.name,
            runner.name,
            runner.symbol,
            runner.evaluation,
            context,
            choice,
            verdicts,
        )


_WORDS: tuple[tuple[str, type[StrEnum]], ...] = (
    ("action", Action),
    ("order_type", OrderType),
    ("time_in_force", TimeInForce),
    ("trigger_by", TriggerBy),
)
_NUMBERS = ("qty", "target_notional", "price", "trigger_price", "take_profit", "stop_loss", "trailing_stop")


def _nonsense(decision: Decision) -> str | None:
    """What no exchange could be asked for; strategy code need not be type-checked, so what it decides is."""
    for name, kind in _WORDS:
        word = getattr(decision, name)
        if not isinstance(word, kind):
            return f"decided on {name} {_shown(word)}, which is not a {kind.__name__}"
    for name in _NUMBERS:
        number = getattr(decision, name)
        if number is not None and not (isinstance(number, float | int) and isfinite(number)):
            return f"decided on {name} {_shown(number)}, which is not a finite number"
    return None


def _shown(value: object) -> str:
    """Text that is the same in every run: others than plain values may show an address."""
    return repr(value) if isinstance(value, str | float | int) else f"of type {type(value).__name__}"


def _qty(wish: Wish) -> Decimal:
    match wish:
        case Placing():
            return wish.sized.qty
        case Amending():
            return wish.qty
        case _:
            return ZERO


def _where(error: Exception) -> str:
    """Kind and place of an error, without its text: texts may hold addresses that differ between runs."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = "" if frame is None else f" at {frame.tb_frame.f_code.co_qualname}, line {frame.tb_lineno}"
    return f"raised {type(error).__name__}{place}"
