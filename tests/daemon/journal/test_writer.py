from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.core.errors import InvariantBroken, JournalError
from daemon.core.events import Link, Timer
from daemon.core.units import NS_PER_DAY
from daemon.journal import (
    Journal,
    JournalSettings,
    Stream,
    read_decisions,
    read_inputs,
    read_manifest,
    read_records,
    recover,
    verify_run,
)
from daemon.ports import Input
from tests.daemon.journal.builders import (
    EVENING,
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

TRICKY = [
    b"",
    b"1",
    b'"x"',
    b"null",
    b" {} ",
    b"{}\n",
    b"{}\r",
    b'{"a":1,"crc":"00000000"}',
    b'{"raw":{"raw":1},"raw":2}',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\\ud800"',
    b'"\\x"',
    b"\xef\xbb\xbf1",
    b"[1e999]",
    b"NaN",
    b"[01]",
    b"\0",
    b"[" * 100_000,
    '"\u2028 \u20ac"'.encode(),
    b'"' + b"x" * 3_000_000 + b'"',
]


def json_frames() -> st.SearchStrategy[bytes]:
    values = st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
    return values.map(lambda value: json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))


def test_lines_have_the_documented_form(tmp_path: Path) -> None:
    with_fact = Journal.create(tmp_path, MANIFEST, SMALL)
    with_fact.append_frame(5, "public-1", b'{"a": [1]}')
    with_fact.append_frame(6, "public-1", b"\xff")
    with_fact.append_fact(7, "house", Timer("rebalance", 7))
    with_fact.append_decision(record(1, ts=7))
    with_fact.close()
    first, second, third = stream_lines(tmp_path, Stream.INPUTS)
    assert first[:-19] == b'{"kind":"frame","seq":1,"ts":5,"source":"public-1","raw":{"a": [1]}'
    assert second[:-19] == b'{"kind":"bytes","seq":2,"ts":6,"source":"public-1","raw":"/w=="'
    expected = b'{"kind":"fact","seq":3,"ts":7,"source":"house","raw":{"fact":"timer","name":"rebalance","due":7}'
    assert third[:-19] == expected
    [decision] = stream_lines(tmp_path, Stream.DECISIONS)
    assert decision.startswith(b'{"kind":"transfer","seq":1,"cause":1,"ts":7,"lane":"lane-a",')
    assert all(len(json.loads(line)["crc"]) == 8 for line in (first, second, third, decision))


@example(TRICKY)
@hypothesis.settings(deadline=None)
@given(st.lists(st.binary(max_size=300) | json_frames(), max_size=20))
def test_any_bytes_come_back_as_they_were_received(frames: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder), MANIFEST, SMALL, files=QuickFiles())
        for number, received in enumerate(frames, start=1):
            assert journal.append_frame(NOON + number, "public-1", received) == number
        journal.close()
        found = list(read_inputs(Path(folder)))
        lines = stream_lines(Path(folder), Stream.INPUTS)
    assert [(item.seq, item.ts_recv, item.payload) for item in found] == [
        (number, NOON + number, received) for number, received in enumerate(frames, start=1)
    ]
    assert all(json.loads(line) for line in lines)


@pytest.mark.parametrize("received", TRICKY)
def test_a_frame_is_embedded_only_if_its_line_stays_one_line_of_json(tmp_path: Path, received: bytes) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL)
    journal.append_frame(NOON, "public-1", received)
    journal.close()
    [line] = stream_lines(tmp_path, Stream.INPUTS)
    [found] = read_inputs(tmp_path)
    assert found == Input(1, NOON, "frame" if b'"kind":"frame"' in line[:20] else "bytes", "public-1", received)
    assert "raw" in json.loads(line)


def test_a_caller_that_knows_the_frame_is_believed_except_about_line_breaks_and_utf8(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL)
    for received in (b"{}", b"{\n}", b'"\xff"'):
        journal.append_frame(NOON, "public-1", received, embeddable=True)
    journal.append_frame(NOON, "public-1", b"{}", embeddable=False)
    journal.close()
    assert [item.kind for item in read_inputs(tmp_path)] == ["frame", "bytes", "bytes", "bytes"]


def test_facts_and_records_come_back_typed(tmp_path: Path) -> None:
    make_run(tmp_path, 20)
    assert list(read_records(tmp_path)) == [record(seq) for seq in range(1, 21)]
    fact = next(item for item in read_inputs(tmp_path) if item.kind == "fact")
    assert msgspec.json.decode(fact.payload, type=Timer | Link) == Timer("rebalance", NOON + 7 * 10**9)


def test_a_decision_out_of_turn_breaks_an_invariant_and_changes_nothing(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL)
    with pytest.raises(InvariantBroken, match="decision 2 was appended where 1 is next"):
        journal.append_decision(record(2))
    journal.append_decision(record(1))
    assert (journal.next_input, journal.next_decision) == (1, 2)
    journal.close()
    assert verify_run(tmp_path).decisions.count == 1


@pytest.mark.parametrize("source", ["", "a b", 'a"', "a\n", "ä"])
def test_a_source_that_would_break_the_line_is_refused(tmp_path: Path, source: str) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL)
    with pytest.raises(InvariantBroken, match="a source may be named"):
        journal.append_frame(NOON, source, b"1")
    journal.abandon()


