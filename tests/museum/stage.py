"""The stage: one story played by our engine or by a naive bot, on the sandbox's exchange and on virtual time.

Both sit in the same world (`tests.simulation.closed_loop`): the same requests travel, the same pushes and answers
arrive, the same ticks come. The trouble of an incident is the plan's, or a `trouble` of its story; a calm stage has
none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

from adapters.sandbox.gateway.plan import Plan
from daemon.core.events import Fact
from daemon.core.orders import OrderState
from daemon.core.records import Action, FillLine, OrderLine, OrderStatus, Record
from daemon.core.remote.requests import Request
from daemon.core.strategy import Decision
from daemon.core.venue_records import SendLine, TrackLine
from tests.daemon.core.build import BTC
from tests.museum.habits import Habit
from tests.museum.judge import Claims, Script, Truth, Wish, signed
from tests.museum.naive import NaiveBot
from tests.museum.naive_parts import Memory
from tests.simulation.closed_loop import TICK_MS, UID, ClosedLoop, Desk, Told, Wishes

STORY_BEGINS_MS = 3_000
DEAD = frozenset({OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.DEACTIVATED})


class NaiveDesk:
    """A naive bot where `closed_loop.Desk` has our engine; the loop uses the same few names of both."""

    def __init__(self, habits: frozenset[Habit], wishes: dict[str, dict[int, Decision]], memory: Memory) -> None:
        self.outbox: list[Request] = []
        self.told: list[Told] = []
        self.lines: list[bytes] = []
        self.records: list[Record] = []
        self.strategies = {symbol: Wishes(at) for symbol, at in wishes.items()}
        strategy = self.strategies[BTC]
        self.exchange = NaiveBot(habits, self.outbox, lambda: strategy.decide(cast("Any", None)), memory)

    def tell(self, now: int, what: Fact | tuple[str, bytes]) -> None:
        self.exchange.tell(now // 1_000_000, what)


class NaiveLoop(ClosedLoop):
    """The world with a naive bot in it."""

    def __init__(self, habits: frozenset[Habit], **world: Any) -> None:
        super().__init__(**world)
        self._habits = habits
        self._put(Memory())

    def _put(self, memory: Memory) -> None:
        # The loop asks a desk for the few names that a naive one has too.
        self.bot = NaiveDesk(self._habits, self.wishes, memory)
        self.desk = cast("Desk", self.bot)

    def crash(self, down_ms: int = 1_000) -> None:
        self._life += 1
        if self._session is not None:
            self.gateway.close(self._session)
            self._session = None
        evaluations = self.bot.strategies[BTC]
        self.run(down_ms)
        self._put(self.bot.exchange.memory)
        self.bot.strategies[BTC]._evaluation = evaluations._evaluation
        self._at(self.now_ms, self._tick)
        self._at(self.now_ms + 20, self._connect)


class Stage:
    """What a story may do. habits: of the naive bot; None for our engine.  calm: without trouble."""

    def __init__(self, plan: Plan, habits: frozenset[Habit] | None, *, calm: bool, world: dict[str, Any]) -> None:
        told: dict[str, Any] = world | {"plan": Plan() if calm else plan}
        self.calm = calm
        self.naive = habits is not None
        self.loop: ClosedLoop = ClosedLoop(**told) if habits is None else NaiveLoop(habits, **told)
        self.wishes: list[Wish] = []
        self.troubles = 0

    # The strategy

    def want(self, *decisions: Decision) -> None:
        """Let the strategy decide so at the next ticks, one each."""
        for place, decision in enumerate(decisions):
            self.wishes.append(Wish(self.loop.now_ms + place * TICK_MS, _opened_by(decision)))
        self.loop.decide(*decisions)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.run(int(seconds * 1000))

    def ready(self) -> None:
        """Let time pass until the bot says that it is ready, or has died; stories begin at the same time for all."""
        self.loop.run_until(lambda: self.loop.desk.exchange.ready or bool(self.claims().crashed), 30_000, "it is ready")
        self.loop.run(max(0, self.loop.market.start_ms + STORY_BEGINS_MS - self.loop.now_ms))

    # The market and the venue, in calm as well

    def fill(self, qty: str | None = None, place: int = -1) -> None:
        """The market takes what rests, all or a part, at its own price. place: which of the orders accepted so far."""
        order_id = self.loop.truth("accepted")[place]["order_id"]
        part = None if qty is None else Decimal(qty)
        self.loop.gateway.advance(self.loop.now_ms)
        self.loop.gateway.venue.force_fill(UID, BTC, order_id=order_id, qty=part, now_ms=self.loop.now_ms)

    def by_hand(self, path: str, **body: Any) -> None:
        """The owner does something in the app."""
        full = {"category": "linear", "symbol": BTC, **body}
        self.loop.gateway.advance(self.loop.now_ms)
        self.loop.gateway.venue.answer(UID, "POST", path, full, self.loop.now_ms)

    # Trouble that no plan can make

    def trouble(self, what: Callable[[], None]) -> None:
        """Do something only when the stage is not calm."""
        if not self.calm:
            self.troubles += 1
            what()

    def outage(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """The private stream is down for a while; what happens meanwhile happens in calm too."""
        if not self.calm:
            self.troubles += 1
            self.loop.private_up = False
            self.loop.drop_stream()
        self.run(seconds / 2)
        meanwhile()
        self.run(seconds / 2)
        self.loop.private_up = True

    def killed(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """The bot's process is killed and started again after a while."""
        if self.calm:
            meanwhile()
            self.run(seconds)
            return
        self.troubles += 1
        meanwhile()
        self.loop.crash(int(seconds * 1000))

    # The end

    def truth(self) -> Truth:
        """What really happened."""
        return Truth(self.loop.gateway.truth.entries, UID)

    def script(self, position: str | None, rests: int | None, *, protected: bool) -> Script:
        """What was wanted."""
        wanted = None if position is None else Decimal(position)
        return Script(wishes=self.wishes, position=wanted, rests=rests, protected=protected)

    def claims(self) -> Claims:
        """What the bot believes."""
        if isinstance(self.loop, NaiveLoop):
            return self.loop.bot.exchange.claims()
        return claims_of(self.loop.desk)

    def fired(self) -> bool:
        """Whether the trouble of this story really happened."""
        noted = [entry for entry in self.loop.truth("fault") if entry.get("outcome", "done") == "done"]
        return bool(noted) or self.troubles > 0


