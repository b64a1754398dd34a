"""Runs of what lies on the disk: backtest, replay."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from daemon.cli.exits import Exit
from tests.daemon.cli.calls import RESULT, Caller
from tests.daemon.cli.conftest import Runs
from tests.simulation.configs import TREND, document, lane, strategy, write_config
from tests.simulation.disk import decision_files, decision_lines, runs_in

BARS = Path(__file__).parents[2] / "data" / "history" / "binance_usdm_ETHUSDT_1m_300.csv.gz"


def backtest_config(folder: Path, file: Path, **history: Any) -> Path:
    specification = {"tick": "0.01", "step": "0.01", "min_qty": "0.01", "max_qty": "9000", "max_market_qty": "9000"}
    columns = {name: name for name in ("ts", "open", "high", "low", "close", "volume")}
    content = {
        "storage": {"min_free_mb": 1},
        "accounts": {"trend": {}},
        "instruments": {"ETHUSDT": specification},
        "history": [
            {"path": str(file), "kind": "bars", "symbol": "ETHUSDT", "ts_unit": "ms", "columns": columns} | history
        ],
        "lanes": [lane("trend", TREND)],
    }
    return write_config(folder / "backtest.json", content)


def parquet_of(csv_gz: Path, target: Path) -> Path:
    with gzip.open(csv_gz) as file:
        pa.parquet.write_table(pa.csv.read_csv(file), target)
    return target


def test_a_backtest_decides_the_same_on_csv_and_on_parquet(call: Caller, tmp_path: Path) -> None:
    found = []
    for name, file in (("csv", BARS), ("parquet", parquet_of(BARS, tmp_path / "bars.parquet"))):
        called = call("backtest", backtest_config(tmp_path, file), "--logs", tmp_path / name, "--json")
        assert called.code == Exit.OK
        assert set(called.json) == RESULT
        assert called.json["inputs"] == 301
        found.append(decision_files(Path(called.json["run_dir"])))
    assert found[0] == found[1]


def test_a_backtest_can_be_replayed_and_is_equal(call: Caller, tmp_path: Path) -> None:
    made = call("backtest", backtest_config(tmp_path, BARS), "--logs", tmp_path / "logs", "--json").json
    again = call("replay", made["run_dir"], "--logs", tmp_path / "logs", "--json").json
    compared = call("compare", made["run_dir"], again["run_dir"], "--json")
    assert (compared.code, compared.json["verdict"]) == (Exit.OK, "equal")
    assert compared.json["decisions"] == 300


def test_a_backtest_over_a_file_that_was_changed_is_not_replayed(call: Caller, tmp_path: Path) -> None:
    file = tmp_path / "bars.csv.gz"
    file.write_bytes(BARS.read_bytes())
    made = call("backtest", backtest_config(tmp_path, file), "--logs", tmp_path / "logs", "--json").json
    file.write_bytes(gzip.compress(gzip.decompress(BARS.read_bytes()).replace(b"1827.53", b"1827.54")))
    called = call("replay", made["run_dir"], "--logs", tmp_path / "logs", "--json")
    assert called.code == Exit.DATA
    assert "not the file" in called.json["error"]["message"]


def test_a_backtest_without_instruments_says_what_to_add(call: Caller, tmp_path: Path) -> None:
    config = backtest_config(tmp_path, BARS)
    config.write_bytes(config.read_bytes().replace(b'"instruments":{"ETHUSDT"', b'"instruments":{"BTCUSDT"'))
    called = call("backtest", config, "--logs", tmp_path / "logs")
    assert called.code == Exit.CONFIG
    assert "instruments" in called.err
    assert runs_in(tmp_path / "logs") == []


def test_a_history_file_that_is_missing_is_a_data_error(call: Caller, tmp_path: Path) -> None:
    called = call("backtest", backtest_config(tmp_path, tmp_path / "none.csv"), "--logs", tmp_path / "logs")
    assert called.code == Exit.DATA
    assert "none.csv" in called.err


def test_replay_names_its_run(call: Caller, runs: Runs, tmp_path: Path) -> None:
    called = call("replay", runs.shadow, "--logs", tmp_path, "--json")
    assert called.code == Exit.OK
    assert set(called.json) == RESULT
    assert called.json["run"] == Path(called.json["run_dir"]).name
    assert called.json["mode"] == "replay"
    compared = call("compare", runs.shadow, called.json["run_dir"], "--json")
    assert (compared.code, compared.json["verdict"]) == (Exit.OK, "equal")


def test_replay_finds_a_run_by_its_id_and_the_latest_one(call: Caller, tmp_path: Path, runs: Runs) -> None:
    called = call("replay", runs.shadow.name, "--logs", runs.logs.parent / "none")
    assert called.code == Exit.JOURNAL
    assert "there is no run" in called.err
    assert call("replay", "latest", "--logs", tmp_path / "none").code == Exit.JOURNAL


def test_replay_with_another_configuration_is_a_run_of_that(call: Caller, runs: Runs, tmp_path: Path) -> None:
    lanes = [lane("trend", strategy("baseline_perps", "trend", fast=3, slow=9))]
    config = write_config(tmp_path / "other.json", document(lanes, symbols=["BTCUSDT"]))
    called = call("replay", runs.shadow, "--config", config, "--logs", tmp_path, "--json")
    assert called.code == Exit.OK
    assert {line.lane for line in decision_lines(Path(called.json["run_dir"]))} == {"trend"}


def test_a_replay_or_a_backtest_with_bad_settings_leaves_no_run(call: Caller, runs: Runs, tmp_path: Path) -> None:
    bad = lane("trend", strategy("baseline_perps", fast=30, slow=10))
    replayed = write_config(tmp_path / "replay.json", document([bad], symbols=["BTCUSDT"]))
    content = msgspec.json.decode(backtest_config(tmp_path, BARS).read_bytes()) | {"lanes": [bad]}
    backtested = write_config(tmp_path / "backtest.json", content)
    for arguments in (["replay", runs.shadow, "--config", replayed], ["backtest", backtested]):
        called = call(*arguments, "--logs", tmp_path / "logs")
        assert called.code == Exit.CONFIG
        assert "fast must be shorter than slow" in called.err
    assert runs_in(tmp_path / "logs") == []
