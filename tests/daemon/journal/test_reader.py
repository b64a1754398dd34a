from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

import msgspec
import pytest

from daemon.core.errors import JournalCorrupt, JournalError
from daemon.journal import (
    Journal,
    JournalSettings,
    Stream,
    read_decisions,
    read_input_batches,
    read_inputs,
    read_records,
)
from daemon.journal.chain import TAIL, seed
from daemon.journal.layout import list_segments
from daemon.ports import Input
from tests.daemon.journal.builders import (
    MANIFEST,
    NOON,
    SMALL,
    QuickFiles,
    append_both,
    append_input,
    frame,
    make_run,
    only_segment,
    stream_lines,
)

PACKED = msgspec.structs.replace(SMALL, pack=True)


@pytest.mark.parametrize("settings", [SMALL, PACKED])
@pytest.mark.parametrize("verify", [True, False])
def test_all_records_come_in_order_across_segments_in_either_form(
    tmp_path: Path, settings: JournalSettings, *, verify: bool
) -> None:
    run_dir = make_run(tmp_path, 60, settings=settings, ended="then")
    assert len(list_segments(run_dir, Stream.INPUTS)) > 3
    inputs = list(read_inputs(run_dir, verify=verify))
    assert [item.seq for item in inputs] == list(range(1, 61))
    assert {item.kind for item in inputs} == {"frame", "bytes", "fact"}
    assert list(read_decisions(run_dir, verify=verify)) == [
        line[:-1] for line in stream_lines(run_dir, Stream.DECISIONS)
    ]
    assert len(list(read_records(run_dir, verify=verify))) == 60


@pytest.mark.parametrize("start", [1, 2, 7, 30, 60, 61, 1000])
def test_reading_can_start_at_any_record(tmp_path: Path, start: int) -> None:
    run_dir = make_run(tmp_path, 60)
    everything = list(read_inputs(run_dir))
    assert list(read_inputs(run_dir, start=start)) == everything[start - 1 :]
    assert list(read_inputs(run_dir, start=start, verify=False)) == everything[start - 1 :]


def test_batches_hold_what_single_reading_yields(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, 1000, settings=JournalSettings(fsync="none"))
    batches = list(read_input_batches(run_dir))
    assert [item for batch in batches for item in batch] == list(read_inputs(run_dir))
    assert max(map(len, batches)) > 100


def test_the_records_before_a_bad_place_are_read_before_it_is_reported(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, 60)
    segment = list_segments(run_dir, Stream.INPUTS)[2].path
    text = segment.read_bytes()
    segment.write_bytes(text[:200] + bytes([text[200] ^ 4]) + text[201:])
    seen = list[Input]()
    with pytest.raises(JournalCorrupt, match=r"inputs-000003\.jsonl: byte \d+, record \d+: a flipped byte") as caught:
        seen.extend(read_inputs(run_dir))
    assert [item.seq for item in seen] == list(range(1, caught.value.seq))


def test_a_torn_tail_ends_an_unsealed_run_only_where_that_is_allowed(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, 20)
    last = list_segments(run_dir, Stream.INPUTS)[-1].path
    os.truncate(last, last.stat().st_size - 1)
    assert len(list(read_inputs(run_dir, allow_torn_tail=True))) == 19
    assert len(list(read_inputs(run_dir, allow_torn_tail=True, verify=False))) == 19
    with pytest.raises(JournalCorrupt, match="no newline"):
        list(read_inputs(run_dir))


def test_a_sealed_run_has_no_torn_tail_to_excuse(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, 20, ended="then")
    unpacked = list_segments(run_dir, Stream.INPUTS)[-1].path
    os.truncate(unpacked, unpacked.stat().st_size - 1)
    with pytest.raises(JournalCorrupt, match="no newline"):
        list(read_inputs(run_dir, allow_torn_tail=True))


def test_a_sealed_run_that_lost_its_end_is_reported(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, 40, ended="then")
    list_segments(run_dir, Stream.INPUTS)[-1].path.unlink()
    with pytest.raises(JournalCorrupt, match="sealed with 40 records"):
        list(read_inputs(run_dir))


