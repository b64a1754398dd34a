"""Golden runs: real inputs, every byte of the decisions pinned."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from daemon.core.records import DecisionLine, FillLine, HaltLine, OrderLine
from daemon.journal import verify_run
from tests.golden import repin, runs
from tests.golden.runs import GOLDEN, digest_of, read_pins, run_bars, run_frames
from tests.golden.tape import TAPE, write_tape
from tests.simulation.disk import records

SIZE_MAX = 500_000


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_run_decides_what_is_pinned(tmp_path: Path, name: str) -> None:
    run_dir = GOLDEN[name](tmp_path)
    assert verify_run(run_dir).ok
    pinned = read_pins()[name]
    assert digest_of(run_dir) == pinned, "decisions have changed; if on purpose: make golden, and say why"


def test_every_golden_run_is_pinned() -> None:
    assert set(read_pins()) == set(GOLDEN)


def test_the_golden_runs_are_worth_pinning(tmp_path: Path) -> None:
    """They hold, trade in every lane, are denied and end with more than a handful of fills."""
    frames = records(run_frames(tmp_path / "frames"))
    lines = [record for record in frames if isinstance(record, DecisionLine)]
    assert Counter(line.lane for line in lines).keys() == {"book", "trend"}
    assert any(not verdict.allow for line in lines for verdict in line.verdicts)
    fills = Counter(record.lane for record in frames if isinstance(record, FillLine))
    assert fills["book"] >= 4
    assert fills["trend"] >= 4
    assert not any(isinstance(record, HaltLine) and "strategy" in record.reason for record in frames)
    bars = records(run_bars(tmp_path / "bars"))
    assert sum(isinstance(record, DecisionLine) for record in bars) == 300
    assert sum(isinstance(record, OrderLine) for record in bars) > 20


def test_the_tape_is_small_and_sound_and_so_is_one_made_anew(tmp_path: Path) -> None:
    """The kept tape stays as it is when the sandbox makes other frames, so their bytes are not compared."""
    for tape in (TAPE, write_tape(tmp_path / "tape")):
        assert sum(path.stat().st_size for path in tape.iterdir()) < SIZE_MAX
        found = verify_run(tape)
        assert found.ok
        assert found.inputs.count > 5000


def test_pinning_anew_tells_what_changed_and_asks_for_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pins = read_pins()
    monkeypatch.setattr(runs, "PINS", tmp_path / "pins.json")
    runs.write_pins(pins | {"bars": "0" * 64})
    repin.main()
    said = capsys.readouterr().out
    assert f"was {'0' * 64}" in said
    assert "CHANGELOG" in said
    assert read_pins() == pins
    repin.main()
    assert "CHANGELOG" not in capsys.readouterr().out
