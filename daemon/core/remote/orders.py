"""The order machine: what becomes of each order at the venue, by whatever tells of it, in whatever order.

Answers, the private stream and queries are one multiset of messages; any interleaving ends in the same state, and
telling anything twice is telling it once. An order row counts only when it is newer than what is known: more filled, or
changed later. The lane is told each step once, and an end only when the executions add up to it.

Source: Bybit v5 docs, "Order" (private stream), "Place Order" (an answer says that a request was taken, not what became
of it), "Enums Definitions" (orderStatus).
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from daemon.core.account_events import OrderSeen, Origin
from daemon.core.blotter import AMEND, CANCEL, CANCELLED_BY_US
from daemon.core.orders import TRANSITIONS, OrderRequest
from daemon.core.records import OrderStatus
from daemon.core.remote.context import Context
from daemon.core.remote.link_ids import is_ours
from daemon.core.remote.states import State
from daemon.core.remote.strangers import FORCED, PROTECTIONS, request_of_order
from daemon.core.remote.tracked import End, Orders, Tracked, step
from daemon.core.venue import (
    AmendReport,
    GrantReport,
    MismatchReport,
    OrderReport,
    PlacedReport,
    RefusalReport,
    TrackReport,
)

S = OrderStatus
STATUSES = {status.value: status for status in S if status is not S.SUBMITTED} | {
    "PartiallyFilledCanceled": S.CANCELLED
}
ENDS = frozenset({S.FILLED, S.CANCELLED, S.REJECTED, S.DEACTIVATED})
EARLY = frozenset({State.SENDING, State.ACKED, State.UNKNOWN})
_RANKS = {S.UNTRIGGERED: 1, S.TRIGGERED: 2, S.NEW: 3, S.PARTIALLY_FILLED: 4, S.FILLED: 5}
_END_STATES = {S.FILLED: State.FILLED, S.REJECTED: State.REJECTED}
NO_REASON = frozenset({"", "EC_NoError", "UNKNOWN"})


class OrderMachine:
    """Follows the orders of one account.

    doubt: called when something was heard that only the venue's whole picture can settle.
    unwanted: called with an order under a name of ours that we do not know, where such are to be cancelled.
    found: called with an order that was seen at the venue while its outcome was unknown.
    """

    def __init__(self, context: Context) -> None:
        self.orders: Orders = context.orders
        self.doubt: Callable[[str], None] = lambda _reason: None
        self.found: Callable[[Tracked], None] = lambda _order: None
        self.unwanted: Callable[[Tracked], None] = lambda _order: None
        self._context = context

    # What the venue shows

    def see(self, seen: OrderSeen) -> None:
        """Take note of an order row, from the stream or from a query."""
        context = self._context
        if seen.symbol not in context.symbols:
            return
        status = STATUSES.get(seen.status)
        if status is None:
            self._strange(seen, f"an order status {seen.status!r} that is not known")
            return
        order = self.orders.find(seen.link_id, seen.venue_id)
        if order is None:
            if status in ENDS and not seen.filled:
                return  # it never did anything, and never will
            if status in ENDS and seen.updated < context.began:
                return
            order = self.take_on(request_of_order(seen), seen.link_id, seen.venue_id)
        self.orders.name(order, seen.venue_id)
        if not order.is_open:
            self._after_end(order, seen, status)
        elif _is_newer(order, seen, status):
            self._apply(order, seen, status)

    def _apply(self, order: Tracked, seen: OrderSeen, status: OrderStatus) -> None:
        order.seen_filled, order.seen_updated = (
            max(order.seen_filled, seen.filled),
            max(order.seen_updated, seen.updated),
        )
        order.touched = self._context.now
        if order.state in EARLY:
            was_unknown = order.state is State.UNKNOWN
            self.move(order, State.WORKING, f"seen as {seen.status}")
            if was_unknown:
                self.found(order)
        if order.end is not None and status not in ENDS:
            return
        self._compare_terms(order, seen, status)
        if status in ENDS:
            order.end = End(status, seen.filled, _reason(order, seen))
            self.settle(order)
        else:
            self._advance(order, status)

    def _compare_terms(self, order: Tracked, seen: OrderSeen, status: OrderStatus) -> None:
        """Tell the lane of another quantity or price than we knew: our amendment, or somebody else's."""
        request = order.request
        changed = replace(
            request,
            qty=seen.qty if seen.qty > order.applied else request.qty,
            price=request.price and (seen.price or request.price),
            trigger_price=request.trigger_price and (seen.trigger_price or request.trigger_price),
        )
        if changed == request or status in ENDS:
            return
        order.request = changed
        asked = order.amending
        ours = asked is not None and asked.qty in (None, changed.qty) and asked.price in (None, changed.price)
        if ours:
            order.amending = None
        self._context.tell(AmendReport(changed, "" if ours else "changed at the venue"))

    def _advance(self, order: Tracked, status: OrderStatus) -> None:
        """Tell the lane of an open status; of partial fills the executions tell."""
        if status is S.PARTIALLY_FILLED or order.told in (status, S.PARTIALLY_FILLED):
            return
        if order.told is S.UNTRIGGERED and status is S.NEW:
            self._tell(order, S.TRIGGERED)
        if status in TRANSITIONS[order.told]:
            self._tell(order, status)

    def _after_end(self, order: Tracked, seen: OrderSeen, status: OrderStatus) -> None:
        """A row about an order that ended: a repetition, or a contradiction."""
        if seen.filled <= order.applied:
            never_was = order.state in (State.EXPIRED, State.REJECTED, State.CLOSED_NO_FILL)
            is_news = seen.updated > order.seen_updated or seen.origin is Origin.QUERY
            if status in ENDS or not (never_was and is_news):
                return
        context = self._context
        context.tell(
            MismatchReport(
                "order", seen.symbol, order.id, order.state, seen.status, "followed as a stranger's, cancelled"
            )
        )
        self.orders.forget_names(order)
        self.take_on(request_of_order(seen), seen.link_id, seen.venue_id)
        context.shut("order", f"order {order.id} had ended for us, and is {seen.status} at the venue", seen.symbol)
        self.doubt(f"order {order.id} after its end")

    def _strange(self, seen: OrderSeen, reason: str) -> None:
        self._context.tell(MismatchReport("order", seen.symbol, seen.venue_id, "", seen.status, "asking the venue"))
        self.doubt(reason)

    # Strangers

    def take_on(self, request: OrderRequest, link_id: str, venue_id: str) -> Tracked:
        """Follow an order that we did not send."""
        context = self._context
        order = Tracked(request, link_id, False, State.WORKING, venue_id, told=S.NEW, touched=context.now)
        if request.is_conditional:
            order.told = S.UNTRIGGERED
        self.orders.add(order)
        context.tell(PlacedReport(request, order.told))
        if request.create_type in PROTECTIONS:
            return order
        if request.create_type in FORCED:
            context.shut("forced", f"the venue closes by force: {request.create_type}", request.symbol)
            return order
        ours = is_ours(link_id)
        what = "an order under a name of ours that we do not know" if ours else "an order that is not ours"
        context.tell(
            MismatchReport("foreign order", request.symbol, request.order_id, "", link_id or venue_id, "followed")
        )
        if ours and context.settings.foreign_order == "cancel":
            self.unwanted(order)
        elif ours:
            context.shut("lineage", f"{what}: another daemon trades this account, or a journal was lost")
        return order

    # Fills

    def before_fill(self, order: Tracked) -> None:
        """An execution is about to be applied: the order must be one that can fill."""
        if order.state in EARLY:
            was_unknown = order.state is State.UNKNOWN
            self.move(order, State.WORKING, "executed")
            if was_unknown:
                self.found(order)
        if order.told is S.UNTRIGGERED:
            self._tell(order, S.TRIGGERED)

    def after_fill(self, order: Tracked) -> None:
        """An execution was applied and told."""
        context, request = self._context, order.request
        foreign = not order.ours and request.create_type not in PROTECTIONS | FORCED
        if foreign:
            context.shut("foreign", f"order {order.id}, which is not ours, was executed", request.symbol)
        order.told = S.PARTIALLY_FILLED
        if order.remaining <= 0:
            order.told = S.FILLED
            self._close(order, State.FILLED, "")
        elif order.end is not None:
            self.settle(order)

    # Ends

    def settle(self, order: Tracked) -> None:
        """End an order that the venue ended, once its executions add up; until then it is FillsPending."""
        end = order.end
        assert end is not None
        if order.applied < end.filled:
            if order.state is not State.FILLS_PENDING:
                self.move(order, State.FILLS_PENDING, f"{end.status} with {end.filled} filled, {order.applied} known")
            return
        if end.status is S.FILLED:
            self._shrink(order)
            return
        status = end.status if end.status in TRANSITIONS[order.told] else S.CANCELLED
        self._close(order, _END_STATES.get(status, State.CANCELLED), end.reason)
        self._tell(order, status, end.reason)

    def _shrink(self, order: Tracked) -> None:
        """The venue calls an order filled of which less was executed than we asked for: it had been cut."""
        reason = "filled at the venue, which had cut its quantity"
        self._close(order, State.CANCELLED, reason)
        self._tell(order, S.CANCELLED, reason)

    def reject(self, order: Tracked, reason: str, state: State = State.REJECTED) -> None:
        """End an order that never became one."""
        if state is State.EXPIRED:
            self.move(order, State.ABSENT, "proved never taken")
        self._close(order, state, reason)
        self._tell(order, S.REJECTED if order.told is S.SUBMITTED else S.CANCELLED, reason)

    def vanish(self, order: Tracked, reason: str) -> None:
        """End an order of which the venue knows nothing any more, and of which nothing was filled since."""
        self._close(order, State.CLOSED_NO_FILL, reason)
        self._tell(order, S.CANCELLED, reason)

    def _close(self, order: Tracked, state: State, reason: str) -> None:
        self.move(order, state, reason)
        self.orders.close(order)
        late = f"110001: the order ended as {state}"
        if order.cancelling and state is not State.CANCELLED:
            self._context.tell(RefusalReport(CANCEL, order.id, order.symbol, late))
        elif order.cancelling and reason != CANCELLED_BY_US:
            self._context.tell(GrantReport(CANCEL, order.id))
        if order.amending is not None:
            self._context.tell(RefusalReport(AMEND, order.id, order.symbol, late))
        order.cancelling, order.amending = False, None
        if order.stuck and not any(other.stuck for other in self.orders.on(order.symbol)):
            self._context.open("cancel", f"order {order.id} ended at last", order.symbol)

    # Details

    def move(self, order: Tracked, state: State, reason: str) -> None:
        """Move an order to another state, and say so."""
        step(order, state)
        self._context.tell(TrackReport(order.id, order.link_id, order.symbol, state, reason))

    def _tell(self, order: Tracked, status: OrderStatus, reason: str = "") -> None:
        order.told = status
        self._context.tell(OrderReport(order.id, status, reason))


def _is_newer(order: Tracked, seen: OrderSeen, status: OrderStatus) -> bool:
    """Whether a row says more than is known; of steps with one stamp, the later step does."""
    if status in ENDS:
        return order.end is None or seen.filled > order.end.filled
    if seen.filled != order.seen_filled:
        return seen.filled > order.seen_filled
    if seen.updated != order.seen_updated:
        return seen.updated > order.seen_updated
    return order.state in EARLY or _RANKS.get(status, 0) > _RANKS.get(order.told, 0)


def _reason(order: Tracked, seen: OrderSeen) -> str:
    """Why an order ended, in the venue's words; a cancel that we did not ask for is told apart."""
    if seen.cancel_type == CANCELLED_BY_US:
        return CANCELLED_BY_US if order.cancelling or not order.ours else f"{CANCELLED_BY_US}, not by us"
    if seen.reject_reason not in NO_REASON:
        return seen.reject_reason
    return "" if seen.cancel_type in NO_REASON else seen.cancel_type
