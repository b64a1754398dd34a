"""A lane at a venue, closed in one process: our engine and the sandbox's gateway, on a clock of their own.

Requests travel, are answered or lost, pushes arrive, the stream drops and comes back: all of it as events in the order
of virtual time, so that hours pass in seconds and every run repeats. The venue's truth log judges. What the engine was
told is kept, and `replayed` folds it through a fresh one.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from decimal import Decimal
from heapq import heappop, heappush
from typing import Any

import msgspec

from adapters.bybit.dialect import BybitDialect
from adapters.bybit.router import VenueDecoder
from adapters.sandbox.gateway.accounts import Account, ApiKey
from adapters.sandbox.gateway.gateway import Gateway
from adapters.sandbox.gateway.limits import LimitSettings
from adapters.sandbox.gateway.matching import Rules
from adapters.sandbox.gateway.messages import HttpAnswer, HttpRequest
from adapters.sandbox.gateway.plan import Plan
from adapters.sandbox.gateway.private_session import PrivateSession
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.market import Market
from adapters.sandbox.synthetic_market import demo_market
from daemon.core.account_events import Answered, Op
from daemon.core.engine import Engine
from daemon.core.events import Command, Fact, Link, Restarted, Timer
from daemon.core.guards import GuardSettings
from daemon.core.lane import Lane, Runner
from daemon.core.records import Record, record_encoder
from daemon.core.remote.exchange import RemoteExchange
from daemon.core.remote.requests import Request
from daemon.core.remote.settings import RemoteSettings
from daemon.core.strategy import Decision, OnTimer, Snapshot, Trigger
from daemon.core.units import NS_PER_MS
from tests.daemon.core.build import BTC, HOLD, NO_GUARDS, of_kind

ACCOUNT, UID, KEY, SECRET = "demo", "100001", "sandbox-key-1", "sandbox-secret-1"
LINEAGE = "00112233445566778899"
TICK_MS = 1_000
TRIP_MS = 5
PUSH_MS = 3
TIMEOUT_MS = 5_000
SKIPPED_FROM_MS = 5_000
TOPICS = ("order", "execution", "position", "wallet")
Happening = Callable[[], None]
Told = tuple[int, Fact | tuple[str, bytes]]


def venue_account(**changes: Any) -> Account:
    """The sandbox's account, set as the lane wants it."""
    known: dict[str, Any] = {
        "uid": UID,
        "name": "main",
        "balance_usdt": Decimal(100_000),
        "leverage": Decimal(5),
        "keys": (ApiKey(key=KEY, secret=SECRET),),
    }
    return Account(**(known | changes))


class Wishes:
    """A strategy that decides at a tick what a test told it to, and holds otherwise.

    at: what is decided at which evaluation, counted from 1; whoever replays the run shares it.
    """

    window, warmup = 2, 0
    triggers: tuple[Trigger, ...] = (OnTimer("tick"),)

    def __init__(self, at: dict[int, Decision]) -> None:
        self.at = at
        self._evaluation = 0

    def decide(self, snapshot: Snapshot) -> Decision:
        self._evaluation += 1
        return self.at.get(self._evaluation, HOLD)

    def then(self, *decisions: Decision) -> None:
        """Decide so at the next evaluations that have nothing to decide yet."""
        place = max([self._evaluation, *self.at])
        for decision in decisions:
            place += 1
            self.at[place] = decision


