from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.events import BarOrigin, Side
from daemon.core.records import Action
from daemon.core.strategy import BarClose, Decision, Snapshot
from strategies.baseline_perps import Averages, BaselinePerps, Settings
from tests.daemon.core.build import BTC, MINUTE, Run, bars_of, instrument, lane

RISING = [100.0, 101.0, 102.0, 103.0]
FALLING = [100.0, 99.0, 98.0, 97.0]


class Account:
    """Plays the account: what is asked for is held at the next mark, unless `deaf`."""

    def __init__(self, **changes: Any) -> None:
        plain: dict[str, Any] = {"fast": 2, "slow": 3, "trailing_stop": 0.0}
        self.strategy = BaselinePerps(Settings(**(plain | changes)), BTC)
        self.position = 0.0
        self.working = 0
        self.deaf = False

    def at(self, mark: float) -> Decision:
        equity = 1000.0
        decision = self.strategy.decide(
            Snapshot(BTC, 0, None, mark, 0.0, 0.0, self.position, 0.0, equity, self.working, ())
        )
        if self.deaf:
            return decision
        if decision.action is Action.CLOSE:
            self.position = 0.0
        elif decision.target_notional is not None:
            self.position = decision.target_notional / mark
        return decision

    def through(self, marks: list[float]) -> list[Decision]:
        return [self.at(mark) for mark in marks]


def actions(decisions: list[Decision]) -> list[str]:
    return [decision.action.value for decision in decisions]


@given(
    st.integers(1, 20),
    st.integers(1, 40),
    st.floats(1e-4, 1e5),
    st.lists(st.floats(0.2, 5.0), max_size=300),
)
def test_the_averages_are_the_means_of_the_last_values(fast: int, more: int, base: float, ratios: list[float]) -> None:
    slow = fast + more
    values = [base * ratio for ratio in ratios]
    averages = Averages(fast, slow)
    for count, value in enumerate(values, 1):
        for length, mean in zip((fast, slow), averages.add(value), strict=True):
            if count < length:
                assert mean is None
            else:
                assert mean == pytest.approx(sum(values[count - length : count]) / length, rel=1e-9)


def test_nothing_is_decided_before_the_averages_are_full() -> None:
    first, second, third = Account().through([100.0, 101.0, 102.0])
    assert (first.action, first.indicators) == (Action.HOLD, {"fast": None, "slow": None})
    assert (second.action, second.indicators) == (Action.HOLD, {"fast": 100.5, "slow": None})
    assert third.action is Action.BUY
    assert third.indicators == {"fast": 101.5, "slow": 101.0, "stop": None}


def test_it_is_long_while_the_short_average_is_above_the_long_one() -> None:
    account = Account(position_fraction=0.5)
    decisions = account.through([*RISING, 104.0])
    assert actions(decisions) == ["hold", "hold", "buy", "hold", "hold"]
    assert decisions[2].target_notional == 500.0
    assert decisions[2].signal == "long"


def test_it_is_short_while_the_short_average_is_below_the_long_one() -> None:
    decisions = Account(position_fraction=0.5).through([*FALLING, 96.0])
    assert actions(decisions) == ["hold", "hold", "sell", "hold", "hold"]
    assert decisions[2].target_notional == -500.0
    assert decisions[2].signal == "short"


def test_it_flips_with_one_order_when_the_averages_cross() -> None:
    account = Account()
    account.through(RISING)
    flipped = account.through([101.0, 98.0])
    assert [(decision.action, decision.target_notional) for decision in flipped if decision.target_notional] == [
        (Action.SELL, -200.0)
    ]
    assert account.position < 0


def test_without_shorts_it_closes_instead_and_stays_flat() -> None:
    account = Account(allow_short=False)
    account.through(RISING)
    assert actions(account.through([99.0, 97.0, 95.0])) == ["close", "hold", "hold"]
    assert account.at(94.0).reason == "shorts are not allowed"


def test_a_flat_market_gives_no_signal_though_the_sums_of_the_averages_round_differently() -> None:
    decisions = Account(fast=10, slow=30).through([0.1] * 200)
    assert set(actions(decisions)) == {"hold"}
    assert {decision.signal for decision in decisions} == {"warming up", "flat"}


def test_averages_that_meet_keep_the_side() -> None:
    account = Account()
    account.through(RISING)
    assert account.through([103.0, 103.0, 103.0, 103.0])[-1].signal == "long"
    assert account.position > 0


def test_it_waits_while_an_order_is_under_way() -> None:
    account = Account()
    account.deaf = True
    account.working = 1
    assert actions(account.through(RISING)) == ["hold"] * 4
    account.working = 0
    assert account.at(104.0).action is Action.BUY


