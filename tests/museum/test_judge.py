"""The judge finds what it is there to find: each harm is made on purpose, in a run that has none."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.sandbox.gateway.plan import Plan
from tests.daemon.core.build import buy
from tests.museum.incidents.words import bid
from tests.museum.judge import Claims, Entry, Harm, Script, Truth, Wish, judge
from tests.museum.stage import Stage
from tests.simulation.closed_loop import UID

Run = tuple[list[Entry], Script, Claims]


@pytest.fixture(scope="module")
def run() -> Run:
    """A position with a stop, and an order that rests."""
    stage = Stage(Plan(), None, calm=True, world={})
    stage.ready()
    stage.want(buy(0.01, stop_loss=90_000.0), bid(0.02, 80_000.0))
    stage.run(20)
    return stage.loop.gateway.truth.entries, stage.script("0.01", 1, protected=True), stage.claims()


def test_a_run_without_harm_has_none(run: Run) -> None:
    entries, script, claims = run
    assert judge(Truth(entries, UID), script, claims) == set()


CLAIMS: dict[Harm, dict[str, Any]] = {
    Harm.LOST: {"names": frozenset()},
    Harm.FILLS: {"fills": ()},
    Harm.POSITION: {"position": Decimal("0.011")},
    Harm.CASH: {"cash": Decimal("99999.99")},
    Harm.ORDERS: {"open": frozenset({"nobody"})},
    Harm.CRASHED: {"crashed": "KeyError"},
    Harm.NOT_BACK: {"ready": False, "halted": {}},
}


@pytest.mark.parametrize("harm", CLAIMS)
def test_what_a_bot_believes_wrongly_is_found(run: Run, harm: Harm) -> None:
    entries, script, claims = run
    assert harm in judge(Truth(entries, UID), script, replace(claims, **CLAIMS[harm]))


def test_a_fill_that_was_booked_twice_is_found(run: Run) -> None:
    entries, script, claims = run
    assert Harm.FILLS in judge(Truth(entries, UID), script, replace(claims, fills=claims.fills * 2))


def test_an_order_that_was_given_up_and_is_open_is_found(run: Run) -> None:
    entries, script, claims = run
    assert Harm.DECLARED_DEAD in judge(Truth(entries, UID), script, replace(claims, dead=claims.open))


def test_an_open_order_that_is_not_held_for_open_is_found(run: Run) -> None:
    entries, script, claims = run
    assert Harm.ORDERS in judge(Truth(entries, UID), script, replace(claims, open=frozenset()))


@pytest.mark.parametrize(
    ("harm", "changed"),
    [
        (Harm.DUPLICATED, {"wishes": (Wish(0, Decimal("0.01")),)}),
        (Harm.LATE, {"wishes": (Wish(0, Decimal("0.03")),)}),
        (Harm.UNWANTED, {"position": Decimal("0.02")}),
        (Harm.UNWANTED, {"rests": 0}),
    ],
)
def test_what_nobody_wanted_is_found(run: Run, harm: Harm, changed: dict[str, Any]) -> None:
    entries, script, claims = run
    assert harm in judge(Truth(entries, UID), replace(script, **changed), claims)


def changed(entries: list[Entry], what: str, change: Callable[[Entry], None], place: int = -1) -> Truth:
    """The truth with one entry of a kind changed."""
    copied = deepcopy(entries)
    change([entry for entry in copied if entry["what"] == what][place])
    return Truth(copied, UID)


def test_a_stop_that_is_gone_and_one_that_is_left_are_found(run: Run) -> None:
    entries, script, claims = run
    stop = next(entry["order_id"] for entry in entries if entry["what"] == "placed")
    gone = [*entries, {"what": "status", "order_id": stop, "status": "Deactivated", "cum_qty": "0"}]
    assert Harm.UNPROTECTED in judge(Truth(gone, UID), script, claims)
    execution = next(entry for entry in entries if entry["what"] == "execution")
    flat = [*entries, execution | {"side": "Sell", "exec_id": "by hand"}]
    assert Harm.STRAY_STOP in judge(Truth(flat, UID), script, claims)


def test_an_order_asked_for_without_a_stream_is_found(run: Run) -> None:
    entries, script, claims = run
    deaf = [entry for entry in entries if not (entry["what"] == "stream" and entry["event"] == "auth")]
    assert Harm.BLIND in judge(Truth(deaf, UID), script, claims)


def test_an_order_asked_for_beside_an_unknown_one_is_found(run: Run) -> None:
    entries, script, claims = run
    place = [entry["what"] for entry in entries].index("accepted")
    first = next(n for n, entry in enumerate(entries[place:], place) if entry["what"] == "answer")
    quiet = [entry for n, entry in enumerate(entries) if not (place < n and entry["what"] == "push")]
    truth = changed(quiet, "answer", lambda entry: entry.update(told=10016), place=_answers(entries[:first]))
    assert Harm.BLIND in judge(truth, script, claims)


def _answers(entries: list[Entry]) -> int:
    return sum(entry["what"] == "answer" for entry in entries)


def test_a_request_that_could_not_be_read_and_a_storm_of_refusals_are_found(run: Run) -> None:
    entries, script, claims = run
    malformed = [*entries, {"what": "refused", "code": 10001}]
    assert Harm.MALFORMED in judge(Truth(malformed, UID), script, claims)
    storm = [*entries, *[{"what": "answer", "told": 10006, "ts": n * 1_000} for n in range(50)]]
    assert Harm.STORM in judge(Truth(storm, UID), script, claims)
