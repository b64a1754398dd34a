"""The state of one subscription on one connection."""

from __future__ import annotations

from enum import Enum

from adapters.bybit.settings import NEVER, Silence
from adapters.bybit.topics import Topic, TopicKind


class Phase(Enum):
    """Where a subscription stands with the venue."""

    OFF = "off"
    ASKED = "asked"
    ACKED = "acked"
    REFUSED = "refused"


class Subscription:
    """One topic of a connection. Times are nanoseconds of our clock.

    limit: silence after which it is stale.  heard: last data, or when the wait for data began.
    asked, due: when it was last asked for, and when ack and promised snapshot must be there.
    waiting: no data, or for a book or ticker no snapshot, since it was asked for or called stale.
    stale, silent_since: told to be stale and not heard since.  resync_at: when to ask anew.
    replacements: connections it has cost since its last data.
    """

    __slots__ = (
        "asked",
        "due",
        "heard",
        "limit",
        "phase",
        "replacements",
        "resync_at",
        "sends_snapshot",
        "silent_since",
        "stale",
        "topic",
        "waiting",
    )

    def __init__(self, topic: Topic, silence: Silence) -> None:
        self.topic = topic
        self.limit = silence.limit_ns(topic.kind)
        self.sends_snapshot = topic.kind in {TopicKind.ORDERBOOK, TopicKind.TICKER}
        self.stale = False
        self.silent_since = 0
        self.replacements = 0
        self.reset()

    def reset(self) -> None:
        """The connection is gone. What was told to be stale stays so until data comes."""
        self.phase = Phase.OFF
        self.waiting = True
        self.asked = 0
        self.heard = 0
        self.due = NEVER
        self.resync_at = NEVER

    def ask(self, now: int, due: int) -> None:
        """A request was sent: ack and snapshot must come until `due`."""
        self.phase = Phase.ASKED
        self.asked = now
        self.heard = now
        self.due = due
        self.resync_at = NEVER

    def acknowledge(self) -> None:
        """The venue said yes."""
        self.phase = Phase.ACKED
        self._settle()

    def leave(self, until: int) -> None:
        """Expect nothing of it until a time, and then its usual limit."""
        self.due = NEVER
        self.heard = until

    def refuse(self) -> None:
        """The venue said no."""
        self.phase = Phase.REFUSED
        self.due = NEVER
        self.resync_at = NEVER

    def hear(self, frame: bytes) -> bool:
        """Take the data waited for; returns False for what is none: a leftover of before the subscription."""
        if self.sends_snapshot and b'"snapshot"' not in frame:
            return False
        self.waiting = False
        self.replacements = 0
        self._settle()
        return True

    def overdue(self) -> str:
        """What is missing when `due` has passed."""
        if self.phase is Phase.ASKED:
            return f"no answer to the subscription of {self.topic.name}"
        return f"no snapshot of {self.topic.name}"

    def deadline(self) -> int:
        """When it next needs a look, `NEVER` if not before data or an answer comes."""
        if self.phase in {Phase.OFF, Phase.REFUSED}:
            return NEVER
        return min(self.due, self.resync_at, self.heard + self.limit)

    def excuse(self, duration: int) -> None:
        """Move every deadline by a time in which nobody listened."""
        self.heard += duration
        if self.due != NEVER:
            self.due += duration

    def _settle(self) -> None:
        if self.phase is Phase.ACKED and not (self.waiting and self.sends_snapshot):
            self.due = NEVER
