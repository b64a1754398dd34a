from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
import zstandard

from daemon.core.errors import JournalError
from daemon.journal import Journal, Stream, read_manifest, verify_run, write_manifest
from daemon.journal.chain import TAIL, seed
from daemon.journal.layout import list_segments
from tests.daemon.journal.builders import MANIFEST, SMALL, append_input, make_run, record, stream_lines


def test_a_sealed_run_verifies_with_counts_by_kind(tmp_path: Path) -> None:
    found = verify_run(make_run(tmp_path, 40, ended="then"))
    assert found.ok
    assert found.sealed
    assert (found.inputs.count, found.decisions.count) == (40, 40)
    assert found.inputs.kinds == {"bytes": 3, "fact": 5, "frame": 32}
    assert found.decisions.kinds == {"halt": 8, "transfer": 32}
    assert found.decisions.segments > 2


def test_a_run_without_a_seal_verifies_as_unsealed(tmp_path: Path) -> None:
    found = verify_run(make_run(tmp_path, 40))
    assert found.ok
    assert not found.sealed


def test_the_first_bad_place_of_each_stream_is_reported(tmp_path: Path) -> None:
    make_run(tmp_path, 40, ended="then")
    for stream in Stream:
        path = list_segments(tmp_path, stream)[1].path
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([lines[0], *lines[2:]]))
    found = verify_run(tmp_path)
    assert not found.ok
    assert [fault.file for fault in found.faults] == ["inputs-000002.jsonl", "decisions-000002.jsonl"]
    assert all(fault.reason.startswith("missing: record") for fault in found.faults)


def test_a_torn_tail_is_reported_as_such(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, 10)
    path = list_segments(run_dir, Stream.DECISIONS)[-1].path
    os.truncate(path, path.stat().st_size - 3)
    found = verify_run(run_dir)
    assert not found.ok
    assert [fault.torn for fault in found.faults] == [True]
    assert found.decisions.count == 9


@pytest.mark.parametrize("segment", [0, -1])
def test_a_segment_taken_from_or_added_to_a_sealed_run_is_noticed(tmp_path: Path, segment: int) -> None:
    make_run(tmp_path / "less", 40, ended="then")
    list_segments(tmp_path / "less", Stream.INPUTS)[segment].path.unlink()
    assert not verify_run(tmp_path / "less").ok
    make_run(tmp_path / "more", 40, ended="then")
    last = list_segments(tmp_path / "more", Stream.INPUTS)[-1]
    last._replace(number=last.number + 1).plain_path.write_bytes(b"x\n")
    assert not verify_run(tmp_path / "more").ok


def rechain(lines: list[bytes]) -> bytes:
    """Give changed decision lines a chain that holds, as a forger would."""
    crc, text = seed(Stream.DECISIONS), b""
    for line in lines:
        crc = crc32(line[:-19], crc)
        text += line[:-19] + TAIL % crc
    return text


def test_a_stream_forged_with_a_new_chain_does_not_match_its_seal(tmp_path: Path) -> None:
    make_run(tmp_path, 5, ended="then")
    path = tmp_path / "decisions-000001.jsonl"
    path.write_bytes(rechain([line.replace(b"12.50", b"99.50") for line in stream_lines(tmp_path, Stream.DECISIONS)]))
    found = verify_run(tmp_path)
    assert found.decisions.fault is not None
    assert "sealed with 5 records" in found.decisions.fault.reason


def test_a_seal_with_another_digest_is_reported(tmp_path: Path) -> None:
    make_run(tmp_path, 5, ended="then")
    manifest = read_manifest(tmp_path)
    assert manifest.seal is not None
    [segment] = manifest.seal.inputs.segments
    wrong = msgspec.structs.replace(segment, sha256="0" * 64)
    inputs = msgspec.structs.replace(manifest.seal.inputs, segments=(wrong,))
    seal = msgspec.structs.replace(manifest.seal, inputs=inputs)
    write_manifest(tmp_path, msgspec.structs.replace(manifest, seal=seal))
    found = verify_run(tmp_path)
    assert found.faults == ()
    assert "inputs-000001.jsonl: not as sealed" in found.problems[0]


def test_a_decision_that_names_an_input_to_come_is_reported(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL)
    append_input(journal, 1)
    journal.append_decision(record(1, cause=2))
    journal.close()
    assert verify_run(tmp_path).problems == ("a decision names input 2, but inputs end at 1",)


def test_causes_that_go_back_are_reported_once(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, MANIFEST, SMALL)
    for number in range(1, 5):
        append_input(journal, number)
    for seq, cause in enumerate((2, 2, 1, 1, 3), start=1):
        journal.append_decision(record(seq, cause=cause))
    journal.close()
    [problem] = verify_run(tmp_path).problems
    assert problem.startswith("decision 3: its cause 1 is before 2")


@pytest.mark.parametrize("text", [None, b"", b"{}", b'{"format":9}'])
def test_a_manifest_that_cannot_be_read_is_a_problem_and_not_an_exception(tmp_path: Path, text: bytes | None) -> None:
    make_run(tmp_path, 5)
    path = tmp_path / "manifest.json"
    path.unlink() if text is None else path.write_bytes(text)
    found = verify_run(tmp_path)
    assert not found.ok
    assert "manifest.json" in found.problems[0]
    assert found.inputs.count == 5


def test_a_folder_that_is_not_there_is_a_journal_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        verify_run(tmp_path / "none")


def test_copies_that_change_times_and_form_verify_alike(tmp_path: Path) -> None:
    make_run(tmp_path, 40, settings=msgspec.structs.replace(SMALL, pack=True), ended="then")
    packed = verify_run(tmp_path)
    for stream in Stream:
        for segment in list_segments(tmp_path, stream):
            text = zstandard.ZstdDecompressor().decompress(segment.path.read_bytes())
            segment.plain_path.write_bytes(text)
            segment.path.unlink()
            os.utime(segment.plain_path, (1, 1))
    assert verify_run(tmp_path) == packed
    assert packed.ok
