"""Random scenarios by seed: a market that walks, and orders of every kind around it.

Prices are whole ticks of 0.1 around 100 USDT, so that limits, triggers and levels meet often.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

from daemon.core.events import Bar, BookDelta, BookSnapshot, Instrument, MarketFact, Quote, Side, Ticker, Trade
from daemon.core.orders import Amendment, OrderRequest, TriggerDirection
from daemon.core.records import OrderType, StopOrderType, TimeInForce
from daemon.core.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS, NS_PER_SECOND
from daemon.core.venue import FillData, QueueModel
from tests.differential.scenario import Cancel, Happening, Scenario

START = 19_675 * NS_PER_DAY + NS_PER_SECOND
SYMBOL = "BTCUSDT"
INSTRUMENT = Instrument(
    symbol=SYMBOL,
    tick=Decimal("0.1"),
    step=Decimal("0.001"),
    min_qty=Decimal("0.001"),
    max_qty=Decimal(1190),
    max_market_qty=Decimal(500),
)
QUEUES = (QueueModel.THROUGH, QueueModel.THROUGH, QueueModel.BACK, QueueModel.PROPORTIONAL, QueueModel.FRONT)
SIZES = (0.2, 0.5, 1.0, 2.0, 5.0)
QUANTITIES = ("0.1", "0.3", "0.5", "1", "1.7", "3", "9")
REDUCING = ("0.1", "0.2")
"""Reduce-only quantities, within the smallest level: nautilus_trader aborts when such an order fills in parts."""

DEPTH = 8
FAMILIES = {
    "book": FillData.BOOK,
    "book_special": FillData.BOOK,
    "quotes": FillData.TRADES,
    "touch": FillData.TRADES,
    "touch_special": FillData.TRADES,
    "bars": FillData.BARS,
    "bars_special": FillData.BARS,
    "bars_way": FillData.BARS,
}


def random_scenario(family: str, seed: int) -> Scenario:
    """The scenario of a family and a seed; the same ones give the same scenario.

    Families with "special" have conditional and reduce-only orders and amendments beside the plain ones; "bars_way" has
    buys and sells on either side of the price, so that the way through a bar shows.
    """
    random = Random(f"{family}/{seed}")
    data = FAMILIES[family]
    market = {FillData.BOOK: _book, FillData.TRADES: _touch, FillData.BARS: _bars}[data]
    orders = _Orders(random, special=family.endswith("special"), around=family.endswith("way"))
    timed = market(random, orders, family)
    return Scenario(
        name=f"{family}/{seed}",
        family=family,
        data=data,
        queue=QueueModel.THROUGH if data is FillData.BARS else random.choice(QUEUES),
        instrument=INSTRUMENT,
        times=[time for time, _ in timed],
        happenings=[happening for _, happening in timed],
    )


Timed = list[tuple[int, Happening]]


class _Orders:
    """Draws requests around a price, plain ones of one side so that our own orders do not meet."""

    def __init__(self, random: Random, *, special: bool, around: bool) -> None:
        self._random = random
        self._special = special
        self._around = around
        self._sides = (Side.BUY, Side.SELL) if special else (random.choice((Side.BUY, Side.SELL)),)
        self._quantities = random.choice((QUANTITIES, QUANTITIES[:3]))
        self._sent: list[OrderRequest] = []

    def draw(self, middle: int) -> Happening:
        """Draw one request; `middle` is the price in ticks."""
        random = self._random
        if self._sent and random.random() < 0.15:
            return Cancel(random.choice(self._sent).order_id)
        amends = self._special and self._sent and random.random() < 0.2
        draw = self._amendment if amends else self._resting_order if self._around else self._order
        drawn = draw(middle)
        if isinstance(drawn, OrderRequest):
            self._sent.append(drawn)
        return drawn

    def _amendment(self, middle: int) -> Amendment | OrderRequest:
        random = self._random
        request = random.choice(self._sent)
        kinds = [] if request.reduce_only else ["qty"]
        if request.price is not None:
            kinds += ["price", "price"]
        if request.is_conditional:
            kinds.append("trigger_price")
        if not kinds:
            return self._order(middle)
        kind = random.choice(kinds)
        if kind == "qty":
            return Amendment(request.order_id, qty=Decimal(random.choice(QUANTITIES)))
        if kind == "price":
            return Amendment(request.order_id, price=ticks(middle + random.randint(-6, 6)))
        return Amendment(request.order_id, trigger_price=ticks(self._trigger(middle)))

    def _order(self, middle: int) -> OrderRequest:
        random = self._random
        side = random.choice(self._sides)
        market = random.random() < 0.25
        force = random.choice(
            (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY)
        )
        reduce_only = self._special and random.random() < 0.3
        trigger = self._trigger(middle) if self._special and random.random() < 0.3 else None
        return OrderRequest(
            order_id=f"o{len(self._sent)}",
            decision=len(self._sent) + 1,
            strategy="s",
            symbol=SYMBOL,
            side=side,
            type=OrderType.MARKET if market else OrderType.LIMIT,
            time_in_force=TimeInForce.IOC if market else TimeInForce.GTC if trigger is not None else force,
            qty=Decimal(random.choice(REDUCING if reduce_only else self._quantities)),
            price=None if market else ticks(middle + random.randint(-6, 6)),
            reduce_only=reduce_only,
            trigger_price=None if trigger is None else ticks(trigger),
            trigger_direction=None if trigger is None else _direction(trigger, middle),
            stop_order_type=StopOrderType.NONE if trigger is None else StopOrderType.STOP,
        )

    def _resting_order(self, middle: int) -> OrderRequest:
        """A small limit order on its own side of the price."""
        random = self._random
        side = random.choice((Side.BUY, Side.SELL))
        away = random.randint(1, 6)
        return OrderRequest(
            order_id=f"o{len(self._sent)}",
            decision=len(self._sent) + 1,
            strategy="s",
            symbol=SYMBOL,
            side=side,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            qty=Decimal(random.choice(REDUCING)),
            price=ticks(middle - away if side is Side.BUY else middle + away),
        )

    def _trigger(self, middle: int) -> int:
        return middle + self._random.choice((-8, -6, -5, -4, -3, 3, 4, 5, 6, 8))


def ticks(count: int) -> Decimal:
    """A price of so many ticks."""
    return INSTRUMENT.tick * count


def _direction(trigger: int, middle: int) -> TriggerDirection:
    return TriggerDirection.RISES if trigger > middle else TriggerDirection.FALLS


def _price(count: int) -> float:
    return count / 10


class _Ladder:
    """A book in ticks that never crosses and never runs empty."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.middle = 1000
        self.bids: dict[int, float] = {}
        self.asks: dict[int, float] = {}
        self._fill_up()

    def _fill_up(self) -> None:
        for depth in range(DEPTH):
            for levels, price in ((self.bids, self.middle - 1 - depth), (self.asks, self.middle + 1 + depth)):
                if price not in levels and (depth == 0 or self._random.random() < 0.8):
                    levels[price] = self._random.choice(SIZES)

    def snapshot(self, time: int) -> BookSnapshot:
        bids = [(_price(one), self.bids[one]) for one in sorted(self.bids, reverse=True)]
        asks = [(_price(one), self.asks[one]) for one in sorted(self.asks)]
        return BookSnapshot(SYMBOL, time, bids, asks)

    def change(self, time: int) -> BookDelta:
        """Move or resize; the difference to before."""
        before = (dict(self.bids), dict(self.asks))
        if self._random.random() < 0.4:
            self._move(self._random.choice((-3, -2, -1, -1, 1, 1, 2, 3)))
        else:
            self._resize()
        return BookDelta(SYMBOL, time, _difference(before[0], self.bids), _difference(before[1], self.asks))

    def _move(self, by: int) -> None:
        self.middle += by
        self.bids = {price: size for price, size in self.bids.items() if price < self.middle}
        self.asks = {price: size for price, size in self.asks.items() if price > self.middle}
        self._fill_up()

    def _resize(self) -> None:
        levels = self._random.choice((self.bids, self.asks))
        price = self._random.choice(sorted(levels))
        if len(levels) > 1 and self._random.random() < 0.3:
            del levels[price]
        else:
            levels[price] = self._random.choice([size for size in SIZES if size != levels[price]])

    def trade(self, time: int) -> Trade:
        """A trade at the touch, now and then beyond it."""
        taker = self._random.choice((Side.BUY, Side.SELL))
        beyond = self._random.choice((0, 0, 0, 1, 2))
        price = min(self.asks) + beyond if taker is Side.BUY else max(self.bids) - beyond
        return Trade(SYMBOL, time, _price(price), self._random.choice(SIZES), taker)