def _opened_by(decision: Decision) -> Decimal:
    """Signed quantity that a decision may open."""
    if decision.action not in (Action.BUY, Action.SELL):
        return Decimal(0)
    qty = Decimal(repr(decision.qty)).quantize(Decimal("0.001"), "ROUND_DOWN")
    return signed("Buy" if decision.action is Action.BUY else "Sell", qty)


def claims_of(desk: Desk) -> Claims:
    """What our engine holds, read from its lines and its status."""
    links = {line.order_id: line.link_id for line in desk.records if isinstance(line, SendLine | TrackLine)}
    fills = [line for line in desk.records if isinstance(line, FillLine)]
    lines = [line for line in desk.records if isinstance(line, OrderLine)]
    status = desk.exchange.status()
    ends = {line.order_id: line for line in lines}.values()
    dead = {line.order_id for line in ends if line.status in DEAD and not line.filled_qty}
    orders: list[OrderState] = [state for state, _ in desk.lane.orders.values()]

    def name(order_id: str) -> str:
        return links.get(order_id) or order_id

    return Claims(
        ready=status.ready,
        names=frozenset({name(line.order_id) for line in lines} | set(links.values())),
        open=frozenset(name(order.request.order_id) for order in orders),
        dead=frozenset(name(order_id) for order_id in dead),
        fills=tuple((line.fill_id, line.qty) for line in fills),
        position=Decimal(status.positions[BTC]),
        cash=Decimal(status.cash),
        halted=status.gates,
    )
