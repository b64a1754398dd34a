"""An account at the venue: an exchange of its own on the shared market, and what its clients see of it.

Its one job: to turn the reports of the exchange into orders, executions, positions and money as Bybit shows them, push
them in the order in which they happened, and note the truth. Requests are read in `order_routes` and its neighbours.

Assumptions:
- Every status of an order is pushed, also those it leaves at once: New before Filled. An execution is pushed before the
  order it changed. After all that a step brought, the positions of the symbols it touched are pushed, changed or not,
  and the wallet where money or order margin moved. Source: Bybit v5 docs, "Order", "Execution", "Position", "Wallet".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from adapters.sandbox.listings import Listing
from adapters.sandbox.refused import Refused
from adapters.sandbox.trading import truth
from adapters.sandbox.trading.books import Books
from adapters.sandbox.trading.codes import ORDER_UNKNOWN, WORDS, refused_of
from adapters.sandbox.trading.execution_record import (
    ExecutionRecord,
    execution_item,
    funding_record,
    trade_record,
)
from adapters.sandbox.trading.order_record import OrderRecord, order_item
from adapters.sandbox.trading.order_store import OrderStore
from adapters.sandbox.trading.position_view import PositionView, position_item, pushed_item
from adapters.sandbox.trading.spec import AccountSpec, Note, Push, Result
from adapters.sandbox.trading.wallet_view import wallet_item
from adapters.simulated.exchange import SimulatedExchange
from adapters.simulated.leg import leg_key
from adapters.simulated.pricing import protective_price
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, PositionIdx, TradingStop
from daemon.core.records import OrderStatus, OrderType
from daemon.core.units import NS_PER_MS, ZERO, add, multiply, subtract, to_decimal
from daemon.core.venue import (
    AmendReport,
    FillReport,
    FundingReport,
    OrderReport,
    PlacedReport,
    RefusalReport,
    Report,
    TransferReport,
)


class VenueAccount:
    """One account.

    Args:
        spec: who and how.
        markets: the market by symbol, shared by all accounts.
        listings: instruments by symbol.
        push: takes messages of the private topics.
        note: takes the truth.

    exchange: where it trades.  orders, executions (oldest first), books: what its clients can ask for.
    auto_add: positions for which the client asked that margin be added by itself, by name.
    updated_ms: when margin or position mode were changed last.
    """

    def __init__(
        self,
        spec: AccountSpec,
        markets: Mapping[str, Market],
        listings: Mapping[str, Listing],
        *,
        push: Push,
        note: Note,
    ) -> None:
        self.spec = spec
        self.uid = spec.uid
        self.markets = markets
        self.listings = listings
        self.exchange = SimulatedExchange(
            replace(spec.exchange, margin_mode=spec.margin_mode),
            balance=spec.balance,
            leverage=spec.leverage,
            hedge=spec.hedge,
        )
        self.account = self.exchange.account
        self.orders = OrderStore(spec.uid)
        self.executions: list[ExecutionRecord] = []
        self._executions_by_order: dict[str, list[ExecutionRecord]] = {}
        self.books = Books(spec.uid)
        self.auto_add: set[str] = set()
        self.updated_ms = 0
        self._push = push
        self._note = note
        self._asking: OrderRecord | None = None
        self._order_margin = ZERO

    # Requests

    def submit(self, request: OrderRequest, link_id: str, now_ms: int) -> OrderRecord:
        """Send an order; `request.order_id` is given here.

        Raises:
            Refused: the exchange does not take it.
        """
        serial, order_id = self.orders.next_id()
        market = self.markets[request.symbol]
        record = OrderRecord(
            serial=serial,
            order_id=order_id,
            link_id=link_id,
            request=replace(request, order_id=order_id),
            created_ms=now_ms,
            updated_ms=now_ms,
            bound=None if request.is_conditional else _bound(request, market),
            last=to_decimal(market.last) if market.last else None,
        )
        self.orders.add(record)
        self._asking = record
        self.hear(self.exchange.submit(record.request, market, now_ms * NS_PER_MS), now_ms, request.symbol)
        if record.refused is not None:
            self._asking = None
            self.orders.drop(record)
            raise refused_of(record.refused)
        self._accept(record)
        return record

    def amend(self, record: OrderRecord, amendment: Amendment, now_ms: int) -> None:
        """Change an open order.

        Raises:
            Refused: it is closed, or cannot be changed like that.
        """
        self._demand_open(record)
        reports = self.exchange.amend(amendment, now_ms * NS_PER_MS)
        self._raise_refusal(self.hear(reports, now_ms, record.request.symbol), "amend")

    def cancel(self, record: OrderRecord, now_ms: int) -> None:
        """Cancel an open order.

        Raises:
            Refused: it is closed.
        """
        self._demand_open(record)
        reports = self.exchange.cancel(record.request.order_id, now_ms * NS_PER_MS)
        self._raise_refusal(self.hear(reports, now_ms, record.request.symbol), "cancel")

    def protect(self, stop: TradingStop, now_ms: int) -> None:
        """Set the protection of a position.

        Raises:
            Refused: it cannot be set.
        """
        reports = self.exchange.protect(stop, self.markets[stop.symbol], now_ms * NS_PER_MS)
        self._raise_refusal(self.hear(reports, now_ms, stop.symbol), "trading stop")

    def settings_changed(self, now_ms: int, *symbols: str) -> None:
        """Let everything follow a changed leverage, margin or mode."""
        now = now_ms * NS_PER_MS
        self.exchange.interventions.settings_changed(now)
        self.hear(self.exchange.advance(now), now_ms, *symbols)
        self.push_wallet()

    def _demand_open(self, record: OrderRecord) -> None:
        if record.is_closed:
            raise Refused(ORDER_UNKNOWN, WORDS[ORDER_UNKNOWN])

    def _raise_refusal(self, refusals: Sequence[RefusalReport], what: str) -> None:
        for refusal in refusals:
            if refusal.what == what:
                raise refused_of(refusal.reason)

    # Reports

    def hear(self, reports: Iterable[Report], now_ms: int, *symbols: str) -> list[RefusalReport]:
        """Take reports in, push and note what they say; returns refusals of requests about what there is.

        symbols: touched anyway, by a request that is not refused.
        """
        touched, refusals, moved = dict[str, None](), list[RefusalReport](), False
        for report in reports:
            match report:
                case OrderReport() | AmendReport() | PlacedReport():
                    touched.update(dict.fromkeys(self._on_order(report, now_ms)))
                case FillReport() | FundingReport():
                    touched[report.symbol] = None
                    moved = True
                    self._on_money(report, now_ms)
                case TransferReport():
                    moved = True
                    self._on_transfer(report, now_ms)
                case RefusalReport():
                    refusals.append(report)
        if self._asking is None or self._asking.refused is None:
            touched.update(dict.fromkeys(symbols))
        self._push_state(touched, moved=moved)
        return refusals

    def _push_state(self, touched: Iterable[str], *, moved: bool) -> None:
        for symbol in touched:
            self._push(self.uid, "position", [pushed_item(item) for item in self.position_items(symbol)])
        if moved or self._order_margin != self.account.order_margin():
            self.push_wallet()

    def push_wallet(self) -> None:
        """Push the wallet as it is now."""
        self._order_margin = self.account.order_margin()
        self._push(self.uid, "wallet", [self.wallet_item()])

    def _on_order(self, report: OrderReport | AmendReport | PlacedReport, now_ms: int) -> list[str]:
        """Take in what became of an order; returns the symbol it touched, if any."""
        record: OrderRecord | None
        if isinstance(report, PlacedReport):
            record = self._place(report, now_ms)
        else:
            record = self._amended(report) if isinstance(report, AmendReport) else self._moved(report)
        if record is None:
            return []
        record.updated_ms = now_ms
        self._show(record)
        return [record.request.symbol]

    def _place(self, report: PlacedReport, now_ms: int) -> OrderRecord:
        request, market = report.request, self.markets[report.request.symbol]
        serial, order_id = self.orders.next_id()
        parent = self.orders.inner(request.parent) if request.parent else None
        record = OrderRecord(
            serial=serial,
            order_id=order_id,
            link_id="",
            request=request,
            created_ms=now_ms,
            updated_ms=now_ms,
            last=to_decimal(market.last) if market.last else None,
            status=report.status,
            parent_link_id="" if parent is None else parent.link_id,
        )
        self.orders.add(record)
        self._note("placed", truth.order(self.uid, record))
        return record

    def _amended(self, report: AmendReport) -> OrderRecord | None:
        record = self.orders.inner(report.request.order_id)
        if record is not None:
            record.request = report.request
            self._note("amended", truth.order(self.uid, record))
        return record

    def _moved(self, report: OrderReport) -> OrderRecord | None:
        record = self.orders.inner(report.order_id)
        if record is None:
            return None
        if record is self._asking and report.status is OrderStatus.REJECTED:
            record.refused = report.reason
            return None
        self._accept(record)
        record.status, record.reason = report.status, report.reason
        if report.status is OrderStatus.TRIGGERED:
            record.bound = _bound(record.request, self.markets[record.request.symbol])
        return record

    def _accept(self, record: OrderRecord) -> None:
        """Note that the order just asked for was taken."""
        if record is self._asking:
            self._asking = None
            self._note("accepted", truth.order(self.uid, record))

    def _show(self, record: OrderRecord) -> None:
        if record.is_closed:
            self.orders.close(record)
        self._note("status", truth.status(self.uid, record))
        self._push(self.uid, "order", [order_item(record, self.listings[record.request.symbol])])

    def _on_money(self, report: FillReport | FundingReport, now_ms: int) -> None:
        if isinstance(report, FillReport):
            self._on_fill(report, now_ms)
        else:
            self._on_funding(report, now_ms)

    def _on_fill(self, report: FillReport, now_ms: int) -> None:
        record = self.orders.inner(report.order_id)
        assert record is not None, "an execution of an order that was never told"
        self._accept(record)
        key = leg_key(report.symbol, record.request.position_idx)
        booked = self.books.fill(key, report.side, report.price, report.qty, report.fee)
        record.cum_qty, record.cum_fee = add(record.cum_qty, report.qty), add(record.cum_fee, report.fee)
        record.cum_value = add(record.cum_value, multiply(report.qty, report.price))
        record.closed_pnl = add(record.closed_pnl, booked.realised)
        full = record.cum_qty >= record.request.qty
        record.status = OrderStatus.FILLED if full else OrderStatus.PARTIALLY_FILLED
        record.updated_ms = now_ms
        market, serial = self.markets[report.symbol], len(self.executions) + 1
        execution = trade_record(record, report, booked, uid=self.uid, serial=serial, market=market, now_ms=now_ms)
        self._keep(execution)
        self.books.note_fill(key, execution, booked, self.account.leverage_of(report.symbol))
        self._tell_execution(execution)
        self._note("position", truth.position(self.uid, record, booked.size, execution.exec_id))
        self._note_wallet(self.books.transactions[-1].change, execution.exec_id)
        self._show(record)

    def _on_funding(self, report: FundingReport, now_ms: int) -> None:
        market, at_ms = self.markets[report.symbol], min(now_ms, report.boundary // NS_PER_MS)
        serial = len(self.executions) + 1
        execution = funding_record(report, uid=self.uid, serial=serial, index=market.index, now_ms=at_ms)
        idx = PositionIdx.ONE_WAY
        if self.account.hedge:
            idx = PositionIdx.LONG if report.qty > 0 else PositionIdx.SHORT
        self._keep(execution)
        self.books.settle(leg_key(report.symbol, idx), execution)
        self._note("funding", truth.funding(self.uid, execution))
        self._tell_execution(execution)
        self._note_wallet(report.fee.copy_negate(), execution.exec_id)

    def _keep(self, execution: ExecutionRecord) -> None:
        self.executions.append(execution)
        self._executions_by_order.setdefault(execution.order_id, []).append(execution)

    def _on_transfer(self, report: TransferReport, now_ms: int) -> None:
        self.books.transfer(report.amount, now_ms)
        self._note("transfer", truth.transfer(self.uid, report.amount, report.reason))
        self._note_wallet(report.amount, report.reason)

    def _tell_execution(self, execution: ExecutionRecord) -> None:
        self._note("execution", truth.execution(self.uid, execution))
        self._push(self.uid, "execution", [execution_item(execution, self.listings[execution.symbol])])

    def _note_wallet(self, change: Decimal, cause: str) -> None:
        self._note("wallet", truth.wallet(self.uid, change, self.books.ledger.cash, cause))

    def note_refusal(self, method: str, path: str, query: Mapping[str, object], refused: Refused) -> None:
        """Note that a request was refused."""
        self._note("refused", truth.refusal(self.uid, method, path, query, refused))

    # What it looks like

    def executions_of(self, order_id: str, link_id: str) -> list[ExecutionRecord]:
        """Executions of an order by its id, or by the client's; oldest first."""
        if not order_id:
            record = self.orders.find("", link_id)
            order_id = "" if record is None else record.order_id
        return self._executions_by_order.get(order_id, [])

    def legs(self) -> tuple[PositionIdx, ...]:
        """The positions that a symbol has in the account's position mode."""
        return (PositionIdx.LONG, PositionIdx.SHORT) if self.account.hedge else (PositionIdx.ONE_WAY,)

    def position_items(self, symbol: str) -> list[Result]:
        """The positions of a symbol, flat ones too, in the words of position/list."""
        return [self.position_of(symbol, idx) for idx in self.legs()]

    def position_of(self, symbol: str, idx: PositionIdx) -> Result:
        """One position in the words of position/list."""
        key = leg_key(symbol, idx)
        return position_item(
            PositionView(
                account=self.account,
                leg=self.account.leg(symbol, idx, self.markets[symbol]),
                book=self.books.leg(key),
                listing=self.listings[symbol],
                protection=self.exchange.interventions.protection(symbol, idx),
                auto_add=key in self.auto_add,
            )
        )

    def wallet_item(self) -> Result:
        """The wallet in the words of account/wallet-balance."""
        ledger = self.books.ledger
        return wallet_item(self.account, subtract(ledger.cash, ledger.transfers))


def _bound(request: OrderRequest, market: Market) -> Decimal | None:
    """The price of the limit order that a market order becomes when it is active, None for others; USDT."""
    if request.type is not OrderType.MARKET:
        return None
    return protective_price(market, request.side, request.tolerance)
