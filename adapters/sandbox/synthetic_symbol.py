"""All public topics of one symbol, made from its recorded bars.

A step is a price and a volume at a time t: trades of that volume at that price (one taker side), then the book, whose
touch stands at the traded price on the side that was taken and one tick beyond on the other, then the ticker and the
running bars. Frames carry `ts` two milliseconds after `cts` = t. One `seq` runs through all topics; every book depth
has its own `u`, which grows by one with each message. A step without volume makes no trade, but quotes its price.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from random import Random
from typing import NamedTuple

from adapters.sandbox.candles import INTERVAL_MINUTES, Candle, aggregate
from adapters.sandbox.ladder import Changes, LadderSide
from adapters.sandbox.listings import grid_of
from adapters.sandbox.market import BookView, Frame, KlineQuery, pick_rows
from adapters.sandbox.market_data import MINUTE_MS, Funding, MinuteBar, SymbolData
from adapters.sandbox.price_path import minute_lots, minute_prices, split_lots
from adapters.sandbox.synthetic_ticker import DAY_MINUTES, SyntheticTicker
from adapters.sandbox.wire import (
    book_frame,
    kline_frame,
    levels_text,
    tick_direction,
    ticker_frame,
    trade_frame,
    trade_id_prefix,
    trade_text,
)

PUSH_DELAY_MS = 2
GAP_FRACTION = 0.00005
FIRST_UPDATE_ID = 1000
LEVELS_PER_MINUTE = 20
TRADES_KEPT = 1000


class _Traded(NamedTuple):
    """The trades of a step: lots of each in `parts`, numbers from `first` on; price in ticks."""

    ts_ms: int
    seq: int
    first: int
    price: int
    buy: bool
    direction: str
    parts: list[int]


class SyntheticSymbol:
    """One symbol of the synthetic market.

    Args:
        data: its recording.
        start_ms: minutes before it are history, played are those from it on.
        seed: of everything drawn; the same seed gives the same bytes.
        steps: steps per minute.
        depth: levels a side of the deep book.
        intervals: kline intervals in Bybit's codes.
    """

    def __init__(
        self, data: SymbolData, *, start_ms: int, seed: str, steps: int, depth: int, intervals: tuple[str, ...]
    ) -> None:
        self.data = data
        self.symbol = symbol = data.listing.symbol
        self.grid = grid_of(data.listing.instrument)
        self.steps = steps
        # A reproducible market is wanted here, not a secret.
        self._chance = Random(f"{seed}/{symbol}").random  # noqa: S311
        self._closed = max(0, (start_ms - data.bars[0].ts_ms) // MINUTE_MS)
        first = data.bars[self._closed]
        self._minute = MinuteBar(first.ts_ms, first.open, first.open, first.open, first.open, 0)
        self._minute_begun = False
        self._price = first.open
        self._direction = "ZeroPlusTick"
        self._begin_book(first.open, depth)
        self._begin_topics(depth, intervals)
        history = data.bars[: self._closed]
        self._candles = {code: _running(history, INTERVAL_MINUTES[code]) for code in intervals}
        self._ticker = SyntheticTicker(
            data, self.grid, history=history, first=first, step_seconds=MINUTE_MS / steps / 1000
        )
        self._ticker.update(first.ts_ms, self._minute, signed_lots=0, direction=self._direction, touch=self._touch())

    def bar_at(self, ts_ms: int) -> MinuteBar:
        """The recorded minute that begins at `ts_ms`, which must be within the recording."""
        return self.data.bars[(ts_ms - self.data.bars[0].ts_ms) // MINUTE_MS]

    def plan(self, bar: MinuteBar) -> list[tuple[int, int]]:
        """Draw the (price in ticks, volume in lots) of each step of a minute."""
        prices = minute_prices(bar, self.steps, self._chance)
        return list(zip(prices, minute_lots(bar.lots, self.steps, self._chance), strict=True))

    def step(self, ts_ms: int, price: int, lots: int, wanted: Container[str], out: list[Frame]) -> None:
        """Trade `lots` at `price`, then move book, ticker and bars; wanted frames are appended to `out`."""
        self._ts_ms = ts_ms
        buy = price > self._price or (price == self._price and self._chance() < 0.5)
        self._extend_minute(price, lots)
        if lots:
            self._trade(price, lots, buy, wanted, out)
        self._price = price
        self._move_book(price, buy, wanted, out)
        self._move_ticker(lots if buy else -lots, wanted, out)
        for code, topic in self._kline_topics:
            if topic in wanted:
                candle = self._candles[code]
                grown = self._fresh(code) if candle is None else candle.with_minute(self._minute)
                self._push_kline(code, topic, grown, out, confirm=False)

    def close_minute(self, ts_ms: int, bar: MinuteBar, wanted: Container[str], out: list[Frame]) -> None:
        """End a minute: confirm every interval that closes with it. A bar that began before the data is never sent."""
        self._ts_ms = ts_ms
        self._closed += 1
        self._ticker.close_minute(bar)
        self._minute = MinuteBar(ts_ms, bar.close, bar.close, bar.close, bar.close, 0)
        self._minute_begun = False
        for code, topic in self._kline_topics:
            width = INTERVAL_MINUTES[code] * MINUTE_MS
            candle = self._candles[code]
            if candle is None:
                candle = self._candles[code] = Candle(bar.ts_ms - bar.ts_ms % width, bar)
            else:
                candle.add(bar)
            if ts_ms == candle.start_ms + width:
                self._candles[code] = None
                if topic in wanted:
                    self._push_kline(code, topic, candle, out, confirm=True)

    def snapshot(self, topic: str) -> bytes | None:
        """Current state of a book or the ticker for a new subscriber."""
        ts_ms = self._ts_ms + PUSH_DELAY_MS
        if topic == self._topic_ticker:
            return ticker_frame(topic, "snapshot", ts_ms=ts_ms, seq=self._seq, fields=self._ticker.fields)
        if topic == self._topic_touch:
            return self._touch_frame()
        if topic == self._topic_book:
            bids, asks = (levels_text(self._levels(side)) for side in (self._bids, self._asks))
            return self._book_frame("snapshot", bids, asks)
        return None

    def ticker(self) -> dict[str, str]:
        """Current ticker fields."""
        return dict(self._ticker.fields)

    def book(self) -> BookView:
        """The deep book for REST."""
        return BookView(
            bids=self._levels(self._bids),
            asks=self._levels(self._asks),
            ts_ms=self._ts_ms + PUSH_DELAY_MS,
            update_id=self._update_id,
            seq=self._seq,
            cts_ms=self._ts_ms,
        )

    def klines(self, query: KlineQuery) -> list[list[str]]:
        """Bars up to the running one, newest first."""
        bars = self.data.bars[: self._closed]
        if self._minute_begun:
            bars = [*bars, self._minute]
        span = (query.limit + 1) * query.minutes
        if query.start_ms is None or query.end_ms is not None:
            if query.end_ms is not None:
                bars = [bar for bar in bars if bar.ts_ms < query.end_ms + query.minutes * MINUTE_MS]
            bars = bars[-span:]
        else:
            bars = [bar for bar in bars if bar.ts_ms >= query.start_ms][:span]
        return pick_rows([self._row(candle) for candle in aggregate(bars, query.minutes)], query)

    def trades(self) -> list[bytes]:
        """Frames of the last steps that traded, oldest first."""
        return [self._trade_frame(traded) for traded in self._last_trades]

    def paid_funding(self) -> Funding:
        """The recorded rates that have been paid by now, oldest first."""
        return [(ts_ms, rate) for ts_ms, rate in self.data.funding if ts_ms <= self._ts_ms]

    def _begin_book(self, price: int, depth: int) -> None:
        volumes = sorted(bar.lots for bar in self.data.bars)
        gap = max(1, round(price * GAP_FRACTION))
        typical = 1 + volumes[len(volumes) // 2] // LEVELS_PER_MINUTE
        self._bids = LadderSide(touch=-(price - 1), depth=depth, gap=gap, lots_typical=typical, chance=self._chance)
        self._asks = LadderSide(touch=price, depth=depth, gap=gap, lots_typical=typical, chance=self._chance)
        self._ts_ms = self._minute.ts_ms
        self._trade_ms = self._ts_ms
        self._update_id = self._touch_update_id = self._seq = FIRST_UPDATE_ID
        self._trades, self._trade_prefix = 0, trade_id_prefix(self.symbol)
        self._last_trades: deque[_Traded] = deque(maxlen=TRADES_KEPT)

    def _begin_topics(self, depth: int, intervals: tuple[str, ...]) -> None:
        symbol = self.symbol
        self._topic_trade = f"publicTrade.{symbol}"
        self._topic_book = f"orderbook.{depth}.{symbol}"
        self._topic_touch = f"orderbook.1.{symbol}"
        self._topic_ticker = f"tickers.{symbol}"
        self._kline_topics = [(code, f"kline.{code}.{symbol}") for code in intervals]
        pushed = [self._topic_trade, self._topic_book, self._topic_touch, self._topic_ticker]
        # Nobody is ever liquidated here: that topic can be subscribed and stays silent.
        self.topics = [*pushed, *(topic for _, topic in self._kline_topics), f"allLiquidation.{symbol}"]

    def _extend_minute(self, price: int, lots: int) -> None:
        minute = self._minute
        if self._minute_begun:
            high, low = max(minute.high, price), min(minute.low, price)
            self._minute = MinuteBar(minute.ts_ms, minute.open, high, low, price, minute.lots + lots)
        else:
            self._minute_begun = True
            self._minute = MinuteBar(minute.ts_ms, price, price, price, price, lots)

    def _trade(self, price: int, lots: int, buy: bool, wanted: Container[str], out: list[Frame]) -> None:
        parts = split_lots(lots, self._chance)
        self._seq += 1
        self._trade_ms = self._ts_ms
        direction = tick_direction(price, self._price, self._direction)
        traded = _Traded(self._ts_ms, self._seq, self._trades, price, buy, direction, parts)
        self._last_trades.append(traded)
        if self._topic_trade in wanted:
            out.append((self._topic_trade, self._trade_frame(traded)))
        self._trades += len(parts)
        self._direction = tick_direction(price, price, direction) if len(parts) > 1 else direction

    def _trade_frame(self, traded: _Traded) -> bytes:
        trades = [self._trade_text(traded, part, index) for index, part in enumerate(traded.parts)]
        return trade_frame(self._topic_trade, ts_ms=traded.ts_ms + PUSH_DELAY_MS, trades=trades)

    def _trade_text(self, traded: _Traded, lots: int, index: int) -> str:
        price, direction = traded.price, traded.direction
        return trade_text(
            self.symbol,
            ts_ms=traded.ts_ms,
            side="Buy" if traded.buy else "Sell",
            size=self.grid.size(lots),
            price=self.grid.price(price),
            direction=tick_direction(price, price, direction) if index else direction,
            trade_id=f"{self._trade_prefix}{traded.first + index:012d}",
            seq=traded.seq,
        )

    def _move_book(self, price: int, buy: bool, wanted: Container[str], out: list[Frame]) -> None:
        bid = price - 1 if buy else price
        bids, asks = self._bids.move(-bid), self._asks.move(bid + 1)
        self._seq += 1
        self._update_id += 1
        if self._topic_book in wanted:
            frame = self._book_frame("delta", self._changes_text(bids, -1), self._changes_text(asks, 1))
            out.append((self._topic_book, frame))
        self._touch_update_id += 1
        if self._topic_touch in wanted:
            out.append((self._topic_touch, self._touch_frame()))

    def _move_ticker(self, signed_lots: int, wanted: Container[str], out: list[Frame]) -> None:
        changed = self._ticker.update(
            self._ts_ms, self._minute, signed_lots=signed_lots, direction=self._direction, touch=self._touch()
        )
        self._seq += 1
        if self._topic_ticker in wanted:
            fields = {"symbol": self.symbol, **changed}
            frame = ticker_frame(self._topic_ticker, "delta", ts_ms=self._push_ms(), seq=self._seq, fields=fields)
            out.append((self._topic_ticker, frame))

    def _touch(self) -> tuple[int, int, int, int]:
        bids, asks = self._bids, self._asks
        return -bids.touch, bids.levels[bids.touch], asks.touch, asks.levels[asks.touch]

    def _touch_frame(self) -> bytes:
        bid, bid_lots, ask, ask_lots = self._touch()
        grid = self.grid
        return book_frame(
            self._topic_touch,
            "snapshot",
            self.symbol,
            ts_ms=self._push_ms(),
            bids=f'["{grid.price(bid)}","{grid.size(bid_lots)}"]',
            asks=f'["{grid.price(ask)}","{grid.size(ask_lots)}"]',
            update_id=self._touch_update_id,
            seq=self._seq,
            cts_ms=self._ts_ms,
        )

    def _book_frame(self, kind: str, bids: str, asks: str) -> bytes:
        return book_frame(
            self._topic_book,
            kind,
            self.symbol,
            ts_ms=self._push_ms(),
            bids=bids,
            asks=asks,
            update_id=self._update_id,
            seq=self._seq,
            cts_ms=self._ts_ms,
        )

    def _changes_text(self, changes: Changes, sign: int) -> str:
        price, size = self.grid.price, self.grid.size
        return ",".join(
            [f'["{price(key * sign)}","{size(lots) if lots else 0}"]' for key, lots in sorted(changes.items())]
        )

    def _levels(self, side: LadderSide) -> list[tuple[str, str]]:
        sign = 1 if side is self._asks else -1
        return [(self.grid.price(key * sign), self.grid.size(lots)) for key, lots in sorted(side.levels.items())]

    def _push_ms(self) -> int:
        return self._ts_ms + PUSH_DELAY_MS

    def _fresh(self, code: str) -> Candle:
        width = INTERVAL_MINUTES[code] * MINUTE_MS
        return Candle(self._minute.ts_ms - self._minute.ts_ms % width, self._minute)

    def _push_kline(self, code: str, topic: str, candle: Candle, out: list[Frame], *, confirm: bool) -> None:
        if candle.start_ms < self.data.bars[0].ts_ms:
            return
        frame = kline_frame(
            topic,
            code,
            ts_ms=self._push_ms(),
            start_ms=candle.start_ms,
            end_ms=candle.start_ms + INTERVAL_MINUTES[code] * MINUTE_MS - 1,
            prices=candle.prices_text(self.grid),
            volume=self.grid.size(candle.lots),
            turnover=candle.turnover_text(self.grid),
            confirm=confirm,
            last_trade_ms=self._trade_ms,
        )
        out.append((topic, frame))

    def _row(self, candle: Candle) -> list[str]:
        prices = candle.prices_text(self.grid)
        return [str(candle.start_ms), *prices, self.grid.size(candle.lots), candle.turnover_text(self.grid)]


def _running(history: list[MinuteBar], minutes: int) -> Candle | None:
    """The bar of `minutes` that is still open after `history`; None when the next minute begins one."""
    recent = aggregate(history[-max(minutes, DAY_MINUTES) :], minutes)
    if not recent or (history[-1].ts_ms + MINUTE_MS) % (minutes * MINUTE_MS) == 0:
        return None
    return recent[-1]
