"""Where a run lies on disk: the names of its files, and which segments a stream has.

A run is a folder with `manifest.json`, the segments of two streams (`inputs-000001.jsonl`, `decisions-000001.jsonl`)
and `run.log`. A closed segment may be packed to `.jsonl.zst`. What recovery cut off stands beside its segment as
`.broken-<n>`; `.tmp` is a file that a crash left half written, and nobody reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import zstandard

from daemon.core.errors import JournalCorrupt, JournalError

MANIFEST = "manifest.json"
LOCK = "run.lock"
PACKED = ".zst"
TEMPORARY = ".tmp"

_SEGMENT = re.compile(r"(inputs|decisions)-(\d{6,})\.jsonl(\.zst)?")
_LARGEST_ZSTD_HEADER = 18
_PACKED_CURE = "restore the file from a copy; a packed segment is never written to again"


class Stream(StrEnum):
    """The two streams of a run."""

    INPUTS = "inputs"
    DECISIONS = "decisions"


class Segment(NamedTuple):
    """One file of a stream. number: 1, 2, 3...  packed: compressed with zstd."""

    run_dir: Path
    stream: Stream
    number: int
    packed: bool = False

    @property
    def name(self) -> str:
        """File name of the segment, such as `inputs-000001.jsonl`, also when it is packed."""
        return f"{self.stream}-{self.number:06d}.jsonl"

    @property
    def plain_path(self) -> Path:
        """Where the segment lies while it is not packed."""
        return self.run_dir / self.name

    @property
    def packed_path(self) -> Path:
        """Where the segment lies when it is packed."""
        return self.run_dir / (self.name + PACKED)

    @property
    def path(self) -> Path:
        """Where the segment lies."""
        return self.packed_path if self.packed else self.plain_path


def list_segments(run_dir: Path, stream: Stream) -> list[Segment]:
    """Return the segments of a stream by number. Where a crash left both forms, the plain one if it is whole.

    Raises:
        JournalError: there is no such folder.
    """
    if not run_dir.is_dir():
        raise JournalError(f"{run_dir}: there is no such run", cure="name a folder below logs/")
    forms: dict[int, set[bool]] = {}
    for path in run_dir.iterdir():
        match = _SEGMENT.fullmatch(path.name)
        if match and match[1] == stream:
            forms.setdefault(int(match[2]), set()).add(match[3] is not None)
    return [
        Segment(run_dir, stream, index, _is_packed(run_dir, stream, index, forms[index])) for index in sorted(forms)
    ]


def _is_packed(run_dir: Path, stream: Stream, index: int, forms: set[bool]) -> bool:
    if len(forms) == 1:
        return True in forms
    both = Segment(run_dir, stream, index)
    try:
        return both.plain_path.stat().st_size != _unpacked_size(both.packed_path)
    except FileNotFoundError:
        return True


def _unpacked_size(path: Path) -> int:
    """Bytes that a packed segment holds, as its header says; -1 if the header cannot be read."""
    with path.open("rb") as file:
        header = file.read(_LARGEST_ZSTD_HEADER)
    try:
        return int(zstandard.frame_content_size(header))
    except zstandard.ZstdError:
        return -1


def read_segment(segment: Segment, block_bytes: int) -> Iterator[bytes]:
    """Yield the uncompressed bytes of a segment in blocks, whichever form it has; memory does not grow with it.

    Raises:
        JournalCorrupt: a packed segment cannot be unpacked.
    """
    if not segment.packed:
        try:
            yield from _read_plain(segment.plain_path, block_bytes)
        except FileNotFoundError:
            yield from _read_packed(segment, block_bytes)
    else:
        yield from _read_packed(segment, block_bytes)


def _read_plain(path: Path, block_bytes: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while block := file.read(block_bytes):
            yield block


def _read_packed(segment: Segment, block_bytes: int) -> Iterator[bytes]:
    path = segment.packed_path
    size = 0
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
        while block := _unpack(reader, block_bytes, path, size):
            size += len(block)
            yield block
    if size != _unpacked_size(path):
        raise JournalCorrupt("the packed segment is cut off", file=path.name, offset=size, seq=0, cure=_PACKED_CURE)


def _unpack(reader: zstandard.ZstdDecompressionReader, block_bytes: int, path: Path, offset: int) -> bytes:
    try:
        return bytes(reader.read(block_bytes))
    except zstandard.ZstdError as error:
        message = f"the packed segment is damaged: {error}"
        raise JournalCorrupt(message, file=path.name, offset=offset, seq=0, cure=_PACKED_CURE) from None
