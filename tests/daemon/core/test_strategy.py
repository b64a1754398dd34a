from __future__ import annotations

import pytest

from daemon.core.events import BarOrigin
from daemon.core.records import Action, OrderType, TimeInForce
from daemon.core.strategy import BarClose, Decision, OnTimer, Strategy
from tests.daemon.core.build import MINUTE, Scripted


def test_a_decision_is_a_plain_market_order_unless_it_says_more() -> None:
    decision = Decision(Action.BUY, "why")
    assert (decision.order_type, decision.time_in_force) == (OrderType.MARKET, TimeInForce.GTC)
    assert (decision.price, decision.reduce_only, decision.indicators) == (None, False, {})


def test_a_decision_cannot_be_changed_after_it_was_made() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        setattr(Decision(Action.BUY, "why"), "reason", "another")  # noqa: B010 - mypy knows that this is forbidden


def test_triggers_are_values() -> None:
    assert BarClose(MINUTE) == BarClose(MINUTE, BarOrigin.VENUE)
    assert {OnTimer("a"), OnTimer("a"), OnTimer("b")} == {OnTimer("a"), OnTimer("b")}


def test_a_strategy_is_anything_with_the_right_shape() -> None:
    made: Strategy = Scripted(window=3, warmup=2)
    assert (made.window, made.warmup) == (3, 2)
