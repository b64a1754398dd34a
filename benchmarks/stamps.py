"""What the rows on the path of an order put around the product: stamps, a slower disk, and a broker without limits."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import aiohttp
from msgspec import Struct

from adapters.bybit.hosts import Environment
from adapters.bybit.order_port import BybitPort
from adapters.bybit.private_feed import PrivateFeed
from adapters.bybit.quotas import Quotas, Told
from adapters.bybit.signing import Credentials
from adapters.bybit.venue_clock import VenueClock
from daemon.app.venue import RunTime
from daemon.clock import SystemClock
from daemon.core.account_events import Op
from daemon.core.events import Fact
from daemon.core.records import DecisionLine, Record
from daemon.core.remote.requests import Request
from daemon.core.units import NS_PER_MS, NS_PER_SECOND
from daemon.core.venue_records import SendLine
from daemon.journal import Journal
from daemon.journal.files import Files
from daemon.loop import LiveLoop
from daemon.ports import OrderPort

ACCOUNT = "bench"
CREDENTIALS = Credentials("sandbox-key-1", "sandbox-secret-1")
SETTLE_NS = NS_PER_SECOND // 2
_NAMED = re.compile(rb'"orderLinkId":"([^"]+)"')


class Times(Struct, frozen=True):
    """What was seen, milliseconds.

    decided: from the reception of a frame to its decision, of every decision.  durable: from the decision to the port,
    while its records go to the disk.  carried: from the port to the socket.  wired: both together.
    """

    decided: list[float]
    durable: list[float]
    carried: list[float]
    wired: list[float]


class _Sent(Struct):
    """Moments in the life of a request, nanoseconds UTC; 0 while it is not so far."""

    decided: int
    released: int = 0
    written: int = 0


class Stamps:
    """Notes when what happens; the product runs as it is.

    Args:
        slow_fsync_s: by how much each fsync takes longer, seconds.
    """

    def __init__(self, *, slow_fsync_s: float) -> None:
        self._slow = slow_fsync_s
        self._decisions: list[tuple[int, int]] = []
        self._sent: dict[str, _Sent] = {}

    @contextmanager
    def around_the_product(self) -> Iterator[None]:
        """Stamp what the journal is given, and slow its fsync down."""
        append, fsync = Journal.append_decision, Files.fsync
        slow = self._slow

        def appended(journal: Journal, record: Record) -> None:
            append(journal, record)
            self._appended(record)

        def synced(files: Files, descriptor: int) -> None:
            time.sleep(slow)
            fsync(files, descriptor)

        with ExitStack() as stack:
            stack.enter_context(patch.object(Journal, "append_decision", appended))
            if slow:
                stack.enter_context(patch.object(Files, "fsync", synced))
            yield

    def released(self, request: Request) -> None:
        """A request was given to the port."""
        if request.op is Op.CREATE:
            self._sent[request.link_id].released = time.time_ns()

    async def written(
        self, _session: object, _context: SimpleNamespace, params: aiohttp.TraceRequestChunkSentParams
    ) -> None:
        """A body is written to the socket in this very step."""
        if params.url.path == "/v5/order/create" and (named := _NAMED.search(params.chunk)):
            self._sent[named[1].decode()].written = time.time_ns()

    def times(self, seconds: float) -> Times:
        """Everything of `seconds` from half a second after the first order on."""
        assert self._sent, "no order was sent"
        begin = next(iter(self._sent.values())).decided + SETTLE_NS
        end = begin + int(seconds * NS_PER_SECOND)
        decided = [(now - ts) / NS_PER_MS for ts, now in self._decisions if begin <= now < end]
        sent = [one for one in self._sent.values() if begin <= one.decided < end and one.written]
        assert len(sent) > seconds, f"only {len(sent)} orders were sent"
        return Times(
            decided,
            [(one.released - one.decided) / NS_PER_MS for one in sent],
            [(one.written - one.released) / NS_PER_MS for one in sent],
            [(one.written - one.decided) / NS_PER_MS for one in sent],
        )

    def _appended(self, record: Record) -> None:
        if type(record) is DecisionLine:
            self._decisions.append((record.ts, time.time_ns()))
        elif type(record) is SendLine and record.op == Op.CREATE:
            self._sent[record.link_id] = _Sent(self._decisions[-1][1])


class _Unlimited(Quotas):
    """The venue of a benchmark counts nothing."""

    def wait(self, path: str, now: int, *, urgent: bool = False) -> int:
        """Always now."""
        del path, now, urgent
        return 0

    def learn(self, path: str, told: Told, now: int) -> None:
        """Nothing."""


class _StampedPort:
    """Implements `daemon.ports.OrderPort`."""

    def __init__(self, port: BybitPort, stamps: Stamps) -> None:
        self._port = port
        self._stamps = stamps
        trace = aiohttp.TraceConfig()
        trace.on_request_chunk_sent.append(stamps.written)
        trace.freeze()
        port._http._session.trace_configs.append(trace)

    def send(self, request: Request) -> None:
        """Stamp and pass on."""
        self._stamps.released(request)
        self._port.send(request)

    async def close(self) -> None:
        """Close what it stands for."""
        await self._port.close()


class Bench:
    """Implements `daemon.app.live.Broker` for an account of a sandbox whose key everybody knows."""

    def __init__(self, stamps: Stamps) -> None:
        self.secrets: Sequence[str] = ()
        self.heard: Mapping[str, int] = {}
        self._stamps = stamps
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._host: Environment | None = None

    async def arm(self, host: Environment) -> Sequence[Fact]:
        """There is nothing to ask."""
        self._host = host
        return ()

    def connect(self, live: LiveLoop, time: RunTime) -> Mapping[str, OrderPort]:
        """Clock, private stream and port, as `daemon.app.trade` builds them."""
        assert self._host is not None, "arm() comes first"
        clock = VenueClock(self._host, account=ACCOUNT, deliver=live.deliver)
        feed = PrivateFeed(
            self._host.private,
            CREDENTIALS,
            account=ACCOUNT,
            clock=SystemClock(),
            venue_now_ns=clock.now,
            jitter=Random(1),
            deliver=live.deliver,
        )
        port = BybitPort(
            self._host,
            CREDENTIALS,
            account=ACCOUNT,
            now_ns=time.now,
            venue_now_ns=clock.now,
            deliver=live.deliver,
            recv_window_ms=3000,
            quotas=_Unlimited(),
        )
        clock.start()
        feed.start()
        self._closing += [clock.close, port.close, feed.close]
        return {ACCOUNT: _StampedPort(port, self._stamps)}

    async def close(self) -> None:
        """Disconnect."""
        for close in reversed(self._closing):
            await close()
