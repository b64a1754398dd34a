"""A remote exchange under test: its questions are answered from what a test says the venue shows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from daemon.core.account_events import (
    AccountFact,
    AccountSeen,
    Executed,
    Op,
    OrderSeen,
    Origin,
    Outcome,
    OutcomeKind,
    PositionSeen,
    Row,
    StreamState,
    WalletSeen,
)
from daemon.core.events import Command, Restarted, Side
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, Protection, TradingStop
from daemon.core.records import OrderType, TimeInForce
from daemon.core.remote.context import Context
from daemon.core.remote.exchange import RemoteExchange
from daemon.core.remote.requests import Call, Request
from daemon.core.remote.settings import RemoteSettings
from daemon.core.remote.states import State
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NS_PER_MS
from daemon.core.venue import (
    FillReport,
    GateReport,
    MismatchReport,
    OrderReport,
    ReconcileReport,
    Report,
    SendReport,
    TrackReport,
)
from tests.daemon.core.account_facts import ACCOUNT, D, order_seen, position_seen
from tests.daemon.core.build import BTC, MIDNIGHT, instrument

LINEAGE = "00112233445566778899"
ReportKind = TypeVar("ReportKind", bound=Report)


class PlainDialect:
    """Words every request as what it is about, one part after another."""

    def create(self, request: OrderRequest, link_id: str) -> Call:
        return _call("POST", "create", request.symbol, link_id, request.side, f"{request.qty}")

    def amend(self, amendment: Amendment, symbol: str, link_id: str) -> Call:
        return _call("POST", "amend", symbol, link_id, f"{amendment.qty}", f"{amendment.price}")

    def cancel(self, symbol: str, *, link_id: str = "", venue_id: str = "") -> Call:
        return _call("POST", "cancel", symbol, link_id, venue_id)

    def cancel_all(self, symbol: str) -> Call:
        return _call("POST", "cancel_all", symbol)

    def protect(self, stop: TradingStop) -> Call:
        wanted = stop.protection
        return _call("POST", "protect", stop.symbol, f"{wanted.stop_loss}", f"{wanted.take_profit}")

    def set_leverage(self, symbol: str, leverage: str) -> Call:
        return _call("POST", "set_leverage", symbol, leverage)

    def open_orders(self, cursor: str) -> Call:
        return _call("GET", "open_orders", cursor)

    def order(self, symbol: str, link_id: str, venue_id: str = "") -> Call:
        return _call("GET", "order", symbol, link_id, venue_id)

    def order_history(self, symbol: str, link_id: str, venue_id: str = "") -> Call:
        return _call("GET", "order_history", symbol, link_id, venue_id)

    def order_executions(self, symbol: str, link_id: str, cursor: str, venue_id: str = "") -> Call:
        return _call("GET", "order_executions", symbol, link_id, venue_id, cursor)

    def executions(self, start: int, end: int, cursor: str) -> Call:
        return _call("GET", "executions", f"{start}", f"{end}", cursor)

    def positions(self, symbol: str) -> Call:
        return _call("GET", "positions", symbol)

    def wallet(self) -> Call:
        return _call("GET", "wallet")

    def account(self) -> Call:
        return _call("GET", "account")


def _call(method: str, path: str, *parts: str) -> Call:
    return Call(method, path, "|".join(parts))


class Shown:
    """What the venue shows to whoever asks.

    orders: open ones; closed: in the history; executions: all of them; positions: by symbol.
    failing: questions that are refused; silent: those that nobody answers; early: answers stamped in the past, by ns.
    """

    def __init__(self) -> None:
        self.orders: list[OrderSeen] = []
        self.closed: list[OrderSeen] = []
        self.executions: list[Executed] = []
        self.positions: dict[str, PositionSeen] = {}
        self.balance = D(10_000)
        self.margin_mode = "ISOLATED_MARGIN"
        self.leverage = D(5)
        self.failing: set[Op] = set()
        self.silent: set[Op] = set()
        self.early = 0

    def rows(self, request: Request) -> list[Row]:
        """The rows of the answer to a question."""
        words = request.call.text.split("|")
        rows: list[Row]
        match request.op:
            case Op.OPEN_ORDERS:
                rows = list(self.orders)
            case Op.ORDER:
                rows = [row for row in [*self.orders, *self.closed] if _is_named(row, words)]
            case Op.ORDER_HISTORY:
                rows = [row for row in self.closed if _is_named(row, words)]
            case Op.ORDER_EXECUTIONS:
                rows = [row for row in self.executions if _is_named(row, words)]
            case Op.EXECUTIONS:
                rows = [row for row in self.executions if int(words[0]) <= row.ts <= int(words[1])]
            case Op.POSITIONS:
                rows = [self.positions.get(words[0]) or position_seen(symbol=words[0], leverage=self.leverage)]
            case Op.WALLET:
                rows = [WalletSeen(account=ACCOUNT, origin=Origin.QUERY, balance=self.balance, equity=self.balance)]
            case _:
                rows = [AccountSeen(account=ACCOUNT, margin_mode=self.margin_mode)]
        return rows


def _is_named(row: OrderSeen | Executed, words: list[str]) -> bool:
    return row.link_id == words[1] if words[1] else row.venue_id == words[2]


class Bench:
    """A remote exchange on a clock of its own; `venue` says what its questions are answered with.

    now: nanoseconds UTC.  reports: all that the lane was told.  waiting: requests that act, not answered yet.
    """

    def __init__(self, *symbols: str, **settings: Any) -> None:
        self.outbox: list[Request] = []
        self.symbols = symbols or (BTC,)
        self.settings = RemoteSettings(**settings)
        self.exchange = RemoteExchange(
            self.settings,
            account=ACCOUNT,
            lane="main",
            symbols=self.symbols,
            lineage=LINEAGE,
            dialect=PlainDialect(),
            outbox=self.outbox,
        )
        self.venue = Shown()
        self.now = MIDNIGHT
        self.reports: list[Report] = []
        self.waiting: list[Request] = []
        self.asked: list[Request] = []
        self.market = Market(BTC)
        self.market.instrument = instrument()
        self.market.bid, self.market.ask, self.market.mark = 99.9, 100.1, 100.0
        self._orders = 0

    # Driving

    def hear(self, *facts: AccountFact | Restarted | Command) -> list[Report]:
        """Facts of now; returns what they made the lane hear."""
        before = len(self.reports)
        for fact in facts:
            self.reports += self.exchange.hear(fact, self.now)
        self._collect()
        return self.reports[before:]

    def submit(self, order_id: str = "", qty: str = "1", **fields: Any) -> OrderRequest:
        """An order of the lane: a limit order to buy at 100, unless told otherwise."""
        self._orders += 1
        request = make_request(order_id or f"main-{self._orders}-0", qty, **fields)
        self.reports += self.exchange.submit(request, self.market, self.now)
        self._collect()
        return request

    def order(self, **fields: Any) -> Tracked:
        """Send an order, and the machine's view of it; it must have left."""
        request = self.submit(**fields)
        return self.tracked(request.order_id)

    def call(self, reports: Any) -> list[Report]:
        """Note what a direct call reported."""
        self.reports += reports
        self._collect()
        return list(reports)

    def pass_time(self, ms: float, *, answer: bool = True) -> list[Report]:
        """Let time pass, everything at its own time; questions are answered at once unless told otherwise."""
        before, end = len(self.reports), self.now + int(ms * NS_PER_MS)
        if answer:
            self.answer_questions()
        while self.exchange.next_due <= end:
            due = max(self.now, self.exchange.next_due)
            self.now = due if due > self.now else self.now + NS_PER_MS
            self.reports += self.exchange.advance(self.now)
            self._collect()
            if answer:
                self.answer_questions()
        self.now = max(self.now, end)
        self.reports += self.exchange.advance(self.now)
        self._collect()
        if answer:
            self.answer_questions()
        return self.reports[before:]

    def make_ready(self) -> Bench:
        """Bring the account to READY."""
        self.hear(StreamState(ACCOUNT, up=True))
        for _ in range(50):
            self.pass_time(100)
            if self.exchange.ready:
                return self
        raise AssertionError(self.exchange.status())

    def answer(
        self, request: Request, kind: OutcomeKind = OutcomeKind.ACCEPTED, *rows: Row, **fields: Any
    ) -> list[Report]:
        """Answer a request, with rows of its own."""
        told: dict[str, Any] = {"venue_ts": self.now + self.exchange._context.offset, "rows": len(rows)} | fields
        own = [replace(row, request=request.id, **_origin(row)) for row in rows]
        outcome = Outcome(account=ACCOUNT, request=request.id, op=request.op, kind=kind, **told)
        return self.hear(*own, outcome)

    def answer_questions(self) -> None:
        """Answer whatever is asked, until nothing more is."""
        while questions := [one for one in self.asked if one.op not in self.venue.silent]:
            self.asked = [one for one in self.asked if one.op in self.venue.silent]
            for request in questions:
                if request.op in self.venue.failing:
                    self.answer(request, OutcomeKind.UNKNOWN, code=10016, reason="Server error")
                else:
                    stamp = self.now + self.exchange._context.offset - self.venue.early
                    self.answer(request, OutcomeKind.ACCEPTED, *self.venue.rows(request), venue_ts=stamp)

    def take(self, op: Op) -> Request:
        """The only request of a kind that waits for its answer."""
        found = [request for request in self.waiting if request.op is op]
        assert len(found) == 1, f"{len(found)} requests {op}: {self.waiting}"
        self.waiting.remove(found[0])
        return found[0]

    def take_question(self, op: Op) -> Request:
        """The oldest question of a kind that was not answered."""
        found = next(request for request in self.asked if request.op is op)
        self.asked.remove(found)
        return found

    def _collect(self) -> None:
        taken, self.outbox[:] = list(self.outbox), []
        self.waiting += [request for request in taken if request.acts]
        self.asked += [request for request in taken if not request.acts]

    # Seeing

    @property
    def context(self) -> Context:
        return self.exchange._context

    def tracked(self, order_id: str) -> Tracked:
        """An open order."""
        found = self.context.orders.by_id(order_id)
        assert found is not None, f"{order_id} is not open"
        return found

    def of(self, kind: type[ReportKind]) -> list[ReportKind]:
        return of(self.reports, kind)

    def statuses(self, order_id: str) -> list[str]:
        """What the lane was told of an order, fills as their quantity."""
        told: list[str] = []
        for report in self.reports:
            if isinstance(report, OrderReport) and report.order_id == order_id:
                told.append(str(report.status))
            elif isinstance(report, FillReport) and report.order_id == order_id:
                told.append(f"{report.qty}")
        return told

    def states(self, order_id: str) -> list[str]:
        """The states that an order went through."""
        return [str(report.state) for report in self.of(TrackReport) if report.order_id == order_id]

    def gates(self) -> set[str]:
        """Gates that are shut, as the lane was told."""
        shut: set[str] = set()
        for report in self.of(GateReport):
            name = f"{report.who} {report.symbol}".strip()
            (shut.add if report.shut else shut.discard)(name)
        return shut

    def mismatches(self) -> list[tuple[str, str]]:
        return [(report.what, report.action) for report in self.of(MismatchReport)]

    def steps(self) -> list[str]:
        """Steps of reconciliation."""
        return [report.step for report in self.of(ReconcileReport)]

    def sends(self, op: Op) -> list[Request]:
        """Requests of a kind that left so far."""
        return [report.request for report in self.of(SendReport) if report.request.op is op]

    def snapshot(self) -> bytes:
        """Everything the lane was told, as text."""
        return b"\n".join(msgspec.json.encode(report, enc_hook=str) for report in self.reports)


