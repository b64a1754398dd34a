"""What happens to accounts by the plan: forced fills, ADL, funding, transfers, the owner's own hand, lost streams."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from adapters.sandbox.gateway.messages import Instant
from adapters.sandbox.gateway.plan import Disconnect, Event
from adapters.sandbox.gateway.services import Services
from adapters.sandbox.refused import Refused
from adapters.sandbox.trading import TradingVenue

EndStreams = Callable[[str, Disconnect, Instant], None]
"""Ends the streams of a user id."""


class Agenda:
    """The plan's events, carried out when their time has come, at their own time and in its order."""

    def __init__(self, services: Services, venue: TradingVenue, end_streams: EndStreams) -> None:
        self._services = services
        self._venue = venue
        self._end_streams = end_streams
        self._waiting: deque[Event] = deque(_sorted(services.plan.events))

    @property
    def next_ms(self) -> int | None:
        """Market time of the next event, milliseconds UTC; None when there is none left."""
        return self._services.start_ms + int(self._waiting[0].at_s * 1000) if self._waiting else None

    def due(self, now: Instant) -> bool:
        """Whether an event's time has come."""
        return (next_ms := self.next_ms) is not None and next_ms <= now.market_ms

    def take(self, now: Instant) -> None:
        """Carry out the next event."""
        event = self._waiting.popleft()
        said = "done"
        try:
            self._carry_out(event, now)
        except Refused as refused:
            said = f"{refused.code}: {refused.message}"
        self._services.truth.note(
            "fault", {"kind": "events", "rule": event.name or _kind(event), "uid": event.uid, "outcome": said}
        )

    def _carry_out(self, event: Event, now: Instant) -> None:
        venue, uid, at_ms = self._venue, event.uid, now.market_ms
        if (fill := event.fill) is not None:
            ids = {"order_id": fill.order_id, "order_link_id": fill.order_link_id}
            if not venue.force_fill(uid, fill.symbol, **ids, qty=fill.qty, price=fill.price, now_ms=at_ms):
                raise Refused(110001, "order not exists or too late to fill")
        elif event.adl is not None:
            venue.force_adl(uid, event.adl.symbol, event.adl.share, at_ms)
        elif event.funding is not None:
            venue.force_funding(uid, event.funding.symbol, event.funding.rate, at_ms)
        elif event.transfer is not None:
            venue.transfer(uid, event.transfer, at_ms)
        elif event.request is not None:
            venue.answer(uid, "POST", event.request.path, event.request.body, at_ms)
        elif event.disconnect is not None:
            self._end_streams(uid, event.disconnect, now)
        else:
            venue.forget_closed_orders(uid)


def _sorted(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.at_s)


def _kind(event: Event) -> str:
    names = ("fill", "adl", "funding", "transfer", "request", "disconnect")
    return next((name for name in names if getattr(event, name) is not None), "forget")
