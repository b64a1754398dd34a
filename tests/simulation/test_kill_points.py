"""A sample of the kill points of a trading daemon; `python -m tests.simulation.destruction kills` tries all of them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.simulation.call_log import Call, Death, sent_too_early
from tests.simulation.kill_campaign import deaths_in_a_row, points_of, reference, run_points
from tests.simulation.kill_points import try_point
from tests.simulation.test_restart import draw_seed

SAMPLE = 8
IN_A_ROW = 5


@pytest.mark.process
def test_killed_at_any_write_sync_or_send_a_daemon_comes_to_the_same_end(tmp_path: Path) -> None:
    calls = reference(tmp_path / "reference")
    points = list(points_of(calls))
    assert len(points) > 400
    step = len(points) // SAMPLE
    summary = run_points(tmp_path, calls, points[draw_seed() % step :: step])
    assert summary.failed == ()
    assert summary.died >= SAMPLE - 2  # a run may be over a few calls sooner than the one that was counted


@pytest.mark.process
def test_killed_again_and_again_while_it_recovers_it_comes_to_the_same_end(tmp_path: Path) -> None:
    calls = [Call(n, "write") for n in range(1, 250)]
    found = try_point(tmp_path, *deaths_in_a_row(calls, IN_A_ROW, Random(draw_seed())))
    assert found.problems == ()
    assert found.died >= 2


def test_every_call_is_a_point_and_what_can_be_torn_is_three() -> None:
    calls = [Call(1, "open"), Call(2, "write"), Call(3, "fsync"), Call(4, "send")]
    named = [(death.how, death.at) for (death,) in points_of(calls)]
    assert named == [
        *(("before", 1), ("after", 1), ("before", 2), ("torn", 2), ("after", 2)),
        *(("before", 3), ("after", 3), ("before", 4), ("torn", 4), ("after", 4)),
    ]


def test_the_deaths_of_a_row_follow_from_their_seed() -> None:
    calls = [Call(n, "write") for n in range(1, 250)]
    assert deaths_in_a_row(calls, 20, Random(1)) == deaths_in_a_row(calls, 20, Random(1))
    assert len(deaths_in_a_row(calls, 20, Random(1))) == 20
    assert all(isinstance(death, Death) for death in deaths_in_a_row(calls, 20, Random(1)))


@pytest.mark.parametrize(
    ("calls", "early"),
    [
        ([Call(1, "write", "7", ("a",)), Call(2, "synced", "7"), Call(3, "send", "9", ("a",))], []),
        ([Call(1, "write", "7", ("a",)), Call(2, "fsync", "7"), Call(3, "send", "9", ("a",))], ["a"]),
        ([Call(1, "write", "7", ("a",)), Call(2, "synced", "8"), Call(3, "send", "9", ("a",))], ["a"]),
        ([Call(1, "synced", "7"), Call(2, "write", "7", ("a",)), Call(3, "send", "9", ("a",))], ["a"]),
        ([Call(1, "send", "9", ("a",)), Call(2, "write", "7", ("a",)), Call(3, "synced", "7")], ["a"]),
    ],
)
def test_what_leaves_before_its_record_is_synced_is_seen(calls: list[Call], early: list[str]) -> None:
    assert sent_too_early(calls) == early
