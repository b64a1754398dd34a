"""A sample of damaged frames, by a new seed each time; `python -m tests.simulation.campaign fuzz` tries two million."""

from __future__ import annotations

import pytest

from daemon.core.account_events import Answered
from tests.adapters.bybit.fuzzing import Source, corpus, fuzz, fuzz_engine, given, judge
from tests.adapters.bybit.mutator import Mutator, seed_of
from tests.simulation.closed_loop import ACCOUNT
from tests.simulation.test_restart import draw_seed

SAMPLE, LARGE = 40_000, 4_000
MEMORY_MB_MAX = 96.0
CONNECTIONS = {f"private.{ACCOUNT}", "public-1", "rest"}


def test_no_damaged_frame_or_answer_breaks_the_decoders() -> None:
    report = fuzz(draw_seed(), SAMPLE)
    assert report.problems == []
    assert report.texts == SAMPLE
    # Much is still readable: damage that only ever ends in quarantine would try nothing behind it.
    assert {"Quarantined", "Unreadable", "Outcome", "OrderSeen", "Executed", "PositionSeen", "WalletSeen"} <= set(
        report.kinds
    )


def test_the_largest_texts_are_refused_in_time_and_leave_nothing_behind() -> None:
    report = fuzz(draw_seed(), LARGE, large=400)
    assert report.problems == []
    assert report.grown_mb < MEMORY_MB_MAX


def test_every_kind_of_text_is_tried() -> None:
    sources = {source for source, _ in corpus()}
    assert {source.connection for source in sources} == CONNECTIONS
    assert len({source.op for source in sources}) > 10


def test_the_same_seed_damages_in_the_same_way() -> None:
    seeds = [seed for _, seed in corpus()]
    first, second = (Mutator(seeds, 7) for _ in range(2))
    assert [first.draw() for _ in range(500)] == [second.draw() for _ in range(500)]


def test_a_text_is_cut_into_its_tokens() -> None:
    seed = seed_of(b'{"a":"x,\\"y","b":[1,-2.5e3,null],"c":{"d":true}}')
    assert b"".join(seed.tokens) == seed.text
    assert [seed.tokens[place] for place in seed.values] == [b'"x,\\"y"', b"1", b"-2.5e3", b"null", b"true"]
    assert [seed.tokens[place] for place in seed.members] == [b'"a"', b'"d"']


@pytest.mark.parametrize("number", range(3))
def test_an_engine_that_is_told_damaged_frames_books_nothing_that_did_not_happen(number: int) -> None:
    assert fuzz_engine(number) == []


def test_a_judge_that_is_given_nonsense_says_so() -> None:
    answer = Source("rest", next(source.op for source, _ in corpus() if source.op))
    assert judge(answer, []) == ["0 outcomes"]
    assert isinstance(given(answer, b"\xff", 1), Answered)
