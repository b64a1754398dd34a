"""Where a stream ends: all that a writer must know to go on as if it had never stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from daemon.journal.chain import read_envelope, seed
from daemon.journal.layout import Segment, Stream
from daemon.journal.manifest import SegmentSeal
from daemon.journal.scan import Block

if TYPE_CHECKING:
    from hashlib import _Hash


class Tail(Struct, frozen=True, kw_only=True):
    """The end of a stream.

    next_seq: of the record to come.  crc: where the chain stands.  segment, offset, first_seq, sha256: the segment that
    holds the last record, its uncompressed bytes so far, its first record, the digest of those bytes; an empty stream
    ends at byte 0 of segment 1.  last_ts: of the last record, nanoseconds UTC.  closed: the segments before.
    cut_bytes: size of what was cut off behind this end.  kept: the files that hold it now.
    """

    stream: Stream
    next_seq: int
    crc: int
    segment: int
    offset: int
    first_seq: int
    sha256: _Hash
    last_ts: int | None = None
    closed: tuple[SegmentSeal, ...] = ()
    cut_bytes: int = 0
    kept: tuple[Path, ...] = ()


def empty_tail(stream: Stream) -> Tail:
    """Return the end of a stream that holds nothing yet."""
    return Tail(stream=stream, next_seq=1, crc=seed(stream), segment=1, offset=0, first_seq=1, sha256=hashlib.sha256())


def seal_segment(name: str, size: int, sha256: _Hash, first_seq: int, last_seq: int) -> SegmentSeal:
    """Return what is remembered of a finished segment."""
    return SegmentSeal(name=name, bytes=size, sha256=sha256.hexdigest(), first_seq=first_seq, last_seq=last_seq)


class Tally:
    """Follows a scan and knows at each moment where the stream ends."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._segment: Segment | None = None
        self._closed: list[SegmentSeal] = []
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._first_seq = 1
        self._next_seq = 1
        self._last_line = b""

    def follow(self, blocks: Iterator[Block], *, keep: int | None = None) -> None:
        """Take in blocks to their end, or up to record `keep`."""
        for block in blocks:
            if keep is not None and block.first_seq > keep:
                return
            self.add(block if keep is None else block._replace(lines=block.lines[: keep + 1 - block.first_seq]))

    def add(self, block: Block) -> None:
        """Take in the next block."""
        if self._segment is None or block.segment.number != self._segment.number:
            self._open(block)
        text = b"\n".join(block.lines) + b"\n"
        self._sha256.update(text)
        self._size += len(text)
        self._next_seq = block.first_seq + len(block.lines)
        self._last_line = block.lines[-1]

    def _open(self, block: Block) -> None:
        self._closed = list(self.seals())
        self._segment = block.segment
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._first_seq = block.first_seq

    def seals(self) -> tuple[SegmentSeal, ...]:
        """Return what is known of each segment so far, the last one included."""
        if self._segment is None:
            return ()
        last = seal_segment(self._segment.name, self._size, self._sha256, self._first_seq, self._next_seq - 1)
        return (*self._closed, last)

    def tail(self) -> Tail:
        """Return where the stream ends."""
        envelope = read_envelope(self._last_line)
        if self._segment is None or envelope is None:
            return empty_tail(self._stream)
        return Tail(
            stream=self._stream,
            next_seq=self._next_seq,
            crc=envelope.crc,
            segment=self._segment.number,
            offset=self._size,
            first_seq=self._first_seq,
            sha256=self._sha256,
            last_ts=envelope.ts,
            closed=tuple(self._closed),
        )
