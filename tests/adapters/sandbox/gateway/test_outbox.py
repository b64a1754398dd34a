from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.faults import GARBAGE
from adapters.sandbox.gateway.messages import Instant
from adapters.sandbox.gateway.outbox import Outbox, Outgoing
from adapters.sandbox.gateway.services import Services
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.gateway.truth import TruthLog
from tests.adapters.sandbox.gateway.world import plan_of


def outbox(*rules: dict[str, Any]) -> Outbox:
    settings = GatewaySettings(plan=plan_of(pushes=list(rules)))
    return Outbox("c", Services(settings, start_ms=0, speed=1.0, truth=TruthLog()))


def push(number: int) -> Outgoing:
    item: dict[str, object] = {"orderId": str(number)}
    return Outgoing(number=number, topic="order", uid="1", content={"n": number, "data": [item]}, items=[item])


def numbers(texts: list[bytes]) -> list[int]:
    return [json.loads(text)["n"] for text in texts if text != GARBAGE]


rules = st.fixed_dictionaries(
    {
        "when": st.fixed_dictionaries({"every": st.integers(1, 4)}),
        "copies": st.integers(0, 2),
        "delay_ms": st.integers(0, 50),
        "garbage": st.booleans(),
        "hold_ms": st.integers(0, 50),
    }
)
collections = st.one_of(
    st.permutations([0, 1, 2, 3]).map(lambda order: {"permute": order, "hold_ms": 40}),
    st.integers(1, 5).map(lambda count: {"shuffle": count, "hold_ms": 40}),
)


@given(st.lists(st.integers(0, 30), max_size=30), collections)
def test_whatever_order_pushes_come_in_each_comes_once(pauses: list[int], rule: dict[str, Any]) -> None:
    box, now, came = outbox(rule), 0, []
    for number, pause in enumerate(pauses):
        now += pause
        box.post(push(number), Instant(now, now))
        came += numbers(box.take(now))
    came += numbers(box.take(now + 40))
    assert sorted(came) == list(range(len(pauses)))
    assert box.due_ms is None


@given(
    st.lists(st.integers(0, 30), max_size=30),
    rules.filter(lambda rule: any(rule[name] for name in ("copies", "delay_ms", "garbage"))),
)
def test_nothing_is_lost_that_is_not_dropped_and_nothing_comes_before_its_time(
    pauses: list[int], rule: dict[str, Any]
) -> None:
    box, now, came = outbox(rule), 0, Counter[int]()
    due = {}
    for number, pause in enumerate(pauses):
        now += pause
        chosen = (number + 1) % rule["when"]["every"] == 0
        due[number] = now + (rule["delay_ms"] if chosen else 0)
        box.post(push(number), Instant(now, now))
        fresh = numbers(box.take(now))
        assert all(due[one] <= now for one in fresh)
        came.update(fresh)
    came.update(numbers(box.take(now + 50)))
    copies = {n: 1 + rule["copies"] * ((n + 1) % rule["when"]["every"] == 0) for n in range(len(pauses))}
    assert came == Counter(copies)


def test_an_ending_ends_and_what_came_before_it_goes_out() -> None:
    box = outbox()
    box.post(push(1), Instant(0, 0))
    box.end(1012, Instant(0, 0))
    box.post(push(2), Instant(0, 0))
    assert numbers(box.take(0)) == [1]
    assert (box.ending is not None, box.take(10), box.due_ms, box.deaf) == (True, [], None, True)
