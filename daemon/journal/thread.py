"""The one thread that writes a run: takes bytes from a bounded queue, writes, syncs, and says how far it is.

Both streams are synced side by side, and count as durable together, since an order waits for both (ADR 6). The first
failure is final: no retry, no later watermark. A failed fsync leaves the file's content unknown (PostgreSQL, 2018):
recovery reads it anew.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from msgspec import Struct

from daemon.core.errors import JournalFailed
from daemon.journal.files import Files
from daemon.journal.layout import Stream
from daemon.journal.segments import SegmentWriter, naming_failure


class Chunk(NamedTuple):
    """Whole lines for one segment. last_seq: of the last of them."""

    stream: Stream
    segment: int
    data: bytearray
    last_seq: int


class Progress(NamedTuple):
    """The last record of each stream that has come this far; 0 when none has."""

    inputs: int
    decisions: int


class Pace(Struct, frozen=True, kw_only=True):
    """When to sync, and how much may wait.

    group: sync by itself, at most every `interval_s` seconds.  queue_bytes: more than this waiting is congestion.
    """

    group: bool
    interval_s: float
    queue_bytes: int


class WriterThread:
    """Writes both streams of a run.

    on_progress, on_failure: called on the thread after each advance, and once at the first failure.
    """

    def __init__(
        self,
        run_dir: Path,
        writers: dict[Stream, SegmentWriter],
        files: Files,
        pace: Pace,
        *,
        on_progress: Callable[[], None],
        on_failure: Callable[[JournalFailed], None],
    ) -> None:
        self.failure: JournalFailed | None = None
        self.written = _progress(writers)
        self.durable = self.written
        self._run_dir = run_dir
        self._writers = writers
        self._files = files
        self._pace = pace
        self._on_progress = on_progress
        self._on_failure = on_failure
        self._changed = threading.Condition()
        self._queue: deque[Chunk] = deque()
        self._waiting_bytes = 0
        self._sync_wanted = False
        self._sync_soon = False
        self._stopping = False
        self._new_names = False
        self._synced_at = 0.0
        self._beside = _Beside(writers[Stream.DECISIONS].sync)
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @property
    def congested(self) -> bool:
        """Whether more bytes wait than the queue should hold."""
        return self._waiting_bytes > self._pace.queue_bytes

    def put(self, chunks: Sequence[Chunk], *, block: bool) -> None:
        """Queue chunks for writing; `block` first waits while the queue is congested.

        Raises:
            JournalFailed: writing has failed.
        """
        with self._changed:
            if block:
                self._changed.wait_for(lambda: self.failure is not None or not self.congested)
            self.raise_if_failed()
            self._queue.extend(chunks)
            self._waiting_bytes += sum(len(chunk.data) for chunk in chunks)
            self._changed.notify_all()

    def raise_if_failed(self) -> None:
        """Raise the failure that stopped the thread, if one did."""
        if self.failure is not None:
            raise JournalFailed(self.failure.message, cure=self.failure.cure) from self.failure

    def drain(self) -> None:
        """Wait until all that was queued is written.

        Raises:
            JournalFailed: it was not, or the thread was stopped before.
        """
        self._wait_for(lambda: not self._waiting_bytes)

    def sync(self) -> None:
        """Wait until all that was queued is on the disk.

        Raises:
            JournalFailed: it may not be.
        """
        self.drain()
        with self._changed:
            self._sync_wanted = True
            self._changed.notify_all()
        self._wait_for(lambda: not self._sync_wanted)

    def _wait_for(self, done: Callable[[], bool]) -> None:
        """Wait for the thread; one that was stopped, as by a close that was interrupted, does nothing any more."""
        with self._changed:
            self._changed.wait_for(lambda: self.failure is not None or self._stopping or done())
            self.raise_if_failed()
            if not done():
                cure = "start again: the run is continued from its last good record"
                raise JournalFailed(f"{self._run_dir}: the journal was closed before all was on the disk", cure=cure)

    def want_sync(self) -> None:
        """Ask for what is queued by now to be made durable as soon as it is written; wait for nothing."""
        with self._changed:
            self._sync_soon = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread and close the files; what still waits is dropped."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping:
                chunks, sync_soon = self._take()
                self._write(chunks)
                if sync_soon or self._sync_wanted or self._sync_due_s() <= 0:
                    self._sync()
        except JournalFailed as failure:
            self._fail(failure)
        except Exception as error:  # noqa: BLE001 - a bug here must stop the run, not leave it waiting for ever
            self._fail(JournalFailed(f"{self._run_dir}: the writer stopped: {error!r}", cure="report this as a bug"))
        finally:
            self._release()

    def _take(self) -> tuple[list[Chunk], bool]:
        """Wait for work and take all there is, none when it is only time to sync or to stop.

        Also says whether it is to be synced once written: a wish that comes later is about later chunks too.
        """
        with self._changed:
            while not (self._queue or self._sync_wanted or self._sync_soon or self._stopping):
                remaining_s = self._sync_due_s()
                if remaining_s <= 0 or not self._changed.wait(None if remaining_s == float("inf") else remaining_s):
                    break
            taken = list(self._queue)
            self._queue.clear()
            sync_soon, self._sync_soon = self._sync_soon, False
            return ([], False) if self._stopping else (taken, sync_soon)

    def _sync_due_s(self) -> float:
        """Seconds until the next group sync; infinity when there is nothing to sync."""
        if not self._pace.group or self.written == self.durable:
            return float("inf")
        return self._synced_at + self._pace.interval_s - time.monotonic()

    def _write(self, chunks: list[Chunk]) -> None:
        """Write inputs, then decisions: one write for each segment, since each may wait for the interpreter."""
        in_order = sorted(chunks, key=lambda chunk: chunk.stream is not Stream.INPUTS)
        for (stream, segment), group in groupby(in_order, key=lambda chunk: (chunk.stream, chunk.segment)):
            parts = list(group)
            writer = self._writers[stream]
            if not writer.is_open(segment):
                self._open(writer, segment)
            writer.append(b"".join([part.data for part in parts]), parts[-1].last_seq)
        if chunks:
            with self._changed:
                self.written = _progress(self._writers)
                self._waiting_bytes -= sum(len(chunk.data) for chunk in chunks)
                self._changed.notify_all()
            self._on_progress()

    def _open(self, writer: SegmentWriter, segment: int) -> None:
        """Open a segment; what was written before is made durable first, so that a crash never leaves a gap."""
        if self._pace.group:
            self._sync_files()
        writer.open(segment)
        self._new_names = True

    def _sync(self) -> None:
        self._sync_files()
        self._synced_at = time.monotonic()
        with self._changed:
            self.durable = _progress(self._writers)
            self._sync_wanted = False
            self._changed.notify_all()
        self._on_progress()

    def _sync_files(self) -> None:
        self._beside.begin()
        try:
            self._writers[Stream.INPUTS].sync()
        finally:
            failure = self._beside.wait()
        if failure is not None:
            raise failure
        if self._new_names:
            with naming_failure("fsync of the folder", self._run_dir, 0):
                self._files.fsync_dir(self._run_dir)
            self._new_names = False

    def _fail(self, failure: JournalFailed) -> None:
        with self._changed:
            self.failure = failure
            self._queue.clear()
            self._changed.notify_all()
        self._on_failure(failure)

    def _release(self) -> None:
        self._beside.stop()
        for writer in self._writers.values():
            try:
                writer.release()
            except JournalFailed as failure:
                if self.failure is None:
                    self._fail(failure)


class _Beside:
    """Does the same piece of work again and again on a thread of its own, each time while its owner does another."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._wishes: SimpleQueue[bool] = SimpleQueue()
        self._ends: SimpleQueue[Exception | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Let it work once; `wait` has to follow."""
        self._wishes.put(True)

    def wait(self) -> Exception | None:
        """Wait for its end; what it raised, if it did."""
        return self._ends.get()

    def stop(self) -> None:
        """End the thread."""
        self._wishes.put(False)
        self._thread.join()

    def _run(self) -> None:
        while self._wishes.get():
            try:
                self._work()
            except Exception as error:  # noqa: BLE001 - handed to the owner, who waits for it
                self._ends.put(error)
            else:
                self._ends.put(None)


def _progress(writers: dict[Stream, SegmentWriter]) -> Progress:
    return Progress(writers[Stream.INPUTS].last_seq, writers[Stream.DECISIONS].last_seq)
