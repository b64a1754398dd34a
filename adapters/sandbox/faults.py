"""Trouble on purpose: what a real connection does to frames, at positions that a test chooses.

Frames are numbered from 1 in the order in which the player sends them out; snapshots after a subscription and acks are
not counted. The same subscriptions therefore meet the same trouble in every run.
"""

from __future__ import annotations

from msgspec import Struct

GARBAGE = b'{"topic":"orderbook.50.BTC\xc3\x9f","type":'


class Mute(Struct, frozen=True, forbid_unknown_fields=True):
    """From frame number `first` on, `frames` frames long, nothing of `topic` is sent."""

    topic: str
    first: int
    frames: int


class Faults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan of trouble; empty means none.

    drop_after: frame numbers after which every connection is cut without a goodbye.
    skip_delta_at: the next book delta at or after each of these numbers is not sent, which leaves a gap in `u`.
    mute: topics that fall silent for a while.
    garbage_before: numbers of frames before which every connection gets a text that is not JSON.
    duplicate: numbers of frames that are sent twice.
    stall_before: (frame number, real milliseconds); the market stands still before the step that begins with this
    frame or a later one.
    """

    drop_after: tuple[int, ...] = ()
    skip_delta_at: tuple[int, ...] = ()
    mute: tuple[Mute, ...] = ()
    garbage_before: tuple[int, ...] = ()
    duplicate: tuple[int, ...] = ()
    stall_before: tuple[tuple[int, int], ...] = ()


class Fate(Struct, frozen=True):
    """What happens around one frame: copies sent (0 to 2), garbage before it, a cut after it."""

    copies: int = 1
    garbage_before: bool = False
    drop_after: bool = False


ORDINARY = Fate()


class FaultPlan:
    """Walks through `Faults` frame by frame."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._skips = sorted(faults.skip_delta_at)
        self._stalls = sorted(faults.stall_before)
        self._number = 0
        self.quiet = faults == Faults()

    def fate(self, topic: str, payload: bytes) -> Fate:
        """Decide what happens to the next frame."""
        self._number += 1
        if self.quiet:
            return ORDINARY
        number, faults = self._number, self._faults
        copies = 2 if number in faults.duplicate else 1
        if self._muted(topic) or self._skipped(topic, payload):
            copies = 0
        return Fate(
            copies=copies,
            garbage_before=number in faults.garbage_before,
            drop_after=number in faults.drop_after,
        )

    def stall_seconds(self) -> float:
        """Real seconds to stand still before the next step."""
        if not self._stalls or self._stalls[0][0] > self._number + 1:
            return 0.0
        return self._stalls.pop(0)[1] / 1000

    def _muted(self, topic: str) -> bool:
        return any(
            mute.topic == topic and mute.first <= self._number < mute.first + mute.frames for mute in self._faults.mute
        )

    def _skipped(self, topic: str, payload: bytes) -> bool:
        due = bool(self._skips) and self._number >= self._skips[0]
        if not due or not topic.startswith("orderbook.") or b'"type":"delta"' not in payload[:120]:
            return False
        del self._skips[0]
        return True
