"""Audit: the account's books held against sums kept beside them, at every step, in production.

Its one job: to raise `InvariantBroken` with the numbers, in words, when

- cash is not transfers - fees - funding - signed value of all fills + entry values still held,
- a position is not the signed sum of its fills, is flat with an entry value, or is on the wrong side of its hedge leg,
- order margin or a sum of open orders is below zero, or order margin is bound without an order.

`check` costs as much as legs changed since it was last called, whatever the account holds. At every 1024th call, and
whenever it is called by name, `check_all` recomputes every sum from its parts.

Known limits: that what is available fell below zero is no breach, see `adapters.simulated.account`; it is told by
`adapters.simulated.stops`.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from adapters.simulated.leg import Leg, OpenOrders
from adapters.simulated.reservations import Reservations
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.ledger import Ledger
from daemon.core.orders import PositionIdx
from daemon.core.units import ZERO, add, multiply, subtract

ALL_EVERY = 1024
SIDES = (Side.BUY, Side.SELL)


class Audit:
    """Sums of its own over the fills of one account."""

    __slots__ = ("_bought", "_calls", "_changed", "_entries")

    def __init__(self) -> None:
        self._bought = ZERO
        self._entries = ZERO
        self._changed: dict[str, Leg] = {}
        self._calls = 0

    def note_fill(self, leg: Leg, signed: Decimal, price: Decimal, entry_before: Decimal) -> None:
        """An execution of `signed` base units was booked on a leg whose entry value was `entry_before`, USDT."""
        leg.filled = add(leg.filled, signed)
        self._bought = add(self._bought, multiply(signed, price))
        self._entries = add(self._entries, subtract(leg.position.entry_value, entry_before))
        self._changed[leg.key] = leg

    def note_change(self, leg: Leg) -> None:
        """Orders or margin of a leg changed."""
        self._changed[leg.key] = leg

    def check(self, ledger: Ledger, reservations: Reservations, legs: Iterable[Leg], bound: Decimal) -> None:
        """Check money and the legs that changed. bound: by isolated positions, as the account sums it up, USDT.

        Raises:
            InvariantBroken: with the numbers that do not add up.
        """
        self._calls += 1
        if self._calls % ALL_EVERY == 0:
            self.check_all(ledger, reservations, legs, bound)
            return
        self._check_money(ledger)
        _check_orders(reservations)
        for leg in self._changed.values():
            _check_leg(leg)
        self._changed.clear()

    def check_all(self, ledger: Ledger, reservations: Reservations, legs: Iterable[Leg], bound: Decimal) -> None:
        """Check everything, every sum from its parts; arguments as in `check`.

        Raises:
            InvariantBroken: with the numbers that do not add up.
        """
        ledger.check()
        self._check_money(ledger)
        _check_orders(reservations)
        made = list(legs)
        for leg in made:
            _check_leg(leg)
        self._changed.clear()
        _equal("entry values held", self._entries, _sum(leg.position.entry_value for leg in made))
        _equal("margin of positions", bound, _sum(add(leg.initial_margin, leg.added) for leg in made))
        _equal("order margin", reservations.total, _sum(leg.orders(side).cost for leg in made for side in SIDES))
        _check_sums(reservations, made)

    def _check_money(self, ledger: Ledger) -> None:
        paid = add(ledger.fees, ledger.funding)
        expected = add(subtract(subtract(ledger.transfers, paid), self._bought), self._entries)
        if expected != ledger.cash:
            raise InvariantBroken(
                f"cash is {ledger.cash}; transfers {ledger.transfers} less fees {ledger.fees}, funding {ledger.funding}"
                f" and {self._bought} for what was bought, with {self._entries} of it still held, make {expected}"
            )


def _check_leg(leg: Leg) -> None:
    position = leg.position
    if position.qty != leg.filled:
        raise InvariantBroken(f"the position {leg.key} is {position.qty}, its fills add up to {leg.filled}")
    if not position.qty and (position.entry_value or leg.initial_margin or leg.added):
        bound = add(leg.initial_margin, leg.added)
        raise InvariantBroken(
            f"{leg.key} is flat with an entry value of {position.entry_value} and a margin of {bound}"
        )
    if leg.idx and (position.qty > 0 if leg.idx == PositionIdx.SHORT else position.qty < 0):
        raise InvariantBroken(f"the hedge position {leg.key} is {position.qty}, on the wrong side")
    for side in SIDES:
        orders = leg.orders(side)
        if orders.qty < 0 or orders.value < 0 or orders.cost < 0:
            raise InvariantBroken(
                f"{side} orders of {leg.key} add up to {orders.qty} worth {orders.value} USDT, binding {orders.cost}"
            )


def _check_orders(reservations: Reservations) -> None:
    total = reservations.total
    if total < 0 or (total and not len(reservations)):
        raise InvariantBroken(f"order margin is {total} USDT with {len(reservations)} orders that bind margin")


def _check_sums(reservations: Reservations, legs: Iterable[Leg]) -> None:
    found: dict[tuple[str, Side], OpenOrders] = {}
    for order in reservations:
        sums = found.setdefault((order.leg.key, order.side), OpenOrders())
        sums.qty = add(sums.qty, order.qty)
        sums.value = add(sums.value, multiply(order.qty, order.price))
    for leg in legs:
        for side in SIDES:
            kept, sums = leg.orders(side), found.get((leg.key, side), OpenOrders())
            _equal(f"{side} orders of {leg.key}", kept.qty, sums.qty)
            _equal(f"value of {side} orders of {leg.key}", kept.value, sums.value)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = add(total, amount)
    return total


def _equal(what: str, kept: Decimal, recomputed: Decimal) -> None:
    if kept != recomputed:
        raise InvariantBroken(f"{what}: {kept} was kept, the parts add up to {recomputed}")
