"""Small runs on disk, and file operations that fail or forget, for the journal's tests."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from daemon.core.events import Timer
from daemon.core.records import HaltLine, Record, TransferLine
from daemon.core.units import NS_PER_DAY
from daemon.journal import Code, Files, Journal, JournalSettings, Manifest, Stream
from daemon.journal.layout import list_segments, read_segment

NOON = 1_746_360_000 * 10**9
EVENING = NOON // NS_PER_DAY * NS_PER_DAY + NS_PER_DAY - 10**9

SMALL = JournalSettings(fsync="none", segment_bytes=1500, pack=False)
MANIFEST = Manifest(
    run_id="test", lineage="0" * 20, mode="shadow", created="2025-05-04T12:00:00Z", code=Code(version="1")
)


def frame(number: int) -> bytes:
    return b'{"topic":"publicTrade.BTCUSDT","data":[{"i":"%d","p":"94321.5"}]}' % number


def record(seq: int, *, cause: int | None = None, ts: int | None = None) -> Record:
    at = NOON + seq * 10**9 if ts is None else ts
    if seq % 5 == 0:
        return HaltLine(seq, cause or seq, at, "lane-a", halted=True, reason=f"daily loss {seq}")
    return TransferLine(seq, cause or seq, at, "lane-a", Decimal("12.50"), Decimal(seq) / 4, "deposit")


def append_input(journal: Journal, seq: int, *, ts: int | None = None) -> None:
    at = NOON + seq * 10**9 if ts is None else ts
    if seq % 7 == 0:
        journal.append_fact(at, "house", Timer("rebalance", at))
    elif seq % 11 == 0:
        journal.append_frame(at, "public-2", b"not\nJSON \xff%d" % seq)
    else:
        journal.append_frame(at, "public-1", frame(seq))


def append_both(journal: Journal, numbers: Iterable[int]) -> None:
    for number in numbers:
        append_input(journal, number)
        journal.append_decision(record(number))


def make_run(
    run_dir: Path, count: int, *, settings: JournalSettings = SMALL, ended: str = "", manifest: Manifest = MANIFEST
) -> Path:
    journal = Journal.create(run_dir, manifest, settings)
    append_both(journal, range(1, count + 1))
    journal.close(ended=ended, reason="test")
    return run_dir


def stream_bytes(run_dir: Path, stream: Stream) -> list[bytes]:
    return [b"".join(read_segment(segment, 4096)) for segment in list_segments(run_dir, stream)]


def stream_lines(run_dir: Path, stream: Stream) -> list[bytes]:
    return b"".join(stream_bytes(run_dir, stream)).splitlines(keepends=True)


def only_segment(run_dir: Path, stream: Stream = Stream.INPUTS) -> Path:
    [segment] = list_segments(run_dir, stream)
    return segment.path


class QuickFiles(Files):
    """Real files without waiting for the disk."""

    def fsync(self, descriptor: int) -> None:
        return

    def fsync_dir(self, path: Path) -> None:
        return

    def truncate(self, path: Path, size: int) -> None:
        os.truncate(path, size)


class FailingFiles(QuickFiles):
    """Fails at the k-th operation that changes files, once or from then on for ever; 0 never fails."""

    def __init__(self, at: int, *, for_ever: bool = False, number: int = errno.ENOSPC) -> None:
        self.calls = 0
        self._at = at
        self._for_ever = for_ever
        self._number = number
        self._lock = threading.Lock()

    def _step(self, path: Path | str) -> None:
        with self._lock:
            self.calls += 1
            hit = self.calls == self._at or (self._for_ever and 0 < self._at < self.calls)
        if hit:
            raise OSError(self._number, os.strerror(self._number), str(path))

    def open(self, path: Path, *, empty: bool = False) -> int:
        self._step(path)
        return super().open(path, empty=empty)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write half of the data at the call before the failure, so that a torn record stays behind."""
        self._step("data")
        if self.calls + 1 == self._at and len(data) > 1:
            return super().write(descriptor, data[: len(data) // 2])
        return super().write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        self._step("data")

    def fsync_dir(self, path: Path) -> None:
        self._step(path)

    def truncate(self, path: Path, size: int) -> None:
        self._step(path)
        super().truncate(path, size)

    def rename(self, source: Path, target: Path) -> None:
        self._step(target)
        super().rename(source, target)

    def unlink(self, path: Path) -> None:
        self._step(path)
        super().unlink(path)


class ForgetfulFiles(Files):
    """Remembers what was synced; `lose_power` then takes away all the rest, as a disk without power may."""

    def __init__(self) -> None:
        self._paths: dict[int, Path] = {}
        self._synced: dict[Path, int] = {}
        self._named: set[Path] = set()

    def open(self, path: Path, *, empty: bool = False) -> int:
        descriptor = super().open(path, empty=empty)
        self._paths[descriptor] = path
        return descriptor

    def fsync(self, descriptor: int) -> None:
        path = self._paths[descriptor]
        self._synced[path] = path.stat().st_size

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self._synced[target] = self._synced.pop(source, 0)

    def fsync_dir(self, path: Path) -> None:
        self._named = set(path.iterdir())

    def lose_power(self, run_dir: Path, *, zeros: int) -> None:
        """Leave what was synced; each file keeps `zeros` bytes of its unsynced length, never written."""
        for path in run_dir.iterdir():
            if path not in self._named:
                path.unlink()
                continue
            size, synced = path.stat().st_size, self._synced.get(path, 0)
            os.truncate(path, synced)
            os.truncate(path, min(size, synced + zeros))
