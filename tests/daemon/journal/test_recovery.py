from __future__ import annotations

import os
import random
from pathlib import Path

import msgspec
import pytest

from daemon.core.errors import JournalCorrupt, JournalError
from daemon.journal import (
    Journal,
    JournalSettings,
    Stream,
    read_decisions,
    read_inputs,
    recover,
    truncate_decisions,
    verify_run,
)
from daemon.journal.layout import list_segments
from daemon.journal.scan import Scan
from tests.daemon.journal.builders import (
    MANIFEST,
    NOON,
    SMALL,
    QuickFiles,
    append_both,
    append_input,
    frame,
    make_run,
    record,
    stream_bytes,
    stream_lines,
)

COUNT = 36
QUICK = QuickFiles()


def scan_end(run_dir: Path, stream: Stream) -> Scan:
    scan = Scan(run_dir, stream)
    for _ in scan.blocks():
        pass
    return scan


def finish(run_dir: Path, settings: JournalSettings = SMALL) -> None:
    recovery = recover(run_dir, files=QUICK)
    journal = Journal.resume(run_dir, recovery, settings, files=QUICK)
    for number in range(recovery.inputs.next_seq, COUNT + 1):
        append_input(journal, number)
    for number in range(recovery.decisions.next_seq, COUNT + 1):
        journal.append_decision(record(number))
    journal.close()


@pytest.mark.parametrize("stream", list(Stream))
def test_a_tail_cut_at_any_byte_is_repaired_to_the_last_whole_record(tmp_path: Path, stream: Stream) -> None:
    run_dir = make_run(tmp_path, COUNT)
    last = list_segments(run_dir, stream)[-1].path
    before = len(b"".join(stream_bytes(run_dir, stream)[:-1]).splitlines())
    text = last.read_bytes()
    for size in range(len(text), -1, -1):
        last.write_bytes(text[:size])
        tail = getattr(recover(run_dir, files=QUICK), stream.value)
        whole = text[:size].rfind(b"\n") + 1
        assert tail.next_seq == before + text[:whole].count(b"\n") + 1
        assert tail.cut_bytes == size - whole
        assert (last.read_bytes() if last.exists() else b"") == text[:whole]
        assert [path.read_bytes() for path in tail.kept] == ([text[whole:size]] if size > whole else [])
        for path in tail.kept:
            path.unlink()


def test_every_byte_offset_of_64_kib_ends_at_the_last_whole_record(tmp_path: Path) -> None:
    run_dir = tmp_path
    journal = Journal.create(run_dir, MANIFEST, JournalSettings(fsync="none", segment_bytes=24 << 10, pack=False))
    for number in range(1, 70):
        journal.append_frame(NOON, "public-1", b'"' + frame(number).hex().encode() * 7 + b'"')
    journal.close()
    lines = stream_lines(run_dir, Stream.INPUTS)
    expected = len(lines)
    checked = 0
    for segment in reversed(list_segments(run_dir, Stream.INPUTS)):
        text = segment.path.read_bytes()
        first = expected - text.count(b"\n")
        for size in range(len(text) - 1, -1, -1):
            os.truncate(segment.path, size)
            scan = scan_end(run_dir, Stream.INPUTS)
            assert scan.next_seq == first + text.count(b"\n", 0, size) + 1
            assert (
                scan.fault is None if size == 0 or text[size - 1] == 10 else scan.fault is not None and scan.fault.torn
            )
            checked += 1
        segment.path.unlink()
        expected = first
    assert checked >= 64 << 10


