"""The engine: one fact in, state changed, decision records out. Pure and synchronous.

`Engine.step` is the only way in. What it concludes leaves through `emit`, in order. It reads no clock: time is the
`ts_recv` of the input being handled, and never goes back. Within one step the order is fixed:

1. time passes: orders in flight arrive at the exchanges against the market as it stood, bars of ours close, also by
   a trade beyond their end, and whoever waits for them decides on the market before that trade;
2. the fact changes the market;
3. the exchanges match what rests, and their reports change ledgers and orders;
4. strategies triggered by the fact decide, lane by lane in configuration order.

An exchange that raises `InvariantBroken`, or reports what cannot be true, stops its own lane; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, assert_never, get_args

from daemon.core import desk, halts
from daemon.core.account_events import AccountFact
from daemon.core.bars import BarBuilder
from daemon.core.errors import InvariantBroken
from daemon.core.events import (
    Bar,
    BarOrigin,
    BookDelta,
    BookDown,
    BookSnapshot,
    Command,
    Fact,
    Instrument,
    Link,
    MarketFact,
    Quarantined,
    Quote,
    Restarted,
    Stale,
    Ticker,
    Timer,
    Trade,
    VenueTrouble,
)
from daemon.core.lane import Lane, Runner
from daemon.core.market import Market
from daemon.core.strategy import BarClose, OnBook, OnQuote, OnTicker, OnTimer, OnTrade
from daemon.core.units import NS_PER_DAY

Handler = Callable[[Any], None]


class Watch:
    """Everything that hangs on one symbol: its market, the lanes that trade it, and who is triggered by what."""

    __slots__ = ("builders", "lanes", "market", "on_bar", "on_book", "on_quote", "on_ticker", "on_trade")

    def __init__(self, symbol: str) -> None:
        self.market = Market(symbol)
        self.lanes: list[Lane] = []
        self.builders: list[BarBuilder] = []
        self.on_bar: dict[tuple[int, BarOrigin], list[Runner]] = {}
        self.on_trade: list[Runner] = []
        self.on_quote: list[Runner] = []
        self.on_book: list[Runner] = []
        self.on_ticker: list[Runner] = []


class Engine:
    """Folds facts into state and decisions.

    Args:
        lanes: the active lanes, in configuration order.
        emit: takes each decision record; None where nobody reads them (benchmarks).
        symbols: symbols to follow although no strategy trades them.

    lost_books: symbols whose book broke in the last step; whoever owns the feed asks for snapshots and clears it.
    quarantined, books_lost: how many frames could not be read, and how often a book had to be given up, so far.
    """

    def __init__(self, lanes: Sequence[Lane], emit: desk.Emit | None = None, symbols: Sequence[str] = ()) -> None:
        self.lanes = tuple(lanes)
        self.desk = desk.Desk(emit)
        self._turn = self.desk.turn
        self.lost_books: list[str] = []
        self.quarantined = 0
        self.books_lost = 0
        self._watches: dict[str, Watch] = {symbol: Watch(symbol) for symbol in symbols}
        self._on_timer: dict[str, list[Runner]] = {}
        self._by_account = {lane.account: lane for lane in self.lanes if lane.account}
        self._midnight = 0
        for lane in self.lanes:
            for runner in lane.runners:
                self._wire(lane, runner)
        self._handlers: dict[type, Handler] = {
            Trade: self._trade,
            Quote: self._quote,
            BookSnapshot: self._book_snapshot,
            BookDelta: self._book_delta,
            BookDown: self._book_down,
            Ticker: self._ticker,
            Bar: self._bar,
            Instrument: self._instrument,
            Link: self._link,
            Stale: self._stale,
            Quarantined: self._quarantine,
            Timer: self._timer,
            Command: self._command,
            Restarted: self._restarted,
            VenueTrouble: self._trouble,
            **dict.fromkeys(get_args(AccountFact), self._account),
        }

    def step(self, seq: int, ts_recv: int, fact: Fact) -> None:
        """Handle one fact of input `seq`, received at `ts_recv` (nanoseconds UTC)."""
        turn = self._turn
        turn.cause = seq
        if ts_recv > turn.now:
            turn.now = ts_recv
            if ts_recv >= turn.due:
                self._pass_time(ts_recv)
        self._handlers[type(fact)](fact)

    def market(self, symbol: str) -> Market | None:
        """What is known of a symbol; None for one that is not followed."""
        watch = self._watches.get(symbol)
        return None if watch is None else watch.market

    # Time

    def _pass_time(self, now: int) -> None:
        for lane in self.lanes:
            if lane.exchange.next_due <= now:
                self._advance(lane, now)
            if lane.name in self.desk.panics:
                self.desk.look_at_panic(lane)
        if now >= self._midnight:
            self._new_day(now)
        for watch in self._watches.values():
            for builder in watch.builders:
                self._deliver(watch, builder.close_at(now))
        self._reschedule()

    def _advance(self, lane: Lane, now: int) -> None:
        try:
            reports = lane.exchange.advance(now)
        except InvariantBroken as error:
            self.desk.breach(lane, error)
        else:
            self.desk.absorb(lane, reports)

    def _reschedule(self) -> None:
        due = self._midnight
        for lane in self.lanes:
            due = min(due, lane.exchange.next_due)
        for panic in self.desk.panics.values():
            due = min(due, panic.due)
        for watch in self._watches.values():
            for builder in watch.builders:
                due = min(due, builder.due)
        self._turn.due = due

    def _new_day(self, now: int) -> None:
        self._midnight = now - now % NS_PER_DAY + NS_PER_DAY
        for lane in self.lanes:
            lane.day_equity = lane.equity()
            self.desk.lift(lane, "daily_loss", "a new day, UTC")

    # Market facts

    def _match(self, watch: Watch, fact: MarketFact, *, heard: bool = True) -> None:
        """Let the exchanges of the symbol's lanes see what the market has just applied.

        heard: whether the fact is news of the market, by which its age is told.
        """
        turn, market = self._turn, watch.market
        if heard:
            market.ts = turn.now
            market.ts_exchange = fact.ts_exchange
        for lane in watch.lanes:
            exchange = lane.exchange
            try:
                reports = exchange.on_market(market, fact, turn.now)
            except InvariantBroken as error:
                self.desk.breach(lane, error)
                continue
            if reports:
                self.desk.absorb(lane, reports)
            elif exchange.next_due < turn.due:
                turn.due = exchange.next_due

    def _trade(self, fact: Trade) -> None:
        watch = self._watches.get(fact.symbol)
        if watch is None:
            return
        for builder in watch.builders:
            self._deliver(watch, builder.add(fact))
            self._turn.due = min(self._turn.due, builder.due)
        watch.market.apply_trade(fact)
        self._match(watch, fact)
        for runner in watch.on_trade:
            self.desk.evaluate(runner, fact)

    def _quote(self, fact: Quote) -> None:
        watch = self._watches.get(fact.symbol)
        if watch is None:
            return
        watch.market.apply_quote(fact)
        self._match(watch, fact)
        for runner in watch.on_quote:
            self.desk.evaluate(runner, fact)

    def _book_snapshot(self, fact: BookSnapshot) -> None:
        watch = self._watches.get(fact.symbol)
        if watch is None:
            return
        if not watch.market.apply_snapshot(fact):
            self._lose_book(watch)
        self._book_changed(watch, fact)

    def _book_delta(self, fact: BookDelta) -> None:
        watch = self._watches.get(fact.symbol)
        if watch is None:
            return
        if not watch.market.apply_delta(fact):
            self._lose_book(watch)
        self._book_changed(watch, fact)

    def _book_changed(self, watch: Watch, fact: BookSnapshot | BookDelta) -> None:
        self._match(watch, fact)
        for runner in watch.on_book:
            self.desk.evaluate(runner, fact)
        if watch.on_quote and watch.market.touch_moved():
            for runner in watch.on_quote:
                self.desk.evaluate(runner, fact)

    def _book_down(self, fact: BookDown) -> None:
        watch = self._watches.get(fact.symbol)
        if watch is not None:
            self.books_lost += 1
            watch.market.drop_book()
            self._match(watch, fact, heard=False)

    def _lose_book(self, watch: Watch) -> None:
        self.books_lost += 1
        watch.market.drop_book()
        self.lost_books.append(watch.market.symbol)

    def _ticker(self, fact: Ticker) -> None:
        watch = self._watches.get(fact.symbol)
        if watch is None:
            return
        watch.market.apply_ticker(fact)
        self._match(watch, fact)
        for runner in watch.on_ticker:
            self.desk.evaluate(runner, fact)

    def _bar(self, fact: Bar) -> None:
        watch = self._watches.get(fact.symbol)
        if watch is None:
            return
        watch.market.apply_bar(fact)
        self._match(watch, fact)
        for runner in watch.on_bar.get((fact.interval, fact.origin), ()):
            self.desk.evaluate(runner, fact)

    def _deliver(self, watch: Watch, bar: Bar | None) -> None:
        """Hand a bar of our own making to the strategies that want it."""
        if bar is not None:
            watch.market.bar = bar
            for runner in watch.on_bar.get((bar.interval, bar.origin), ()):
                self.desk.evaluate(runner, bar)

    # House facts

    def _instrument(self, fact: Instrument) -> None:
        watch = self._watches.get(fact.symbol)
        if watch is not None:
            watch.market.instrument = fact

    def _link(self, fact: Link) -> None:
        mark = f"link {fact.source}"
        symbols = {topic.rpartition(".")[2]: None for topic in fact.topics}
        for symbol, watch in self._watches.items():
            if symbols and symbol not in symbols:
                continue
            if fact.up:
                watch.market.stale_topics.pop(mark, None)
            else:
                watch.market.stale_topics[mark] = None

    def _stale(self, fact: Stale) -> None:
        watch = self._watches.get(fact.symbol)
        if watch is None:
            return
        if fact.stale:
            watch.market.stale_topics[fact.topic] = None
        else:
            watch.market.stale_topics.pop(fact.topic, None)

    def _quarantine(self, _: Quarantined) -> None:
        self.quarantined += 1

    def _timer(self, fact: Timer) -> None:
        for runner in self._on_timer.get(fact.name, ()):
            self.desk.evaluate(runner, None)

    def _command(self, fact: Command) -> None:
        for lane in self.lanes:
            if fact.lane in ("", lane.name):
                self.desk.command(lane, fact.name, fact.reason)
                self._hear(lane, fact)

    def _trouble(self, fact: VenueTrouble) -> None:
        for lane in self.lanes:
            if fact.lane not in ("", lane.name):
                continue
            try:
                reports = lane.exchange.trouble(fact, self._turn.now)
            except InvariantBroken as error:
                self.desk.breach(lane, error)
            else:
                self.desk.absorb(lane, reports)

    def _restarted(self, fact: Restarted) -> None:
        for watch in self._watches.values():
            watch.market.drop_book()
            watch.market.stale_topics.clear()
            watch.market.ts = 0  # heard too long ago for any limit, until it is heard again
        for lane in self.lanes:
            self.desk.lift(lane, halts.DRAIN, "the daemon was started again")
            self._hear(lane, fact)

    def _account(self, fact: AccountFact) -> None:
        lane = self._by_account.get(fact.account)
        if lane is not None:
            self._hear(lane, fact)

    def _hear(self, lane: Lane, fact: AccountFact | Restarted | Command) -> None:
        try:
            reports = lane.exchange.hear(fact, self._turn.now)
        except InvariantBroken as error:
            self.desk.breach(lane, error)
        else:
            self.desk.absorb(lane, reports)

    # Wiring

    def _wire(self, lane: Lane, runner: Runner) -> None:
        watch = self._watches.get(runner.symbol)
        if watch is None:
            watch = self._watches[runner.symbol] = Watch(runner.symbol)
        runner.market = watch.market
        if lane not in watch.lanes:
            watch.lanes.append(lane)
        for trigger in runner.strategy.triggers:
            match trigger:
                case BarClose():
                    self._wire_bar(watch, runner, trigger)
                case OnTrade():
                    watch.on_trade.append(runner)
                case OnQuote():
                    watch.on_quote.append(runner)
                case OnBook():
                    watch.on_book.append(runner)
                case OnTicker():
                    watch.on_ticker.append(runner)
                case OnTimer():
                    self._on_timer.setdefault(trigger.name, []).append(runner)
                case _:
                    assert_never(trigger)

    def _wire_bar(self, watch: Watch, runner: Runner, trigger: BarClose) -> None:
        """A bar of a history file serves whoever wants bars of that interval."""
        for origin in {trigger.origin: None, BarOrigin.HISTORY: None}:
            waiting = watch.on_bar.setdefault((trigger.interval, origin), [])
            if runner not in waiting:
                waiting.append(runner)
        if trigger.origin is BarOrigin.TRADES and all(b.interval != trigger.interval for b in watch.builders):
            watch.builders.append(BarBuilder(runner.symbol, trigger.interval))
