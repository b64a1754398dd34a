"""The segment that is being written, one for each stream. Used by the writer thread, and by one that syncs for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.core.errors import JournalFailed
from daemon.journal.files import Files
from daemon.journal.layout import Segment
from daemon.journal.manifest import SegmentSeal
from daemon.journal.tail import Tail, empty_tail, seal_segment

CURE = "free space or mend the disk, then start again: the run is recovered up to its last durable record"


@contextmanager
def naming_failure(action: str, path: Path, offset: int) -> Iterator[None]:
    """Turn an OSError into a JournalFailed that says what failed and where."""
    try:
        yield
    except OSError as error:
        message = f"{path}: {action} failed at byte {offset}: {error.strerror} (errno {error.errno})"
        raise JournalFailed(message, cure=CURE) from error


class SegmentWriter:
    """Appends to the last segment of a stream and opens the next one.

    closed: what is known of the segments before the open one.  on_closed: called with the path of each closed one.
    """

    def __init__(self, run_dir: Path, tail: Tail, files: Files, on_closed: Callable[[Path], None]) -> None:
        self.closed = list(tail.closed)
        self.last_seq = tail.next_seq - 1
        self.unsynced = False
        self._files = files
        self._on_closed = on_closed
        self._segment = Segment(run_dir, tail.stream, tail.segment)
        self._descriptor = -1
        self._offset = tail.offset
        self._first_seq = tail.first_seq
        self._sha256 = tail.sha256
        self._unsynced_closed: list[Path] = []

    def is_open(self, number: int) -> bool:
        """Whether this segment is the one being written."""
        return number == self._segment.number and self._descriptor >= 0

    def open(self, number: int) -> None:
        """Open a segment; the one before is closed.

        Raises:
            JournalFailed: the disk refused, or the file is not as it was left.
        """
        if number != self._segment.number:
            self._close_segment()
            self._segment = self._segment._replace(number=number)
        path = self._segment.plain_path
        with naming_failure("opening", path, self._offset):
            self._descriptor = self._files.open(path)
            found = self._files.size(self._descriptor)
        if found != self._offset:
            raise JournalFailed(
                f"{path}: has {found} bytes where {self._offset} were left", cure="recover the run first"
            )

    def _close_segment(self) -> None:
        path = self._segment.plain_path
        if self.unsynced:
            self._unsynced_closed.append(path)
        if self._descriptor >= 0:
            with naming_failure("closing", path, self._offset):
                self._files.close(self._descriptor)
        self._descriptor = -1
        self.closed.append(self._seal())
        self._offset = 0
        self._first_seq = self.last_seq + 1
        self._sha256 = empty_tail(self._segment.stream).sha256
        self._on_closed(path)

    def append(self, data: bytes, last_seq: int) -> None:
        """Write whole lines, the last of which is record `last_seq`.

        Raises:
            JournalFailed: some of it may have reached the file; nothing more may be written.
        """
        rest = memoryview(data)
        while rest:
            with naming_failure("writing", self._segment.plain_path, self._offset):
                written = self._files.write(self._descriptor, rest)
            self._offset += written
            rest = rest[written:]
            self.unsynced = True
        self._sha256.update(data)
        self.last_seq = last_seq

    def sync(self) -> None:
        """Wait until all that was appended is on the disk.

        Raises:
            JournalFailed: it may not be; no second attempt is made, because the kernel could answer it wrongly.
        """
        for path in self._unsynced_closed:
            self._sync_closed(path)
        self._unsynced_closed.clear()
        if not self.unsynced or self._descriptor < 0:
            return
        path = self._segment.plain_path
        with naming_failure("fsync", path, self._offset):
            self._files.fsync(self._descriptor)
        self.unsynced = False
        if not self._files.is_at(self._descriptor, path):
            raise JournalFailed(f"{path}: the file was moved or removed while it was written", cure=CURE)

    def _sync_closed(self, path: Path) -> None:
        """Sync a closed segment, unless it was packed meanwhile: the packed form was synced."""
        if not path.exists():
            return
        with naming_failure("fsync", path, 0):
            descriptor = self._files.open(path)
            try:
                self._files.fsync(descriptor)
            finally:
                self._files.close(descriptor)

    def _seal(self) -> SegmentSeal:
        return seal_segment(self._segment.name, self._offset, self._sha256, self._first_seq, self.last_seq)

    def seals(self) -> tuple[SegmentSeal, ...]:
        """Return what is known of each segment, the open one included."""
        return (*self.closed, self._seal()) if self._offset else tuple(self.closed)

    def last_path(self) -> Path | None:
        """Return the path of the last segment; None if the stream is empty."""
        return self._segment.plain_path if self._offset else None

    def release(self) -> None:
        """Close the descriptor without syncing."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with naming_failure("closing", self._segment.plain_path, self._offset):
                self._files.close(descriptor)
