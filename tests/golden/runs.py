"""The golden runs and the digests that are pinned for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from daemon.app.lanes import Plan
from daemon.app.offline import backtest, replay
from daemon.config import load_config
from daemon.journal import Stream
from daemon.journal.layout import list_segments, read_segment
from tests.golden.tape import TAPE

FOLDER = Path(__file__).parent
PINS = FOLDER / "pins.json"


def _plan(name: str) -> Plan:
    return Plan(load_config(FOLDER / name), FOLDER)


def run_frames(logs: Path) -> Path:
    """Two lanes over the tape of frames."""
    return Path(replay(TAPE, logs, plan=_plan("frames.toml")).run_dir)


def run_bars(logs: Path) -> Path:
    """One lane over the tape of bars."""
    return Path(backtest(_plan("bars.toml"), logs).run_dir)


GOLDEN: dict[str, Callable[[Path], Path]] = {"frames": run_frames, "bars": run_bars}


def digest_of(run_dir: Path) -> str:
    """SHA-256 of the names and the bytes of a run's decision segments."""
    digest = hashlib.sha256()
    for segment in list_segments(run_dir, Stream.DECISIONS):
        digest.update(segment.name.encode() + b"\0")
        for block in read_segment(segment, 1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_pins() -> dict[str, str]:
    """The digests that the runs must have."""
    return msgspec.json.decode(PINS.read_bytes(), type=dict[str, str]) if PINS.exists() else {}


def write_pins(pins: dict[str, str]) -> None:
    """Pin digests."""
    PINS.write_bytes(msgspec.json.format(msgspec.json.encode(pins), indent=2) + b"\n")
