"""Rate limits: so many requests of an account per route and second, so many of an address, so many new streams.

Windows roll and are counted in real time. A batch counts each order in it, against an allowance of its own; what does
not fit is refused order by order. Source: Bybit v5 docs, "Rate Limit Rules"; linear, default level.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

SECOND_MS = 1000
ORDERS, QUERIES = 10, 50
PER_SECOND = {
    **{f"/v5/order/{name}": ORDERS for name in ("create", "amend", "cancel", "cancel-all", "pre-check")},
    **{f"/v5/order/{name}-batch": ORDERS for name in ("create", "amend", "cancel")},
    "/v5/order/realtime": QUERIES,
    "/v5/order/history": QUERIES,
    "/v5/execution/list": QUERIES,
    "/v5/order/disconnected-cancel-all": 5,
    "/v5/position/list": QUERIES,
    "/v5/position/closed-pnl": QUERIES,
    "/v5/account/wallet-balance": QUERIES,
    "/v5/account/info": QUERIES,
    "/v5/account/transaction-log": 25,
    "/v5/account/fee-rate": 5,
    "/v5/account/set-margin-mode": 5,
}
OTHERWISE = 10
"""Of every other private route: positions' settings, key info, the rest."""


class LimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How strictly requests are counted.

    enabled: False lets everything pass.  ip_requests within ip_window_ms are allowed to one address; more of them shut
    it out for ip_block_ms.  streams within streams_window_ms may be opened by one address. All times are real.
    """

    enabled: bool = True
    ip_requests: int = 600
    ip_window_ms: int = 5_000
    ip_block_ms: int = 600_000
    streams: int = 500
    streams_window_ms: int = 300_000


class Allowance(Struct, frozen=True):
    """What a request was allowed.

    granted: how many of its orders may pass.  limit, left: per second, and what remains of it.  reset_in_ms: real
    milliseconds until something is free again, 0 while something is left.
    """

    granted: int
    limit: int
    left: int
    reset_in_ms: int


class Window:
    """Counts what happened within the last `length_ms`."""

    __slots__ = ("_length_ms", "_times")

    def __init__(self, length_ms: int) -> None:
        self._length_ms = length_ms
        self._times: deque[int] = deque()

    def room(self, limit: int, real_ms: int) -> int:
        """How much more fits."""
        while self._times and real_ms - self._times[0] >= self._length_ms:
            self._times.popleft()
        return max(0, limit - len(self._times))

    def add(self, count: int, real_ms: int) -> None:
        """Count so many at this time."""
        self._times.extend([real_ms] * count)

    def frees_in_ms(self, real_ms: int) -> int:
        """Until the oldest one falls out; 0 when there is none."""
        return self._times[0] + self._length_ms - real_ms if self._times else 0


class RateLimiter:
    """Counts requests of accounts by route."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._windows: dict[tuple[str, str], Window] = {}

    def take(self, uid: str, path: str, count: int, real_ms: int) -> Allowance:
        """Count a request that holds `count` orders, 1 if it is no batch."""
        limit = PER_SECOND.get(path, OTHERWISE)
        if not self._settings.enabled:
            return Allowance(count, limit, limit - 1, 0)
        window = self._windows.setdefault((uid, path), Window(SECOND_MS))
        room = window.room(limit, real_ms)
        granted = min(count, room)
        window.add(granted, real_ms)
        short = granted < count or room == granted
        return Allowance(granted, limit, room - granted, window.frees_in_ms(real_ms) if short else 0)


class AddressGuard:
    """Shuts out addresses that ask too much."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._requests: dict[str, Window] = {}
        self._streams: dict[str, Window] = {}
        self._blocked_until: dict[str, int] = {}

    def admits_request(self, peer: str, real_ms: int) -> bool:
        """Count a request; False while its address is shut out."""
        if not self._settings.enabled:
            return True
        if real_ms < self._blocked_until.get(peer, real_ms):
            return False
        window = self._requests.setdefault(peer, Window(self._settings.ip_window_ms))
        if not window.room(self._settings.ip_requests, real_ms):
            self._blocked_until[peer] = real_ms + self._settings.ip_block_ms
            return False
        window.add(1, real_ms)
        return True

    def admits_stream(self, peer: str, real_ms: int) -> bool:
        """Count a new stream; False when there were too many."""
        if not self._settings.enabled:
            return True
        if real_ms < self._blocked_until.get(peer, real_ms):
            return False
        window = self._streams.setdefault(peer, Window(self._settings.streams_window_ms))
        if not window.room(self._settings.streams, real_ms):
            return False
        window.add(1, real_ms)
        return True
