"""A whole run whose files were cut at some byte: it is brought back, and goes on to the same bytes."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path
from random import Random

import msgspec
import pytest

from daemon.app.identity import code_identity
from daemon.app.lanes import Plan
from daemon.app.recovery import Outlet, bring_back, check_same_code
from daemon.core.errors import JournalError, JournalFailed, ReplayDiverged
from daemon.core.records import HaltLine
from daemon.journal import Files, Journal, JournalSettings, Stream, read_inputs, read_manifest, verify_run
from daemon.journal.layout import list_segments
from daemon.loop import read_fact
from daemon.ports import Input
from tests.daemon.journal.builders import FailingFiles
from tests.simulation.configs import STRATEGIES, TREND, document, lane, plan_of_document, strategy
from tests.simulation.disk import stream_segments
from tests.simulation.live_runs import make_shadow, market_frames

SETTINGS = JournalSettings(segment_bytes=120_000, fsync="none", pack=False)


def build_run(folder: Path) -> tuple[Plan, Path, list[Input]]:
    """A small run in several segments that was stopped without a seal."""
    swing = strategy("Swing", "swing", every=3)
    content = document([lane("trend", TREND), lane("swing", swing)], symbols=["BTCUSDT"])
    plan = plan_of_document(folder, content)
    made = make_shadow(folder / "made", plan, market_frames(plan, 12), sealed=False)
    inputs = list(read_inputs(made))
    run_dir = folder / "whole"
    journal = Journal.create(run_dir, read_manifest(made), SETTINGS)
    journal.close()
    go_on(run_dir, plan, inputs)
    assert len(list_segments(run_dir, Stream.INPUTS)) > 1
    return plan, run_dir, inputs


def go_on(run_dir: Path, plan: Plan, inputs: list[Input]) -> None:
    """Bring a run back and give it the inputs that it has not had."""
    back = bring_back(run_dir, plan)
    journal = Journal.resume(run_dir, back.recovery, SETTINGS)
    back.outlet.open(journal.append_decision)
    for record in inputs[journal.next_input - 1 :]:
        if record.kind == "fact":
            journal.append_fact(record.ts_recv, record.source, read_fact(record))
        else:
            journal.append_frame(record.ts_recv, record.source, record.payload)
        back.pipeline.fold([record])
    journal.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path, list[Input]]:
    return build_run(tmp_path_factory.mktemp("recovery"))


def offsets(path: Path, rng: Random) -> list[int]:
    """Byte offsets around the ends of the last lines, and some anywhere."""
    text = path.read_bytes()
    ends = [at for at, byte in enumerate(text) if byte == 10][-3:]
    near = {at + shift for at in ends for shift in (-1, 0, 1, 2) if at + shift <= len(text)}
    return sorted(near | {rng.randrange(len(text) + 1) for _ in range(12)} | {0})


def cut_copy(run_dir: Path, target: Path, cuts: dict[Stream, int]) -> Path:
    shutil.copytree(run_dir, target)
    for stream, offset in cuts.items():
        path = list_segments(target, stream)[-1].path
        path.write_bytes(path.read_bytes()[:offset])
    return target


@pytest.mark.parametrize("stream", list(Stream))
def test_a_run_cut_at_any_byte_goes_on_to_the_same_decisions(
    tmp_path: Path, run: tuple[Plan, Path, list[Input]], stream: Stream
) -> None:
    plan, whole, inputs = run
    wanted = {one: stream_segments(whole, one) for one in Stream}
    places = offsets(list_segments(whole, stream)[-1].path, Random(1))
    for offset in places:
        copy = cut_copy(whole, tmp_path / str(offset), {stream: offset})
        go_on(copy, plan, inputs)
        assert {one: stream_segments(copy, one) for one in Stream} == wanted, offset
        assert verify_run(copy).ok
        shutil.rmtree(copy)
    assert len(places) > 20


def test_both_streams_cut_at_once_go_on_to_the_same_decisions(
    tmp_path: Path, run: tuple[Plan, Path, list[Input]]
) -> None:
    plan, whole, inputs = run
    wanted = {one: stream_segments(whole, one) for one in Stream}
    rng = Random(2)
    sizes = {one: list_segments(whole, one)[-1].path.stat().st_size for one in Stream}
    for number in range(15):
        cuts = {one: rng.randrange(size + 1) for one, size in sizes.items()}
        copy = cut_copy(whole, tmp_path / str(number), cuts)
        go_on(copy, plan, inputs)
        assert {one: stream_segments(copy, one) for one in Stream} == wanted, cuts


def test_a_run_killed_at_any_step_of_its_sealing_is_sealed_the_next_time(
    tmp_path: Path, run: tuple[Plan, Path, list[Input]]
) -> None:
    """Each operation on the disk fails in turn and none works after it, which is what a kill looks like."""
    plan, whole, inputs = run
    wanted = {one: stream_segments(whole, one) for one in Stream}
    for step in count(1):
        copy = shutil.copytree(whole, tmp_path / str(step))
        if seal(copy, plan, FailingFiles(step, for_ever=True)):
            break
        if read_manifest(copy).seal is None:
            go_on(copy, plan, inputs)
            assert seal(copy, plan, Files())
        assert {one: stream_segments(copy, one) for one in Stream} == wanted, step
        assert verify_run(copy).ok
        shutil.rmtree(copy)
    assert step > 20


def seal(run_dir: Path, plan: Plan, files: Files) -> bool:
    """Bring a run back and end it; returns whether the disk let us."""
    back = bring_back(run_dir, plan)
    settings = msgspec.structs.replace(SETTINGS, pack=True, fsync="group")
    journal = Journal.resume(run_dir, back.recovery, settings, files=files)
    try:
        back.outlet.open(journal.append_decision)
        journal.close(ended="2025-05-06T00:12:00.000Z", reason="test")
    except JournalFailed:
        journal.abandon()
        return False
    return True


def test_decisions_whose_inputs_did_not_survive_are_cut_and_counted(
    tmp_path: Path, run: tuple[Plan, Path, list[Input]]
) -> None:
    plan, whole, _ = run
    copy = cut_copy(whole, tmp_path / "cut", {Stream.INPUTS: 0})
    back = bring_back(copy, plan)
    assert back.cut_decisions > 1000
    assert back.recovery.decisions.next_seq == back.outlet.checked + 1
    assert back.outlet.missing == []


def test_decisions_that_the_inputs_do_not_lead_to_are_refused(
    tmp_path: Path, run: tuple[Plan, Path, list[Input]]
) -> None:
    _, whole, _ = run
    copy = shutil.copytree(whole, tmp_path / "copy")
    other = plan_of_document(tmp_path, document([lane("trend", TREND)], symbols=["BTCUSDT"]))
    with pytest.raises(ReplayDiverged, match="recomputing it gives") as caught:
        bring_back(copy, other)
    assert "--new" in caught.value.cure


def test_an_outlet_keeps_what_was_never_recorded_and_writes_it_once_opened() -> None:
    written: list[object] = []
    outlet = Outlet(iter([]))
    line = HaltLine(1, 1, 1, "a", halted=True, reason="test")
    outlet.emit(line)
    outlet.open(written.append)
    outlet.emit(msgspec.structs.replace(line, seq=2))
    assert [record.seq for record in written if isinstance(record, HaltLine)] == [1, 2]
    assert outlet.missing == []


def test_a_run_of_other_code_is_not_continued(tmp_path: Path, run: tuple[Plan, Path, list[Input]]) -> None:
    plan, whole, _ = run
    manifest = read_manifest(whole)
    check_same_code(manifest, plan)
    other = msgspec.structs.replace(manifest, code=msgspec.structs.replace(code_identity(), digest="0"))
    with pytest.raises(JournalError, match="other code"):
        check_same_code(other, plan)


def test_a_run_whose_strategy_file_was_changed_is_not_continued(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(STRATEGIES.read_text())
    content = document([lane("a", {"name": "mine", "use": "mine.py:Swing", "settings": {}})], symbols=["BTCUSDT"])
    plan = plan_of_document(tmp_path, content)
    made = make_shadow(tmp_path / "made", plan, market_frames(plan, 1), sealed=False)
    check_same_code(read_manifest(made), plan)
    file.write_text(STRATEGIES.read_text() + "\n# changed\n")
    with pytest.raises(JournalError, match=r"other code of a\.mine"):
        check_same_code(read_manifest(made), plan)