class Desk:
    """One engine with one lane on the account, and everything it was told and emitted."""

    def __init__(self, settings: RemoteSettings, guards: GuardSettings, wishes: dict[str, dict[int, Decision]]) -> None:
        symbols = tuple(wishes)
        self.outbox: list[Request] = []
        self.records: list[Record] = []
        self.lines: list[bytes] = []
        self.told: list[Told] = []
        self.strategies = {symbol: Wishes(at) for symbol, at in wishes.items()}
        self.exchange = RemoteExchange(
            settings,
            account=ACCOUNT,
            lane="main",
            symbols=symbols,
            lineage=LINEAGE,
            dialect=BybitDialect(),
            outbox=self.outbox,
        )
        runners = [Runner("scripted", symbol, strategy) for symbol, strategy in self.strategies.items()]
        self.lane = Lane("main", self.exchange, runners, guards, account=ACCOUNT)
        self.engine = Engine([self.lane], self._emit)
        self._decoder = VenueDecoder([ACCOUNT])
        self._encode = record_encoder().encode

    def _emit(self, record: Record) -> None:
        self.records.append(record)
        self.lines.append(self._encode(record))

    def tell(self, now: int, what: Fact | tuple[str, bytes]) -> None:
        """Hand the engine an input as the loop does: a frame of a source, or a fact and what follows from it."""
        self.told.append((now, what))
        seq = len(self.told)
        if isinstance(what, tuple):
            source, frame = what
            for fact in self._decoder.decode(frame, now, source):
                self.engine.step(seq, now, fact)
            return
        self.engine.step(seq, now, what)
        for fact in self._decoder.observe(what):
            self.engine.step(seq, now, fact)


