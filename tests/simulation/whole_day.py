"""A day of market time on the example's own configuration: sandbox and daemon as processes, then its replay.

python -m tests.simulation.whole_day

A part of `make campaign`, for it takes over a minute. What counts is the venue's truth log, and bytes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from daemon.core.records import FillLine, Record
from daemon.core.venue_records import MismatchLine, SendLine
from daemon.journal import read_records
from tests.simulation.live_runs import assert_replay_is_identical
from tests.simulation.processes import ROOT, finish, sandbox, start

EXAMPLE = ROOT / "examples" / "demo.toml"
HOST = "127.0.0.1:8490"
END = "2025-05-07T00:00:00Z"
KEYS = {"LOCKSTEP_DEMO_KEY": "sandbox-key-1", "LOCKSTEP_DEMO_SECRET": "sandbox-secret-1"}
PATIENCE_S = 600.0


def trade_a_day(folder: Path, speed: int) -> dict[str, Any]:
    """Trade until midnight, replay, and hold the run against what the venue wrote down; returns the figures."""
    truth = folder / "truth.jsonl"
    began = time.monotonic()
    with sandbox("--speed", str(speed), "--truth", str(truth)) as venue:
        text = EXAMPLE.read_text().replace(HOST, urlsplit(venue["rest_url"]).netloc)
        config = folder / "demo.toml"
        config.write_text(text.replace("speed = 1440", f"speed = {speed}"))
        env = {**KEYS, "LOCKSTEP_STATE_DIR": str(folder / "state")}
        process = start("trade", config, "--logs", folder / "logs", "--until", END, "--json", env=env)
        code, out, err = finish(process, PATIENCE_S)
    assert code == 0, err
    result = msgspec.json.decode(out)
    traded = time.monotonic() - began
    run_dir = Path(result["run_dir"])
    found = hold_against(list(read_records(run_dir)), _entries(truth))
    assert_replay_is_identical(run_dir)
    both = {"inputs": result["inputs"], "decision_lines": result["decision_lines"], "seconds": round(traded, 1)}
    return both | found | {"replay": "identical"}


def hold_against(records: Iterable[Record], truth: list[dict[str, Any]]) -> dict[str, int]:
    """Every order that was sent is one that the venue took, every execution is booked, once."""
    lines = list(records)
    sent = [line.link_id for line in lines if isinstance(line, SendLine) and line.op == "create"]
    accepted = [entry["order_link_id"] for entry in truth if entry["what"] == "accepted"]
    assert sorted(sent) == sorted(accepted), (len(sent), len(accepted))
    booked = [line.fill_id for line in lines if isinstance(line, FillLine) and line.lane == "main"]
    executed = [entry["exec_id"] for entry in truth if entry["what"] == "execution" and entry["exec_type"] == "Trade"]
    assert sorted(booked) == sorted(executed), (len(booked), len(executed))
    assert len(sent) > 10, "a day with hardly an order shows nothing"
    mismatches = sum(isinstance(line, MismatchLine) for line in lines)
    return {"orders": len(sent), "executions": len(executed), "mismatches": mismatches}


def _entries(truth: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()]


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=int, default=1440, help="market time per real time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lockstep-day-") as folder:
        found = trade_a_day(Path(folder), options.speed)
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
