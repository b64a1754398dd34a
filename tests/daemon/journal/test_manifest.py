from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from daemon.core.errors import JournalError, JournalFailed
from daemon.journal import Manifest, Seal, SourceFile, StreamSeal, read_manifest, write_manifest
from daemon.journal.layout import MANIFEST as FILE_NAME
from daemon.journal.manifest import read_seal, write_seal
from tests.daemon.journal.builders import MANIFEST, FailingFiles

FULL = msgspec.structs.replace(
    MANIFEST,
    parent="run-0",
    config={"lanes": [{"name": "a", "active": True}]},
    strategies={"baseline_perps": "ab" * 32},
    instruments=({"symbol": "BTCUSDT", "tick": "0.1"},),
    sources=(SourceFile(path="bars.csv", sha256="cd" * 32, rows=3, mapping={"ts": "time"}),),
)
SEAL = Seal(inputs=StreamSeal(count=1, crc="0" * 8), decisions=StreamSeal(count=0, crc="1" * 8), ended="x", reason="y")


def test_a_manifest_reads_back_as_written(tmp_path: Path) -> None:
    write_manifest(tmp_path, FULL)
    assert read_manifest(tmp_path) == FULL
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_unknown_keys_are_passed_over(tmp_path: Path) -> None:
    later = {**msgspec.to_builtins(FULL), "weather": "fair"}
    (tmp_path / FILE_NAME).write_bytes(msgspec.json.encode(later))
    assert read_manifest(tmp_path) == FULL


def test_a_newer_format_is_refused_by_number_whatever_else_it_holds(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"format":2,"run_id":7}')
    with pytest.raises(JournalError, match="format 2 is newer than 1"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"format":1}', b'\xff{"format":1}'])
def test_a_damaged_manifest_is_a_journal_error(tmp_path: Path, text: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(text)
    with pytest.raises(JournalError, match=r"manifest\.json"):
        read_manifest(tmp_path)


def test_a_missing_manifest_is_a_journal_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file"):
        read_manifest(tmp_path)
    assert read_seal(tmp_path) is None


def test_sealing_changes_nothing_but_the_seal(tmp_path: Path) -> None:
    write_manifest(tmp_path, FULL)
    write_seal(tmp_path, SEAL)
    assert read_manifest(tmp_path) == msgspec.structs.replace(FULL, seal=SEAL)
    assert read_seal(tmp_path) == SEAL


@pytest.mark.parametrize("step", range(1, 5))
def test_a_manifest_that_cannot_be_replaced_stays_the_old_one(tmp_path: Path, step: int) -> None:
    write_manifest(tmp_path, FULL)
    changed: Manifest = msgspec.structs.replace(FULL, mode="replay")
    with pytest.raises(JournalFailed, match=r"manifest\.json: cannot be written"):
        write_manifest(tmp_path, changed, files=FailingFiles(step))
    assert read_manifest(tmp_path) == FULL
