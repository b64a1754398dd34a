"""The gateway: everything of the sandbox that needs a key, without sockets and without a clock.

    server or simulation -> Gateway.handle, sessions' handle -> door -> front -> venue
    venue -> push -> sessions' outboxes -> take_pushes -> server or simulation
    player -> on_frame, advance -> venue, plan's events

Whoever carries the bytes calls `advance` as time passes, hands over requests and frames, and takes from the sessions
what they have to say. While nobody has shown a key the venue sleeps and costs nothing; it wakes to the market's current
snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from adapters.sandbox.clock import Speed
from adapters.sandbox.gateway.accounts import Account
from adapters.sandbox.gateway.demo_money import MoneyWindow, wanted_usdt
from adapters.sandbox.gateway.events import Agenda
from adapters.sandbox.gateway.front import Call, Front, Outcome
from adapters.sandbox.gateway.key_info import key_info
from adapters.sandbox.gateway.matching import Subject
from adapters.sandbox.gateway.messages import HttpAnswer, HttpRequest, Instant, Lost
from adapters.sandbox.gateway.personality import APPLY_MONEY, QUERY_API
from adapters.sandbox.gateway.plan import Disconnect
from adapters.sandbox.gateway.private_session import PATH as PRIVATE_PATH
from adapters.sandbox.gateway.private_session import PrivateSession
from adapters.sandbox.gateway.rest import RestDoor
from adapters.sandbox.gateway.services import Services
from adapters.sandbox.gateway.settings import GatewaySettings, check_gateway
from adapters.sandbox.gateway.status import STATUS_PATH, maintenance_rows
from adapters.sandbox.gateway.stream import Stream, course_of
from adapters.sandbox.gateway.trade_session import PATH as TRADE_PATH
from adapters.sandbox.gateway.trade_session import TradeSession
from adapters.sandbox.gateway.truth import TruthLog
from adapters.sandbox.market import Market
from adapters.sandbox.market_history import MarketHistory
from adapters.sandbox.rest import MarketRest
from adapters.sandbox.trading import AccountSpec, TradingVenue
from adapters.sandbox.trading.spec import instant_settings
from daemon.core.venue import MarginMode

SHUTDOWN_CODE = 1001
SWITCHING, FORBIDDEN, NOT_FOUND, UNAVAILABLE = 101, 403, 404, 503
S = TypeVar("S", PrivateSession, TradeSession)


class Gateway:
    """The private half of a sandbox.

    Args:
        market: what is played; its state answers public routes.
        settings: accounts, environment, trouble.
        speed: market time per real time.
        truth: takes what tests judge by; kept in memory when left out.
        history: what the market was; routes about the past are unknown without it.
        wall_ms: today's time, milliseconds UTC, by which clients may sign too.

    Raises:
        ConfigError: the settings cannot work.
    """

    def __init__(
        self,
        market: Market,
        settings: GatewaySettings | None = None,
        *,
        speed: Speed = 1.0,
        truth: TruthLog | None = None,
        history: MarketHistory | None = None,
        wall_ms: Callable[[], int] | None = None,
    ) -> None:
        settings = settings or GatewaySettings()
        check_gateway(settings, list(market.listings))
        self.truth = truth or TruthLog()
        self.truth.now_ms = market.start_ms
        self.accounts = settings.accounts
        self.personality = settings.personality
        self._market = market
        self._services = Services(settings, start_ms=market.start_ms, speed=speed, truth=self.truth, wall_ms=wall_ms)
        self._now = Instant(market.start_ms, 0)
        self._public = MarketRest(market, self.server_ms, history)
        specs = [_spec(account) for account in settings.accounts]
        self.venue = TradingVenue(market.listings, specs, push=self._push, note=self.truth.note)
        self.topics = frozenset(self.venue.topics_read(market.topics))
        self.awake = False
        self._agenda = Agenda(self._services, self.venue, self._end_streams)
        self._money = MoneyWindow(enabled=settings.limits.enabled)
        self._sessions: dict[PrivateSession | TradeSession, None] = {}
        self._pushes = 0
        self._in_maintenance = False
        self._front = Front(self._services, self._serve)
        own = {("GET", QUERY_API), ("POST", APPLY_MONEY)}
        private = {each for each in {*self.venue.routes, *own} if each[1] not in self._services.offer.missing}
        self._door = RestDoor(self._services, self._front, private, self._wake)

    @property
    def offers_trade_socket(self) -> bool:
        """Whether this environment takes orders over a socket."""
        return self._services.offer.trade_socket

    def server_ms(self) -> int:
        """What the exchange's clock says, milliseconds UTC."""
        return self._services.server_ms(self._now.market_ms)

    def handle(self, request: HttpRequest, now_ms: int, real_ms: int | None = None) -> HttpAnswer | Lost:
        """Answer an HTTP request.

        Args:
            request: as it was sent.
            now_ms: market time, milliseconds UTC.
            real_ms: real time in milliseconds, for limits and delays; the same clock when left out.
        """
        self.advance(now_ms, real_ms)
        return self._door.handle(request, self._now)

    def admit_stream(self, path: str, peer: str, now_ms: int, real_ms: int | None = None) -> int:
        """HTTP status of an upgrade of /v5/private or /v5/trade; 101 when it may go on."""
        self.advance(now_ms, real_ms)
        services = self._services
        if path == TRADE_PATH and not services.offer.trade_socket:
            return NOT_FOUND
        if not services.guard.admits_stream(peer, self._now.real_ms):
            return FORBIDDEN
        met = services.stream_rules.met(Subject(route=path, op="connect"), services.elapsed_s(self._now))
        services.note_faults("streams", met, op="connect")
        refuse = course_of(met).refuse
        if refuse is not None:
            return refuse
        down = services.maintenance(self._now)
        return UNAVAILABLE if down is not None and down.close_streams else SWITCHING

    def open_private(self, conn_id: str, peer: str = "127.0.0.1") -> PrivateSession:
        """Begin a private stream; `close` it when its connection has ended."""
        session = PrivateSession(Stream(conn_id, PRIVATE_PATH, peer, self._services), self._services, self._wake)
        return self._opened(session)

    def open_trade(self, conn_id: str, peer: str = "127.0.0.1") -> TradeSession:
        """Begin an order stream; `close` it when its connection has ended."""
        stream = Stream(conn_id, TRADE_PATH, peer, self._services)
        return self._opened(TradeSession(stream, self._services, self._front, self._wake))

    def close(self, session: PrivateSession | TradeSession) -> None:
        """Forget a stream that has ended; a second time does nothing."""
        if session in self._sessions:
            del self._sessions[session]
            session.stream.note("close")

    def on_frame(self, topic: str, payload: bytes, now_ms: int, real_ms: int | None = None) -> None:
        """Let a public frame of the market happen, before clients see it; only topics of `topics` matter."""
        self._at(now_ms, real_ms)
        if self.awake and topic in self.topics:
            self.venue.on_frame(topic, payload, now_ms)

    def advance(self, now_ms: int, real_ms: int | None = None) -> None:
        """Let time pass: the plan's events and maintenance, and whatever is due at the venue."""
        self._at(now_ms, real_ms)
        while self._agenda.due(self._now):
            self._wake(self._now)
            self._agenda.take(self._now)
        if self._services.plan.maintenance:
            self._keep_maintenance()
        if self.awake:
            self.venue.advance(self._now.market_ms)

    def _at(self, now_ms: int, real_ms: int | None) -> None:
        self._now = Instant(max(now_ms, self._now.market_ms), now_ms if real_ms is None else real_ms)
        self.truth.now_ms = self._now.market_ms

    def _wake(self, now: Instant) -> None:
        if self.awake:
            return
        self.awake = True
        for topic in self.venue.topics_read(self._market.topics):
            if (snapshot := self._market.snapshot(topic)) is not None:
                self.venue.on_frame(topic, snapshot, now.market_ms)

    def _serve(self, call: Call, now: Instant) -> Outcome:
        """What stands behind the limits: our own routes, the venue, the market."""
        if call.account is None or call.key is None:
            return self._serve_public(call, now)
        if call.path == QUERY_API:
            info = key_info(call.account, call.key, created_ms=self._services.start_ms, now_ms=now.market_ms)
            return Outcome(result=info, message="")
        if call.path == APPLY_MONEY:
            amount = wanted_usdt(call.lines)
            self._money.take(call.uid, now.real_ms)
            if amount:
                self.venue.transfer(call.uid, amount, now.market_ms)
            return Outcome(message="")
        answer = self.venue.answer(call.uid, call.method, call.path, call.lines, now.market_ms)
        return Outcome(result=answer.result, ext=answer.ext_info, message=answer.message)

    def _serve_public(self, call: Call, now: Instant) -> Outcome:
        query = {name: str(value) for name, value in call.lines.items()}
        status, body = self._public.answer(call.method, call.path, query)
        result, ext, code = body["result"], body["retExtInfo"], body["retCode"]
        assert isinstance(result, Mapping), "every route of the market answers an object"
        assert isinstance(ext, Mapping), "and an object beside it"
        assert isinstance(code, int), "with a number for its code"
        if call.path == STATUS_PATH and self._services.plan.maintenance:
            result = {"list": maintenance_rows(self._services.plan.maintenance, self._services.start_ms, now.market_ms)}
            status, code = 200, 0
        return Outcome(status=status, code=code, message=str(body["retMsg"]), result=result, ext=ext)

    def _push(self, uid: str, topic: str, items: Sequence[dict[str, object]]) -> None:
        self._pushes += 1
        for session in list(self._sessions):
            if isinstance(session, PrivateSession) and session.uid == uid:
                session.push(topic, items, self._pushes, self._now)

    def _end_streams(self, uid: str, how: Disconnect, now: Instant) -> None:
        for session in self._sessions:
            if uid in {"", session.stream.uid}:
                if how.silent:
                    session.stream.outbox.fall_silent(now)
                else:
                    session.stream.outbox.end(how.code, now)

    def _keep_maintenance(self) -> None:
        down = self._services.maintenance(self._now)
        begins, self._in_maintenance = down is not None and not self._in_maintenance, down is not None
        if down is not None and begins:
            self.truth.note("fault", {"kind": "maintenance", "rule": down.title})
            if down.close_streams:
                self._end_streams("", Disconnect(code=SHUTDOWN_CODE), self._now)

    def _opened(self, session: S) -> S:
        self._sessions[session] = None
        session.stream.note("open")
        return session


def _spec(account: Account) -> AccountSpec:
    exchange = replace(instant_settings(), taker_fee=account.taker_fee, maker_fee=account.maker_fee)
    return AccountSpec(
        uid=account.uid,
        name=account.name,
        balance=account.balance_usdt,
        leverage=account.leverage,
        margin_mode=MarginMode(account.margin_mode),
        hedge=account.position_mode == "hedge",
        exchange=exchange,
    )
