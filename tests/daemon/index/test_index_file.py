from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from daemon.core.errors import IndexFailed, JournalError
from daemon.core.events import Side
from daemon.core.records import AccountLine, FundingLine, LiquidationLine, Record, RefusalLine
from daemon.index import Index, Parity
from daemon.index.index_file import BATCH_ROWS
from daemon.journal import Manifest
from tests.daemon.index.builders import MANIFEST, NOON, decision, fill, records

D = Decimal

PARITY = Parity(
    left_run="run-1", right_run="replay-1", question="replay", verdict="equal", compared=4, equal=4, rate=1.0
)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index(tmp_path / "index.db") as opened:
        yield opened


def dump(index: Index) -> list[object]:
    asked = (index.decisions, index.orders, index.fills, index.equity)
    return [index.runs(), index.epochs(), *(ask(run["run_id"]) for run in index.runs() for ask in asked)]


def test_a_run_becomes_rows(index: Index) -> None:
    index.project_run(MANIFEST, records())
    [run] = index.runs()
    assert run == {
        "run_id": "run-1",
        "mode": "shadow",
        "created": "2025-05-06T12:00:00Z",
        "ended": "2025-05-06T13:00:00Z",
        "reason": "stopped",
        "parent": None,
        "lineage": "0" * 20,
        "config_digest": "c1",
        "code_digest": "d1",
        "code_version": "0.1.0",
        "code_commit": "abc",
        "code_dirty": 1,
        "strategies": '{"baseline_perps": "s1"}',
        "inputs": 100,
        "records": 9,
        "decisions_crc": "22222222",
        "orders": 1,
        "fills": 1,
    }
    main, other = index.decisions("run-1")
    counts = ("evaluations", "holds", "buys", "sells", "closes", "denied")
    assert [main[name] for name in counts] == [3, 1, 1, 1, 0, 1]
    assert [other[name] for name in counts] == [1, 0, 0, 0, 1, 0]
    assert (main["ts_first"], main["ts_last"]) == (NOON, NOON + 60 * 10**9)


def test_money_is_text_as_it_stands_in_the_stream(index: Index) -> None:
    index.project_run(MANIFEST, records())
    [row] = index.fills("run-1")
    assert (row["price"], row["fee"], row["cash"]) == ("94000.10", "0.5170005500", "9999.482999450000000001")
    assert (row["strategy"], row["maker"], row["decision"]) == ("baseline", 0, 3)
    [order] = index.orders("run-1")
    assert (order["qty"], order["price"], order["status"], order["filled_qty"]) == ("0.010", None, "Filled", "0.010")
    assert [(point["lane"], point["equity"]) for point in index.equity("run-1")] == [
        ("main", "10000.5"),
        ("main", "9999.25"),
        ("other", "10000.5"),
    ]


def test_what_the_exchange_did_and_refused_can_be_asked_for(index: Index) -> None:
    side = Side.BUY
    index.project_run(
        MANIFEST,
        [
            decision(1, action="cancel"),
            RefusalLine(2, 2, NOON, "main", 1, "BTCUSDT", "o1", "cancel", "110001: too late"),
            FundingLine(3, 3, NOON, "main", "BTCUSDT", NOON, D("-0.5"), D(100), D("0.0001"), D("-0.005"), D("100.005")),
            LiquidationLine(4, 4, NOON, "main", "BTCUSDT", "takeover", side, D(1), D(90), None, D(89), D(1), D(2)),
            AccountLine(5, 5, NOON, "main", 1e4, 9e3, 0.1, 50.0, 0.0, 0.005, 1e4, "", None, D(1), D(2), D(3)),
        ],
    )
    [refused] = index.refusals("run-1")
    assert (refused["decision"], refused["strategy"], refused["reason"]) == (1, "baseline", "110001: too late")
    [paid] = index.funding("run-1")
    assert (paid["boundary"], paid["fee"], paid["cash"]) == (NOON, "-0.005", "100.005")
    [step] = index.liquidations("run-1")
    assert (step["side"], step["liquidation_price"], step["bankruptcy_price"]) == ("Buy", None, "89")
    [state] = index.accounts("run-1")
    assert (state["equity"], state["initial_margin"], state["margin_ratio"]) == ("10000.0", "0.1", 0.005)
    assert (state["liquidation_distance"], state["slippage"]) == (None, "3")