def test_segments_missing_empty_renamed_or_of_another_run_are_told_apart(tmp_path: Path) -> None:
    def fresh(name: str) -> tuple[Path, list[Path]]:
        run_dir = make_run(tmp_path / name, 60)
        return run_dir, [segment.path for segment in list_segments(run_dir, Stream.INPUTS)]

    missing, paths = fresh("missing")
    paths[1].unlink()
    empty, paths = fresh("empty")
    os.truncate(paths[1], 0)
    renamed, paths = fresh("renamed")
    paths[1].rename(paths[1].with_name("inputs-000099.jsonl"))
    swapped, paths = fresh("swapped")
    second, third = paths[1].read_bytes(), paths[2].read_bytes()
    paths[1].write_bytes(third)
    paths[2].write_bytes(second)
    foreign, paths = fresh("foreign")
    journal = Journal.create(tmp_path / "other", MANIFEST, SMALL)
    journal.append_frame(NOON, "public-9", frame(0).replace(b"94321.5", b"94321.6"))
    append_both(journal, [1])
    for number in range(3, 61):
        append_input(journal, number)
    journal.close()
    paths[1].write_bytes((tmp_path / "other" / paths[1].name).read_bytes())
    expected = {
        missing: r"inputs-000002\.jsonl: byte 0, .*the segment is missing, or was renamed",
        empty: r"inputs-000002\.jsonl: byte 0, .*the segment is empty",
        renamed: r"inputs-000002\.jsonl: byte 0, .*the segment is missing, or was renamed",
        swapped: r"inputs-000002\.jsonl: byte 0, .*missing: records \d+ to \d+, or a segment renamed",
        foreign: r"inputs-000002\.jsonl: byte 0, .*the segment belongs to another run",
    }
    for run_dir, message in expected.items():
        with pytest.raises(JournalCorrupt, match=message):
            list(read_inputs(run_dir, allow_torn_tail=True))


def test_a_run_is_read_while_it_is_written_up_to_what_is_there(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, PACKED, files=QuickFiles())
    for number in range(1, 200):
        append_both(journal, [number])
        journal.sync()
        if number % 10 == 0:
            assert [item.seq for item in read_inputs(tmp_path, allow_torn_tail=True)] == list(range(1, number + 1))
    journal.close()


def test_lines_numbered_wrongly_under_a_chain_that_holds_are_refused(tmp_path: Path) -> None:
    path = only_segment(make_run(tmp_path, 1))
    body = b'{"kind":"frame","seq":2,"ts":5,"source":"a","raw":1'
    path.write_bytes(body + TAIL % crc32(body, seed(Stream.INPUTS)))
    for verify in (True, False):
        with pytest.raises(JournalCorrupt, match="numbered otherwise"):
            list(read_inputs(tmp_path, verify=verify))


def test_a_record_of_a_kind_that_this_version_does_not_know_is_refused_by_name(tmp_path: Path) -> None:
    make_run(tmp_path, 1)
    body = b'{"kind":"dream","seq":1,"cause":1,"ts":5,"lane":"a"'
    only_segment(tmp_path, Stream.DECISIONS).write_bytes(body + TAIL % crc32(body, seed(Stream.DECISIONS)))
    with pytest.raises(JournalCorrupt, match="dream"):
        list(read_records(tmp_path))
    assert len(list(read_decisions(tmp_path))) == 1


def test_a_run_that_is_not_there_is_a_journal_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no such run"):
        list(read_inputs(tmp_path / "none"))


def test_a_long_run_is_read_in_pieces(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, JournalSettings(fsync="none", pack=True), files=QuickFiles())
    for number in range(1, 5001):
        journal.append_frame(NOON, "public-1", frame(number), embeddable=True)
    journal.close(ended="then")
    sizes = [sum(len(item.payload) for item in batch) for batch in read_input_batches(tmp_path)]
    assert len(sizes) > 3
    assert max(sizes) < 256 << 10
