"""Triggers: the conditional orders of one symbol that wait for a price.

Its one job: which orders a price lets go off, and in what order. Source: Bybit v5 docs, "Place Order" (triggerPrice,
triggerDirection, triggerBy).

Assumptions:
- An order that waits for a rise goes off at its trigger price or above, one that waits for a fall at it or below; last,
  mark and index prices each let their own orders go off.
- Whatever trigger lies further from where the price ended was reached first; at one trigger whoever came first.

Known limits: the way between two prices is not known; nothing that lay on it and was left again lets anything go off.

A price that lets nothing go off costs two comparisons, however many orders wait. Adding and removing is a search in a
sorted list and a shift of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from math import inf
from typing import TypeAlias

from adapters.simulated.working import Working
from daemon.core.errors import InvariantBroken
from daemon.core.orders import TriggerDirection
from daemon.core.records import TriggerBy

Entry: TypeAlias = tuple[float, int, Working]
"""Trigger price (negated where a fall is awaited, so that the nearest comes first), number of its coming, order."""


class Watch:
    """The orders that wait for one kind of price.

    rises, falls: the lowest trigger that a rise reaches, the highest that a fall reaches; inf and -inf without one.
    """

    __slots__ = ("falling", "falls", "rises", "rising")

    def __init__(self) -> None:
        self.rising: list[Entry] = []
        self.falling: list[Entry] = []
        self.rises = inf
        self.falls = -inf

    def find_nearest(self) -> None:
        """Note the nearest triggers anew after a change."""
        self.rises = self.rising[0][0] if self.rising else inf
        self.falls = -self.falling[0][0] if self.falling else -inf

    def take(self, price: float) -> list[Entry]:
        """Take out what a price lets go off; prices as they are, in the order in which they were reached."""
        rising = self.rising[: (up := bisect_right(self.rising, price, key=_key))]
        falling = self.falling[: (down := bisect_right(self.falling, -price, key=_key))]
        del self.rising[:up], self.falling[:down]
        self.find_nearest()
        if rising and falling:
            return sorted(rising + falling, key=lambda entry: (-abs(price - abs(entry[0])), entry[1]))
        return rising or falling


class Triggers:
    """Untriggered orders of one symbol, by kind of price and direction."""

    __slots__ = ("_came", "_places", "_watches")

    def __init__(self) -> None:
        self._watches = {by: Watch() for by in TriggerBy}
        self._places: dict[str, tuple[Watch, list[Entry], Entry]] = {}
        self._came = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, order: Working) -> bool:
        return order.id in self._places

    def add(self, order: Working) -> None:
        """Let an order wait for its trigger.

        Raises:
            InvariantBroken: it has no trigger price or no direction, or waits already.
        """
        request = order.request
        if request.trigger_price is None or request.trigger_direction is None or order.id in self._places:
            raise InvariantBroken(f"order {order.id} cannot wait for trigger {request.trigger_price}")
        watch, price = self._watches[request.trigger_by], float(request.trigger_price)
        rises = request.trigger_direction is TriggerDirection.RISES
        line, entry = (watch.rising if rises else watch.falling), (price if rises else -price, self._came, order)
        self._came += 1
        insort(line, entry)
        self._places[order.id] = (watch, line, entry)
        watch.find_nearest()

    def remove(self, order: Working) -> bool:
        """Take an order away, whatever its request says by now; whether it still waited."""
        place = self._places.pop(order.id, None)
        if place is None:
            return False
        watch, line, entry = place
        del line[bisect_left(line, entry)]
        watch.find_nearest()
        return True

    def fired(self, by: TriggerBy, price: float) -> list[Working]:
        """Take out the orders that a price of a kind lets go off, in the order in which they do.

        A price of 0.0 is one that is not known.
        """
        watch = self._watches[by]
        if watch.falls < price < watch.rises or not price > 0.0:
            return []
        fired = [order for _, _, order in watch.take(price)]
        for order in fired:
            del self._places[order.id]
        return fired

    def nearest(self, start: float, end: float, by: TriggerBy = TriggerBy.LAST) -> float | None:
        """The first price on a straight way from `start` to `end`, both included, that lets an order go off.

        A trigger that `start` is beyond already is reached at `start`. None when there is none on the way.
        """
        watch = self._watches[by]
        if watch.rises <= start or watch.falls >= start:
            return start
        if watch.rises <= end:
            return watch.rises
        return watch.falls if watch.falls >= end else None


def _key(entry: Entry) -> float:
    return entry[0]
