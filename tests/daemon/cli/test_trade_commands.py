"""`trade`, and commands to a running daemon: what they refuse, with which exit code, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from daemon.cli import render
from daemon.cli.control_commands import _left, _what_is_left
from daemon.cli.exits import Exit
from daemon.control import LaneStatus, OpenOrder, Status
from daemon.core.remote.exchange import RemoteStatus
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


def test_a_panic_at_a_venue_that_is_away_says_so() -> None:
    remote = RemoteStatus(
        account="demo",
        phase="down",
        ready=False,
        gates={"reconcile": "connection closed"},
        differences=(),
        unknown=0,
        open_orders=0,
        positions={},
        venue={},
        cash="100",
    )
    lane = msgspec.structs.replace(standing("main", "proving"), remote=remote)
    assert _what_is_left(lane) == "the account is down: connection closed"


def test_the_status_tells_who_is_silent_why_nothing_is_opened_and_what_is_open() -> None:
    differs = "position BTCUSDT: ours 0, venue -0.021"
    remote = RemoteStatus(
        account="demo",
        phase="syncing",
        ready=False,
        gates={"reconcile": "the private stream is up"},
        differences=(differs,),
        unknown=1,
        open_orders=1,
        positions={"BTCUSDT": "0"},
        venue={"BTCUSDT": "-0.021"},
        cash="100",
    )
    resting = OpenOrder(
        order_id="main-7-0",
        symbol="BTCUSDT",
        side="Sell",
        type="Limit",
        qty="0.2",
        filled="0.1",
        status="PartiallyFilled",
        price="95000",
        reduce_only=True,
    )
    lane = LaneStatus(
        lane="main",
        account="demo",
        halts={"reconcile": "the private stream is up"},
        equity=100.0,
        positions={},
        open_orders=1,
        orders=(resting,) * (render.ORDERS_SHOWN + 2),
        remote=remote,
    )
    silent = {"market": 0.1, "rest.demo": 41.0}
    status = Status(run="r", mode="trade", pid=1, inputs=1, now="", lanes=(lane,), silent_s=silent)
    console = Console(width=200)
    with console.capture() as captured:
        console.print(render.status(status))
    told = [line.rstrip() for line in captured.get().splitlines()]
    assert told[3:7] == [
        "heard from: market 0.1 s ago, rest.demo 41.0 s ago",
        "main: reconcile: the private stream is up",
        f"main: {differs}",
        "main: 1 outcomes are unknown and being asked for",
    ]
    order = "main: order main-7-0: Limit Sell 0.2 BTCUSDT at 95000, reduce-only: PartiallyFilled, 0.1 filled"
    assert told[7:] == [order] * render.ORDERS_SHOWN + ["main: 2 more open orders, see --json"]