class ClosedLoop:
    """The world: venue, network and daemon.

    plan: trouble at the venue.  trips: milliseconds of each way.  private_up: whether the private stream can connect.
    """

    def __init__(
        self,
        plan: Plan | None = None,
        *,
        settings: RemoteSettings | None = None,
        guards: GuardSettings = NO_GUARDS,
        account: Account | None = None,
        market: Market | None = None,
        minutes: int = 30,
        symbols: tuple[str, ...] = (BTC,),
        limits: LimitSettings | None = None,
    ) -> None:
        self.market = market or demo_market(list(symbols), minutes=minutes)
        accounts = (account or venue_account(),)
        gateway_settings = GatewaySettings(
            plan=plan or Plan(), accounts=accounts, limits=limits or LimitSettings(enabled=False)
        )
        self.gateway = Gateway(self.market, gateway_settings)
        self.now_ms = self.market.start_ms
        self.settings, self.guards, self.symbols = settings or RemoteSettings(), guards, symbols
        self.wishes: dict[str, dict[int, Decision]] = {symbol: {} for symbol in symbols}
        self.desk = Desk(self.settings, guards, self.wishes)
        self.sent: list[Request] = []
        self.private_up = True
        self.reconnect_ms = 500
        self._events: list[tuple[int, int, Happening]] = []
        self._count = 0
        self._life = 0
        self._shown: set[str] = set()
        self._session: PrivateSession | None = None
        for listing in self.market.listings.values():
            self.desk.tell(self.now, listing.instrument)
        self._at(self.now_ms, self._tick)
        self._at(self.now_ms, self._play)
        self._at(self.now_ms + 20, self._connect)

    # What tests say and see

    @property
    def now(self) -> int:
        """Virtual time, nanoseconds UTC."""
        return self.now_ms * NS_PER_MS

    def decide(self, *decisions: Decision, symbol: str = BTC) -> None:
        """Let the strategy decide so at the next ticks, one each."""
        self.desk.strategies[symbol].then(*decisions)

    def command(self, name: str, reason: str = "test") -> None:
        """An operator's command."""
        self.desk.tell(self.now, Command(name, reason=reason))
        self._dispatch()

    def run(self, ms: int) -> None:
        """Let virtual time pass."""
        end = self.now_ms + ms
        while self._events and self._events[0][0] <= end:
            due, _, happening = heappop(self._events)
            self.now_ms = max(self.now_ms, due)
            happening()
        self.now_ms = end

    def skip(self, ms: int) -> None:
        """Let a long time pass without a tick of the daemon's: whatever else is due happens when it is over."""
        self.run(min(ms, SKIPPED_FROM_MS))
        self.now_ms += max(0, ms - SKIPPED_FROM_MS)
        self.gateway.advance(self.now_ms)

    def run_until(self, condition: Callable[[], bool], within_ms: int, what: str = "it holds") -> int:
        """Let time pass until something holds; returns how long that took, in milliseconds."""
        begun = self.now_ms
        while not condition():
            assert self._events, "nothing happens any more"
            due = self._events[0][0]
            assert due - begun <= within_ms, f"waited {within_ms} ms of virtual time in vain until {what}"
            due, _, happening = heappop(self._events)
            self.now_ms = max(self.now_ms, due)
            happening()
        return self.now_ms - begun

    def until_ready(self, within_ms: int = 30_000) -> int:
        """Let time pass until the account is ready."""
        return self.run_until(lambda: self.desk.exchange.ready, within_ms, "the account is ready")

    def lines(self, kind: type[Any]) -> list[Any]:
        """Decision records of a kind."""
        return of_kind(self.desk.records, kind)

    def truth(self, *what: str) -> list[dict[str, Any]]:
        """What really happened at the venue."""
        return self.gateway.truth.of(*what)

    def replayed(self) -> list[bytes]:
        """The decision lines of a fresh engine that is told the same."""
        again = Desk(self.settings, self.guards, self.wishes)
        for now, what in self.desk.told:
            again.tell(now, what)
        return again.lines

    def end_trouble(self) -> None:
        """From here on nothing goes wrong any more but what is under way."""
        services = self.gateway._services
        services.request_rules = Rules((), "requests", 0)
        services.push_rules = Rules((), "pushes", 0)

    def crash(self, down_ms: int = 1_000) -> None:
        """Kill the daemon and start it again: what was under way is lost, the journal is folded, the venue goes on."""
        self._life += 1
        if self._session is not None:
            self.gateway.close(self._session)
            self._session = None
        told, before = self.desk.told, self.desk.lines
        self.run(down_ms)
        self.desk = Desk(self.settings, self.guards, self.wishes)
        for now, what in told:
            self.desk.tell(now, what)
        assert self.desk.lines == before, "the restart concludes something else"
        self.desk.outbox.clear()
        self._shown.clear()
        self.desk.tell(self.now, Restarted())
        self._dispatch()
        self._at(self.now_ms, self._tick)
        self._at(self.now_ms + 20, self._connect)

    # Time

    def _at(self, due_ms: int, happening: Happening) -> None:
        self._count += 1
        heappush(self._events, (due_ms, self._count, happening))

    def _alive(self, happening: Happening) -> Happening:
        """Something that only happens to the daemon that lives now."""
        life = self._life

        def happen() -> None:
            if life == self._life:
                happening()

        return happen

    def _tick(self) -> None:
        self.desk.tell(self.now, Timer("tick", self.now))
        self._dispatch()
        self._at(self.now_ms + TICK_MS, self._alive(self._tick))

    def _play(self) -> None:
        due = self.market.next_ms
        if due is None:
            return
        if due > self.now_ms:
            self._at(due, self._play)
            return
        wanted = {*self.gateway.topics, *(f"tickers.{symbol}" for symbol in self.symbols)}
        for topic, payload in self.market.advance(wanted):
            self.gateway.on_frame(topic, payload, self.now_ms)
            if topic.startswith("tickers."):
                self._show(topic, payload)
        self.gateway.advance(self.now_ms)
        self._dispatch()
        self._at(self.market.next_ms or self.now_ms, self._play)

    def _show(self, topic: str, payload: bytes) -> None:
        """Let the daemon see a ticker; its first is a snapshot."""
        if topic not in self._shown:
            self._shown.add(topic)
            payload = self.market.snapshot(topic) or payload
        self.desk.tell(self.now, ("public-1", payload))

    # Requests

    def _dispatch(self) -> None:
        """Send what the engine asks for, and take what the venue pushes."""
        outbox, self.desk.outbox[:] = list(self.desk.outbox), []
        for request in outbox:
            self.sent.append(request)
            self._at(self.now_ms + TRIP_MS, self._alive_or_not(request))
        self._take_pushes()

    def _alive_or_not(self, request: Request) -> Happening:
        """A request arrives also when the daemon died meanwhile; its answer does not."""
        life, signed_ms = self._life, self.now_ms

        def arrive() -> None:
            answered = self.gateway.handle(_signed(request, signed_ms, self.settings.recv_window_ms), self.now_ms)
            if isinstance(answered, HttpAnswer):
                fact = _answer(request, signed_ms, self.settings.recv_window_ms, answered)
                delay = TRIP_MS + answered.delay_ms
                if delay > TIMEOUT_MS:
                    fact, delay = _no_answer(request, signed_ms, self.settings.recv_window_ms, "timeout"), TIMEOUT_MS
            else:
                how = "connection reset" if answered.how == "reset" else "timeout"
                fact = _no_answer(request, signed_ms, self.settings.recv_window_ms, how)
                delay = TRIP_MS if answered.how == "reset" else TIMEOUT_MS
            self._take_pushes()
            self._at(self.now_ms + delay, lambda: self._hear(life, fact))

        return arrive

    def _hear(self, life: int, fact: Fact) -> None:
        if life == self._life:
            self.desk.tell(self.now, fact)
            self._dispatch()

    # The private stream

    def _connect(self) -> None:
        if not self.private_up or self._session is not None:
            self._at(self.now_ms + self.reconnect_ms, self._alive(self._connect))
            return
        self._session = session = self.gateway.open_private(f"c{self._count}")
        for text in _opening(self.now_ms):
            session.handle(text, self.now_ms)
        life = self._life
        self._at(self.now_ms + 10, lambda: self._hear(life, Link(f"private.{ACCOUNT}", up=True, topics=TOPICS)))

    def drop_stream(self, reason: str = "dropped") -> None:
        """Cut the private stream; what the venue pushes from here on is lost until it is connected again."""
        session, self._session = self._session, None
        if session is None:
            return
        self.gateway.close(session)
        self.desk.tell(self.now, Link(f"private.{ACCOUNT}", up=False, reason=reason))
        self._dispatch()
        self._at(self.now_ms + self.reconnect_ms, self._alive(self._connect))

    def _take_pushes(self) -> None:
        session = self._session
        if session is None:
            return
        life = self._life
        for text in session.take_pushes(self.now_ms):
            self._at(self.now_ms + PUSH_MS, lambda text=text: self._frame(life, session, text))  # type: ignore[misc]
        if session.ending is not None:
            self._at(self.now_ms + PUSH_MS, lambda: self._ended(session))
        elif session.due_ms is not None:
            self._at(max(session.due_ms, self.now_ms + 1), self._take_pushes)

    def _ended(self, session: PrivateSession) -> None:
        if session is self._session:
            self.drop_stream("closed by the venue")

    def _frame(self, life: int, session: PrivateSession, text: bytes) -> None:
        if life == self._life and session is self._session:
            self.desk.tell(self.now, (f"private.{ACCOUNT}", text))
            self._dispatch()


