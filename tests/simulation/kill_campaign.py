"""Every kill point of the scenario, or a sample of them, in several processes at once."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from msgspec import Struct

from tests.simulation.call_log import Call, Death
from tests.simulation.kill_points import PRELOAD, Found, try_point

TEARABLE = {"write", "send"}


class Outcome(Struct, frozen=True):
    """What became of a point. problem: empty when all is as it must be."""

    death: Death
    kind: str
    died: bool
    restarted: bool
    problem: str
    seconds: float


class Summary(Struct, frozen=True):
    """Figures of a campaign. reference: calls by kind of the run that nobody kills."""

    points: int
    died: int
    restarted: int
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


def points_of(calls: Sequence[Call]) -> Iterator[Death]:
    """Every point: before and after each call, and in the middle of what can be torn."""
    for call in calls:
        yield Death("before", call.n)
        if call.kind in TEARABLE:
            yield Death("torn", call.n)
        yield Death("after", call.n)


def run_points(
    folder: Path,
    calls: Sequence[Call],
    deaths: Sequence[Death],
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
        asked = [pool.submit(_try, folder, death, kinds.get(death.at, "")) for death in deaths]
        for done in as_completed(asked):
            outcomes.append(done.result())
            told(outcomes[-1])
    return Summary(
        points=len(outcomes),
        died=sum(outcome.died for outcome in outcomes),
        restarted=sum(outcome.restarted for outcome in outcomes),
        failed=tuple(outcome for outcome in outcomes if outcome.problem),
        reference=dict(Counter(call.kind for call in calls)),
        seconds=time.monotonic() - begun,
    )


def _try(folder: Path, death: Death, kind: str) -> Outcome:
    begun, place = time.monotonic(), folder / f"{death.how}-{death.at}"
    try:
        found = try_point(place, death)
    except Exception as error:  # noqa: BLE001 - whatever it is, the point has failed, and the others go on
        found = Found((), False, False, 0, (f"{type(error).__name__}: {error}",))
    if not found.problems:
        shutil.rmtree(place)
    problem = "; ".join(found.problems)
    return Outcome(death, kind, found.died, found.restarted, problem, time.monotonic() - begun)
