"""The simulated exchange under random orders and a random market, told by a lane that believes every report.

The bench refuses what cannot be: a status that the table does not know, a fill beyond its order, money that does not
add up. The rules below ask for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from daemon.core.events import BookDown, MarketFact, RiskTier, Side, TroubleKind, VenueTrouble
from daemon.core.orders import PositionIdx, Protection, SelfMatch, Tolerance, TriggerDirection
from daemon.core.records import OrderStatus, TimeInForce, TriggerBy
from daemon.core.units import NS_PER_HOUR, NS_PER_MS, on_grid
from daemon.core.venue import (
    ExchangeSettings,
    FillData,
    FillReport,
    MarginMode,
    QueueModel,
    Report,
    StopReport,
)
from tests.adapters.simulated.bench import Bench, position_key
from tests.adapters.simulated.naive import NaiveBooks
from tests.daemon.core.build import BTC, ETH, MIDNIGHT, MINUTE, bar, delta, instrument, quote, snapshot, ticker, trade

D = Decimal
TICK = D("0.1")
STEP = D("0.001")
SUBMITTED = OrderStatus.SUBMITTED
STEEP = (
    RiskTier(D(2000), D("0.02"), D("0.04"), D(25), D(0)),
    RiskTier(D(8000), D("0.03"), D("0.06"), D("16.66"), D(20)),
    RiskTier(D(60_000), D("0.05"), D("0.1"), D(10), D(180)),
)

SYMBOLS = st.sampled_from([BTC, BTC, BTC, ETH])
SIDES = st.sampled_from(list(Side))
WAITS = st.sampled_from([0, 0, 1, 30, 500, 90_000])
PRICES = st.integers(980, 1020).map(lambda ticks: ticks / 10)
SIZES = st.sampled_from([0.0004, 0.01, 0.5, 1.0, 7.0])
LEVELS = st.lists(st.tuples(PRICES, st.sampled_from([0.0, 0.0, 0.3, 2.0])), max_size=4)
USUAL = st.sampled_from(["0.3", "1", "1", "2.5", "7", "30"])
QUANTITIES = st.one_of(USUAL, USUAL, st.sampled_from(["0.05", "40", "900", "0.0005"]))
DISTANCES = st.integers(1, 25).map(lambda ticks: ticks / 10)
LEGS = st.sampled_from([PositionIdx.LONG, PositionIdx.SHORT])
TOLERANCES = st.none() | st.sampled_from([Tolerance(ticks=2), Tolerance(percent=D("0.5"))])
SETTINGS = st.builds(
    ExchangeSettings,
    entry_latency_ms=st.sampled_from([0, 0, 20]),
    response_latency_ms=st.sampled_from([0, 0, 35, 60_000]),
    entry_latency_samples_ms=st.sampled_from([(), (), (1.0, 40.0)]),
    response_latency_samples_ms=st.sampled_from([(), (), (0.0, 55.5)]),
    slippage_ticks=st.integers(0, 3),
    impact=st.sampled_from([0.0, 0.01]),
    volume_share=st.sampled_from([1.0, 0.3]),
    fill_data=st.sampled_from([FillData.AUTO, FillData.AUTO, *FillData]),
    queue=st.sampled_from(list(QueueModel)),
    margin_mode=st.sampled_from(list(MarginMode)),
    move_price_to_limit=st.booleans(),
    account_every_min=st.sampled_from([0, 60]),
)


class RandomFlow(RuleBasedStateMachine):
    bench: Bench

    @initialize(
        chosen=SETTINGS,
        balance=st.sampled_from(["10000", "10000", "400"]),
        leverage=st.sampled_from(["1", "3", "10"]),
        hedge=st.sampled_from([False, False, True]),
        band=st.booleans(),
        tiers=st.sampled_from([(), STEEP]),
    )
    def open_account(  # noqa: PLR0917
        self,
        chosen: ExchangeSettings,
        balance: str,
        leverage: str,
        hedge: bool,
        band: bool,
        tiers: tuple[RiskTier, ...],
    ) -> None:
        ratios = {"price_limit_ratio_x": D("0.01"), "price_limit_ratio_y": D("0.02")} if band else {}
        self.specification: dict[str, Any] = {"risk_tiers": tiers, **ratios}
        self.bench = Bench(
            chosen, balance=balance, leverage=leverage, symbols=(BTC, ETH), hedge=hedge, **self.specification
        )
        self.hedge = hedge
        self.naive = NaiveBooks()
        self.heard(self.bench.listener.reports)
        instant = not chosen.response_latency_ms and not chosen.response_latency_samples_ms
        self.immediate, self.moves_prices = instant, band
        for symbol in (BTC, ETH):
            self.tell(bar(100.0, start=self.bench.now - MINUTE, symbol=symbol))
            self.tell(ticker(mark=100.0, index=100.0, symbol=symbol))
        if chosen.fill_data in (FillData.AUTO, FillData.BOOK):
            self.book_is_replaced(BTC, 100.0, 7.0, 0)
        if chosen.fill_data is not FillData.BARS:
            self.touch_moves(ETH, 100.0, 0)
            self.touch_moves(BTC, 100.0, 0)

    # Market

    @rule(symbol=SYMBOLS, price=PRICES, size=SIZES, side=SIDES, wait=WAITS)
    def trade_happens(self, symbol: str, price: float, size: float, side: Side, wait: int) -> None:
        self.tell(trade(price, size, symbol=symbol, side=side), wait=wait)

    @rule(symbol=SYMBOLS, price=PRICES, wait=WAITS)
    def touch_moves(self, symbol: str, price: float, wait: int) -> None:
        self.tell(quote(round(price - 0.1, 1), round(price + 0.1, 1), symbol=symbol), wait=wait)

    @rule(symbol=SYMBOLS, mark=PRICES, index=st.none() | PRICES, wait=WAITS)
    def ticker_comes(self, symbol: str, mark: float, index: float | None, wait: int) -> None:
        self.tell(ticker(mark=mark, index=index, bid=round(mark - 0.1, 1), symbol=symbol), wait=wait)

    @rule(symbol=SYMBOLS, price=PRICES, size=SIZES, wait=WAITS)
    def book_is_replaced(self, symbol: str, price: float, size: float, wait: int) -> None:
        bids = [(round(price - 0.1 * place, 1), size) for place in (1, 2, 5)]
        asks = [(round(price + 0.1 * place, 1), size) for place in (1, 2, 5)]
        self.tell(snapshot(bids, asks, symbol=symbol), wait=wait)

    @rule(bids=LEVELS, asks=LEVELS, wait=WAITS)
    def book_changes(self, bids: list[tuple[float, float]], asks: list[tuple[float, float]], wait: int) -> None:
        self.tell(delta(bids, asks), wait=wait)
        if not self.bench.market.book.valid:
            self.book_is_replaced(BTC, 100.0, 2.0, 0)

    @rule(symbol=SYMBOLS, open_=PRICES, close=PRICES, reach=st.integers(0, 20), into=WAITS)
    def bar_closes(self, symbol: str, open_: float, close: float, reach: int, into: int) -> None:
        high, low = max(open_, close) + reach / 10, min(open_, close) - reach / 10
        start = self.bench.now + into * NS_PER_MS - MINUTE
        made = bar(close, open_=open_, high=round(high, 1), low=round(low, 1), start=start, symbol=symbol)
        self.tell(made, wait=into)

    @rule(symbol=SYMBOLS, mark=st.sampled_from([3.0, 60.0, 88.0, 92.0, 95.0, 106.0, 109.0, 115.0, 160.0]))
    def mark_price_jumps(self, symbol: str, mark: float) -> None:
        self.tell(ticker(mark=mark, symbol=symbol))
        self.tell(ticker(mark=100.0, symbol=symbol))

    @rule(symbol=SYMBOLS, rate=st.sampled_from([0.0, 0.0001, -0.002, 0.003]), away_ms=st.sampled_from([-1, 0, 1]))
    def funding_is_settled(self, symbol: str, rate: float, away_ms: int) -> None:
        interval = 8 * NS_PER_HOUR
        boundary = MIDNIGHT + ((self.bench.now - MIDNIGHT) // interval + 1) * interval
        self.tell(ticker(funding_rate=rate, next_funding=boundary, symbol=symbol))
        self.heard(self.bench.pass_time(max(0, boundary - self.bench.now + away_ms * NS_PER_MS)))

    @rule(what=st.sampled_from(["book lost", "not trading", "another step", "another tier"]), symbol=SYMBOLS)
    def something_rare_happens_for_a_while(self, what: str, symbol: str) -> None:
        """It ends with the next rare thing."""
        usual = instrument(symbol, **self.specification)
        self.heard(self.bench.tell(usual))
        match what:
            case "book lost":
                self.tell(BookDown(symbol, 0, "gap"))
            case "not trading":
                self.heard(self.bench.tell(instrument(symbol, status="Closed", **self.specification)))
                self.heard(self.bench.order(Side.BUY, "1", "99", symbol=symbol))
                self.heard(self.bench.tell(usual))
            case "another step":
                self.heard(self.bench.tell(instrument(symbol, step=D("0.01"), **self.specification)))
            case _:
                self.heard(self.bench.tell(instrument(symbol, **(self.specification | {"risk_tiers": STEEP}))))

    @rule(
        kind=st.sampled_from(list(TroubleKind)),
        symbol=st.sampled_from([BTC, ETH]),
        delay=st.sampled_from([0, 40, 700]),
        share=st.sampled_from([1.0, 0.4]),
    )
    def trouble_comes(self, kind: TroubleKind, symbol: str, delay: int, share: float) -> None:
        """For one request, which follows at once."""
        self.immediate = self.immediate and not delay
        trouble = VenueTrouble(kind=kind, symbol=symbol, delay_ms=delay, share=share)
        self.heard(self.bench.trouble(trouble))
        self.heard(self.bench.order(Side.BUY, "1", symbol=symbol, position_idx=self.leg(PositionIdx.LONG)))

    # Orders

    @rule(side=SIDES, qty=USUAL, symbol=SYMBOLS, leg=LEGS, tolerance=TOLERANCES)
    def market_order(self, side: Side, qty: str, symbol: str, leg: PositionIdx, tolerance: Tolerance | None) -> None:
        index = self.leg(leg)
        self.heard(self.bench.order(side, qty, symbol=symbol, position_idx=index, tolerance=tolerance))

    @rule(side=SIDES, qty=QUANTITIES, price=PRICES, symbol=SYMBOLS, leg=LEGS, more=st.data())
    def limit_order(  # noqa: PLR0917
        self, side: Side, qty: str, price: float, symbol: str, leg: PositionIdx, more: st.DataObject
    ) -> None:
        self.heard(
            self.bench.order(
                side,
                qty,
                str(price),
                more.draw(st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, *TimeInForce])),
                reduce_only=more.draw(st.sampled_from([False, False, True])),
                self_match=more.draw(st.sampled_from([SelfMatch.NONE, *SelfMatch])),
                symbol=symbol,
                position_idx=self.leg(leg),
            )
        )

    @rule(side=SIDES, qty=USUAL, price=st.none() | PRICES, leg=LEGS, away=DISTANCES, partial=st.booleans())
    def protected_order(  # noqa: PLR0917
        self, side: Side, qty: str, price: float | None, leg: PositionIdx, away: float, partial: bool
    ) -> None:
        protection = self.protection(side, BTC, away, partial=partial)
        index = self.leg(leg)
        self.heard(self.bench.order(side, qty, _text(price), protection=protection, position_idx=index))

    @rule(side=SIDES, qty=USUAL, symbol=SYMBOLS, leg=LEGS, away=DISTANCES, more=st.data())
    def conditional_order(  # noqa: PLR0917
        self, side: Side, qty: str, symbol: str, leg: PositionIdx, away: float, more: st.DataObject
    ) -> None:
        rises = more.draw(st.booleans())
        by = more.draw(st.sampled_from(list(TriggerBy)))
        market = self.bench.markets[symbol]
        now = {TriggerBy.LAST: market.last, TriggerBy.MARK: market.mark, TriggerBy.INDEX: market.index}[by]
        self.heard(
            self.bench.order(
                side,
                qty,
                _text(more.draw(st.none() | PRICES)),
                reduce_only=more.draw(st.booleans()),
                close_on_trigger=more.draw(st.booleans()),
                trigger_price=_price(now + away if rises else now - away),
                trigger_by=by,
                trigger_direction=TriggerDirection.RISES if rises else TriggerDirection.FALLS,
                symbol=symbol,
                position_idx=self.leg(leg),
            )
        )

    @rule(place=st.integers(0, 9), price=st.none() | PRICES, qty=st.none() | QUANTITIES, trigger=st.none() | PRICES)
    def order_is_amended(self, place: int, price: float | None, qty: str | None, trigger: float | None) -> None:
        name = self.one_of_the_open(place)
        order = self.bench.orders.get(name)
        waits = order is not None and order.status is OrderStatus.UNTRIGGERED
        wanted = {"price": _text(price), "qty": qty, "trigger_price": _text(trigger) if waits else None}
        self.heard(self.bench.amend(name, **{key: text for key, text in wanted.items() if text is not None}))

    @rule(place=st.integers(0, 9))
    def order_is_cancelled(self, place: int) -> None:
        self.heard(self.bench.cancel(self.one_of_the_open(place)))

    @rule(symbol=st.sampled_from(["", BTC, ETH]))
    def everything_is_cancelled(self, symbol: str) -> None:
        self.heard(self.bench.cancel_all(symbol))

    @rule(symbol=SYMBOLS, leg=LEGS, away=DISTANCES, partial=st.booleans(), trailing=st.booleans())
    def position_is_protected(self, symbol: str, leg: PositionIdx, away: float, partial: bool, trailing: bool) -> None:
        index = self.leg(leg)
        side = Side.BUY if self.bench.account.held(symbol, index) >= 0 else Side.SELL
        protection = self.protection(side, symbol, away, partial=partial and not trailing)
        if trailing:
            protection = Protection(trailing_stop=_price(away))
        self.heard(self.bench.protect(protection, symbol=symbol, position_idx=index))

    @rule()
    def everything_in_flight_arrives(self) -> None:
        """Also what arrives late because something arrived."""
        for _ in range(4):
            self.heard(self.bench.pass_time(120_000 * NS_PER_MS))
        assert all(order.status is not SUBMITTED for order in self.bench.orders.values())
        self.agrees()

    def leg(self, hedged: PositionIdx) -> PositionIdx:
        return hedged if self.hedge else PositionIdx.ONE_WAY

    def protection(self, side: Side, symbol: str, away: float, *, partial: bool) -> Protection:
        """On the right side of the price, as far as that is known."""
        market = self.bench.markets[symbol]
        up, down = max(market.last, market.mark) + away, min(market.last, market.mark) - away
        profit, loss = (up, down) if side is Side.BUY else (down, up)
        qty = D("0.3") if partial else None
        return Protection(_price(profit), _price(loss), partial=partial, qty=qty)

    def one_of_the_open(self, place: int) -> str:
        """Mostly; now and then one that is done."""
        names = [name for name, order in self.bench.orders.items() if order.is_open or not place]
        return names[place % len(names)] if names else "nobody"

    # What must hold

    def tell(self, fact: MarketFact, *, wait: int = 0) -> None:
        self.heard(self.bench.tell(fact, after=wait * NS_PER_MS))

    def heard(self, reports: Sequence[Report]) -> None:
        """The bench has folded the reports. Now prices, positions and the second opinion."""
        for report in reports:
            name = ""
            if isinstance(report, FillReport):
                name = self.position_of(report)
                self.filled_within_its_bounds(report)
                self.reduced_if_it_should(report, name)
            self.naive.fold([(report, name)])

    def position_of(self, fill: FillReport) -> str:
        return position_key(fill.symbol, self.bench.orders[fill.order_id].request.position_idx)

    def filled_within_its_bounds(self, fill: FillReport) -> None:
        request = self.bench.listener.filled_as[fill.fill_id]
        assert fill.qty > 0
        assert on_grid(fill.qty, STEP)
        assert fill.price > 0
        assert (fill.symbol, fill.side) == (request.symbol, request.side)
        if request.price is not None:
            buys = request.side is Side.BUY
            assert fill.price <= request.price if buys else fill.price >= request.price
            if fill.maker and not self.moves_prices:
                assert fill.price == request.price

    def reduced_if_it_should(self, fill: FillReport, name: str) -> None:
        request = self.bench.orders[fill.order_id].request
        held, _ = self.naive.held.get(name, (Fraction(0), Fraction(0)))
        after = held + (1 if fill.side is Side.BUY else -1) * Fraction(fill.qty)
        if request.reduce_only or request.close_on_trigger:
            assert abs(after) < abs(held)
            assert held * after >= 0
        if request.position_idx is PositionIdx.LONG:
            assert after >= 0
        if request.position_idx is PositionIdx.SHORT:
            assert after <= 0

    @invariant()
    def the_lane_agrees_when_it_hears_at_once(self) -> None:
        if self.immediate:
            self.agrees()

    def agrees(self) -> None:
        """The exchange's books are those of the lane, and of a second opinion; so are the open orders."""
        mine, theirs = self.bench.ledger, self.bench.account.ledger
        assert theirs.cash == mine.cash
        assert abs(self.naive.cash - Fraction(mine.cash)) < Fraction(1, 10**9)
        for symbol, index in ((symbol, index) for symbol in (BTC, ETH) for index in PositionIdx):
            name = position_key(symbol, index)
            qty, entry = self.naive.held.get(name, (Fraction(0), Fraction(0)))
            assert self.bench.account.held(symbol, index) == qty
            assert name not in mine.positions or mine.positions[name].qty == qty
            assert name not in mine.positions or abs(Fraction(mine.positions[name].entry) - entry) < Fraction(1, 10**9)
        believed = {
            name for name, order in self.bench.orders.items() if order.is_open and order.status is not SUBMITTED
        }
        contracts = self.bench.exchange._contracts.values()
        assert {order.id for contract in contracts for order in contract.orders()} == believed
        self.margin_is_bound_by_something(believed)

    def margin_is_bound_by_something(self, open_orders: set[str]) -> None:
        account = self.bench.account
        if account.available() < 0:
            assert self.bench.listener.told(StopReport), f"available is {account.available()} and nobody was told"
        if not open_orders:
            assert account.order_margin() == 0
            if not account.legs():
                assert account.available() == account.ledger.cash

    @invariant()
    def the_books_add_up(self) -> None:
        self.bench.account.check_all()

    @invariant()
    def nothing_that_is_due_is_left_waiting(self) -> None:
        assert self.bench.exchange.next_due > self.bench.now

    @precondition(lambda self: self.bench.fills)
    @invariant()
    def the_fills_of_an_order_are_numbered(self) -> None:
        last = self.bench.fills[-1]
        mine = [fill.fill_id for fill in self.bench.fills if fill.order_id == last.order_id]
        assert len(set(mine)) == len(mine)
        assert last.fill_id.startswith(last.order_id)


