"""The simulated exchange as a venue under test: its reports are believed as a lane would, and read from there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from adapters.simulated import account_settings
from daemon.core.events import Instrument, MarketFact, VenueTrouble
from daemon.core.orders import Amendment, OrderRequest, OrderState, PositionIdx, TradingStop
from daemon.core.records import OrderStatus
from daemon.core.units import NS_PER_MS, ZERO
from daemon.core.venue import FillReport, FundingReport, MarginMode, OrderReport, RefusalReport, Report
from tests.adapters.simulated.bench import Bench, position_key
from tests.conformance.venue import (
    FillView,
    FundingView,
    OrderView,
    PositionView,
    Setup,
    StatusView,
    VenueUnderTest,
)


class SimulatedVenue:
    """Implements `VenueUnderTest` over a `Bench`. Everything completes at once."""

    def __init__(self, setup: Setup) -> None:
        symbols = [instrument.symbol for instrument in setup.instruments]
        self._bench = Bench(
            setup.settings,
            balance=str(setup.balance),
            leverage=str(setup.leverage),
            symbols=symbols,
            start=setup.start,
            hedge=setup.hedge,
        )
        self._listener = self._bench.listener
        for instrument in setup.instruments:
            self._bench.tell(instrument)

    # The world

    async def tell(self, fact: MarketFact | Instrument) -> None:
        self._bench.tell(fact)

    async def wait(self, ms: int) -> None:
        self._bench.pass_time(ms * NS_PER_MS)

    async def trouble(self, trouble: VenueTrouble) -> None:
        self._bench.trouble(trouble)

    # Requests

    async def place(self, request: OrderRequest) -> str | None:
        if request.order_id in self._listener.orders:
            return self._place_again(request)
        return _refusal(self._bench.submit(request), request.order_id)

    def _place_again(self, request: OrderRequest) -> str | None:
        """An id that was used already: what comes back is no step in the life of the order that has it."""
        exchange, market = self._bench.exchange, self._bench.markets[request.symbol]
        return _refusal(list(exchange.submit(request, market, self._bench.now)), request.order_id)

    async def amend(self, amendment: Amendment) -> str | None:
        reports = self._bench.book(self._bench.exchange.amend(amendment, self._bench.now))
        return _refusal(reports, amendment.order_id)

    async def cancel(self, order_id: str) -> str | None:
        return _refusal(self._bench.cancel(order_id), order_id)

    async def cancel_all(self, symbol: str) -> None:
        self._bench.cancel_all(symbol)

    async def protect(self, stop: TradingStop) -> str | None:
        market = self._bench.markets[stop.symbol]
        return _refusal(self._bench.book(self._bench.exchange.protect(stop, market, self._bench.now)), "")

    async def set_leverage(self, symbol: str, leverage: Decimal) -> str | None:
        return account_settings.set_leverage(self._bench.account, self._bench.markets[symbol], leverage)

    async def set_margin_mode(self, mode: MarginMode) -> str | None:
        return account_settings.set_margin_mode(self._bench.account, mode)

    async def set_hedge(self, symbol: str, *, hedge: bool) -> str | None:
        return account_settings.switch_position_mode(self._bench.account, hedge=hedge)

    async def add_margin(self, symbol: str, amount: Decimal, position_idx: PositionIdx) -> str | None:
        account = self._bench.account
        leg = account.leg(symbol, position_idx, self._bench.markets[symbol])
        return account_settings.add_margin(account, leg, amount)

    # What the account's client knows

    async def order(self, order_id: str) -> OrderView:
        return _view(self._listener.orders[order_id])

    async def open_orders(self, symbol: str) -> list[OrderView]:
        orders = self._listener.orders.values()
        return [_view(order) for order in orders if order.is_open and order.request.symbol == symbol]

    async def history(self, order_id: str) -> list[StatusView]:
        told = self._listener.history[order_id]
        return [StatusView(status, reason) for status, reason in told if status is not OrderStatus.SUBMITTED]

    async def fills(self) -> list[FillView]:
        return [_fill(report) for report in self._listener.told(FillReport)]

    async def fundings(self) -> list[FundingView]:
        told = self._listener.told(FundingReport)
        return [FundingView(each.symbol, each.boundary, each.qty, each.rate, each.fee) for each in told]

    async def position(self, symbol: str, position_idx: PositionIdx) -> PositionView:
        held = self._listener.ledger.positions.get(position_key(symbol, position_idx))
        return PositionView(ZERO, ZERO) if held is None else PositionView(held.qty, held.entry)

    async def wallet(self) -> Decimal:
        return self._listener.ledger.cash

    async def available(self) -> Decimal:
        return self._bench.account.available()


@asynccontextmanager
async def open_simulated(setup: Setup) -> AsyncIterator[VenueUnderTest]:
    """A fresh account at a simulated exchange."""
    yield SimulatedVenue(setup)


def _refusal(reports: list[Report], order_id: str) -> str | None:
    for report in reports:
        match report:
            case OrderReport(status=OrderStatus.REJECTED) if report.order_id == order_id:
                return report.reason
            case RefusalReport() if report.order_id == order_id:
                return report.reason
            case _:
                pass
    return None


def _view(order: OrderState) -> OrderView:
    request = order.request
    return OrderView(
        request.order_id,
        request.symbol,
        request.side,
        request.type,
        request.qty,
        order.filled_qty,
        request.price,
        order.status,
        request.trigger_price,
        request.stop_order_type,
        request.create_type,
        request.reduce_only,
    )


def _fill(report: FillReport) -> FillView:
    return FillView(
        report.order_id,
        report.fill_id,
        report.symbol,
        report.side,
        report.price,
        report.qty,
        report.fee,
        report.maker,
        report.exec_type,
    )
