"""The trading venue: accounts with their orders and positions behind Bybit's private routes. No sockets, no clock.

It stands on one simulated exchange for each account, all on the same market, which is made of the public frames that
the sandbox plays. What is noted for tests to judge by stands in `adapters.sandbox.trading.truth`.

Assumptions:
- At one step, what is due by then happens first, against the market as it stood; then the frame is applied; then the
  accounts meet it, in the order in which they were given. Pushes are called for in the order in which things happened,
  before the call that caused them returns. Time never runs back: an earlier time counts as the last one.
- Accounts do not trade with each other, nor does what one takes lack to another; orders meet their own account's only.

Known limits:
- What `adapters.simulated` cannot express: a position mode and different leverages per symbol and direction (they are
  the account's and the symbol's), auto-add margin, portfolio margin, splitting of orders above the maximum quantity,
  borrowing, other coins than USDT. A trailing stop shows where it stood when it was set until it goes off.
- Amounts are exact, so some have more decimals than Bybit shows.
- An order with latencies of the account's exchange above zero is answered before it is judged, and what is then
  refused to an amendment or a cancel is told to nobody, as nothing is pushed for it at Bybit either.
- RPI and best-bid-offer orders, spot, inverse and options, pre-check, disconnect-cancel and set-limit-px-action.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from adapters.sandbox.frame_reader import FrameReader, topics_read
from adapters.sandbox.listings import Listing
from adapters.sandbox.refused import Refused
from adapters.sandbox.trading import account_routes, order_routes, position_routes, query_routes
from adapters.sandbox.trading.account import VenueAccount
from adapters.sandbox.trading.codes import TRANSFER_TOO_LARGE, UNKNOWN_ROUTE
from adapters.sandbox.trading.parameters import Parameters
from adapters.sandbox.trading.spec import AccountSpec, Answer, Note, Push
from daemon.core.errors import ConfigError
from daemon.core.events import BookDelta, BookSnapshot, MarketFact, Ticker, Trade, TroubleKind, VenueTrouble
from daemon.core.market import Market
from daemon.core.units import NS_PER_MS, to_decimal

Route: TypeAlias = Callable[[VenueAccount, Parameters, int], Answer]

ROUTES: Mapping[tuple[str, str], Route] = {
    ("POST", "/v5/order/create"): order_routes.create,
    ("POST", "/v5/order/amend"): order_routes.amend,
    ("POST", "/v5/order/cancel"): order_routes.cancel,
    ("POST", "/v5/order/cancel-all"): order_routes.cancel_all,
    ("POST", "/v5/order/create-batch"): order_routes.create_batch,
    ("POST", "/v5/order/amend-batch"): order_routes.amend_batch,
    ("POST", "/v5/order/cancel-batch"): order_routes.cancel_batch,
    ("GET", "/v5/order/realtime"): query_routes.realtime,
    ("GET", "/v5/order/history"): query_routes.history,
    ("GET", "/v5/execution/list"): query_routes.executions,
    ("GET", "/v5/position/list"): position_routes.positions,
    ("POST", "/v5/position/set-leverage"): position_routes.change_leverage,
    ("POST", "/v5/position/switch-mode"): position_routes.switch_mode,
    ("POST", "/v5/position/trading-stop"): position_routes.trading_stop,
    ("POST", "/v5/position/add-margin"): position_routes.change_margin,
    ("POST", "/v5/position/set-auto-add-margin"): position_routes.auto_add_margin,
    ("GET", "/v5/position/closed-pnl"): position_routes.closed_pnl,
    ("GET", "/v5/account/wallet-balance"): account_routes.wallet_balance,
    ("GET", "/v5/account/info"): account_routes.info,
    ("POST", "/v5/account/set-margin-mode"): account_routes.change_margin_mode,
    ("GET", "/v5/account/fee-rate"): account_routes.fee_rate,
    ("GET", "/v5/account/transaction-log"): account_routes.transaction_log,
    ("GET", "/v5/account/collateral-info"): account_routes.collateral_info,
    ("GET", "/v5/asset/coin/query-info"): account_routes.coin_info,
}


class TradingVenue:
    """Accounts of the sandbox.

    Args:
        listings: instruments by symbol.
        accounts: who trades.
        push: takes the messages of the private topics.
        note: takes the truth, see `adapters.sandbox.trading.truth`.

    routes: (method, path) of what it answers.  accounts: by user id, to be read.

    Raises:
        ConfigError: two accounts have the same user id.
    """

    def __init__(
        self, listings: Mapping[str, Listing], accounts: Sequence[AccountSpec], *, push: Push, note: Note
    ) -> None:
        if len({spec.uid for spec in accounts}) != len(accounts):
            raise ConfigError("sandbox: two accounts have the same uid", cure="Give each account a uid of its own.")
        self.routes: Collection[tuple[str, str]] = ROUTES.keys()
        self._listings = dict(listings)
        self._markets = {symbol: _market(listing) for symbol, listing in listings.items()}
        self._reader = FrameReader()
        self._now_ms = 0
        self.accounts = {
            spec.uid: VenueAccount(spec, self._markets, self._listings, push=push, note=note) for spec in accounts
        }

    # Time and market

    def topics_read(self, offered: Iterable[str]) -> list[str]:
        """Which of a market's topics `on_frame` needs; their snapshots are to be given first."""
        return topics_read(offered, self._listings)

    def on_frame(self, topic: str, payload: bytes, now_ms: int) -> None:
        """Let a public frame of the market happen, before it is sent to clients."""
        now_ms = self._at(now_ms)
        self._advance(now_ms)
        for fact in self._reader.read(topic, payload):
            market = self._markets.get(fact.symbol)
            if market is not None:
                _apply(market, fact, now_ms)
                self._meet(market, fact, now_ms)

    def advance(self, now_ms: int) -> None:
        """Let time pass: what is under way arrives, funding is settled."""
        self._advance(self._at(now_ms))

    def _meet(self, market: Market, fact: MarketFact, now_ms: int) -> None:
        for account in self.accounts.values():
            reports = account.exchange.on_market(market, fact, now_ms * NS_PER_MS)
            if reports:
                account.hear(reports, now_ms)

    def _advance(self, now_ms: int) -> None:
        now = now_ms * NS_PER_MS
        for account in self.accounts.values():
            if account.exchange.next_due <= now:
                account.hear(account.exchange.advance(now), now_ms)

    def _at(self, now_ms: int) -> int:
        self._now_ms = max(self._now_ms, now_ms)
        return self._now_ms

    # Requests

    def answer(self, uid: str, method: str, path: str, query: Mapping[str, object], now_ms: int) -> Answer:
        """Answer a private route. query: the decoded JSON body of a POST, the parameters of a GET as text.

        Raises:
            Refused: with Bybit's code and message.
        """
        route = ROUTES.get((method, path))
        if route is None:
            raise Refused(UNKNOWN_ROUTE, "Route not found.")
        now_ms = self._at(now_ms)
        self._advance(now_ms)
        account = self.accounts[uid]
        try:
            return route(account, Parameters(query), now_ms)
        except Refused as refused:
            account.note_refusal(method, path, query, refused)
            raise

    # What a fault plan does

    def force_fill(
        self,
        uid: str,
        symbol: str,
        *,
        order_id: str = "",
        order_link_id: str = "",
        qty: Decimal | None = None,
        price: Decimal | None = None,
        now_ms: int,
    ) -> bool:
        """Fill an active order although the market did not; returns whether there was one to fill.

        qty: base units, at most what is left of it, which is the default.  price: USDT, by default the order's.
        """
        account, now_ms = self.accounts[uid], self._at(now_ms)
        self._advance(now_ms)
        record = account.orders.find(order_id, order_link_id)
        if record is None or record.is_closed or record.request.symbol != symbol:
            return False
        at = price or record.price or to_decimal(self._markets[symbol].mark)
        now = now_ms * NS_PER_MS
        done = account.exchange.interventions.force_fill(record.request.order_id, qty, at, now)
        account.hear(account.exchange.advance(now), now_ms)
        return done

    def force_adl(self, uid: str, symbol: str, share: float, now_ms: int) -> None:
        """Close a share of the positions of a symbol by deleveraging, a fraction."""
        account, now_ms = self.accounts[uid], self._at(now_ms)
        trouble = VenueTrouble(kind=TroubleKind.ADL, symbol=symbol, share=share)
        account.hear(account.exchange.trouble(trouble, now_ms * NS_PER_MS), now_ms)

    def force_funding(self, uid: str, symbol: str, rate: Decimal, now_ms: int) -> None:
        """Settle funding at once on what is held of a symbol. rate: a fraction."""
        account, now_ms = self.accounts[uid], self._at(now_ms)
        now = now_ms * NS_PER_MS
        account.exchange.interventions.settle_funding(symbol, rate, now)
        account.hear(account.exchange.advance(now), now_ms)

    def transfer(self, uid: str, amount: Decimal, now_ms: int) -> None:
        """Money into (above zero) or out of an account, USDT.

        Raises:
            Refused: 131212, it is more than what is available.
        """
        account, now_ms = self.accounts[uid], self._at(now_ms)
        self._advance(now_ms)
        if amount < 0 and amount.copy_negate() > account.account.available():
            raise Refused(TRANSFER_TOO_LARGE, "Insufficient balance")
        now = now_ms * NS_PER_MS
        account.exchange.interventions.transfer(amount, "transfer", now)
        account.hear(account.exchange.advance(now), now_ms)

    def forget_closed_orders(self, uid: str) -> None:
        """Let order/realtime lose its closed part, as after a restart of Bybit's service."""
        self.accounts[uid].orders.forget_closed()


def _market(listing: Listing) -> Market:
    market = Market(listing.symbol)
    market.instrument = listing.instrument
    return market


def _apply(market: Market, fact: MarketFact, now_ms: int) -> None:
    """Let a market know what a frame said; the facts are those that the reader makes."""
    market.ts, market.ts_exchange = now_ms * NS_PER_MS, fact.ts_exchange
    match fact:
        case BookSnapshot():
            market.apply_snapshot(fact)
        case BookDelta():
            market.apply_delta(fact)
        case Trade():
            market.apply_trade(fact)
        case Ticker():
            market.apply_ticker(fact)
