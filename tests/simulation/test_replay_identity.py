"""A replay gives the same bytes in any process: whatever its hash seed, time zone, locale, flags, folder or loop."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import msgspec
import pytest

from tests.simulation.configs import SWING, TREND, document, lane, write_config
from tests.simulation.disk import decision_files, decision_lines
from tests.simulation.processes import ROOT, call, command, finish, sandbox

pytestmark = pytest.mark.process

UNTIL = "2025-05-06T00:12:00Z"
HASH_SEEDS = ("0", "1", "4242")
TIME_ZONES = ("UTC", "NPT-5:45")  # Kathmandu, in the form that needs no time zone database
INSTALLED = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
LOCALES = ("C", next((name for name in ("de_DE.utf8", "C.utf8") if name in INSTALLED), "POSIX"))
PROCESSES_AT_ONCE = 2

Variant = tuple[dict[str, str], tuple[str, ...], Path]


def record_run(folder: Path, *options: str) -> Path:
    """Shadow twelve minutes of three symbols in two lanes."""
    symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    half = {"weight": 0.5}
    lanes = [lane("trend", TREND), lane("both", SWING | half, TREND | half, max_orders_per_min=20)]
    with sandbox("--speed", "max") as ready:
        config = write_config(folder / "config.json", document(lanes, venue=ready, symbols=symbols))
        ended = call("shadow", config, "--logs", folder / "logs", "--until", UNTIL, *options)
    assert ended["decision_lines"] > 1000
    return Path(ended["run_dir"])


def variants(elsewhere: Path) -> list[Variant]:
    """Environment, interpreter flags and working directory of each process."""
    found: list[Variant] = [
        ({"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale}, (), ROOT)
        for seed, zone, locale in product(HASH_SEEDS, TIME_ZONES, LOCALES)
    ]
    found.append(({"PYTHONHASHSEED": "7"}, ("-O",), ROOT))
    found.append(({"PYTHONPATH": str(ROOT)}, (), elsewhere))
    return found


def start_replay(run_dir: Path, logs: Path, variant: Variant) -> subprocess.Popen[bytes]:
    """Replay a copy of the run that has its own folder, so that the replays cannot meet."""
    environment, flags, working_directory = variant
    arguments = command("replay", run_dir, "--logs", logs, "--json", flags=flags)
    return subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=working_directory,
        env=_environment(environment),
    )


def _environment(changes: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **changes}


def replay_all(run_dir: Path, logs: Path, wanted: list[Variant]) -> list[Path]:
    """Replay in one process for each variant, a few at a time."""
    found: list[Path] = []
    for at in range(0, len(wanted), PROCESSES_AT_ONCE):
        batch = [start_replay(run_dir, logs, variant) for variant in wanted[at : at + PROCESSES_AT_ONCE]]
        for process in batch:
            code, out, said = finish(process)
            assert code == 0, said
            found.append(Path(msgspec.json.decode(out)["run_dir"]))
    return found


def test_replays_in_fourteen_kinds_of_processes_give_the_same_files(tmp_path: Path) -> None:
    run_dir = record_run(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    wanted = variants(elsewhere)
    replays = replay_all(run_dir, tmp_path / "replays", wanted)
    assert len(set(replays)) == len(wanted) == 14
    files = decision_files(run_dir)
    assert len(files) > 1
    for variant, replayed in zip(wanted, replays, strict=True):
        assert decision_files(replayed) == files, variant


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_run_recorded_on_either_event_loop_equals_its_replay(tmp_path: Path, loop: str) -> None:
    run_dir = record_run(tmp_path, "--loop", loop)
    replayed = call("replay", run_dir, "--logs", tmp_path / "logs")
    assert replayed["decision_lines"] > 1000
    assert decision_files(Path(replayed["run_dir"])) == decision_files(run_dir)
    compared = call("compare", run_dir, replayed["run_dir"])
    assert (compared["verdict"], compared["rate"]) == ("equal", 1.0)
    assert compared["decisions"] == len(decision_lines(run_dir))
