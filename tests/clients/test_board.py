from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.__main__ import CANNOT_TELL, main, split
from tests.clients.board import FEATURES, Board, Verdict, eventually, merged, refused, rising, run
from tests.clients.stand import NAMES, UIDS, Sandbox, Stand

NOWHERE = Sandbox("", "", "", "", "demo", [])
STAND = Stand(NOWHERE, NOWHERE)


def fine(_: Stand) -> None:
    """A check that passes."""


def broken(_: Stand) -> None:
    raise ValueError("no such price")


def test_a_check_that_fails_is_told_with_its_reason_and_the_next_one_is_tried() -> None:
    board = Board()
    run("ccxt", {"amend": fine, "tickers": broken}, STAND, "", board)
    assert [(each.feature, bool(each.problem)) for each in board.verdicts] == [("tickers", True), ("amend", False)]
    assert "ValueError: no such price" in board.problems()[0].problem
    assert not board.passed()


def test_only_what_is_wanted_is_tried_and_nothing_tried_is_no_pass() -> None:
    board = Board()
    run("ccxt", {"amend": fine}, STAND, "wallet", board)
    assert board.verdicts == []
    assert not board.passed()


def test_the_table_has_a_row_for_every_feature_and_tells_what_a_client_lacks() -> None:
    board = Board([Verdict(client="pybit", feature="amend", seconds=1.0)])
    lines = board.table().splitlines()
    assert [line.rstrip().rpartition("  ")[0].strip() for line in lines[1:3]] != []
    assert next(line for line in lines if line.startswith("amend")).split()[-2:] == ["-", "ok"]
    assert [line for line in lines if line.startswith(FEATURES)] == lines[1 : len(FEATURES) + 1]
    assert lines[-1] == "1 ok, 0 failed"
    assert board.passed()


def test_a_feature_stands_in_one_module_and_in_the_list_of_features() -> None:
    assert merged({"amend": fine}, {"wallet": fine}) == {"amend": fine, "wallet": fine}
    for parts in ([{"amend": fine}, {"amend": fine}], [{"teleport": fine}]):
        with pytest.raises(AssertionError):
            merged(*parts)


def test_checks_of_sockets_run_beside_the_others() -> None:
    sockets, others = split({"stream: trades": fine, "order socket": fine, "amend": fine})
    assert (list(sockets), list(others)) == (["stream: trades", "order socket"], ["amend"])


def test_waiting_ends_with_what_was_seen_or_says_what_it_waited_for() -> None:
    seen = iter([0, 0, 7])
    assert eventually(lambda: next(seen), "seven comes") == 7
    with pytest.raises(AssertionError, match="until pigs fly"):
        eventually(lambda: False, "pigs fly", timeout_s=0.0)


def test_a_call_that_must_be_refused_and_is_not_is_a_failure() -> None:
    assert str(refused(lambda: broken(STAND), ValueError)) == "no such price"
    with pytest.raises(AssertionError, match="ValueError was expected"):
        refused(lambda: "taken", ValueError)
    with pytest.raises(ValueError, match="no such price"):
        refused(lambda: broken(STAND), KeyError)


def test_rising_means_every_number_is_above_the_one_before() -> None:
    assert rising([1, 2, 5])
    assert not rising([1, 1])


def test_every_account_of_the_checks_has_a_user_id_of_its_own() -> None:
    assert len(set(UIDS.values())) == len(NAMES)


def test_without_the_clients_there_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.clients.__main__.find_spec", lambda _: None)
    assert main([]) == CANNOT_TELL
    assert "make clients" in capsys.readouterr().err


def test_the_clients_are_pinned_to_the_versions_that_the_page_names() -> None:
    root = Path(__file__).parents[2]
    lock, page = (root / "requirements-clients.lock").read_text(), (root / "docs" / "sandbox.md").read_text()
    for client, version in (("ccxt", "4.5.90"), ("pybit", "5.17.0")):
        assert f"{client}=={version} " in lock
        assert f"{client} {version}" in page
