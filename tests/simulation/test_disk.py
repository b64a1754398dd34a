"""The disk fails while a run is live: it stops at once, says why, loses nothing it acknowledged, and can go on."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from adapters.sandbox.synthetic_market import demo_market
from daemon.app.live import LiveOptions, Watchers, run_live
from daemon.app.runs import Mode
from daemon.cli.exits import Exit, exit_of
from daemon.core.errors import JournalFailed
from daemon.journal import Files, Journal, Progress, Stream, read_manifest, recover, verify_run
from tests.simulation.configs import document, plan_of_document, write_config
from tests.simulation.disk import Written, runs_in, stream_bytes, the_run
from tests.simulation.live_runs import assert_replay_is_identical
from tests.simulation.processes import call, finish, sandbox, start, wait_until
from tests.simulation.sandboxes import sandbox_thread

pytestmark = pytest.mark.process

MINUTES = 120


def check_stopped(code: int, said: str, logs: Path) -> Path:
    """A run that the disk stopped: documented exit, a sentence for people, no trace, nothing sealed."""
    assert code == Exit.JOURNAL
    assert "Traceback" not in said
    assert "error: " in said
    assert "cure: " in said
    run_dir = the_run(logs)
    assert read_manifest(run_dir).seal is None
    return run_dir


def check_continued(config: Path, logs: Path, run_dir: Path, written: Written) -> None:
    """The run goes on once there is room, with everything that had been written before."""
    enough = recover(run_dir).inputs.next_seq + 500
    ended = call("shadow", config, "--logs", logs, "--inputs", enough)
    assert (ended["resumed"], ended["run_dir"]) == (True, str(run_dir))
    assert written.survived(run_dir)
    assert verify_run(run_dir).ok
    assert_replay_is_identical(run_dir)


def test_a_file_that_may_not_grow_stops_the_run_and_it_continues_with_room(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    with sandbox("--speed", "max") as ready:
        config = write_config(tmp_path / "config.json", document(venue=ready))
        process = start("shadow", config, "--logs", logs)
        wait_until(lambda: bool(runs_in(logs)), "the run begins")
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (700_000, 700_000))
        code, _, said = finish(process)
        run_dir = check_stopped(code, said, logs)
        assert "File too large" in said
        check_continued(config, logs, run_dir, Written.of(run_dir))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB, where the machine lets us have one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_it_continues_with_room(tmp_path: Path, small_disk: Path) -> None:
    logs = small_disk / "logs"
    with sandbox("--speed", "max") as ready:
        content = document(venue=ready)
        content["storage"] |= {"min_free_mb": 0, "segment_mb": 4}
        config = write_config(tmp_path / "config.json", content)
        code, _, said = finish(start("shadow", config, "--logs", logs))
        run_dir = check_stopped(code, said, logs)
        assert "No space left on device" in said
        written = Written.of(run_dir)
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        check_continued(config, logs, run_dir, written)


def test_a_run_does_not_start_where_too_little_space_is_left(tmp_path: Path) -> None:
    content = document()
    content["storage"]["min_free_mb"] = 10**9
    config = write_config(tmp_path / "config.json", content)
    code, _, said = finish(start("shadow", config, "--logs", tmp_path / "logs"))
    assert code == Exit.FAILED
    assert "storage.min_free_mb" in said
    assert runs_in(tmp_path / "logs") == []


class Broken:
    """File operations of which one fails from its k-th call on; remembers how far the disk was when it did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, operation: str, at: int, number: int) -> None:
        self.calls = 0
        self.durable: Progress | None = None
        self._journals: list[Journal] = []
        sound = getattr(Files, operation)
        made = Journal.__init__

        def operate(files: Files, *arguments: object) -> object:
            self.calls += 1
            if self.calls >= at:
                self.durable = self.durable or self._journals[-1].durable
                raise OSError(number, os.strerror(number), "a file")
            return sound(files, *arguments)

        def make(journal: Journal, *arguments: object, **named: object) -> None:
            self._journals.append(journal)
            made(journal, *arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(Files, operation, operate)
        monkeypatch.setattr(Journal, "__init__", make)


FAILURES = {"an fsync": ("fsync", 8, errno.EIO), "a write": ("write", 12, errno.ENOSPC)}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("event_loop", ["uvloop", "asyncio"])
def test_a_failure_of_the_disk_ends_the_loop_at_once_and_what_was_durable_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str, event_loop: Literal["uvloop", "asyncio"]
) -> None:
    operation, at, number = FAILURES[failure]
    logs = tmp_path / "logs"
    with sandbox_thread(demo_market(["BTCUSDT"], minutes=MINUTES), speed=600.0) as ready:
        plan = plan_of_document(tmp_path, document(venue=ready, symbols=["BTCUSDT"]))
        with monkeypatch.context() as patch:
            broken = Broken(patch, operation, at, number)
            with pytest.raises(JournalFailed) as caught:
                run_live(Mode.SHADOW, plan, logs, LiveOptions(event_loop=event_loop), Watchers())
        assert exit_of(caught.value) is Exit.JOURNAL
        beside = (
            operation == "fsync"
        )  # both streams are synced side by side; which one failed says nothing of the other
        assert at <= broken.calls <= at + beside
        run_dir = the_run(logs)
        check_kept(run_dir, broken.durable)
        enough = LiveOptions(inputs_max=recover(run_dir).inputs.next_seq + 300)
        ended = run_live(Mode.SHADOW, plan, logs, enough, Watchers())
    assert ended.resumed
    assert verify_run(run_dir).ok
    assert_replay_is_identical(run_dir)


def check_kept(run_dir: Path, durable: Progress | None) -> None:
    """What the journal had called durable is there."""
    assert durable is not None
    assert durable.inputs > 0
    assert stream_bytes(run_dir, Stream.INPUTS).count(b"\n") >= durable.inputs
    assert stream_bytes(run_dir, Stream.DECISIONS).count(b"\n") >= durable.decisions
