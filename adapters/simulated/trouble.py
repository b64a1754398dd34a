"""Trouble: what becomes of our requests, and when we are told, while the venue has its bad moments.

Its one job: the fate of each request under the troubles that a run suffers; they are inputs, so that a replay suffers
them again at the same place. What each kind is for stands at `daemon.core.events.TroubleKind`.

Assumptions:
- Every trouble counts the requests it concerns from its moment on; when several concern one request, all of them count
  it, the longest delay holds and the oldest refusal is given.
- A late report, and one whose answer was lost, is told `delay_ms` after its request was sent at the earliest; all
  reports come over one connection, so what happens after it waits too.
- Of a request that never arrived the daemon knows `delay_ms` after sending it, as if it had asked the venue then.
- A lost connection is lost for every symbol. What is sent meanwhile is not sent, which the daemon knows at once, and
  counts for no other trouble; what was on its way before arrives.

Known limits: deleveraging is no matter of requests and is not handled here.
"""

from __future__ import annotations

from msgspec import Struct

from daemon.core.errors import InvariantBroken
from daemon.core.events import TroubleKind, VenueTrouble
from daemon.core.units import NS_PER_MS

NOT_SENT = "not sent: the connection to the venue is down"
NEVER_ARRIVED = "110001: order does not exist, the request never arrived"


class Fate(Struct, frozen=True):
    """What becomes of one request.

    refused: why it has no effect at the exchange, None when it arrives.  known_at: when the daemon knows of that by
    itself, nanoseconds UTC; None when the exchange tells it, like any report.
    hidden_until: before this time nothing that happens from now on is told, nanoseconds UTC; 0 without a bound.
    """

    refused: str | None = None
    known_at: int | None = None
    hidden_until: int = 0


CLEAR = Fate()


class Burden(Struct):
    """A trouble, and how many requests it still concerns."""

    trouble: VenueTrouble
    left: int


class Troubles:
    """The troubles of one account at its exchange. Costs a comparison while there are none."""

    __slots__ = ("_burdens", "_down_until")

    def __init__(self) -> None:
        self._burdens: list[Burden] = []
        self._down_until = 0

    def suffer(self, trouble: VenueTrouble, now: int) -> None:
        """Begin a trouble; one that concerns no request, by its count, does nothing.

        Raises:
            InvariantBroken: it is a deleveraging.
        """
        if trouble.kind is TroubleKind.ADL:
            raise InvariantBroken(f"deleveraging of {trouble.symbol or 'no symbol'} is not a matter of requests")
        if trouble.kind is TroubleKind.DISCONNECT:
            self._down_until = max(self._down_until, now + _delay(trouble))
        elif trouble.count > 0:
            self._burdens.append(Burden(trouble, trouble.count))

    def on_request(self, symbol: str, now: int) -> Fate:
        """The fate of a request sent at `now`, and one fewer to come for the troubles it meets.

        symbol: what it is about; empty for all symbols, which only troubles of all symbols concern.
        """
        if now < self._down_until:
            return Fate(NOT_SENT, known_at=now)
        if not self._burdens:
            return CLEAR
        met = [burden.trouble for burden in self._burdens if burden.trouble.symbol in ("", symbol)]
        for burden in self._burdens:
            burden.left -= burden.trouble.symbol in ("", symbol)
        self._burdens = [burden for burden in self._burdens if burden.left]
        return _fate(met, now)

    def told_from(self, due: int) -> int:
        """When a report that would be told at `due` is told, nanoseconds UTC: not while the connection is down."""
        return max(due, self._down_until)


def _fate(met: list[VenueTrouble], now: int) -> Fate:
    hidden_until = 0
    for trouble in met:
        if trouble.kind in (TroubleKind.LATE, TroubleKind.LOST_ANSWER):
            hidden_until = max(hidden_until, now + _delay(trouble))
    for trouble in met:
        if trouble.kind is TroubleKind.REJECT:
            return Fate(trouble.reason, hidden_until=hidden_until)
        if trouble.kind is TroubleKind.LOST_REQUEST:
            return Fate(NEVER_ARRIVED, known_at=now + _delay(trouble), hidden_until=hidden_until)
    return Fate(hidden_until=hidden_until) if hidden_until else CLEAR


def _delay(trouble: VenueTrouble) -> int:
    return max(trouble.delay_ms, 0) * NS_PER_MS
