"""Incidents of connections: the same venue, met by a naive client and by our session, without sockets.

The venue is the sandbox's gateway with its private stream, or a public one of which only silence is needed; time is
virtual. What is judged is what the venue saw: which topics were really subscribed, how often somebody connected, and
whether a client that says it is up really hears anything.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from random import Random
from typing import Any, Protocol

from msgspec import Struct

from adapters.bybit.private_session import PrivateSession
from adapters.bybit.settings import FeedSettings
from adapters.sandbox.gateway.gateway import Gateway
from adapters.sandbox.gateway.limits import LimitSettings
from adapters.sandbox.gateway.plan import Plan, StreamFault, When
from adapters.sandbox.gateway.private_session import PATH
from adapters.sandbox.gateway.private_session import PrivateSession as VenueSession
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.synthetic_market import demo_market
from daemon.core.units import NS_PER_MS
from tests.daemon.core.build import BTC
from tests.simulation.closed_loop import KEY, SECRET, TOPICS, venue_account

SWITCHING, STEP_MS, MINUTES = 101, 100, 5
ATTEMPTS_MAX = 500


class StreamHarm(StrEnum):
    """DEAF: it says that it is up, and hears nothing, or not all.  STORM: it connected too often.  DOWN: never up."""

    DEAF = "deaf"
    STORM = "storm"
    DOWN = "down"


class Client(Protocol):
    """What a client's conversation offers to whoever owns its socket; as `adapters.bybit.connection.Conversation`."""

    replace_reason: str

    @property
    def ready(self) -> bool: ...
    @property
    def deadline(self) -> int: ...
    def take_requests(self) -> list[bytes]: ...
    def opened(self, now: int) -> None: ...
    def received(self, frame: bytes, now: int) -> None: ...
    def tick(self, now: int) -> None: ...
    def closed(self, reason: str, now: int) -> None: ...
    def failed(self, reason: str, now: int) -> None: ...


class NaiveClient:
    """Says everything at once when it is connected, believes it, and connects again without a pause.

    watches: whether it notices that a connection ended; pings are sent, and nobody waits for the answer.
    """

    def __init__(self, authenticate: Callable[[], bytes]) -> None:
        self.replace_reason = ""
        self.ready = False
        self.deadline = 0
        self._authenticate = authenticate
        self._requests: list[bytes] = []

    def take_requests(self) -> list[bytes]:
        requests, self._requests = self._requests, []
        return requests

    def opened(self, now: int) -> None:
        subscribe = json.dumps({"op": "subscribe", "args": TOPICS}).encode()
        self._requests = [self._authenticate(), subscribe]
        self.ready = True

    def received(self, frame: bytes, now: int) -> None:
        pass

    def tick(self, now: int) -> None:
        pass

    def closed(self, reason: str, now: int) -> None:
        self.ready = False

    def failed(self, reason: str, now: int) -> None:
        self.ready = False


class StreamIncident(Struct, frozen=True, kw_only=True):
    """See `tests.museum.incident.Incident`. silent_at_s: from when the venue says nothing on open streams."""

    cite: str
    row: str
    happened: str
    naive: str
    ours: str
    harm: StreamHarm
    plan: Plan = Plan()
    silent_at_s: float | None = None

    @property
    def id(self) -> str:
        """Name of its test."""
        return f"{self.row} {self.cite}".replace("/", "_").replace("#", "_").replace(" ", "-")


class Met(Struct, frozen=True):
    """What came of it. fired: how often the trouble happened; attempts: connections that were tried."""

    harms: set[StreamHarm]
    fired: int
    attempts: int


