"""What the exchange refuses, and what pybit makes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any
from unittest import mock

from pybit import _helpers
from pybit.exceptions import FailedRequestError, InvalidRequestError

from tests.clients.board import Checks, refused
from tests.clients.by_pybit.connect import LINEAR, OF_BTC, code_of, connect, last_of, limit, market, trading
from tests.clients.stand import Stand


def rate_limits(stand: Stand) -> None:
    """pybit waits for the time that the headers tell and goes on by itself."""
    session = connect(stand.demo, "pybit-main", return_response_headers=True)
    began = time.monotonic()
    left = [session.get_account_info()[2]["X-Bapi-Limit-Status"] for _ in range(3)]
    assert left == ["49", "48", "47"]
    quick = connect(stand.demo, "pybit-main", max_retries=1)
    codes = [code_of(lambda: quick.cancel_order(**OF_BTC, orderId="none")) for _ in range(10)]
    assert codes == [110001] * 10
    refused(lambda: quick.cancel_order(**OF_BTC, orderId="none"), Exception)
    patient = connect(stand.demo, "pybit-main")
    assert code_of(lambda: patient.cancel_order(**OF_BTC, orderId="none")) == 110001
    assert time.monotonic() - began > 0.9


@contextmanager
def slow_clock(off_ms: int) -> Iterator[None]:
    """The clock by which pybit signs in this thread is slow."""
    here, right = get_ident(), _helpers.generate_timestamp

    def told() -> int:
        now: int = right()
        return now - (off_ms if get_ident() == here else 0)

    with mock.patch.object(_helpers, "generate_timestamp", told):
        yield


def recv_window(stand: Stand) -> None:
    """pybit widens its window when it is refused with 10002, and gives up after some times."""
    with slow_clock(6_000):
        assert connect(stand.demo, "pybit-main", retry_delay=0).get_account_info()["retCode"] == 0
    with slow_clock(60_000):
        session = connect(stand.demo, "pybit-main", retry_delay=0)
        refused(session.get_account_info, FailedRequestError)


def keys(stand: Stand) -> None:
    wrong: list[tuple[dict[str, Any], int]] = [({"api_key": "nobody"}, 10003), ({"api_secret": "wrong"}, 10004)]
    for change, code in wrong:
        session = connect(stand.demo, "pybit-main", **change)
        assert code_of(session.get_account_info) == code
    reads = connect(stand.demo, "pybit-main", reads=True)
    reads.get_account_info()
    assert code_of(lambda: market(reads, "Buy", "0.01")) == 10005
    other = connect(stand.live, "pybit-main")
    other.get_account_info()


def refusals(stand: Stand) -> None:
    with trading(stand.demo) as session:
        last = last_of(session)
        assert code_of(lambda: market(session, "Buy", "100")) == 110007
        assert code_of(lambda: limit(session, "Buy", "2000", last * 0.9)) == 10001
        assert code_of(lambda: limit(session, "Buy", "0.01", last, orderLinkId="x" * 37)) == 10001
        assert code_of(lambda: session.get_open_orders(**LINEAR)) == 10001
        unknown = lambda: session.get_borrow_quota(category="spot", symbol="BTCUSDT", side="Buy")  # noqa: E731
        assert "404" in str(refused(unknown, FailedRequestError))
        error = refused(lambda: market(session, "Buy", "100"), InvalidRequestError)
        assert "110007" in str(error)


def another_day(stand: Stand) -> None:
    """The day that is played is not today: pybit signs by its own clock."""
    session = connect(stand.demo, "pybit-main")
    assert abs(session.get_server_time()["time"] / 1000 - time.time()) > 86_400
    assert session.get_account_info()["retCode"] == 0


CHECKS: Checks = {
    "rate limits": rate_limits,
    "recv_window": recv_window,
    "keys and permissions": keys,
    "refusals by class": refusals,
    "clock of another day": another_day,
}
