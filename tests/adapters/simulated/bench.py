"""A bench for the simulated exchange: it plays the market and the lane that listens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from adapters.simulated.account import Account
from adapters.simulated.exchange import SimulatedExchange
from daemon.core.events import (
    Instrument,
    MarketFact,
    Side,
    VenueTrouble,
)
from daemon.core.ledger import Ledger
from daemon.core.market import Market
from daemon.core.orders import (
    Amendment,
    OrderRequest,
    OrderState,
    PositionIdx,
    Protection,
    TradingStop,
    add_fill,
    advance,
)
from daemon.core.records import OrderStatus, OrderType, TimeInForce
from daemon.core.venue import (
    AccountReport,
    AmendReport,
    ExchangeSettings,
    FillReport,
    FundingReport,
    LiquidationReport,
    OrderReport,
    PlacedReport,
    RefusalReport,
    Report,
    StopReport,
    TransferReport,
)
from tests.daemon.core.build import (
    BTC,
    MIDNIGHT,
    MINUTE,
    NO_FRICTION,
    apply_to,
    bar,
    instrument,
    quote,
    snapshot,
    ticker,
    trade,
)

D = Decimal


class Listener:
    """A lane that believes every report it is told; an impossible one raises.

    history: every status of each order with its reason, in the order told.
    filled_as: the order of each fill as it was when the fill was told; later reports of that moment may amend it.
    """

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.orders: dict[str, OrderState] = {}
        self.history: dict[str, list[tuple[OrderStatus, str]]] = {}
        self.reports: list[Report] = []
        self.filled_as: dict[str, OrderRequest] = {}

    def asks(self, request: OrderRequest) -> None:
        """An order is on its way."""
        self.orders[request.order_id] = OrderState(request)
        self.history[request.order_id] = [(OrderStatus.SUBMITTED, "")]

    def hear(self, reports: Iterable[Report]) -> list[Report]:
        heard = list(reports)
        for report in heard:
            self._believe(report)
        self.reports += heard
        self.ledger.check()
        return heard

    def told(self, kind: type[Any]) -> list[Any]:
        """Every report of a kind so far."""
        return [report for report in self.reports if isinstance(report, kind)]

    def _believe(self, report: Report) -> None:
        match report:
            case PlacedReport():
                self._placed(report)
            case OrderReport():
                advance(self.orders[report.order_id], report.status)
                self._note(report.order_id, report.reason)
            case AmendReport():
                self._amended(report.request)
            case FillReport():
                self._filled(report)
            case FundingReport():
                self.ledger.transfer(-report.fee)
            case TransferReport():
                self.ledger.transfer(report.amount)
            case RefusalReport() | LiquidationReport() | AccountReport() | StopReport():
                pass

    def _placed(self, report: PlacedReport) -> None:
        name = report.request.order_id
        assert name not in self.orders, f"{name} was placed twice"
        self.orders[name] = OrderState(report.request, report.status)
        self.history[name] = []
        self._note(name, report.reason)

    def _amended(self, request: OrderRequest) -> None:
        order = self.orders[request.order_id]
        assert order.is_open, f"{request.order_id} was amended when it was {order.status}"
        assert request.qty > order.filled_qty
        order.request = request

    def _filled(self, report: FillReport) -> None:
        order = self.orders[report.order_id]
        self.filled_as[report.fill_id] = order.request
        add_fill(order, report.qty)
        self._note(report.order_id, "")
        key = position_key(report.symbol, order.request.position_idx)
        self.ledger.fill(key, report.side, report.price, report.qty, report.fee)

    def _note(self, order_id: str, reason: str) -> None:
        self.history[order_id].append((self.orders[order_id].status, reason))


class Bench:
    """Markets, one exchange, and what a lane would make of its reports.

    Args:
        settings: of the exchange.
        symbols: one market each, of the specification that `instrument` gives.
        specification: changes of it.
    """

    def __init__(
        self,
        settings: ExchangeSettings = NO_FRICTION,
        *,
        balance: str = "10000",
        leverage: str = "10",
        symbols: Sequence[str] = (BTC,),
        start: int = MIDNIGHT,
        hedge: bool = False,
        **specification: Any,
    ) -> None:
        self.exchange = SimulatedExchange(settings, balance=D(balance), leverage=D(leverage), hedge=hedge)
        self.markets = {symbol: Market(symbol) for symbol in symbols}
        for symbol, market in self.markets.items():
            market.instrument = instrument(symbol, **specification)
        self.listener = Listener()
        self.now = start
        self.book(self.exchange.advance(self.now))

    @property
    def market(self) -> Market:
        """The first symbol's."""
        return next(iter(self.markets.values()))

    @property
    def account(self) -> Account:
        return self.exchange.account

    @property
    def ledger(self) -> Ledger:
        return self.listener.ledger

    @property
    def orders(self) -> dict[str, OrderState]:
        return self.listener.orders

    @property
    def fills(self) -> list[FillReport]:
        return self.listener.told(FillReport)

    # The world

    def pass_time(self, ns: int) -> list[Report]:
        self.now += ns
        return self.book(self.exchange.advance(self.now) if self.now >= self.exchange.next_due else [])

    def tell(self, fact: MarketFact | Instrument, *, after: int = 0) -> list[Report]:
        """What the engine does with a market fact: let time pass, change the market, match."""
        reports = self.pass_time(after)
        market = self.markets[fact.symbol]
        if isinstance(fact, Instrument):
            market.instrument = fact
            return reports
        self.apply(fact)
        return reports + self.book(self.exchange.on_market(market, fact, self.now))

    def apply(self, fact: MarketFact) -> None:
        market = self.markets[fact.symbol]
        market.ts, market.ts_exchange = self.now, fact.ts_exchange
        apply_to(market, fact)

    def trouble(self, trouble: VenueTrouble) -> list[Report]:
        return self.book(self.exchange.trouble(trouble, self.now))

    # Requests

    def order(
        self,
        side: Side,
        qty: str,
        price: str | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        *,
        reduce_only: bool = False,
        symbol: str = BTC,
        **more: Any,
    ) -> list[Report]:
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        number = sum(1 for name in self.orders if name[0] == "o" and name[1:].isdigit())
        limit = None if price is None else D(price)
        name = f"o{number}"
        request = OrderRequest(name, number, "s", symbol, side, kind, time_in_force, D(qty), limit, reduce_only, **more)
        return self.submit(request)

    def submit(self, request: OrderRequest) -> list[Report]:
        self.listener.asks(request)
        return self.book(self.exchange.submit(request, self.markets[request.symbol], self.now))

    def buy(self, qty: str, price: str | None = None, *rest: Any, **more: Any) -> list[Report]:
        return self.order(Side.BUY, qty, price, *rest, **more)

    def sell(self, qty: str, price: str | None = None, *rest: Any, **more: Any) -> list[Report]:
        return self.order(Side.SELL, qty, price, *rest, **more)

    def cancel(self, order_id: str = "o0") -> list[Report]:
        return self.book(self.exchange.cancel(order_id, self.now))

    def cancel_all(self, symbol: str = "") -> list[Report]:
        return self.book(self.exchange.cancel_all(symbol, self.now))

    def amend(self, order_id: str = "o0", **changes: str) -> list[Report]:
        amendment = Amendment(order_id, **{name: D(value) for name, value in changes.items()})
        return self.book(self.exchange.amend(amendment, self.now))

    def protect(
        self, protection: Protection, *, symbol: str = BTC, position_idx: PositionIdx = PositionIdx.ONE_WAY
    ) -> list[Report]:
        stop = TradingStop(symbol, protection, 0, "s", position_idx)
        return self.book(self.exchange.protect(stop, self.markets[symbol], self.now))

    def book(self, reports: Iterable[Report]) -> list[Report]:
        """Fold reports as a lane does; an impossible one raises."""
        return self.listener.hear(reports)

    def status(self, order_id: str = "o0") -> OrderStatus:
        return self.orders[order_id].status


