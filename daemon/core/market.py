"""What is known of one symbol: book, touch, last trade, mark and index, funding, last bars.

Changed by `daemon.core.engine` only. Prices are 0.0 and times 0 until they were heard for the first time.
"""

from __future__ import annotations

from daemon.core.book import Book
from daemon.core.events import Bar, BookDelta, BookSnapshot, Instrument, Quote, Ticker, Trade


class Market:
    """State of one symbol. Times are nanoseconds UTC; prices USDT; sizes base units.

    ts, ts_exchange: when we heard of it last, and the venue's own stamp of what we heard then.

    mark_is_venue tells whether `mark` came from the venue; before that it follows the last trade or bar close.
    has_* say which kinds of data the symbol has had, which decides how a simulated exchange may fill; finest_bar is the
    shortest bar interval it has had, nanoseconds, 0 without bars.
    """

    __slots__ = (
        "_touch",
        "ask",
        "bar",
        "bid",
        "book",
        "finest_bar",
        "funding_rate",
        "has_book",
        "has_quotes",
        "has_trades",
        "index",
        "instrument",
        "last",
        "mark",
        "mark_is_venue",
        "next_funding",
        "open_interest",
        "stale_topics",
        "symbol",
        "ts",
        "ts_exchange",
    )

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.instrument: Instrument | None = None
        self.book = Book()
        self.bid = self.ask = 0.0
        self._touch = (0.0, 0.0)
        self.last = self.mark = self.index = 0.0
        self.mark_is_venue = False
        self.funding_rate = 0.0
        self.next_funding = 0
        self.open_interest = 0.0
        self.bar: Bar | None = None
        self.finest_bar = 0
        self.ts = self.ts_exchange = 0
        self.stale_topics: dict[str, None] = {}
        self.has_book = self.has_trades = self.has_quotes = False

    def apply_trade(self, trade: Trade) -> None:
        """Remember the last price; it is the mark until the venue gives one."""
        self.last = trade.price
        self.has_trades = True
        if not self.mark_is_venue:
            self.mark = trade.price

    def apply_quote(self, quote: Quote) -> None:
        """Remember the touch."""
        self.bid = quote.bid
        self.ask = quote.ask
        self.has_quotes = True

    def apply_snapshot(self, fact: BookSnapshot) -> bool:
        """Replace the book; returns whether it is valid."""
        self.has_book = True
        valid = self.book.reset(fact.bids, fact.asks)
        self._touch_from_book()
        return valid

    def apply_delta(self, fact: BookDelta) -> bool:
        """Change the book; returns False when this delta broke it. A delta onto a book already lost is ignored."""
        book = self.book
        if not book.valid:
            return True
        valid = book.apply(fact.bids, fact.asks)
        self.bid = book.bid
        self.ask = book.ask
        return valid

    def apply_ticker(self, ticker: Ticker) -> None:
        """Merge the fields that changed; the touch of a ticker counts only while there is no book."""
        if ticker.last is not None:
            self.last = ticker.last
        if ticker.mark is not None:
            self.mark = ticker.mark
            self.mark_is_venue = True
        elif not self.mark_is_venue and ticker.last is not None:
            self.mark = ticker.last
        if ticker.index is not None:
            self.index = ticker.index
        if ticker.funding_rate is not None:
            self.funding_rate = ticker.funding_rate
        if ticker.next_funding is not None:
            self.next_funding = ticker.next_funding
        if ticker.open_interest is not None:
            self.open_interest = ticker.open_interest
        if not self.book.valid:
            self._touch_from_ticker(ticker)

    def apply_bar(self, bar: Bar) -> None:
        """Remember the bar; its close is last and mark where nothing better is known."""
        self.bar = bar
        if bar.interval != self.finest_bar and (not self.finest_bar or bar.interval < self.finest_bar):
            self.finest_bar = bar.interval
        if not self.has_trades:
            self.last = bar.close
            if not self.mark_is_venue:
                self.mark = bar.close

    def touch_moved(self) -> bool:
        """Whether best bid or ask differ from when this was last asked."""
        touch = (self.bid, self.ask)
        moved = touch != self._touch
        self._touch = touch
        return moved

    def drop_book(self) -> None:
        """Forget book and touch: what the venue said before cannot be trusted."""
        self.book.drop()
        self._touch_from_book()

    def _touch_from_book(self) -> None:
        book = self.book
        self.bid = book.bid
        self.ask = book.ask

    def _touch_from_ticker(self, ticker: Ticker) -> None:
        if ticker.bid is not None:
            self.bid = ticker.bid
            self.has_quotes = True
        if ticker.ask is not None:
            self.ask = ticker.ask
