"""Restart is replay: a shadow daemon is killed again and again and goes on as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import msgspec
import pytest

from daemon.app.lanes import Plan
from daemon.app.recovery import bring_back
from daemon.app.runs import Mode, find_unfinished
from daemon.config import load_config
from daemon.journal import Journal, JournalSettings, Stream, read_decisions, verify_run
from tests.simulation.configs import document, write_config
from tests.simulation.disk import Written, stream_segments, the_run
from tests.simulation.live_runs import assert_replay_is_identical
from tests.simulation.processes import finish, pause, sandbox, start, wait_until
from tests.simulation.restarts import (
    check_finished,
    configure,
    kill,
    kill_again_and_again,
    restarts,
    size_of,
    the_shadow,
    wait_for_kill,
)

pytestmark = pytest.mark.process

COMMAND_KILLS = 20
KILLS = 20
COPIES = 40


def draw_seed() -> int:
    """A new seed each time, unless LOCKSTEP_SEED asks for one again; printed, so that a failure shows it."""
    seed = int(os.environ.get("LOCKSTEP_SEED") or SystemRandom().randrange(1 << 32))
    sys.stdout.write(f"LOCKSTEP_SEED={seed}\n")
    return seed


def test_the_shadow_command_killed_at_random_moments_continues_its_run(tmp_path: Path) -> None:
    rng = Random(draw_seed())
    logs = tmp_path / "logs"
    seen = []
    with sandbox("--speed", "max", "--steps", "60") as ready:
        config = configure(tmp_path, ready)
        for _ in range(COMMAND_KILLS):
            process = start("shadow", config, "--logs", logs)
            wait_for_kill(rng, logs, process.pid)
            seen.append(kill(process.pid, logs))
            code, _, said = finish(process)
            assert code == -signal.SIGKILL, said
        check_finished(logs, config, seen)
    assert restarts(the_shadow(logs)) >= COMMAND_KILLS // 4


@pytest.mark.parametrize("campaign", [1, 2, 3])
def test_however_often_it_is_killed_nothing_is_lost_and_nothing_changes(tmp_path: Path, campaign: int) -> None:
    """Sixty kills in three rows; `python -m tests.simulation.destruction restarts` makes longer ones."""
    kill_again_and_again(tmp_path, KILLS, Random(draw_seed()))


def copy_now(pid: int, logs: Path, target: Path) -> None:
    """Copy what a SIGKILL at this moment would leave behind: what the kernel holds of a stopped process's files."""
    pause(pid)
    try:
        shutil.copytree(logs, target, ignore=shutil.ignore_patterns("*.sock"))  # a socket cannot be copied
    finally:
        os.kill(pid, signal.SIGCONT)


def bring_to_life(run_dir: Path, plan: Plan) -> int:
    """Recover a run and write what it had not written; returns the seq of its last input."""
    back = bring_back(run_dir, plan)
    journal = Journal.resume(run_dir, back.recovery, JournalSettings(segment_bytes=1 << 20, fsync="none"))
    back.outlet.open(journal.append_decision)
    journal.close()
    return journal.next_input - 1


def check_copy(copy: Path, finished: dict[Stream, dict[str, bytes]], causes: list[int], plan: Plan) -> None:
    written = Written.of(copy)
    last = bring_to_life(copy, plan)
    assert written.survived(copy)
    assert verify_run(copy).ok
    for stream in Stream:
        found = stream_segments(copy, stream)
        *whole, tail = found
        assert {name: found[name] for name in whole} == {name: finished[stream][name] for name in whole}
        assert finished[stream][tail].startswith(found[tail])
    assert sum(1 for _ in read_decisions(copy)) == sum(cause <= last for cause in causes)


@pytest.mark.parametrize("campaign", [1, 2, 3])
def test_every_state_that_a_kill_could_have_left_recovers_to_a_part_of_the_finished_run(
    tmp_path: Path, campaign: int
) -> None:
    rng = Random(draw_seed())
    logs = tmp_path / "logs"
    copies = [tmp_path / f"copy-{number}" for number in range(COPIES)]
    with sandbox("--speed", "max", "--steps", "60") as ready:
        config = configure(tmp_path, ready)
        shadow = start("shadow", config, "--logs", logs, "--json")
        wait_until(lambda: size_of(logs) > 0, "the run begins")
        for copy in copies:
            time.sleep(rng.uniform(0.0, 0.012))
            copy_now(shadow.pid, logs, copy)
        shadow.send_signal(signal.SIGTERM)
        code, out, said = finish(shadow)
    assert code == 0, said
    assert not msgspec.json.decode(out, type=dict[str, Any])["resumed"]
    run_dir = the_run(logs)
    plan = Plan(load_config(config), tmp_path)
    finished = {stream: stream_segments(run_dir, stream) for stream in Stream}
    causes = [msgspec.json.decode(line, type=dict[str, Any])["cause"] for line in read_decisions(run_dir)]
    for copy in copies:
        check_copy(copy / run_dir.name, finished, causes, plan)
        shutil.rmtree(copy)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_shadow_that_is_asked_to_stop_ends_its_run_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    logs = tmp_path / "logs"
    with sandbox("--speed", "max") as ready:
        config = configure(tmp_path, ready)
        process = start("shadow", config, "--logs", logs, "--json")
        wait_until(lambda: size_of(logs) > 0, "the run begins")
        process.send_signal(number)
        code, out, said = finish(process)
    assert code == 0, said
    ended = msgspec.json.decode(out, type=dict[str, Any])
    assert (ended["reason"], ended["sealed"]) == ("stopped by the operator", True)
    assert verify_run(the_run(logs)).ok
    assert_replay_is_identical(the_run(logs))


def test_a_folder_that_was_killed_before_it_had_a_manifest_is_no_run(tmp_path: Path) -> None:
    plan = Plan(load_config(write_config(tmp_path / "config.json", document())), tmp_path)
    (tmp_path / "logs" / "shadow-20250506T000000Z-0000").mkdir(parents=True)
    assert find_unfinished(tmp_path / "logs", Mode.SHADOW, plan) is None
