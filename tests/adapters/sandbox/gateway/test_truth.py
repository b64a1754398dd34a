from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.sandbox.gateway.truth import TruthLog
from daemon.core.errors import ConfigError


def test_entries_are_counted_stamped_and_in_the_file_as_soon_as_they_are_noted(tmp_path: Path) -> None:
    file = tmp_path / "truth.jsonl"
    file.write_text("of another day\n", encoding="utf-8")
    log = TruthLog(file)
    for now_ms, what in ((5, "a"), (7, "b")):
        log.now_ms = now_ms
        log.note(what, {"qty": Decimal("0.10"), "text": "ü"})
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {"n": 1, "ts": 5, "what": "a", "qty": "0.10", "text": "ü"},
        {"n": 2, "ts": 7, "what": "b", "qty": "0.10", "text": "ü"},
    ]
    assert [entry["n"] for entry in log.of("b")] == [2]
    log.close()
    log.close()
    log.note("c", {})
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2
    assert log.of("a", "c")[-1]["n"] == 3


def test_a_long_run_need_not_be_kept_in_memory() -> None:
    log = TruthLog(keep=False)
    log.note("a", {})
    assert log.entries == []


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        TruthLog(tmp_path / "no" / "truth.jsonl")
