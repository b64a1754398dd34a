"""Operators' commands to a running daemon, by the command line: inputs like all others, which a kill does not undo."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.control import Order, give_command, is_running
from daemon.core.events import Command
from daemon.core.records import HaltLine
from daemon.journal import read_inputs, verify_run
from daemon.loop import read_fact
from tests.simulation.configs import SWING, document, lane, write_config
from tests.simulation.disk import records, the_run
from tests.simulation.live_runs import assert_replay_is_identical
from tests.simulation.processes import call, finish, sandbox, start, wait_until

pytestmark = pytest.mark.process
ONCE = Order.of("halt", "given twice", request="once-1")


@contextmanager
def shadowing(folder: Path, venue: dict[str, str]) -> Iterator[tuple[Any, Path]]:
    """A shadow process that follows a sandbox; yields it and its run, once that can be asked."""
    config = write_config(folder / "config.json", document([lane("swing", SWING)], venue=venue, symbols=["BTCUSDT"]))
    logs = folder / "logs"
    process = start("shadow", config, "--logs", logs)
    try:
        wait_until(lambda: any(is_running(path.parent) for path in logs.glob("*/control.sock")), "the daemon listens")
        yield process, the_run(logs)
    finally:
        process.kill()
        process.communicate()


def commands_in(run_dir: Path) -> list[Command]:
    facts = [read_fact(record) for record in read_inputs(run_dir, allow_torn_tail=True) if record.kind == "fact"]
    return [fact for fact in facts if isinstance(fact, Command)]


def test_a_halt_is_in_force_once_outlives_a_kill_and_is_taken_back_by_resume(tmp_path: Path) -> None:
    with sandbox("--speed", "60") as venue:
        with shadowing(tmp_path, venue) as (process, run_dir):
            found = call("halt", "--reason", "a test", "--logs", tmp_path / "logs")
            assert found["lanes"][0]["halts"]["operator"] == "a test"
            assert [give_command(run_dir, ONCE).repeated for _ in range(2)] == [False, True]
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert [one.request for one in commands_in(run_dir)][1:] == [ONCE.request]
        with shadowing(tmp_path, venue) as (process, run_dir):
            assert call("status", run_dir)["lanes"][0]["halts"]["operator"] == "given twice"
            assert give_command(run_dir, ONCE).repeated
            found = call("resume", "--reason", "looked into it", run_dir)
            assert "operator" not in found["lanes"][0]["halts"]
            process.send_signal(signal.SIGTERM)
            assert finish(process)[0] == 0
    assert [one.reason for one in commands_in(run_dir)] == ["a test", "given twice", "looked into it"]
    assert len([line for line in records(run_dir) if isinstance(line, HaltLine)]) >= 2
    assert verify_run(run_dir).ok
    assert_replay_is_identical(run_dir)


def test_panic_closes_everything_and_says_so(tmp_path: Path) -> None:
    with sandbox("--speed", "600") as venue, shadowing(tmp_path, venue) as (process, run_dir):
        wait_until(lambda: bool(call("status", run_dir)["lanes"][0]["positions"]), "a position is open")
        found = call("panic", "--reason", "a test", run_dir)
        assert found["lanes"][0]["panic"] == "done"
        assert found["lanes"][0]["positions"] == {}
        process.send_signal(signal.SIGTERM)
        assert finish(process)[0] == 0
    assert_replay_is_identical(run_dir)


def test_without_a_running_daemon_a_command_says_how_to_go_on(tmp_path: Path) -> None:
    code, _, err = finish(start("halt", "--reason", "a test", "--logs", tmp_path))
    assert code == 9
    assert "no daemon is running" in err
    assert "--panic" in err
