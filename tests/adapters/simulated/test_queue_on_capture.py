"""The queue models on a real market: the same orders, fifteen seconds of a Binance capture."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from benchmarks.queue_models import CAPTURE, Tape, main, measure, place, play, read_tape
from daemon.core.events import BookDelta, Side, Trade
from daemon.core.units import NEVER
from daemon.core.venue import QueueModel

PINNED = {"through": (135, 94), "back": (135, 94), "proportional": (135, 95), "front": (135, 106)}
"""Orders that came to rest, and fills, by model."""


@pytest.fixture(scope="module")
def tape() -> Tape:
    return read_tape([CAPTURE])


def test_the_capture_holds_a_book_and_trades(tape: Tape) -> None:
    kinds = {type(fact) for _, fact in tape}
    assert {BookDelta, Trade} <= kinds
    assert [ts for ts, _ in tape] == sorted(ts for ts, _ in tape)


def test_a_more_optimistic_model_fills_more_of_the_same_orders_and_sooner(tape: Tape) -> None:
    figures = measure(tape, seed=1)
    assert [row.model for row in figures] == list(QueueModel)
    assert len({row.rested for row in figures}) == 1
    for stricter, looser in pairwise(figures):
        assert stricter.filled <= looser.filled
    assert {row.model.value: (row.rested, row.filled) for row in figures} == PINNED


def test_an_order_that_fills_under_a_model_fills_no_later_under_a_more_optimistic_one(tape: Tape) -> None:
    for order in place(tape, seed=2)[::6]:
        outcomes = [play(tape, [order], model) for model in QueueModel]
        times = [outcome.fills[0].ts if outcome.fills else NEVER for outcome in outcomes]
        assert times == sorted(times, reverse=True), order


def test_the_same_seed_places_the_same_orders(tape: Tape) -> None:
    assert place(tape, seed=3) == place(tape, seed=3)
    assert place(tape, seed=3) != place(tape, seed=4)
    assert {order.side for order in place(tape, seed=3)} == set(Side)


def test_the_command_prints_one_row_for_each_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in rows] == [model.value for model in QueueModel]
    assert main([]) == 0
    assert "proportional" in capsys.readouterr().out
