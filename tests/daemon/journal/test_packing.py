from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from daemon.journal import Files, Journal, Stream, read_inputs, recover, verify_run
from daemon.journal.layout import list_segments
from daemon.journal.packing import Packer, pack_segment
from tests.daemon.journal.builders import MANIFEST, SMALL, FailingFiles, QuickFiles, append_both, make_run, stream_bytes

PACKED = msgspec.structs.replace(SMALL, pack=True)


def test_packing_replaces_the_plain_file_and_keeps_the_content(tmp_path: Path) -> None:
    expected = stream_bytes(make_run(tmp_path, 40), Stream.INPUTS)
    pack_segment(tmp_path / "inputs-000001.jsonl", Files())
    assert not (tmp_path / "inputs-000001.jsonl").exists()
    assert (tmp_path / "inputs-000001.jsonl.zst").stat().st_size < len(expected[0])
    assert stream_bytes(tmp_path, Stream.INPUTS) == expected
    assert verify_run(tmp_path).ok


@pytest.mark.parametrize("step", range(1, 7))
def test_packing_interrupted_at_any_step_leaves_a_readable_run_that_recovers(tmp_path: Path, step: int) -> None:
    expected = stream_bytes(make_run(tmp_path, 40), Stream.INPUTS)
    with pytest.raises(OSError, match="No space"):
        pack_segment(tmp_path / "inputs-000001.jsonl", FailingFiles(step, for_ever=True))
    assert stream_bytes(tmp_path, Stream.INPUTS) == expected
    assert [item.seq for item in read_inputs(tmp_path)] == list(range(1, 41))
    recover(tmp_path)
    assert stream_bytes(tmp_path, Stream.INPUTS) == expected
    names = [path.name for path in tmp_path.iterdir() if path.name.startswith("inputs-000001")]
    assert names == ["inputs-000001.jsonl"]


def test_six_steps_are_all_there_are(tmp_path: Path) -> None:
    make_run(tmp_path, 40)
    files = FailingFiles(0)
    pack_segment(tmp_path / "inputs-000001.jsonl", files)
    assert files.calls <= 6


def test_a_segment_that_cannot_be_packed_stays_plain_and_is_named(tmp_path: Path) -> None:
    make_run(tmp_path, 40)
    packer = Packer(FailingFiles(2))
    packer.add(tmp_path / "inputs-000001.jsonl")
    packer.add(tmp_path / "inputs-000002.jsonl")
    packer.finish()
    [failure] = packer.failures
    assert "inputs-000001.jsonl: stays unpacked" in failure
    assert [segment.packed for segment in list_segments(tmp_path, Stream.INPUTS)][:2] == [False, True]
    assert not list(tmp_path.glob("*.tmp"))


def test_closed_segments_are_packed_while_the_run_goes_on_but_not_the_open_one(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, PACKED, files=QuickFiles())
    append_both(journal, range(1, 41))
    journal.close()
    for stream in Stream:
        *closed, last = list_segments(tmp_path, stream)
        assert all(segment.packed for segment in closed)
        assert not last.packed
    assert journal.unpacked == ()


def test_resuming_packs_what_a_crash_left_unpacked(tmp_path: Path) -> None:
    make_run(tmp_path, 40)
    journal = Journal.resume(tmp_path, recover(tmp_path), PACKED)
    journal.close(ended="then", reason="test")
    assert all(segment.packed for stream in Stream for segment in list_segments(tmp_path, stream))
    assert verify_run(tmp_path).ok