def _difference(before: dict[int, float], after: dict[int, float]) -> list[tuple[float, float]]:
    gone = [(_price(price), 0.0) for price in before if price not in after]
    return gone + [(_price(price), size) for price, size in after.items() if before.get(price) != size]


def _paced(
    random: Random,
    orders: _Orders,
    first: list[MarketFact],
    fact: Callable[[int], MarketFact],
    middle: Callable[[], int],
) -> Timed:
    """Facts a second apart, with up to two requests between them."""
    timed: Timed = [(START + number, one) for number, one in enumerate(first)]
    for number in range(1, 41):
        time = START + number * NS_PER_SECOND
        timed += [
            (time - NS_PER_MS * (3 - place), orders.draw(middle()))
            for place in range(random.choice((0, 0, 0, 1, 1, 2)))
        ]
        timed.append((time, fact(time)))
    return timed


def _book(random: Random, orders: _Orders, family: str) -> Timed:
    ladder = _Ladder(random)

    def fact(time: int) -> MarketFact:
        drawn = random.random()
        if drawn < 0.3:
            return ladder.trade(time)
        if drawn < 0.35:
            return ladder.snapshot(time)
        return ladder.change(time)

    first: list[MarketFact] = [_mark(), Trade(SYMBOL, START, 100.0, 1.0, Side.BUY), ladder.snapshot(START)]
    return _paced(random, orders, first, fact, lambda: ladder.middle)


