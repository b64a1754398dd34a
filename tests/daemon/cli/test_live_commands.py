"""Runs of a live market on paper: what shadow and record print, what they refuse, and with which exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.synthetic_market import demo_market
from daemon.app.lanes import Plan
from daemon.app.runs import Mode, find_unfinished
from daemon.cli.exits import Exit
from daemon.config import load_config
from daemon.journal import RunLock, read_manifest, recover, verify_run
from tests.daemon.cli.calls import RESULT, Called, Caller
from tests.daemon.cli.conftest import Runs
from tests.simulation.configs import STRATEGIES, SWING, TREND, document, lane, strategy, write_config
from tests.simulation.disk import decision_lines, runs_in, the_run
from tests.simulation.live_runs import make_shadow, market_frames
from tests.simulation.processes import finish, start, wait_until
from tests.simulation.sandboxes import sandbox_thread

UNTIL = "2025-05-06T00:15:00Z"


@pytest.fixture
def shadowed(call: Caller, tmp_path: Path) -> Callable[..., Called]:
    """Shadows the first minutes of a market, by the command line."""

    def shadow(*options: str, command: str = "shadow", **changes: Any) -> Called:
        lanes = changes.pop("lanes", [lane("trend", TREND), lane("swing", SWING)])
        with sandbox_thread(demo_market(["BTCUSDT"], minutes=20)) as ready:
            content = document(lanes, venue=ready, symbols=["BTCUSDT"], **changes)
            config = write_config(tmp_path / "config.json", content)
            return call(command, config, "--logs", tmp_path / "logs", *options)

    return shadow


@pytest.mark.process
def test_shadow_prints_its_run_as_one_json_object(shadowed: Callable[..., Called]) -> None:
    called = shadowed("--until", UNTIL, "--json")
    assert called.code == Exit.OK
    assert set(called.json) == RESULT
    assert (called.json["mode"], called.json["sealed"], called.json["resumed"]) == ("shadow", True, False)
    assert verify_run(Path(called.json["run_dir"])).ok


@pytest.mark.process
def test_shadow_tells_people_where_the_run_lies(shadowed: Callable[..., Called], tmp_path: Path) -> None:
    called = shadowed("--inputs", "500")
    assert called.code == Exit.OK
    assert "reached the number of inputs" in called.out
    assert runs_in(tmp_path / "logs")[0].name in called.out


@pytest.mark.process
def test_record_keeps_inputs_only(shadowed: Callable[..., Called]) -> None:
    called = shadowed("--inputs", "500", "--json", command="record")
    assert called.code == Exit.OK
    assert (called.json["mode"], called.json["decision_lines"], called.json["inputs"]) == ("record", 0, 500)


@pytest.mark.process
def test_several_lanes_share_one_feed_and_keep_their_own_accounts(shadowed: Callable[..., Called]) -> None:
    lanes = [
        lane("trend", TREND),
        lane("twin", TREND),
        lane("swing", SWING),
        lane("off", SWING) | {"active": False},
    ]
    called = shadowed("--until", UNTIL, "--json", lanes=lanes)
    lines = decision_lines(Path(called.json["run_dir"]))
    found = {name: [line for line in lines if line.lane == name] for name in ("trend", "twin", "swing", "off")}
    assert [(line.ts, line.context, line.decision) for line in found["trend"]] == [
        (line.ts, line.context, line.decision) for line in found["twin"]
    ]
    assert len(found["trend"]) == 14
    assert found["swing"][-1].context.equity != found["trend"][-1].context.equity
    assert found["off"] == []


@pytest.mark.process
def test_a_strategy_in_a_file_beside_the_configuration_runs(shadowed: Callable[..., Called], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "ideas.py").write_text(STRATEGIES.read_text())
    lanes = [lane("mine", {"name": "mine", "use": "mine/ideas.py:Swing", "settings": {"every": 5}})]
    called = shadowed("--until", UNTIL, "--json", lanes=lanes)
    assert called.code == Exit.OK
    manifest = read_manifest(Path(called.json["run_dir"]))
    assert len(manifest.strategies["mine.mine"]) == 64
    assert {line.strategy for line in decision_lines(Path(called.json["run_dir"]))} == {"mine"}


@pytest.mark.process
def test_an_unfinished_run_is_continued_and_a_new_one_only_when_asked(
    call: Caller, shadowed: Callable[..., Called], tmp_path: Path
) -> None:
    first = shadowed("--inputs", "100", "--json").json
    assert not shadowed("--inputs", "100", "--json").json["resumed"]
    config = tmp_path / "config.json"
    with sandbox_thread(demo_market(["BTCUSDT"], minutes=600)) as ready:
        write_config(config, document([lane("swing", SWING)], venue=ready, symbols=["BTCUSDT"]))
        left = start("shadow", config, "--logs", tmp_path / "left")
        _wait_for_inputs(tmp_path / "left")
        left.kill()
        finish(left)
        enough = recover(the_run(tmp_path / "left")).inputs.next_seq + 200
        resumed = call("shadow", config, "--logs", tmp_path / "left", "--inputs", enough, "--json").json
    assert (resumed["resumed"], resumed["inputs"]) == (True, enough)
    assert first["run"] != resumed["run"]


def _wait_for_inputs(logs: Path) -> None:
    wait_until(lambda: any(path.stat().st_size for path in logs.glob("*/inputs-*")), "the run begins")


def test_an_older_unfinished_run_is_left_alone_once_a_newer_one_was_finished(tmp_path: Path) -> None:
    plan = Plan(load_config(write_config(tmp_path / "c.json", document(symbols=["BTCUSDT"]))), tmp_path)
    items = market_frames(plan, 1)
    older = make_shadow(tmp_path / "logs", plan, items, name="shadow-1", sealed=False)
    assert find_unfinished(tmp_path / "logs", Mode.SHADOW, plan) == older
    make_shadow(tmp_path / "logs", plan, items, name="shadow-2", sealed=True)
    assert find_unfinished(tmp_path / "logs", Mode.SHADOW, plan) is None


def test_a_run_that_another_process_writes_is_not_continued(call: Caller, tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.json", document(symbols=["BTCUSDT"]))
    plan = Plan(load_config(config), tmp_path)
    run_dir = make_shadow(tmp_path / "logs", plan, market_frames(plan, 1), sealed=False)
    with RunLock(run_dir):
        called = call("shadow", config, "--logs", tmp_path / "logs", "--json")
    assert called.code == Exit.LOCKED
    assert called.json["error"]["kind"] == "RunLocked"


BAD_LANES = {
    "an unknown strategy": ([lane("a", strategy("baseline_perp"))], "did you mean baseline_perps?"),
    "bad settings": ([lane("a", strategy("baseline_perps", fast=30, slow=10))], "fast must be shorter than slow"),
    "an unknown setting": ([lane("a", strategy("baseline_perps", fats=3))], "fats"),
    "a missing file": ([lane("a", {"name": "b", "use": "none.py:A"})], "there is no file"),
    "a missing class": ([lane("a", {"name": "b", "use": f"{STRATEGIES}:Nobody"})], "has no class 'Nobody'"),
    "a class that is no strategy": ([lane("a", {"name": "b", "use": f"{STRATEGIES}:Step"})], "is not a strategy"),
    "no lane at all": ([], "there are no lanes"),
    "an unknown guard": ([lane("a", TREND, max_ordres_per_min=3)], "max_orders_per_min"),
}


@pytest.mark.parametrize("name", BAD_LANES)
def test_a_configuration_that_cannot_run_is_refused_with_a_cure_and_leaves_no_run(
    call: Caller, tmp_path: Path, name: str
) -> None:
    lanes, said = BAD_LANES[name]
    config = write_config(tmp_path / "config.json", document(lanes))
    called = call("shadow", config, "--logs", tmp_path / "logs", "--json")
    assert called.code == Exit.CONFIG
    error = called.json["error"]
    assert error["kind"] == "ConfigError"
    assert said in error["message"] + error["cure"]
    assert error["cure"]
    assert runs_in(tmp_path / "logs") == []


def test_a_configuration_that_is_missing_or_has_an_unknown_key_is_refused(call: Caller, tmp_path: Path) -> None:
    missing = call("shadow", tmp_path / "none.toml")
    assert missing.code == Exit.CONFIG
    assert "no such file" in missing.err
    config = write_config(tmp_path / "config.json", document() | {"fede": {}})
    unknown = call("shadow", config)
    assert unknown.code == Exit.CONFIG
    assert "fede" in unknown.err


@pytest.mark.parametrize(
    "options", [["--until", "tomorrow"], ["--loop", "trio"]], ids=["a time that is none", "an unknown loop"]
)
def test_an_option_that_makes_no_sense_is_refused(call: Caller, tmp_path: Path, options: list[str]) -> None:
    called = call("shadow", write_config(tmp_path / "config.json", document()), *options)
    assert called.code == Exit.CONFIG
    assert options[0] in called.err


def test_a_venue_that_cannot_be_reached_is_a_feed_error_and_leaves_no_run(call: Caller, tmp_path: Path) -> None:
    config = write_config(tmp_path / "config.json", document())
    called = call("shadow", config, "--logs", tmp_path / "logs", "--json")
    assert called.code == Exit.FEED
    assert called.json["error"]["kind"] == "FeedError"
    assert "127.0.0.1:9" in called.json["error"]["message"]
    assert runs_in(tmp_path / "logs") == []


def test_logs_that_cannot_be_a_folder_are_refused(call: Caller, tmp_path: Path, runs: Runs) -> None:
    (tmp_path / "file").write_text("")
    for arguments in (["shadow", runs.config], ["replay", runs.shadow]):
        called = call(*arguments, "--logs", tmp_path / "file" / "logs")
        assert called.code == Exit.FAILED
        assert "cure: " in called.err
