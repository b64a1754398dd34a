"""What must be so before a daemon trades: what is not ends the start by a word of its own, or halts by its name."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from daemon.cli.exits import Exit
from daemon.control import Status
from daemon.core.remote.link_ids import link_id
from tests.simulation.configs import write_config
from tests.simulation.disk import runs_in
from tests.simulation.kill_points import SPEED, SYMBOL, Scene, fork, run_child
from tests.simulation.processes import PATIENCE_S, run_cli, state_of, wait_until

pytestmark = pytest.mark.process

CREATE = {"category": "linear", "symbol": SYMBOL, "side": "Buy", "orderType": "Market", "qty": "0.01"}
OURS = {**CREATE, "orderType": "Limit", "price": "90000", "orderLinkId": link_id("00112233445566778899", "main-1-0")}
TRADE_ONLY = {"ContractTrade": ["Order", "Position"]}


class Given(Struct, frozen=True, kw_only=True):
    """An account of the sandbox. by_hand: what its owner does as soon as the market begins.

    untold: the venue does not say whose its key is, as the demo service may not.
    """

    uid: str
    account: dict[str, Any] = {}
    key: dict[str, Any] = {}
    by_hand: dict[str, Any] = {}
    untold: bool = False


ACCOUNTS = {
    "sound": Given(uid="1001"),
    "hedge": Given(uid="1002", account={"position_mode": "hedge"}),
    "cross": Given(uid="1003", account={"margin_mode": "cross"}),
    "holding": Given(uid="1004", by_hand=CREATE),
    "stray": Given(uid="1005", by_hand=OURS),
    "live": Given(uid="1006", key={"personality": "live"}),
    "reader": Given(uid="1007", key={"read_only": True}),
    "expired": Given(uid="1008", key={"expires_ms": 1_000_000_000_000}),
    "rich": Given(uid="1009", key={"permissions": TRADE_ONLY | {"Wallet": ["AccountTransfer"]}}),
    "weak": Given(uid="1010", key={"permissions": {"Spot": ["SpotTrade"]}}),
    "untold": Given(uid="1011", untold=True),
}


class Venue(Struct, frozen=True):
    """A sandbox with all these accounts. urls: its addresses."""

    urls: dict[str, str]
    truth: Path


def _accounts_file(path: Path) -> Path:
    accounts = [
        {"uid": given.uid, "name": name, "balance_usdt": "10000", "leverage": "5", "margin_mode": "isolated"}
        | given.account
        | {"keys": [{"key": f"{name}-key", "secret": f"{name}-secret", "permissions": TRADE_ONLY} | given.key]}
        for name, given in ACCOUNTS.items()
    ]
    return write_config(path, {"accounts": accounts})


def _plan_file(path: Path, clock: list[dict[str, Any]]) -> Path:
    events = [
        {"at_s": 1, "uid": given.uid, "request": {"path": "/v5/order/create", "body": given.by_hand}}
        for given in ACCOUNTS.values()
        if given.by_hand
    ]
    requests = [
        {"when": {"route": "/v5/user/query-api", "uid": given.uid}, "answer": {"code": 10032, "message": "not in demo"}}
        for given in ACCOUNTS.values()
        if given.untold
    ]
    return write_config(path, {"events": events, "clock": clock, "requests": requests})


def _serve(folder: Path, clock: list[dict[str, Any]]) -> Iterator[Venue]:
    said, truth = folder / "sandbox.txt", folder / "truth.jsonl"
    accounts, plan = _accounts_file(folder / "accounts.json"), _plan_file(folder / "plan.json", clock)
    options = ["--accounts", accounts, "--faults", plan, "--truth", truth, "--speed", SPEED, "--steps", 4]
    process = fork(run_cli, [str(word) for word in ("sandbox", "--json", "--no-limits", *options)], str(said))
    try:
        wait_until(lambda: said.exists() and said.read_bytes().endswith(b"}\n"), "the sandbox is there")
        yield Venue(msgspec.json.decode(said.read_bytes()), truth)
    finally:
        process.terminate()
        process.join(PATIENCE_S)


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    yield from _serve(tmp_path_factory.mktemp("venue"), [])


@pytest.fixture
def late_venue(tmp_path: Path) -> Iterator[Venue]:
    """A venue whose clock begins to be wrong by four hours while a daemon trades there."""
    yield from _serve(tmp_path / "late", [{"skew_ms": -14_400_000, "from_s": 1_200}])


class Desk:
    """A daemon that is to trade one of the accounts."""

    def __init__(self, folder: Path, place: Venue, name: str, **changes: Any) -> None:
        self.scene = Scene(folder, place.urls, place.truth)
        self.output = folder / "said.txt"
        uid = ACCOUNTS[name].uid
        content = msgspec.json.decode(self.scene.config.read_bytes())
        content["accounts"]["main"] |= {"account_id": uid, "consent": uid} | changes
        content["accounts"]["main"] = {key: value for key, value in content["accounts"]["main"].items() if value}
        self.config = write_config(folder / "config.json", content)
        self.env = {
            "LOCKSTEP_MAIN_KEY": f"{name}-key",
            "LOCKSTEP_MAIN_SECRET": f"{name}-secret",
            "LOCKSTEP_STATE_DIR": str(folder / "state"),
        }

    def run(self, until: Callable[[Status], bool] | None = None, *, logs: Path | None = None) -> tuple[int, str]:
        """Trade until the status says so, or the start is refused: exit code, and what was said."""
        arguments = ["trade", self.config, "--logs", logs or self.scene.logs, "--json"]
        process = fork(run_child, [str(word) for word in arguments], str(self.output), None, self.env)
        pid = process.pid
        assert pid is not None
        try:
            wait_until(lambda: state_of(pid) in "ZX" or (until is not None and self._is(until)), "the daemon says so")
            if state_of(pid) not in "ZX":
                os.kill(pid, signal.SIGTERM)
            process.join(PATIENCE_S)
        finally:
            process.kill()
        assert process.exitcode is not None
        return process.exitcode, self.output.read_text()

    def _is(self, until: Callable[[Status], bool]) -> bool:
        status = self.scene.status()
        return status is not None and until(status)


def halts_for(word: str) -> Callable[[Status], bool]:
    """Whether the account opens no risk, and its status names the reason."""

    def found(status: Status) -> bool:
        remote = status.lanes[0].remote
        assert remote is not None
        told = [*status.lanes[0].halts.values(), *remote.gates.values(), *remote.differences]
        return any(word in text for text in told)

    return found


@pytest.mark.parametrize(
    ("name", "env", "changes", "code"),
    [
        ("sound", {"LOCKSTEP_MAIN_KEY": ""}, {}, "KEY_MISSING"),
        ("sound", {"LOCKSTEP_MAIN_KEY": "unknown-key"}, {}, "KEY_REFUSED"),
        ("sound", {"LOCKSTEP_MAIN_SECRET": "another-secret"}, {}, "KEY_REFUSED"),
        ("live", {}, {}, "KEY_REFUSED"),
        ("reader", {}, {}, "KEY_READ_ONLY"),
        ("expired", {}, {}, "KEY_REFUSED"),
        ("rich", {}, {}, "KEY_MAY_TRANSFER"),
        ("weak", {}, {}, "KEY_CANNOT_TRADE"),
        ("untold", {}, {}, "KEY_NOT_TOLD"),
        ("sound", {}, {"account_id": "1002", "consent": "1002"}, "ACCOUNT_DIFFERS"),
        ("sound", {}, {"consent": "1002"}, "CONSENT_DIFFERS"),
        ("sound", {}, {"consent": None}, "CONSENT_MISSING"),
        ("sound", {}, {"secrets": "absent.toml"}, "SECRETS_MISSING"),
        ("sound", {}, dict.fromkeys(("venue", "account_id", "consent", "orders")), "NO_ACCOUNT"),
    ],
)
def test_a_start_on_grounds_that_do_not_agree_is_refused_by_its_word(  # noqa: PLR0917 - pytest gives them by name
    tmp_path: Path, venue: Venue, name: str, env: dict[str, str], changes: dict[str, Any], code: str
) -> None:
    desk = Desk(tmp_path, venue, name, **changes)
    desk.env |= env
    exit_code, said = desk.run()
    assert (exit_code, code in said) == (Exit.ARMING, True), said
    assert "Traceback" not in said
    assert runs_in(desk.scene.logs) == []


def test_an_account_whose_id_the_venue_does_not_tell_is_traded_where_that_was_accepted(
    tmp_path: Path, venue: Venue
) -> None:
    desk = Desk(tmp_path, venue, "untold", unverified_id_accepted=True)
    exit_code, said = desk.run(is_ready)
    assert exit_code == Exit.OK, said
    assert "key_not_told" in said


def is_ready(status: Status) -> bool:
    """Whether the account may be traded."""
    remote = status.lanes[0].remote
    return remote is not None and remote.ready


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("hedge", "hedge mode"),
        ("cross", "margin mode"),
        ("holding", "the venue's 0.01"),
        ("stray", "another daemon trades this account"),
    ],
)
def test_an_account_that_is_not_as_it_must_be_halts_and_says_why(
    tmp_path: Path, venue: Venue, name: str, word: str
) -> None:
    desk = Desk(tmp_path, venue, name)
    exit_code, said = desk.run(halts_for(word))
    assert exit_code == Exit.OK, said
    assert _ordered(venue, ACCOUNTS[name].uid) == []


def _ordered(venue: Venue, uid: str) -> list[str]:
    """Orders that the daemon asked for; those by hand come by no request."""
    lines = [msgspec.json.decode(line) for line in venue.truth.read_bytes().splitlines()]
    return [
        line["order_link_id"]
        for line in lines
        if line["what"] == "request" and line["uid"] == uid and line["route"] == "/v5/order/create" and line["key"]
    ]


def test_a_venue_whose_clock_is_wrong_is_traded_no_further(tmp_path: Path, late_venue: Venue) -> None:
    desk = Desk(tmp_path, late_venue, "sound")
    exit_code, said = desk.run(halts_for("10002"))
    assert exit_code == Exit.OK, said


def test_a_journal_that_cannot_be_written_ends_the_start_by_a_typed_error(tmp_path: Path, venue: Venue) -> None:
    desk = Desk(tmp_path, venue, "sound")
    (tmp_path / "file").write_text("not a folder")
    exit_code, said = desk.run(logs=tmp_path / "file" / "logs")
    assert exit_code == Exit.FAILED, said
    assert "Traceback" not in said
    assert "cure" in said
