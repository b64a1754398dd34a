"""What an earlier run left on an account is told to the next one."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from daemon.app.carried import carried, held_at_end, still_in_force
from daemon.app.lanes import Plan
from daemon.app.runs import Mode, describe_run
from daemon.config import load_config
from daemon.core.account_events import Carried
from daemon.core.events import Command, Side
from daemon.core.records import FillLine, HaltLine, Record
from daemon.core.venue_records import AdoptionLine
from daemon.journal import Journal, JournalSettings
from tests.simulation.configs import document, lane, strategy, write_config

D = Decimal
ID = "100001"


def fill(seq: int, position: str, symbol: str = "BTCUSDT", name: str = "main") -> FillLine:
    return FillLine(
        seq, 1, seq, name, "o", 1, f"f{seq}", symbol, Side.BUY, D(1), D(1), D(0), False, D(0), D(position), D(1)
    )


def adoption(seq: int, position: str) -> AdoptionLine:
    return AdoptionLine(seq, 1, seq, "main", "BTCUSDT", Side.BUY, D(1), D(1), "why", D(position), D(1))


def make_run(
    logs: Path, name: str, created: int, records: list[Record], *, sealed: bool = True, account_id: str = ID
) -> None:
    account: dict[str, Any] = {"venue": "bybit", "account_id": account_id, "consent": account_id}
    content = document([lane("main", strategy())]) | {"accounts": {"main": account}}
    content["venue"] |= {"private_url": "ws://127.0.0.1:9/v5/private"}
    plan = Plan(load_config(write_config(logs / "config.json", content)), logs)
    manifest = describe_run(name, Mode.TRADE, plan, created=created)
    journal = Journal.create(logs / name, manifest, JournalSettings(fsync="none", pack=False))
    for record in records:
        journal.append_decision(record)
    journal.close(ended="2025-05-06T00:00:00Z" if sealed else "", reason="test")


def test_the_position_after_the_last_line_of_a_lane_counts() -> None:
    lines: list[Record] = [fill(1, "3"), fill(2, "1", "ETHUSDT"), fill(3, "9", name="main_twin"), adoption(4, "2.5")]
    assert held_at_end([*lines, fill(5, "0", "ETHUSDT")], "main") == {"BTCUSDT": D("2.5")}


def test_the_latest_run_of_the_account_tells_what_it_held(tmp_path: Path) -> None:
    make_run(tmp_path, "trade-1", 1_000_000_000, [fill(1, "3")])
    make_run(tmp_path, "trade-2", 2_000_000_000, [fill(1, "-0.5")])
    make_run(tmp_path, "trade-3", 3_000_000_000, [fill(1, "7")], account_id="999")
    assert carried(tmp_path, "today", ID) == Carried(account="today", run="trade-2", positions={"BTCUSDT": D("-0.5")})


@pytest.mark.parametrize("sealed", [True, False])
def test_a_run_that_is_not_over_leaves_nothing(tmp_path: Path, sealed: bool) -> None:
    make_run(tmp_path, "trade-1", 1_000_000_000, [fill(1, "3")])
    make_run(tmp_path, "trade-2", 2_000_000_000, [fill(1, "1")], sealed=sealed)
    found = carried(tmp_path, "today", ID)
    assert (found.positions if found else None) == ({"BTCUSDT": D(1)} if sealed else None)


def test_an_account_that_was_never_traded_has_nothing(tmp_path: Path) -> None:
    assert carried(tmp_path, "today", ID) is None


def halts(*reasons: str, name: str = "main") -> list[Record]:
    return [HaltLine(seq, 1, seq, name, True, reason) for seq, reason in enumerate(reasons, start=1)]


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize(
    ("reasons", "commands"),
    [
        (["operator: a fire"], [("halt", "a fire")]),
        (["operator: a fire", "operator lifted: it is out"], []),
        (["operator: a: b", "operator lifted: x", "operator: again"], [("halt", "again")]),
        (
            ["panic: a fire", "panic: flat, and without open orders: proved"],
            [("panic", "flat, and without open orders: proved")],
        ),
        (["panic: a fire", "operator: too", "panic lifted: x"], [("halt", "too")]),
        (["reconcile: starting", "drain: stopped", "daily_loss: too much"], []),
    ],
)
def test_a_latch_holds_until_it_is_taken_back_and_not_until_the_next_start(
    tmp_path: Path, reasons: list[str], commands: list[tuple[str, str]], sealed: bool
) -> None:
    make_run(tmp_path, "trade-1", 1_000_000_000, halts("operator: long ago"))
    make_run(tmp_path, "trade-2", 2_000_000_000, halts(*reasons), sealed=sealed)
    found = still_in_force(tmp_path, "today", ID)
    assert found == [Command(name, "today", reason) for name, reason in commands]


def test_halts_of_other_lanes_and_accounts_are_none_of_this_one(tmp_path: Path) -> None:
    make_run(tmp_path, "trade-1", 1_000_000_000, halts("operator: a fire", name="other"))
    make_run(tmp_path, "trade-2", 2_000_000_000, halts("operator: a fire"), account_id="100002")
    assert still_in_force(tmp_path, "today", ID) == []


def test_a_run_whose_halts_cannot_be_read_starts_the_next_one_halted(tmp_path: Path) -> None:
    make_run(tmp_path, "trade-1", 1_000_000_000, halts("daily_loss: too much", "operator: a fire"))
    [stream] = (tmp_path / "trade-1").glob("decisions-*")
    stream.write_bytes(stream.read_bytes().replace(b"too much", b"too mulch", 1))
    [found] = still_in_force(tmp_path, "today", ID)
    assert found.name == "halt"
    assert "cannot be read" in found.reason
