"""Requests over real loopback sockets: each ends in one answer, and says whether a byte left."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import structlog
from aiohttp import web

from adapters.bybit import http_call
from adapters.bybit.order_port import CLOSED, EXPIRED
from adapters.bybit.quotas import Quotas
from daemon.core.account_events import Answered, Op
from daemon.core.remote.requests import Request
from daemon.core.units import NS_PER_MS, NS_PER_SECOND
from daemon.ports import OrderPort
from tests.adapters.bybit.rest_venue import (
    CANCEL,
    CREATE,
    CREDENTIALS,
    ORDERS,
    Answers,
    ok,
    port_to,
    request_of,
    rest_venue,
)


def fixed(response: Callable[[], web.StreamResponse]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return response()

    return handle


async def answer_of(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], request: Request, **changed: Any
) -> Answered:
    answers = Answers()
    async with rest_venue(handler) as rest, port_to(rest, answers, **changed) as port:
        port.send(request)
        (answered,) = await answers.until(1)
    assert len(answers.items) == 1
    return answered


async def test_an_answer_is_delivered_as_received_with_its_stamp_and_window() -> None:
    before = time.time_ns() // NS_PER_MS * NS_PER_MS
    seen = await answer_of(fixed(lambda: ok({"orderId": "v-1"})), request_of(CREATE))
    assert (seen.account, seen.request, seen.op, seen.status, seen.error) == ("main", "r-1", Op.CREATE, 200, "")
    assert '"orderId":"v-1"' in seen.body
    assert before <= seen.signed <= time.time_ns()
    assert (seen.window_ms, seen.sent) == (3000, True)
    asked = await answer_of(fixed(ok), request_of(ORDERS, Op.OPEN_ORDERS))
    assert asked.window_ms == 5000


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    followed: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        followed.append(request.raw_path)
        return ok()

    async with rest_venue(elsewhere) as other:
        seen = await answer_of(
            fixed(lambda: web.Response(status=status, headers={"Location": f"{other}/v5/order/create"})),
            request_of(CREATE),
        )
    assert (seen.status, followed) == (status, [])


@pytest.mark.parametrize("body", [b"", b"<html>portal</html>", b"\xff\xfe\x00", b'{"retCode":'])
async def test_a_body_is_kept_whatever_it_is(body: bytes) -> None:
    seen = await answer_of(fixed(lambda: web.Response(body=body, status=502)), request_of(CREATE))
    assert (seen.status, seen.body, seen.error) == (502, body.decode("utf-8", "replace"), "")


async def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        rest = f"http://127.0.0.1:{taken.getsockname()[1]}"
        answers = Answers()
        async with port_to(rest, answers) as port:
            port.send(request_of(CREATE))
            (seen,) = await answers.until(1)
    assert (seen.sent, seen.status) == (False, 0)
    assert "Cannot connect" in seen.error


async def test_a_connection_that_is_cut_leaves_the_outcome_open() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return ok()

    seen = await answer_of(cut, request_of(CREATE))
    assert (seen.sent, seen.status) == (True, 0)
    assert seen.error


async def test_a_connection_that_is_reset_is_not_tried_again() -> None:
    visits = 0

    async def cut(request: web.Request) -> web.StreamResponse:
        nonlocal visits
        visits += 1
        if visits == 1:
            return ok()
        assert request.transport is not None
        request.transport.abort()
        return ok()

    answers = Answers()
    async with rest_venue(cut) as rest, port_to(rest, answers) as port:
        port.send(request_of(CREATE))
        await answers.until(1)
        port.send(request_of(CREATE, name="r-2"))
        _, second = await answers.until(2)
    assert (visits, second.sent, second.status) == (2, True, 0)


async def test_a_late_answer_is_logged_and_changes_nothing() -> None:
    go_on = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await go_on.wait()
        return ok()

    answers = Answers()
    with structlog.testing.capture_logs() as logs:
        async with rest_venue(slow) as rest, port_to(rest, answers, timeout_ms=50) as port:
            port.send(request_of(CREATE))
            (seen,) = await answers.until(1)
            assert (seen.sent, seen.status, seen.error) == (True, 0, "no answer within 0.05 s")
            assert (seen.signed > 0, seen.window_ms) == (True, 3000)
            go_on.set()
            async with asyncio.timeout(5):
                while port._late:
                    await asyncio.wait(set(port._late))
            await asyncio.sleep(0)
    assert [(entry["event"], entry["request"], entry["status"]) for entry in logs] == [("late_answer", "r-1", 200)]
    assert len(answers.items) == 1


async def test_an_answer_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_call, "BODY_BYTES_MAX", 1 << 20)
    seen = await answer_of(fixed(lambda: web.Response(body=b"x" * ((1 << 20) + 1))), request_of(CREATE))
    assert (seen.body, seen.error, seen.sent) == ("", "an answer of more than 1 MiB", True)
    whole = await answer_of(fixed(lambda: web.Response(body=b"x" * (1 << 20))), request_of(CREATE))
    assert len(whole.body) == 1 << 20


async def test_a_request_whose_deadline_passed_is_not_sent() -> None:
    visits = 0

    async def count(request: web.Request) -> web.StreamResponse:
        nonlocal visits
        visits += 1
        return ok()

    seen = await answer_of(count, request_of(CREATE, deadline=time.time_ns() - 1))
    assert (seen.sent, seen.error, seen.signed, visits) == (False, EXPIRED, 0, 0)


async def test_requests_wait_for_their_quota_until_they_expire() -> None:
    answers = Answers()
    async with rest_venue(fixed(ok)) as rest, port_to(rest, answers, quotas=Quotas({CREATE.path: 4})) as port:
        deadline = time.time_ns() + 700 * NS_PER_MS
        for number in range(4):
            port.send(request_of(CREATE, name=f"r-{number}", deadline=deadline))
        await answers.until(4)
    by_name = {seen.request: seen for seen in answers.items}
    assert [by_name[f"r-{number}"].sent for number in range(4)] == [True, True, False, False]
    assert by_name["r-3"].error == EXPIRED


async def test_urgent_requests_go_first_and_have_room_of_their_own() -> None:
    answers = Answers()
    async with rest_venue(fixed(ok)) as rest, port_to(rest, answers, quotas=Quotas({CANCEL.path: 4})) as port:
        deadline = time.time_ns() + 700 * NS_PER_MS
        port.send(request_of(CANCEL, Op.CANCEL, name="slow-0", deadline=deadline))
        await answers.until(1)
        for number in range(1, 4):
            port.send(request_of(CANCEL, Op.CANCEL, name=f"slow-{number}", deadline=deadline))
        for number in range(2):
            port.send(request_of(CANCEL, Op.CANCEL, name=f"urgent-{number}", urgent=True, deadline=deadline))
        await answers.until(6)
    assert sorted(seen.request for seen in answers.items if seen.sent) == ["slow-0", "urgent-0", "urgent-1"]


async def test_a_refused_rate_makes_the_next_request_wait() -> None:
    visits: list[int] = []

    async def refuse_once(request: web.Request) -> web.StreamResponse:
        visits.append(time.monotonic_ns())
        reset = str(time.time_ns() // NS_PER_MS + 150)
        return ok(code=10006, X_Bapi_Limit_Reset_Timestamp=reset) if len(visits) == 1 else ok()

    answers = Answers()
    async with rest_venue(refuse_once) as rest, port_to(rest, answers) as port:
        port.send(request_of(CREATE))
        await answers.until(1)
        port.send(request_of(CREATE, name="r-2"))
        await answers.until(2)
    assert visits[1] - visits[0] >= 100 * NS_PER_MS


async def test_a_refused_address_is_silent_until_told_otherwise() -> None:
    answers = Answers()
    handler = fixed(lambda: web.Response(status=403, text="access too frequent"))
    async with rest_venue(handler) as rest, port_to(rest, answers) as port:
        port.send(request_of(ORDERS, Op.OPEN_ORDERS))
        await answers.until(1)
        deadline = time.time_ns() + 50 * NS_PER_MS
        port.send(request_of(CANCEL, Op.CANCEL, name="r-2", urgent=True, deadline=deadline))
        _, second = await answers.until(2)
    assert (second.sent, second.error) == (False, EXPIRED)


async def test_deadlines_of_an_accelerated_clock_pass_faster() -> None:
    answers = Answers()
    async with (
        rest_venue(fixed(ok)) as rest,
        port_to(rest, answers, quotas=Quotas({CREATE.path: 2}), speed=1000.0, now_ns=lambda: NS_PER_SECOND) as port,
    ):
        port.send(request_of(CREATE))
        port.send(request_of(CREATE, name="r-2", deadline=101 * NS_PER_SECOND))
        await answers.until(2)
    assert {seen.request: seen.sent for seen in answers.items} == {"r-1": True, "r-2": False}


async def test_closing_ends_everything_once() -> None:
    arrived = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.Event().wait()
        return ok()

    answers = Answers()
    async with rest_venue(silent) as rest, port_to(rest, answers, quotas=Quotas({CREATE.path: 2})) as port:
        carrier: OrderPort = port
        carrier.send(request_of(CREATE, name="open"))
        carrier.send(request_of(CREATE, name="waiting"))
        await arrived.wait()
        await port.close()
        carrier.send(request_of(CREATE, name="after"))
    assert {seen.request: (seen.sent, seen.error) for seen in answers.items} == {
        "open": (True, CLOSED),
        "waiting": (False, CLOSED),
        "after": (False, CLOSED),
    }
    assert len(answers.items) == 3


async def test_a_fault_of_ours_leaves_no_request_waiting() -> None:
    class Broken(Quotas):
        def wait(self, path: str, now: int, *, urgent: bool = False) -> int:
            raise RuntimeError("a bug")

    answers = Answers()
    with structlog.testing.capture_logs() as logs:
        async with rest_venue(fixed(ok)) as rest, port_to(rest, answers, quotas=Broken()) as port:
            port.send(request_of(CREATE))
            (seen,) = await answers.until(1)
            port.send(request_of(CREATE, name="r-2"))
            (_, next_one) = await answers.until(2)
    assert (seen.sent, seen.error, next_one.sent) == (False, CLOSED, False)
    assert [entry["event"] for entry in logs] == ["port_failed"]


async def test_a_fault_of_ours_does_not_deny_what_was_sent_before_it() -> None:
    class BreaksLater(Quotas):
        def wait(self, path: str, now: int, *, urgent: bool = False) -> int:
            if path == CANCEL.path:
                raise RuntimeError("a bug")
            return super().wait(path, now, urgent=urgent)

    answers = Answers()
    async with rest_venue(fixed(ok)) as rest, port_to(rest, answers, quotas=BreaksLater()) as port:
        port.send(request_of(CREATE, name="sent"))
        port.send(request_of(CANCEL, Op.CANCEL, name="waiting"))
        await answers.until(2)
    assert {seen.request: seen.sent for seen in answers.items} == {"sent": True, "waiting": False}
    assert len(answers.items) == 2


async def test_no_answer_holds_anything_of_the_credentials() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(text="no", status=500)

    with structlog.testing.capture_logs() as logs:
        seen = await answer_of(echo, request_of(CREATE))
    written = repr(seen) + repr(logs)
    assert CREDENTIALS.key not in written
    assert CREDENTIALS.secret.reveal() not in written


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert (await answer_of(fixed(ok), request_of(CREATE))).status == 200
