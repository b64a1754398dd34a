"""Kill points: `lockstep trade` dies at a chosen write, sync, rename or send, is started again, and is judged.

A scenario of orders (`errands`) is traded by a real process at a real sandbox. What the child does to disk and network
is counted (`call_log`); a point is one of these calls, and whether death comes before it, after it, or in its middle.
Started again with the same configuration the daemon must come to the same end. The sandbox's truth log judges.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from daemon.control import Status, ask_status
from daemon.core.errors import ControlFailed
from daemon.core.records import DecisionLine, FillLine
from daemon.core.venue_records import SendLine
from daemon.journal import read_manifest, verify_run
from tests.simulation import call_log
from tests.simulation.call_log import NO_DEATH, Call, Death
from tests.simulation.configs import document, lane, strategy, write_config
from tests.simulation.disk import records, runs_in, the_run
from tests.simulation.errands import GOAL
from tests.simulation.live_runs import assert_replay_is_identical
from tests.simulation.processes import LOADED, PATIENCE_S, run_cli, state_of, wait_until

SPEED = 600
SYMBOL, UID = "BTCUSDT", "100001"
KEYS = {"LOCKSTEP_MAIN_KEY": "sandbox-key-1", "LOCKSTEP_MAIN_SECRET": "sandbox-secret-1"}
PRELOAD = [
    "ccxt.async_support.bybit",
    *LOADED,
    "daemon.cli.trade_commands",
    "daemon.cli.sandbox_commands",
    "adapters.bybit.order_port",
    "adapters.bybit.key_identity",
    "tests.simulation.kill_points",
]
ENDED = {"Filled", "Cancelled", "Rejected", "Deactivated", "PartiallyFilledCanceled"}
QUICK = {"recv_window_ms": 2_000, "settle_ms": 200}
PLAN = {
    "requests": [
        {"name": "the third create is taken, its answer lost", "when": {"route": "/v5/order/create", "nth": [3]}}
        | {"lose": {"accepted": True, "how": "reset"}}
    ],
    "pushes": [{"name": "the stream ends", "when": {"topic": "order", "nth": [6]}, "close": 0}],
}


class Found(Struct, frozen=True):
    """How a point ended. calls: that each process made.  died: how many of them.  orders: that the venue accepted."""

    calls: tuple[tuple[Call, ...], ...]
    died: int
    orders: int
    problems: tuple[str, ...]


def run_child(arguments: list[str], output: str, log: str | None, env: dict[str, str], death: Death = NO_DEATH) -> None:
    """Body of a child that trades."""
    os.environ.update(env)
    if log:
        call_log.install(Path(log), death)
    run_cli(arguments, output)


def fork(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Run a function in a process of its own that has imported everything it may need already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


class Scene:
    """A sandbox, and a folder from which it is traded."""

    def __init__(self, folder: Path, venue: Mapping[str, str], truth: Path) -> None:
        self.folder, self.logs, self.said = folder, folder / "logs", folder / "said.txt"
        self._truth = truth
        self._lives, self._look_at = 0, 0.0
        errands = strategy("ErrandBoy", "errands") | {"use": f"{Path(__file__).with_name('errands.py')}:ErrandBoy"}
        feed = {"timer_ms": 30_000, "book_depth": 1, "trades": False, "klines": []}
        guards = {"max_orders_per_min": 1_000}
        content = document([lane("main", errands, **guards)], venue=venue, symbols=[SYMBOL], feed=feed)
        content["venue"]["speed"] = SPEED
        content["accounts"]["main"] |= {"venue": "bybit", "account_id": UID, "consent": UID, "orders": QUICK}
        self.config = write_config(folder / "config.json", content)

    def trade(self, death: Death = NO_DEATH) -> ForkServerProcess:
        """Start the daemon."""
        self._lives += 1
        arguments = ["trade", str(self.config), "--logs", str(self.logs), "--json", "--loop", "asyncio"]
        env = KEYS | {"LOCKSTEP_STATE_DIR": str(self.folder / "state")}
        return fork(run_child, arguments, str(self.said), str(self._log(self._lives)), env, death)

    def _log(self, life: int) -> Path:
        return self.folder / f"calls-{life}.jsonl"

    def calls(self) -> tuple[tuple[Call, ...], ...]:
        """What each process did."""
        return tuple(tuple(call_log.read_calls(self._log(life))) for life in range(1, self._lives + 1))

    def status(self) -> Status | None:
        """How the daemon stands; None while there is none."""
        try:
            runs = runs_in(self.logs)
            return ask_status(runs[-1]) if runs else None
        except (ControlFailed, ValueError):
            return None

    def is_over(self) -> bool:
        """Whether every errand is done, and our books say so; looked at ten times a second, as it costs the daemon."""
        now = time.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + 0.1
        status = self.status()
        if status is None or status.lanes[0].remote is None:
            return False
        held, remote = status.lanes[0], status.lanes[0].remote
        at_goal = Decimal(held.positions.get(SYMBOL, "0")) == GOAL
        return at_goal and remote.ready and not held.open_orders and not remote.unknown

    def truth(self, *what: str) -> list[dict[str, Any]]:
        """What really happened to the account."""
        lines = [msgspec.json.decode(line) for line in self._truth.read_bytes().splitlines()]
        return [line for line in lines if line["what"] in what and line.get("uid", UID) == UID]


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """A fresh sandbox in a process of its own, and where to trade it from."""
    folder.mkdir(parents=True, exist_ok=True)
    truth, said = folder / "truth.jsonl", folder / "sandbox.txt"
    plan = write_config(folder / "plan.json", PLAN)
    options = ["--speed", str(SPEED), "--truth", str(truth), "--faults", str(plan), "--steps", "4", "--no-limits"]
    arguments = ["sandbox", "--start", "first_subscription", "--json", *options]
    process = fork(run_cli, arguments, str(said))
    try:
        wait_until(lambda: said.exists() and said.read_bytes().endswith(b"}\n"), "the sandbox is there")
        yield Scene(folder, msgspec.json.decode(said.read_bytes()), truth)
    finally:
        process.terminate()
        process.join(PATIENCE_S)


def try_point(folder: Path, *deaths: Death) -> Found:
    """Trade the scenario, die at each of these points in turn, start again, come to the end, and be judged."""
    died = 0
    with scene(folder) as here:
        for death in (*deaths, NO_DEATH):
            if not _live(here, death):
                break
            died += 1
            if _is_sealed(here):  # it died after its end
                break
        problems = judge(here)
        orders = len(here.truth("accepted"))
    return Found(here.calls(), died, orders, tuple(problems))


def _is_sealed(here: Scene) -> bool:
    runs = runs_in(here.logs)
    return bool(runs) and read_manifest(runs[-1]).seal is not None


def _live(here: Scene, death: Death) -> bool:
    """Let a daemon come to its end, in good order or by its death; returns whether it died."""
    process = here.trade(death)
    pid = process.pid
    assert pid is not None
    try:
        wait_until(lambda: state_of(pid) in "ZX" or here.is_over(), f"every errand is done ({here.folder})")
        if state_of(pid) not in "ZX":
            os.kill(pid, signal.SIGTERM)
        process.join(PATIENCE_S)
    finally:
        process.kill()
    died = death.how != "never" and process.exitcode == -signal.SIGKILL
    assert died or process.exitcode == 0, f"exit code {process.exitcode}: {here.said.read_text()[-500:]}"
    return died


def judge(here: Scene) -> list[str]:
    """Everything that is not as it must be."""
    run_dir = the_run(here.logs)
    lines = records(run_dir)
    checks = (
        _at_most_once(here),
        _written_first(here, [line.text for line in lines if isinstance(line, SendLine)]),
        _fills_exact(here, [line for line in lines if isinstance(line, FillLine)]),
        _same_end(here),
        _each_decided_once([line for line in lines if isinstance(line, DecisionLine)]),
    )
    problems = [problem for found in checks for problem in found]
    verified = verify_run(run_dir)
    if not verified.ok:
        problems.append(f"the run does not verify: {verified.problems}")
    if read_manifest(run_dir).seal is None:
        problems.append("the run is not sealed")
    try:
        assert_replay_is_identical(run_dir)
    except AssertionError:
        problems.append("the replay concludes something else")
    return problems


def _at_most_once(here: Scene) -> list[str]:
    taken = Counter(line["order_link_id"] for line in here.truth("accepted") if line["order_link_id"])
    return [f"{name} was accepted {times} times" for name, times in taken.items() if times > 1]


def _written_first(here: Scene, written: list[str]) -> list[str]:
    """Every acting request that left was durable before, and stands in the run's decisions."""
    problems = []
    durable: set[str] = set()
    for calls in here.calls():
        early = call_log.sent_too_early([Call(0, "write", "", tuple(durable)), Call(0, "synced"), *calls])
        problems += [f"left before its record was durable: {text}" for text in early]
        durable |= {text for call in calls for text in call.texts if call.kind == "write"}
    asked = {msgspec.json.encode(line["lines"]).decode() for line in here.truth("request") if line["method"] == "POST"}
    return problems + [f"the venue got what is not written: {text}" for text in asked - set(written)]


def _fills_exact(here: Scene, fills: list[FillLine]) -> list[str]:
    executed = [line for line in here.truth("execution") if line["exec_type"] == "Trade"]
    truth = {(line["exec_id"], Decimal(line["qty"]), line["side"]) for line in executed}
    ours = [(line.fill_id, line.qty, line.side.value) for line in fills]
    if len(ours) != len(set(ours)):
        return ["a fill was booked twice"]
    return [] if set(ours) == truth else [f"fills differ: {set(ours) ^ truth}"]


def _same_end(here: Scene) -> list[str]:
    problems = []
    positions = here.truth("position")
    if not positions or Decimal(positions[-1]["size"]) != GOAL:
        problems.append(f"the position is {positions[-1]['size'] if positions else 'none'}, not {GOAL}")
    last = {line["order_id"]: line["status"] for line in here.truth("status")}
    if left := {name: status for name, status in last.items() if status not in ENDED}:
        problems.append(f"orders are open: {left}")
    return problems


def _each_decided_once(lines: list[DecisionLine]) -> list[str]:
    numbers = [line.evaluation for line in lines]
    return [] if numbers == list(range(1, len(numbers) + 1)) else ["evaluations are missing or doubled"]