def test_a_segment_ends_when_it_has_reached_its_size(tmp_path: Path) -> None:
    make_run(tmp_path, 40)
    for stream in Stream:
        *closed, last = stream_bytes(tmp_path, stream)
        assert len(closed) > 2
        for text in closed:
            before_last_line = text[:-1].rfind(b"\n") + 1
            assert before_last_line < SMALL.segment_bytes <= len(text)
        assert last


def test_a_segment_that_has_exactly_its_size_is_full(tmp_path: Path) -> None:
    def segments(name: str, segment_bytes: int) -> list[int]:
        settings = msgspec.structs.replace(SMALL, segment_bytes=segment_bytes)
        journal = Journal.create(tmp_path / name, MANIFEST, settings)
        for number in range(1, 5):
            journal.append_frame(NOON, "public-1", frame(number))
        journal.close()
        return [text.count(b"\n") for text in stream_bytes(tmp_path / name, Stream.INPUTS)]

    assert segments("whole", 1 << 20) == [4]
    line = len(stream_lines(tmp_path / "whole", Stream.INPUTS)[0])
    assert segments("full", 2 * line) == [2, 2]
    assert segments("one-more", 2 * line + 1) == [3, 1]


def test_a_segment_ends_with_the_utc_day_also_when_time_goes_back(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, JournalSettings(fsync="none", pack=False))
    for seq, ts in enumerate((EVENING, EVENING + 10**9, EVENING + NS_PER_DAY, EVENING, EVENING), start=1):
        append_input(journal, seq, ts=ts)
        journal.append_decision(record(seq, ts=ts))
    journal.close()
    for stream in Stream:
        assert [text.count(b"\n") for text in stream_bytes(tmp_path, stream)] == [1, 2, 2]


@hypothesis.settings(deadline=None)
@given(flushes=st.sets(st.integers(1, 60)), flush_bytes=st.integers(1, 4000), block=st.booleans())
def test_when_bytes_are_flushed_changes_nothing_on_disk(flushes: set[int], flush_bytes: int, block: bool) -> None:
    settings = msgspec.structs.replace(SMALL, flush_bytes=flush_bytes, block=block, queue_bytes=1000)
    with TemporaryDirectory() as once, TemporaryDirectory() as folder:
        expected = make_run(Path(once), 60)
        journal = Journal.create(Path(folder), MANIFEST, settings, files=QuickFiles())
        for number in range(1, 61):
            append_both(journal, [number])
            if number in flushes:
                journal.flush()
        journal.close()
        for stream in Stream:
            assert stream_bytes(Path(folder), stream) == stream_bytes(expected, stream)


@hypothesis.settings(deadline=None)
@given(stops=st.sets(st.integers(0, 50), max_size=4), pack=st.booleans())
def test_a_run_resumed_at_any_record_equals_one_that_never_stopped(stops: set[int], pack: bool) -> None:
    settings = msgspec.structs.replace(SMALL, pack=pack)
    files = QuickFiles()
    with TemporaryDirectory() as once, TemporaryDirectory() as folder:
        expected = make_run(Path(once), 50, settings=settings, ended="then")
        run_dir, done = Path(folder), 0
        journal = Journal.create(run_dir, MANIFEST, settings, files=files)
        for stop in (*sorted(stops), 50):
            append_both(journal, range(done + 1, stop + 1))
            done = stop
            journal.close()
            journal = Journal.resume(run_dir, recover(run_dir, files=files), settings, files=files)
        journal.close(ended="then", reason="test")
        for stream in Stream:
            assert stream_bytes(run_dir, stream) == stream_bytes(expected, stream)
        assert read_manifest(run_dir).seal == read_manifest(expected).seal
        assert verify_run(run_dir).ok


def test_closing_for_good_packs_and_seals(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(SMALL, pack=True)
    make_run(tmp_path, 40, settings=settings, ended="2025-05-05T12:00:00Z")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert all(name.endswith(".jsonl.zst") for name in names if name != "manifest.json")
    seal = read_manifest(tmp_path).seal
    assert seal is not None
    assert (seal.inputs.count, seal.decisions.count, seal.reason) == (40, 40, "test")
    assert seal.decisions.crc.encode() == list(read_decisions(tmp_path))[-1][-10:-2]
    assert [s.first_seq for s in seal.inputs.segments[1:]] == [s.last_seq + 1 for s in seal.inputs.segments[:-1]]
    assert verify_run(tmp_path).ok


def test_a_run_without_records_is_sealed_and_reads_empty(tmp_path: Path) -> None:
    make_run(tmp_path, 0, ended="then")
    assert list(read_inputs(tmp_path)) == []
    assert verify_run(tmp_path).ok
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path: Path) -> None:
    make_run(tmp_path, 3)
    with pytest.raises(JournalError, match="there is a run already"):
        Journal.create(tmp_path, MANIFEST)
    assert len(list(read_inputs(tmp_path))) == 3


def test_runs_are_private_to_their_owner(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", 3)
    assert run_dir.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in run_dir.iterdir()} == {0o600}


def test_frames_of_megabytes_pass(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST)
    large = b"[" + b",".join(frame(number) for number in range(80_000)) + b"]"
    journal.append_frame(NOON, "public-1", large)
    journal.append_frame(NOON, "public-1", b"1")
    journal.close(ended="then")
    assert [item.payload for item in read_inputs(tmp_path)] == [large, b"1"]
