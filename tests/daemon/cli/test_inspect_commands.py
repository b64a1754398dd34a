"""Commands that look at runs: what they print and with which exit code."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from random import Random

import pytest

from daemon.cli.exits import Exit
from daemon.core.records import Action
from daemon.journal import Stream
from daemon.journal.layout import list_segments
from tests.daemon.cli.calls import Caller
from tests.daemon.cli.conftest import Runs
from tests.simulation.configs import TREND, document, lane, plan_of_document, strategy, write_config
from tests.simulation.disk import decision_lines, records
from tests.simulation.live_runs import make_shadow, market_frames


@pytest.fixture
def unsealed(tmp_path: Path) -> Path:
    """A run in plain files, as a crash leaves it."""
    plan = plan_of_document(tmp_path, document([lane("trend", TREND)], symbols=["BTCUSDT"]))
    return make_shadow(tmp_path / "logs", plan, market_frames(plan, 5), sealed=False)


def test_verify_says_what_it_checked(call: Caller, runs: Runs) -> None:
    called = call("verify", runs.shadow, "--json")
    assert called.code == Exit.OK
    assert called.json["sealed"]
    assert called.json["problems"] == []
    assert called.json["decisions"]["count"] == len(records(runs.shadow))
    assert "sound" in call("verify", runs.shadow).out


def test_verify_names_file_byte_and_record_of_a_flipped_byte(call: Caller, unsealed: Path) -> None:
    rng = Random(3)
    for stream in Stream:
        path = list_segments(unsealed, stream)[-1].path
        sound = path.read_bytes()
        for _ in range(5):
            at = rng.randrange(len(sound) // 2)
            path.write_bytes(sound[:at] + bytes([sound[at] ^ 4]) + sound[at + 1 :])
            called = call("verify", unsealed, "--json")
            fault = called.json[stream]["fault"]
            assert called.code == Exit.DIFFERENT
            assert (fault["file"], fault["seq"]) == (path.name, sound[:at].count(b"\n") + 1)
            assert fault["offset"] <= at < fault["offset"] + 4096
            assert f"{path.name}, byte {fault['offset']}, record {fault['seq']}" in call("verify", unsealed).out
        path.write_bytes(sound)
    assert call("verify", unsealed).code == Exit.OK


def test_verify_names_a_packed_segment_that_was_damaged(call: Caller, runs: Runs, tmp_path: Path) -> None:
    copy = shutil.copytree(runs.shadow, tmp_path / runs.shadow.name)
    path = list_segments(copy, Stream.INPUTS)[0].path
    assert path.suffix == ".zst"
    text = bytearray(path.read_bytes())
    text[len(text) // 2] ^= 1
    path.write_bytes(text)
    called = call("verify", copy)
    assert called.code == Exit.DIFFERENT
    assert path.name.removesuffix(".zst") in called.out


@pytest.mark.parametrize("command", ["replay", "report", "explain"])
def test_a_corrupt_run_stops_every_command_with_the_place_of_the_damage(
    call: Caller, unsealed: Path, command: str, tmp_path: Path
) -> None:
    for stream in Stream:
        path = list_segments(unsealed, stream)[-1].path
        text = bytearray(path.read_bytes())
        text[len(text) // 3] ^= 4
        path.write_bytes(text)
    more: dict[str, list[object]] = {"replay": ["--logs", tmp_path / "replays"], "report": [], "explain": ["5"]}
    called = call(command, unsealed, *more[command], "--json")
    assert called.code == Exit.JOURNAL
    error = called.json["error"]
    assert error["kind"] == "JournalCorrupt"
    assert "byte" in error["message"]
    assert "record" in error["message"]


def test_a_shadow_does_not_go_on_with_a_corrupt_run(call: Caller, unsealed: Path) -> None:
    path = list_segments(unsealed, Stream.INPUTS)[-1].path
    text = bytearray(path.read_bytes())
    text[100] ^= 4
    path.write_bytes(text)
    called = call("shadow", unsealed.parents[1] / "config.json", "--logs", unsealed.parent, "--json")
    assert called.code == Exit.JOURNAL
    assert path.read_bytes() == bytes(text)


def test_compare_of_a_run_and_its_replay_is_equal(call: Caller, runs: Runs) -> None:
    called = call("compare", runs.shadow, runs.replayed, "--json")
    assert called.code == Exit.OK
    assert called.json["verdict"] == "equal"
    assert called.json["rate"] == 1.0
    assert called.json["decisions"] == called.json["matched"] == len(decision_lines(runs.shadow))
    assert called.json["first"] is None
    assert "equal" in call("compare", runs.shadow, runs.replayed).out


def test_compare_finds_runs_by_id(call: Caller, runs: Runs) -> None:
    called = call("compare", runs.shadow.name, runs.replayed.name, "--logs", runs.logs, "--json")
    assert (called.code, called.json["verdict"]) == (Exit.OK, "equal")


def test_compare_of_two_configurations_names_the_setting(call: Caller, runs: Runs, tmp_path: Path) -> None:
    trend = strategy("baseline_perps", "trend", fast=2, slow=5, position_fraction=0.2, trailing_stop=0.01)
    config = write_config(tmp_path / "other.json", document([lane("trend", trend)], symbols=["BTCUSDT"]))
    one, other = (
        call("replay", runs.shadow, "--config", path, "--logs", tmp_path, "--json").json["run_dir"]
        for path in (write_config(tmp_path / "one.json", document([lane("trend", TREND)], symbols=["BTCUSDT"])), config)
    )
    called = call("compare", one, other, "--json")
    assert called.code == Exit.DIFFERENT
    assert called.json["verdict"] == "different"
    assert set(called.json["causes"]) == {"configuration"}
    [setting] = called.json["configuration"]
    assert setting["path"].endswith("settings.position_fraction")
    assert (setting["left"], setting["right"]) == (0.3, 0.2)
    first = called.json["first"]
    assert first["left"]["decision"]["target_notional"] != first["right"]["decision"]["target_notional"]
    said = call("compare", one, other).out
    assert "first divergence" in said
    assert "cause: configuration" in said


def test_compare_cannot_tell_where_nothing_was_decided(call: Caller, runs: Runs, tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("trend", TREND)], symbols=["BTCUSDT"]))
    empty, too = (make_shadow(tmp_path / "logs", plan, [], name=name) for name in ("empty", "too"))
    called = call("compare", empty, too, "--json")
    assert called.code == Exit.CANNOT_TELL
    assert "evaluated nothing" in " ".join(called.json["reasons"])
    assert call("compare", runs.shadow, empty, "--json").code == Exit.CANNOT_TELL


def test_compare_cannot_tell_of_a_run_and_itself(call: Caller, runs: Runs) -> None:
    called = call("compare", runs.shadow, runs.shadow, "--json")
    assert called.code == Exit.CANNOT_TELL
    assert "itself" in " ".join(called.json["reasons"])


def test_compare_cannot_tell_of_a_run_that_has_not_ended(call: Caller, unsealed: Path) -> None:
    replayed = call("replay", unsealed, "--json").json["run_dir"]
    called = call("compare", unsealed, replayed, "--json")
    assert called.code == Exit.CANNOT_TELL
    assert "not sealed" in " ".join(called.json["reasons"])


def test_compare_works_wherever_the_replay_lies(call: Caller, runs: Runs, tmp_path: Path) -> None:
    moved = shutil.copytree(runs.replayed, tmp_path / runs.replayed.name)
    for left, right in ((runs.shadow, moved), (moved, runs.shadow), (moved, runs.replayed)):
        assert call("compare", left, right, "--json").json["verdict"] == "equal"


def test_explain_rebuilds_a_decision_with_what_was_known(call: Caller, runs: Runs) -> None:
    line = next(line for line in decision_lines(runs.shadow) if line.decision.action is not Action.HOLD)
    called = call("explain", runs.shadow, line.seq, "--json")
    assert called.code == Exit.OK
    found = called.json
    assert found["reproduced"]
    assert found["recorded"]["seq"] == line.seq
    assert found["marks"][-1] == line.context.mark
    assert len(found["marks"]) == line.context.window.size
    assert found["cause"]["seq"] == line.cause
    assert {one["kind"] for one in found["consequences"]} >= {"order", "fill"}
    assert found["previous"]["evaluation"] == line.evaluation - 1
    assert "gives the same line" in call("explain", runs.shadow, line.seq).out


def test_explain_of_a_replay_finds_its_inputs_in_the_run_it_replays(call: Caller, runs: Runs) -> None:
    line = decision_lines(runs.replayed)[-1]
    called = call("explain", runs.replayed, line.seq, "--json")
    assert (called.code, called.json["reproduced"], called.json["cause"]["seq"]) == (Exit.OK, True, line.cause)


def test_explain_of_another_record_names_the_decision_behind_it(call: Caller, runs: Runs) -> None:
    order = next(record for record in records(runs.shadow) if not hasattr(record, "evaluation") and record.seq > 1)
    called = call("explain", runs.shadow, order.seq, "--json")
    assert called.code == Exit.JOURNAL
    assert "not a decision" in called.json["error"]["message"]
    assert "nearest decision is" in called.json["error"]["cure"]


def test_explain_of_a_record_that_is_not_there_names_the_nearest(call: Caller, runs: Runs) -> None:
    called = call("explain", runs.shadow, 10**9)
    assert called.code == Exit.JOURNAL
    last = decision_lines(runs.shadow)[-1].seq
    assert f"nearest decision is {last}" in called.err


def test_report_counts_what_the_stream_holds_and_writes_a_page(call: Caller, runs: Runs, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    called = call("report", runs.shadow, "--html", page, "--json")
    assert called.code == Exit.OK
    assert {one["lane"] for one in called.json["lanes"]} == {"trend", "swing"}
    assert called.json["decisions"] == len(decision_lines(runs.shadow))
    text = page.read_text(encoding="utf-8")
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert runs.shadow.name in text
    assert 'src="http' not in text
    assert "BTCUSDT" in call("report", runs.shadow).out


def test_a_report_that_cannot_be_written_says_so(call: Caller, runs: Runs, tmp_path: Path) -> None:
    called = call("report", runs.shadow, "--html", tmp_path / "none" / "report.html")
    assert called.code == Exit.FAILED
    assert "report.html" in called.err


def test_runs_lists_what_there_is(call: Caller, runs: Runs, tmp_path: Path) -> None:
    called = call("runs", "--logs", runs.logs, "--json")
    assert called.code == Exit.OK
    assert {one["run"] for one in called.json} == {runs.shadow.name, runs.replayed.name}
    by_name = {one["run"]: one for one in called.json}
    assert by_name[runs.replayed.name]["parent"] == runs.shadow.name
    assert by_name[runs.shadow.name]["decision_lines"] == len(records(runs.shadow))
    assert "no runs yet" in call("runs", "--logs", tmp_path / "none").out


def test_index_projects_the_runs_of_a_folder_anew(call: Caller, runs: Runs, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    for run_dir in (runs.shadow, runs.replayed):
        shutil.copytree(run_dir, logs / run_dir.name)
    called = call("index", "--logs", logs, "--json")
    assert called.code == Exit.OK
    with sqlite3.connect(logs / "index.db") as index:
        found = {name for (name,) in index.execute("select run_id from runs")}
    index.close()
    assert found == {runs.shadow.name, runs.replayed.name}


@pytest.mark.parametrize("command", [["verify"], ["report"], ["replay"], ["explain", "1"], ["compare", "other"]])
def test_a_run_that_is_not_there_is_a_journal_error(call: Caller, tmp_path: Path, command: list[str]) -> None:
    called = call(command[0], "nothing", *command[1:], "--logs", tmp_path, "--json")
    assert called.code == Exit.JOURNAL
    assert "there is no run 'nothing'" in called.json["error"]["message"]
    assert called.json["error"]["cure"]
