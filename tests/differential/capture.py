"""Scenarios on real data: windows of a recorded book of BTCUSDT with its trades, and orders placed by seed.

The capture is Binance's USDT-M perpetual, see tests/data/l2/README.md; it becomes Bybit-shaped frames and facts by the
sandbox and the decoder, so neither engine gets anything that the daemon would not.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

from adapters.bybit.decoder import FrameDecoder
from adapters.sandbox.binance import convert_captures
from adapters.sandbox.listings import LISTINGS
from daemon.core.book import Book
from daemon.core.events import BookDelta, BookSnapshot, MarketFact, Side, Ticker, Trade
from daemon.core.orders import OrderRequest
from daemon.core.records import OrderType, TimeInForce
from daemon.core.units import NS_PER_MS, multiply, round_to_grid, to_decimal
from daemon.core.venue import FillData
from tests.differential.random_scenarios import QUEUES, START
from tests.differential.scenario import Cancel, Happening, Scenario

CAPTURE = Path(__file__).parents[1] / "data" / "l2" / "binance_usdm_btcusdt_20240808_15s.gz"
INSTRUMENT = LISTINGS["BTCUSDT"].instrument
SYMBOL = INSTRUMENT.symbol
WINDOW = 250
OFFSETS = (-300, -60, -20, -6, -3, -2, -1, 0, 1, 2, 3, 6, 20, 60, 300)
QUANTITIES = ("0.001", "0.02", "0.3", "2.5", "12", "60")


def capture_scenario(seed: int) -> Scenario:
    """A window of the capture with orders around its touch; the same seed gives the same scenario."""
    random = Random(f"capture/{seed}")
    facts = recorded()
    start = random.randrange(1, len(facts) - WINDOW)
    book = Book()
    happenings: list[Happening] = [_mark(facts[:start]), _snapshot(book, facts[:start])]
    orders = 0
    sides = random.choice(((Side.BUY, Side.SELL), (Side.BUY,), (Side.SELL,)))
    for fact in facts[start : start + WINDOW]:
        happenings.append(fact)
        _follow(book, fact)
        if random.random() < 0.1:
            happenings.append(_request(random, book, orders, sides))
            orders += isinstance(happenings[-1], OrderRequest)
    happenings.append(Trade(SYMBOL, START, book.ask, 0.001, Side.BUY))
    return Scenario(
        name=f"capture/{seed}",
        family="capture",
        data=FillData.BOOK,
        queue=random.choice(QUEUES),
        instrument=INSTRUMENT,
        times=[START + place * NS_PER_MS for place in range(len(happenings))],
        happenings=happenings,
    )


@cache
def recorded() -> Sequence[MarketFact]:
    """Book and trades of the capture, in their order."""
    decoder = FrameDecoder()
    kept: list[MarketFact] = []
    for ts_ms, topic, payload in convert_captures([CAPTURE], LISTINGS[SYMBOL]):
        if not topic.startswith(("orderbook.50.", "publicTrade.")):
            continue
        for fact in decoder.decode(payload, ts_ms * NS_PER_MS, "capture"):
            if isinstance(fact, BookSnapshot | Trade) or (isinstance(fact, BookDelta) and (fact.bids or fact.asks)):
                kept.append(fact)
    first_book = next(place for place, fact in enumerate(kept) if isinstance(fact, BookSnapshot))
    return kept[first_book:]


def _follow(book: Book, fact: MarketFact) -> None:
    match fact:
        case BookSnapshot():
            book.reset(fact.bids, fact.asks)
        case BookDelta():
            book.apply(fact.bids, fact.asks)


def _snapshot(book: Book, facts: Sequence[MarketFact]) -> BookSnapshot:
    for fact in facts:
        _follow(book, fact)
    return BookSnapshot(SYMBOL, START, book.top_bids(50), book.top_asks(50))


def _mark(facts: Sequence[MarketFact]) -> Ticker:
    first = next(fact for fact in facts if isinstance(fact, BookSnapshot))
    return Ticker(SYMBOL, START, mark=first.bids[0][0], index=first.bids[0][0], last=first.bids[0][0])


def _request(random: Random, book: Book, orders: int, sides: Sequence[Side]) -> Happening:
    if orders and random.random() < 0.2:
        return Cancel(f"o{random.randrange(orders)}")
    side = random.choice(sides)
    market = random.random() < 0.25
    force = random.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY))
    middle = round_to_grid(to_decimal(book.bid), INSTRUMENT.tick, "ROUND_DOWN")
    price = middle + multiply(INSTRUMENT.tick, Decimal(random.choice(OFFSETS)))
    return OrderRequest(
        order_id=f"o{orders}",
        decision=orders + 1,
        strategy="s",
        symbol=SYMBOL,
        side=side,
        type=OrderType.MARKET if market else OrderType.LIMIT,
        time_in_force=TimeInForce.IOC if market else force,
        qty=Decimal(random.choice(QUANTITIES)),
        price=None if market else price,
    )
