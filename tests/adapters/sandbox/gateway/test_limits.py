from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.gateway.limits import PER_SECOND, AddressGuard, LimitSettings, RateLimiter

CREATE = "/v5/order/create"
BATCH = "/v5/order/create-batch"


def test_ten_orders_pass_in_a_second_and_the_eleventh_when_the_first_is_a_second_old() -> None:
    limiter = RateLimiter(LimitSettings())
    left = [limiter.take("1", CREATE, 1, at).left for at in range(10)]
    assert left == list(range(9, -1, -1))
    refused = limiter.take("1", CREATE, 1, 500)
    assert (refused.granted, refused.limit, refused.left, refused.reset_in_ms) == (0, 10, 0, 500)
    assert limiter.take("1", CREATE, 1, 999).granted == 0
    assert limiter.take("1", CREATE, 1, 1000).granted == 1


def test_accounts_and_routes_have_allowances_of_their_own() -> None:
    limiter = RateLimiter(LimitSettings())
    for _ in range(10):
        limiter.take("1", CREATE, 1, 0)
    assert limiter.take("2", CREATE, 1, 0).granted == 1
    assert limiter.take("1", "/v5/order/cancel", 1, 0).granted == 1
    assert limiter.take("1", BATCH, 1, 0).granted == 1


def test_a_batch_counts_its_orders_and_what_does_not_fit_is_not_granted() -> None:
    limiter = RateLimiter(LimitSettings())
    assert limiter.take("1", BATCH, 7, 0).granted == 7
    second = limiter.take("1", BATCH, 7, 0)
    assert (second.granted, second.left) == (3, 0)
    assert limiter.take("1", BATCH, 7, 0).granted == 0


def test_queries_may_be_asked_more_often_and_unlisted_routes_as_often_as_orders() -> None:
    limiter = RateLimiter(LimitSettings())
    assert limiter.take("1", "/v5/order/realtime", 1, 0).limit == 50
    assert limiter.take("1", "/v5/account/fee-rate", 1, 0).limit == 5
    assert limiter.take("1", "/v5/position/set-leverage", 1, 0).limit == 10
    assert PER_SECOND["/v5/account/transaction-log"] == 25


def test_an_address_that_asks_too_much_is_shut_out_for_ten_minutes() -> None:
    guard = AddressGuard(LimitSettings(ip_requests=3))
    assert [guard.admits_request("a", at) for at in (0, 1, 2, 3)] == [True, True, True, False]
    assert guard.admits_request("b", 3)
    assert not guard.admits_request("a", 600_002)
    assert not guard.admits_stream("a", 600_002)
    assert guard.admits_request("a", 600_003)


def test_requests_older_than_the_window_do_not_count() -> None:
    guard = AddressGuard(LimitSettings(ip_requests=3))
    assert all(guard.admits_request("a", at) for at in (0, 1, 2, 5000, 5001, 5002))


def test_new_streams_are_counted_over_five_minutes() -> None:
    guard = AddressGuard(LimitSettings(streams=2))
    assert [guard.admits_stream("a", at) for at in (0, 1, 2, 300_000)] == [True, True, False, True]


def test_limits_that_are_off_let_everything_pass() -> None:
    off = LimitSettings(enabled=False, ip_requests=1, streams=1)
    limiter, guard = RateLimiter(off), AddressGuard(off)
    assert all(limiter.take("1", CREATE, 1, 0).granted for _ in range(100))
    assert all(guard.admits_request("a", 0) and guard.admits_stream("a", 0) for _ in range(5))


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 20)), max_size=60))
def test_no_second_ever_holds_more_than_the_limit(steps: list[tuple[int, int]]) -> None:
    limiter, at, granted = RateLimiter(LimitSettings()), 0, []
    for pause, count in steps:
        at += pause
        allowance = limiter.take("1", BATCH, count, at)
        granted.append((at, allowance.granted))
        assert sum(some for when, some in granted if when > at - 1000) + allowance.left == 10
