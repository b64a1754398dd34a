"""The embedded market: demo, sandbox."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from daemon.cli.exits import Exit
from tests.daemon.cli.calls import Caller
from tests.simulation.disk import decision_files, decision_lines
from tests.simulation.processes import PATIENCE_S, finish, start


@pytest.mark.parametrize(("option", "value"), [("--speed", "fast"), ("--speed", "0"), ("--start", "later")])
def test_a_sandbox_refuses_settings_that_cannot_work(call: Caller, option: str, value: str) -> None:
    assert call("sandbox", option, value).code == Exit.CONFIG


@pytest.mark.parametrize("option", ["--frames", "--binance"])
def test_a_sandbox_refuses_a_market_that_is_not_there(call: Caller, tmp_path: Path, option: str) -> None:
    called = call("sandbox", option, tmp_path / "none.gz")
    assert called.code == Exit.DATA
    assert "none.gz" in called.err


@pytest.mark.process
def test_the_demo_ends_with_an_identical_replay_and_says_so_in_one_object(tmp_path: Path) -> None:
    code, out, said = finish(start("demo", "--directory", tmp_path, "--json"), timeout_s=3 * PATIENCE_S)
    assert code == Exit.OK, said
    found = msgspec.json.decode(out)
    parity = found["parity"]
    assert (parity["equal"], parity["rate"]) == (True, 1.0)
    assert parity["decisions"] > 4000
    shadow, replayed = (Path(found[name]) for name in ("shadow_dir", "replay_dir"))
    assert (shadow.name, replayed.name) == (found["shadow_run"], found["replay_run"])
    assert decision_files(shadow) == decision_files(replayed)
    assert {line.symbol for line in decision_lines(shadow)} == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--accounts", "none.toml"),
        ("--faults", "none.toml"),
        ("--personality", "spot"),
        ("--truth", "/no/such/folder/t"),
    ],
)
def test_a_sandbox_refuses_accounts_and_trouble_that_cannot_be_used(call: Caller, option: str, value: str) -> None:
    called = call("sandbox", option, value)
    assert called.code == Exit.CONFIG
    assert "cure" in called.err


def test_a_sandbox_without_accounts_has_nothing_to_log(call: Caller, tmp_path: Path) -> None:
    assert call("sandbox", "--accounts", "none", "--truth", tmp_path / "truth").code == Exit.CONFIG
