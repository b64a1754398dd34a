"""An account that remembers what happened and works everything out from the beginning, in exact fractions.

It shares no code with the product: the formulas are those of Bybit's pages as they are written there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

F = Fraction
ZERO = F(0)


@dataclass
class Place:
    """A position and its open orders: id -> (sign, quantity, price)."""

    qty: F = ZERO
    entry: F = ZERO
    added: F = ZERO
    orders: dict[str, tuple[int, F, F]] = field(default_factory=dict)


@dataclass
class NaiveAccount:
    leverage: F
    taker_fee: F
    isolated: bool
    hedge: bool
    events: list[tuple[object, ...]] = field(default_factory=list)

    def note(self, *event: object) -> None:
        self.events.append(event)

    def state(self) -> State:
        state = State(self)
        for event in self.events:
            state.happen(event)
        return state


class State:
    """Where an account stands after its events."""

    def __init__(self, account: NaiveAccount) -> None:
        self.account = account
        self.cash = ZERO
        self.places: dict[str, Place] = {}

    def happen(self, event: tuple[object, ...]) -> None:
        match event:
            case ("transfer", F() as amount):
                self.cash += amount
            case ("order", str(key), str(order_id), int(sign), F() as qty, F() as price):
                self.place(key).orders[order_id] = (sign, qty, price)
            case ("release", str(key), str(order_id)):
                self.place(key).orders.pop(order_id)
            case ("fill", str(key), str(order_id), int(sign), F() as qty, F() as price, F() as fee):
                self.cash -= fee
                self.fill(self.place(key), sign * qty, price)
                self.lower(self.place(key), order_id, qty)
            case ("funding", str(key), F() as fee):
                self.cash -= fee
                if self.account.isolated:
                    self.place(key).added -= max(ZERO, min(fee, -self.available({})))
            case ("added", str(key), F() as amount):
                self.place(key).added += amount
            case _:
                raise AssertionError(event)

    def place(self, key: str) -> Place:
        return self.places.setdefault(key, Place())

    def lower(self, place: Place, order_id: str, qty: F) -> None:
        if order_id in place.orders:
            sign, left, price = place.orders[order_id]
            place.orders[order_id] = (sign, left - qty, price)

    def fill(self, place: Place, signed: F, price: F) -> None:
        before, after = place.qty, place.qty + signed
        if before * signed >= 0:
            place.entry = (abs(before) * place.entry + abs(signed) * price) / abs(after)
        else:
            closed = min(abs(before), abs(signed)) * (1 if before > 0 else -1)
            self.cash += closed * (price - place.entry)
            place.added *= after / before if after * before > 0 else 0
            if after * before < 0:
                place.entry = price
        place.qty = after

    def margin(self, qty: F, price: F) -> F:
        """Initial margin of a signed quantity at a price."""
        account, sign = self.account, 1 if qty > 0 else -1
        value = abs(qty) * price
        return value / account.leverage + value * (1 - sign / account.leverage) * account.taker_fee

    def order_margin(self) -> F:
        total = ZERO
        for key, place in self.places.items():
            for sign in (1, -1):
                orders = [(qty, price) for side, qty, price in place.orders.values() if side == sign]
                asked = sum((qty for qty, _ in orders), ZERO)
                opens = max(ZERO, asked - max(ZERO, -sign * place.qty))
                if not opens or (self.account.hedge and sign != (1 if key.endswith("#1") else -1)):
                    continue
                value = sum((qty * price for qty, price in orders), ZERO) * opens / asked
                total += self.margin(F(sign), value) + value * self.account.taker_fee
        return total

    def initial_margin(self, marks: dict[str, F]) -> F:
        if self.account.isolated:
            return sum((self.margin(p.qty, p.entry) + p.added for p in self.places.values() if p.qty), ZERO)
        return sum((self.margin(p.qty, marks[key[:7]]) for key, p in self.places.items() if p.qty), ZERO)

    def unrealised(self, marks: dict[str, F]) -> F:
        return sum((p.qty * (marks[key[:7]] - p.entry) for key, p in self.places.items() if p.qty), ZERO)

    def available(self, marks: dict[str, F]) -> F:
        free = self.cash - self.initial_margin(marks) - self.order_margin()
        return free if self.account.isolated else free + self.unrealised(marks)
