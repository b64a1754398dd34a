from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import msgspec
import pytest

from daemon.core.errors import JournalFailed
from daemon.journal import Files, Journal, JournalSettings, Progress, Stream, read_inputs, recover
from tests.daemon.journal.builders import MANIFEST, NOON, SMALL, QuickFiles, append_both, frame, record

GROUP = JournalSettings(fsync="group", fsync_interval_ms=0, pack=False)
LIMIT_S = 10


class GatedFiles(QuickFiles):
    """Writes wait for `gate`, and say that they do by `reached`."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.reached = threading.Event()
        self.writes = 0

    def write(self, descriptor: int, data: memoryview) -> int:
        if threading.current_thread().name == "journal-writer":
            self.writes += 1
            self.reached.set()
            assert self.gate.wait(LIMIT_S)
        return super().write(descriptor, data)


class ShortFiles(QuickFiles):
    """Writes seven bytes at a time."""

    def write(self, descriptor: int, data: memoryview) -> int:
        return super().write(descriptor, data[:7])


class NamingFiles(Files):
    """Knows which file is synced, and tells `on_sync` its name in place of syncing it."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def open(self, path: Path, *, empty: bool = False) -> int:
        descriptor = super().open(path, empty=empty)
        self._names[descriptor] = path.name
        return descriptor

    def fsync(self, descriptor: int) -> None:
        self.on_sync(self._names[descriptor])

    def fsync_dir(self, path: Path) -> None:
        self.on_sync("folder")

    def on_sync(self, name: str) -> None:
        raise NotImplementedError


class LoggingFiles(NamingFiles):
    """Keeps the names of what was synced, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.synced: list[str] = []

    def on_sync(self, name: str) -> None:
        self.synced.append(name)


class MeetingFiles(LoggingFiles):
    """No stream's sync ends before the other's has begun."""

    def __init__(self) -> None:
        super().__init__()
        self._both = threading.Barrier(2, timeout=LIMIT_S)

    def on_sync(self, name: str) -> None:
        if name.endswith(".jsonl"):
            self._both.wait()
        super().on_sync(name)


class BrokenSync(LoggingFiles):
    """Syncing a stream fails once, then would succeed: a second attempt would be a lie."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._failing = f"{stream}-"

    def on_sync(self, name: str) -> None:
        super().on_sync(name)
        if name.startswith(self._failing) and self.calls == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    @property
    def calls(self) -> int:
        return sum(name.startswith(self._failing) for name in self.synced)


def test_appending_touches_no_disk_until_flushed(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL)
    append_both(journal, range(1, 4))
    assert not list(tmp_path.glob("*.jsonl"))
    journal.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


def test_syncing_waits_until_all_that_was_appended_is_durable(tmp_path: Path) -> None:
    for fsync in ("group", "none"):
        settings = msgspec.structs.replace(SMALL, fsync=fsync)
        journal = Journal.create(tmp_path / fsync, MANIFEST, settings)
        append_both(journal, range(1, 40))
        journal.sync()
        assert journal.written == journal.durable == Progress(39, 39)
        journal.close()


def test_without_fsync_what_is_written_is_not_called_durable(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL)
    append_both(journal, range(1, 10))
    journal.close()
    assert journal.written == Progress(9, 9)
    assert journal.durable == Progress(0, 0)


def test_grouped_syncs_happen_by_themselves(tmp_path: Path) -> None:
    durable = threading.Event()
    journal = Journal.create(
        tmp_path, MANIFEST, GROUP, on_progress=lambda: durable.set() if journal.durable == (5, 5) else None
    )
    append_both(journal, range(1, 6))
    journal.flush()
    assert durable.wait(LIMIT_S)
    journal.close()