@pytest.mark.parametrize(
    ("marks", "best", "stopped"),
    [
        (RISING, 103.0, [101.0, 99.0, 98.1, 97.85]),
        (FALLING, 97.0, [99.0, 100.0, 101.0, 101.86]),
    ],
)
def test_a_trailing_stop_closes_at_its_distance_from_the_best_mark_since_entry(
    marks: list[float], best: float, stopped: list[float]
) -> None:
    account = Account(trailing_stop=0.05)
    account.through(marks)
    direction = 1 if account.position > 0 else -1
    account.deaf = True
    stop = account.at(best).indicators["stop"]
    assert stop == pytest.approx(best * (1 - 0.05 * direction))
    for mark in stopped[:-1]:
        assert account.at(mark).reason != "trailing stop reached"
    decision = account.at(stopped[-1])
    assert (decision.action, decision.reason) == (Action.CLOSE, "trailing stop reached")


def test_a_stop_is_reached_at_the_price_itself() -> None:
    account = Account(trailing_stop=0.5)
    account.through([96.0, 98.0, 100.0])
    account.at(100.0)
    assert account.at(50.0).reason == "trailing stop reached"


def long_and_stopped() -> Account:
    """A slow pair of averages, still long when a fall of 5 % reaches the stop."""
    account = Account(fast=2, slow=6, trailing_stop=0.04)
    account.through([100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 110.0, 120.0])
    assert account.position > 0
    assert account.at(114.0).reason == "trailing stop reached"
    return account


def test_a_stopped_side_is_not_entered_again_before_the_averages_cross() -> None:
    account = long_and_stopped()
    assert actions(account.through([116.0, 118.0, 125.0])) == ["hold"] * 3
    assert account.position == 0.0
    assert "sell" in actions(account.through([90.0, 80.0]))
    assert "buy" in actions(account.through([120.0, 130.0, 140.0]))


def test_a_stop_on_the_bar_of_the_cross_does_not_bar_the_new_side() -> None:
    account = Account(fast=1, slow=2, trailing_stop=0.04)
    account.through([100.0, 101.0, 102.0])
    assert account.position > 0
    crossing = account.at(90.0)
    assert (crossing.action, crossing.signal) == (Action.CLOSE, "short")
    assert account.at(89.0).action is Action.SELL


def test_the_trail_of_one_side_is_forgotten_when_the_position_flips() -> None:
    account = Account(trailing_stop=0.02)
    account.through(RISING)
    account.deaf = True
    account.position = -1.0
    stop = account.at(110.0).indicators["stop"]
    assert stop == pytest.approx(110.0 * 1.02)


def test_without_a_trailing_stop_a_fall_closes_nothing_by_itself() -> None:
    account = Account(fast=2, slow=6)
    account.through([100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 110.0, 120.0])
    decision = account.at(114.0)
    assert (decision.action, decision.indicators["stop"]) == (Action.HOLD, None)


def test_it_is_triggered_by_bars_of_its_length_and_origin_and_warms_up_as_long_as_its_long_average() -> None:
    strategy = BaselinePerps(Settings(fast=5, slow=50, interval_min=15, bars=BarOrigin.TRADES), BTC)
    assert strategy.triggers == (BarClose(15 * MINUTE, BarOrigin.TRADES),)
    assert (strategy.window, strategy.warmup) == (50, 50)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fast": 30, "slow": 30},
        {"fast": 31, "slow": 30},
        {"fast": 0},
        {"slow": 10_001},
        {"interval_min": 0},
        {"position_fraction": 0.0},
        {"position_fraction": float("nan")},
        {"trailing_stop": 1.0},
        {"trailing_stop": -0.1},
        {"bars": "candles"},
        {"stop": 0.02},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Settings)


def test_in_an_engine_it_buys_stops_and_stays_out_until_the_averages_cross() -> None:
    strategy = BaselinePerps(Settings(fast=2, slow=6, trailing_stop=0.04), BTC)
    run = Run(lane(strategy))
    run.tell(instrument())
    run.play(bars_of([100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 110.0, 120.0, 114.0, 116.0, 118.0, 90.0, 80.0]))
    assert [(fill.side, fill.price) for fill in run.fills()] == [
        (Side.BUY, Decimal("106.0")),
        (Side.SELL, Decimal("114.0")),
        (Side.SELL, Decimal("90.0")),
    ]
    assert [line.decision.reason for line in run.decisions() if line.decision.qty] == [
        "short average above long",
        "trailing stop reached",
        "short average below long",
    ]
