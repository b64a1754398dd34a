"""A naive bot on the same world as ours: it gets the same answers, pushes and ticks, and draws the wrong conclusions.

What it does without any habit is plain but honest, so that each run without trouble ends well; each `Habit` replaces
one decision by what a cited bot decided. It is written the way
such bots are: dictionaries of JSON, one class.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from daemon.core.account_events import Answered
from daemon.core.events import Fact, Link, Timer
from daemon.core.records import Action, OrderType
from daemon.core.remote.requests import Request
from daemon.core.strategy import Decision
from tests.museum.habits import Habit
from tests.museum.judge import Claims
from tests.museum.naive_books import NaiveBooks
from tests.museum.naive_parts import SYMBOL, ZERO, Line, Memory, Order, Reply, Row

H = Habit

STEP = Decimal("0.001")

EXISTS, TOO_LATE, NOT_MODIFIED = 110072, 110001, 110043
DEFINITE = (*range(10001, 10011), *range(110003, 110100))
DEADLY = frozenset({H.DIES_OF_WORDS, H.DIES_OF_REFUSALS, H.DIES_OF_SHAPES})
POLL_S, MISSES_MAX, LOOK_BACK_MS = 10, 4, 60_000


class NaiveBot:
    """See the module. outbox: takes its requests.  decide: what the strategy says at a tick."""

    def __init__(
        self, habits: frozenset[Habit], outbox: list[Request], decide: Callable[[], Decision], memory: Memory
    ) -> None:
        self.ready = False
        self.crashed = ""
        forgets = habits & {H.FORGETS, H.LOOKS_BACK_BRIEFLY}
        self.memory = Memory(sent=memory.sent) if forgets else memory
        self._books = NaiveBooks(habits, self.memory, self._place_stop)
        self._habits = habits
        self._line = line = Line(outbox, strict=Habit.DIES_OF_SHAPES in habits)
        self._post, self._ask = line.post, line.ask
        self._decide = decide
        self._retries: list[Callable[[], None]] = []
        self._connected = self._deaf = False
        self._ticks = 0
        self._loaded_for: int | None = None
        self._funding_ms = 0

    def _is(self, habit: Habit) -> bool:
        return habit in self._habits

    # What it is told

    def tell(self, now_ms: int, what: Fact | tuple[str, bytes]) -> None:
        if self.crashed:
            return
        try:
            self._understand(now_ms, what)
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            if self._habits & DEADLY:
                self.crashed = repr(error)

    def _understand(self, now_ms: int, what: Fact | tuple[str, bytes]) -> None:
        match what:
            case (source, text):
                if source.startswith("private") and not self._deaf:
                    self._hear(text)
            case Link(up=up):
                self._connected = up
                self.ready = self.ready and (up or self._is(H.TRADES_BLIND))
                if up:
                    self._load(now_ms)
            case Answered():
                self._line.hear(what)
            case Timer():
                self._tick(now_ms)

    def _hear(self, text: bytes) -> None:
        try:
            message = json.loads(text)
            topic = message.get("topic", "")
            rows = message["data"] if topic else []
        except ValueError:
            self._deaf = self._is(H.READER_DIES)
            return
        for row in rows:
            if topic == "order":
                self._books.see(row)
            elif topic == "execution":
                self._books.book(row)
            elif topic == "wallet":
                self._books.see_wallet(row)

    # Time

    def _tick(self, now_ms: int) -> None:
        self._ticks += 1
        decision = self._decide()
        if self.ready and decision.action is not Action.HOLD:
            self._act(decision)
        retries, self._retries = self._retries, []
        for again in retries:
            again()
        if self._connected and self._ticks % POLL_S == 0:
            self._poll(now_ms)
        self._keep_stop()

    def _poll(self, now_ms: int) -> None:
        if self._is(H.READS_POSITION_ONCE):
            self._ask("/v5/position/list", self._see_position, symbol=SYMBOL)
        if self._is(H.STREAM_ONLY):
            return
        if not self._is(H.READS_NO_EXECUTIONS):
            self._sweep(now_ms, self._book_page)
        self._ask("/v5/order/realtime", self._see_open, settleCoin="USDT", limit=50)
        self._ask("/v5/account/wallet-balance", self._see_wallets, accountType="UNIFIED", coin="USDT")

    def _sweep(self, now_ms: int, then: Callable[[Reply], None]) -> None:
        since = {"startTime": now_ms - LOOK_BACK_MS} if self._is(H.LOOKS_BACK_BRIEFLY) else {}
        self._ask("/v5/execution/list", then, limit=100, **since)

    def _load(self, now_ms: int) -> None:
        """At a start and after a reconnect."""
        if self._loaded_for is not None and self._is(H.FORGETS):
            self.memory.orders.clear()
        if self._loaded_for is not None and self._is(H.STREAM_ONLY):
            self.ready = True
            return
        first = self._loaded_for is None
        self._loaded_for = now_ms
        if first and self._is(H.DIES_OF_REFUSALS):
            self._post("/v5/position/set-leverage", self._leverage_set, buyLeverage="5", sellLeverage="5")
        if not self._is(H.STREAM_ONLY):
            if self._is(H.READS_NO_EXECUTIONS):
                pass
            else:
                then = self._book_again if self._is(H.BOOKS_AGAIN_ON_START) else self._book_page
                self._sweep(now_ms, then)
            self._ask("/v5/order/realtime", self._see_open, settleCoin="USDT", limit=50)
        self._ask("/v5/account/wallet-balance", self._loaded, accountType="UNIFIED", coin="USDT")

    def _loaded(self, reply: Reply) -> None:
        if self._failed_read(reply):
            self._again(
                lambda: self._ask("/v5/account/wallet-balance", self._loaded, accountType="UNIFIED", coin="USDT")
            )
            return
        self._see_wallets(reply)
        self.ready = True

    def _leverage_set(self, reply: Reply) -> None:
        if reply.code:
            raise ValueError(f"set leverage: {reply.code} {reply.error}")

    # What it does

    def _act(self, decision: Decision) -> None:
        match decision.action:
            case Action.BUY | Action.SELL:
                side = "Buy" if decision.action is Action.BUY else "Sell"
                qty = self._qty(decision.qty or 0.0)
                self.memory.target += qty if side == "Buy" else -qty
                limit = decision.price if decision.order_type is OrderType.LIMIT else None
                self._place(side, qty, price=limit, then_stop_at=decision.stop_loss)
            case Action.CLOSE:
                self.memory.target = ZERO
                self._cancel_where(lambda order: order.stop_at is not None)
                self._close()
            case Action.CANCEL:
                self._cancel_where(lambda order: order.stop_at is None)
            case Action.AMEND:
                self._change(decision)
            case Action.PROTECT:
                self._place_stop(decision.stop_loss or 0.0)

    def _qty(self, qty: float) -> Decimal:
        return Decimal(repr(qty)) if self._is(H.COUNTS_WITH_FLOATS) else Decimal(repr(qty)).quantize(STEP, "ROUND_DOWN")

    def _close(self) -> None:
        held = self.memory.position
        if held:
            self._place("Sell" if held > 0 else "Buy", abs(held), reduce_only=True)

    def _place(self, side: str, qty: Decimal, **more: Any) -> None:
        self.memory.sent += 1
        order = Order(f"bot-{self.memory.sent}", side, qty, **more)
        self.memory.orders[order.name] = order
        self._create(order)

    def _place_stop(self, price: float) -> None:
        held = self.memory.position or self.memory.target
        reduce_only = not self._is(H.STOP_MAY_OPEN)
        self._place("Sell" if held > 0 else "Buy", abs(held), stop_at=price, reduce_only=reduce_only)

    def _create(self, order: Order) -> None:
        body: Row = {"side": order.side, "orderType": "Limit" if order.price else "Market", "qty": str(order.qty)}
        if order.price:
            body["price"] = str(order.price)
        if not self._is(H.SENDS_NAMELESS):
            body["orderLinkId"] = order.name
        if order.stop_at:
            direction = 2 if order.side == "Sell" else 1
            body |= {"triggerPrice": str(order.stop_at), "triggerDirection": direction, "triggerBy": "LastPrice"}
        if order.reduce_only:
            body["reduceOnly"] = True
        if self._is(H.TRUSTS_ITS_REQUEST):
            order.status = "open"
        self._post("/v5/order/create", lambda reply: self._created(order, reply), **body)

    def _created(self, order: Order, reply: Reply) -> None:
        exists = reply.code == EXISTS and not self._is(H.EXISTS_IS_REFUSED)
        if reply.code == 0 or exists:
            order.acked = True
            order.venue_id = reply.result.get("orderId", order.venue_id)
            if order.status == "sending" or self._is(H.ACK_IS_OPEN):
                order.status = "open"
            if self._is(H.MISS_IS_CANCELLED):
                self._look_for(order)
            if self._is(H.ACK_IS_FILLED) and not order.price and not order.stop_at:
                self._books.fill(order, f"assumed-{order.name}", order.qty - order.filled)
        elif self._is(H.FAILS_ON_ERROR):
            order.status = "sending"
            self._failed(order)
        elif reply.code in DEFINITE or reply.code == EXISTS:
            self._failed(order)
        elif not self._is(H.TRUSTS_ITS_REQUEST):
            self._look_for(order)

    def _failed(self, order: Order) -> None:
        if order.status not in ("sending", "open"):
            return
        order.status = "failed"
        again = self._is(H.RETRIES_FOR_EVER) or (self._is(H.SENDS_ANEW) and self.memory.sent < 3)
        if again:
            terms = {"price": order.price, "reduce_only": order.reduce_only, "stop_at": order.stop_at}
            self._again(lambda: self._place(order.side, order.qty, **terms))

    def _again(self, what: Callable[[], None]) -> None:
        self._retries.append(what)

    # Looking for orders

    def _look_for(self, order: Order) -> None:
        wanted = self._habits & {H.COUNTS_MISSES, H.MISS_IS_CANCELLED, H.ASKS_OPEN_ONLY}
        if not wanted:
            self._again(lambda: self._repeat(order))
            return
        query = {"settleCoin": "USDT"} if H.ASKS_OPEN_ONLY in wanted else {"symbol": SYMBOL, "orderLinkId": order.name}
        self._ask("/v5/order/realtime", lambda reply: self._looked(order, reply), **query)

    def _repeat(self, order: Order) -> None:
        """The same again under the same name: the venue takes a name once."""
        if order.status == "sending":
            self._create(order)

    def _looked(self, order: Order, reply: Reply) -> None:
        rows = [row for row in reply.result.get("list", []) if row["orderLinkId"] == order.name]
        if rows:
            self._books.see(rows[0])
        elif order.status not in ("sending", "open"):
            return
        elif self._is(H.COUNTS_MISSES):
            order.misses += 1
            if order.misses >= MISSES_MAX:
                self._failed(order)
            else:
                self._again(lambda: self._look_for(order))
        elif reply.code == 0 and self._is(H.MISS_IS_CANCELLED):
            order.status = "cancelled"
        elif reply.code == 0:
            self._failed(order)
        else:
            self._again(lambda: self._look_for(order))

    def _see_open(self, reply: Reply) -> None:
        """Orders that are not listed as open are open no more; the stream or the executions say how they ended."""
        if self._failed_read(reply):
            return
        rows = reply.result["list"]
        for row in rows:
            self._books.see(row)
        shown = {row["orderId"] for row in rows}
        for order in self.memory.orders.values():
            if order.status == "open" and order.venue_id and order.venue_id not in shown:
                order.status = "cancelled"

    # Fills and money

    def _book_page(self, reply: Reply) -> None:
        for row in [] if self._failed_read(reply) else reversed(reply.result["list"]):
            if row["execId"] not in self.memory.booked:
                self._books.book(row)

    def _book_again(self, reply: Reply) -> None:
        self.memory.booked.clear()
        self._book_page(reply)

    def _see_wallets(self, reply: Reply) -> None:
        for row in [] if self._failed_read(reply) else reply.result["list"]:
            self._books.see_wallet(row)

    def _failed_read(self, reply: Reply) -> bool:
        if reply.code == 0:
            return False
        if self._is(H.DIES_OF_SHAPES):
            raise ValueError(f"{reply.code} {reply.error}")
        if self._is(H.SELLS_WHEN_LOST):
            self._close()
        return True

    # Positions and stops

    def _see_position(self, reply: Reply) -> None:
        if self._failed_read(reply) and not self._is(H.FAILED_READ_IS_FLAT):
            return
        rows = reply.result.get("list", [])
        size = Decimal(rows[0]["size"] or 0) if rows else ZERO
        self.memory.position = -size if rows and rows[0]["side"] == "Sell" else size
        missing = self.memory.target - self.memory.position
        tops_up = self._is(H.TOPS_UP) and missing * self.memory.target > 0
        if missing and (tops_up or self._is(H.EVENS_OUT)):
            self._place("Buy" if missing > 0 else "Sell", abs(missing))

    def _keep_stop(self) -> None:
        stops = [order for order in self.memory.orders.values() if order.stop_at]
        if not stops or self._is(H.STOP_IS_FORGOTTEN):
            return
        stands = any(order.status in ("sending", "open") for order in stops)
        if self.memory.position and not stands:
            self._place_stop(stops[-1].stop_at or 0.0)
        elif not self.memory.position and not self._is(H.STOP_IS_LEFT):
            self._cancel_where(lambda order: order.stop_at is not None)

    # Changing orders

    def _cancel_where(self, wanted: Callable[[Order], bool]) -> None:
        for order in list(self.memory.orders.values()):
            if order.status == "open" and wanted(order):
                self._cancel(order)

    def _cancel(self, order: Order) -> None:
        names = {"orderId": order.venue_id} if order.venue_id else {"orderLinkId": order.name}
        self._post("/v5/order/cancel", lambda reply: self._cancelled(order, reply), **names)

    def _cancelled(self, order: Order, reply: Reply) -> None:
        if reply.code == 0 and self._is(H.ACKED_CANCEL_IS_DONE):
            order.status = "cancelled"
        elif reply.code == TOO_LATE and self._is(H.LATE_CANCEL_IS_NEVER_PLACED):
            order.status = "failed"
            self._place(order.side, order.qty, price=order.price)
        elif reply.code == TOO_LATE and self._is(H.LATE_CANCEL_IS_GONE):
            order.status = "cancelled"

    def _change(self, decision: Decision) -> None:
        order = next((o for o in self.memory.orders.values() if o.status == "open" and o.stop_at is None), None)
        if order is None:
            return
        qty = order.qty if decision.qty is None else self._qty(decision.qty)
        if self._is(H.REPLACES_AT_ONCE):
            self._cancel(order)
            self._place(order.side, qty, price=decision.price)
            return
        if self._is(H.AMENDS_WHAT_IS_LEFT):
            qty -= order.filled
        body = {"orderId": order.venue_id, "qty": str(qty), "price": str(decision.price)}
        self._post("/v5/order/amend", lambda reply: self._changed(order, qty, reply), **body)

    def _changed(self, order: Order, qty: Decimal, reply: Reply) -> None:
        if reply.code == 0:
            order.qty = qty

    # What it says of itself

    def claims(self) -> Claims:
        """What it believes, for the judge."""
        orders = self.memory.orders.values()
        return Claims(
            ready=self.ready,
            names=frozenset(name for order in orders for name in (order.name, order.venue_id) if name),
            open=frozenset(order.venue_id or order.name for order in orders if order.status in ("sending", "open")),
            dead=frozenset(
                order.name for order in orders if order.status in ("failed", "cancelled") and not order.filled
            ),
            fills=tuple(self.memory.fills),
            position=self.memory.position,
            cash=self._books.cash,
            halted={},
            crashed=self.crashed,
        )