def _opening(now_ms: int) -> list[str]:
    expires = now_ms + 10_000
    signature = hmac.new(SECRET.encode(), f"GET/realtime{expires}".encode(), "sha256").hexdigest()
    return [
        json.dumps({"op": "auth", "args": [KEY, expires, signature]}),
        json.dumps({"op": "subscribe", "args": TOPICS}),
    ]


def _signed(request: Request, signed_ms: int, window_ms: int) -> HttpRequest:
    call = request.call
    text = f"{signed_ms}{KEY}{window_ms}{call.text}"
    headers = {
        "X-BAPI-API-KEY": KEY,
        "X-BAPI-TIMESTAMP": str(signed_ms),
        "X-BAPI-RECV-WINDOW": str(window_ms),
        "X-BAPI-SIGN": hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest(),
    }
    if call.method == "GET":
        return HttpRequest(method="GET", path=call.path, raw_query=call.text, headers=headers)
    return HttpRequest(method="POST", path=call.path, headers=headers, body=call.text.encode())


def _answer(request: Request, signed_ms: int, window_ms: int, answer: HttpAnswer) -> Answered:
    return msgspec.structs.replace(
        _no_answer(request, signed_ms, window_ms, ""), status=answer.status, body=answer.body.decode(errors="replace")
    )


def _no_answer(request: Request, signed_ms: int, window_ms: int, error: str) -> Answered:
    return Answered(
        account=ACCOUNT,
        request=request.id,
        op=Op(request.op),
        signed=signed_ms * NS_PER_MS,
        window_ms=window_ms,
        error=error,
    )
