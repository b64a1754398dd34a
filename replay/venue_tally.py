"""How it went with an account at a venue, counted from the lines of a lane."""

from __future__ import annotations

from msgspec import Struct

from daemon.core.account_events import Op
from daemon.core.remote.states import State
from daemon.core.units import NS_PER_SECOND
from daemon.core.venue_records import MismatchLine, ReconcileLine, SendLine, TrackLine


class VenueReport(Struct, frozen=True, kw_only=True):
    """How it went with an account at a venue.

    sent: orders sent, again included.  requests: all that were to change something there.  unknown: outcomes that
    became unknown; settled: those of them that were known in the end.  mismatches: differences that were told.
    adoptions: positions taken into the books.  reconciliations: times the books agreed with the venue's again.
    ready_after: seconds of the run from its beginning to the first of these, None without one.
    """

    sent: int
    requests: int
    unknown: int
    settled: int
    mismatches: int
    adoptions: int
    reconciliations: int
    ready_after: float | None


class VenueTally:
    """Counters of one account at a venue.

    Args:
        began: time of its lane's first record, nanoseconds UTC.

    adoptions: positions taken into the books so far.
    """

    def __init__(self, began: int) -> None:
        self.adoptions = 0
        self._began = began
        self._heard = False
        self._sent = self._requests = self._unknown = self._settled = self._mismatches = self._reconciliations = 0
        self._ready_after: float | None = None
        self._open: set[str] = set()

    def add(self, record: SendLine | TrackLine | ReconcileLine | MismatchLine) -> None:
        """Count one line."""
        self._heard = True
        match record:
            case SendLine():
                self._requests += 1
                self._sent += record.op == Op.CREATE
            case TrackLine():
                self._track(record)
            case ReconcileLine(step="ready"):
                self._reconciliations += 1
                if self._ready_after is None:
                    self._ready_after = (record.ts - self._began) / NS_PER_SECOND
            case ReconcileLine():
                pass
            case MismatchLine():
                self._mismatches += 1

    def _track(self, line: TrackLine) -> None:
        if line.state == State.UNKNOWN:
            self._unknown += 1
            self._open.add(line.order_id)
        elif line.order_id in self._open:
            self._open.discard(line.order_id)
            self._settled += 1

    def report(self) -> VenueReport | None:
        """What was counted; None where nothing was heard of a venue."""
        if not self._heard:
            return None
        return VenueReport(
            sent=self._sent,
            requests=self._requests,
            unknown=self._unknown,
            settled=self._settled,
            mismatches=self._mismatches,
            adoptions=self.adoptions,
            reconciliations=self._reconciliations,
            ready_after=self._ready_after,
        )