def test_projecting_a_run_again_replaces_its_rows(index: Index) -> None:
    index.project_run(MANIFEST, records())
    once = dump(index)
    index.project_run(MANIFEST, records())
    assert dump(index) == once
    index.project_run(MANIFEST, [])
    assert index.fills("run-1") == []
    assert len(index.runs()) == 1


def test_a_run_without_a_seal_is_projected_as_far_as_it_is(index: Index) -> None:
    index.project_run(replace(MANIFEST, seal=None), records())
    [run] = index.runs()
    assert (run["ended"], run["inputs"], run["decisions_crc"], run["records"]) == (None, None, None, 9)


def test_a_long_run_is_written_in_batches(index: Index) -> None:
    count = 2 * BATCH_ROWS + 7
    index.project_run(MANIFEST, (fill(seq, f"o{seq}", decision=seq) for seq in range(count)))
    assert [row["seq"] for row in index.fills("run-1")] == list(range(count))


def test_a_run_that_breaks_off_leaves_what_was_there(index: Index) -> None:
    index.project_run(MANIFEST, records())
    before = dump(index)

    def broken() -> Iterator[Record]:
        yield from records()
        raise JournalError("torn")

    with pytest.raises(JournalError):
        index.project_run(MANIFEST, broken())
    assert dump(index) == before


def test_epochs_are_pairs_of_configuration_and_code(index: Index) -> None:
    other_code = replace(MANIFEST.code, digest="d2")
    for number, manifest in enumerate(
        (MANIFEST, MANIFEST, replace(MANIFEST, code=other_code), replace(MANIFEST, config_digest="c2"))
    ):
        index.project_run(replace(manifest, run_id=f"run-{number}", created=f"2025-05-0{number + 1}T00:00:00Z"), [])
    assert [(row["config_digest"], row["code_digest"], row["runs"], row["first"][:10]) for row in index.epochs()] == [
        ("c1", "d1", 2, "2025-05-01"),
        ("c1", "d2", 1, "2025-05-03"),
        ("c2", "d1", 1, "2025-05-04"),
    ]
    assert [row["run_id"] for row in index.runs()] == ["run-3", "run-2", "run-1", "run-0"]


def test_a_later_comparison_of_the_same_runs_replaces_the_first(index: Index) -> None:
    index.record_parity(PARITY)
    index.record_parity(replace(PARITY, verdict="different", equal=3, rate=0.75, first_divergence={"seq": 7}))
    [row] = index.parity()
    assert (row["verdict"], row["rate"], row["first_divergence"]) == ("different", 0.75, '{"seq": 7}')


def read_run(folder: Path) -> tuple[Manifest, Iterable[Record]]:
    text = (folder / "manifest.json").read_text()
    if text == "broken":
        raise JournalError(f"{folder.name}: cannot be read")
    return replace(MANIFEST, run_id=folder.name), records()


def make_runs(logs: Path, **texts: str) -> None:
    for name, text in texts.items():
        (logs / name).mkdir()
        (logs / name / "manifest.json").write_text(text)


def test_deleting_the_index_loses_nothing(tmp_path: Path) -> None:
    make_runs(tmp_path, a="ok", b="ok")
    with Index(tmp_path / "index.db") as index:
        assert index.needs_rebuild
        assert index.rebuild(tmp_path, read_run).runs == ("a", "b")
        before = dump(index)
    (tmp_path / "index.db").unlink()
    with Index(tmp_path / "index.db") as index:
        assert index.needs_rebuild
        index.rebuild(tmp_path, read_run)
        assert not index.needs_rebuild
        assert dump(index) == before


