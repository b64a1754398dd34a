"""Every kill point of the scenario, or a sample of them, in several processes at once."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from random import Random

from msgspec import Struct

from tests.simulation.call_log import Call, Death, How
from tests.simulation.kill_points import PRELOAD, Found, try_point

TEARABLE = {"write", "send"}
STARTING = 90
"""About so many calls are made from a start to the end of its reconciliation."""


class Outcome(Struct, frozen=True):
    """What became of a point. kind: of the call.  died, lives: processes.  problem: empty when all is as it must be."""

    deaths: tuple[Death, ...]
    kind: str
    died: int
    lives: int
    problem: str
    seconds: float


class Summary(Struct, frozen=True):
    """Figures of a campaign. points: that were tried.  died, lives: processes.

    reference: calls by kind of the run that nobody kills.
    """

    points: int
    died: int
    lives: int
    failed: tuple[Outcome, ...]
    reference: dict[str, int]
    seconds: float


def reference(folder: Path) -> list[Call]:
    """The calls of a run that nobody kills, which must be sound itself.

    Raises:
        AssertionError: it is not.
    """
    found = try_point(folder)
    assert not found.problems, found.problems
    return [call for call in found.calls[0] if call.kind != "synced"]


def points_of(calls: Sequence[Call]) -> Iterator[tuple[Death]]:
    """Every point: before and after each call, and in the middle of what can be torn."""
    for call in calls:
        yield (Death("before", call.n),)
        if call.kind in TEARABLE:
            yield (Death("torn", call.n),)
        yield (Death("after", call.n),)


def deaths_in_a_row(calls: Sequence[Call], number: int, random: Random) -> tuple[Death, ...]:
    """One death anywhere in the scenario, then others while it starts again, recovers and reconciles."""
    how: tuple[How, ...] = ("before", "torn", "after")
    first = Death(random.choice(how), random.randint(1, len(calls)))
    return (first, *(Death(random.choice(how), random.randint(1, STARTING)) for _ in range(number - 1)))


def run_points(
    folder: Path,
    calls: Sequence[Call],
    points: Sequence[tuple[Death, ...]],
    *,
    workers: int = 2,
    told: Callable[[Outcome], None] = lambda _outcome: None,
) -> Summary:
    """Try points; the folder of one that fails is kept."""
    begun = time.monotonic()
    kinds = {call.n: call.kind for call in calls}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOAD, __name__])
    outcomes = []
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        asked = [
            pool.submit(_try, folder / str(number), deaths, kinds.get(deaths[0].at, ""))
            for number, deaths in enumerate(points)
        ]
        for done in as_completed(asked):
            outcomes.append(done.result())
            told(outcomes[-1])
    return Summary(
        points=len(outcomes),
        died=sum(outcome.died for outcome in outcomes),
        lives=sum(outcome.lives for outcome in outcomes),
        failed=tuple(outcome for outcome in outcomes if outcome.problem),
        reference=dict(Counter(call.kind for call in calls)),
        seconds=time.monotonic() - begun,
    )


def _try(place: Path, deaths: tuple[Death, ...], kind: str) -> Outcome:
    begun = time.monotonic()
    try:
        found = try_point(place, *deaths)
    except Exception as error:  # noqa: BLE001 - whatever it is, the point has failed, and the others go on
        found = Found((), 0, 0, (f"{type(error).__name__}: {error}",))
    if not found.problems:
        shutil.rmtree(place)
    problem = "; ".join(found.problems)
    return Outcome(deaths, kind, found.died, len(found.calls), problem, time.monotonic() - begun)
