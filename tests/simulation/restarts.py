"""A shadow daemon that is killed again and again, and what must be true of its run in the end.

Every kill is a SIGKILL of a process that shadows a sandbox over a real websocket. Right before it the process is
stopped and what it had written is noted: none of it may be missing at the end. The finished run must then be sound and
equal, file by file and byte by byte, to a replay of its inputs.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from random import Random

from daemon.core.events import Restarted
from daemon.journal import read_inputs, recover, verify_run
from daemon.loop import read_fact
from tests.simulation.configs import document, write_config
from tests.simulation.disk import Written, decision_files, runs_in, the_run
from tests.simulation.processes import call, fork_cli, pause, sandbox, state_of, wait_until

GROWTH_S_MAX = 0.06
LIFE_S_MAX = 0.35


def configure(folder: Path, ready: dict[str, str]) -> Path:
    """A configuration that shadows a sandbox."""
    return write_config(folder / "config.json", document(venue=ready))


def size_of(logs: Path) -> int:
    """Bytes of inputs that lie in plain segments; grows while a daemon takes inputs."""
    total = 0
    for path in logs.glob("*/inputs-*.jsonl"):
        try:
            total += path.stat().st_size + (int(path.name[7:13]) << 20)
        except FileNotFoundError:
            continue
    return total


def wait_for_kill(rng: Random, logs: Path, pid: int) -> None:
    """Let a daemon live for a while: every other one dies wherever it is, start and recovery included."""
    if rng.random() < 0.5:
        time.sleep(rng.uniform(0.0, LIFE_S_MAX))
        return
    before = size_of(logs)
    wait_until(lambda: size_of(logs) > before or state_of(pid) in "ZX", "the run grows")
    time.sleep(rng.uniform(0.0, GROWTH_S_MAX))


def kill(pid: int, logs: Path) -> Written | None:
    """Kill a process without warning; returns what it had written, None if it had not begun a run."""
    pause(pid)
    runs = runs_in(logs)
    written = Written.of(runs[-1]) if runs else None
    os.kill(pid, signal.SIGKILL)
    return written


def check_finished(logs: Path, config: Path, seen: list[Written | None]) -> None:
    """Let the run end, and hold it against everything that was seen of it."""
    last = the_run(logs)
    enough = recover(last).inputs.next_seq + 1500
    ended = call("shadow", config, "--logs", logs, "--inputs", enough)
    assert ended["resumed"]
    assert ended["inputs"] == enough
    assert ended["run_dir"] == str(last)
    assert all(written.survived(last) for written in seen if written is not None)
    assert verify_run(last).ok
    replayed = call("replay", last, "--logs", logs)
    assert replayed["decision_lines"] == ended["decision_lines"] > 100
    assert decision_files(Path(replayed["run_dir"])) == decision_files(last)


def restarts(run_dir: Path) -> int:
    """How often a run was gone on with."""
    facts = (read_fact(record) for record in read_inputs(run_dir) if record.source == "daemon")
    return sum(isinstance(fact, Restarted) for fact in facts)


def the_shadow(logs: Path) -> Path:
    """The only shadow run there is."""
    [run] = [path for path in runs_in(logs) if path.name.startswith("shadow")]
    return run


def kill_again_and_again(folder: Path, kills: int, rng: Random) -> None:
    """So many lives of one run, each ended by a kill at a random moment, and the end of it.

    Raises:
        AssertionError: something was lost, or is not as it would be without the kills.
    """
    logs, said = folder / "logs", folder / "said.txt"
    seen = []
    with sandbox("--speed", "max", "--steps", "60") as ready:
        config = configure(folder, ready)
        for _ in range(kills):
            process = fork_cli("shadow", config, "--logs", logs, output=said)
            assert process.pid is not None
            wait_for_kill(rng, logs, process.pid)
            seen.append(kill(process.pid, logs))
            process.join()
            assert process.exitcode == -signal.SIGKILL, said.read_text()
        check_finished(logs, config, seen)
    assert restarts(the_shadow(logs)) >= kills // 4
