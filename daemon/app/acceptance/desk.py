"""The account as the cards use it: the product's own port, private stream and decoder, asked one thing at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from random import Random
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field

from adapters.bybit.account_decoder import AccountDecoder
from adapters.bybit.dialect import BybitDialect
from adapters.bybit.http_call import HttpClient
from adapters.bybit.private_feed import PrivateFeed
from adapters.bybit.rest import ask, client_for, read_result
from adapters.bybit.signing import Credentials, signed_headers
from adapters.bybit.venue_clock import VenueClock
from daemon.app.acceptance.reply import Reply, code_and_message, raw_reply
from daemon.app.arming import Grounds, PortTimes, build_port
from daemon.clock import SystemClock
from daemon.core.account_events import Answered, Op, OrderSeen, Outcome, PositionSeen, VenueTime
from daemon.core.events import Fact, Instrument, Link, Side
from daemon.core.orders import Amendment, OrderRequest, TradingStop, TriggerDirection
from daemon.core.records import OrderType, TimeInForce
from daemon.core.remote.requests import Call, Request
from daemon.core.units import NS_PER_MS
from daemon.ports import OrderPort, Received

if TYPE_CHECKING:
    from adapters.bybit.key_identity import KeyIdentity


ANSWER_S = 12.0
FINAL = frozenset({"Filled", "Cancelled", "Rejected", "Deactivated", "PartiallyFilledCanceled"})
Found = TypeVar("Found", bound=Fact)


class Heard(Struct, frozen=True):
    """A fact of the private stream and when it was heard, nanoseconds of the monotonic clock."""

    at: int
    fact: Fact


class Prices(Struct, frozen=True, kw_only=True):
    """The market now, USDT."""

    bid: Decimal
    ask: Decimal
    mark: Decimal


class _Ticker(Struct, frozen=True, rename="camel"):
    bid1_price: Decimal
    ask1_price: Decimal
    mark_price: Decimal


class _Tickers(Struct, frozen=True):
    tickers: list[_Ticker] = field(name="list")


class Desk:
    """Asks one account of one environment. Use within a running event loop, between `open` and `close`.

    Args:
        grounds: what the account may be traded on; checked again when the port is built.
        identity: what the venue says of the key.
        credentials: the key.
        instrument: what is traded.
        leverage: that of the configuration.
    """

    def __init__(
        self,
        grounds: Grounds,
        identity: KeyIdentity,
        credentials: Credentials,
        instrument: Instrument,
        *,
        leverage: Decimal,
    ) -> None:
        self.grounds = grounds
        self.identity = identity
        self.credentials = credentials
        self.instrument = instrument
        self.leverage = leverage
        self.symbol = instrument.symbol
        self.dialect = BybitDialect()
        self.monotonic = SystemClock().monotonic
        self.heard: list[Heard] = []
        self.answers: dict[str, dict[int, str]] = {}
        self.closed_links: list[tuple[int, str]] = []
        self.venue_time: VenueTime | None = None
        self._account = grounds.account
        self._decoder = AccountDecoder(self._account)
        self._news = asyncio.Event()
        self._answered: dict[str, Answered] = {}
        self._count = 0
        self._clock = VenueClock(grounds.host, account=self._account, deliver=self._deliver)
        self._http = HttpClient(connect_seconds=5, seconds=10)
        self._port: OrderPort | None = None
        self._feed: PrivateFeed | None = None
        self._token = ""

    # Life

    async def open(self) -> None:
        """Measure the venue's clock, build the port, connect the private stream."""
        self._clock.start()
        await self.until(lambda: self.venue_time is not None, ANSWER_S)
        times = PortTimes(now=SystemClock().now, venue_now=self._clock.now)
        self._port = build_port(self.grounds, self.identity, self.credentials, times, self._deliver)
        self._token = f"{self._clock.now() // NS_PER_MS:x}"
        await self.connect()

    async def connect(self) -> float:
        """Connect the private stream; returns the milliseconds until it was up, below zero when it was not in time."""
        began = self.monotonic()
        self._feed = PrivateFeed(
            self.grounds.host.private,
            self.credentials,
            account=self._account,
            clock=SystemClock(),
            venue_now_ns=self._clock.now,
            jitter=Random(),  # noqa: S311 - only spreads reconnects
            deliver=self._deliver,
        )
        self._feed.start()
        up = await self.hear(Link, lambda link: link.up, since=began, seconds=ANSWER_S)
        return -1.0 if up is None else self.ms_between(began, up.at)

    async def disconnect(self) -> None:
        """Close the private stream."""
        if self._feed is not None:
            await self._feed.close()
            self._feed = None

    async def close(self) -> None:
        """Disconnect everything."""
        await self.disconnect()
        if self._port is not None:
            await self._port.close()
        await self._clock.close()
        await self._http.close()

    @property
    def venue_now(self) -> int:
        """The venue's time, nanoseconds UTC."""
        return self._clock.now()

    # Requests

    def new_link(self) -> str:
        """A name for an order that no other run gives."""
        self._count += 1
        return f"acc-{self._token}-{self._count}"

    async def ask(self, op: Op, call: Call) -> Reply:
        """Send a request through the port and wait for its end."""
        assert self._port is not None, "open() comes first"
        self._count += 1
        name = f"acc-request-{self._count}"
        began = self.monotonic()
        request = Request(id=name, account=self._account, op=op, call=call, symbol=self.symbol, urgent=True)
        self._port.send(request)
        await self.until(lambda: name in self._answered, ANSWER_S)
        answered = self._answered.pop(name)
        reply = self._reply(answered, (self.monotonic() - began) / 1e6)
        self._keep(call.path, reply)
        return reply

    async def create(
        self,
        side: Side,
        qty: Decimal,
        price: Decimal | None = None,
        *,
        link: str = "",
        time_in_force: TimeInForce | None = None,
        reduce_only: bool = False,
        trigger: tuple[Decimal, TriggerDirection] | None = None,
    ) -> tuple[str, Reply]:
        """Create an order; returns its name and the answer."""
        link = link or self.new_link()
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        usual = TimeInForce.IOC if price is None else TimeInForce.GTC
        request = OrderRequest(
            order_id=link,
            decision=0,
            strategy="",
            symbol=self.symbol,
            side=side,
            type=kind,
            time_in_force=time_in_force or usual,
            qty=qty,
            price=price,
            reduce_only=reduce_only,
            trigger_price=None if trigger is None else trigger[0],
            trigger_direction=None if trigger is None else trigger[1],
        )
        return link, await self.ask(Op.CREATE, self.dialect.create(request, link))

    async def amend(self, link: str, price: Decimal) -> Reply:
        """Move an order."""
        return await self.ask(Op.AMEND, self.dialect.amend(Amendment(link, price=price), self.symbol, link))

    async def cancel(self, link: str) -> Reply:
        """Cancel an order."""
        reply = await self.ask(Op.CANCEL, self.dialect.cancel(self.symbol, link_id=link))
        if reply.code == 0:
            self.closed_links.append((self.monotonic(), link))
        return reply

    async def protect(self, stop: TradingStop) -> Reply:
        """Set the protection of the position."""
        return await self.ask(Op.PROTECT, self.dialect.protect(stop))

    async def raw(self, call: Call, *, shift_ms: int = 0, window_ms: int = 5000) -> Reply:
        """Send a call beside the port, so that its headers are seen; `shift_ms` falsifies its time."""
        stamp = self._clock.now() // NS_PER_MS + shift_ms
        headers = signed_headers(self.credentials, timestamp_ms=stamp, window_ms=window_ms, text=call.text)
        query = f"?{call.text}" if call.method == "GET" and call.text else ""
        body = call.text if call.method == "POST" else ""
        began = self.monotonic()
        url = f"{self.grounds.host.rest}{call.path}{query}"
        answer = await self._http.send(call.method, url, headers | {"Content-Type": "application/json"}, body)
        reply = raw_reply(answer, (self.monotonic() - began) / 1e6)
        self._keep(call.path, reply)
        return reply

    # What is so now

    async def prices(self) -> Prices:
        """Bid, ask and mark.

        Raises:
            FeedError: the venue does not say.
        """
        url = f"{self.grounds.host.rest}/v5/market/tickers"
        async with client_for(self.grounds.host.rest) as client:
            answer = await ask(client, url, {"category": "linear", "symbol": self.symbol})
        ticker = read_result(answer, _Tickers, url).tickers[0]
        return Prices(bid=ticker.bid1_price, ask=ticker.ask1_price, mark=ticker.mark_price)

    def on_tick(self, price: Decimal, *, up: bool = False) -> Decimal:
        """A price on the grid."""
        return _to_grid(price, self.instrument.tick, up=up)

    def quantity(self, price: Decimal, *, parts: int = 1) -> Decimal:
        """The smallest quantity that may be traded at a price, so that each of `parts` may be."""
        least = _to_grid(self.instrument.min_notional * Decimal("1.1") / price, self.instrument.step, up=True)
        return max(self.instrument.min_qty, least) * parts

    async def open_orders(self) -> list[OrderSeen]:
        """Open orders of the symbol, conditional ones too."""
        reply = await self.ask(Op.OPEN_ORDERS, self.dialect.open_orders(""))
        return [row for row in reply.facts if isinstance(row, OrderSeen) and row.symbol == self.symbol]

    async def order(self, link: str) -> OrderSeen | None:
        """An order, open or closed lately."""
        reply = await self.ask(Op.ORDER, self.dialect.order(self.symbol, link))
        return next((row for row in reply.facts if isinstance(row, OrderSeen)), None)

    async def position(self) -> PositionSeen | None:
        """The position; None when the venue could not be asked."""
        reply = await self.ask(Op.POSITIONS, self.dialect.positions(self.symbol))
        return next((row for row in reply.facts if isinstance(row, PositionSeen)), None)

    async def clean(self) -> bool:
        """Cancel everything on the symbol and close the position; whether it is proved that nothing is left."""
        for _ in range(3):
            await self.ask(Op.CANCEL_ALL, self.dialect.cancel_all(self.symbol))
            position = await self.position()
            if position is not None and position.qty:
                await self.create(Side.SELL if position.qty > 0 else Side.BUY, abs(position.qty), reduce_only=True)
            await asyncio.sleep(0.3)
            position, orders = await self.position(), await self.open_orders()
            if position is not None and not position.qty and not orders:
                return True
        return False

    # What is heard

    async def hear(
        self,
        kind: type[Found],
        wanted: Callable[[Found], bool],
        *,
        since: int,
        seconds: float = 5.0,
    ) -> Heard | None:
        """Wait for a fact of the private stream that was heard after `since`; None when it does not come."""

        def find() -> Heard | None:
            heard = (one for one in self.heard if one.at >= since and isinstance(one.fact, kind))
            return next((one for one in heard if wanted(one.fact)), None)  # type: ignore[arg-type]

        await self.until(lambda: find() is not None, seconds)
        return find()

    async def hear_order(self, link: str, statuses: Sequence[str], *, since: int, seconds: float = 5.0) -> Heard | None:
        """Wait until the stream tells one of these states of an order."""
        return await self.hear(
            OrderSeen, lambda row: row.link_id == link and row.status in statuses, since=since, seconds=seconds
        )

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait for news until something holds; whether it does."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not holds():
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), max(0.0, deadline - loop.time()))
            except TimeoutError:
                return holds()
        return True

    @staticmethod
    def ms_between(began: int, ended: int) -> float:
        """Milliseconds between two moments of the monotonic clock."""
        return round((ended - began) / 1e6, 3)

    def _deliver(self, item: Received) -> None:
        now = self.monotonic()
        if item.frame is not None:
            facts = self._decoder.decode(item.frame, item.ts_recv, item.source)
            self.heard += [Heard(now, fact) for fact in facts]
        elif isinstance(item.fact, Answered):
            self._answered[item.fact.request] = item.fact
        elif isinstance(item.fact, VenueTime):
            self.venue_time = item.fact
        elif item.fact is not None:
            self.heard.append(Heard(now, item.fact))
        self._news.set()

    def _reply(self, answered: Answered, ms: float) -> Reply:
        facts = tuple(self._decoder.observe(answered))
        outcome = next(fact for fact in facts if isinstance(fact, Outcome))
        code, message = code_and_message(answered.body)
        return Reply(
            code=code,
            message=message or outcome.reason,
            ms=round(ms, 3),
            status=answered.status,
            body=answered.body,
            facts=facts,
        )

    def _keep(self, path: str, reply: Reply) -> None:
        """Every code's text, by path, for the card that lists them."""
        if reply.code is not None:
            self.answers.setdefault(path, {})[reply.code] = reply.message


def _to_grid(value: Decimal, grid: Decimal, *, up: bool) -> Decimal:
    return (value / grid).to_integral_value(ROUND_UP if up else ROUND_DOWN) * grid
