"""Decision records about a venue reached over a network: what was sent, what became of it, and where books differ.

Part of `daemon.core.records.Record`; what holds for every record is said there, and docs/streams.md explains each.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from daemon.core.events import Side


class SendLine(Struct, frozen=True, gc=False, tag="send", tag_field="kind"):
    """A request that changes something at a venue, complete but for its signature; durable before it leaves.

    request: its id, under which the input stream holds the answer.  link_id: the venue's name of the order.
    text: the body exactly as sent.  deadline: when it is not to be sent any more, nanoseconds UTC.
    """

    seq: int
    cause: int
    ts: int
    lane: str
    request: str
    op: str
    order_id: str
    link_id: str
    symbol: str
    method: str
    path: str
    text: str
    deadline: int


class TrackLine(Struct, frozen=True, gc=False, tag="track", tag_field="kind"):
    """What we know of an order's fate at a venue changed; states as in `daemon.core.remote.states`."""

    seq: int
    cause: int
    ts: int
    lane: str
    order_id: str
    link_id: str
    symbol: str
    state: str
    reason: str


class QueryDone(Struct, frozen=True, gc=False):
    """A question to the venue that was answered completely. first, last: the window it covers, 0 where it has none."""

    op: str
    rows: int
    first: int = 0
    last: int = 0


class ReconcileLine(Struct, frozen=True, gc=False, tag="reconcile", tag_field="kind"):
    """Our books were held against the venue's.

    step: "begin", "pass", "ready", "failed" or "down".  reason: why it was done, or what does not agree.
    queries: what was asked and answered completely for this.
    """

    seq: int
    cause: int
    ts: int
    lane: str
    step: str
    reason: str
    queries: tuple[QueryDone, ...] = ()


class MismatchLine(Struct, frozen=True, gc=False, tag="mismatch", tag_field="kind"):
    """Our books and the venue's differ. what: such as "position"; action: what was done about it.

    order_id: the order concerned, the venue's id where we have none.
    """

    seq: int
    cause: int
    ts: int
    lane: str
    what: str
    symbol: str
    order_id: str
    ours: str
    venue: str
    action: str


class AdoptionLine(Struct, frozen=True, gc=False, tag="adoption", tag_field="kind"):
    """A position at the venue that our books did not explain was taken into them. position, cash: afterwards.

    side, qty, price: the change, as if it had been executed at `price` without a fee.
    """

    seq: int
    cause: int
    ts: int
    lane: str
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    reason: str
    position: Decimal
    cash: Decimal
