from __future__ import annotations

from pathlib import Path

import pytest

from daemon.core.errors import JournalCorrupt, JournalError
from daemon.journal import Stream
from daemon.journal.files import Files
from daemon.journal.layout import list_segments, read_segment
from daemon.journal.packing import pack_segment
from tests.daemon.journal.builders import make_run


def test_segments_are_listed_by_number_and_other_files_are_not(tmp_path: Path) -> None:
    for name in (
        "inputs-000010.jsonl",
        "inputs-000002.jsonl",
        "inputs-000001.jsonl",
        "inputs-1000000.jsonl",
        "inputs-000001.jsonl.broken-1",
        "inputs-000003.jsonl.zst.tmp",
        "decisions-000001.jsonl",
        "run.log",
    ):
        (tmp_path / name).write_bytes(b"x")
    assert [segment.number for segment in list_segments(tmp_path, Stream.INPUTS)] == [1, 2, 10, 1000000]
    assert [segment.name for segment in list_segments(tmp_path, Stream.DECISIONS)] == ["decisions-000001.jsonl"]


def test_a_folder_that_is_not_there_is_a_journal_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no such run"):
        list_segments(tmp_path / "none", Stream.INPUTS)


def test_of_both_forms_the_plain_one_is_read_only_if_it_is_whole(tmp_path: Path) -> None:
    plain = make_run(tmp_path, 8) / "inputs-000001.jsonl"
    text = plain.read_bytes()
    pack_segment(plain, Files())
    plain.write_bytes(text)
    assert not list_segments(tmp_path, Stream.INPUTS)[0].packed
    plain.write_bytes(text[:-1])
    assert list_segments(tmp_path, Stream.INPUTS)[0].packed


def test_a_segment_packed_after_it_was_listed_is_still_read(tmp_path: Path) -> None:
    plain = make_run(tmp_path, 8) / "inputs-000001.jsonl"
    text = plain.read_bytes()
    listed = list_segments(tmp_path, Stream.INPUTS)[0]
    pack_segment(plain, Files())
    assert b"".join(read_segment(listed, 100)) == text


@pytest.mark.parametrize("keep", [0, 3, 20, -5])
def test_a_packed_segment_that_is_cut_off_is_never_read_as_a_short_one(tmp_path: Path, keep: int) -> None:
    plain = make_run(tmp_path, 8) / "inputs-000001.jsonl"
    pack_segment(plain, Files())
    packed = list_segments(tmp_path, Stream.INPUTS)[0]
    packed.path.write_bytes(packed.path.read_bytes()[:keep])
    with pytest.raises(JournalCorrupt, match="packed segment"):
        list(read_segment(packed, 100))


def test_a_packed_segment_with_any_byte_changed_is_refused_or_reads_the_same(tmp_path: Path) -> None:
    plain = make_run(tmp_path, 8) / "inputs-000001.jsonl"
    text = plain.read_bytes()
    pack_segment(plain, Files())
    packed = list_segments(tmp_path, Stream.INPUTS)[0]
    good = packed.path.read_bytes()
    refused = 0
    for position in range(len(good)):
        packed.path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        try:
            assert b"".join(read_segment(packed, 4096)) == text
        except JournalCorrupt:
            refused += 1
    assert refused > len(good) * 0.9
