"""What is known of an order's fate at a venue: a table, beside the venue's own statuses in `daemon.core.orders`.

    Sending ─┬─> Acked ──> Working ─┬─> FillsPending ─┬─> Filled
             │                      └─────────────────┴─> Cancelled | Rejected | ClosedNoFill
             └─> Unknown ─┬─> as from Sending
                          └─> Absent ─┬─> Sending (the same name again)
                                      └─> Expired

An order whose answer was lost is Unknown until the venue was asked: it counts in full as exposure, and becomes Absent
by proof only, see `fence`. Terminal states never reopen.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an order stands.

    SENDING: its record is written, bytes may be on the wire.  ACKED: the venue took the request.  WORKING: seen at the
    venue.  UNKNOWN: its answer was lost.  FILLS_PENDING: it ended, and executions are missing.  ABSENT: proved never
    taken.  EXPIRED: absent, and too late to send again.  CLOSED_NO_FILL: gone from all answers without a fill.
    """

    SENDING = "Sending"
    ACKED = "Acked"
    WORKING = "Working"
    UNKNOWN = "Unknown"
    FILLS_PENDING = "FillsPending"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    REJECTED = "Rejected"
    ABSENT = "Absent"
    EXPIRED = "Expired"
    CLOSED_NO_FILL = "ClosedNoFill"


_ENDS = {State.FILLS_PENDING, State.FILLED, State.CANCELLED, State.REJECTED}
STEPS: dict[State, frozenset[State]] = {
    State.SENDING: frozenset({State.ACKED, State.WORKING, State.UNKNOWN, *_ENDS}),
    State.ACKED: frozenset({State.WORKING, State.UNKNOWN, State.CLOSED_NO_FILL, *_ENDS}),
    State.WORKING: frozenset({State.UNKNOWN, State.CLOSED_NO_FILL, *_ENDS}),
    State.UNKNOWN: frozenset({State.ACKED, State.WORKING, State.ABSENT, State.CLOSED_NO_FILL, *_ENDS}),
    State.FILLS_PENDING: frozenset({State.FILLED, State.CANCELLED, State.REJECTED}),
    State.ABSENT: frozenset({State.SENDING, State.EXPIRED}),
    State.FILLED: frozenset(),
    State.CANCELLED: frozenset(),
    State.REJECTED: frozenset(),
    State.EXPIRED: frozenset(),
    State.CLOSED_NO_FILL: frozenset(),
}
