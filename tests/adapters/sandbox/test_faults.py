from __future__ import annotations

from adapters.sandbox.faults import Fate, FaultPlan, Faults, Mute

DELTA = b'{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1}'
BOOK, TRADES = "orderbook.50.BTCUSDT", "publicTrade.BTCUSDT"


def fates(faults: Faults, topics: list[str]) -> list[Fate]:
    plan = FaultPlan(faults)
    return [plan.fate(topic, DELTA if topic == BOOK else b'{"type":"snapshot"}') for topic in topics]


def copies(faults: Faults, topics: list[str]) -> list[int]:
    return [fate.copies for fate in fates(faults, topics)]


def test_an_empty_plan_is_quiet_and_every_fate_ordinary() -> None:
    assert FaultPlan(Faults()).quiet
    assert fates(Faults(), [BOOK, TRADES]) == [Fate(), Fate()]


def test_the_next_book_delta_at_or_after_a_position_is_skipped_once() -> None:
    faults = Faults(skip_delta_at=(2, 5))
    assert copies(faults, [BOOK, TRADES, BOOK, BOOK, TRADES, BOOK, BOOK]) == [1, 1, 0, 1, 1, 0, 1]


def test_a_muted_topic_is_silent_for_its_span_only() -> None:
    faults = Faults(mute=(Mute(TRADES, first=2, frames=3),))
    assert copies(faults, [TRADES, TRADES, BOOK, TRADES, TRADES]) == [1, 0, 1, 0, 1]


def test_duplicates_garbage_and_cuts_stand_at_their_numbers() -> None:
    faults = Faults(duplicate=(1,), garbage_before=(2,), drop_after=(3,))
    assert fates(faults, [BOOK, BOOK, BOOK]) == [Fate(copies=2), Fate(garbage_before=True), Fate(drop_after=True)]


def test_a_stall_comes_before_the_step_that_reaches_its_frame() -> None:
    plan = FaultPlan(Faults(stall_before=((2, 1500),)))
    stalls = [plan.stall_seconds()]
    plan.fate(BOOK, DELTA)
    stalls += [plan.stall_seconds(), plan.stall_seconds()]
    assert stalls == [0.0, 1.5, 0.0]