def _price(number: float) -> Decimal:
    return D(str(round(number, 1)))


def _text(price: float | None) -> str | None:
    return None if price is None else str(price)


TestRandomFlow = RandomFlow.TestCase
TestRandomFlow.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


# What the random flow found, kept


def test_orders_of_ours_that_trade_with_each_other_within_a_bar_take_nothing_of_its_volume() -> None:
    on_bars = ExchangeSettings(
        entry_latency_ms=0, response_latency_ms=0, slippage_ticks=0, fill_data=FillData.BARS, account_every_min=0
    )
    bench = Bench(on_bars, leverage="1")
    bench.tell(bar(98.1, open_=98.0))
    bench.buy("40", "98.1", protection=Protection(D("98.2"), D("98.0")))
    reports = bench.tell(bar(98.0, open_=98.0))
    assert all(fill.qty > 0 for fill in reports if isinstance(fill, FillReport))
    assert abs(bench.account.held(BTC, PositionIdx.ONE_WAY)) <= 10


# Queue models

NEAR = st.sampled_from([99.3, 99.4, 99.5, 99.6, 99.7])
BOOKS = st.builds(
    lambda bid, size, behind: snapshot(
        [(bid, size), (round(bid - 0.1, 1), behind), (round(bid - 0.2, 1), 5.0)],
        [(round(bid + 0.2, 1), 3.0), (round(bid + 0.3, 1), 2.0)],
    ),
    NEAR,
    st.sampled_from([0.5, 2.0, 4.0]),
    st.sampled_from([1.0, 3.0]),
)
TAPES = st.lists(
    st.one_of(
        st.builds(trade, NEAR, st.sampled_from([0.2, 1.0, 3.0]), side=SIDES),
        st.builds(lambda price, size: delta([(price, size)], []), NEAR, st.sampled_from([0.0, 0.5, 1.5, 4.0])),
        st.builds(lambda price, size: delta([], [(price, size)]), NEAR, st.sampled_from([0.0, 0.5, 1.5])),
        BOOKS,
    ),
    max_size=25,
)


@given(tape=TAPES, qty=st.sampled_from(["0.4", "1", "3"]), data=st.sampled_from([FillData.AUTO, FillData.TRADES]))
@settings(max_examples=150, deadline=None)
def test_a_more_optimistic_queue_model_never_filled_less_of_the_same_order(
    tape: list[MarketFact], qty: str, data: FillData
) -> None:
    benches = [_resting(QueueModel(model), qty, data) for model in QueueModel]
    for fact in tape:
        for bench in benches:
            bench.tell(fact)
        filled = [bench.orders["o0"].filled_qty for bench in benches]
        assert filled == sorted(filled), dict(zip(QueueModel, filled, strict=True))


def _resting(model: QueueModel, qty: str, data: FillData) -> Bench:
    """A buy order rests at 99.5, where two units are displayed."""
    bench = Bench(ExchangeSettings(entry_latency_ms=0, response_latency_ms=0, queue=model, fill_data=data))
    bench.tell(trade(99.7, 0.001))
    bench.tell(snapshot([(99.6, 1.0), (99.5, 2.0), (99.4, 5.0)], [(99.8, 3.0), (99.9, 2.0)]))
    bench.buy(qty, "99.5")
    return bench
