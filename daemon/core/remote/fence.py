"""The fence and the proof: how an unknown outcome becomes a known one.

A signed request can be taken by the venue only until the end of its window; a little later nothing of it can surface
any more. From there on (the fence, in the venue's own time, as its answers tell it) three questions are asked by the
name of the order: the open and latest ones, the history, the executions. All three empty, twice, with a pause between:
the order was never taken. A question that failed is not one that came back empty, and nothing is ever concluded by
counting failures.

While an order is unknown its symbol takes no new risk. If its deadline allows it is sent again under the same name, so
that even then there cannot be two.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from daemon.core.account_events import Executed, Op, OrderSeen
from daemon.core.remote.context import Answer, Context
from daemon.core.remote.fills import Fills
from daemon.core.remote.orders import OrderMachine
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NEVER, ZERO
from daemon.core.venue import MismatchReport

PAUSE_MS = 2_000
POLL_MS = 1_000
ALARM_MS = 60_000
PROOFS = 2
GATE = "unknown_outcome"


class _Case(Struct):
    """An order whose outcome is unknown. due: when to ask next; proofs: how often all questions came back empty.

    waits: questions of this round that are not answered; failed: whether one of them was not answered completely.
    early: whether one of them was asked or answered before the fence, so that the round proves nothing.
    """

    order: Tracked
    fence: int
    due: int
    since: int
    proofs: int = 0
    waits: int = 0
    failed: bool = False
    found: bool = False
    early: bool = False
    alarmed: bool = False


class Fence:
    """Settles unknown outcomes. resend: sends an order again.

    due: when there is something to ask, nanoseconds UTC.
    """

    def __init__(
        self, context: Context, machine: OrderMachine, fills: Fills, resend: Callable[[Tracked], None]
    ) -> None:
        self.due = NEVER
        self._context = context
        self._machine = machine
        self._fills = fills
        self._resend = resend
        self._cases: dict[str, _Case] = {}

    @property
    def unsettled(self) -> int:
        """How many outcomes are unknown."""
        return len(self._cases)

    def watch(self, order: Tracked) -> None:
        """Begin to settle an order that has just become unknown."""
        context = self._context
        fence = (order.closes_at or context.venue_now) + context.span(context.settings.settle_ms)
        self._cases[order.id] = _Case(order, fence, context.now, context.now)
        context.shut(GATE, f"the outcome of order {order.id} is not known", order.symbol)
        self._reschedule()

    def restart(self) -> None:
        """The daemon was down: what was being asked will not be answered, and requests may have left until now."""
        context = self._context
        for case in self._cases.values():
            case.waits, case.proofs, case.due = 0, 0, context.now
            closes = context.venue_now + context.span(context.settings.recv_window_ms)
            case.fence = max(case.fence, closes + context.span(context.settings.settle_ms))
        self._reschedule()

    def settled(self, order: Tracked) -> None:
        """An order is known again, or has ended."""
        case = self._cases.pop(order.id, None)
        if case is None:
            return
        if not any(other.order.symbol == order.symbol for other in self._cases.values()):
            self._context.open(GATE, f"order {order.id} is known again", order.symbol)
        self._reschedule()

    def wake(self) -> None:
        """Ask about orders whose turn it is."""
        now = self._context.now
        for case in list(self._cases.values()):
            if case.order.state is not State.UNKNOWN:
                self.settled(case.order)
            elif case.due <= now and not case.waits:
                self._ask(case)
        self._reschedule()

    def _ask(self, case: _Case) -> None:
        context, order = self._context, case.order
        dialect, names, symbol = context.dialect, {"link_id": order.link_id, "venue_id": order.venue_id}, order.symbol
        case.failed = case.found = False
        case.due = NEVER
        if not case.alarmed and context.now - case.since >= context.span(ALARM_MS):
            case.alarmed = True
            context.tell(MismatchReport("unknown outcome", symbol, order.id, order.state, "", "asking on, slowly"))
        case.early = context.venue_now < case.fence
        questions = [(Op.ORDER, dialect.order(symbol, **names))]
        if not case.early:
            questions.append((Op.ORDER_HISTORY, dialect.order_history(symbol, **names)))
            questions.append((Op.ORDER_EXECUTIONS, dialect.order_executions(symbol, cursor="", **names)))
        case.waits = len(questions)
        for op, call in questions:
            context.send(op, call, lambda answer: self._answered(case, answer), order_id=order.id, symbol=symbol)

    def _answered(self, case: _Case, answer: Answer) -> None:
        case.waits -= 1
        outcome = answer.outcome
        case.failed |= not answer.ok or (outcome is not None and bool(outcome.cursor))
        case.early |= outcome is None or outcome.venue_ts < case.fence
        case.found |= bool(answer.rows)
        for row in answer.rows:
            if isinstance(row, OrderSeen):
                self._machine.see(row)
            elif isinstance(row, Executed):
                self._fills.see(row)
        if case.order.state is not State.UNKNOWN:
            self.settled(case.order)
        elif not case.waits:
            self._round_done(case)
        self._reschedule()

    def _round_done(self, case: _Case) -> None:
        context = self._context
        pause = PAUSE_MS if not case.alarmed else 5 * PAUSE_MS
        if case.failed or case.found or case.early:
            waits = POLL_MS if case.early and not case.failed else pause
            case.due = context.now + context.span(waits)
            case.proofs = 0 if case.found else case.proofs
            return
        case.proofs += 1
        case.due = context.now + context.span(PAUSE_MS)
        if case.proofs >= PROOFS:
            self._absent(case)

    def _absent(self, case: _Case) -> None:
        """Proved: the venue has no such order and never had, or has lost all trace of one that did nothing more."""
        order = case.order
        if order.venue_id or order.seen_updated or order.applied != ZERO:
            self._machine.vanish(order, "gone from every answer of the venue")
        elif self._may_resend(order):
            self._machine.move(order, State.ABSENT, "proved never taken")
            self._machine.move(order, State.SENDING, "sent again under the same name")
            order.sends += 1
            self._resend(order)
        else:
            self._machine.reject(
                order, "EXPIRED: proved never taken by the venue, and too late to send again", State.EXPIRED
            )
        self.settled(order)

    def _may_resend(self, order: Tracked) -> bool:
        """In time, still wanted; if it may carry risk, not halted, and no gate is shut but that of its own outcome."""
        context = self._context
        if context.now >= order.deadline or order.cancelling:
            return False
        if order.request.reduce_only:
            return True
        gates = [who for who, on in context.gates if on in ("", order.symbol)]
        return not context.halted_by and all(who == GATE for who in gates)

    def _reschedule(self) -> None:
        self.due = min((case.due for case in self._cases.values()), default=NEVER)
