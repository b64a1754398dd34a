from __future__ import annotations

from itertools import count

from daemon.app.acceptance.card import Notes, Verdict
from daemon.app.acceptance.reply import Reply


def notes() -> Notes:
    ticks = count(0, 2_500_000)
    return Notes(lambda: next(ticks))


def reply(code: int | None, message: str = "") -> Reply:
    return Reply(code=code, message=message, ms=1.5, status=200)


def test_a_card_passes_when_nothing_differs() -> None:
    card = notes()
    assert card.expect_code("order/create", reply(0, "OK"), 0)
    assert card.judge() is Verdict.PASSED


def test_a_code_and_its_text_are_kept_as_they_came_also_when_they_differ() -> None:
    card = notes()
    assert not card.expect_code("order/create", reply(110007, "ab not enough for new order"), 0)
    assert card.judge() is Verdict.DIFFERENT
    assert card.differences == ["order/create: 110007 'ab not enough for new order' where 0 was expected"]
    [seen] = card.seen
    assert (seen.code, seen.message, seen.ms, seen.at_ms) == (110007, "ab not enough for new order", 1.5, 2.5)


def test_no_answer_is_none_of_the_expected_codes() -> None:
    assert not notes().expect_code("order/create", reply(None, "no answer within 5 s"), 0, 110072)


def test_a_difference_counts_for_more_than_what_was_recorded() -> None:
    card = notes()
    card.record("it is so")
    assert card.judge() is Verdict.RECORDED
    card.expect(False, "but that is not")
    assert card.judge() is Verdict.DIFFERENT


def test_what_cannot_be_told_is_neither_passed_nor_different() -> None:
    card = notes()
    card.cannot_tell("there was no funding")
    assert card.judge() is Verdict.CANNOT_TELL