@pytest.mark.parametrize("seed", range(40))
def test_a_tail_grown_by_zeros_or_rubbish_or_old_content_is_cut_off_and_kept(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    run_dir = make_run(tmp_path, COUNT)
    expected = {stream: stream_bytes(run_dir, stream) for stream in Stream}
    path = list_segments(run_dir, Stream.INPUTS)[-1].path
    old = expected[Stream.INPUTS][0] * 8
    start, size = chance.randrange(1000), chance.randint(1, 8192)
    rubbish = [bytes(size), chance.randbytes(size), old[start : start + size], bytes(size) + old[start:]][seed % 4]
    path.write_bytes(path.read_bytes() + rubbish)
    recovery = recover(run_dir, files=QUICK)
    assert (recovery.inputs.next_seq, recovery.inputs.cut_bytes) == (COUNT + 1, len(rubbish))
    assert [kept.read_bytes() for kept in recovery.inputs.kept] == [rubbish]
    assert {stream: stream_bytes(run_dir, stream) for stream in Stream} == expected


@pytest.mark.parametrize("stream", list(Stream))
def test_every_flipped_bit_is_found_at_its_line_or_lies_in_the_repairable_tail(tmp_path: Path, stream: Stream) -> None:
    run_dir = make_run(tmp_path, 8, settings=JournalSettings(fsync="none", pack=False))
    [segment] = list_segments(run_dir, stream)
    text = segment.path.read_bytes()
    last_line = text[:-1].rfind(b"\n") + 1
    for position in range(len(text)):
        line_start = text.rfind(b"\n", 0, position) + 1
        for bit in range(8):
            segment.path.write_bytes(text[:position] + bytes([text[position] ^ 1 << bit]) + text[position + 1 :])
            fault = scan_end(run_dir, stream).fault
            assert fault is not None
            assert fault.offset == line_start
            assert fault.torn == (position >= last_line - 1), (position, bit, fault)


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("cut", [1, 100, 1400, 1600, 3000])
def test_a_torn_run_goes_on_as_if_it_had_never_stopped(tmp_path: Path, cut: int, *, pack: bool) -> None:
    settings = msgspec.structs.replace(SMALL, pack=pack)
    expected = make_run(tmp_path / "whole", COUNT, settings=settings)
    run_dir = make_run(tmp_path / "torn", COUNT, settings=settings)
    for stream in Stream:
        path = list_segments(run_dir, stream)[-1].path
        os.truncate(path, max(0, path.stat().st_size - cut))
    finish(run_dir, settings)
    for stream in Stream:
        assert stream_bytes(run_dir, stream) == stream_bytes(expected, stream)
    assert verify_run(run_dir).ok


def test_an_empty_last_segment_goes_and_a_packed_one_before_it_is_opened_again(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(SMALL, pack=True)
    expected = make_run(tmp_path / "whole", COUNT, settings=settings)
    run_dir = make_run(tmp_path / "torn", COUNT, settings=settings)
    segments = list_segments(run_dir, Stream.INPUTS)
    os.truncate(segments[-1].path, 0)
    recovery = recover(run_dir, files=QUICK)
    assert recovery.inputs.segment == segments[-2].number
    assert recovery.inputs.cut_bytes == 0
    assert segments[-2].plain_path.exists()
    assert not segments[-2].packed_path.exists()
    assert not segments[-1].path.exists()
    finish(run_dir, settings)
    assert stream_bytes(run_dir, Stream.INPUTS) == stream_bytes(expected, Stream.INPUTS)


def test_recovering_a_sound_run_changes_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, COUNT)
    before = {path.name: path.read_bytes() for path in run_dir.iterdir()}
    first, second = recover(run_dir), recover(run_dir)
    assert {path.name: path.read_bytes() for path in run_dir.iterdir()} == before
    for stream in ("inputs", "decisions"):
        one, other = getattr(first, stream), getattr(second, stream)
        assert (one.next_seq, one.crc, one.segment, one.offset) == (
            other.next_seq,
            other.crc,
            other.segment,
            other.offset,
        )
        assert one.sha256.hexdigest() == other.sha256.hexdigest()
        assert one.closed == other.closed


def test_damage_in_one_stream_leaves_the_torn_tail_of_the_other_alone(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, COUNT)
    inputs = list_segments(run_dir, Stream.INPUTS)[-1].path
    os.truncate(inputs, inputs.stat().st_size - 5)
    decisions = run_dir / "decisions-000001.jsonl"
    decisions.write_bytes(decisions.read_bytes().replace(b"deposit", b"Deposit", 1))
    before = {path.name: path.read_bytes() for path in run_dir.iterdir()}
    with pytest.raises(JournalCorrupt, match="flipped byte"):
        recover(run_dir)
    assert {path.name: path.read_bytes() for path in run_dir.iterdir()} == before


def test_a_torn_segment_with_another_behind_it_is_refused(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, COUNT)
    os.truncate(run_dir / "inputs-000001.jsonl", 1000)
    with pytest.raises(JournalCorrupt, match=r"inputs-000001\.jsonl: .*no newline"):
        recover(run_dir)


def test_a_second_repair_does_not_overwrite_what_the_first_kept(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, 3)
    path = run_dir / "inputs-000001.jsonl"
    for rubbish in (b"first", b"second"):
        path.write_bytes(path.read_bytes() + rubbish)
        recover(run_dir, files=QUICK)
    kept = sorted(run_dir.glob("*.broken-*"))
    assert [(found.name, found.read_bytes()) for found in kept] == [
        ("inputs-000001.jsonl.broken-1", b"first"),
        ("inputs-000001.jsonl.broken-2", b"second"),
    ]


def test_a_sealed_run_is_not_recovered(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, 3, ended="then")
    for attempt in (lambda: recover(run_dir), lambda: truncate_decisions(run_dir, 1)):
        with pytest.raises(JournalError, match="sealed"):
            attempt()


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("keep", [0, 1, 7, 20, 35, 36, 99])
def test_decisions_are_cut_after_any_record_and_what_goes_is_kept(tmp_path: Path, keep: int, *, pack: bool) -> None:
    settings = msgspec.structs.replace(SMALL, pack=pack)
    expected = make_run(tmp_path / "whole", COUNT, settings=settings)
    run_dir = make_run(tmp_path / "cut", COUNT, settings=settings)
    lines = list(read_decisions(run_dir))
    tail = truncate_decisions(run_dir, keep, files=QUICK)
    assert tail.next_seq == min(keep, COUNT) + 1
    assert list(read_decisions(run_dir)) == lines[:keep]
    assert sum(path.stat().st_size for path in tail.kept) == tail.cut_bytes
    finish(run_dir, settings)
    for stream in Stream:
        assert stream_bytes(run_dir, stream) == stream_bytes(expected, stream)


def test_the_cut_end_of_the_decisions_can_be_resumed_directly(tmp_path: Path) -> None:
    expected = make_run(tmp_path / "whole", COUNT)
    run_dir = make_run(tmp_path / "cut", COUNT)
    recovery = recover(run_dir, files=QUICK)
    recovery = msgspec.structs.replace(recovery, decisions=truncate_decisions(run_dir, 17, files=QUICK))
    journal = Journal.resume(run_dir, recovery, SMALL, files=QUICK)
    for number in range(18, COUNT + 1):
        journal.append_decision(record(number))
    journal.close()
    assert stream_bytes(run_dir, Stream.DECISIONS) == stream_bytes(expected, Stream.DECISIONS)


def test_a_run_that_never_wrote_a_record_is_recovered_to_its_start(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL)
    append_both(journal, range(1, 5))
    journal.abandon()
    (tmp_path / "inputs-000001.jsonl").write_bytes(b'{"kind":"fra')
    recovery = recover(tmp_path, files=QUICK)
    assert (recovery.inputs.next_seq, recovery.inputs.segment, recovery.inputs.offset) == (1, 1, 0)
    assert [path.read_bytes() for path in recovery.inputs.kept] == [b'{"kind":"fra']
    finish(tmp_path)
    assert [item.seq for item in read_inputs(tmp_path)] == list(range(1, COUNT + 1))
