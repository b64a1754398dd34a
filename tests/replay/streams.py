"""Small decision streams for tests, with money that adds up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from zlib import crc32

import msgspec

from daemon.core.events import Side
from daemon.core.ledger import Ledger
from daemon.core.records import (
    Action,
    Choice,
    Context,
    DecisionLine,
    FillLine,
    HaltLine,
    OrderLine,
    OrderStatus,
    OrderType,
    Record,
    TimeInForce,
    TransferLine,
    Verdict,
    Window,
)

START = 1_748_736_000_000_000_000
MINUTE = 60_000_000_000
CAPITAL = Decimal(10_000)
FEE_RATE = Decimal("0.00055")
SIZE = Decimal("0.25")


@dataclass
class Market:
    """One seeded world: lanes with a ledger each, symbols with a price each, records as they are emitted."""

    seed: int
    lanes: tuple[str, ...] = ("a", "b")
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")
    records: list[Record] = field(default_factory=list)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.ledgers = {lane: Ledger() for lane in self.lanes}
        self.prices = {symbol: 100.0 * (place + 1) for place, symbol in enumerate(self.symbols)}

    @property
    def seq(self) -> int:
        return len(self.records) + 1

    def run(self, minutes: int) -> list[Record]:
        for lane in self.lanes:
            self.move_cash(lane, 1, START, CAPITAL, "deposit")
        for minute in range(minutes):
            ts = START + (minute + 1) * MINUTE
            for place, symbol in enumerate(self.symbols):
                self.prices[symbol] = round(self.prices[symbol] * (1 + self.random.uniform(-0.01, 0.01)), 2)
                cause = 2 + minute * len(self.symbols) + place
                for lane in self.lanes:
                    self.evaluate(lane, symbol, cause, ts, minute)
            if minute % 50 == 49:
                self.halt(minute, ts)
        return self.records

    def evaluate(self, lane: str, symbol: str, cause: int, ts: int, evaluation: int) -> None:
        draw = self.random.random()
        ledger, mark = self.ledgers[lane], self.prices[symbol]
        action = Action.BUY if draw < 0.15 else Action.SELL if draw < 0.3 else Action.HOLD
        position = ledger.position(symbol)
        marks = {name: Decimal(repr(price)) for name, price in self.prices.items()}
        context = Context(
            mark,
            position.qty,
            position.entry,
            float(ledger.equity(marks)),
            "up" if draw < 0.5 else "down",
            {"short": round(mark * 1.01, 4), "long": mark},
            Window(20, f"{crc32(repr((symbol, evaluation, mark)).encode()):08x}"),
        )
        allow = draw > 0.03
        code = "OK" if allow else "POSITION_ABOVE_LIMIT"
        held = action is Action.HOLD
        verdicts = () if held else (Verdict("position", allow, code, draw, 1.0), Verdict("rate", True, "OK", 1.0, 9.0))
        choice = Choice(action, Decimal(0) if held else SIZE, None, f"drawn {draw:.6f}")
        decision = self.seq
        self.records.append(
            DecisionLine(decision, cause, ts, lane, "drawn", symbol, evaluation, context, choice, verdicts)
        )
        if not held and allow:
            self.trade(lane, symbol, cause, ts, decision, Side.BUY if action is Action.BUY else Side.SELL)

    def trade(  # noqa: PLR0917 - as above
        self, lane: str, symbol: str, cause: int, ts: int, decision: int, side: Side
    ) -> None:
        order_id = f"{lane}-{decision}-0"
        price = Decimal(repr(self.prices[symbol]))
        fee = price * SIZE * FEE_RATE
        self.order(lane, symbol, cause, ts, decision, side, OrderStatus.SUBMITTED, Decimal(0))
        ledger = self.ledgers[lane]
        realised = ledger.fill(symbol, side, price, SIZE, fee)
        position = ledger.position(symbol).qty
        self.records.append(
            FillLine(
                self.seq,
                cause,
                ts,
                lane,
                order_id,
                decision,
                f"{order_id}-1",
                symbol,
                side,
                price,
                SIZE,
                fee,
                False,
                realised,
                position,
                ledger.cash,
            )
        )
        self.order(lane, symbol, cause, ts, decision, side, OrderStatus.FILLED, SIZE)

    def order(  # noqa: PLR0917 - the fields of a row in its order
        self,
        lane: str,
        symbol: str,
        cause: int,
        ts: int,
        decision: int,
        side: Side,
        status: OrderStatus,
        filled: Decimal,
    ) -> None:
        self.records.append(
            OrderLine(
                self.seq,
                cause,
                ts,
                lane,
                f"{lane}-{decision}-0",
                decision,
                symbol,
                side,
                OrderType.MARKET,
                TimeInForce.GTC,
                SIZE,
                None,
                False,
                status,
                filled,
            )
        )

    def move_cash(self, lane: str, cause: int, ts: int, amount: Decimal, reason: str) -> None:
        self.ledgers[lane].transfer(amount)
        self.records.append(TransferLine(self.seq, cause, ts, lane, amount, self.ledgers[lane].cash, reason))

    def halt(self, minute: int, ts: int) -> None:
        cause = 2 + minute * len(self.symbols) + len(self.symbols) - 1
        self.records.append(HaltLine(self.seq, cause, ts, self.lanes[0], minute % 100 == 49, "operator"))
        self.move_cash(self.lanes[0], cause, ts, Decimal("-0.125"), "funding")


def records(seed: int = 1, minutes: int = 100) -> list[Record]:
    """A stream of about five rows a minute."""
    return Market(seed).run(minutes)


def rows(found: Sequence[Record]) -> list[dict[str, Any]]:
    """Records as JSON objects."""
    plain: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(found))
    return plain


def lines(found: Sequence[Record] | Sequence[dict[str, Any]]) -> list[bytes]:
    """Chained lines, as they stand in a stream."""
    crc = 0
    result = []
    for item in found:
        content = msgspec.json.encode(item)[:-1]
        crc = crc32(content, crc)
        result.append(content + b',"crc":"%08x"}\n' % crc)
    return result


def renumbered(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows numbered anew without a hole, with the ids that are derived from numbers, as another run would have them."""
    numbers = {row["seq"]: place for place, row in enumerate(found, 1)}
    result = []
    for row in found:
        changed = row | {"seq": numbers[row["seq"]]}
        if row["kind"] in ("order", "fill"):
            decision = numbers[row["decision"]]
            changed |= {"decision": decision, "order_id": f"{row['lane']}-{decision}-0"}
        if row["kind"] == "fill":
            changed |= {"fill_id": f"{changed['order_id']}-1"}
        result.append(changed)
    return result