class World:
    """A venue, a client, and the connection between them, on virtual time."""

    def __init__(self, plan: Plan, *, naive: bool) -> None:
        self.market = demo_market([BTC], minutes=MINUTES)
        settings = GatewaySettings(plan=plan, accounts=(venue_account(),), limits=LimitSettings(enabled=False))
        self.gateway = Gateway(self.market, settings)
        self.now_ms = self.market.start_ms
        self.attempts = 0
        self.client: Client = (
            NaiveClient(self._auth) if naive else PrivateSession("demo", self._auth, FeedSettings(), Random(7))
        )
        self.session: VenueSession | None = None

    def run(self, seconds: float, silent_at_s: float | None) -> None:
        silent_ms = None if silent_at_s is None else self.market.start_ms + int(silent_at_s * 1000)
        end = self.now_ms + int(seconds * 1000)
        while self.now_ms < end:
            if silent_ms is not None and self.now_ms >= silent_ms and self.session is not None:
                silent_ms = None
                self.session.stream.outbox.fall_silent(self.gateway._now)
                self.gateway.truth.note("fault", {"kind": "streams", "rule": "silence"})
            self._step()
            self.now_ms += STEP_MS

    def _step(self) -> None:
        now = self.now_ms * NS_PER_MS
        if self.session is None:
            if now >= self.client.deadline:
                self._connect(now)
            return
        self.client.tick(now)
        for text in self.client.take_requests():
            for answer in self.session.handle(text, self.now_ms):
                self.client.received(answer, now)
        for text in self.session.take_pushes(self.now_ms):
            self.client.received(text, now)
        if self.session.ending is not None or self.client.replace_reason:
            self._end(self.client.replace_reason or "closed by the venue", now)

    def _connect(self, now: int) -> None:
        self.attempts += 1
        status = self.gateway.admit_stream(PATH, "127.0.0.1", self.now_ms)
        if status != SWITCHING:
            self.client.failed(f"HTTP {status}", now)
            return
        self.session = self.gateway.open_private(f"c{self.attempts}")
        self.client.opened(now)

    def _end(self, reason: str, now: int) -> None:
        assert self.session is not None
        self.gateway.close(self.session)
        self.session = None
        self.client.closed(reason, now)

    def _auth(self) -> bytes:
        expires = self.now_ms + 10_000
        signature = hmac.new(SECRET.encode(), f"GET/realtime{expires}".encode(), "sha256").hexdigest()
        return json.dumps({"op": "auth", "args": [KEY, expires, signature]}).encode()

    def harms(self) -> set[StreamHarm]:
        """What the venue saw, against what the client says."""
        session = self.session
        hears = session is not None and set(session.topics) >= set(TOPICS) and not session.stream.outbox.silent
        found = set()
        if self.client.ready and not hears:
            found.add(StreamHarm.DEAF)
        if self.attempts > ATTEMPTS_MAX:
            found.add(StreamHarm.STORM)
        if not self.client.ready:
            found.add(StreamHarm.DOWN)
        return found


def meet(incident: StreamIncident, *, naive: bool, calm: bool = False) -> Met:
    """Play an incident of a connection."""
    world = World(Plan() if calm else incident.plan, naive=naive)
    world.run(MINUTES * 60, None if calm else incident.silent_at_s)
    fired = len(world.gateway.truth.of("fault"))
    return Met(world.harms(), fired, world.attempts)


def _fault(name: str, op: str, count: int | None = 1, until_s: float | None = None, **does: Any) -> StreamFault:
    return StreamFault(name=name, when=When(op=op, count=count, until_s=until_s), **does)


STREAMS: Sequence[StreamIncident] = (
    StreamIncident(
        cite="cuongitl/python-bitget#24",
        row="N07",
        happened="After a reconnect the subscriptions were not in force, and nobody noticed: no data came.",
        naive="what was subscribed is subscribed",
        ours="Every topic needs its ack within five seconds, or the connection is replaced.",
        harm=StreamHarm.DEAF,
        plan=Plan(streams=(_fault("ignored", "subscribe", swallow=True, effect=False),)),
    ),
    StreamIncident(
        cite="knowm/XChange#4542",
        row="N08",
        happened="After a reconnect topics were subscribed before the login, and refused.",
        naive="auth and subscribe go out in one breath",
        ours="Connect, auth, its ack, subscribe, its acks: one after the other.",
        harm=StreamHarm.DEAF,
        plan=Plan(streams=(_fault("auth refused once", "auth", refuse=10016),)),
    ),
    StreamIncident(
        cite="ccxt/ccxt#20946",
        row="N02",
        happened="A connection stayed open and said nothing any more; it was waited on for ever.",
        naive="a connection that is open is alive",
        ours="A ping without its pong costs the connection, and the next one is told from the start.",
        harm=StreamHarm.DEAF,
        silent_at_s=30,
    ),
    StreamIncident(
        cite="nautechsystems/nautilus_trader#1989",
        row="N18",
        happened="After a day or two connections were lost and made again in a storm.",
        naive="connect again at once",
        ours="Waits double up to a cap, with jitter; a stable connection makes them short again.",
        harm=StreamHarm.STORM,
        plan=Plan(streams=(_fault("turned away", "connect", None, until_s=200, refuse=503),)),
    ),
    StreamIncident(
        cite="bybit-exchange/pybit#56",
        row="N06",
        happened=(
            "Connections were lost at random, also with a 502 at the handshake, and the client's reconnection "
            "hung or took a minute."
        ),
        naive="connect again at once",
        ours="Attempts stay far under the venue's limit, and the stream is up soon after the trouble.",
        harm=StreamHarm.STORM,
        plan=Plan(streams=(_fault("bad gateway", "connect", None, until_s=120, refuse=502),)),
    ),
)
