"""An account at a venue reached over a network, as the engine sees it.

A thin orchestrator. The life of an order is followed in `orders` and `fills`, what is sent and what answers mean in
`sending`, unknown outcomes are settled in `fence`, protections kept in `protection`, our books held against the venue's
in `reconcile` and `checks`. All of it is a function of the inputs: time, market, and the facts about the account.

Assumptions:
- One-way mode, USDT linear perpetuals. Positions in hedge mode halt their symbol.
- A report of the lane's is told when the venue's word of it is heard; the account line is left to the simulated twin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec import Struct

from daemon.core.account_events import (
    AccountFact,
    AccountSeen,
    Answered,
    Armed,
    Carried,
    Executed,
    OrderSeen,
    Origin,
    Outcome,
    PositionSeen,
    Row,
    StreamState,
    Unreadable,
    VenueTime,
    WalletSeen,
)
from daemon.core.events import Command, MarketFact, Restarted, VenueTrouble
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, TradingStop
from daemon.core.remote.books import Books
from daemon.core.remote.checks import Checks
from daemon.core.remote.context import Context
from daemon.core.remote.fence import GATE as UNKNOWN_GATE
from daemon.core.remote.fence import Fence
from daemon.core.remote.fills import Fills
from daemon.core.remote.orders import OrderMachine
from daemon.core.remote.protection import Protector
from daemon.core.remote.reconcile import Phase, Reconciler
from daemon.core.remote.requests import Dialect, Request
from daemon.core.remote.sending import Sender, deny
from daemon.core.remote.settings import RemoteSettings
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.venue import FillReport, OrderReport, Report, TrackReport

NOTHING: tuple[Report, ...] = ()
HALTING = frozenset({"halt", "panic", "drain"})
INCIDENTS = frozenset({"cancel", "execution", "forced", "foreign", "history", "lineage", "order"})


class RemoteStatus(Struct, frozen=True, kw_only=True):
    """How an account stands, for people. Quantities and money as text; gates: those that are shut, with reasons.

    positions: in our books.  venue: as the venue showed them last, by symbol; a symbol that it never showed is missing.
    """

    account: str
    phase: str
    ready: bool
    gates: dict[str, str]
    differences: tuple[str, ...]
    unknown: int
    open_orders: int
    positions: dict[str, str]
    venue: dict[str, str]
    cash: str


class RemoteExchange:
    """Implements `daemon.core.venue.Exchange` for an account at a venue.

    Args:
        settings: limits and policies.
        account: name of the account in facts.
        lane: name of the lane, in which requests are numbered.
        symbols: contracts that the lane trades; whatever the venue says of others is not ours.
        lineage: of the journal; order link ids are derived from it.
        dialect: how the venue words requests.
        outbox: takes the requests, in the order in which they are decided.
    """

    def __init__(
        self,
        settings: RemoteSettings,
        *,
        account: str,
        lane: str,
        symbols: Sequence[str],
        lineage: str,
        dialect: Dialect,
        outbox: list[Request],
    ) -> None:
        self.next_due = 0
        self._context = context = Context(
            settings,
            account=account,
            lane=lane,
            symbols=symbols,
            lineage=lineage,
            dialect=dialect,
            outbox=outbox,
        )
        self._machine = machine = OrderMachine(context)
        self._fills = fills = Fills(context, machine)
        self._sender = sender = Sender(context, machine)
        self._fence = fence = Fence(context, machine, fills, sender.create)
        self._protector = protector = Protector(context)
        self._books = books = Books(context)
        self._reconciler = reconciler = Reconciler(context, machine, fills, fence, books)
        self._checks = Checks(
            context, machine=machine, fills=fills, books=books, protector=protector, reconciler=reconciler
        )
        sender.unknown = fence.watch
        machine.found = self._found
        machine.doubt = reconciler.doubt
        machine.unwanted = sender.withdraw
        fills.filled = protector.note_fill
        reconciler.on_ready = self._checks.start
        self._started = False

    # What the engine may ask

    @property
    def ready(self) -> bool:
        """Whether our books agree with the venue's, so that risk may be opened."""
        return self._reconciler.phase is Phase.READY

    @property
    def settled(self) -> bool:
        """Whether nothing that acts is under way, and every outcome is known."""
        sending = any(order.state is State.SENDING for order in self._context.orders.open.values())
        return not (self._context.in_flight or self._fence.unsettled or sending)

    @property
    def cancels_on_stop(self) -> bool:
        """Whether open orders are to be cancelled when the daemon is stopped."""
        return self._context.settings.on_stop == "cancel"

    @property
    def agrees(self) -> bool:
        """Whether the venue, asked since the last change, holds what our books hold."""
        return self.ready and self.settled

    def status(self) -> RemoteStatus:
        """How the account stands."""
        context = self._context
        return RemoteStatus(
            account=context.account,
            phase=self._reconciler.phase,
            ready=self.ready,
            gates={f"{who} {symbol}".strip(): reason for (who, symbol), reason in context.gates.items()},
            differences=self._reconciler.differences,
            unknown=self._fence.unsettled,
            open_orders=len(context.orders.open),
            positions={symbol: f"{context.position(symbol):f}" for symbol in context.symbols},
            venue={symbol: f"{row.qty:f}" for symbol, row in sorted(self._books.positions.items())},
            cash=f"{context.held.cash:f}",
        )

    # Requests

    def submit(self, request: OrderRequest, market: Market, now: int) -> Sequence[Report]:
        """Send an order; one that may carry risk only while the books agree and nothing on its symbol is unknown."""
        self._begin(now)
        context = self._context
        if not request.reduce_only and not self.ready:
            deny(context, request, f"the account is {self._reconciler.phase}, not ready")
        elif not request.reduce_only and context.is_shut(UNKNOWN_GATE, request.symbol):
            deny(context, request, "an outcome on this symbol is unknown")
        else:
            self._sender.submit(request, market)
        return self._end()

    def amend(self, amendment: Amendment, now: int) -> Sequence[Report]:
        """Change an order."""
        self._begin(now)
        self._sender.amend(amendment)
        return self._end()

    def cancel(self, order_id: str, now: int) -> Sequence[Report]:
        """Cancel an order."""
        self._begin(now)
        self._sender.cancel(order_id)
        return self._end()

    def cancel_all(self, symbol: str, now: int) -> Sequence[Report]:
        """Cancel every order of a symbol, or of the account when it is empty."""
        self._begin(now)
        for one in (symbol,) if symbol else self._context.symbols:
            self._sender.cancel_all(one)
        return self._end()

    def protect(self, stop: TradingStop, market: Market, now: int) -> Sequence[Report]:
        """Set the protection of a position."""
        del market
        self._begin(now)
        self._protector.protect(stop)
        return self._end()

    def prove(self, now: int) -> Sequence[Report]:
        """Ask the venue for everything, and take into our books what it holds beyond them.

        Gates that were shut by something that happened once are opened: who asks has looked at it.
        """
        self._begin(now)
        self._books.adopt_all()
        self._look_anew("asked to prove what is held")
        return self._end()

    # Facts

    def on_market(self, market: Market, fact: MarketFact, now: int) -> Sequence[Report]:
        """What the market does reaches the account through the venue only."""
        del market, fact, now
        return NOTHING

    def trouble(self, trouble: VenueTrouble, now: int) -> Sequence[Report]:
        """A real venue has its own trouble."""
        del trouble, now
        return NOTHING

    def advance(self, now: int) -> Sequence[Report]:
        """Do what time makes due: give up waiting, ask again, begin the next pass or look."""
        self._begin(now)
        return self._end()

    def hear(self, fact: AccountFact | Restarted | Command, now: int) -> Sequence[Report]:
        """Take note of what the venue says, of how a request ended, of a command, or that the daemon was down."""
        self._begin(now)
        match fact:
            case OrderSeen() | Executed() | PositionSeen() | WalletSeen() | AccountSeen():
                self._row(fact)
            case Outcome():
                self._context.answered(fact)
            case StreamState():
                self._reconciler.stream(fact.up, fact.reason)
            case VenueTime():
                self._venue_time(fact)
            case Unreadable():
                self._reconciler.doubt(f"something unreadable: {fact.reason}")
            case Carried():
                self._books.carry(fact)
            case Command():
                self._command(fact)
            case Restarted():
                self._restart()
            case Answered() | Armed():
                pass  # what they mean follows as facts of their own
            case _:
                assert_never(fact)
        return self._end()

    def _command(self, command: Command) -> None:
        """A halted lane sends nothing again that carries risk. Who resumes it has looked at what happened once."""
        context = self._context
        if command.name in HALTING:
            context.halted_by.add(command.name)
        elif command.name == "resume":
            context.halted_by.clear()
            if any(who in INCIDENTS for who, _ in context.gates):
                self._look_anew(f"resumed: {command.reason}")

    def _look_anew(self, reason: str) -> None:
        """Open what incidents had shut, and hold everything against the venue once more."""
        for who, symbol in [gate for gate in self._context.gates if gate[0] in INCIDENTS]:
            self._context.open(who, reason, symbol)
        if self._reconciler.phase is not Phase.DOWN:
            self._reconciler.begin(reason)

    def _row(self, row: Row) -> None:
        if isinstance(row, AccountSeen) or row.origin is Origin.QUERY:
            self._context.collect(row)
        elif isinstance(row, OrderSeen):
            self._machine.see(row)
        elif isinstance(row, Executed):
            self._fills.see(row)
        else:
            self._books.see(row)
            if isinstance(row, PositionSeen) and row.idx == 0:
                self._protector.check(row)

    def _venue_time(self, fact: VenueTime) -> None:
        context = self._context
        context.offset = fact.offset
        if not self._reconciler.cursor and self._reconciler.phase is Phase.DOWN:
            context.began = context.venue_now  # nothing was asked for yet: the venue's clock counts, not ours
        if fact.ok:
            context.open("clock", "the venue's clock is known")
        else:
            context.shut("clock", fact.reason or f"the venue's clock is known to {fact.bound} ns only")

    def _restart(self) -> None:
        """The daemon was down: no answer will come, and whatever was being sent may have left."""
        context = self._context
        context.forget_requests()
        context.halted_by.discard("drain")  # as the lane is halted by it no longer
        closes = context.venue_now + context.span(context.settings.recv_window_ms)
        self._sender.restart(closes)
        self._protector.restart()
        for order in list(context.orders.open.values()):
            if order.state is State.SENDING:
                order.closes_at = closes
                self._machine.move(order, State.UNKNOWN, "the daemon was down while it was being sent")
                self._fence.watch(order)
        self._fence.restart()
        self._reconciler.restart()

    def _found(self, order: Tracked) -> None:
        self._fence.settled(order)
        if order.cancelling:
            self._sender.send_cancel(order)

    # Turns

    def _begin(self, now: int) -> None:
        context = self._context
        context.now = now
        if not self._started:
            self._started = True
            context.began = context.venue_now
            context.shut("reconcile", "starting")
        if now >= self.next_due:
            self._wake()

    def _wake(self) -> None:
        self._context.give_up()
        self._sender.wake()
        self._fence.wake()
        self._protector.wake()
        self._reconciler.wake()
        self._checks.wake()

    def _end(self) -> Sequence[Report]:
        reports = self._context.take_reports()
        if any(isinstance(report, FillReport | OrderReport | TrackReport) for report in reports):
            self._checks.note_pending()
            self._checks.look_soon()
        self.next_due = min(
            self._context.due,
            self._sender.due,
            self._fence.due,
            self._protector.due,
            self._reconciler.due,
            self._checks.due,
        )
        return reports
