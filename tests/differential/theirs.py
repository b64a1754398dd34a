"""Plays a scenario on nautilus_trader's matching engine, through its public back-test engine.

The only module that imports nautilus_trader. Settings: netting, no latency, the default fill model (a price that is
touched fills), adaptive order of a bar's high and low, no risk engine before the venue. A market order is IOC where
there is a book, as Bybit's are; without a book it is GTC, or what exceeds the touch would be cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model import data as nautilus
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.enums import (
    AccountType,
    AggressorSide,
    BookAction,
    BookType,
    LiquiditySide,
    OmsType,
    OrderSide,
)
from nautilus_trader.model.enums import TimeInForce as NautilusTimeInForce
from nautilus_trader.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderCancelRejected,
    OrderFilled,
    OrderInitialized,
    OrderModifyRejected,
    OrderPendingCancel,
    OrderPendingUpdate,
    OrderRejected,
    OrderSubmitted,
    OrderTriggered,
    OrderUpdated,
)
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from daemon.core.events import Bar, BookDelta, BookSnapshot, Instrument, MarketFact, Quote, Side, Ticker, Trade
from daemon.core.orders import Amendment, OrderRequest, TriggerDirection
from daemon.core.records import OrderType, TimeInForce
from daemon.core.units import ZERO, subtract
from daemon.core.venue import FillData
from tests.differential.scenario import BALANCE, LEVERAGE, MAKER_FEE, TAKER_FEE, Cancel, Scenario
from tests.differential.trace import Step, Trace, What

VENUE = Venue("SIM")
SIDES = {Side.BUY: OrderSide.BUY, Side.SELL: OrderSide.SELL}
TIMES_IN_FORCE = {
    TimeInForce.GTC: NautilusTimeInForce.GTC,
    TimeInForce.IOC: NautilusTimeInForce.IOC,
    TimeInForce.FOK: NautilusTimeInForce.FOK,
    TimeInForce.POST_ONLY: NautilusTimeInForce.GTC,
}
WORDS = {
    OrderAccepted: (What.NEW, "Accepted"),
    OrderTriggered: (What.TRIGGERED, "Triggered"),
    OrderCanceled: (What.END, "Canceled"),
    OrderRejected: (What.END, "Rejected"),
    OrderModifyRejected: (What.REFUSED, "Modify rejected"),
    OrderCancelRejected: (What.REFUSED, "Cancel rejected"),
}
SILENT = (OrderInitialized, OrderSubmitted, OrderPendingUpdate, OrderPendingCancel)
WOULD_ABORT = "not sent: an amendment below what is filled aborts the process"


def play(scenario: Scenario) -> Trace:
    """Play a scenario; the trace holds what a strategy would have heard."""
    config = BacktestEngineConfig(
        logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
    )
    engine = BacktestEngine(config)
    engine.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(BALANCE, USDT)],
        base_currency=USDT,
        default_leverage=LEVERAGE,
        book_type=BookType.L2_MBP if scenario.data is FillData.BOOK else BookType.L1_MBP,
        reject_stop_orders=True,
        bar_adaptive_high_low_ordering=True,
    )
    player = _Player(scenario)
    engine.add_instrument(player.instrument)
    engine.add_strategy(player)
    engine.add_data(_market_data(scenario, player.instrument), validate=False)
    engine.run()
    position = sum((one.signed_decimal_qty() for one in engine.cache.positions_open()), ZERO)
    cash = engine.portfolio.account(VENUE).balance_total(USDT).as_decimal()
    engine.dispose()
    return Trace(player.steps, player.fills, position, subtract(cash, BALANCE))


class _Player(Strategy):  # type: ignore[misc] # nautilus_trader has no types for it
    """A strategy that sends the requests of a scenario at their times and writes down what it hears."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self.instrument = _instrument(scenario.instrument)
        self.steps: dict[str, list[Step]] = {}
        self.fills: list[tuple[str, Step]] = []
        self._scenario = scenario
        self._places = {time: place for place, time in enumerate(scenario.times)}

    def on_start(self) -> None:
        """Wait for the time of each request."""
        for place, (time, what) in enumerate(zip(self._scenario.times, self._scenario.happenings, strict=True)):
            if isinstance(what, OrderRequest | Amendment | Cancel):
                self.clock.set_time_alert_ns(f"{place}", time, self._send)

    def _send(self, alert: Any) -> None:
        what = self._scenario.happenings[int(alert.name)]
        match what:
            case OrderRequest():
                self.steps[what.order_id] = []
                self.submit_order(self._order(what))
            case Amendment():
                self._amend(what)
            case Cancel():
                self._on_open(what.order_id, self.cancel_order)

    def _on_open(self, order_id: str, action: Callable[[Any], None]) -> None:
        order = self.cache.order(ClientOrderId(order_id))
        if order is not None and order.is_open:
            action(order)
        else:
            self.steps[order_id].append(Step(self._place(), What.REFUSED, word="not open"))

    def _amend(self, what: Amendment) -> None:
        make_qty, make_price = self.instrument.make_qty, self.instrument.make_price

        def change(order: Any) -> None:
            if what.qty is not None and what.qty <= order.filled_qty.as_decimal():
                self.steps[what.order_id].append(Step(self._place(), What.REFUSED, word=WOULD_ABORT))
                return
            if self._changes_nothing(order, what):
                self.steps[what.order_id].append(Step(self._place(), What.REFUSED, word="not sent: unchanged"))
                return
            self.modify_order(
                order,
                None if what.qty is None else make_qty(what.qty),
                None if what.price is None else make_price(what.price),
                None if what.trigger_price is None else make_price(what.trigger_price),
            )

        self._on_open(what.order_id, change)

    def _changes_nothing(self, order: Any, what: Amendment) -> bool:
        """An amendment that changes nothing is dropped by the strategy's own side, without a word."""
        return (
            (what.qty is None or order.quantity.as_decimal() == what.qty)
            and (what.price is None or order.price.as_decimal() == what.price)
            and (what.trigger_price is None or order.trigger_price.as_decimal() == what.trigger_price)
        )

    def _order(self, request: OrderRequest) -> Any:
        fields: dict[str, Any] = {
            "instrument_id": self.instrument.id,
            "order_side": SIDES[request.side],
            "quantity": self.instrument.make_qty(request.qty),
            "time_in_force": self._time_in_force(request),
            "reduce_only": request.reduce_only,
            "client_order_id": ClientOrderId(request.order_id),
        }
        if request.price is not None:
            fields["price"] = self.instrument.make_price(request.price)
            fields["post_only"] = request.time_in_force is TimeInForce.POST_ONLY
        if request.trigger_price is not None:
            fields["trigger_price"] = self.instrument.make_price(request.trigger_price)
        return self._maker(request)(**fields)

    def _maker(self, request: OrderRequest) -> Any:
        factory, limited = self.order_factory, request.price is not None
        if request.trigger_price is None:
            return factory.limit if limited else factory.market
        if (request.side is Side.BUY) == (request.trigger_direction is TriggerDirection.RISES):
            return factory.stop_limit if limited else factory.stop_market
        return factory.limit_if_touched if limited else factory.market_if_touched

    def _time_in_force(self, request: OrderRequest) -> Any:
        with_book = self._scenario.data is FillData.BOOK
        if request.type is OrderType.MARKET:
            return NautilusTimeInForce.IOC if with_book else NautilusTimeInForce.GTC
        return TIMES_IN_FORCE[request.time_in_force]

    def _place(self) -> int:
        return self._places[self.clock.timestamp_ns()]

    def on_order_event(self, event: Any) -> None:
        """Write down what happened to an order."""
        if isinstance(event, SILENT):
            return
        order_id, step = event.client_order_id.value, self._step(event)
        self.steps[order_id].append(step)
        if step.what is What.FILL:
            self.fills.append((order_id, step))

    def _step(self, event: Any) -> Step:
        place = self._place()
        if isinstance(event, OrderFilled):
            return _fill(event, place)
        if isinstance(event, OrderUpdated):
            return self._updated(event, place)
        what, word = WORDS[type(event)]
        return Step(place, what, word=f"{word} {getattr(event, 'reason', '')}".strip())

    def _updated(self, event: Any, place: int) -> Step:
        asked = self._scenario.happenings[place]
        solicited = isinstance(asked, Amendment) and asked.order_id == event.client_order_id.value
        what = What.AMENDED if solicited else What.RESIZED
        price = ZERO if event.price is None else event.price.as_decimal()
        return Step(place, what, price, event.quantity.as_decimal(), word="Updated")