def test_both_streams_are_synced_side_by_side_and_names_before_either_counts(tmp_path: Path) -> None:
    files = MeetingFiles()
    journal = Journal.create(tmp_path, MANIFEST, msgspec.structs.replace(SMALL, fsync="none"), files=files)
    files.synced.clear()
    append_both(journal, range(1, 4))
    journal.sync()
    assert set(files.synced[:2]) == {"inputs-000001.jsonl", "decisions-000001.jsonl"}
    assert files.synced[2:] == ["folder"]
    journal.sync()
    assert len(files.synced) == 3
    journal.close()


def test_an_explicit_sync_covers_segments_closed_before_it(tmp_path: Path) -> None:
    files = LoggingFiles()
    journal = Journal.create(tmp_path, MANIFEST, SMALL, files=files)
    append_both(journal, range(1, 41))
    journal.sync()
    assert {path.name for path in tmp_path.glob("*.jsonl")} <= set(files.synced)
    journal.close()


def test_short_writes_are_continued(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL, files=ShortFiles())
    append_both(journal, range(1, 30))
    journal.close()
    assert [item.seq for item in read_inputs(tmp_path)] == list(range(1, 30))


def test_a_slow_disk_shows_as_congestion_and_never_blocks_a_loop(tmp_path: Path) -> None:
    files = GatedFiles()
    settings = JournalSettings(fsync="none", queue_bytes=1000, block=False, pack=False)
    journal = Journal.create(tmp_path, MANIFEST, settings, files=files)
    journal.append_frame(NOON, "public-1", frame(1))
    journal.flush()
    assert files.reached.wait(LIMIT_S)
    assert not journal.congested
    for number in range(2, 50):
        journal.append_frame(NOON, "public-1", frame(number))
        journal.flush()
    assert journal.congested
    assert journal.written == Progress(0, 0)
    files.gate.set()
    journal.close()
    assert not journal.congested
    assert journal.written == Progress(49, 0)


def test_a_synchronous_run_waits_for_a_slow_disk(tmp_path: Path) -> None:
    files = GatedFiles()
    settings = JournalSettings(fsync="none", queue_bytes=1, pack=False)
    journal = Journal.create(tmp_path, MANIFEST, settings, files=files)
    journal.append_frame(NOON, "public-1", frame(1))
    journal.flush()
    assert files.reached.wait(LIMIT_S)
    assert journal.congested
    journal.append_frame(NOON, "public-1", frame(2))
    opener = threading.Thread(target=files.gate.set)
    opener.start()
    journal.flush()
    assert journal.written.inputs >= 1
    opener.join()
    journal.close()


@pytest.mark.parametrize("stream", Stream)
def test_a_failed_sync_is_final_and_nothing_that_waited_for_it_is_durable(tmp_path: Path, stream: Stream) -> None:
    files, failures = BrokenSync(stream), list[JournalFailed]()
    journal = Journal.create(tmp_path, MANIFEST, SMALL, files=files, on_failure=failures.append)
    append_both(journal, range(1, 4))
    with pytest.raises(JournalFailed, match=rf"{stream}-000001\.jsonl: fsync failed at byte \d+: .*errno 5"):
        journal.sync()
    for attempt in (journal.flush, journal.sync, journal.close):
        with pytest.raises(JournalFailed, match="cure: free space or mend the disk"):
            attempt()
    with pytest.raises(JournalFailed):
        journal.append_decision(record(4))
    with pytest.raises(JournalFailed):
        journal.append_frame(NOON, "public-1", b"1")
    assert journal.durable == Progress(0, 0)
    assert files.calls == 1
    assert len(failures) == 1
    assert journal.failure is failures[0]


def test_appending_stops_as_soon_as_writing_has_failed(tmp_path: Path) -> None:
    class Refusing(GatedFiles):
        def write(self, descriptor: int, data: memoryview) -> int:
            size = super().write(descriptor, data)
            if threading.current_thread().name == "journal-writer":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return size

    files, failed = Refusing(), threading.Event()
    journal = Journal.create(tmp_path, MANIFEST, SMALL, files=files, on_failure=lambda failure: failed.set())
    append_both(journal, [1])
    journal.flush()
    append_both(journal, [2])
    files.gate.set()
    assert failed.wait(LIMIT_S)
    with pytest.raises(JournalFailed, match="No space left"):
        journal.append_frame(NOON, "public-1", b"1")
    with pytest.raises(JournalFailed, match="No space left"):
        journal.append_decision(record(3))
    assert journal.written == Progress(0, 0)
    journal.abandon()


