"""Random requests, markets and interventions, on every kind of account: the oracles hold after each of them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox.refused import Refused
from adapters.sandbox.trading import AccountSpec
from daemon.core.venue import MarginMode
from tests.adapters.sandbox.trading.bench import BTC, ETH, UID, Bench, open_bench
from tests.adapters.sandbox.trading.oracles import check

D = Decimal
OTHER = "1002"
PRICE = {BTC: (50_000, "0.10"), ETH: (2_000, "0.01")}
STEPS = 40


class Monkey:
    """Does one thing or another at a bench, by chance."""

    def __init__(self, bench: Bench, seed: int) -> None:
        self.bench = bench
        self.random = Random(seed)
        self.level = 0
        self.codes: set[int] = set()
        self.deeds: list[Callable[[str, str], object]] = [
            *[self.create] * 6, self.amend, self.cancel, self.move, self.move, self.move, self.trade, self.protect,
            self.leverage, self.margin, self.margin_mode, self.cancel_all, self.batch, self.fill, self.deleverage,
            self.fund, self.transfer, self.wait, self.mode,
        ]  # fmt: skip

    def act(self) -> None:
        self.bench.now_ms += self.random.randrange(0, 500)
        deed = self.random.choice(self.deeds)
        try:
            deed(self.random.choice((UID, UID, OTHER)), self.random.choice((BTC, BTC, ETH)))
        except Refused as refused:
            self.codes.add(refused.code)

    def price(self, symbol: str, spread: int = 40) -> str:
        middle, tick = PRICE[symbol]
        ticks = self.level + self.random.randrange(-spread, spread + 1)
        return str(D(middle) + D(middle) * D(ticks) / 10_000 // D(tick) * D(tick))

    def qty(self, symbol: str) -> str:
        lots = self.random.choice((1, 2, 5, 10, 40))
        return str(D(lots) / (1000 if symbol == BTC else 20))

    def fields(self, symbol: str) -> dict[str, Any]:
        chance, side = self.random, self.random.choice(("Buy", "Sell"))
        fields: dict[str, Any] = {"symbol": symbol, "side": side, "qty": self.qty(symbol), "orderType": "Market"}
        if chance.random() < 0.6:
            fields |= {"orderType": "Limit", "price": self.price(symbol)}
            fields["timeInForce"] = chance.choice(("GTC", "GTC", "IOC", "FOK", "PostOnly"))
        if chance.random() < 0.2:
            fields |= {"triggerPrice": self.price(symbol), "triggerDirection": chance.choice((1, 2))}
        if chance.random() < 0.25:
            fields["reduceOnly"] = True
        if chance.random() < 0.1:
            fields["closeOnTrigger"] = True
        if chance.random() < 0.3:
            fields |= {chance.choice(("takeProfit", "stopLoss")): self.price(symbol, 200)}
            fields["tpslMode"] = chance.choice(("Full", "Partial"))
        if chance.random() < 0.5:
            fields["orderLinkId"] = f"link-{chance.randrange(60)}"
        fields["smpType"] = chance.choice(("None", "CancelMaker", "CancelTaker", "CancelBoth"))
        return fields

    def create(self, uid: str, symbol: str) -> None:
        account = self.bench.venue.accounts[uid]
        self.bench.post(
            "order/create", uid=uid, positionIdx=int(self.random.choice(account.legs())), **self.fields(symbol)
        )

    def batch(self, uid: str, symbol: str) -> None:
        self.bench.post("order/create-batch", uid=uid, request=[self.fields(symbol) for _ in range(3)])

    def any_order(self, uid: str) -> dict[str, str]:
        rows = self.bench.ask("GET", "order/realtime", uid=uid, settleCoin="USDT", limit="50")["list"]
        row = self.random.choice(rows) if rows else {"symbol": BTC, "orderId": "none"}
        return {"symbol": row["symbol"], "orderId": row["orderId"]}

    def amend(self, uid: str, _symbol: str) -> None:
        order = self.any_order(uid)
        change = self.random.choice(("qty", "price", "triggerPrice", "takeProfit"))
        value = self.qty(order["symbol"]) if change == "qty" else self.price(order["symbol"])
        self.bench.post("order/amend", uid=uid, **order, **{change: value})

    def cancel(self, uid: str, _symbol: str) -> None:
        self.bench.post("order/cancel", uid=uid, **self.any_order(uid))

    def cancel_all(self, uid: str, symbol: str) -> None:
        self.bench.post("order/cancel-all", uid=uid, symbol=symbol)

    def move(self, _uid: str, symbol: str) -> None:
        self.level += self.random.randrange(-60, 61)
        self.level = max(-3000, min(3000, self.level))
        middle, tick = D(PRICE[symbol][0]), D(PRICE[symbol][1])
        bid = (middle + middle * self.level / 10_000) // tick * tick
        self.bench.quote(str(bid), str(bid + tick), symbol=symbol, size=self.qty(symbol))

    def trade(self, _uid: str, symbol: str) -> None:
        self.bench.trade(self.price(symbol), self.qty(symbol), self.random.choice(("Buy", "Sell")), symbol=symbol)

    def protect(self, uid: str, symbol: str) -> None:
        account = self.bench.venue.accounts[uid]
        what = self.random.choice(("takeProfit", "stopLoss", "trailingStop"))
        value = self.random.choice(("0", "100", "5")) if what == "trailingStop" else self.price(symbol, 200)
        self.bench.post(
            "position/trading-stop", uid=uid, symbol=symbol, positionIdx=int(self.random.choice(account.legs())),
            tpslMode=self.random.choice(("Full", "Partial")), **{what: value},
        )  # fmt: skip

    def leverage(self, uid: str, symbol: str) -> None:
        leverage = self.random.choice(("2", "10", "25", "50", "100"))
        self.bench.post("position/set-leverage", uid=uid, symbol=symbol, buyLeverage=leverage, sellLeverage=leverage)

    def margin(self, uid: str, symbol: str) -> None:
        account = self.bench.venue.accounts[uid]
        self.bench.post(
            "position/add-margin", uid=uid, symbol=symbol, positionIdx=int(self.random.choice(account.legs())),
            margin=str(self.random.randrange(-50, 100)),
        )  # fmt: skip

    def margin_mode(self, uid: str, _symbol: str) -> None:
        word = self.random.choice(("ISOLATED_MARGIN", "REGULAR_MARGIN"))
        self.bench.post("account/set-margin-mode", uid=uid, setMarginMode=word)

    def mode(self, uid: str, symbol: str) -> None:
        self.bench.post("position/switch-mode", uid=uid, symbol=symbol, mode=self.random.choice((0, 3)))

    def fill(self, uid: str, _symbol: str) -> None:
        order = self.any_order(uid)
        qty = self.random.choice((None, D("0.001")))
        self.bench.venue.force_fill(uid, order["symbol"], order_id=order["orderId"], qty=qty, now_ms=self.bench.now_ms)

    def deleverage(self, uid: str, symbol: str) -> None:
        self.bench.venue.force_adl(uid, symbol, self.random.choice((0.1, 0.5, 1.0)), self.bench.now_ms)

    def fund(self, uid: str, symbol: str) -> None:
        self.bench.venue.force_funding(uid, symbol, D(self.random.choice(("0.001", "-0.002"))), self.bench.now_ms)

    def transfer(self, uid: str, _symbol: str) -> None:
        self.bench.venue.transfer(uid, D(self.random.randrange(-300, 300)), self.bench.now_ms)

    def wait(self, _uid: str, _symbol: str) -> None:
        self.bench.later(self.random.choice((1_000, 3_600_000, 28_800_000)))


def play(seed: int, *, hedge: bool, cross: bool, steps: int = STEPS) -> Monkey:
    mode = MarginMode.CROSS if cross else MarginMode.ISOLATED
    bench = open_bench(
        AccountSpec(uid=UID, name="first", balance=D(2_000), hedge=hedge, margin_mode=mode),
        AccountSpec(uid=OTHER, name="second", balance=D(300), leverage=D(25)),
    )
    monkey = Monkey(bench, seed)
    for _ in range(steps):
        monkey.act()
    return monkey


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32), hedge=st.booleans(), cross=st.booleans(), steps=st.integers(1, 120))
def test_the_oracles_hold_whatever_is_asked_and_whatever_happens(
    seed: int, hedge: bool, cross: bool, steps: int
) -> None:
    check(play(seed, hedge=hedge, cross=cross, steps=steps).bench)


def test_the_random_runs_reach_what_they_are_for() -> None:
    monkeys = [play(seed, hedge=seed % 4 > 1, cross=seed % 2 == 1, steps=150) for seed in range(16)]
    codes = {code for monkey in monkeys for code in monkey.codes}
    assert codes >= {10001, 110001, 110007, 110017, 110072, 110026, 110043}
    kinds = {note["exec_type"] for monkey in monkeys for note in monkey.bench.noted("execution")}
    assert kinds == {"Trade", "Funding", "AdlTrade", "BustTrade"}
    statuses = {note["status"] for monkey in monkeys for note in monkey.bench.noted("status")}
    assert statuses == {
        "New", "PartiallyFilled", "Filled", "Cancelled", "Untriggered", "Triggered", "Deactivated",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = (play(7, hedge=False, cross=False, steps=120).bench for _ in range(2))
    assert (first.notes, first.pushes) == (second.notes, second.pushes)
