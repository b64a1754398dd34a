"""Why a pair of rows differs, and whether it merely follows from an earlier mismatch.

Root causes, the first rule that fits:

1. damaged: a line is not JSON, or its number or checksum does not fit its place: no run writes that.
2. missing: only one stream has the row.
3. configuration: the configurations of the runs differ. The list of parameters says where.
4. code: program or strategy sources differ.
5. For a decision: timing, if the row moved (equal rows in another order, or the window or time of this evaluation is
   that of a recent other evaluation of the other run), or only its time differs; input, if mark, window or the number
   of the causing input differ (state, if both runs are known to have had the same inputs); warm-up or state, if
   anything else in the context or the decision itself differs; guard, if only verdicts do.
6. For any other row: timing, if only time or order differ; guard for a halt; fill model for the rest.

A mismatch follows when what it builds on had already diverged:

- a decision, if the evaluation before it in the same lane, strategy and symbol differed or is missing, unless a mark
  differs afresh: marks come from outside; or if equity or position differ and money of the lane had diverged before;
- an order, a fill or a refusal, if the latest decision of its lane and symbol differed, or, for a fill, if nothing but
  the sums after it (cash, position, realised PnL) differ and money of the lane had diverged before;
- funding, if only the position, what it costs and the cash differ, and a state of the account whatever differs, if
  money of the lane had diverged before;
- a missing row, if the evaluation before it is missing too, or, for a row about a symbol, if a decision of its lane and
  symbol at its time or earlier differed or is missing.

An agreeing row in between ends a chain: the next mismatch is a root of its own. Damage never follows, nor does a row
whose place or identity (lane, strategy, symbol, evaluation) was altered.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct, field

from replay.compare.align import Pair
from replay.compare.facts import Circumstances
from replay.compare.result import Cause, Difference
from replay.compare.rows import UNREADABLE, Head, Row

RECENT = 16
TIMES = frozenset({"ts", "cause", "seq"})
SUMS = frozenset({"cash", "position", "realised_pnl"})
PAID = SUMS | {"qty", "fee"}
ACCOUNT = frozenset({"context.equity", "context.position", "context.entry"})
DAMAGE = frozenset({"seq", "crc", "(bytes)"})


class Series(Struct):
    """The evaluations of one strategy on one symbol in one lane, as far as compared.

    last: latest evaluation seen in a pair.  open: whether it differed.
    """

    last: int
    open: bool = False
    left: deque[tuple[int, int, str]] = field(default_factory=lambda: deque(maxlen=RECENT))
    right: deque[tuple[int, int, str]] = field(default_factory=lambda: deque(maxlen=RECENT))


class Attribution:
    """Names the cause of each mismatch, knowing those before it."""

    def __init__(self, circumstances: Circumstances) -> None:
        self._circumstances = circumstances
        self._series: dict[tuple[str, str, str], Series] = {}
        self._missing: dict[tuple[str, str, str], int] = {}
        self._symbols_open: dict[tuple[str, str], bool] = {}
        self._symbols_since: dict[tuple[str, str], int] = {}
        self._money: set[str] = set()

    def note(self, row: Row, *, left: bool) -> None:
        """Take note of a decision as it is read, before it finds a partner."""
        head = row.head
        if head.kind == "decision":
            series = self._series.setdefault(_series_of(head), Series(head.evaluation - 1))
            (series.left if left else series.right).append((head.evaluation, head.ts, _digest(head)))

    def agree(self, row: Row) -> None:
        """Take note of a pair that agrees."""
        self._advance(row.head, differs=False)

    def blame(self, pair: Pair, found: tuple[Difference, ...], *, money_waits: bool) -> tuple[Cause, bool]:
        """Return cause and whether the mismatch follows. money_waits: rows of money of the lane have no partner yet."""
        row = pair.left or pair.right
        assert row is not None
        paths = frozenset(item.path for item in found)
        cause = self._cause(pair, row.head, paths)
        follows = cause is not Cause.DAMAGED and self._follows(pair, row.head, paths, money_waits=money_waits)
        self._remember(pair, row.head, paths)
        return cause, follows

    def _cause(self, pair: Pair, head: Head, paths: frozenset[str]) -> Cause:
        if _is_damaged(pair, paths):
            return Cause.DAMAGED
        if pair.left is None or pair.right is None:
            return Cause.MISSING
        if self._circumstances.configuration or self._circumstances.code:
            return Cause.CONFIGURATION if self._circumstances.configuration else Cause.CODE
        if head.kind == "decision":
            return self._cause_of_decision(pair, paths)
        if paths <= TIMES | {"(order)"}:
            return Cause.TIMING
        return Cause.GUARD if head.kind == "halt" else Cause.FILL_MODEL

    def _cause_of_decision(self, pair: Pair, paths: frozenset[str]) -> Cause:
        if "(order)" in paths or paths <= {"ts", "seq"} or ("ts" in paths and self._has_moved(pair)):
            return Cause.TIMING
        if "context.mark" in paths or any(path.startswith("context.window") for path in paths):
            return self._outside(pair)
        if paths <= TIMES:
            return Cause.INPUT if "ts" not in paths else Cause.TIMING
        if all(path.startswith("verdicts") or path in TIMES for path in paths):
            return Cause.GUARD
        return Cause.STATE

    def _outside(self, pair: Pair) -> Cause:
        if self._has_moved(pair):
            return Cause.TIMING
        return Cause.STATE if self._circumstances.same_inputs else Cause.INPUT

    def _has_moved(self, pair: Pair) -> bool:
        """Whether what one run saw at this evaluation is what the other one saw at a recent other evaluation."""
        assert pair.left is not None
        assert pair.right is not None
        series = self._series[_series_of(pair.left.head)]
        return _seen(pair.left.head, series.right) or _seen(pair.right.head, series.left)

    def _follows(self, pair: Pair, head: Head, paths: frozenset[str], *, money_waits: bool) -> bool:
        if pair.late or pair.reordered:
            return False
        symbol = (head.lane, head.symbol)
        money = money_waits or head.lane in self._money
        if pair.left is None or pair.right is None:
            if head.kind == "decision":
                return self._missing.get(_series_of(head)) == head.evaluation - 1
            return self._symbols_since.get(symbol, head.ts + 1) <= head.ts
        if head.kind == "decision":
            if "context.mark" in paths:
                return False
            series = self._series[_series_of(head)]
            return series.open or head.evaluation != series.last + 1 or (money and bool(paths & ACCOUNT))
        return self._symbols_open.get(symbol, False) or (money and _follows_money(head.kind, paths))

    def _remember(self, pair: Pair, head: Head, paths: frozenset[str]) -> None:
        symbol = (head.lane, head.symbol)
        if head.kind == "decision":
            self._symbols_since[symbol] = min(head.ts, self._symbols_since.get(symbol, head.ts))
            if pair.left is None or pair.right is None:
                self._missing[_series_of(head)] = head.evaluation
            elif not pair.late:
                self._advance(head, differs=True)
        elif head.kind != UNREADABLE and not paths <= DAMAGE:
            self._money.add(head.lane)

    def _advance(self, head: Head, *, differs: bool) -> None:
        if head.kind == "decision":
            series = self._series.setdefault(_series_of(head), Series(head.evaluation - 1))
            series.last = max(series.last, head.evaluation)
            series.open = differs
            self._symbols_open[head.lane, head.symbol] = differs


def _is_damaged(pair: Pair, paths: frozenset[str]) -> bool:
    unreadable = any(row is not None and row.head.kind == UNREADABLE for row in (pair.left, pair.right))
    return unreadable or (bool(paths) and paths <= DAMAGE)


def _follows_money(kind: str, paths: frozenset[str]) -> bool:
    """Whether what differs in a row is nothing but a consequence of other money or another position."""
    return kind == "account" or paths <= (PAID if kind == "funding" else SUMS)


def _series_of(head: Head) -> tuple[str, str, str]:
    return head.lane, head.strategy, head.symbol


def _digest(head: Head) -> str:
    window = head.context.window if head.context is not None else None
    return window.digest if window is not None else ""


def _seen(head: Head, recent: deque[tuple[int, int, str]]) -> bool:
    digest = _digest(head)
    return any(
        evaluation != head.evaluation and (ts == head.ts or (digest != "" and seen == digest))
        for evaluation, ts, seen in recent
    )
