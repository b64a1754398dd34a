"""The journal of a run as the loop sees it: append, flush, and know how far the disk is.

Appending encodes into memory and costs about a microsecond; a single thread does all that can block. Where a segment
ends depends on content only (bytes and UTC days), so a replay's decision files equal the run's to the byte.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from zlib import crc32

from msgspec import Struct

from daemon.core.errors import InvariantBroken, JournalError, JournalFailed
from daemon.core.events import Fact
from daemon.core.records import Record, record_encoder
from daemon.journal.chain import TAIL
from daemon.journal.files import Files
from daemon.journal.frames import is_json, is_one_line
from daemon.journal.layout import MANIFEST, Stream
from daemon.journal.manifest import Manifest, Seal, StreamSeal, write_manifest, write_seal
from daemon.journal.packing import Packer
from daemon.journal.pen import Pen
from daemon.journal.recovery import Recovery
from daemon.journal.segments import SegmentWriter
from daemon.journal.tail import empty_tail
from daemon.journal.thread import Pace, Progress, WriterThread

_INPUT = b'{"kind":"%b","seq":%d,"ts":%d,"source":"%b","raw":%b'
_SOURCE = re.compile(r"[A-Za-z0-9._:-]+")


class JournalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a run is written.

    fsync: "group" makes what was flushed durable at most every `fsync_interval_ms`; "none" leaves it to the system.
    segment_bytes: a segment that has reached this is closed.  pack: compress closed segments.
    flush_bytes: appended bytes that flush by themselves.  queue_bytes: more waiting for the disk is congestion.
    block: flushing waits while the queue is congested; a loop that must not wait sets False and asks `congested`.
    """

    fsync: Literal["none", "group"] = "group"
    fsync_interval_ms: int = 50
    segment_bytes: int = 64 << 20
    pack: bool = True
    flush_bytes: int = 256 << 10
    queue_bytes: int = 64 << 20
    block: bool = True