def _mark() -> Ticker:
    return Ticker(SYMBOL, START, mark=100.0, index=100.0)


def _touch(random: Random, orders: _Orders, family: str) -> Timed:
    ladder = _Ladder(random)
    trades = 0.0 if family == "quotes" else 0.4

    def quote(time: int) -> Quote:
        bid, ask = max(ladder.bids), min(ladder.asks)
        return Quote(SYMBOL, time, _price(bid), ladder.bids[bid], _price(ask), ladder.asks[ask])

    def fact(time: int) -> MarketFact:
        if random.random() < trades:
            return ladder.trade(time)
        ladder.change(time)
        return quote(time)

    first: list[MarketFact] = [_mark(), Trade(SYMBOL, START, 100.0, 1.0, Side.BUY), quote(START)]
    return _paced(random, orders, first if trades else [_mark(), quote(START)], fact, lambda: ladder.middle)


def _bars(random: Random, orders: _Orders, family: str) -> Timed:
    """Minute bars; most open at the close before, some with a gap."""
    timed: Timed = [(START - NS_PER_SECOND + 1, _mark())]
    begin, close = START - NS_PER_SECOND, 1000
    for _ in range(40):
        opened = close if random.random() < 0.7 else close + random.randint(-4, 4)
        close = opened + random.randint(-6, 6)
        high = max(opened, close) + random.randint(0, 5)
        low = min(opened, close) - random.randint(0, 5)
        end = begin + NS_PER_MINUTE
        volume = random.choice((4.0, 40.0, 400.0))
        timed.append((end, _bar(begin, (opened, high, low, close), volume)))
        timed += [
            (end + NS_PER_MS * (1 + place), orders.draw(close)) for place in range(random.choice((0, 0, 0, 1, 1, 2)))
        ]
        begin = end
    end = begin + NS_PER_MINUTE
    timed.append((end, _bar(begin, (close, close, close, close), 40.0)))
    return timed


def _bar(begin: int, prices: tuple[int, int, int, int], volume: float) -> Bar:
    opened, high, low, close = (_price(one) for one in prices)
    return Bar(SYMBOL, begin + NS_PER_MINUTE, NS_PER_MINUTE, begin, opened, high, low, close, volume)
