"""Commands to a running daemon: halt, panic, resume, status."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from daemon.app.run_folders import find_run, list_runs
from daemon.cli import render
from daemon.cli.exits import Exit
from daemon.cli.options import AsJson
from daemon.cli.output import show, talk
from daemon.control import LaneStatus, Order, Status, ask_status, give_command, is_running
from daemon.core.errors import ControlFailed

POLL_S = 0.25
PROVED = "done"
Running = Annotated[str, typer.Argument(help="A run: its folder or its id; by default the newest that is running.")]
Reason = Annotated[str, typer.Option(help="Why; it is written down. Needed.")]
Lane = Annotated[str, typer.Option(help="Only this lane; by default all.")]
RunsIn = Annotated[Path, typer.Option("--logs", help="Where runs lie.")]


def add(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(halt)
    app.command()(panic)
    app.command()(resume)
    app.command()(status)


def halt(
    reason: Reason, run: Running = "", lane: Lane = "", logs: RunsIn = Path("logs"), as_json: AsJson = False
) -> int:
    """Open no more risk, until `resume`; positions and orders stay. It outlives the daemon."""
    return _give("halt", _running(run, logs), reason, lane, as_json)


def resume(
    reason: Reason, run: Running = "", lane: Lane = "", logs: RunsIn = Path("logs"), as_json: AsJson = False
) -> int:
    """Take back `halt` and `panic`."""
    return _give("resume", _running(run, logs), reason, lane, as_json)


def panic(
    reason: Reason,
    run: Running = "",
    lane: Lane = "",
    wait: Annotated[int, typer.Option(min=0, help="Seconds to wait until everything is flat.")] = 60,
    logs: RunsIn = Path("logs"),
    as_json: AsJson = False,
) -> int:
    """Halt, cancel every order, close every position; exit 1, saying what is left, if that is not proved in time."""
    run_dir = _running(run, logs)
    _order("panic", run_dir, reason, lane)
    found = _until_flat(run_dir, lane, wait)
    left = _left(found, lane)
    show(found, lambda: render.status(found), as_json=as_json)
    for one in left:
        talk.print(f"not flat: {one.lane}: {_what_is_left(one)}", markup=False, soft_wrap=True)
    return Exit.DIFFERENT if left else Exit.OK


def status(run: Running = "", logs: RunsIn = Path("logs"), as_json: AsJson = False) -> int:
    """Tell how a running daemon and its lanes stand."""
    found = ask_status(_running(run, logs))
    show(found, lambda: render.status(found), as_json=as_json)
    return Exit.OK


def _give(name: str, run_dir: Path, reason: str, lane: str, as_json: bool) -> int:
    _order(name, run_dir, reason, lane)
    found = ask_status(run_dir)
    show(found, lambda: render.status(found), as_json=as_json)
    return Exit.OK


def _order(name: str, run_dir: Path, reason: str, lane: str) -> None:
    order = Order.of(name, reason, request=secrets.token_hex(8), lane=lane)
    give_command(run_dir, order)
    talk.print(f"{name}: in force and durable in {run_dir.name}", markup=False, soft_wrap=True)


def _running(name: str, logs: Path) -> Path:
    """The run that is meant: the newest of which a daemon is there, unless one is named.

    Raises:
        ControlFailed: none is running.
    """
    if name:
        return find_run(name, logs)
    for run_dir in reversed(list_runs(logs)):
        if is_running(run_dir):
            return run_dir
    cure = "name the run or --logs; `lockstep trade CONFIG --panic` flattens without one, `--halted` starts halted"
    raise ControlFailed(f"{logs}: no daemon is running", cure=cure)


def _until_flat(run_dir: Path, lane: str, wait_s: int) -> Status:
    """The status as soon as what is meant is flat, or after a while."""
    told, found = "", ask_status(run_dir)
    for _ in range(int(wait_s / POLL_S)):
        left = _left(found, lane)
        if not left:
            break
        if (text := "; ".join(f"{one.lane}: {_what_is_left(one)}" for one in left)) != told:
            told = text
            talk.print(f"panic: {text}", markup=False, soft_wrap=True)
        time.sleep(POLL_S)
        found = ask_status(run_dir)
    return found


def _left(found: Status, lane: str) -> list[LaneStatus]:
    return [one for one in found.lanes if lane in ("", one.lane) and one.panic != PROVED]


def _what_is_left(lane: LaneStatus) -> str:
    parts = [f"{qty} {symbol}" for symbol, qty in lane.positions.items()]
    if lane.open_orders:
        parts.append(f"{lane.open_orders} open orders")
    if lane.remote is not None and not lane.remote.ready:
        parts.append(f"the account is {lane.remote.phase}: {lane.remote.gates.get('reconcile', 'no reason given')}")
    return ", ".join(parts) or "the venue has not confirmed it yet"
