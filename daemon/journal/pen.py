"""The end of a stream in memory, and the rule that says where its segments end."""

from __future__ import annotations

from daemon.core.units import NS_PER_DAY, utc_day
from daemon.journal.tail import Tail
from daemon.journal.thread import Chunk


class Pen:
    """The end of one stream in memory: lines that are not flushed yet, and where the next one goes.

    flushed: bytes of the open segment already handed over.  room: bytes in `buffer` that call for a turn.
    """

    __slots__ = ("buffer", "crc", "day_end", "day_start", "flushed", "full", "next_seq", "room", "segment", "stream")

    def __init__(self, tail: Tail) -> None:
        self.stream = tail.stream
        self.buffer = bytearray()
        self.crc = tail.crc
        self.next_seq = tail.next_seq
        self.segment = tail.segment
        self.flushed = tail.offset
        self.room = 0
        self.full: list[Chunk] = []
        self.day_start = self.day_end = 0
        if tail.last_ts is not None:
            self.set_day(tail.last_ts)

    def set_day(self, ts: int) -> None:
        """Remember the UTC day of the last record."""
        self.day_start = utc_day(ts) * NS_PER_DAY
        self.day_end = self.day_start + NS_PER_DAY

    def must_rotate(self, ts: int, segment_bytes: int) -> bool:
        """Whether the record of time `ts` opens a new segment."""
        size = self.flushed + len(self.buffer)
        return size > 0 and (size >= segment_bytes or not self.day_start <= ts < self.day_end)

    def rotate(self) -> None:
        """Go on in the next segment."""
        self._fill()
        self.segment += 1
        self.flushed = 0

    def _fill(self) -> None:
        if self.buffer:
            self.full.append(Chunk(self.stream, self.segment, self.buffer, self.next_seq - 1))
            self.flushed += len(self.buffer)
            self.buffer = bytearray()

    def take(self) -> list[Chunk]:
        """Hand over all lines."""
        self._fill()
        self.room = 0
        full, self.full = self.full, []
        return full
