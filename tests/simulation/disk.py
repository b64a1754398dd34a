"""What lies on the disk, read by the tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

from msgspec import Struct

from daemon.core.records import DecisionLine, Record, Verdict
from daemon.journal import Stream, read_records
from daemon.journal.layout import MANIFEST, list_segments, read_segment


def stream_segments(run_dir: Path, stream: Stream) -> dict[str, bytes]:
    """Uncompressed bytes of each segment of a stream, by its name."""
    return {segment.name: b"".join(read_segment(segment, 1 << 20)) for segment in list_segments(run_dir, stream)}


def stream_bytes(run_dir: Path, stream: Stream) -> bytes:
    """The whole stream."""
    return b"".join(stream_segments(run_dir, stream).values())


def decision_files(run_dir: Path) -> dict[str, bytes]:
    """The decision files as they lie there, packed or not; what a repair cut off is none of them."""
    return {segment.path.name: segment.path.read_bytes() for segment in list_segments(run_dir, Stream.DECISIONS)}


def runs_in(logs: Path) -> list[Path]:
    """Folders of runs, by name."""
    return sorted(path.parent for path in logs.glob(f"*/{MANIFEST}"))


def the_run(logs: Path) -> Path:
    """The only run there is."""
    [run] = runs_in(logs)
    return run


def records(run_dir: Path) -> list[Record]:
    """Every decision record."""
    return list(read_records(run_dir, allow_torn_tail=True))


def decision_lines(run_dir: Path) -> list[DecisionLine]:
    """Every evaluation."""
    return [record for record in records(run_dir) if isinstance(record, DecisionLine)]


def verdicts(run_dir: Path) -> list[tuple[int, Verdict]]:
    """Every verdict with the seq of its decision."""
    return [(line.seq, verdict) for line in decision_lines(run_dir) for verdict in line.verdicts]


class Prefix(Struct, frozen=True):
    """The whole lines of a stream at some moment: how many bytes, their digest."""

    size: int
    digest: str

    @classmethod
    def of(cls, run_dir: Path, stream: Stream) -> Prefix:
        """What is there now, up to the last whole line."""
        found = stream_bytes(run_dir, stream)
        whole = found[: found.rfind(b"\n") + 1]
        return cls(len(whole), hashlib.sha256(whole).hexdigest())

    def begins(self, stream: bytes) -> bool:
        """Whether a stream still begins with these lines."""
        return len(stream) >= self.size and hashlib.sha256(stream[: self.size]).hexdigest() == self.digest


class Written(Struct, frozen=True):
    """The whole lines of both streams at some moment."""

    inputs: Prefix
    decisions: Prefix

    @classmethod
    def of(cls, run_dir: Path) -> Written:
        """What is there now."""
        return cls(Prefix.of(run_dir, Stream.INPUTS), Prefix.of(run_dir, Stream.DECISIONS))

    def survived(self, run_dir: Path) -> bool:
        """Whether the run still begins with these lines."""
        return self.inputs.begins(stream_bytes(run_dir, Stream.INPUTS)) and self.decisions.begins(
            stream_bytes(run_dir, Stream.DECISIONS)
        )
