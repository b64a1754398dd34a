"""The orders of an account: by id and by the client's id, open and closed, as long as Bybit keeps them.

Source: Bybit v5 docs, "Get Open & Closed Orders" (500 closed ones, lost when their service restarts), "Get Order
History" (cancelled, rejected and deactivated orders without fills for 24 hours).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from adapters.sandbox.trading.order_record import OrderRecord
from adapters.sandbox.trading.paging import DAY_MS
from adapters.sandbox.trading.texts import uuid_text
from daemon.core.records import OrderStatus

CLOSED_KEPT = 500
IN_FLIGHT = OrderStatus.SUBMITTED


class OrderStore:
    """Every order of one account. An id of the client's is used up for good by the order that was taken with it."""

    def __init__(self, uid: str) -> None:
        self._uid = uid
        self._made = 0
        self._by_id: dict[str, OrderRecord] = {}
        self._by_link: dict[str, OrderRecord] = {}
        self._inner: dict[str, OrderRecord] = {}
        self._open: dict[str, OrderRecord] = {}
        self._closed: deque[OrderRecord] = deque(maxlen=CLOSED_KEPT)

    def next_id(self) -> tuple[int, str]:
        """Serial number and id of the next order."""
        self._made += 1
        return self._made, uuid_text("order", self._uid, self._made)

    def add(self, record: OrderRecord) -> None:
        """Take an order in; it is shown once the exchange has given it a status."""
        self._by_id[record.order_id] = record
        self._inner[record.request.order_id] = record
        self._open[record.order_id] = record
        if record.link_id:
            self._by_link[record.link_id] = record

    def drop(self, record: OrderRecord) -> None:
        """Forget an order that was refused when it came: it never was."""
        del self._by_id[record.order_id], self._inner[record.request.order_id], self._open[record.order_id]
        self._by_link.pop(record.link_id, None)

    def close(self, record: OrderRecord) -> None:
        """Note that an order has ended."""
        if self._open.pop(record.order_id, None) is not None:
            self._closed.append(record)

    def inner(self, name: str) -> OrderRecord | None:
        """An order by the exchange's inner name."""
        return self._inner.get(name)

    def find(self, order_id: str, link_id: str) -> OrderRecord | None:
        """An order by its id, which goes first, or by the client's."""
        found = self._by_id.get(order_id) if order_id else self._by_link.get(link_id)
        return None if found is None or found.status is IN_FLIGHT else found

    def is_used(self, link_id: str) -> bool:
        """Whether an id of the client's is used up."""
        return link_id in self._by_link

    def open_orders(self) -> Iterator[OrderRecord]:
        """Open orders, newest first."""
        return (record for record in reversed(self._open.values()) if record.status is not IN_FLIGHT)

    def closed_lately(self) -> list[OrderRecord]:
        """What order/realtime still knows of closed orders, newest first."""
        return sorted(self._closed, key=lambda record: record.serial, reverse=True)

    def known_lately(self, order_id: str, link_id: str) -> list[OrderRecord]:
        """The order of a name, if it is open or order/realtime still knows it."""
        found = self.find(order_id, link_id)
        if found is None or (found.is_closed and not any(each is found for each in self._closed)):
            return []
        return [found]

    def forget_closed(self) -> None:
        """Lose what order/realtime knows of closed orders."""
        self._closed.clear()

    def history(self, now_ms: int, order_id: str = "", link_id: str = "") -> Iterator[OrderRecord]:
        """Closed orders that order/history knows at a time, newest first; with a name only the one of it."""
        if order_id or link_id:
            found = self.find(order_id, link_id)
            candidates = iter(() if found is None else (found,))
        else:
            candidates = reversed(self._by_id.values())
        for record in candidates:
            if record.is_closed and (record.cum_qty or now_ms - record.updated_ms <= DAY_MS):
                yield record
