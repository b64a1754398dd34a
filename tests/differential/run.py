"""Runs scenarios on both engines and tallies agreements, explained and unexplained differences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal

from msgspec import Struct, field

from tests.differential import ours
from tests.differential.capture import capture_scenario
from tests.differential.compare import Difference, books_of, differences, turned_round, wordings
from tests.differential.explanations import EXPLANATIONS, explain
from tests.differential.random_scenarios import random_scenario
from tests.differential.scenario import Scenario
from tests.differential.trace import Step, Trace, What
from tests.differential.view import View
from tests.differential.wording import meaning

SCENARIOS = {
    "book": 200,
    "book_special": 300,
    "quotes": 100,
    "touch": 100,
    "touch_special": 200,
    "bars": 150,
    "bars_special": 250,
    "bars_way": 100,
    "capture": 100,
}
CASH_TOLERANCE = Decimal("1e-6")

Play = Callable[[Scenario], Trace]


class Tally(Struct):
    """What a comparison came to.

    agreed: orders whose lives are the same.  explained: differences by name, words: by meaning.  by_family: differences
    by family and name.  unexplained: each in words.
    """

    scenarios: int = 0
    orders: int = 0
    agreed: int = 0
    fills: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    by_family: dict[str, Counter[str]] = field(default_factory=dict)
    words: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)

    def unmet(self) -> list[str]:
        """Explanations that nothing needed."""
        return [name for name in EXPLANATIONS if not self.explained[name]]


def scenarios(counts: dict[str, int]) -> Iterator[Scenario]:
    """So many scenarios of each family, by seed."""
    for family, count in counts.items():
        for seed in range(count):
            yield capture_scenario(seed) if family == "capture" else random_scenario(family, seed)


def compare(scenario: Scenario, theirs: Play, tally: Tally) -> None:
    """Play a scenario on both engines and count what comes out."""
    mine, other = ours.play(scenario), theirs(scenario)
    tally.scenarios += 1
    tally.orders += len(scenario.orders())
    tally.fills += len(mine.fills)
    _count_differences(scenario, mine, other, tally)
    _count_words(scenario, mine, other, tally)
    for place, first, second in turned_round(scenario, mine, other):
        tally.unexplained.append(f"{scenario.name}: in the bar at {place}, {second} fills before {first} there")
    for name, trace in (("ours", mine), ("theirs", other)):
        _check_books(name, trace, scenario, tally)


def _count_differences(scenario: Scenario, mine: Trace, other: Trace, tally: Tally) -> None:
    parted = set()
    by_family = tally.by_family.setdefault(scenario.family, Counter())
    for difference in differences(scenario, mine, other, View(scenario)):
        parted.add(difference.request.order_id)
        name = explain(difference)
        if name is None:
            tally.unexplained.append(in_words(difference))
        else:
            tally.explained[name] += 1
            by_family[name] += 1
    tally.agreed += len(scenario.orders()) - len(parted)


def _count_words(scenario: Scenario, mine: Trace, other: Trace, tally: Tally) -> None:
    for pair in wordings(scenario, mine, other):
        text = meaning(pair.ours, pair.theirs)
        if text is None:
            tally.unexplained.append(f"{scenario.name} {pair.order_id}: {pair.ours!r} there is {pair.theirs!r}")
        else:
            tally.words[text] += 1


def _check_books(name: str, trace: Trace, scenario: Scenario, tally: Tally) -> None:
    position, cash = books_of(trace, scenario)
    if position != trace.position or abs(cash - trace.cash) > CASH_TOLERANCE:
        tally.unexplained.append(
            f"{scenario.name}: the fills of {name} give position {position}, cash {cash}; "
            f"its books say {trace.position}, {trace.cash}"
        )


def in_words(difference: Difference) -> str:
    """A difference on one line."""
    request = difference.request
    trigger = f" trigger {request.trigger_price}" if request.is_conditional else ""
    reduce = " reduce-only" if request.reduce_only else ""
    kind = f"{request.side} {request.type} {request.time_in_force} {request.qty} @ {request.price}{trigger}{reduce}"
    return (
        f"{difference.scenario.name} {request.order_id} ({kind}) at {difference.place}: "
        f"{_step_in_words(difference.ours)}; there {_step_in_words(difference.theirs)}"
    )


def _step_in_words(step: Step | None) -> str:
    if step is None:
        return "nothing"
    if step.what is What.FILL:
        return f"{step.at} {'maker' if step.maker else 'taker'} {step.qty} @ {step.price} fee {step.fee}"
    return f"{step.at} {step.what} {step.word}"