class Journal:
    """Writes one run. Use `create` for a new run, `resume` after `recover`. All methods belong to one thread.

    Args:
        run_dir: folder of the run; the caller holds its lock.
        recovery: where the streams end.
        settings: as in JournalSettings.
        on_progress: called on the writer thread when `written` or `durable` advanced.
        on_failure: called on the writer thread, once, at the first failure.
        files: the file operations; tests inject failures.
    """

    def __init__(
        self,
        run_dir: Path,
        recovery: Recovery,
        settings: JournalSettings,
        *,
        on_progress: Callable[[], None] | None = None,
        on_failure: Callable[[JournalFailed], None] | None = None,
        files: Files | None = None,
    ) -> None:
        self.run_dir = run_dir
        self._settings = settings
        self._files = files or Files()
        self._inputs = Pen(recovery.inputs)
        self._decisions = Pen(recovery.decisions)
        self._encoder = record_encoder()
        self._encode_into = self._encoder.encode_into
        self._line = bytearray()
        self._sources: dict[str, bytes] = {}
        self._tell_failure = on_failure
        self._packer = Packer(self._files)
        self._writers = {
            tail.stream: SegmentWriter(run_dir, tail, self._files, self._pack)
            for tail in (recovery.inputs, recovery.decisions)
        }
        self._pack_left_over(recovery)
        pace = Pace(
            group=settings.fsync == "group",
            interval_s=settings.fsync_interval_ms / 1000,
            queue_bytes=settings.queue_bytes,
        )
        self._thread = WriterThread(
            run_dir, self._writers, self._files, pace, on_progress=on_progress or _nothing, on_failure=self._on_failure
        )

    @classmethod
    def create(
        cls,
        run_dir: Path,
        manifest: Manifest,
        settings: JournalSettings | None = None,
        *,
        on_progress: Callable[[], None] | None = None,
        on_failure: Callable[[JournalFailed], None] | None = None,
        files: Files | None = None,
    ) -> Journal:
        """Start a run: make the folder if need be, write the manifest.

        Raises:
            JournalError: the folder holds a run already.
            JournalFailed: the disk refused.
        """
        if (run_dir / MANIFEST).exists():
            raise JournalError(f"{run_dir}: there is a run already", cure="resume it, or choose another run id")
        _make_folder(run_dir)
        write_manifest(run_dir, manifest, files=files)
        start = Recovery(empty_tail(Stream.INPUTS), empty_tail(Stream.DECISIONS))
        return cls(
            run_dir, start, settings or JournalSettings(), on_progress=on_progress, on_failure=on_failure, files=files
        )

    @classmethod
    def resume(
        cls,
        run_dir: Path,
        recovery: Recovery,
        settings: JournalSettings | None = None,
        *,
        on_progress: Callable[[], None] | None = None,
        on_failure: Callable[[JournalFailed], None] | None = None,
        files: Files | None = None,
    ) -> Journal:
        """Go on where recovery found the ends; the files come out as if the run had never stopped."""
        return cls(
            run_dir,
            recovery,
            settings or JournalSettings(),
            on_progress=on_progress,
            on_failure=on_failure,
            files=files,
        )

    @property
    def written(self) -> Progress:
        """The last records handed to the operating system: they survive a kill."""
        return self._thread.written

    @property
    def durable(self) -> Progress:
        """The last records known to be on the disk: they survive a power loss."""
        return self._thread.durable

    @property
    def congested(self) -> bool:
        """Whether more bytes wait for the disk than `queue_bytes`: stop taking inputs until this is False."""
        return self._thread.congested

    @property
    def failure(self) -> JournalFailed | None:
        """The failure that stopped writing; None while all is well."""
        return self._thread.failure

    @property
    def next_input(self) -> int:
        """The seq that the next input will get."""
        return self._inputs.next_seq

    @property
    def next_decision(self) -> int:
        """The seq that the next decision must have."""
        return self._decisions.next_seq

    @property
    def unpacked(self) -> tuple[str, ...]:
        """Segments that could not be packed, with the reason; they are whole, only larger."""
        return tuple(self._packer.failures)

    def append_frame(self, ts: int, source: str, frame: bytes, *, embeddable: bool | None = None) -> int:
        """Append a venue's frame as received.

        Args:
            ts: nanoseconds UTC of our clock at reception.
            source: name of the connection.
            frame: the bytes; those that are not one line of valid JSON are kept as base64.
            embeddable: True says that the caller knows the frame to be valid JSON, False that it is not; None checks.

        Returns:
            The record's seq.

        Raises:
            InvariantBroken: a source name that cannot stand in a record.
            JournalFailed: writing has failed; the frame was not appended.
        """
        if embeddable is not False and is_one_line(frame) and (embeddable or is_json(frame)):
            return self._append_input(b"frame", ts, source, frame)
        return self._append_input(b"bytes", ts, source, b'"%b"' % b64encode(frame))

    def append_fact(self, ts: int, source: str, fact: Fact) -> int:
        """Append a fact of our own; arguments, result and errors as in `append_frame`."""
        return self._append_input(b"fact", ts, source, self._encoder.encode(fact))

    def _append_input(self, kind: bytes, ts: int, source: str, raw: bytes) -> int:
        pen = self._inputs
        if len(pen.buffer) >= pen.room or not pen.day_start <= ts < pen.day_end:
            self._turn(pen, ts)
        name = self._sources.get(source) or self._add_source(source)
        seq = pen.next_seq
        line = _INPUT % (kind, seq, ts, name, raw)
        pen.crc = crc = crc32(line, pen.crc)
        buffer = pen.buffer
        buffer += line
        buffer += TAIL % crc
        pen.next_seq = seq + 1
        return seq

    def append_decision(self, record: Record) -> None:
        """Append a decision record.

        Raises:
            InvariantBroken: its seq is not the next one.
            JournalFailed: writing has failed; the record was not appended.
        """
        pen = self._decisions
        seq = record.seq
        if seq != pen.next_seq:
            raise InvariantBroken(f"decision {seq} was appended where {pen.next_seq} is next")
        if len(pen.buffer) >= pen.room or not pen.day_start <= record.ts < pen.day_end:
            self._turn(pen, record.ts)
        line = self._line
        self._encode_into(record, line)
        line.pop()
        pen.crc = crc = crc32(line, pen.crc)
        buffer = pen.buffer
        buffer += line
        buffer += TAIL % crc
        pen.next_seq = seq + 1

    def flush(self) -> None:
        """Hand all appended records to the writer thread, inputs before decisions.

        Raises:
            JournalFailed: writing has failed.
        """
        chunks = self._inputs.take() + self._decisions.take()
        if chunks:
            self._thread.put(chunks, block=self._settings.block)
        else:
            self._thread.raise_if_failed()

    def sync(self) -> None:
        """Wait until all that was appended is durable, whatever the policy.

        Raises:
            JournalFailed: it may not be.
        """
        self.flush()
        self._thread.sync()

    def want_sync(self) -> None:
        """Ask for what was flushed to be made durable soon, whatever the policy, and do not wait: see `durable`."""
        self._thread.want_sync()

    def close(self, *, ended: str = "", reason: str = "") -> Seal | None:
        """End writing; with `ended` (ISO time UTC) the run is packed and sealed, and can never be continued.

        Raises:
            JournalFailed: the end of the run may be missing on the disk. The files are closed all the same.
        """
        try:
            self.flush()
            if self._settings.fsync == "group":
                self._thread.sync()
            self._thread.drain()
        finally:
            self._thread.stop()
            if self._thread.failure is not None or not ended:
                self._packer.finish()
        self._thread.raise_if_failed()
        return self._seal(ended, reason) if ended else None

    def abandon(self) -> None:
        """Stop at once, like a crash: what was not written is lost, nothing is sealed. Never raises."""
        self._thread.stop()
        self._packer.finish()

    def _turn(self, pen: Pen, ts: int) -> None:
        """Do what is not due for each record: rotate, flush, notice a new day or a failure."""
        settings = self._settings
        if pen.must_rotate(ts, settings.segment_bytes):
            pen.rotate()
        if pen.full or len(pen.buffer) >= settings.flush_bytes:
            self.flush()
        pen.set_day(ts)
        pen.room = min(settings.flush_bytes, settings.segment_bytes - pen.flushed)
        self._thread.raise_if_failed()

    def _add_source(self, source: str) -> bytes:
        if not _SOURCE.fullmatch(source):
            raise InvariantBroken(f"a source may be named with letters, digits and . _ : - only: {source!r}")
        return self._sources.setdefault(source, source.encode())

    def _on_failure(self, failure: JournalFailed) -> None:
        self._inputs.room = self._decisions.room = 0
        if self._tell_failure is not None:
            self._tell_failure(failure)

    def _pack(self, path: Path) -> None:
        if self._settings.pack:
            self._packer.add(path)

    def _pack_left_over(self, recovery: Recovery) -> None:
        for tail in (recovery.inputs, recovery.decisions):
            for segment in tail.closed:
                if (path := self.run_dir / segment.name).exists():
                    self._pack(path)

    def _seal(self, ended: str, reason: str) -> Seal:
        for writer in self._writers.values():
            if (path := writer.last_path()) is not None:
                self._pack(path)
        self._packer.finish()
        seal = Seal(
            inputs=self._seal_stream(self._inputs),
            decisions=self._seal_stream(self._decisions),
            ended=ended,
            reason=reason,
        )
        write_seal(self.run_dir, seal, files=self._files)
        return seal

    def _seal_stream(self, pen: Pen) -> StreamSeal:
        segments = self._writers[pen.stream].seals()
        return StreamSeal(count=pen.next_seq - 1, crc=f"{pen.crc:08x}", segments=segments)


def _make_folder(run_dir: Path) -> None:
    try:
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise JournalFailed(f"{run_dir}: cannot be made: {error.strerror}", cure="check rights and space") from error


def _nothing() -> None:
    """Do nothing about progress."""
