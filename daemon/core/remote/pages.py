"""Questions of several pages, and of several windows: complete, or failed, never in between."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec import Struct

from daemon.core.account_events import Op, Row
from daemon.core.remote.context import Answer, Context
from daemon.core.remote.requests import Call
from daemon.core.units import NS_PER_DAY
from daemon.core.venue_records import QueryDone

PAGES_MAX = 200
WINDOW = 7 * NS_PER_DAY


class Complete(Struct, frozen=True):
    """All rows of a question, or the reason why there are not."""

    done: QueryDone
    rows: tuple[Row, ...] = ()
    failure: str = ""


class _Going(Struct):
    op: Op
    words: Callable[[str], Call]
    then: Callable[[Complete], None]
    first: int
    last: int
    symbol: str
    rows: list[Row]
    cursors: set[str]


def ask_all(
    context: Context,
    op: Op,
    words: Callable[[str], Call],
    then: Callable[[Complete], None],
    *,
    first: int = 0,
    last: int = 0,
    symbol: str = "",
) -> None:
    """Ask page by page until there is none left; `then` is told once.

    words: the call of a page, by its cursor.  first, last: the window that the question covers, for the record.
    """
    _page(context, _Going(op, words, then, first, last, symbol, [], set()), "")


def _page(context: Context, going: _Going, cursor: str) -> None:
    context.send(going.op, going.words(cursor), partial(_answered, context, going), symbol=going.symbol)


def _answered(context: Context, going: _Going, answer: Answer) -> None:
    outcome = answer.outcome
    if outcome is None or not answer.ok:
        why = "no answer" if outcome is None else f"{outcome.kind}, {outcome.code}: {outcome.reason}"
        _end(going, f"{going.op} failed: {why}")
        return
    going.rows.extend(answer.rows)
    if not outcome.cursor or not outcome.rows:
        _end(going, "")
    elif outcome.cursor in going.cursors or len(going.cursors) >= PAGES_MAX:
        _end(going, f"{going.op} failed: its pages do not end")
    else:
        going.cursors.add(outcome.cursor)
        _page(context, going, outcome.cursor)


def _end(going: _Going, failure: str) -> None:
    done = QueryDone(str(going.op), len(going.rows), going.first, going.last)
    going.then(Complete(done, () if failure else tuple(going.rows), failure))


def windows(first: int, last: int) -> list[tuple[int, int]]:
    """A span of time cut into windows of at most seven days, oldest first (Bybit's limit for executions)."""
    cut: list[tuple[int, int]] = []
    start = first
    while start < last:
        end = min(start + WINDOW, last)
        cut.append((start, end))
        start = end
    return cut or [(min(first, last), last)]


def one_page(call: Call) -> Callable[[str], Call]:
    """The words of a question that has one page."""
    return lambda _cursor: call