def test_a_rebuild_skips_what_cannot_be_read_and_forgets_what_is_gone(tmp_path: Path, index: Index) -> None:
    make_runs(tmp_path, good="ok", bad="broken")
    (tmp_path / "no_run").mkdir()
    index.project_run(replace(MANIFEST, run_id="gone"), records())
    index.record_parity(PARITY)
    rebuilt = index.rebuild(tmp_path, read_run)
    assert rebuilt.runs == ("good",)
    assert rebuilt.skipped == {"bad": "bad: cannot be read"}
    assert [row["run_id"] for row in index.runs()] == ["good"]
    assert index.fills("gone") == []
    assert len(index.parity()) == 1


@pytest.mark.parametrize("size", [1, 100, 5_000])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, size: int) -> None:
    path = tmp_path / "index.db"
    for number in (1, 2):
        path.write_bytes(b"this is no database " * size)
        with Index(path) as index:
            assert index.moved_aside == tmp_path / f"index.db.damaged-{number}"
            assert index.needs_rebuild
            index.project_run(MANIFEST, records())
            assert len(index.runs()) == 1
        assert (tmp_path / f"index.db.damaged-{number}").read_bytes().startswith(b"this is no database")


def test_a_database_with_a_broken_page_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with Index(path) as index:
        index.project_run(MANIFEST, (fill(seq, f"o{seq}", decision=seq) for seq in range(2_000)))
    content = bytearray(path.read_bytes())
    content[4096 * 8 : 4096 * 24] = b"\xff" * 4096 * 16
    path.write_bytes(content)
    with Index(path) as index:
        assert index.moved_aside is not None
        assert index.runs() == []


def test_an_index_that_is_whole_is_kept(tmp_path: Path) -> None:
    with Index(tmp_path / "index.db") as index:
        index.project_run(MANIFEST, records())
        before = dump(index)
    assert (tmp_path / "index.db").stat().st_mode & 0o777 == 0o600
    with Index(tmp_path / "index.db") as index:
        assert (index.needs_rebuild, index.moved_aside) == (False, None)
        assert dump(index) == before


def test_an_index_of_another_version_is_emptied(tmp_path: Path) -> None:
    with Index(tmp_path / "index.db") as index:
        index.project_run(MANIFEST, records())
        index._database.execute("pragma user_version = 999")
    with Index(tmp_path / "index.db") as index:
        assert index.needs_rebuild
        assert index.runs() == []


def test_a_locked_index_is_told_with_a_cure_and_not_taken_for_damaged(tmp_path: Path, index: Index) -> None:
    other = sqlite3.connect(tmp_path / "index.db", isolation_level=None)
    index._database.execute("pragma busy_timeout = 1")
    other.execute("begin immediate")
    with pytest.raises(IndexFailed, match="locked") as caught:
        index.project_run(MANIFEST, records())
    other.execute("rollback")
    other.close()
    assert "index.db" in str(caught.value)
    assert caught.value.cure
    index.project_run(MANIFEST, records())
    assert len(index.runs()) == 1


def test_a_place_that_cannot_hold_an_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(IndexFailed, match="file"):
        Index(tmp_path / "file" / "index.db")
    with pytest.raises(IndexFailed):
        Index(tmp_path)


def open_and_project(path: Path, number: int) -> None:
    with Index(path) as index:
        index.project_run(replace(MANIFEST, run_id=f"run-{number}"), records())


def test_commands_that_make_a_new_index_at_once_wait_for_one_another(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    context = multiprocessing.get_context("forkserver")
    for turn in range(5):
        path.unlink(missing_ok=True)
        started = [context.Process(target=open_and_project, args=(path, number)) for number in range(6)]
        for process in started:
            process.start()
        for process in started:
            process.join(30)
        assert [process.exitcode for process in started] == [0] * 6, turn
        with Index(path) as index:
            assert len(index.runs()) == 6
