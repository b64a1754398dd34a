"""Every operation that changes a file is made to fail in turn: nothing that was called durable may be lost."""

from __future__ import annotations

import errno
from itertools import count
from pathlib import Path

import msgspec
import pytest

from daemon.core.errors import JournalFailed
from daemon.journal import (
    Files,
    Journal,
    Progress,
    Stream,
    read_decisions,
    recover,
    truncate_decisions,
    verify_run,
)
from daemon.journal.layout import list_segments
from tests.daemon.journal.builders import (
    MANIFEST,
    SMALL,
    FailingFiles,
    ForgetfulFiles,
    QuickFiles,
    append_both,
    append_input,
    make_run,
    record,
    stream_bytes,
)

COUNT = 36
SETTINGS = msgspec.structs.replace(SMALL, fsync="group", fsync_interval_ms=0, pack=True)


def write_until_failure(run_dir: Path, files: Files) -> Progress:
    """Write a run that syncs every few records; returns what was durable when it stopped."""
    journal = Journal.create(run_dir, MANIFEST, SETTINGS, files=files)
    try:
        for number in range(1, COUNT + 1):
            append_both(journal, [number])
            if number % 4 == 0:
                journal.sync()
        journal.close()
    except JournalFailed:
        journal.abandon()
    return journal.durable


def finish(run_dir: Path) -> None:
    """Recover with a sound disk, and write what is missing, each stream from where it ends."""
    files = QuickFiles()
    recovery = recover(run_dir, files=files)
    journal = Journal.resume(run_dir, recovery, SETTINGS, files=files)
    for number in range(recovery.inputs.next_seq, COUNT + 1):
        append_input(journal, number)
    for number in range(recovery.decisions.next_seq, COUNT + 1):
        journal.append_decision(record(number))
    journal.close(ended="then", reason="test")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[Stream, list[bytes]]:
    run_dir = make_run(tmp_path_factory.mktemp("whole"), COUNT, settings=SETTINGS, ended="then")
    return {stream: stream_bytes(run_dir, stream) for stream in Stream}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("for_ever", [False, True])
def test_whichever_operation_fails_nothing_durable_is_lost_and_the_run_can_go_on(
    tmp_path: Path, uninterrupted: dict[Stream, list[bytes]], *, for_ever: bool, number: int
) -> None:
    failed_runs = 0
    for at in count(6):
        run_dir = tmp_path / f"run-{at}"
        files = FailingFiles(at, for_ever=for_ever, number=number)
        durable = write_until_failure(run_dir, files)
        if files.calls < at:
            break
        failed_runs += 1
        recovery = recover(run_dir, files=QuickFiles())
        assert recovery.inputs.next_seq > durable.inputs
        assert recovery.decisions.next_seq > durable.decisions
        finish(run_dir)
        assert {stream: stream_bytes(run_dir, stream) for stream in Stream} == uninterrupted
        assert verify_run(run_dir).ok
    assert failed_runs > 60


@pytest.mark.parametrize("at", range(1, 5))
def test_a_run_whose_manifest_cannot_be_written_does_not_start(tmp_path: Path, at: int) -> None:
    with pytest.raises(JournalFailed, match=r"manifest\.json"):
        Journal.create(tmp_path, MANIFEST, SETTINGS, files=FailingFiles(at))
    assert not list(tmp_path.glob("*.jsonl"))


@pytest.mark.parametrize("zeros", [0, 1, 700, 100_000])
@pytest.mark.parametrize("synced", [0, 4, 9, 17, 30])
def test_a_power_loss_takes_nothing_that_was_durable(
    tmp_path: Path, uninterrupted: dict[Stream, list[bytes]], synced: int, zeros: int
) -> None:
    run_dir, files = tmp_path / "run", ForgetfulFiles()
    settings = msgspec.structs.replace(SETTINGS, pack=False, fsync="none")
    journal = Journal.create(run_dir, MANIFEST, settings, files=files)
    append_both(journal, range(1, synced + 1))
    journal.sync()
    append_both(journal, range(synced + 1, synced + 4))
    journal.flush()
    journal.close()
    files.lose_power(run_dir, zeros=zeros)
    recovery = recover(run_dir, files=QuickFiles())
    assert journal.durable == (synced, synced)
    assert (recovery.inputs.next_seq, recovery.decisions.next_seq) == (synced + 1, synced + 1)
    finish(run_dir)
    assert {stream: stream_bytes(run_dir, stream) for stream in Stream} == uninterrupted


@pytest.mark.parametrize("for_ever", [False, True])
def test_a_repair_killed_at_any_step_can_be_repeated(
    tmp_path: Path, uninterrupted: dict[Stream, list[bytes]], *, for_ever: bool
) -> None:
    for at in count(1):
        run_dir = make_torn_run(tmp_path / f"run-{at}")
        if recovers(run_dir, FailingFiles(at, for_ever=for_ever)):
            break
        recovery = recover(run_dir, files=QuickFiles())
        assert (recovery.inputs.next_seq, recovery.decisions.next_seq) == (COUNT, COUNT)
        assert not list(run_dir.glob("*.tmp"))
        finish(run_dir)
        assert {stream: stream_bytes(run_dir, stream) for stream in Stream} == uninterrupted
    assert at > 10


def recovers(run_dir: Path, files: Files) -> bool:
    try:
        recover(run_dir, files=files)
    except JournalFailed:
        return False
    return True


def make_torn_run(run_dir: Path) -> Path:
    """Tear the last record of both streams, and leave a half-written packed file."""
    make_run(run_dir, COUNT, settings=msgspec.structs.replace(SETTINGS, pack=False))
    for stream in Stream:
        path = list_segments(run_dir, stream)[-1].path
        path.write_bytes(path.read_bytes()[:-5])
    (run_dir / "inputs-000001.jsonl.zst.tmp").write_bytes(b"half")
    return run_dir


def test_cutting_decisions_killed_at_any_step_can_be_repeated(tmp_path: Path) -> None:
    for at in count(1):
        run_dir = tmp_path / f"run-{at}"
        journal = Journal.create(run_dir, MANIFEST, SETTINGS, files=QuickFiles())
        append_both(journal, range(1, COUNT + 1))
        journal.close()
        before = list(read_decisions(run_dir))
        try:
            truncate_decisions(run_dir, 6, files=FailingFiles(at, for_ever=True))
        except JournalFailed:
            tail = truncate_decisions(run_dir, 6, files=QuickFiles())
            assert tail.next_seq == 7
            assert list(read_decisions(run_dir)) == before[:6]
        else:
            break
    assert at > 8
