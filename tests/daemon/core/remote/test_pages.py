from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.account_events import Op, OrderSeen, Outcome, OutcomeKind
from daemon.core.remote.context import Context
from daemon.core.remote.pages import PAGES_MAX, WINDOW, Complete, ask_all, one_page, windows
from daemon.core.remote.requests import Call, Request
from daemon.core.units import NS_PER_DAY, NS_PER_SECOND
from tests.daemon.core.account_facts import ACCOUNT, order_seen
from tests.daemon.core.remote.bench import PlainDialect, make_context


def ask(context: Context) -> list[Complete]:
    told: list[Complete] = []
    ask_all(context, Op.OPEN_ORDERS, PlainDialect().open_orders, told.append, first=3, last=9)
    return told


def answer(context: Context, request: Request, *rows: OrderSeen, cursor: str = "", kind: str = "accepted") -> None:
    for row in rows:
        context.collect(row)
    context.answered(
        Outcome(
            account=ACCOUNT,
            request=request.id,
            op=request.op,
            kind=OutcomeKind(kind),
            cursor=cursor,
            rows=len(rows),
            code=0 if kind == "accepted" else 10016,
            reason="" if kind == "accepted" else "Server error",
        )
    )


def row(request: Request, name: str) -> OrderSeen:
    return order_seen(name, request=request.id)


def test_a_question_is_complete_when_its_last_page_is_in() -> None:
    context, outbox = make_context()
    told = ask(context)
    answer(context, outbox[0], row(outbox[0], "a"), cursor="next")
    assert told == []
    assert [request.call.text for request in outbox] == ["", "next"]
    answer(context, outbox[1], row(outbox[1], "b"))
    [complete] = told
    assert [found.link_id for found in complete.rows if isinstance(found, OrderSeen)] == ["a", "b"]
    assert (complete.failure, complete.done.rows, complete.done.first, complete.done.last) == ("", 2, 3, 9)
    assert complete.done.op == "open_orders"


def test_an_empty_page_is_the_last_whatever_its_cursor_says() -> None:
    context, outbox = make_context()
    told = ask(context)
    answer(context, outbox[0], cursor="more")
    assert [complete.failure for complete in told] == [""]
    assert len(outbox) == 1


@pytest.mark.parametrize("kind", [kind for kind in OutcomeKind if kind is not OutcomeKind.ACCEPTED])
def test_a_failed_question_is_not_an_empty_one(kind: OutcomeKind) -> None:
    context, outbox = make_context()
    told = ask(context)
    answer(context, outbox[0], kind=kind)
    assert [complete.failure for complete in told] == [f"open_orders failed: {kind}, 10016: Server error"]


def test_a_failed_page_fails_the_question_and_its_rows_do_not_count() -> None:
    context, outbox = make_context()
    told = ask(context)
    answer(context, outbox[0], row(outbox[0], "a"), cursor="next")
    answer(context, outbox[1], kind="unknown")
    [complete] = told
    assert complete.failure
    assert complete.rows == ()


def test_a_question_that_nobody_answers_fails() -> None:
    context, _ = make_context()
    told = ask(context)
    context.now += 60 * NS_PER_SECOND
    context.give_up()
    assert [complete.failure for complete in told] == ["open_orders failed: no answer"]


def test_pages_that_go_round_fail_the_question() -> None:
    context, outbox = make_context()
    told = ask(context)
    answer(context, outbox[0], row(outbox[0], "a"), cursor="one")
    answer(context, outbox[1], row(outbox[1], "b"), cursor="one")
    assert [complete.failure for complete in told] == ["open_orders failed: its pages do not end"]
    assert len(outbox) == 2


def test_pages_without_end_fail_the_question() -> None:
    context, outbox = make_context()
    told = ask(context)
    while not told:
        answer(context, outbox[-1], row(outbox[-1], "a"), cursor=f"page {len(outbox)}")
    assert told[0].failure == "open_orders failed: its pages do not end"
    assert len(outbox) == PAGES_MAX + 1


def test_a_question_of_one_page_has_the_same_words_for_any_cursor() -> None:
    call = Call("GET", "wallet", "")
    assert one_page(call)("anything") is call


def test_a_week_is_one_window_and_a_little_more_is_two() -> None:
    assert WINDOW == 7 * NS_PER_DAY
    assert windows(0, WINDOW) == [(0, WINDOW)]
    assert windows(0, WINDOW + 1) == [(0, WINDOW), (WINDOW, WINDOW + 1)]
    assert windows(5, 5) == [(5, 5)]
    assert windows(9, 5) == [(5, 5)]  # a clock of ours that was ahead


@given(st.integers(0, 10**18), st.integers(0, 60 * NS_PER_DAY))
def test_windows_cover_the_span_without_a_gap(first: int, length: int) -> None:
    cut = windows(first, first + length)
    assert (cut[0][0], cut[-1][1]) == (first, first + length)
    assert all(before[1] == after[0] for before, after in pairwise(cut))
    assert all(0 < end - start <= WINDOW for start, end in cut) or length == 0


@given(st.lists(st.lists(st.text("abc", min_size=1), max_size=4), min_size=1, max_size=6), st.integers(-1, 6))
def test_rows_come_all_of_them_in_their_order_or_not_at_all(pages: list[list[str]], fails_at: int) -> None:
    context, outbox = make_context()
    told = ask(context)
    asked = partial(len, outbox)
    for number, page in enumerate(pages):
        if told:
            break
        request = outbox[-1]
        last = number == len(pages) - 1
        kind = "unknown" if number == fails_at else "accepted"
        rows = [row(request, name) for name in page]
        answer(context, request, *rows, cursor="" if last else f"c{number}", kind=kind)
    [complete] = told
    expected = [name for page in pages[: asked()] for name in page]
    found = [one.link_id for one in complete.rows if isinstance(one, OrderSeen)]
    assert found == ([] if complete.failure else expected)
    assert bool(complete.failure) == (0 <= fails_at < asked())
