"""The control socket: who may use it, what it takes and refuses, and what it says when nobody listens."""

from __future__ import annotations

import asyncio
import gc
import os
import stat
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.control import Given, LaneStatus, Order, Status, ask_status, give_command, is_running
from daemon.control.server import ControlServer
from daemon.core.errors import ConfigError, ControlFailed

STATUS = Status(
    run="shadow-1",
    mode="shadow",
    pid=7,
    inputs=3,
    now="2026-01-31T12:00:00.000Z",
    lanes=(LaneStatus(lane="main", account="", halts={}, equity=1.5, positions={"BTCUSDT": "0.1"}, open_orders=2),),
)
LIMIT_S = 10


def serve(run_dir: Path, use: Callable[[], object], answer: Given | None = None) -> tuple[object, list[Order]]:
    """Serve a run while `use` runs in a thread; returns what it returned, and the commands that came."""
    given: list[Order] = []

    async def give(order: Order) -> Given:
        given.append(order)
        if answer is None:
            raise asyncio.CancelledError  # what a run that ends does to those that wait
        return answer

    async def scene() -> object:
        server = ControlServer(run_dir, ("main",), give=give, status=lambda: STATUS)
        await server.start()
        try:
            return await asyncio.to_thread(use)
        finally:
            await server.close()

    return asyncio.run(asyncio.wait_for(scene(), LIMIT_S)), given


def order(**changes: str) -> Order:
    return Order.of(**({"name": "halt", "reason": "a test", "request": "r-1", "lane": ""} | changes))


def test_a_command_reaches_the_daemon_and_its_answer_comes_back(tmp_path: Path) -> None:
    answer = Given(request="r-1", repeated=False)
    assert serve(tmp_path, lambda: give_command(tmp_path, order()), answer) == (answer, [order()])


def test_the_status_comes_back_as_it_was_told(tmp_path: Path) -> None:
    assert serve(tmp_path, lambda: ask_status(tmp_path))[0] == STATUS


def test_the_socket_is_the_owners_alone_and_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    found, _ = serve(tmp_path, lambda: (is_running(tmp_path), stat.S_IMODE(path.stat().st_mode)))
    assert found == (True, 0o600)
    assert not path.exists()


@pytest.mark.parametrize("turns", range(6))
def test_a_client_that_comes_while_the_socket_closes_leaves_nothing_open(tmp_path: Path, turns: int) -> None:
    async def scene() -> None:
        server = ControlServer(tmp_path, ("main",), give=no_command, status=lambda: STATUS)
        await server.start()
        assert is_running(tmp_path)  # connects, and is gone again before anybody has accepted it
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.close()

    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always")
        asyncio.run(asyncio.wait_for(scene(), LIMIT_S))
        gc.collect()
    assert [str(each.message) for each in left_open] == []


async def no_command(order: Order) -> Given:
    raise AssertionError(f"nobody gave {order}")


def test_a_long_path_of_the_run_is_no_hindrance(tmp_path: Path) -> None:
    run_dir = tmp_path / ("x" * 120) / ("y" * 120)
    run_dir.mkdir(parents=True)
    assert serve(run_dir, lambda: ask_status(run_dir))[0] == STATUS


def test_a_socket_that_a_killed_daemon_left_is_replaced(tmp_path: Path) -> None:
    os.mknod(tmp_path / "control.sock", stat.S_IFSOCK | 0o600)
    assert not is_running(tmp_path)
    assert serve(tmp_path, lambda: ask_status(tmp_path))[0] == STATUS


def test_without_a_daemon_one_is_told_how_to_go_on(tmp_path: Path) -> None:
    for ask in (lambda: ask_status(tmp_path), lambda: give_command(tmp_path, order())):
        with pytest.raises(ControlFailed, match="no daemon is running this run") as caught:
            ask()
        assert "lockstep trade CONFIG --panic" in caught.value.cure


def test_a_lane_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    def use() -> str:
        with pytest.raises(ControlFailed) as caught:
            give_command(tmp_path, order(lane="other"))
        return str(caught.value)

    said, given = serve(tmp_path, use, Given(request="r-1", repeated=False))
    assert said == "there is no lane 'other'\n  cure: name one of main, or none for all"
    assert given == []


def test_a_run_that_ends_while_a_command_waits_says_what_to_do(tmp_path: Path) -> None:
    def use() -> str:
        with pytest.raises(ControlFailed) as caught:
            give_command(tmp_path, order())
        return str(caught.value)

    said, _ = serve(tmp_path, use)
    assert "did not answer" in str(said)
    assert "lockstep status" in str(said)


@pytest.mark.parametrize("reason", ["", "x" * 501])
def test_a_reason_is_needed_and_of_a_length_that_people_read(reason: str) -> None:
    with pytest.raises(ConfigError, match="halt: --reason"):
        order(reason=reason)


def test_a_folder_that_takes_no_socket_is_said_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "control.sock").mkdir()
    with pytest.raises(ControlFailed, match="no control socket can be made") as caught:
        serve(tmp_path, lambda: None)
    assert "local disk" in caught.value.cure
