"""A bench for the simulated exchange: it plays the market and the lane that listens."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from adapters.simulated.account import Account
from adapters.simulated.exchange import SimulatedExchange
from daemon.core.events import Bar, BookDelta, BookSnapshot, MarketFact, Quote, Side, Ticker, Trade
from daemon.core.ledger import Ledger
from daemon.core.market import Market
from daemon.core.orders import OrderRequest, OrderState, add_fill, advance
from daemon.core.records import OrderStatus, OrderType, TimeInForce
from daemon.core.venue import ExchangeSettings, FillReport, OrderReport, Report, TransferReport
from tests.daemon.core.build import BTC, MIDNIGHT, MINUTE, NO_FRICTION, bar, instrument, quote, snapshot, ticker, trade

D = Decimal


class Bench:
    """One market, one exchange, and what a lane would make of its reports."""

    def __init__(
        self, settings: ExchangeSettings = NO_FRICTION, *, balance: str = "10000", leverage: str = "10"
    ) -> None:
        self.exchange = SimulatedExchange(settings, balance=D(balance), leverage=D(leverage))
        self.market = Market(BTC)
        self.market.instrument = instrument()
        self.ledger = Ledger()
        self.orders: dict[str, OrderState] = {}
        self.fills: list[FillReport] = []
        self.now = MIDNIGHT
        self.book(self.exchange.advance(self.now))

    @property
    def account(self) -> Account:
        return self.exchange._account

    def pass_time(self, ns: int) -> list[Report]:
        self.now += ns
        return self.book(self.exchange.advance(self.now) if self.now >= self.exchange.next_due else [])

    def tell(self, fact: MarketFact, *, after: int = 0) -> list[Report]:
        """What the engine does with a market fact: let time pass, change the market, match."""
        reports = self.pass_time(after)
        self.apply(fact)
        return reports + self.book(self.exchange.on_market(self.market, fact, self.now))

    def apply(self, fact: MarketFact) -> None:
        market = self.market
        match fact:
            case Trade():
                market.apply_trade(fact)
            case Quote():
                market.apply_quote(fact)
            case BookSnapshot():
                if not market.apply_snapshot(fact):
                    market.drop_book()
            case BookDelta():
                if not market.apply_delta(fact):
                    market.drop_book()
            case Ticker():
                market.apply_ticker(fact)
            case Bar():
                market.apply_bar(fact)
            case _:
                market.drop_book()

    def order(
        self,
        side: Side,
        qty: str,
        price: str | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        *,
        reduce_only: bool = False,
    ) -> list[Report]:
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        number = len(self.orders)
        limit = None if price is None else D(price)
        request = OrderRequest(f"o{number}", number, "s", BTC, side, kind, time_in_force, D(qty), limit, reduce_only)
        self.orders[request.order_id] = OrderState(request)
        return self.book(self.exchange.submit(request, self.market, self.now))

    def buy(self, qty: str, price: str | None = None, *rest: Any, **more: Any) -> list[Report]:
        return self.order(Side.BUY, qty, price, *rest, **more)

    def sell(self, qty: str, price: str | None = None, *rest: Any, **more: Any) -> list[Report]:
        return self.order(Side.SELL, qty, price, *rest, **more)

    def cancel(self, order_id: str = "o0") -> list[Report]:
        return self.book(self.exchange.cancel(order_id, self.now))

    def book(self, reports: Any) -> list[Report]:
        """Fold reports as a lane does; an impossible one raises."""
        for report in reports:
            match report:
                case OrderReport():
                    advance(self.orders[report.order_id], report.status)
                case FillReport():
                    add_fill(self.orders[report.order_id], report.qty)
                    self.fills.append(report)
                    self.ledger.fill(report.symbol, report.side, report.price, report.qty, report.fee)
                case TransferReport():
                    self.ledger.transfer(report.amount)
        self.ledger.check()
        return list(reports)

    def status(self, order_id: str = "o0") -> OrderStatus:
        return self.orders[order_id].status


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
