"""Reconciliation: our books held against the venue's, at every start, restart and reconnect, and whenever in doubt.

One path for all of them. A pass asks for the open orders, every execution since the last complete look (minus ten
minutes), the positions, the wallet and the settings, all pages; then for each order that should be open and was not
shown, by its name. Rows go through the same reducers as the stream. Two passes in a row that agree, with no outcome
unknown and no execution missing, make the account ready. Until then nothing new that carries risk leaves; a pass with a
question that failed is none.

What does not agree in the end is told, item by item, and its policy carried out (docs/live.md has the table).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial

from daemon.core.account_events import AccountSeen, Executed, Op, OrderSeen, PositionSeen, Row, WalletSeen
from daemon.core.remote.books import Books
from daemon.core.remote.context import Context
from daemon.core.remote.fence import Fence
from daemon.core.remote.fills import Fills
from daemon.core.remote.orders import OrderMachine
from daemon.core.remote.pages import Complete, ask_all, one_page, windows
from daemon.core.remote.requests import Call
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NEVER, NS_PER_DAY, NS_PER_MINUTE
from daemon.core.venue import MismatchReport, ReconcileReport
from daemon.core.venue_records import QueryDone

GATE = "reconcile"
HISTORY = "history"
OVERLAP = 10 * NS_PER_MINUTE
PAUSE_MS = 500
RETRY_MS = 2_000
SLOW_MS = 30_000
PASSES_MAX = 5
AGREEING = 2


class Phase(StrEnum):
    """DOWN: the private stream is not there.  SYNCING: asking.  READY: the books agree.  FAILED: they do not."""

    DOWN = "down"
    SYNCING = "syncing"
    READY = "ready"
    FAILED = "failed"


class Reconciler:
    """Brings one account to READY, and back to it.

    due: when there is something to ask, nanoseconds UTC.  cursor: up to when every execution is known.
    differences: what did not agree in the last pass.
    """

    def __init__(self, context: Context, machine: OrderMachine, fills: Fills, fence: Fence, books: Books) -> None:
        self.phase = Phase.DOWN
        self.due = NEVER
        self.cursor = 0
        self.differences: tuple[str, ...] = ()
        self.on_ready: Callable[[], None] = lambda: None
        self._context = context
        self._machine = machine
        self._fills = fills
        self._fence = fence
        self._books = books
        self._reason = "starting"
        self._round = 0
        self._agreed = 0
        self._passes = 0
        self._before: tuple[str, ...] = ()
        self._waits = 0
        self._failures: list[str] = []
        self._queries: list[QueryDone] = []
        self._rows: list[Row] = []
        self._asked_at = 0

    # When

    def stream(self, up: bool, reason: str) -> None:
        """The private stream came or went."""
        if up:
            self.begin("the private stream is up")
        elif self.phase is not Phase.DOWN:
            self._stop("down", reason or "the private stream is down")

    def restart(self) -> None:
        """The daemon was down: whatever was being asked is lost, and the stream has to come up again."""
        self._books.restart()
        self._stop("down", "the daemon was down")

    def doubt(self, reason: str) -> None:
        """Something only the venue's whole picture can settle was heard."""
        if self.phase is Phase.READY:
            self.begin(reason)
        elif self.phase is Phase.SYNCING:
            self._agreed = 0

    def begin(self, reason: str) -> None:
        """Shut the gate, and ask until two passes agree."""
        self.phase = Phase.SYNCING
        self._reason = reason
        self._round += 1
        self._agreed = self._passes = self._waits = 0
        self._before = ()
        self._context.shut(GATE, reason)
        self._context.tell(ReconcileReport("begin", reason))
        self._pass()

    def _stop(self, step: str, reason: str) -> None:
        self.phase = Phase.DOWN
        self._round += 1
        self._waits = 0
        self.due = NEVER
        self._context.shut(GATE, reason)
        self._context.tell(ReconcileReport(step, reason))

    def wake(self) -> None:
        """Begin the next pass when it is time."""
        if self.phase in (Phase.SYNCING, Phase.FAILED) and not self._waits and self.due <= self._context.now:
            self._pass()

    # A pass

    def _pass(self) -> None:
        context = self._context
        self.due = NEVER
        self._passes += 1
        self._failures, self._queries, self._rows = [], [], []
        self._asked_at = context.now
        dialect = context.dialect
        self._ask(Op.OPEN_ORDERS, dialect.open_orders)
        first = self._remembered(max(context.began, self.cursor - OVERLAP))
        last = context.venue_now + context.span(1_000)
        for start, end in windows(first, last):
            self._ask(Op.EXECUTIONS, partial(dialect.executions, start, end), first=start, last=end)
        for symbol in context.symbols:
            self._ask(Op.POSITIONS, one_page(dialect.positions(symbol)), symbol=symbol)
        self._ask(Op.WALLET, one_page(dialect.wallet()))
        self._ask(Op.ACCOUNT, one_page(dialect.account()))

    def _remembered(self, first: int) -> int:
        """From when on executions can be asked for. What the venue has forgotten is told, and no new risk is taken."""
        context, days = self._context, self._context.settings.history_days
        kept = 0 if days is None else context.venue_now - days * NS_PER_DAY
        if first >= kept:
            return first
        if not context.is_shut(HISTORY):
            context.shut(HISTORY, f"more than {days} days were not looked at, and the venue does not keep them longer")
            context.tell(MismatchReport(HISTORY, "", "", str(first), str(kept), "halted"))
        return kept

    def _ask(self, op: Op, words: Callable[[str], Call], *, first: int = 0, last: int = 0, symbol: str = "") -> None:
        self._waits += 1
        then = partial(self._told, self._round, self._all_told)
        ask_all(self._context, op, words, then, first=first, last=last, symbol=symbol)

    def _told(self, asked_in: int, all_told: Callable[[], None], complete: Complete) -> None:
        if asked_in != self._round:
            return
        self._waits -= 1
        if complete.failure:
            self._failures.append(complete.failure)
        else:
            self._queries.append(complete.done)
            self._rows.extend(complete.rows)
        if not self._waits:
            all_told()

    def _all_told(self) -> None:
        if self._failures:
            self._retry()
            return
        self._reduce()
        missing = self._missing()
        if not missing:
            self._end_pass()
            return
        self._rows = []
        for order in missing:
            self._ask_for(order)

    def _reduce(self) -> None:
        """Orders first, then executions in their order; positions and wallet are looked at when all is in."""
        for row in self._rows:
            if isinstance(row, OrderSeen):
                self._machine.see(row)
        executed = [row for row in self._rows if isinstance(row, Executed)]
        for row in sorted(executed, key=lambda row: (row.ts, row.exec_id)):
            self._fills.see(row)
        for row in self._rows:
            if isinstance(row, PositionSeen | WalletSeen | AccountSeen):
                self._books.see(row)
        swept = [query.last for query in self._queries if query.op == Op.EXECUTIONS]
        if swept:
            self.cursor = max(self.cursor, min(max(swept), self._asked_at + self._context.offset))

    def _missing(self) -> list[Tracked]:
        """Orders that we hold for open, and the venue did not show among the open ones."""
        shown = {row.venue_id for row in self._rows if isinstance(row, OrderSeen)}
        links = {row.link_id for row in self._rows if isinstance(row, OrderSeen)}
        return [
            order
            for order in self._context.orders.open.values()
            if order.state in (State.ACKED, State.WORKING, State.FILLS_PENDING)
            and order.touched <= self._asked_at
            and order.venue_id not in shown
            and (not order.link_id or order.link_id not in links)
        ]

    def _ask_for(self, order: Tracked) -> None:
        dialect, symbol, name = self._context.dialect, order.symbol, order.link_id
        then = partial(self._told, self._round, self._names_told)
        words: Sequence[tuple[Op, Callable[[str], Call]]] = [
            (Op.ORDER, one_page(dialect.order(symbol, name, order.venue_id))),
            (Op.ORDER_HISTORY, one_page(dialect.order_history(symbol, name, order.venue_id))),
            (Op.ORDER_EXECUTIONS, partial(dialect.order_executions, symbol, name, venue_id=order.venue_id)),
        ]
        self._waits += len(words)
        for op, call in words:
            ask_all(self._context, op, call, then, symbol=symbol)

    def _names_told(self) -> None:
        if self._failures:
            self._retry()
            return
        rows = self._rows
        self._reduce()
        for order in self._missing_from(rows):
            self._unseen(order)
        self._end_pass()

    def _missing_from(self, rows: Sequence[Row]) -> list[Tracked]:
        """Orders that were asked for by name, and of which nothing came."""
        self._rows = list(rows)
        named = {row.venue_id for row in rows if isinstance(row, Executed)}
        return [
            order for order in self._missing() if order.venue_id not in named and order.state is not State.FILLS_PENDING
        ]

    def _unseen(self, order: Tracked) -> None:
        """Nothing of an order was found, once, which proves nothing: it goes to the fence."""
        self._machine.move(order, State.UNKNOWN, "in no answer of the venue")
        order.closes_at = max(order.closes_at, self._context.venue_now)
        self._fence.watch(order)

    # The end of a pass

    def _retry(self) -> None:
        """A pass with a question that failed says nothing."""
        context = self._context
        self._agreed = 0
        reason = self._failures[0]
        if reason not in self.differences:
            self.differences = (reason,)
            context.tell(ReconcileReport("pass", reason, tuple(self._queries)))
        slow = self._passes > PASSES_MAX
        self.due = context.now + context.span(SLOW_MS if slow else RETRY_MS)

    def _end_pass(self) -> None:
        context = self._context
        differences = self._books.compare()
        open_questions = self._unsettled()
        self.differences = (*differences, *open_questions)
        context.tell(ReconcileReport("pass", "; ".join(self.differences), tuple(self._queries)))
        if self.differences:
            self._disagree(bool(open_questions))
            return
        self._books.look_at_money()
        self._agreed += 1
        if self._agreed >= AGREEING:
            self._ready()
        else:
            self.due = context.now + context.span(PAUSE_MS)

    def _unsettled(self) -> list[str]:
        found = [f"{self._fence.unsettled} unknown outcomes"] if self._fence.unsettled else []
        pending = sum(order.state is State.FILLS_PENDING for order in self._context.orders.open.values())
        return found + ([f"executions of {pending} orders are missing"] if pending else [])

    def _disagree(self, unsettled: bool) -> None:
        """Not equal yet. What stays so is judged by its policy; what is only unsettled is waited for.

        A difference stays when two passes in a row show the very same: an execution may be on its way while one asks.
        """
        context = self._context
        self._agreed = 0
        stays, self._before = self.differences == self._before, self.differences
        self.due = context.now + context.span(RETRY_MS)
        if unsettled or not stays or (self._passes < PASSES_MAX and not self._books.adopting):
            return
        if self._books.resolve():
            return  # the next passes decide
        if self.phase is not Phase.FAILED:
            self.phase = Phase.FAILED
            context.tell(ReconcileReport("failed", "; ".join(self.differences)))
        self.due = context.now + context.span(SLOW_MS)

    def _ready(self) -> None:
        context = self._context
        self.phase = Phase.READY
        self.due = NEVER
        self._books.adopting = False
        context.tell(ReconcileReport("ready", self._reason, tuple(self._queries)))
        context.open(GATE, "our books and the venue's agree")
        self.on_ready()
