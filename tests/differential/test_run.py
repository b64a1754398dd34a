"""The comparison held against engines whose difference to ours is known: none, or one made on purpose."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from daemon.core.units import add
from tests.differential import ours
from tests.differential.explanations import EXPLANATIONS
from tests.differential.run import Play, Tally, compare, scenarios
from tests.differential.scenario import Scenario
from tests.differential.trace import Step, Trace, What

COUNTS = {"book_special": 4, "touch": 4, "bars_special": 4, "capture": 2}


def tally_against(theirs: Play) -> Tally:
    tally = Tally()
    for scenario in scenarios(COUNTS):
        compare(scenario, theirs, tally)
    return tally


def changed(step: Step, scenario: Scenario) -> Step:
    """A tick more on each taker fill."""
    if step.what is not What.FILL or step.maker:
        return step
    return replace(step, price=add(step.price, scenario.instrument.tick))


def a_tick_off(scenario: Scenario) -> Trace:
    trace = ours.play(scenario)
    steps = {order_id: [changed(step, scenario) for step in life] for order_id, life in trace.steps.items()}
    return replace(trace, steps=steps)


def forgetful(scenario: Scenario) -> Trace:
    """An engine that does not tell of cancels."""
    trace = ours.play(scenario)
    lives = trace.steps.items()
    return replace(
        trace, steps={order_id: [step for step in life if step.what is not What.END] for order_id, life in lives}
    )


def test_our_own_engine_agrees_with_itself() -> None:
    tally = tally_against(ours.play)
    assert tally.agreed == tally.orders > 100
    assert tally.fills > 100
    assert not tally.explained
    assert sorted(tally.unmet()) == sorted(EXPLANATIONS)


def test_a_fill_a_tick_off_is_not_explained_away() -> None:
    tally = tally_against(a_tick_off)
    assert len(tally.unexplained) > tally.explained.total()


def test_a_missing_cancel_is_not_explained_away() -> None:
    tally = tally_against(forgetful)
    assert len(tally.unexplained) > 10


def test_books_that_do_not_follow_from_fills_are_told() -> None:
    def richer(scenario: Scenario) -> Trace:
        trace = ours.play(scenario)
        return replace(trace, cash=add(trace.cash, Decimal(1)))

    tally = tally_against(richer)
    assert any("its books say" in text for text in tally.unexplained)


def test_every_explanation_is_written_down_once() -> None:
    text = (Path(__file__).parents[2] / "docs" / "simulated-exchange.md").read_text()
    headings = [line.split("`")[1] for line in text.splitlines() if line.startswith("#### `")]
    assert sorted(headings) == sorted(EXPLANATIONS)
