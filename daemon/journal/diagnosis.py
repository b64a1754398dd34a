"""What is wrong at the first bad place of a stream, in words, and whether a crash can have left it.

A crash leaves a tail: a line cut off, zeros or rubbish where the file had grown before its blocks were written, a last
record that fails its checksum. It never leaves a whole later record behind a bad place, with one exception: after a
power loss unwritten sectors read as zeros although later ones were written. That exception is granted only close to the
end of the last segment, where what follows cannot have been acknowledged long ago.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from msgspec import Struct

from daemon.core.errors import JournalCorrupt
from daemon.journal.chain import TAIL_BYTES, Envelope, continues, read_envelope
from daemon.journal.layout import Stream

SECTOR = bytes(512)
POWER_LOSS_WINDOW_BYTES = 1 << 20

_LOOK_AHEAD = 1024
_LONGEST_SEARCHED = 1 << 16
_CURE = "restore the segment from a copy, or keep the run as evidence and start a new one"


class Fault(Struct, frozen=True):
    """The first bad place of a stream.

    file, offset: segment and byte of the bad line in its uncompressed content.  seq: record expected there.
    torn: a crash explains it, and cutting it off repairs the run.
    """

    file: str
    offset: int
    seq: int
    reason: str
    torn: bool = False

    def error(self) -> JournalCorrupt:
        """Return the exception that says the same."""
        return JournalCorrupt(self.reason, file=self.file, offset=self.offset, seq=self.seq, cure=_CURE)


class Place(NamedTuple):
    """A bad place and what surrounds it.

    lines: whole lines from the bad one to the end of its segment, without newlines.  rest: bytes after the last one.
    crc, seq: where the chain stands before it, and the record expected.  previous: the line before, empty at the start.
    opens: it is the first line of its segment.  last: no bytes follow its segment.
    """

    stream: Stream
    lines: list[bytes]
    rest: bytes
    crc: int
    seq: int
    previous: bytes
    opens: bool
    last: bool


def is_torn(place: Place) -> bool:
    """Whether a crash can have left this, so that cutting it off is a repair."""
    if not place.last:
        return False
    if not place.lines or not _goes_on(place):
        return True
    size = sum(map(len, place.lines)) + len(place.lines) + len(place.rest)
    return SECTOR in place.lines[0] and size <= POWER_LOSS_WINDOW_BYTES


def _goes_on(place: Place) -> bool:
    """Whether a whole record of this run, written later than the bad line, stands at or behind it."""
    first = read_envelope(place.lines[0])
    if first and first.seq > place.seq and not _flipped_byte(place.lines[0], place.crc):
        return True
    for index, (before, line) in enumerate(pairwise(place.lines)):
        envelope = read_envelope(line)
        if not envelope or envelope.seq < place.seq:
            continue
        stated = _stated_crc(before)
        if stated is not None and continues(line, stated):
            return True
        if not index and continues(line, crc32(before[:-TAIL_BYTES], place.crc)):
            return True
    return False


def describe(place: Place) -> str:
    """Say in one clause what is wrong at a bad place."""
    if not place.lines:
        return _describe_rest(place.rest)
    line = place.lines[0]
    if SECTOR in line:
        return "zeros where a record should be: the disk never got these bytes"
    position = _flipped_byte(line, place.crc)
    if position is not None:
        return f"a flipped byte: byte {position} of the line was changed"
    envelope = read_envelope(line)
    return _describe_record(place, envelope) if envelope else _describe_damaged(place)


def _describe_record(place: Place, envelope: Envelope) -> str:
    if (envelope.cause is None) is not (place.stream is Stream.INPUTS):
        return "a foreign line: it belongs to the other stream"
    if envelope.seq < place.seq:
        return _describe_earlier(place, envelope)
    if envelope.seq > place.seq:
        return _describe_later(place, envelope)
    return _describe_same(place)


def _describe_rest(rest: bytes) -> str:
    if not rest.strip(b"\0"):
        return f"{len(rest)} zero bytes instead of a record"
    return "the last line is cut off: it has no newline"


def _describe_damaged(place: Place) -> str:
    line = place.lines[0]
    if place.lines[1:] and continues(place.lines[1], place.crc):
        return "a foreign line: it is no record, and the next one belongs here"
    if place.lines[1:] and continues(place.lines[1], crc32(line[:-TAIL_BYTES], place.crc)):
        return "the line's checksum is damaged; its content is as written"
    return "the line is damaged: it is not a whole record"


def _describe_earlier(place: Place, envelope: Envelope) -> str:
    if place.lines[0] == place.previous:
        return f"record {envelope.seq} stands here twice: a duplicated line"
    return f"record {envelope.seq} again: a line or a segment duplicated or moved"


def _describe_later(place: Place, envelope: Envelope) -> str:
    first, *others = place.lines[:_LOOK_AHEAD]
    if others and continues(others[0], place.crc) and not continues(first, _stated_crc(others[0]) or 0):
        return f"a foreign line: record {envelope.seq} was inserted"
    sequences = [found.seq for line in others if (found := read_envelope(line))]
    if place.seq in sequences:
        return f"swapped lines: record {envelope.seq} stands before record {place.seq}"
    if sequences and sequences[0] == place.seq + 1:
        return f"a foreign line: record {envelope.seq} stands in the place of {place.seq}"
    missing = f"record {place.seq}" if envelope.seq == place.seq + 1 else f"records {place.seq} to {envelope.seq - 1}"
    return f"missing: {missing}" + (", or a segment renamed" if place.opens else "")


def _describe_same(place: Place) -> str:
    line = place.lines[0]
    stated = _stated_crc(line)
    following = place.lines[1] if place.lines[1:] else None
    if following is None or stated is None:
        return "the line's content does not match its checksum"
    if continues(following, crc32(line[:-TAIL_BYTES], place.crc)):
        return "the line's checksum is damaged; its content is as written"
    if not continues(following, stated):
        return "a foreign line: neither the record before nor the one behind belongs to it"
    if place.opens:
        return "the segment belongs to another run, or its first line was changed"
    return "the line's content was changed"


def _stated_crc(line: bytes) -> int | None:
    try:
        return int(line[-10:-2], 16)
    except ValueError:
        return None


def _flipped_byte(line: bytes, crc: int) -> int | None:
    """Return the position of the only byte that differs from what was written, None if not just one does.

    A CRC is linear: the difference between the stated and the computed one is the wrong byte's own CRC, moved on by
    the bytes behind it. Undoing that byte by byte meets one of 255 values at the wrong byte.
    """
    stated = _stated_crc(line)
    if stated is None or len(line) > _LONGEST_SEARCHED:
        return None
    difference = stated ^ crc32(line[:-TAIL_BYTES], crc)
    if not difference:
        return _flipped_tail(line, stated)
    for position in range(len(line) - TAIL_BYTES - 1, -1, -1):
        if difference in _SINGLE:
            return position
        top = _BY_TOP[difference >> 24]
        difference = ((difference ^ _TABLE[top]) << 8 | top) & 0xFFFFFFFF
    return None


def _flipped_tail(line: bytes, stated: int) -> int | None:
    expected = b',"crc":"%08x"}' % stated
    wrong = [at for at in range(-TAIL_BYTES, 0) if line[at] != expected[at]]
    return len(line) + wrong[0] if len(wrong) == 1 else None


def _single_byte_checksums() -> list[int]:
    """Return the CRC-32 table: what each value of one byte adds to a checksum."""
    return [crc32(bytes([value])) ^ crc32(b"\0") for value in range(256)]


_TABLE = _single_byte_checksums()
_SINGLE = frozenset(_TABLE[1:])
_BY_TOP = {entry >> 24: value for value, entry in enumerate(_TABLE)}
