"""What we ask of the venue for an order, and what its answers mean.

An answer is one of a few kinds (`OutcomeKind`). Only a definite refusal ends an order; whatever leaves doubt makes its
outcome unknown, which `fence` settles. Cancels and amendments are idempotent by nature: in doubt the venue is asked for
the order, and they are sent again while it is still open and unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from daemon.core.account_events import Op, OrderSeen, Outcome, OutcomeKind
from daemon.core.blotter import AMEND, CANCEL
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest
from daemon.core.records import OrderStatus
from daemon.core.remote.context import Answer, Context
from daemon.core.remote.link_ids import link_id
from daemon.core.remote.orders import OrderMachine
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NEVER, ZERO, to_decimal
from daemon.core.venue import MismatchReport, OrderReport, RefusalReport

K = OutcomeKind
LOOK_MS = 2_000
CANCELS_MAX = 5


class Sender:
    """Sends orders, cancels and amendments of one account.

    unknown: called with an order whose outcome is not known, and when the venue can no longer take what was sent.
    due: when an order is to be looked at next, nanoseconds UTC.
    """

    def __init__(self, context: Context, machine: OrderMachine) -> None:
        self.due = NEVER
        self.unknown: Callable[[Tracked], None] = lambda _order: None
        self._context = context
        self._machine = machine
        self._looks: dict[str, int] = {}

    # New orders

    def submit(self, request: OrderRequest, market: Market) -> None:
        """Send a new order."""
        context = self._context
        limit = context.settings.exit_deadline_ms if request.reduce_only else context.settings.entry_deadline_ms
        order = Tracked(
            request,
            link_id(context.lineage, request.order_id),
            True,
            State.SENDING,
            deadline=context.now + context.span(limit),
            reference=_touch(market, request.side),
            touched=context.now,
        )
        context.orders.add(order)
        self.create(order)

    def create(self, order: Tracked) -> None:
        """Send an order, the first time or again, always under the same name."""
        context, request = self._context, order.request
        context.send(
            Op.CREATE,
            context.dialect.create(request, order.link_id),
            lambda answer: self._created(order, answer),
            order_id=order.id,
            link_id=order.link_id,
            symbol=order.symbol,
            deadline=order.deadline,
            urgent=request.reduce_only,
        )

    def _created(self, order: Tracked, answer: Answer) -> None:
        outcome = answer.outcome
        order.closes_at = max(order.closes_at, self._closes(outcome))
        if outcome is None:
            self._doubt(order, "no answer")
            return
        self._machine.orders.name(order, outcome.venue_id)
        if outcome.kind is K.ACCEPTED:
            if order.state is State.SENDING:
                self._machine.move(order, State.ACKED, outcome.venue_id)
            self._look_later(order)
        elif outcome.kind in (K.REFUSED, K.NOT_SENT):
            self._refused(order, outcome)
        else:
            self._doubt(order, f"{outcome.kind}: {_why(outcome)}")

    def _refused(self, order: Tracked, outcome: Outcome) -> None:
        """A refusal ends an order that is not known to be there; one that was sent before may be, for all that."""
        if order.state is not State.SENDING:
            return
        if order.sends > 1:
            self._doubt(order, f"refused when sent again: {_why(outcome)}")
            return
        reason = f"NOT_SENT: {outcome.reason}" if outcome.kind is K.NOT_SENT else _why(outcome)
        self._machine.reject(order, reason)

    def _doubt(self, order: Tracked, reason: str) -> None:
        if order.state is State.SENDING:
            self._machine.move(order, State.UNKNOWN, reason)
            self.unknown(order)

    def _closes(self, outcome: Outcome | None) -> int:
        """When the venue can no longer take a request, by its own clock: its window bounds that."""
        context = self._context
        window = context.span(context.settings.recv_window_ms)
        if outcome is None or not outcome.signed:
            return context.venue_now + window
        return outcome.signed + context.span(outcome.window_ms)

    # Cancels

    def cancel(self, order_id: str) -> None:
        """Cancel an order."""
        order = self._context.orders.by_id(order_id)
        if order is None:
            self._refuse(CANCEL, order_id, "", "110001: the order is not open")
            return
        order.cancelling = True
        order.cancels = 0
        self.send_cancel(order)

    def withdraw(self, order: Tracked) -> None:
        """Cancel an order that is none of ours to keep."""
        order.cancelling = True
        self.send_cancel(order)

    def send_cancel(self, order: Tracked) -> None:
        """Send a cancel, by whatever name the venue knows the order."""
        context = self._context
        by_link = order.ours and bool(order.link_id)
        call = context.dialect.cancel(
            order.symbol, link_id=order.link_id if by_link else "", venue_id="" if by_link else order.venue_id
        )
        order.cancels += 1
        order.cancel_again = context.now + context.span(LOOK_MS)
        context.send(
            Op.CANCEL,
            call,
            lambda answer: self._cancelled(order, answer),
            order_id=order.id,
            link_id=order.link_id,
            symbol=order.symbol,
            deadline=context.now + context.span(context.settings.exit_deadline_ms),
            urgent=True,
        )

    def cancel_all(self, symbol: str) -> None:
        """Cancel every order of a symbol; those that are not gone soon are looked at, and cancelled one by one."""
        context = self._context
        deadline = context.now + context.span(context.settings.exit_deadline_ms)
        call = context.dialect.cancel_all(symbol)
        context.send(Op.CANCEL_ALL, call, lambda _answer: None, symbol=symbol, deadline=deadline, urgent=True)
        for order in context.orders.on(symbol):
            order.cancelling = True
            order.cancels = 0
            self._look_later(order)

    def _cancelled(self, order: Tracked, answer: Answer) -> None:
        outcome = answer.outcome
        if not order.is_open:
            return
        if outcome is not None and outcome.kind is K.REFUSED:
            order.cancelling = False
            self._refuse(CANCEL, order.id, order.symbol, _why(outcome))
        elif outcome is not None and outcome.kind is K.GONE:
            self.look(order)
        else:
            self._look_later(order)

    # Amendments

    def amend(self, amendment: Amendment) -> None:
        """Change an order; one change at a time."""
        context = self._context
        order = context.orders.by_id(amendment.order_id)
        if order is None:
            self._refuse(AMEND, amendment.order_id, "", "110001: the order is not open")
            return
        if order.amending is not None:
            self._refuse(AMEND, order.id, order.symbol, "110079: another change of this order is under way")
            return
        order.amending = amendment
        context.send(
            Op.AMEND,
            context.dialect.amend(amendment, order.symbol, order.link_id),
            lambda answer: self._amended(order, amendment, answer),
            order_id=order.id,
            link_id=order.link_id,
            symbol=order.symbol,
            deadline=context.now + context.span(context.settings.entry_deadline_ms),
        )

    def _amended(self, order: Tracked, amendment: Amendment, answer: Answer) -> None:
        outcome = answer.outcome
        if not order.is_open or order.amending is not amendment:
            return
        order.closes_at = max(order.closes_at, self._closes(outcome))
        if outcome is not None and outcome.kind in (K.REFUSED, K.NOT_SENT, K.NO_OP):
            order.amending = None
            self._refuse(AMEND, order.id, order.symbol, _why(outcome))
        elif outcome is not None and outcome.kind is K.GONE:
            self.look(order)
        else:
            self._look_later(order)

    # Looking

    def wake(self) -> None:
        """Ask for orders of which nothing was heard in time."""
        now = self._context.now
        late = [name for name, due in self._looks.items() if due <= now]
        for name in late:
            del self._looks[name]
            order = self._context.orders.by_id(name)
            if order is not None and self._waits(order):
                self.look(order)
        self._reschedule()

    def _waits(self, order: Tracked) -> bool:
        return order.state is State.ACKED or order.cancelling or order.amending is not None

    def _look_later(self, order: Tracked) -> None:
        context = self._context
        self._looks[order.id] = context.now + context.span(LOOK_MS)
        self._reschedule()

    def _reschedule(self) -> None:
        self.due = min(self._looks.values(), default=NEVER)

    def look(self, order: Tracked) -> None:
        """Ask the venue for an order, and act on what it shows."""
        if not order.link_id:
            self._machine.doubt(f"order {order.id}, which has no name of ours")
            return
        context = self._context
        call = context.dialect.order(order.symbol, order.link_id)
        context.send(Op.ORDER, call, lambda answer: self._looked(order, answer), order_id=order.id, symbol=order.symbol)

    def _looked(self, order: Tracked, answer: Answer) -> None:
        for row in answer.rows:
            if isinstance(row, OrderSeen):
                self._machine.see(row)
        if not order.is_open or order.end is not None:
            return  # it ended; executions that are missing are asked for elsewhere
        if not answer.ok:
            self._look_later(order)
        elif not answer.rows:
            self._missing(order)
        else:
            self._again(order, answer)

    def _missing(self, order: Tracked) -> None:
        """The venue took it, or showed it before, and does not find it now: nothing is concluded from one answer."""
        if order.state in (State.ACKED, State.WORKING):
            self._machine.move(order, State.UNKNOWN, "not found by the venue")
            self.unknown(order)
        elif order.state is State.SENDING:
            self._look_later(order)  # its own answer has not come yet

    def _again(self, order: Tracked, answer: Answer) -> None:
        """The order is open at the venue: repeat what has not been done about it."""
        context, outcome = self._context, answer.outcome
        if order.cancelling:
            if context.now < order.cancel_again:
                self._look_later(order)
                return
            if order.cancels < CANCELS_MAX:
                self.send_cancel(order)
                return
            order.cancelling, order.stuck = False, True
            context.tell(MismatchReport("cancel", order.symbol, order.id, "cancelled", "open", "given up"))
            self._refuse(CANCEL, order.id, order.symbol, f"not obeyed after {CANCELS_MAX} requests")
            context.shut("cancel", f"order {order.id} cannot be cancelled", order.symbol)
        elif order.amending is not None:
            settled = order.closes_at + context.span(context.settings.settle_ms)
            if outcome is not None and outcome.venue_ts < settled:
                self._look_later(order)
                return
            order.amending = None
            self._refuse(AMEND, order.id, order.symbol, "the venue did not take it")

    # Details

    def restart(self, closes: int) -> None:
        """The daemon was down: nothing that was under way will be answered, so the venue is asked what became of it.

        closes: when it can no longer take what had left, nanoseconds UTC of its clock.
        """
        self._looks.clear()
        for order in self._context.orders.open.values():
            if self._waits(order):
                order.closes_at = max(order.closes_at, closes)
                self._look_later(order)
        self._reschedule()

    def _refuse(self, what: str, order_id: str, symbol: str, reason: str) -> None:
        self._context.tell(RefusalReport(what, order_id, symbol, reason))


def deny(context: Context, request: OrderRequest, reason: str) -> None:
    """Refuse an order ourselves: it is not sent."""
    context.tell(OrderReport(request.order_id, OrderStatus.REJECTED, f"DENIED: {reason}"))


def _why(outcome: Outcome) -> str:
    return f"{outcome.code}: {outcome.reason}" if outcome.code else outcome.reason


def _touch(market: Market, side: Side) -> Decimal:
    price = (market.ask if side is Side.BUY else market.bid) or market.mark
    return to_decimal(price) if price > 0.0 else ZERO
