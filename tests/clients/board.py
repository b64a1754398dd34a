"""What is checked with which client, and what came of it."""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias, TypeVar

from msgspec import Struct, field

from tests.clients.stand import Stand

T = TypeVar("T")

CLIENTS = ("ccxt", "pybit")
FEATURES = (
    *("time and status", "instruments", "tickers", "order book", "recent trades", "klines, page by page"),
    *("mark, index and premium klines", "funding rates", "open interest", "risk tiers", "price limits"),
    *("limit order: create, find, cancel", "market order: fill, fee, position", "post-only, IOC, FOK", "amend"),
    *("cancel all", "batches", "conditional orders", "take profit and stop loss of an order"),
    *("trading stop of a position", "trailing stop", "reduce-only", "client order ids are unique"),
    *("races of amend, cancel and fill", "orders, page by page", "executions, page by page"),
    *("positions and closed profit", "leverage", "margin mode", "position mode: hedge", "added margin", "wallet"),
    *("account and key info", "fee rates", "transaction log, page by page", "funding paid", "demo funds"),
    *("two accounts at once", "rate limits", "recv_window", "keys and permissions", "refusals by class"),
    *("clock of another day", "stream: order book", "stream: trades", "stream: tickers", "stream: klines"),
    *("stream: orders", "stream: executions", "stream: positions", "stream: wallet", "stream: wrong key"),
    *("stream: reconnect", "order socket"),
)
SHOWN_CHARS = 300

Checks: TypeAlias = Mapping[str, Callable[[Stand], None]]
"""Checks of one client by feature; one fails by raising."""


class Verdict(Struct, frozen=True, kw_only=True):
    """How a check ended. problem: empty when it passed."""

    client: str
    feature: str
    seconds: float
    problem: str = ""


class Board(Struct):
    """All verdicts so far."""

    verdicts: list[Verdict] = field(default_factory=list)

    def passed(self) -> bool:
        """Whether there was something to judge and none of it failed."""
        return bool(self.verdicts) and not self.problems()

    def problems(self) -> list[Verdict]:
        """What failed."""
        return [verdict for verdict in self.verdicts if verdict.problem]

    def table(self) -> str:
        """Features by client; `-` is what a client does not have or what was not asked for."""
        found = {(verdict.feature, verdict.client): verdict for verdict in self.verdicts}
        rows = [[feature, *(_cell(found.get((feature, client))) for client in CLIENTS)] for feature in FEATURES]
        head = ["", *CLIENTS]
        widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]
        told = [f"{one.client}, {one.feature}: {one.problem}" for one in self.problems()]
        ok = len(self.verdicts) - len(told)
        return "\n".join([*(line.rstrip() for line in lines), "", *told, f"{ok} ok, {len(told)} failed"]) + "\n"


def run(client: str, checks: Checks, stand: Stand, wanted: str, board: Board) -> None:
    """Try every check whose name holds `wanted`, and go on after one that fails."""
    for feature in FEATURES:
        if feature in checks and wanted in feature:
            began = time.monotonic()
            problem = _problem(checks[feature], stand)
            seconds = round(time.monotonic() - began, 2)
            board.verdicts.append(Verdict(client=client, feature=feature, seconds=seconds, problem=problem))


def merged(*parts: Checks) -> Checks:
    """The checks of several modules; each feature stands in one of them and in the list of features."""
    names = [name for part in parts for name in part]
    assert len(set(names)) == len(names), "a feature is checked twice"
    assert set(names) <= set(FEATURES), set(names) - set(FEATURES)
    return {name: check for part in parts for name, check in part.items()}


def eventually(look: Callable[[], T], what: str, timeout_s: float = 20.0) -> T:
    """Look again and again until what is seen is true.

    Raises:
        AssertionError: it never is.
    """
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain until {what}"
        time.sleep(0.05)
    return seen


def refused(call: Callable[[], object], kind: type[Exception]) -> Exception:
    """The error that a call ends with.

    Raises:
        AssertionError: it ends well.
    """
    try:
        answered = call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected, not {answered}")


def rising(times: Iterable[float]) -> bool:
    """Whether every number is above the one before it."""
    listed = list(times)
    return all(before < after for before, after in itertools.pairwise(listed))


def _problem(check: Callable[[Stand], None], stand: Stand) -> str:
    try:
        check(stand)
    except Exception as error:  # noqa: BLE001 - a client may raise anything; the table says what
        last = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in last if "clients" in Path(frame.filename).parts and "tests" in frame.filename]
        where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
        return f"{where} {type(error).__name__}: {str(error)[:SHOWN_CHARS]}"
    return ""


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return "-"
    return "FAILED" if verdict.problem else "ok"
