"""Damage done by hand to a small run: what is it called, where, and would a crash explain it?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.core.errors import JournalCorrupt
from daemon.journal import Fault, Journal, JournalSettings, Stream, read_inputs, recover
from daemon.journal.scan import Scan
from tests.daemon.journal.builders import MANIFEST, NOON, frame, make_run, only_segment, stream_lines

COUNT = 9
Lines = list[bytes]
ONE_SEGMENT = JournalSettings(fsync="none", pack=False)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", COUNT, settings=ONE_SEGMENT)


@pytest.fixture
def foreign(tmp_path: Path) -> Lines:
    """Lines of another run with the same numbers and other prices."""
    journal = Journal.create(tmp_path / "other", MANIFEST, ONE_SEGMENT)
    for number in range(1, 3 * COUNT):
        journal.append_frame(NOON + number, "public-1", frame(number).replace(b"94321.5", b"55555.5"))
    journal.close()
    return stream_lines(tmp_path / "other", Stream.INPUTS)


def fault_of(run_dir: Path, stream: Stream = Stream.INPUTS) -> Fault | None:
    scan = Scan(run_dir, stream)
    for _ in scan.blocks():
        pass
    return scan.fault


def change(run_dir: Path, edit: Callable[[Lines], Lines]) -> Lines:
    path = only_segment(run_dir)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(edit(list(lines))))
    return lines


def swap(lines: Lines, first: int, second: int) -> Lines:
    lines[first], lines[second] = lines[second], lines[first]
    return lines


EDITS = [
    ("missing: record 4", 4, lambda lines: lines[:3] + lines[4:]),
    ("missing: records 4 to 6", 4, lambda lines: lines[:3] + lines[6:]),
    ("missing: record 1", 1, lambda lines: lines[1:]),
    ("missing: record 8", 8, lambda lines: lines[:7] + lines[8:]),
    ("record 4 stands here twice: a duplicated line", 5, lambda lines: lines[:4] + lines[3:]),
    ("record 2 again: a line or a segment duplicated", 5, lambda lines: lines[:4] + lines[1:2] + lines[4:]),
    ("swapped lines: record 5 stands before record 4", 4, lambda lines: swap(lines, 3, 4)),
    ("swapped lines: record 9 stands before record 8", 8, lambda lines: swap(lines, 7, 8)),
    ("swapped lines: record 8 stands before record 2", 2, lambda lines: swap(lines, 1, 7)),
    ("a flipped byte: byte 40", 4, lambda lines: [*lines[:3], lines[3][:40] + b"?" + lines[3][41:], *lines[4:]]),
    ("a flipped byte: byte 0", 1, lambda lines: [b"[" + lines[0][1:], *lines[1:]]),
    (
        "the line's checksum is damaged",
        4,
        lambda lines: [*lines[:3], lines[3][:-11] + b"zzzzzzzz" + lines[3][-3:], *lines[4:]],
    ),
    (
        "the line's checksum is damaged",
        4,
        lambda lines: [*lines[:3], lines[3][:-11] + b"01234567" + lines[3][-3:], *lines[4:]],
    ),
    ("the line's content was changed", 4, lambda lines: [*lines[:3], lines[3].replace(b"9432", b"1111"), *lines[4:]]),
    ("its first line was changed", 1, lambda lines: [lines[0].replace(b"9432", b"1111"), *lines[1:]]),
    ("a foreign line: it is no record", 4, lambda lines: [*lines[:3], b"garbage\n", *lines[3:]]),
    ("a foreign line: it is no record", 4, lambda lines: [*lines[:3], b"\n", *lines[3:]]),
    ("the line is damaged", 4, lambda lines: [*lines[:3], b"garbage\n", *lines[4:]]),
    ("the line is damaged", 4, lambda lines: [*lines[:3], lines[3][:30] + b"\n" + lines[3][30:], *lines[4:]]),
]


@pytest.mark.parametrize(("reason", "seq", "edit"), EDITS)
def test_damage_in_the_middle_is_named_and_refused_and_left_as_it_is(
    run_dir: Path, reason: str, seq: int, edit: Callable[[Lines], Lines]
) -> None:
    lines = change(run_dir, edit)
    damaged = only_segment(run_dir).read_bytes()
    fault = fault_of(run_dir)
    assert fault is not None
    assert reason in fault.reason
    assert (fault.file, fault.seq, fault.torn) == ("inputs-000001.jsonl", seq, False)
    assert fault.offset == sum(map(len, lines[: seq - 1]))
    with pytest.raises(JournalCorrupt, match="cure: restore the segment") as refused:
        recover(run_dir)
    assert (refused.value.offset, refused.value.seq) == (fault.offset, seq)
    assert only_segment(run_dir).read_bytes() == damaged
    with pytest.raises(JournalCorrupt):
        list(read_inputs(run_dir, allow_torn_tail=True))


@pytest.mark.parametrize("number", [4, 20])
def test_a_line_of_another_run_is_called_foreign_whether_it_replaces_or_is_inserted(
    run_dir: Path, foreign: Lines, number: int
) -> None:
    change(run_dir, lambda lines: [*lines[:3], foreign[number - 1], *lines[4:]])
    replaced = fault_of(run_dir)
    assert replaced is not None
    assert "a foreign line" in replaced.reason
    assert not replaced.torn


def test_an_inserted_line_of_another_run_is_called_foreign(run_dir: Path, foreign: Lines) -> None:
    change(run_dir, lambda lines: [*lines[:3], foreign[19], *lines[3:]])
    fault = fault_of(run_dir)
    assert fault is not None
    assert fault.reason == "a foreign line: record 20 was inserted"
    assert not fault.torn


def test_a_decision_among_inputs_is_called_foreign(run_dir: Path) -> None:
    decision = stream_lines(run_dir, Stream.DECISIONS)[3]
    change(run_dir, lambda lines: [*lines[:3], decision, *lines[4:]])
    fault = fault_of(run_dir)
    assert fault is not None
    assert "belongs to the other stream" in fault.reason
    assert not fault.torn


TAILS = [
    ("has no newline", lambda text: text[:-1]),
    ("has no newline", lambda text: text[:-40]),
    ("has no newline", lambda text: text + b'{"kind":"fra'),
    ("13 zero bytes", lambda text: text + bytes(13)),
    ("has no newline", lambda text: text + bytes(13) + b"x"),
    ("zeros where a record should be", lambda text: text + bytes(4096) + b"\nrubbish\n"),
    ("the line is damaged", lambda text: text + b"rubbish\n\n\xff\n" + bytes(100)),
    ("a flipped byte", lambda text: text[:-60] + b"?" + text[-59:]),
    ("does not match its checksum", lambda text: text[:-11] + b"01234567" + text[-3:]),
    ("again", lambda text: text + text[:4000]),
    ("twice", lambda text: text + text.splitlines(keepends=True)[-1]),
]


@pytest.mark.parametrize(("reason", "damage"), TAILS)
def test_what_a_crash_can_leave_at_the_end_is_torn(
    run_dir: Path, reason: str, damage: Callable[[bytes], bytes]
) -> None:
    path = only_segment(run_dir)
    path.write_bytes(damage(path.read_bytes()))
    fault = fault_of(run_dir)
    assert fault is not None
    assert reason in fault.reason
    assert fault.torn
    assert fault.seq in {COUNT, COUNT + 1}


def test_a_sector_of_zeros_near_the_end_is_a_power_loss_even_with_records_behind_it(run_dir: Path) -> None:
    change(run_dir, lambda lines: [*lines[:5], bytes(1024) + lines[5][-20:], *lines[6:]])
    fault = fault_of(run_dir)
    assert fault is not None
    assert fault.torn
    assert fault.seq == 6


def test_a_sector_of_zeros_far_from_the_end_is_not_repaired(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, 12_000, settings=ONE_SEGMENT)
    change(run_dir, lambda lines: [*lines[:5], bytes(1024) + lines[5][-20:], *lines[6:]])
    fault = fault_of(run_dir)
    assert fault is not None
    assert not fault.torn


def test_a_zero_byte_in_the_middle_is_no_power_loss(run_dir: Path) -> None:
    change(run_dir, lambda lines: [*lines[:5], b"\0" * len(lines[5][:-1]) + b"\n", *lines[6:]])
    fault = fault_of(run_dir)
    assert fault is not None
    assert not fault.torn


def test_each_single_byte_change_of_a_line_is_located(run_dir: Path) -> None:
    path = only_segment(run_dir)
    text = path.read_bytes()
    start = text.find(b"\n", 300) + 1
    body = text.find(b',"crc"', start) - start
    for position in range(body):
        at = start + position
        changed = b"?" if text[at : at + 1] != b"?" else b"!"
        path.write_bytes(text[:at] + changed + text[at + 1 :])
        fault = fault_of(run_dir)
        assert fault is not None
        assert fault.reason == f"a flipped byte: byte {position} of the line was changed"