def position_key(symbol: str, position_idx: PositionIdx) -> str:
    """Name of a position in the listener's ledger."""
    return symbol if position_idx is PositionIdx.ONE_WAY else f"{symbol}#{position_idx.value}"


def fills(reports: list[Report]) -> list[tuple[Decimal | int, Decimal | int]]:
    """(price, quantity) of the fills among reports, typed so that whole numbers may be written as int."""
    return [(report.price, report.qty) for report in reports if isinstance(report, FillReport)]


def reasons(reports: list[Report]) -> list[str]:
    return [report.reason for report in reports if isinstance(report, OrderReport) and report.reason]


def with_settings(**changes: Any) -> ExchangeSettings:
    return msgspec.structs.replace(NO_FRICTION, **changes)


def on_book(settings: ExchangeSettings = NO_FRICTION, **account: Any) -> Bench:
    """Bids 100.0 x 1, 99.9 x 2, 99.0 x 50; asks 100.1 x 1, 100.2 x 2, 101.0 x 50; mark 100."""
    bench = Bench(settings, **account)
    bench.tell(ticker(mark=100.0))
    bench.tell(snapshot([(100.0, 1.0), (99.9, 2.0), (99.0, 50.0)], [(100.1, 1.0), (100.2, 2.0), (101.0, 50.0)]))
    return bench


def on_touch(settings: ExchangeSettings = NO_FRICTION, **account: Any) -> Bench:
    """Bid 99.9, ask 100.1, last trade 100."""
    bench = Bench(settings, **account)
    bench.tell(trade(100.0))
    bench.tell(quote(99.9, 100.1))
    return bench


def on_bars(settings: ExchangeSettings = NO_FRICTION, **account: Any) -> Bench:
    """One minute bar that closed at 100, a minute after midnight."""
    bench = Bench(settings, **account)
    bench.tell(bar(100.0), after=MINUTE)
    return bench
