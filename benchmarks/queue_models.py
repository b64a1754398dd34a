"""`python -m benchmarks.queue_models [CAPTURE]`: what the queue models make of the same orders on a real market.

A raw Binance capture becomes the frames, facts and book that the product would see of it. Post-only limit orders of the
smallest quantity are placed by seed, at the touch or up to two ticks behind it, and cancelled after a while; the same
ones under each model, through the whole simulated exchange. Buys and sells have an account each, so that they cannot
meet.

fill ratio: filled orders over those that came to rest.  time to fill: from resting to the fill.  adverse move: how far
the middle of the book went against the fill within a second, in basis points; below zero where it went with it.
"""

from __future__ import annotations

import argparse
import random
import sys
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from statistics import fmean, median

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from adapters.bybit.decoder import FrameDecoder
from adapters.sandbox.binance import convert_captures
from adapters.sandbox.listings import LISTINGS
from adapters.simulated.exchange import SimulatedExchange
from daemon.core.events import BookDelta, BookSnapshot, MarketFact, Side, Ticker, Trade
from daemon.core.market import Market
from daemon.core.orders import OrderRequest
from daemon.core.records import OrderStatus, OrderType, TimeInForce
from daemon.core.units import NS_PER_MS, NS_PER_SECOND, add, multiply, price_down, price_up, subtract, to_decimal
from daemon.core.venue import ExchangeSettings, FillReport, OrderReport, QueueModel, Report

CAPTURE = Path(__file__).parents[1] / "tests" / "data" / "l2" / "binance_usdm_btcusdt_20240808_15s.gz"
SYMBOL = "BTCUSDT"
EVERY = 100 * NS_PER_MS
PATIENCE = 5 * NS_PER_SECOND
HORIZON = NS_PER_SECOND
FURTHEST_TICKS = 2
BALANCE = Decimal(10_000_000)

Tape = Sequence[tuple[int, MarketFact]]
"""Facts with the time they were heard, nanoseconds UTC."""


class Placement(Struct, frozen=True):
    """An order to place at a time, nanoseconds UTC; price is USDT."""

    ts: int
    side: Side
    price: Decimal


class Fill(Struct, frozen=True):
    """waited: nanoseconds from resting to the fill.  ts: of the fill, UTC.  side, price: of the order."""

    ts: int
    waited: int
    side: Side
    price: Decimal


class Outcome(Struct, frozen=True):
    """What became of the orders under a model: how many came to rest, and the fills of those that did."""

    model: QueueModel
    rested: int
    fills: tuple[Fill, ...]


