"""Rows on runs as a whole: recovery after a kill, and the memory that a replay takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.places import work_folder
from benchmarks.row import Row, against_baseline
from benchmarks.size import Size
from benchmarks.tape import Frame, make_frames, make_plan, record_run
from benchmarks.timing import duel
from daemon.app.offline import replay
from daemon.app.recovery import bring_back
from daemon.journal import JournalSettings

INPUTS_PER_HOUR = 8_000
GROWTH_MAX = 1.05

# Replay speed or better, as far as two measurements in turns can tell.
NOISE = 0.95
PEAK_MB_MAX = 150.0


def recovery(size: Size) -> Row:
    """A run that was killed, brought back: tail repaired, inputs folded, every decision compared with the recorded."""
    plan = make_plan()
    with work_folder() as folder:
        run_dir = folder / "killed"
        inputs = record_run(run_dir, _frames(size.recovery_inputs), settings=JournalSettings(fsync="none"), seal=False)

        def bring() -> int:
            return bring_back(run_dir, plan).pipeline.inputs

        fight = duel(bring, lambda: replay(run_dir, folder).inputs, min(size.rounds, 2))
    note = f"{inputs} inputs; finding the end of both streams and comparing every decision are part of it"
    return against_baseline("recovery", "inputs/s", fight, baseline="replay", ratio_floor=NOISE, note=note)


def memory_24h_replay(size: Size) -> Row:
    """Peak memory of replaying a day and three days, each in a process of its own."""
    with work_folder() as folder:
        once = _peak_mb(folder, size.memory_hours)
        thrice = _peak_mb(folder, 3 * size.memory_hours)
    return Row(
        name="memory_24h_replay",
        value=once,
        unit="MB peak",
        floor=PEAK_MB_MAX,
        ratio=thrice / once,
        ratio_floor=GROWTH_MAX,
        bound="at most",
        baseline=f"three times {size.memory_hours} h",
        baseline_value=thrice,
        relative=once / thrice,
        note=f"{size.memory_hours} h against {3 * size.memory_hours} h",
    )


def _peak_mb(folder: Path, hours: int) -> float:
    run_dir = folder / f"recorded-{hours}h"
    record_run(run_dir, make_frames(hours), settings=JournalSettings(fsync="none"), seal=True)
    arguments = [sys.executable, "-m", "benchmarks.replaying", str(run_dir), str(folder)]
    return float(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)


def _frames(count: int) -> Iterator[Frame]:
    return islice(make_frames(count // INPUTS_PER_HOUR + 1), count)
