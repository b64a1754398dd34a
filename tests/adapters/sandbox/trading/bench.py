"""A venue on a market whose frames the tests write by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from adapters.sandbox.listings import listings_of
from adapters.sandbox.trading import AccountSpec, Refused, TradingVenue
from adapters.sandbox.wire import book_frame, levels_text, ticker_frame, trade_frame, trade_text

BTC, ETH = "BTCUSDT", "ETHUSDT"
UID = "1001"
START_MS = 1_746_489_600_000  # a full eight hours, so funding is due at eight o'clock
EIGHT_HOURS_MS = 28_800_000
D = Decimal


class Bench:
    """Plays frames and asks. pushes: (uid, topic, items).  notes: (what, fields)."""

    def __init__(self, *specs: AccountSpec, symbols: tuple[str, ...] = (BTC, ETH)) -> None:
        self.pushes: list[tuple[str, str, list[dict[str, Any]]]] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.now_ms = START_MS + 1000
        self.seq = 0
        self.venue = TradingVenue(
            listings_of(symbols),
            specs or (AccountSpec(uid=UID, name="first"),),
            push=lambda uid, topic, items: self.pushes.append((uid, topic, _checked(items))),
            note=lambda what, fields: self.notes.append((what, _checked(fields))),
        )

    # The market

    def quote(self, bid: str, ask: str, *, symbol: str = BTC, size: str = "10", mark: str | None = None) -> None:
        """A book of one level a side, and a ticker with the mark between them unless it is given."""
        middle = str((D(bid) + D(ask)) / 2) if mark is None else mark
        self.book([(bid, size)], [(ask, size)], symbol=symbol)
        self.ticker(symbol=symbol, markPrice=middle, indexPrice=middle, lastPrice=middle)

    def book(self, bids: list[tuple[str, str]], asks: list[tuple[str, str]], *, symbol: str = BTC) -> None:
        self.seq += 1
        topic = f"orderbook.50.{symbol}"
        frame = book_frame(
            topic, "snapshot", symbol, ts_ms=self.now_ms, bids=levels_text(bids), asks=levels_text(asks),
            update_id=self.seq, seq=self.seq, cts_ms=self.now_ms,
        )  # fmt: skip
        self.play(topic, frame)

    def ticker(self, *, symbol: str = BTC, **fields: str) -> None:
        told = {
            "symbol": symbol,
            "fundingRate": "0.0001",
            "nextFundingTime": str(START_MS + EIGHT_HOURS_MS),
            **fields,
        }
        self.play(
            f"tickers.{symbol}", ticker_frame(f"tickers.{symbol}", "delta", ts_ms=self.now_ms, seq=1, fields=told)
        )

    def trade(self, price: str, qty: str, side: str, *, symbol: str = BTC) -> None:
        topic = f"publicTrade.{symbol}"
        text = trade_text(
            symbol, ts_ms=self.now_ms, side=side, size=qty, price=price, direction="PlusTick", trade_id="t", seq=1
        )
        self.play(topic, trade_frame(topic, ts_ms=self.now_ms, trades=[text]))

    def play(self, topic: str, frame: bytes) -> None:
        self.venue.on_frame(topic, frame, self.now_ms)

    def later(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        self.venue.advance(self.now_ms)

    # Requests

    def ask(self, method: str, path: str, *, uid: str = UID, **fields: object) -> Any:
        """The result of a request; its category is linear unless said."""
        query = {"category": "linear", **fields}
        answer = self.venue.answer(uid, method, f"/v5/{path}", query, self.now_ms)
        _checked(answer.ext_info)
        return _checked(answer.result)

    def post(self, path: str, **fields: object) -> Any:
        return self.ask("POST", path, **{"symbol": BTC, **fields})  # type: ignore[arg-type]

    def get(self, path: str, **fields: object) -> Any:
        return self.ask("GET", path, **fields)  # type: ignore[arg-type]

    def order(self, side: str, qty: str, price: str | None = None, **fields: object) -> str:
        """Create an order, limit with a price, else market; returns its id."""
        kind = {"orderType": "Market"} if price is None else {"orderType": "Limit", "price": price}
        created: str = self.post("order/create", side=side, qty=qty, **kind, **fields)["orderId"]
        return created

    def code(self, method: str, path: str, **fields: object) -> int:
        """The code of a refused request."""
        try:
            self.ask(method, path, **({"symbol": BTC} | fields if method == "POST" else fields))  # type: ignore[arg-type]
        except Refused as refused:
            return refused.code
        return 0

    # What is seen

    def status(self, order_id: str) -> str:
        return str(self.found(order_id)["orderStatus"])

    def found(self, order_id: str) -> Any:
        """The order as order/realtime shows it."""
        (item,) = self.get("order/realtime", orderId=order_id)["list"]
        return item

    def position(self, symbol: str = BTC, idx: int = 0, uid: str = UID) -> Any:
        rows = self.ask("GET", "position/list", uid=uid, symbol=symbol)["list"]
        return next(row for row in rows if row["positionIdx"] == idx)

    def coin(self, uid: str = UID) -> Any:
        return self.ask("GET", "account/wallet-balance", uid=uid, accountType="UNIFIED")["list"][0]["coin"][0]

    def topics(self) -> list[str]:
        """Topics pushed since the last time this was asked, with the status of orders."""
        seen = [f"order {items[0]['orderStatus']}" if topic == "order" else topic for _, topic, items in self.pushes]
        self.pushes.clear()
        return seen

    def noted(self, what: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.notes if name == what]


def open_bench(*specs: AccountSpec) -> Bench:
    """A bench whose two markets quote 50000 and 2000, and whose accounts have their money."""
    bench = Bench(*specs)
    bench.quote("49999.90", "50000.10")
    bench.quote("1999.99", "2000.01", symbol=ETH, size="500")
    bench.pushes.clear()
    return bench


def _checked(value: Any) -> Any:
    """A value as JSON brings it to a client; fails for what JSON cannot say."""
    return msgspec.json.decode(msgspec.json.encode(value))
