"""The turn: one input being handled, and the decision stream that it continues."""

from __future__ import annotations

from collections.abc import Callable

from daemon.core.records import Record

Emit = Callable[[Record], None]


class Turn:
    """When and why something is concluded; shared by all that writes records.

    now: `ts_recv` of the input being handled, nanoseconds UTC.  cause: its seq.
    seq: of the last record. It counts whether or not anybody reads: `emit` is None where nobody does.
    due: the earliest time at which an exchange or a bar has something to do although no fact says so.
    """

    __slots__ = ("cause", "due", "emit", "now", "seq")

    def __init__(self, emit: Emit | None) -> None:
        self.emit = emit
        self.now = 0
        self.cause = 0
        self.seq = 0
        self.due = 0
