"""Checks while trading goes on: every so often our books are held against the venue's, also when nothing seems wrong.

A stream may be healthy and still have dropped a message. One look that differs proves nothing: something may be on its
way. It is followed by a look at the executions and another one; what differs then starts a reconciliation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from daemon.core.account_events import AccountSeen, Executed, Op, OrderSeen, PositionSeen, WalletSeen
from daemon.core.remote.books import Books
from daemon.core.remote.context import Context
from daemon.core.remote.fills import Fills
from daemon.core.remote.orders import OrderMachine
from daemon.core.remote.pages import Complete, ask_all, one_page, windows
from daemon.core.remote.protection import Protector
from daemon.core.remote.reconcile import OVERLAP, Phase, Reconciler
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NEVER, subtract

ORDERS_MS = 15_000
POSITIONS_MS = 30_000
EXECUTIONS_MS = 60_000
WALLET_MS = 300_000
PROTECTION_MS = 5_000
RECENT_MS = 5_000
AGAIN_MS = 2_000
PENDING_MS = (1_000, 3_000, 10_000, 30_000)
UNANSWERED_MAX = 3
EXECUTIONS_GATE = "executions"
BLIND_GATE = "unanswered"


class _Pending(Struct):
    """An order whose executions are missing: when they are to be asked for next, and how often they were."""

    symbol: str
    due: int
    tries: int = 0


class Checks:
    """Periodic looks at one account; they rest while a reconciliation goes on.

    due: when the next one is, nanoseconds UTC.
    """

    def __init__(
        self,
        context: Context,
        *,
        machine: OrderMachine,
        fills: Fills,
        books: Books,
        protector: Protector,
        reconciler: Reconciler,
    ) -> None:
        self._context = context
        self._machine = machine
        self._fills = fills
        self._books = books
        self._protector = protector
        self._reconciler = reconciler
        self._due: dict[str, int] = {}
        self._suspect: dict[tuple[str, str], object] = {}
        self._unanswered = 0
        self._pending: dict[str, _Pending] = {}

    @property
    def due(self) -> int:
        """When there is something to look at."""
        looks = min(self._due.values(), default=NEVER) if self._reconciler.phase is Phase.READY else NEVER
        return min(looks, min((pending.due for pending in self._pending.values()), default=NEVER))

    def start(self) -> None:
        """The account is ready: the first looks are a whole period away."""
        for name, period in (
            ("orders", ORDERS_MS),
            ("positions", POSITIONS_MS),
            ("executions", EXECUTIONS_MS),
            ("wallet", WALLET_MS),
            ("protection", PROTECTION_MS),
        ):
            self._plan(name, period)
        self._suspect.clear()
        self._unanswered = 0
        self._context.open(BLIND_GATE, "the venue answers again")

    def note_pending(self) -> None:
        """Plan to ask for executions that an order's end says are missing, and not to where they were found."""
        open_orders = self._context.orders.open
        for order in open_orders.values():
            if order.state is State.FILLS_PENDING and order.id not in self._pending:
                self._pending[order.id] = _Pending(order.symbol, self._at(PENDING_MS[0]))
        for name, pending in self._pending.items():
            if name not in open_orders:
                pending.due = self._context.now

    def look_soon(self) -> None:
        """Something ended: look at the positions before long."""
        if self._reconciler.phase is Phase.READY:
            self._due["positions"] = min(self._due.get("positions", NEVER), self._at(AGAIN_MS))

    def wake(self) -> None:
        """Do what is due."""
        now = self._context.now
        self._ask_pending()
        if self._reconciler.phase is not Phase.READY:
            return
        for name in [name for name, due in self._due.items() if due <= now]:
            self._look(name)

    def _plan(self, name: str, ms: int) -> None:
        self._due[name] = self._at(ms)

    def _at(self, ms: int) -> int:
        return self._context.now + self._context.span(ms)

    def _look(self, name: str) -> None:
        context, dialect = self._context, self._context.dialect
        match name:
            case "orders":
                self._plan(name, ORDERS_MS)
                ask_all(context, Op.OPEN_ORDERS, dialect.open_orders, partial(self._orders, context.now))
            case "positions":
                self._plan(name, POSITIONS_MS)
                for symbol in context.symbols:
                    self._ask_position(symbol)
            case "executions":
                self._plan(name, EXECUTIONS_MS)
                self._sweep()
            case "wallet":
                self._plan(name, WALLET_MS)
                self._sweep()
                ask_all(context, Op.WALLET, one_page(dialect.wallet()), self._wallet)
            case _:
                self._plan(name, PROTECTION_MS)
                for symbol in self._protector.wanted:
                    self._ask_position(symbol)

    # Orders

    def _orders(self, asked_at: int, complete: Complete) -> None:
        if not self._is_answer(complete):
            return
        rows = [row for row in complete.rows if isinstance(row, OrderSeen)]
        for row in rows:
            self._machine.see(row)
        shown = {row.venue_id for row in rows}
        recent = asked_at - self._context.span(RECENT_MS)
        lost = [
            order.id
            for order in self._context.orders.open.values()
            if order.state is State.WORKING and order.touched <= recent and order.venue_id not in shown
        ]
        found = [f"open orders that the venue does not show: {', '.join(lost)}"] if lost else []
        self._judge("orders", "", found, tuple(lost))

    # Positions

    def _ask_position(self, symbol: str) -> None:
        call = self._context.dialect.positions(symbol)
        ask_all(self._context, Op.POSITIONS, one_page(call), partial(self._position, symbol), symbol=symbol)

    def _position(self, symbol: str, complete: Complete) -> None:
        if not self._is_answer(complete):
            return
        for row in complete.rows:
            if not isinstance(row, PositionSeen):
                continue
            self._books.see(row)
            if row.idx == 0:
                self._protector.check(row)
        gap = subtract(self._books.position(symbol), self._context.position(symbol))
        self._judge("positions", symbol, self._books.compare_symbol(symbol), gap)

    # Executions and money

    def _sweep(self) -> None:
        context = self._context
        first = max(context.began, self._reconciler.cursor - OVERLAP)
        asked_at = context.venue_now
        for start, end in windows(first, asked_at + context.span(1_000)):
            words = partial(context.dialect.executions, start, end)
            ask_all(context, Op.EXECUTIONS, words, partial(self._executions, asked_at), first=start, last=end)

    def _executions(self, asked_at: int, complete: Complete) -> None:
        rows = [row for row in complete.rows if isinstance(row, Executed)]
        for row in sorted(rows, key=lambda row: (row.ts, row.exec_id)):
            self._fills.see(row)
        if self._is_answer(complete) and complete.done.last >= asked_at:
            self._reconciler.cursor = max(self._reconciler.cursor, asked_at)

    def _wallet(self, complete: Complete) -> None:
        """The wallet is looked at after a sweep: an execution that is not known yet is the first explanation."""
        for row in complete.rows:
            if isinstance(row, WalletSeen | AccountSeen):
                self._books.see(row)
        if self._is_answer(complete) and not self._suspect:
            self._books.look_at_money()

    # Judging

    def _judge(self, name: str, about: str, found: Sequence[str], what: object) -> None:
        """One look that differs is followed by another; the same difference twice starts a reconciliation.

        While trading goes on something is always on its way: then the difference changes from look to look.
        """
        key = (name, about)
        if not found:
            self._suspect.pop(key, None)
        elif self._suspect.get(key) == what:
            del self._suspect[key]
            self._reconciler.doubt(found[0])
        else:
            self._suspect[key] = what
            self._due[name] = self._at(AGAIN_MS)
            self._sweep()

    def _is_answer(self, complete: Complete) -> bool:
        """Whether a question was answered. A venue that answers none any more leaves us blind, and shuts the gate."""
        if not complete.failure:
            self._unanswered = 0
            self._context.open(BLIND_GATE, "the venue answers again")
            return True
        self._unanswered += 1
        if self._unanswered >= UNANSWERED_MAX:
            self._context.shut(BLIND_GATE, f"the venue answers no question: {complete.failure}")
        return False

    # Missing executions

    def _ask_pending(self) -> None:
        for name, pending in list(self._pending.items()):
            order = self._context.orders.by_id(name)
            if order is None or order.state is not State.FILLS_PENDING:
                del self._pending[name]
                self._pending_done(pending.symbol)
            elif pending.due <= self._context.now:
                self._ask_for_executions(order, pending)

    def _pending_done(self, symbol: str) -> None:
        if not any(pending.symbol == symbol for pending in self._pending.values()):
            self._context.open(EXECUTIONS_GATE, "no execution is missing", symbol)

    def _ask_for_executions(self, order: Tracked, pending: _Pending) -> None:
        context = self._context
        if pending.tries == len(PENDING_MS):
            context.shut(EXECUTIONS_GATE, f"executions of order {order.id} are missing", order.symbol)
        pending.tries += 1
        pending.due = self._at(PENDING_MS[min(pending.tries, len(PENDING_MS) - 1)])
        words = partial(context.dialect.order_executions, order.symbol, order.link_id, venue_id=order.venue_id)
        ask_all(context, Op.ORDER_EXECUTIONS, words, self._found_executions, symbol=order.symbol)

    def _found_executions(self, complete: Complete) -> None:
        for row in complete.rows:
            if isinstance(row, Executed):
                self._fills.see(row)