class Figures(Struct, frozen=True):
    """One line of the table; what cannot be said without a fill is null."""

    model: QueueModel
    rested: int
    filled: int
    fill_ratio: float
    time_to_fill_ms_median: float | None
    adverse_move_bps_mean: float | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Play a capture under every model and print what came of it."""
    options = _parse(arguments)
    tape = read_tape(options.captures or [CAPTURE])
    figures = measure(tape, seed=options.seed)
    if options.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(figures), indent=2).decode() + "\n")
    else:
        Console().print(_table(figures))
    return 0


def read_tape(captures: Sequence[Path]) -> Tape:
    """Book, trades and tickers of a capture as facts.

    Raises:
        DataError: a capture cannot be read.
    """
    decoder = FrameDecoder()
    tape: list[tuple[int, MarketFact]] = []
    for ts_ms, topic, payload in convert_captures(captures, LISTINGS[SYMBOL]):
        if not topic.startswith("orderbook.1."):
            ts = ts_ms * NS_PER_MS
            facts = decoder.decode(payload, ts, "capture")
            tape += [(ts, fact) for fact in facts if isinstance(fact, BookSnapshot | BookDelta | Trade | Ticker)]
    return tape


def measure(tape: Tape, *, seed: int) -> list[Figures]:
    """Figures of every model, from conservative to optimistic."""
    orders = place(tape, seed=seed)
    middles = list(_middles(tape))
    return [_figures(play(tape, orders, model), middles) for model in QueueModel]


def place(tape: Tape, *, seed: int) -> list[Placement]:
    """Orders near the touch, one every `EVERY`, sides and distances by seed."""
    chance = random.Random(f"queue models/{seed}")
    market = _market()
    tick = LISTINGS[SYMBOL].instrument.tick
    placements: list[Placement] = []
    due = tape[0][0]
    for ts, fact in tape:
        if ts >= due and market.book.valid:
            side = chance.choice((Side.BUY, Side.SELL))
            behind = multiply(tick, Decimal(chance.randint(0, FURTHEST_TICKS)))
            bid, ask = to_decimal(market.bid), to_decimal(market.ask)
            price = subtract(price_down(bid, tick), behind) if side is Side.BUY else add(price_up(ask, tick), behind)
            placements.append(Placement(ts, side, price))
            due = ts + EVERY
        _apply(market, fact)
    return placements


def play(tape: Tape, orders: Iterable[Placement], model: QueueModel) -> Outcome:
    """Let the orders live on the market under one model."""
    everything = list(orders)
    accounts = [_Account([order for order in everything if order.side is side], model) for side in Side]
    market = _market()
    for ts, fact in tape:
        for account in accounts:
            account.pass_time(ts, market)
        _apply(market, fact)
        for account in accounts:
            account.meet(market, fact, ts)
    fills = [fill for account in accounts for fill in account.fills]
    return Outcome(model, sum(len(account.rested) for account in accounts), tuple(sorted(fills, key=lambda f: f.ts)))


class _Account:
    """Orders of one side at an exchange of their own."""

    def __init__(self, orders: list[Placement], model: QueueModel) -> None:
        self.rested: dict[str, int] = {}
        self.fills: list[Fill] = []
        settings = ExchangeSettings(queue=model, response_latency_ms=0)
        self._exchange = SimulatedExchange(settings, balance=BALANCE, leverage=Decimal(10))
        self._orders = orders
        self._sent = self._cancelled = 0

    def pass_time(self, now: int, market: Market) -> None:
        """Send and cancel what is due, and let what is in flight arrive."""
        exchange = self._exchange
        if now >= exchange.next_due:
            self._hear(exchange.advance(now), now)
        while self._sent < len(self._orders) and self._orders[self._sent].ts <= now:
            self._hear(exchange.submit(self._request(self._sent), market, now), now)
            self._sent += 1
        while self._cancelled < self._sent and self._orders[self._cancelled].ts + PATIENCE <= now:
            self._hear(exchange.cancel(str(self._cancelled), now), now)
            self._cancelled += 1

    def meet(self, market: Market, fact: MarketFact, now: int) -> None:
        """Let the market act on what rests."""
        self._hear(self._exchange.on_market(market, fact, now), now)

    def _request(self, number: int) -> OrderRequest:
        order, qty = self._orders[number], LISTINGS[SYMBOL].instrument.min_qty
        limit, post_only = OrderType.LIMIT, TimeInForce.POST_ONLY
        return OrderRequest(str(number), 0, "", SYMBOL, order.side, limit, post_only, qty, order.price)

    def _hear(self, reports: Sequence[Report], now: int) -> None:
        for report in reports:
            if isinstance(report, OrderReport) and report.status is OrderStatus.NEW:
                self.rested[report.order_id] = now
            elif isinstance(report, OrderReport) and report.reason == "EC_PostOnlyWillTakeLiquidity":
                del self.rested[report.order_id]
            elif isinstance(report, FillReport):
                waited = now - self.rested[report.order_id]
                self.fills.append(Fill(now, waited, report.side, report.price))


def _figures(outcome: Outcome, middles: Sequence[tuple[int, float]]) -> Figures:
    fills = outcome.fills
    moves = [move for fill in fills if (move := _adverse_move(fill, middles)) is not None]
    return Figures(
        outcome.model,
        outcome.rested,
        len(fills),
        round(len(fills) / outcome.rested, 4) if outcome.rested else 0.0,
        round(median(fill.waited for fill in fills) / NS_PER_MS, 1) if fills else None,
        round(fmean(moves), 4) if moves else None,
    )


def _adverse_move(fill: Fill, middles: Sequence[tuple[int, float]]) -> float | None:
    """Basis points that the middle went against a fill; None when the tape ends before."""
    before = _middle_at(fill.ts, middles)
    after = _middle_at(fill.ts + HORIZON, middles)
    if before is None or after is None:
        return None
    against = before - after if fill.side is Side.BUY else after - before
    return against / float(fill.price) * 10_000


def _middle_at(ts: int, middles: Sequence[tuple[int, float]]) -> float | None:
    """The first middle told at `ts` or later."""
    place = bisect_left(middles, ts, key=itemgetter(0))
    return middles[place][1] if place < len(middles) else None


def _middles(tape: Tape) -> Iterable[tuple[int, float]]:
    market = _market()
    for ts, fact in tape:
        _apply(market, fact)
        if market.book.valid:
            yield ts, (market.bid + market.ask) / 2


def _market() -> Market:
    market = Market(SYMBOL)
    market.instrument = LISTINGS[SYMBOL].instrument
    return market


def _apply(market: Market, fact: MarketFact) -> None:
    match fact:
        case Trade():
            market.apply_trade(fact)
        case BookSnapshot():
            if not market.apply_snapshot(fact):
                market.drop_book()
        case BookDelta():
            if not market.apply_delta(fact):
                market.drop_book()
        case Ticker():
            market.apply_ticker(fact)
        case _:
            raise TypeError(f"a capture holds no {type(fact).__name__}")


def _table(figures: Sequence[Figures]) -> Table:
    table = Table("queue model", box=None)
    for title in ("rested", "filled", "fill ratio", "median ms to fill", "adverse move, bps"):
        table.add_column(title, justify="right")
    for row in figures:
        waited = "-" if row.time_to_fill_ms_median is None else f"{row.time_to_fill_ms_median:,.0f}"
        moved = "-" if row.adverse_move_bps_mean is None else f"{row.adverse_move_bps_mean:+.3f}"
        table.add_row(row.model.value, str(row.rested), str(row.filled), f"{row.fill_ratio:.1%}", waited, moved)
    return table


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue_models", description=__doc__)
    parser.add_argument("captures", nargs="*", type=Path, metavar="CAPTURE", help="raw capture of USDT-M BTCUSDT")
    parser.add_argument("--seed", type=int, default=1, help="of the orders")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
