"""The way to an account at Bybit: requests wait for their quota, are carried once, and end in one `Answered` each.

It decides nothing about orders. What an answer means is said by the decoder, from the body that is delivered here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from msgspec import Struct

from adapters.bybit.carrier import Carrier, Ticket
from adapters.bybit.hosts import Environment
from adapters.bybit.http_call import HttpAnswer, HttpClient
from adapters.bybit.outcomes import read_envelope
from adapters.bybit.quotas import Quotas, Told
from adapters.bybit.signing import Credentials
from daemon.clock import SystemClock
from daemon.core.account_events import ACTS, Answered
from daemon.core.remote.requests import Request
from daemon.core.units import NEVER, NS_PER_MS, NS_PER_SECOND
from daemon.log import get_logger
from daemon.ports import Received

EXPIRED = "expired before sending"
CLOSED = "the port was closed"
LATE_SECONDS = 60.0
CONNECT_SHARE = 0.8
log = get_logger("bybit.port")


class _Waiting(Struct, frozen=True, eq=False):
    """A request that waits. due: when it expires, nanoseconds of the monotonic clock."""

    request: Request
    due: int


class BybitPort:
    """Implements `daemon.ports.OrderPort` for one account. Use within a running event loop.

    Args:
        environment: where to.
        credentials: with whose key.
        account: its name in the configuration; answers are delivered as from `rest.<account>`.
        now_ns: the clock that inputs are stamped by and deadlines are in, nanoseconds UTC.
        venue_now_ns: the venue's time, nanoseconds UTC.
        deliver: takes every answer, in the event loop's thread; must not wait.
        recv_window_ms: how long the venue may take an acting request after its stamp; real milliseconds.
        query_window_ms: the same of a question.
        timeout_ms: after which an answer counts as lost; real milliseconds.
        speed: how much faster than the world both clocks run (an accelerated sandbox).
        quotas: what may be sent, when.
        monotonic_ns: real time to wait by.
        proxy: whether a proxy that the environment names may be used.
    """

    def __init__(
        self,
        environment: Environment,
        credentials: Credentials,
        *,
        account: str,
        now_ns: Callable[[], int],
        venue_now_ns: Callable[[], int],
        deliver: Callable[[Received], None],
        recv_window_ms: int,
        query_window_ms: int = 5000,
        timeout_ms: int = 5000,
        speed: float = 1.0,
        quotas: Quotas | None = None,
        monotonic_ns: Callable[[], int] | None = None,
        proxy: bool = False,
    ) -> None:
        self._account = account
        self._now = now_ns
        self._venue_now = venue_now_ns
        self._deliver = deliver
        self._windows = recv_window_ms, query_window_ms
        self._timeout = timeout_ms / 1000
        self._speed = speed
        self._quotas = quotas or Quotas()
        self._monotonic = monotonic_ns or SystemClock().monotonic
        # Longer than our own limit, so that an answer that is merely late can still be logged.
        total = self._timeout + LATE_SECONDS
        self._http = HttpClient(connect_seconds=CONNECT_SHARE * self._timeout, seconds=total, proxy=proxy)
        self._carrier = Carrier(environment, credentials, venue_now_ns=venue_now_ns, http=self._http)
        self._waiting: list[_Waiting] = []
        self._open: dict[asyncio.Task[None], Request] = {}
        self._late: set[asyncio.Task[HttpAnswer]] = set()
        self._news = asyncio.Event()
        self._closed = False
        self._pump = asyncio.create_task(self._dispatch(), name=f"rest.{account}")
        self._pump.add_done_callback(self._stopped)

    def send(self, request: Request) -> None:
        """Begin to carry out a request; how it ends is delivered as an `Answered`."""
        if self._closed:
            self._end(request, HttpAnswer(error=CLOSED, sent=False))
            return
        left = request.deadline - self._now()
        due = NEVER if request.deadline == NEVER else self._monotonic() + int(left / self._speed)
        self._waiting.append(_Waiting(request, due))
        self._news.set()

    async def close(self) -> None:
        """Stop: what waits is not sent; of what is on its way nobody hears any more."""
        self._refuse_all()
        for task, request in self._open.items():
            if not task.done():
                self._end(request, HttpAnswer(error=CLOSED))
        tasks = (self._pump, *self._open, *self._late)
        for given_up in tasks:
            given_up.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._http.close()

    def _refuse_all(self) -> None:
        """From here on nothing is sent."""
        self._closed = True
        for one in self._waiting:
            self._end(one.request, HttpAnswer(error=CLOSED, sent=False))
        self._waiting.clear()

    def _stopped(self, pump: asyncio.Task[None]) -> None:
        """A fault of ours must not leave requests waiting for ever."""
        if not pump.cancelled() and (fault := pump.exception()) is not None:
            log.error("port_failed", account=self._account, fault=repr(fault))
            self._refuse_all()

    async def _dispatch(self) -> None:
        """Start what may be sent; then sleep until something else may be, or expires, or comes."""
        while True:
            self._news.clear()
            wait = self._start_what_may()
            seconds = None if wait is None else wait / NS_PER_SECOND
            try:
                await asyncio.wait_for(self._news.wait(), seconds)
            except TimeoutError:
                continue

    def _start_what_may(self) -> int | None:
        """Start requests in order of urgency, then of arrival; returns nanoseconds until the next is due, if any."""
        now = self._monotonic()
        wait: int | None = None
        for one in sorted(self._waiting, key=lambda each: not each.request.urgent):
            request = one.request
            if now >= one.due or self._now() >= request.deadline:
                self._waiting.remove(one)
                self._end(request, HttpAnswer(error=EXPIRED, sent=False))
                continue
            left = self._quotas.wait(request.call.path, now, urgent=request.urgent)
            if left <= 0:
                self._waiting.remove(one)
                self._quotas.take(request.call.path, now)
                self._start(request)
                continue
            until = min(left, one.due - now)
            wait = until if wait is None else min(wait, until)
        return wait

    def _start(self, request: Request) -> None:
        task = asyncio.create_task(self._carry(request), name=request.id)
        self._open[task] = request
        task.add_done_callback(lambda done: self._open.pop(done, None))

    async def _carry(self, request: Request) -> None:
        ticket = Ticket(request.call, self._windows[0 if request.op in ACTS else 1])
        attempt = asyncio.create_task(self._carrier.carry(ticket))
        try:
            done, _ = await asyncio.wait({attempt}, timeout=self._timeout)
        except asyncio.CancelledError:
            attempt.cancel()
            raise
        if done:
            answer = attempt.result()
        else:
            answer = HttpAnswer(error=f"no answer within {self._timeout:g} s")
            self._listen_on(attempt, request)
        self._end(request, answer, ticket)
        self._learn(request, answer)

    def _end(self, request: Request, answer: HttpAnswer, ticket: Ticket | None = None) -> None:
        answered = Answered(
            account=self._account,
            request=request.id,
            op=request.op,
            signed=0 if ticket is None else ticket.signed,
            window_ms=0 if ticket is None else ticket.window_ms,
            status=answer.status,
            body=answer.body,
            error=answer.error,
            sent=answer.sent,
        )
        self._deliver(Received(self._now(), f"rest.{self._account}", fact=answered))

    def _listen_on(self, attempt: asyncio.Task[HttpAnswer], request: Request) -> None:
        """An answer that comes after it counted as lost changes nothing any more, but somebody may want to know."""
        self._late.add(attempt)

        def told(done: asyncio.Task[HttpAnswer]) -> None:
            self._late.discard(done)
            if done.cancelled() or not (answer := done.result()).status:
                return
            log.warning("late_answer", account=self._account, request=request.id, op=request.op, status=answer.status)
            self._learn(request, answer)

        attempt.add_done_callback(told)

    def _learn(self, request: Request, answer: HttpAnswer) -> None:
        """Let the quotas see what the venue says of them."""
        if not answer.status:
            return
        answered = Answered(account="", request="", op=request.op, status=answer.status, body=answer.body)
        envelope = read_envelope(answered)
        code = envelope.ret_code if envelope is not None and isinstance(envelope.ret_code, int) else None
        told = _told(answer.status, code, answer.headers, self._venue_now(), self._speed)
        before = self._quotas.reason
        self._quotas.learn(request.call.path, told, self._monotonic())
        if self._quotas.reason != before:
            log.warning("quota", account=self._account, reason=self._quotas.reason)
        self._news.set()


def _told(status: int, code: int | None, headers: Mapping[str, str], venue_now: int, speed: float) -> Told:
    """The venue's headers about limits."""
    named = {name.lower(): value for name, value in headers.items()}
    limit = _whole(named.get("x-bapi-limit"))
    left = _whole(named.get("x-bapi-limit-status"))
    reset = _whole(named.get("x-bapi-limit-reset-timestamp"))
    reset_in = None if reset is None else int((reset * NS_PER_MS - venue_now) / speed)
    return Told(status=status, code=code, limit=limit, left=left, reset_in=reset_in)


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 15 else None