def _fill(event: Any, place: int) -> Step:
    return Step(
        place,
        What.FILL,
        event.last_px.as_decimal(),
        event.last_qty.as_decimal(),
        event.liquidity_side == LiquiditySide.MAKER,
        event.commission.as_decimal(),
    )


def _instrument(specification: Instrument) -> Any:
    tick, step = specification.tick, specification.step
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol(specification.symbol), VENUE),
        raw_symbol=Symbol(specification.symbol),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=_decimals(tick),
        size_precision=_decimals(step),
        price_increment=Price.from_str(str(tick)),
        size_increment=Quantity.from_str(str(step)),
        ts_event=0,
        ts_init=0,
        maker_fee=MAKER_FEE,
        taker_fee=TAKER_FEE,
    )


def _decimals(grid: Decimal) -> int:
    exponent = grid.as_tuple().exponent
    assert isinstance(exponent, int), "a grid is finite"
    return -exponent


def _market_data(scenario: Scenario, instrument: Any) -> list[Any]:
    data = []
    for place, (time, what) in enumerate(zip(scenario.times, scenario.happenings, strict=True)):
        if not isinstance(what, OrderRequest | Amendment | Cancel | Ticker):
            data.append(_datum(what, instrument, time, place))
    return data


def _datum(fact: MarketFact, instrument: Any, time: int, place: int) -> Any:
    price, qty = instrument.make_price, instrument.make_qty
    match fact:
        case BookSnapshot() | BookDelta():
            return _deltas(fact, instrument, time)
        case Trade():
            taker = AggressorSide.BUYER if fact.taker_side is Side.BUY else AggressorSide.SELLER
            trade_id = TradeId(f"{place}")
            return nautilus.TradeTick(instrument.id, price(fact.price), qty(fact.qty), taker, trade_id, time, time)
        case Quote():
            touch = (price(fact.bid), price(fact.ask), qty(fact.bid_qty), qty(fact.ask_qty))
            return nautilus.QuoteTick(instrument.id, *touch, time, time)
        case Bar():
            kind = nautilus.BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
            prices = [price(one) for one in (fact.open, fact.high, fact.low, fact.close)]
            return nautilus.Bar(kind, *prices, qty(fact.volume), time, time)
        case _:
            raise AssertionError(f"no scenario has {fact}")


def _deltas(fact: BookSnapshot | BookDelta, instrument: Any, time: int) -> Any:
    deltas = [_change(instrument, OrderSide.BUY, level, time) for level in fact.bids]
    deltas += [_change(instrument, OrderSide.SELL, level, time) for level in fact.asks]
    if isinstance(fact, BookSnapshot):
        deltas.insert(0, nautilus.OrderBookDelta.clear(instrument.id, 0, time, time))
    return nautilus.OrderBookDeltas(instrument.id, deltas)


def _change(instrument: Any, side: Any, level: tuple[float, float], time: int) -> Any:
    price, size = level
    action = BookAction.UPDATE if size else BookAction.DELETE
    order = nautilus.BookOrder(side, instrument.make_price(price), instrument.make_qty(size), 0)
    return nautilus.OrderBookDelta(instrument.id, action, order, 0, 0, time, time)