def of(reports: list[Report], kind: type[ReportKind]) -> list[ReportKind]:
    return [report for report in reports if isinstance(report, kind)]


def state_of(order: Tracked) -> State:
    """The state of an order, which a type checker is not to remember from one look to the next."""
    return order.state


def _origin(row: Row) -> dict[str, Any]:
    return {} if isinstance(row, AccountSeen) else {"origin": Origin.QUERY}


def make_request(order_id: str = "main-1-0", qty: str = "1", **fields: Any) -> OrderRequest:
    """A limit order to buy at 100."""
    known: dict[str, Any] = {
        "order_id": order_id,
        "decision": 1,
        "strategy": "scripted",
        "symbol": BTC,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "qty": Decimal(qty),
        "price": D(100),
    }
    return OrderRequest(**(known | fields))


def make_context(*symbols: str, **settings: Any) -> tuple[Context, list[Request]]:
    """What the parts share, alone, with what leaves."""
    outbox: list[Request] = []
    context = Context(
        RemoteSettings(**settings),
        account=ACCOUNT,
        lane="main",
        symbols=symbols or (BTC,),
        lineage=LINEAGE,
        dialect=PlainDialect(),
        outbox=outbox,
    )
    context.now = context.began = MIDNIGHT
    return context, outbox


def seen(order: Tracked, status: str, filled: str = "0", *, updated: int = 1, **fields: Any) -> OrderSeen:
    """An order as the stream shows it; `updated`: milliseconds after midnight."""
    known: dict[str, Any] = {"qty": order.request.qty, "filled": D(filled), "updated": MIDNIGHT + updated * NS_PER_MS}
    return order_seen(order.link_id, status, **(known | fields))


STOP = Protection(stop_loss=D(90))
