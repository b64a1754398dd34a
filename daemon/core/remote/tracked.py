"""Orders at a venue as we know them, and the ways to find one."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal

from msgspec import Struct

from daemon.core.errors import InvariantBroken
from daemon.core.orders import Amendment, OrderRequest
from daemon.core.records import OrderStatus
from daemon.core.remote.states import STEPS, State
from daemon.core.units import NEVER, ZERO, subtract

CLOSED_KEPT = 5_000


class End(Struct, frozen=True):
    """How the venue says that an order ended: its status, the quantity filled by then, and why."""

    status: OrderStatus
    filled: Decimal
    reason: str


class Tracked(Struct):
    """An order at the venue. Times are nanoseconds UTC, quantities base units.

    request: as last agreed.  ours: whether we sent it; others were made by the venue or by somebody else.
    told: the status that the lane was told last.  applied: quantity of the executions applied.
    seen_filled, seen_updated: the newest that the venue showed.  end: how it ended, while executions are missing.
    deadline: when it is not to be sent any more.  closes_at: when the venue can no longer take what was sent last.
    sends: how often it was sent.  amending: the change under way.  cancelling: whether a cancel is.
    cancels, cancel_again: how often it was asked for, and when it may be again.  stuck: it was given up.
    reference: the touch when it was decided, USDT, 0 when unknown.
    touched: when we last heard or did something about it, by the input's clock.
    """

    request: OrderRequest
    link_id: str
    ours: bool
    state: State
    venue_id: str = ""
    told: OrderStatus = OrderStatus.SUBMITTED
    applied: Decimal = ZERO
    seen_filled: Decimal = ZERO
    seen_updated: int = 0
    end: End | None = None
    deadline: int = NEVER
    closes_at: int = 0
    sends: int = 1
    amending: Amendment | None = None
    cancelling: bool = False
    cancels: int = 0
    cancel_again: int = 0
    stuck: bool = False
    reference: Decimal = ZERO
    touched: int = 0

    @property
    def id(self) -> str:
        """Our name of it in the decision stream."""
        return self.request.order_id

    @property
    def symbol(self) -> str:
        """The contract."""
        return self.request.symbol

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return bool(STEPS[self.state])

    @property
    def remaining(self) -> Decimal:
        """Quantity of which no execution was applied."""
        return subtract(self.request.qty, self.applied)


class Orders:
    """All orders of an account: the open ones, and those that ended last, by every name they have."""

    def __init__(self) -> None:
        self.open: dict[str, Tracked] = {}
        self._closed: OrderedDict[str, Tracked] = OrderedDict()
        self._by_link: dict[str, Tracked] = {}
        self._by_venue: dict[str, Tracked] = {}

    def add(self, order: Tracked) -> None:
        """Take on an order."""
        if order.id in self.open:
            raise InvariantBroken(f"order {order.id} is tracked already")
        self.open[order.id] = order
        if order.link_id:
            self._by_link[order.link_id] = order
        self.name(order, order.venue_id)

    def name(self, order: Tracked, venue_id: str) -> None:
        """Note the venue's own name of an order."""
        if venue_id and self._by_venue.get(venue_id) is not order:
            order.venue_id = venue_id
            self._by_venue[venue_id] = order

    def find(self, link_id: str, venue_id: str) -> Tracked | None:
        """The order of either name, ours first."""
        return self._by_link.get(link_id) or self._by_venue.get(venue_id)

    def by_id(self, order_id: str) -> Tracked | None:
        """The open order of our name in the decision stream."""
        return self.open.get(order_id)

    def close(self, order: Tracked) -> None:
        """Keep an order that ended among the closed ones; the oldest of many are forgotten."""
        self.open.pop(order.id, None)
        self._closed[order.id] = order
        if len(self._closed) > CLOSED_KEPT:
            _, oldest = self._closed.popitem(last=False)
            self._forget(oldest)

    def forget_names(self, order: Tracked) -> None:
        """Let another order take the names of one that ended."""
        self._closed.pop(order.id, None)
        self._forget(order)

    def on(self, symbol: str) -> list[Tracked]:
        """Open orders of a symbol, oldest first."""
        return [order for order in self.open.values() if order.symbol == symbol]

    def _forget(self, order: Tracked) -> None:
        if self._by_link.get(order.link_id) is order:
            del self._by_link[order.link_id]
        if self._by_venue.get(order.venue_id) is order:
            del self._by_venue[order.venue_id]


def step(order: Tracked, state: State) -> None:
    """Move an order to another state.

    Raises:
        InvariantBroken: the table does not know this step.
    """
    if state not in STEPS[order.state]:
        raise InvariantBroken(f"order {order.id} cannot go from {order.state} to {state}")
    order.state = state
