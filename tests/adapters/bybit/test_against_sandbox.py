"""The private half against the sandbox, over real sockets: every kind of request, and what is read of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random
from typing import TypeVar

import pytest

from adapters.bybit.dialect import BybitDialect
from adapters.bybit.hosts import Environment, custom_environment
from adapters.bybit.key_identity import identify, key_problems
from adapters.bybit.order_port import BybitPort
from adapters.bybit.private_feed import PrivateFeed
from adapters.bybit.router import VenueDecoder
from adapters.bybit.signing import Credentials
from adapters.bybit.venue_clock import VenueClock
from adapters.sandbox.gateway.plan import Plan
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.synthetic_market import demo_market
from daemon.clock import SystemClock
from daemon.core.account_events import (
    AccountSeen,
    Answered,
    Executed,
    Op,
    OrderSeen,
    Origin,
    Outcome,
    OutcomeKind,
    PositionSeen,
    StreamState,
    Unreadable,
    VenueTime,
    WalletSeen,
)
from daemon.core.errors import ArmingRefused
from daemon.core.events import Fact, Quarantined, Side
from daemon.core.orders import Amendment, Protection, TradingStop, TriggerDirection
from daemon.core.records import OrderType, TimeInForce
from daemon.core.remote.requests import Call, Request
from daemon.core.units import NS_PER_DAY, NS_PER_SECOND
from daemon.ports import Received
from tests.adapters.bybit.test_dialect import limit, market
from tests.adapters.sandbox.gateway.world import plan_of
from tests.adapters.sandbox.reading import running

pytestmark = pytest.mark.process
KEY = Credentials("sandbox-key-1", "sandbox-secret-1")
SAY = BybitDialect()
One = TypeVar("One")


class Desk:
    """One account at the sandbox, with its port, its stream, its clock, and every fact that they brought."""

    def __init__(self, server: SandboxServer, timeout_ms: int) -> None:
        self.facts: list[Fact] = []
        self.environment = environment_of(server)
        self._decoder = VenueDecoder(["main"])
        self._more = asyncio.Event()
        self._count = 0
        machine = SystemClock()
        self.clock = VenueClock(self.environment, account="main", deliver=self.deliver)
        self.port = BybitPort(
            self.environment,
            KEY,
            account="main",
            now_ns=machine.now,
            venue_now_ns=self.clock.now,
            deliver=self.deliver,
            recv_window_ms=3000,
            timeout_ms=timeout_ms,
        )
        self.feed = PrivateFeed(
            self.environment.private,
            KEY,
            account="main",
            clock=machine,
            venue_now_ns=self.clock.now,
            jitter=Random(1),
            deliver=self.deliver,
        )

    def deliver(self, item: Received) -> None:
        if item.frame is not None:
            self.facts += self._decoder.decode(item.frame, item.ts_recv, item.source)
        elif item.fact is not None:
            self.facts += [item.fact, *self._decoder.observe(item.fact)]
        self._more.set()

    async def until(self, kind: type[One], wanted: Callable[[One], bool] = lambda _: True) -> One:
        """The first fact of a kind that is as wanted."""
        async with asyncio.timeout(20):
            while True:
                for fact in self.facts:
                    if isinstance(fact, kind) and wanted(fact):
                        return fact
                self._more.clear()
                await self._more.wait()

    async def ask(self, op: Op, call: Call) -> tuple[Sequence[Fact], Outcome]:
        """Send a call; its rows and its outcome."""
        self._count += 1
        name = f"r-{self._count}"
        self.port.send(Request(id=name, account="main", op=op, call=call))
        outcome = await self.until(Outcome, lambda one: one.request == name)
        mine = [fact for fact in self.facts if getattr(fact, "request", "") == name]
        return [fact for fact in mine if not isinstance(fact, Answered | Outcome)], outcome

    async def do(self, op: Op, call: Call) -> OutcomeKind:
        return (await self.ask(op, call))[1].kind

    async def order(self, link_id: str, status: str) -> OrderSeen:
        """What the stream says of an order, once it is in a status."""
        return await self.until(
            OrderSeen,
            lambda one: one.link_id == link_id and one.status == status and one.origin is Origin.STREAM,
        )


def environment_of(server: SandboxServer) -> Environment:
    return custom_environment("custom", rest=server.url_rest, public_linear=server.url_ws, private=server.url_private)


@asynccontextmanager
async def desk(plan: Plan | None = None, *, timeout_ms: int = 8000) -> AsyncIterator[Desk]:
    """A desk whose clock is measured and whose stream is up."""
    settings = GatewaySettings(plan=plan or Plan())
    async with running(demo_market(["BTCUSDT"], minutes=30), speed=1.0, gateway=settings) as server:
        one = Desk(server, timeout_ms)
        try:
            one.clock.start()
            await one.until(VenueTime, lambda told: told.ok)
            one.feed.start()
            await one.until(StreamState, lambda state: state.up)
            yield one
        finally:
            await one.port.close()
            await one.feed.close()
            await one.clock.close()


async def test_every_kind_of_request_is_carried_out_and_read() -> None:
    async with desk() as one:
        assert await one.do(Op.SET_LEVERAGE, SAY.set_leverage("BTCUSDT", "5")) is OutcomeKind.ACCEPTED
        assert await one.do(Op.SET_LEVERAGE, SAY.set_leverage("BTCUSDT", "5")) is OutcomeKind.NO_OP

        resting = limit(price=Decimal("60000"), time_in_force=TimeInForce.GTC)
        _, placed = await one.ask(Op.CREATE, SAY.create(resting, "ls-rest"))
        assert placed.kind is OutcomeKind.ACCEPTED
        seen = await one.order("ls-rest", "New")
        assert (seen.venue_id, seen.qty, seen.price) == (placed.venue_id, Decimal("0.010"), Decimal(60000))
        assert await one.do(Op.CREATE, SAY.create(resting, "ls-rest")) is OutcomeKind.EXISTS

        rows, page = await one.ask(Op.OPEN_ORDERS, SAY.open_orders(""))
        assert [row.link_id for row in rows if isinstance(row, OrderSeen)] == ["ls-rest"]
        assert (page.kind, page.rows, page.cursor) == (OutcomeKind.ACCEPTED, 1, "")
        assert page.venue_ts > 0

        change = SAY.amend(Amendment("x", qty=Decimal("0.020")), "BTCUSDT", "ls-rest")
        assert await one.do(Op.AMEND, change) is OutcomeKind.ACCEPTED
        await one.until(OrderSeen, lambda row: row.link_id == "ls-rest" and row.qty == Decimal("0.020"))
        assert await one.do(Op.CANCEL, SAY.cancel("BTCUSDT", link_id="ls-rest")) is OutcomeKind.ACCEPTED
        await one.order("ls-rest", "Cancelled")
        assert await one.do(Op.CANCEL, SAY.cancel("BTCUSDT", link_id="ls-rest")) is OutcomeKind.GONE
        assert await one.do(Op.AMEND, change) is OutcomeKind.GONE

        rows, _ = await one.ask(Op.ORDER, SAY.order("BTCUSDT", "ls-rest"))
        assert [row.status for row in rows if isinstance(row, OrderSeen)] == ["Cancelled"]
        rows, _ = await one.ask(Op.ORDER_HISTORY, SAY.order_history("BTCUSDT", "ls-rest"))
        assert [row.link_id for row in rows if isinstance(row, OrderSeen)] == ["ls-rest"]
        rows, unknown = await one.ask(Op.ORDER, SAY.order("BTCUSDT", "ls-never"))
        assert (rows, unknown.kind, unknown.rows) == ([], OutcomeKind.ACCEPTED, 0)
        assert not [fact for fact in one.facts if isinstance(fact, Unreadable | Quarantined)]


async def test_a_position_from_its_entry_to_its_exit() -> None:
    async with desk() as one:
        assert await one.do(Op.CREATE, SAY.create(market(qty=Decimal("0.02")), "ls-in")) is OutcomeKind.ACCEPTED
        filled = await one.order("ls-in", "Filled")
        fill = await one.until(Executed, lambda row: row.link_id == "ls-in")
        assert (filled.filled, fill.exec_type, fill.maker) == (Decimal("0.02"), "Trade", False)
        assert fill.fee > 0
        held = await one.until(PositionSeen, lambda row: row.qty == Decimal("0.02"))
        await one.until(WalletSeen, lambda row: row.origin is Origin.STREAM)

        stop = TradingStop("BTCUSDT", Protection(stop_loss=(held.entry * Decimal("0.9")).quantize(Decimal("0.1"))))
        assert await one.do(Op.PROTECT, SAY.protect(stop)) is OutcomeKind.ACCEPTED
        assert await one.do(Op.PROTECT, SAY.protect(stop)) is OutcomeKind.NO_OP
        rows, _ = await one.ask(Op.POSITIONS, SAY.positions("BTCUSDT"))
        (position,) = [row for row in rows if isinstance(row, PositionSeen)]
        assert (position.qty, position.entry) == (Decimal("0.02"), held.entry)
        assert position.stop_loss == stop.protection.stop_loss

        waiting = market(
            side=Side.SELL,
            qty=Decimal("0.01"),
            reduce_only=True,
            close_on_trigger=True,
            trigger_price=(held.entry * Decimal("0.8")).quantize(Decimal("0.1")),
            trigger_direction=TriggerDirection.FALLS,
        )
        assert await one.do(Op.CREATE, SAY.create(waiting, "ls-stop")) is OutcomeKind.ACCEPTED
        untriggered = await one.order("ls-stop", "Untriggered")
        assert (untriggered.reduce_only, untriggered.trigger_price) == (True, waiting.trigger_price)
        assert await one.do(Op.CANCEL_ALL, SAY.cancel_all("BTCUSDT")) is OutcomeKind.ACCEPTED

        leave = market(side=Side.SELL, qty=Decimal("0.02"), reduce_only=True)
        assert await one.do(Op.CREATE, SAY.create(leave, "ls-out")) is OutcomeKind.ACCEPTED
        await one.order("ls-out", "Filled")
        assert await one.do(Op.CREATE, SAY.create(leave, "ls-again")) is OutcomeKind.REFUSED
        rows, _ = await one.ask(Op.POSITIONS, SAY.positions("BTCUSDT"))
        assert [row.qty for row in rows if isinstance(row, PositionSeen)] == [0]

        now = one.clock.now()
        rows, page = await one.ask(Op.EXECUTIONS, SAY.executions(now - 6 * NS_PER_DAY, now + NS_PER_SECOND, ""))
        streamed = {row.exec_id for row in one.facts if isinstance(row, Executed) and row.origin is Origin.STREAM}
        assert {row.exec_id for row in rows if isinstance(row, Executed)} == streamed
        assert page.rows == len(streamed)
        rows, _ = await one.ask(Op.ORDER_EXECUTIONS, SAY.order_executions("BTCUSDT", "ls-in", ""))
        assert {row.link_id for row in rows if isinstance(row, Executed)} == {"ls-in"}
        rows, _ = await one.ask(Op.WALLET, SAY.wallet())
        assert [row.balance < 10_000 for row in rows if isinstance(row, WalletSeen)] == [True]
        rows, _ = await one.ask(Op.ACCOUNT, SAY.account())
        assert [row.margin_mode for row in rows if isinstance(row, AccountSeen)] == ["ISOLATED_MARGIN"]
        assert not [fact for fact in one.facts if isinstance(fact, Unreadable | Quarantined)]


async def test_pages_of_executions_are_followed_by_their_cursor() -> None:
    async with desk() as one:
        for number in range(4):
            side = Side.BUY if number % 2 == 0 else Side.SELL
            call = SAY.create(market(side=side, qty=Decimal("0.001")), f"ls-{number}")
            assert await one.do(Op.CREATE, call) is OutcomeKind.ACCEPTED
            await one.order(f"ls-{number}", "Filled")
        found: list[str] = []
        cursor = ""
        for _ in range(10):
            query = f"category=linear&limit=1{f'&cursor={cursor}' if cursor else ''}"
            rows, page = await one.ask(Op.EXECUTIONS, Call("GET", "/v5/execution/list", query))
            found += [row.exec_id for row in rows if isinstance(row, Executed)]
            cursor = page.cursor
            if not cursor:
                break
        assert len(found) == len(set(found)) == 4


async def test_refusals_come_with_the_venues_code() -> None:
    async with desk() as one:
        small = SAY.create(limit(qty=Decimal("0.0001")), "ls-small")
        _, refused = await one.ask(Op.CREATE, small)
        assert (refused.kind, refused.code) == (OutcomeKind.REFUSED, 10001)
        rich = limit(type=OrderType.LIMIT, qty=Decimal(100), price=Decimal(80000), time_in_force=TimeInForce.GTC)
        _, refused = await one.ask(Op.CREATE, SAY.create(rich, "ls-rich"))
        assert (refused.kind, refused.code) == (OutcomeKind.REFUSED, 110007)


@pytest.mark.parametrize("how", ["reset", "silence"])
@pytest.mark.parametrize("accepted", [True, False])
async def test_a_lost_answer_leaves_the_outcome_open_and_the_venue_knows(accepted: bool, how: str) -> None:
    when = {"route": "/v5/order/create", "count": 1}
    plan = plan_of(requests=[{"when": when, "lose": {"accepted": accepted, "how": how}}])
    async with desk(plan, timeout_ms=1500) as one:
        call = SAY.create(limit(price=Decimal(60000), time_in_force=TimeInForce.GTC), "ls-lost")
        _, outcome = await one.ask(Op.CREATE, call)
        assert outcome.kind is OutcomeKind.UNKNOWN
        assert outcome.signed > 0
        rows, page = await one.ask(Op.ORDER, SAY.order("BTCUSDT", "ls-lost"))
        assert page.kind is OutcomeKind.ACCEPTED
        assert len(rows) == int(accepted)


async def test_the_sandboxs_key_may_trade_and_a_stranger_is_told_where_it_may_belong() -> None:
    async with running(demo_market(["BTCUSDT"], minutes=30), gateway=GatewaySettings()) as server:
        identity = await identify(environment_of(server), KEY)
        assert identity.account_id == "100001"
        assert list(key_problems(identity, real_money=False, unbound_ip_accepted=False)) == []
        with pytest.raises(ArmingRefused, match="KEY_REFUSED"):
            await identify(environment_of(server), Credentials("nobody", "nothing"))