@pytest.mark.parametrize("waits", ["sync", "close"])
def test_one_that_was_closed_already_does_not_wait_for_its_thread(tmp_path: Path, waits: str) -> None:
    """An interrupt in the middle of closing has the run closed once more, which must not hang."""
    journal = Journal.create(tmp_path / "run", MANIFEST, GROUP)
    append_both(journal, range(1, 4))
    journal.close()
    failed: list[str] = []

    def again() -> None:
        try:
            getattr(journal, waits)()
        except JournalFailed as failure:
            failed.append(failure.message)

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    assert not thread.is_alive()
    assert "closed before all was on the disk" in failed[0]
    journal.abandon()


def test_a_bug_on_the_thread_stops_the_run_instead_of_hanging_it(tmp_path: Path) -> None:
    def broken() -> None:
        raise ValueError("oh")

    journal = Journal.create(tmp_path, MANIFEST, SMALL, on_progress=broken)
    append_both(journal, range(1, 4))
    with pytest.raises(JournalFailed, match="the writer stopped: ValueError"):
        journal.sync()
    journal.abandon()


def test_a_journal_moved_away_while_it_is_written_stops_the_run(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "run", MANIFEST, SMALL)
    append_both(journal, [1])
    journal.sync()
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    append_both(journal, [2])
    with pytest.raises(JournalFailed, match="moved or removed"):
        journal.sync()
    journal.abandon()


def test_a_file_that_is_not_as_recovery_left_it_is_not_appended_to(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL)
    append_both(journal, [1])
    journal.close()
    recovery = recover(tmp_path)
    with (tmp_path / "inputs-000001.jsonl").open("ab") as file:
        file.write(b"x")
    journal = Journal.resume(tmp_path, recovery, SMALL)
    append_both(journal, [2])
    with pytest.raises(JournalFailed, match=r"has \d+ bytes where \d+ were left"):
        journal.sync()
    journal.abandon()


def test_a_wanted_sync_covers_what_was_flushed_before_it_although_the_thread_is_busy(tmp_path: Path) -> None:
    """The wish comes while older records are being written; a sync of those alone must not count as its own."""
    files = GatedFiles()
    told = threading.Event()
    slow = msgspec.structs.replace(GROUP, fsync="none")
    journal = Journal.create(tmp_path, MANIFEST, slow, on_progress=told.set, files=files)
    append_both(journal, [1])
    journal.flush()
    assert files.reached.wait(LIMIT_S)
    append_both(journal, [2])
    journal.flush()
    journal.want_sync()
    files.gate.set()
    while journal.durable != Progress(2, 2):
        assert told.wait(LIMIT_S)
        told.clear()
    journal.close()


def test_a_sync_that_nobody_wants_does_not_happen(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, msgspec.structs.replace(GROUP, fsync="none"), files=QuickFiles())
    append_both(journal, [1])
    journal.flush()
    journal.close()
    assert journal.durable == Progress(0, 0)


def test_what_waited_for_the_disk_is_written_at_once_however_often_it_was_flushed(tmp_path: Path) -> None:
    """Each write may have to wait for the interpreter, and a request to the venue waits for all of them."""
    files = GatedFiles()
    journal = Journal.create(tmp_path, MANIFEST, msgspec.structs.replace(GROUP, fsync="none"), files=files)
    for number in range(1, 51):
        append_both(journal, [number])
        journal.flush()
        assert files.reached.wait(LIMIT_S)
    files.gate.set()
    journal.close()
    assert files.writes <= 4
    assert [record.seq for record in read_inputs(tmp_path)] == list(range(1, 51))
