"""Walks a stream from its first to its last good line, checking the chain: reading, recovery and verify share it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from daemon.core.errors import JournalCorrupt
from daemon.journal.chain import follow, read_envelope, seed
from daemon.journal.diagnosis import Fault, Place, describe, is_torn
from daemon.journal.layout import Segment, Stream, list_segments, read_segment
from daemon.journal.manifest import StreamSeal

BLOCK_BYTES = 128 * 1024


class Block(NamedTuple):
    """Some whole good lines of one segment.

    offset: of the first line in the uncompressed segment.  first_seq: its record.  lines: without newlines.
    """

    segment: Segment
    offset: int
    first_seq: int
    lines: list[bytes]


class Scan:
    """One pass over a stream.

    Iterate `blocks()` to its end; then `fault` says why it stopped (None: the stream is good to its end), `next_seq`
    and `crc` where the good part ends. `segments` are those present.
    verify: False believes each line's own checksum and skips computing it.
    """

    def __init__(self, run_dir: Path, stream: Stream, *, verify: bool = True, seal: StreamSeal | None = None) -> None:
        self.stream = stream
        self.segments = list_segments(run_dir, stream)
        self.next_seq = 1
        self.crc = seed(stream)
        self.fault: Fault | None = None
        self._verify = verify
        self._seal = seal
        self._previous = b""

    def blocks(self) -> Iterator[Block]:
        """Yield the good lines in order, until the end or the first bad place."""
        for position, segment in enumerate(self.segments):
            self._expect(segment, position)
            if self.fault is None:
                yield from self._segment(segment)
            if self.fault is not None:
                return
        self._check_seal()

    def _expect(self, segment: Segment, position: int) -> None:
        if segment.number != position + 1:
            wanted = segment._replace(number=position + 1, packed=False).name
            self.fault = Fault(wanted, 0, self.next_seq, "the segment is missing, or was renamed")

    def _segment(self, segment: Segment) -> Iterator[Block]:
        texts = _Texts(read_segment(segment, BLOCK_BYTES))
        offset = 0
        try:
            for text in texts:
                lines = text.split(b"\n")[:-1]
                block = self._check(segment, offset, lines)
                if block.lines:
                    self._previous = block.lines[-1]
                    yield block
                if self.fault is None and block.lines is not lines:
                    good = sum(len(line) + 1 for line in block.lines)
                    self._diagnose(segment, offset + good, text[good:] + texts.remaining())
                if self.fault is not None:
                    return
                offset += len(text)
        except JournalCorrupt as error:
            self.fault = Fault(error.file, error.offset, self.next_seq, error.reason)
            return
        if texts.rest or not offset:
            self._end_of_segment(segment, offset, texts.rest)

    def _check(self, segment: Segment, offset: int, lines: list[bytes]) -> Block:
        first_seq = self.next_seq
        if self._verify or not self._numbered(lines):
            good, self.crc = follow(lines, self.crc)
            lines = lines if good == len(lines) else lines[:good]
            if lines and not self._numbered(lines):
                reason = "the checksums hold but the records are numbered otherwise"
                self.fault = Fault(segment.name, offset, first_seq, reason)
                lines = []
        elif last := read_envelope(lines[-1]):
            self.crc = last.crc
        self.next_seq += len(lines)
        return Block(segment, offset, first_seq, lines)

    def _numbered(self, lines: list[bytes]) -> bool:
        """Check the numbers of the first and the last line: where the chain holds, no others can be wrong."""
        first, last = read_envelope(lines[0]), read_envelope(lines[-1])
        if first is None or last is None:
            return False
        return first.seq == self.next_seq and last.seq == self.next_seq + len(lines) - 1

    def _diagnose(self, segment: Segment, offset: int, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        last = not any(later.path.stat().st_size for later in self.segments[segment.number :])
        place = Place(
            self.stream,
            lines,
            rest,
            self.crc,
            self.next_seq,
            self._previous,
            opens=not offset,
            last=last and not segment.packed,
        )
        torn = self._seal is None and is_torn(place)
        self.fault = Fault(segment.name, offset, self.next_seq, describe(place), torn)

    def _end_of_segment(self, segment: Segment, offset: int, rest: bytes) -> None:
        """Judge a segment that ends without a newline or holds nothing; an empty last one a crash can leave."""
        if rest:
            self._diagnose(segment, offset, rest)
        elif segment != self.segments[-1] or self._seal is not None:
            self.fault = Fault(segment.name, 0, self.next_seq, "the segment is empty")

    def _check_seal(self) -> None:
        seal = self._seal
        if seal is None or (seal.count, seal.crc) == (self.next_seq - 1, f"{self.crc:08x}"):
            return
        end = self.segments[-1].name if self.segments else Segment(Path(), self.stream, 1).name
        if self.next_seq <= seal.count:
            reason = f"missing: the run was sealed with {seal.count} records"
        else:
            reason = f"the run was sealed with {seal.count} records and checksum {seal.crc}: lines added or replaced"
        self.fault = Fault(end, 0, self.next_seq, reason)


class _Texts:
    """Cuts blocks of bytes at their last newline; `rest` is what follows the last one of all."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._parts: list[bytes] = []

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            cut = block.rfind(b"\n") + 1
            if not cut:
                self._parts.append(block)
                continue
            text = b"".join([*self._parts, block[:cut]])
            self._parts = [block[cut:]]
            yield text

    @property
    def rest(self) -> bytes:
        return b"".join(self._parts)

    def remaining(self) -> bytes:
        """Return all that was not yielded, to the end of the segment."""
        return b"".join([*self._parts, *self._blocks])
