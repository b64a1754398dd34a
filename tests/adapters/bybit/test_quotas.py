"""How many requests may be sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bybit.quotas import AUTH_WAIT, IP_BAN, IP_WINDOW, LIMITS, RESET_WAIT, WINDOW, Quotas, Told
from daemon.core.units import NS_PER_MS, NS_PER_SECOND

CREATE, CANCEL, ORDERS = "/v5/order/create", "/v5/order/cancel", "/v5/order/realtime"
T0 = 1_000 * NS_PER_SECOND


def spend(quotas: Quotas, path: str, count: int, now: int = T0, *, urgent: bool = False) -> int:
    """Send as many as may be sent at once."""
    sent = 0
    while sent < count and quotas.wait(path, now, urgent=urgent) == 0:
        quotas.take(path, now)
        sent += 1
    return sent


def test_half_of_an_endpoint_is_kept_for_urgent_requests() -> None:
    quotas = Quotas()
    assert spend(quotas, CREATE, 100) == 5
    assert spend(quotas, CREATE, 100, urgent=True) == 5
    assert quotas.wait(CREATE, T0, urgent=True) == WINDOW


def test_endpoints_do_not_take_from_each_other() -> None:
    quotas = Quotas()
    spend(quotas, CREATE, 100)
    assert spend(quotas, CANCEL, 100, urgent=True) == 10
    assert spend(quotas, ORDERS, 100) == 25


@given(
    st.lists(
        st.tuples(st.integers(0, 90 * NS_PER_MS), st.booleans(), st.sampled_from([CREATE, CANCEL])),
        min_size=50,
        max_size=80,
    )
)
def test_no_rolling_second_holds_more_than_the_venue_allows(steps: list[tuple[int, bool, str]]) -> None:
    quotas = Quotas()
    now = T0
    sent: dict[str, list[int]] = {CREATE: [], CANCEL: []}
    for gap, urgent, path in steps:
        now += gap
        if quotas.wait(path, now, urgent=urgent) == 0:
            quotas.take(path, now)
            sent[path].append(now)
    for path, times in sent.items():
        for last in times:
            assert sum(last - NS_PER_SECOND < one <= last for one in times) <= LIMITS[path]


def test_one_who_sends_whenever_it_may_stays_within_the_venues_second() -> None:
    quotas = Quotas()
    sent: list[int] = []
    for millisecond in range(5_000):
        now = T0 + millisecond * NS_PER_MS
        if quotas.wait(CREATE, now, urgent=True) == 0:
            quotas.take(CREATE, now)
            sent.append(now)
    assert all(sum(last - NS_PER_SECOND < one <= last for one in sent) <= LIMITS[CREATE] for last in sent)
    assert len(sent) >= 45, "and wastes little"


@given(st.integers(1, 10), st.integers(0, 2 * NS_PER_SECOND))
def test_after_the_wait_it_may_be_sent(count: int, gap: int) -> None:
    quotas = Quotas()
    spend(quotas, CREATE, count, urgent=True)
    wait = quotas.wait(CREATE, T0 + gap)
    assert quotas.wait(CREATE, T0 + gap + wait) == 0


def test_the_address_has_a_budget_over_all_endpoints() -> None:
    quotas = Quotas(ip_limit=20)
    assert spend(quotas, ORDERS, 100) == 10
    assert quotas.wait(CANCEL, T0) == IP_WINDOW
    assert spend(quotas, CANCEL, 100, urgent=True) == 10


def test_the_venues_limit_is_believed_where_it_makes_sense() -> None:
    quotas = Quotas()
    quotas.learn(CREATE, Told(status=200, code=0, limit=20, left=20), T0)
    assert spend(quotas, CREATE, 100, urgent=True) == 20


@pytest.mark.parametrize(("limit", "left"), [(None, None), (0, 0), (-5, 3), (10**9, 1), (10, 99), (10, -1), (None, 3)])
def test_a_header_that_is_missing_or_absurd_changes_nothing(limit: int | None, left: int | None) -> None:
    quotas = Quotas()
    quotas.learn(CREATE, Told(status=200, code=0, limit=limit, left=left), T0)
    assert spend(quotas, CREATE, 100, urgent=True) == 10


def test_what_somebody_else_sends_with_the_key_is_counted_too() -> None:
    quotas = Quotas()
    quotas.take(CREATE, T0)
    quotas.learn(CREATE, Told(status=200, code=0, limit=10, left=3), T0)
    assert spend(quotas, CREATE, 100, urgent=True) == 3


def test_one_request_too_many_waits_until_the_venue_says() -> None:
    quotas = Quotas()
    quotas.learn(CREATE, Told(status=200, code=10006, reset_in=400 * NS_PER_MS), T0)
    assert quotas.wait(CREATE, T0, urgent=True) == 400 * NS_PER_MS
    assert quotas.wait(CANCEL, T0, urgent=True) == 0
    assert quotas.wait(CREATE, T0 + 400 * NS_PER_MS) == 0


@pytest.mark.parametrize("reset_in", [None, -1, 0, 10**18])
def test_without_a_believable_time_it_waits_a_second(reset_in: int | None) -> None:
    quotas = Quotas()
    quotas.learn(CREATE, Told(status=200, code=10006, reset_in=reset_in), T0)
    assert quotas.wait(CREATE, T0) == RESET_WAIT


@pytest.mark.parametrize("told", [Told(status=403), Told(status=200, code=10018)])
def test_a_refused_address_sends_nothing_for_ten_minutes_not_even_cancels(told: Told) -> None:
    quotas = Quotas()
    quotas.learn(ORDERS, told, T0)
    assert quotas.wait(CANCEL, T0, urgent=True) == IP_BAN
    assert quotas.wait(CANCEL, T0 + IP_BAN, urgent=True) == 0
    assert "ten minutes" in quotas.reason


@pytest.mark.parametrize(
    "told", [Told(status=401), *(Told(status=200, code=code) for code in (10003, 10004, 10005, 10007, 10010, 33004))]
)
def test_refused_credentials_are_tried_three_times_a_minute(told: Told) -> None:
    quotas = Quotas()
    quotas.learn(ORDERS, told, T0)
    sent = 0
    for millisecond in range(60_000):
        now = T0 + millisecond * NS_PER_MS
        if quotas.wait(ORDERS, now, urgent=True) <= 0:
            quotas.take(ORDERS, now)
            sent += 1
            quotas.learn(ORDERS, told, now)
    assert 1 <= sent <= 3


def test_one_accepted_request_ends_the_suspicion_against_the_key() -> None:
    quotas = Quotas()
    quotas.learn(ORDERS, Told(status=200, code=10003), T0)
    quotas.take(ORDERS, T0 + AUTH_WAIT)
    assert quotas.wait(ORDERS, T0 + AUTH_WAIT) > 0
    quotas.learn(ORDERS, Told(status=200, code=0), T0 + AUTH_WAIT + 1)
    assert spend(quotas, ORDERS, 3, T0 + AUTH_WAIT + 1) == 3
