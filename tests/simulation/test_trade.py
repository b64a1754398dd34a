"""`lockstep trade` against `lockstep sandbox`: real processes and sockets, judged by what the venue wrote down."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Any

import msgspec
import pytest
import zstandard

from daemon.control import Status, ask_status, is_running
from daemon.core.errors import ControlFailed
from daemon.core.records import DecisionLine, FillLine
from daemon.core.venue_records import SendLine
from daemon.journal import verify_run
from tests.simulation.configs import SWING, document, lane, write_config
from tests.simulation.disk import records, runs_in, the_run
from tests.simulation.live_runs import assert_replay_is_identical
from tests.simulation.processes import call, finish, sandbox, start, wait_until

pytestmark = pytest.mark.process

SPEED = 300
CANARY_ID = "734190285566"
ACCOUNTS = f"""
[[accounts]]
uid = "{CANARY_ID}"
name = "main"

[[accounts.keys]]
key = "canary-key-12345"
secret = "canary-secret-67890"
permissions = {{ ContractTrade = ["Order", "Position"] }}
"""


class Place:
    """A sandbox and a folder from which it is traded."""

    def __init__(self, folder: Path, venue: Mapping[str, str], truth: Path, **changes: Any) -> None:
        self.logs = folder / "logs"
        self.processes: list[Popen[bytes]] = []
        self._truth = truth
        self.env = {
            "LOCKSTEP_STATE_DIR": str(folder / "state"),
            "LOCKSTEP_MAIN_KEY": "sandbox-key-1",
            "LOCKSTEP_MAIN_SECRET": "sandbox-secret-1",
        }
        content = document([lane("main", SWING) | {"twin": True}], venue=venue, symbols=["BTCUSDT"])
        content["venue"]["speed"] = SPEED
        content["accounts"]["main"] |= {"venue": "bybit", "account_id": "100001", "consent": "100001"} | changes
        self.config = write_config(folder / "config.json", content)

    def trade(self, *options: str) -> Popen[bytes]:
        process = start("trade", self.config, "--logs", self.logs, "--json", *options, env=self.env)
        self.processes.append(process)
        return process

    def truth(self, what: str) -> list[dict[str, Any]]:
        """Lines of one kind of what the venue wrote down."""
        lines = [msgspec.json.decode(line) for line in self._truth.read_bytes().splitlines()]
        return [line for line in lines if line["what"] == what]

    def accepted_creates(self) -> list[str]:
        """Names of the orders that the venue took."""
        taken = {line["request"] for line in self.truth("answer") if line["code"] == 0}
        asked = [line for line in self.truth("request") if line["route"] == "/v5/order/create"]
        return [line["order_link_id"] for line in asked if line["request"] in taken]

    def runs(self) -> Path:
        """The only run."""
        return the_run(self.logs)

    def status(self) -> Status | None:
        """How the running daemon stands; None while there is none."""
        try:
            return ask_status(self.runs()) if runs_in(self.logs) else None
        except ControlFailed:
            return None

    def wait_for(self, condition: Callable[[Status], bool], what: str) -> None:
        """Wait until the daemon says something of itself."""
        wait_until(lambda: (found := self.status()) is not None and condition(found), what)


@contextmanager
def place(folder: Path, *options: str, **changes: Any) -> Iterator[Place]:
    truth = folder / "truth.jsonl"
    with sandbox("--speed", str(SPEED), "--truth", str(truth), *options) as venue:
        here = Place(folder, venue, truth, **changes)
        try:
            yield here
        finally:
            for process in here.processes:
                if process.poll() is None:
                    process.kill()
                    process.communicate()


def has_traded(status: Status, inputs: int = 0) -> bool:
    return status.inputs > inputs and bool(status.lanes[0].positions)


def end(process: Popen[bytes]) -> dict[str, Any]:
    """End a run in good order."""
    process.send_signal(signal.SIGTERM)
    code, out, err = finish(process)
    assert code == 0, err
    found: dict[str, Any] = msgspec.json.decode(out)
    return found


def sent_creates(run_dir: Path) -> list[str]:
    return [line.link_id for line in records(run_dir) if isinstance(line, SendLine) and line.op == "create"]


def fills(run_dir: Path, lane_name: str) -> list[FillLine]:
    return [line for line in records(run_dir) if isinstance(line, FillLine) and line.lane == lane_name]


def test_what_was_traded_is_what_the_venue_saw_and_a_replay_concludes_the_same(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        process = here.trade()
        here.wait_for(partial(has_traded, inputs=2_500), "it has traded")
        result = end(process)
    run_dir = here.runs()
    assert result["sealed"]
    assert verify_run(run_dir).ok
    assert len(sent_creates(run_dir)) >= 2
    assert sorted(sent_creates(run_dir)) == sorted(here.accepted_creates())
    traded = [line for line in here.truth("execution") if line["uid"] == "100001" and line["exec_type"] == "Trade"]
    assert sorted(line.fill_id for line in fills(run_dir, "main")) == sorted(line["exec_id"] for line in traded)
    decisions = [line for line in records(run_dir) if isinstance(line, DecisionLine)]
    assert {line.lane for line in decisions} == {"main", "main_twin"}
    assert_replay_is_identical(run_dir)


def test_nothing_that_is_written_anywhere_holds_a_secret_or_an_account_id(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(ACCOUNTS)
    with place(tmp_path, "--accounts", str(accounts), account_id=CANARY_ID, consent=CANARY_ID) as here:
        here.env |= {"LOCKSTEP_MAIN_KEY": "canary-key-12345", "LOCKSTEP_MAIN_SECRET": "canary-secret-67890"}
        code, out, err = finish(here.trade("--inputs", "1000"))
        assert code == 0, err
        call("replay", here.runs())
    written = [path for path in (*here.logs.rglob("*"), *(tmp_path / "state").rglob("*")) if path.is_file()]
    assert len(written) > 6
    texts = {str(path): unpacked(path) for path in written} | {"stdout": out, "stderr": err.encode()}
    assert [name for name, text in texts.items() if b"canary" in text] == []
    ours = {name: text for name, text in texts.items() if "inputs-" not in name}  # the venue itself names the account
    assert [name for name, text in ours.items() if CANARY_ID.encode() in text] == []


def unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    return zstandard.ZstdDecompressor().decompressobj().decompress(content) if path.suffix == ".zst" else content


def test_a_killed_run_goes_on_without_a_second_order(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        for least in (300, 800, 1_300):
            process = here.trade()
            here.wait_for(partial(has_traded, inputs=least), "it trades")
            os.kill(process.pid, signal.SIGKILL)
            finish(process)
        process = here.trade()
        here.wait_for(lambda status: bool(status.lanes[0].remote and status.lanes[0].remote.ready), "it is ready again")
        result = end(process)
    run_dir = here.runs()
    assert result["resumed"]
    accepted = here.accepted_creates()
    assert len(accepted) == len(set(accepted))
    assert set(accepted) <= set(sent_creates(run_dir))
    assert_replay_is_identical(run_dir)


def test_panic_leaves_nothing_at_the_venue(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        process = here.trade()
        here.wait_for(has_traded, "a position is open")
        os.kill(process.pid, signal.SIGKILL)
        finish(process)
        assert not is_running(here.runs())
        code, out, err = finish(here.trade("--panic"))
        assert code == 0, err
        assert msgspec.json.decode(out)["reason"] == "everything is flat, and that is proved"
        positions = [line for line in here.truth("position") if line["uid"] == "100001"]
    assert float(positions[-1]["size"]) == 0
    assert_replay_is_identical(here.runs())


def test_a_second_daemon_on_the_account_is_refused_before_it_asks_anything(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        process = here.trade()
        here.wait_for(lambda status: status.inputs > 100, "it runs")
        code, _, err = finish(here.trade("--new"))
        assert code == 8
        assert "is trading this account" in err
        end(process)
    assert len(runs_in(here.logs)) == 1


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"account_id": "100002", "consent": "100002"}, "ACCOUNT_DIFFERS"),
        ({"consent": "100002"}, "CONSENT_DIFFERS"),
    ],
)
def test_what_does_not_agree_is_refused_without_a_run(tmp_path: Path, changes: dict[str, str], word: str) -> None:
    with place(tmp_path, **changes) as here:
        code, _, err = finish(here.trade())
    assert code == 10
    assert word in err
    assert runs_in(here.logs) == []


def test_the_same_configuration_in_shadow_needs_no_key_and_asks_nothing_private(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        code, _, err = finish(start("shadow", here.config, "--logs", here.logs, "--inputs", "500"))
        assert code == 0, err
        assert {line["uid"] for line in here.truth("request")} == {""}
    assert_replay_is_identical(here.runs())
