"""`trade`, and commands to a running daemon: what they refuse, with which exit code, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli.control_commands import _left, _what_is_left
from daemon.cli.exits import Exit
from daemon.control import LaneStatus, Status
from tests.daemon.cli.calls import Caller
from tests.simulation.configs import SWING, document, lane, write_config

DEMO = Path(__file__).parents[3] / "examples" / "demo.toml"


def test_without_keys_the_example_says_which_variables_to_set(call: Caller, tmp_path: Path) -> None:
    found = call("trade", DEMO, "--logs", tmp_path, "--json")
    assert found.code == Exit.ARMING
    assert "LOCKSTEP_DEMO_KEY and LOCKSTEP_DEMO_SECRET are not set" in found.json["error"]["message"]
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_without_an_account_at_a_venue_is_for_shadow(call: Caller, tmp_path: Path) -> None:
    config = write_config(tmp_path / "config.json", document([lane("swing", SWING)]))
    found = call("trade", config, "--logs", tmp_path / "logs")
    assert found.code == Exit.ARMING
    assert "NO_ACCOUNT" in found.err
    assert "lockstep shadow" in found.err


@pytest.mark.parametrize("command", ["halt", "panic", "resume"])
def test_a_command_needs_a_reason(call: Caller, command: str) -> None:
    assert call(command).code == Exit.USAGE


@pytest.mark.parametrize("command", [("status",), ("panic", "--reason", "a test")])
def test_without_a_daemon_a_command_says_how_to_go_on(call: Caller, tmp_path: Path, command: tuple[str, ...]) -> None:
    found = call(*command, "--logs", tmp_path)
    assert found.code == Exit.FAILED
    assert "lockstep trade CONFIG --panic" in found.err


def standing(lane_name: str, panic: str, open_orders: int = 0, **positions: str) -> LaneStatus:
    return LaneStatus(
        lane=lane_name, account="", halts={}, equity=0.0, positions=positions, open_orders=open_orders, panic=panic
    )


def test_what_is_left_of_a_panic_is_told_of_the_lanes_that_it_concerns() -> None:
    lanes = (standing("a", "done"), standing("b", "closing", 2, BTCUSDT="0.1"), standing("c", "proving"))
    status = Status(run="r", mode="trade", pid=1, inputs=1, now="", lanes=lanes)
    assert [one.lane for one in _left(status, "")] == ["b", "c"]
    assert [one.lane for one in _left(status, "a")] == []
    told = [_what_is_left(one) for one in _left(status, "")]
    assert told == ["0.1 BTCUSDT, 2 open orders", "the venue has not confirmed it yet"]
