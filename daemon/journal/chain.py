"""The line format of both streams and the chain of checksums that holds the lines together.

A line is a compact JSON object: "kind" first, "seq" second (1, 2, 3... without a gap in each stream), "crc" last, then
a newline. crc is eight lower-case hexadecimal digits of the CRC-32 of the line's bytes before `,"crc":"`, continued
from the line before; the first line continues from the CRC-32 of the stream's name and format. So a flipped bit, a
missing, repeated, swapped or foreign line breaks the chain at its place. The chain finds accidents; it is no signature.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from zlib import crc32

from daemon.journal.layout import Stream

FORMAT = 1
TAIL = b',"crc":"%08x"}\n'
TAIL_BYTES = len(TAIL % 0) - 1

_ENVELOPE = re.compile(rb'\{"kind":"(\w+)","seq":(\d{1,18}),(?:"cause":(\d{1,18}),)?"ts":(-?\d{1,19}),')
_TAIL = re.compile(rb',"crc":"([0-9a-f]{8})"\}')


class Envelope(NamedTuple):
    """What stands around the content of a line. cause: None in the input stream."""

    kind: str
    seq: int
    cause: int | None
    ts: int
    crc: int


def seed(stream: Stream) -> int:
    """Return the checksum that the first line of a stream continues."""
    return crc32(f"lockstep {stream} {FORMAT}".encode())


def read_envelope(line: bytes) -> Envelope | None:
    """Read a line without its newline; None if it is not a whole record. Its checksum is not checked."""
    head = _ENVELOPE.match(line)
    tail = _TAIL.fullmatch(line, max(0, len(line) - TAIL_BYTES))
    if not head or not tail:
        return None
    cause = int(head[3]) if head[3] else None
    return Envelope(head[1].decode(), int(head[2]), cause, int(head[4]), int(tail[1], 16))


def continues(line: bytes, crc: int) -> bool:
    """Whether a line without its newline continues a chain that stands at `crc`."""
    return line[-TAIL_BYTES:] == (TAIL % crc32(line[:-TAIL_BYTES], crc))[:-1]


def follow(lines: list[bytes], crc: int) -> tuple[int, int]:
    """Check lines (without newlines) against a chain that stands at `crc`.

    Returns:
        How many lines from the first on continue the chain, and where it stands after them.
    """
    reached = crc
    checksums = [reached := crc32(line[:-TAIL_BYTES], reached) for line in lines]
    expected = TAIL[:-1] * len(lines) % tuple(checksums)
    if b"".join([line[-TAIL_BYTES:] for line in lines]) == expected:
        return len(lines), reached
    return _follow_singly(lines, crc)


def _follow_singly(lines: list[bytes], crc: int) -> tuple[int, int]:
    for good, line in enumerate(lines):
        if not continues(line, crc):
            return good, crc
        crc = crc32(line[:-TAIL_BYTES], crc)
    return len(lines), crc
