"""The simulated exchange under random orders and a random market, told by a lane that believes every report."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from daemon.core.events import BookDown, Side
from daemon.core.ledger import Position
from daemon.core.records import TimeInForce
from daemon.core.units import NS_PER_MS, on_grid
from daemon.core.venue import ExchangeSettings, FillData, FillReport, Report
from tests.adapters.simulated.bench import Bench
from tests.daemon.core.build import BTC, MINUTE, bar, delta, instrument, quote, snapshot, ticker, trade

D = Decimal
MILLISECONDS = st.sampled_from([0, 0, 1, 30, 500, 90_000])
PRICES = st.integers(980, 1020).map(lambda ticks: ticks / 10)
SIZES = st.sampled_from([0.0004, 0.01, 0.5, 1.0, 7.0])
LEVELS = st.lists(st.tuples(PRICES, st.sampled_from([0.0, 0.0, 0.3, 2.0])), max_size=4)
QUANTITIES = st.sampled_from(["0.05", "0.3", "1", "2.5", "40", "900", "0.0005"])


class RandomFlow(RuleBasedStateMachine):
    @initialize(
        entry=st.sampled_from([0, 20]),
        response=st.sampled_from([0, 35, 60_000]),
        slippage_ticks=st.integers(0, 3),
        fill_data=st.sampled_from([FillData.AUTO, FillData.AUTO, FillData.BARS, FillData.TRADES]),
        leverage=st.sampled_from(["1", "3", "10"]),
    )
    def open_account(self, entry: int, response: int, slippage_ticks: int, fill_data: FillData, leverage: str) -> None:
        chosen = ExchangeSettings(
            entry_latency_ms=entry,
            response_latency_ms=response,
            slippage_ticks=slippage_ticks,
            fill_data=fill_data,
        )
        self.bench = Bench(chosen, leverage=leverage)
        self.immediate = response == 0
        self.step = instrument().step
        self.heard(self.bench.tell(bar(100.0), after=MINUTE))

    # Market

    @rule(price=PRICES, size=SIZES, wait=MILLISECONDS)
    def trade_happens(self, price: float, size: float, wait: int) -> None:
        self.heard(self.bench.tell(trade(price, size), after=wait * NS_PER_MS))

    @rule(price=PRICES, wait=MILLISECONDS)
    def touch_moves(self, price: float, wait: int) -> None:
        self.heard(self.bench.tell(quote(price - 0.1, price + 0.1), after=wait * NS_PER_MS))

    @rule(price=PRICES, wait=MILLISECONDS)
    def ticker_comes(self, price: float, wait: int) -> None:
        self.heard(self.bench.tell(ticker(mark=price, bid=price - 0.1), after=wait * NS_PER_MS))

    @rule(price=PRICES, size=SIZES, wait=MILLISECONDS)
    def book_is_replaced(self, price: float, size: float, wait: int) -> None:
        bids = [(round(price - 0.1 * place, 1), size) for place in (1, 2, 5)]
        asks = [(round(price + 0.1 * place, 1), size) for place in (1, 2, 5)]
        self.heard(self.bench.tell(snapshot(bids, asks), after=wait * NS_PER_MS))

    @rule(bids=LEVELS, asks=LEVELS, wait=MILLISECONDS)
    def book_changes(self, bids: list[tuple[float, float]], asks: list[tuple[float, float]], wait: int) -> None:
        self.heard(self.bench.tell(delta(bids, asks), after=wait * NS_PER_MS))

    @rule()
    def book_is_lost(self) -> None:
        self.heard(self.bench.tell(BookDown(BTC, 0, "gap")))

    @rule(open_=PRICES, close=PRICES, reach=st.integers(0, 20), into=MILLISECONDS)
    def bar_closes(self, open_: float, close: float, reach: int, into: int) -> None:
        high, low = max(open_, close) + reach / 10, min(open_, close) - reach / 10
        start = self.bench.now + into * NS_PER_MS - MINUTE
        made = bar(close, open_=open_, high=round(high, 1), low=round(low, 1), start=start)
        self.heard(self.bench.tell(made, after=into * NS_PER_MS))

    # Orders

    @rule(side=st.sampled_from(list(Side)), qty=QUANTITIES, reduce_only=st.booleans())
    def market_order(self, side: Side, qty: str, reduce_only: bool) -> None:
        self.heard(self.bench.order(side, qty, reduce_only=reduce_only))

    @rule(
        side=st.sampled_from(list(Side)),
        qty=QUANTITIES,
        price=PRICES,
        time_in_force=st.sampled_from(list(TimeInForce)),
        reduce_only=st.booleans(),
    )
    def limit_order(self, side: Side, qty: str, price: float, time_in_force: TimeInForce, reduce_only: bool) -> None:
        self.heard(self.bench.order(side, qty, str(price), time_in_force, reduce_only=reduce_only))

    @rule(back=st.integers(1, 6))
    def cancel(self, back: int) -> None:
        """One of the last orders, whether it is open, done or was never sent."""
        self.heard(self.bench.cancel(f"o{len(self.bench.orders) - back}"))

    @rule()
    def everything_in_flight_arrives(self) -> None:
        """Also what arrives late because something arrived."""
        for _ in range(3):
            self.heard(self.bench.pass_time(120_000 * NS_PER_MS))
        self.agrees()

    # What must hold

    def heard(self, reports: list[Report]) -> None:
        """The bench has folded the reports: no impossible step, no overfill, money conserved. Now prices."""
        for report in reports:
            if isinstance(report, FillReport):
                request = self.bench.orders[report.order_id].request
                assert report.qty > 0
                assert on_grid(report.qty, self.step)
                assert on_grid(report.price, instrument().tick)
                if request.price is not None:
                    buys = request.side is Side.BUY
                    assert report.price <= request.price if buys else report.price >= request.price
                if report.maker:
                    assert report.price == request.price

    @invariant()
    def the_lane_agrees_when_it_hears_at_once(self) -> None:
        if self.immediate:
            self.agrees()

    def agrees(self) -> None:
        """The exchange's books are those of the lane."""
        account = self.bench.account
        assert account.ledger.cash == self.bench.ledger.cash
        assert account.ledger.position(BTC) == self.bench.ledger.positions.get(BTC, Position(BTC))

    @invariant()
    def only_open_orders_and_the_position_bind_margin(self) -> None:
        exchange = self.bench.exchange
        resting = {order_id for orders in exchange._orders.values() for order_id in orders}
        assert set(self.bench.account._reserved) == resting
        position = self.bench.account.ledger.position(BTC)
        if not resting and not position.qty:
            assert self.bench.account.available() == self.bench.account.ledger.cash

    @invariant()
    def nothing_that_is_due_is_left_waiting(self) -> None:
        assert self.bench.exchange.next_due > self.bench.now or not self.bench.exchange._agenda

    @invariant()
    def reduce_only_never_filled_more_than_there_was(self) -> None:
        held = D(0)
        for line in self.bench.fills:
            signed = line.qty if line.side is Side.BUY else -line.qty
            if self.bench.orders[line.order_id].request.reduce_only:
                assert abs(held + signed) < abs(held)
                assert held * (held + signed) >= 0
            held += signed


TestRandomFlow = RandomFlow.TestCase
TestRandomFlow.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
