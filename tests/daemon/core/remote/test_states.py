from __future__ import annotations

import pytest

from daemon.core.errors import InvariantBroken
from daemon.core.remote.states import STEPS, State
from daemon.core.remote.tracked import Tracked, step
from tests.daemon.core.remote.bench import make_request

S = State
TERMINAL = {S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED, S.CLOSED_NO_FILL}
TABLE: dict[State, set[State]] = {
    S.SENDING: {S.ACKED, S.WORKING, S.UNKNOWN, S.FILLS_PENDING, S.FILLED, S.CANCELLED, S.REJECTED},
    S.ACKED: {S.WORKING, S.UNKNOWN, S.CLOSED_NO_FILL, S.FILLS_PENDING, S.FILLED, S.CANCELLED, S.REJECTED},
    S.WORKING: {S.UNKNOWN, S.CLOSED_NO_FILL, S.FILLS_PENDING, S.FILLED, S.CANCELLED, S.REJECTED},
    S.UNKNOWN: {S.ACKED, S.WORKING, S.ABSENT, S.CLOSED_NO_FILL, S.FILLS_PENDING, S.FILLED, S.CANCELLED, S.REJECTED},
    S.FILLS_PENDING: {S.FILLED, S.CANCELLED, S.REJECTED},
    S.ABSENT: {S.SENDING, S.EXPIRED},
} | {state: set() for state in TERMINAL}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_an_order_moves_as_the_table_says_and_no_other_way(before: State, after: State) -> None:
    order = Tracked(make_request(), "ls-x", True, before)
    if after in TABLE[before]:
        step(order, after)
        assert order.state is after
    else:
        with pytest.raises(InvariantBroken, match=f"cannot go from {before} to {after}"):
            step(order, after)
        assert order.state is before


def test_terminal_states_never_reopen() -> None:
    assert {state for state, steps in STEPS.items() if not steps} == TERMINAL


def test_only_an_unknown_order_can_become_absent_and_only_an_absent_one_is_sent_again_or_expires() -> None:
    assert [state for state, steps in STEPS.items() if S.ABSENT in steps] == [S.UNKNOWN]
    assert [state for state, steps in STEPS.items() if S.SENDING in steps] == [S.ABSENT]
    assert [state for state, steps in STEPS.items() if S.EXPIRED in steps] == [S.ABSENT]


def test_every_state_has_a_way_to_an_end() -> None:
    for state in State:
        reached = {state}
        for _ in State:
            reached |= {after for before in reached for after in STEPS[before]}
        assert reached & TERMINAL, state
