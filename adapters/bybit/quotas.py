"""How many requests may be sent: the venue's limits per endpoint and per address, as counted by ourselves.

    order/create, amend, cancel, ...   10 in a rolling second each      answer 10006 when exceeded
    everything from one address        600 in 5 seconds                 HTTP 403 or 10018, then ten minutes of silence

Source: Bybit v5 docs, "Rate Limit Rules". Each endpoint has a window of its own, as the venue counts: a token bucket
that is full lets nearly twice its limit into one rolling second. Half of each is kept for urgent requests, which take
risk away. The venue's headers correct the count: X-Bapi-Limit is what is allowed,
X-Bapi-Limit-Status what is left, X-Bapi-Limit-Reset-Timestamp when a refused one may come again. A header that is
missing or absurd changes nothing. While the credentials are refused, one request is tried every 20 seconds.
Pure: times are nanoseconds of a clock that never goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from daemon.core.units import NS_PER_MS, NS_PER_SECOND

# A little more than the venue's second, because requests do not travel at one speed.
WINDOW = NS_PER_SECOND + 50 * NS_PER_MS
IP_WINDOW = 5 * NS_PER_SECOND + 250 * NS_PER_MS
IP_LIMIT = 600
IP_BAN = 600 * NS_PER_SECOND
AUTH_WAIT = 20 * NS_PER_SECOND
RESET_WAIT = NS_PER_SECOND
RESET_WAIT_MAX = 60 * NS_PER_SECOND
DEFAULT_LIMIT = 5
LIMIT_MAX = 10_000

LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "/v5/order/create": 10,
        "/v5/order/amend": 10,
        "/v5/order/cancel": 10,
        "/v5/order/cancel-all": 10,
        "/v5/order/realtime": 50,
        "/v5/order/history": 50,
        "/v5/execution/list": 50,
        "/v5/position/list": 50,
        "/v5/position/set-leverage": 10,
        "/v5/position/switch-mode": 10,
        "/v5/position/trading-stop": 10,
        "/v5/account/wallet-balance": 50,
        "/v5/account/info": 50,
        "/v5/account/transaction-log": 25,
        "/v5/account/fee-rate": 5,
        "/v5/account/set-margin-mode": 5,
        "/v5/user/query-api": 10,
    }
)
TOO_MANY = 10006
TOO_MANY_OF_ADDRESS = 10018
AUTH_CODES = frozenset({10003, 10004, 10005, 10007, 10010, 33004})
FORBIDDEN = 403
UNAUTHORIZED = 401
BUSY = 429


class Told(Struct, frozen=True, kw_only=True):
    """What an answer says about limits. code: retCode, None without one.

    limit, left: of the endpoint, None where the header is missing or no number.
    reset_in: nanoseconds from now until a refused request may come again, None where it is not told.
    """

    status: int
    code: int | None = None
    limit: int | None = None
    left: int | None = None
    reset_in: int | None = None


class _Window:
    """Times at which something was sent, as far as they still count."""

    def __init__(self, length: int, limit: int) -> None:
        self.limit = limit
        self.blocked_until = 0
        self._length = length
        self._times: deque[int] = deque()

    def used(self, now: int) -> int:
        times = self._times
        while times and times[0] <= now - self._length:
            times.popleft()
        return len(times)

    def add(self, now: int) -> None:
        self._times.append(now)

    def wait(self, now: int, *, urgent: bool) -> int:
        allowed = self.limit if urgent else max(1, self.limit // 2)
        used = self.used(now)
        wait = self._times[used - allowed] + self._length - now if used >= allowed else 0
        return max(wait, self.blocked_until - now, 0)

    def block(self, until: int) -> None:
        self.blocked_until = max(self.blocked_until, until)


class Quotas:
    """Counts what is sent to one venue with one key from one address.

    Args:
        limits: requests a second by path; others get `DEFAULT_LIMIT`.
        ip_limit: requests from this address in five seconds.
    """

    def __init__(self, limits: Mapping[str, int] = LIMITS, *, ip_limit: int = IP_LIMIT) -> None:
        self.reason = ""
        self._limits = limits
        self._endpoints: dict[str, _Window] = {}
        self._address = _Window(IP_WINDOW, ip_limit)
        self._auth_refused = False
        self._auth_blocked_until = 0

    def wait(self, path: str, now: int, *, urgent: bool = False) -> int:
        """Nanoseconds until a request may be sent; 0 for now."""
        waits = self._endpoint(path).wait(now, urgent=urgent), self._address.wait(now, urgent=urgent)
        return max(*waits, self._auth_blocked_until - now if self._auth_refused else 0)

    def take(self, path: str, now: int) -> None:
        """Count a request that is sent now."""
        self._endpoint(path).add(now)
        self._address.add(now)
        self._auth_blocked_until = now + AUTH_WAIT

    def learn(self, path: str, told: Told, now: int) -> None:
        """Take note of an answer."""
        window = self._endpoint(path)
        self._correct(window, told, now)
        if told.status == FORBIDDEN or told.code == TOO_MANY_OF_ADDRESS:
            self._address.block(now + IP_BAN)
            self.reason = "the venue refuses this address (HTTP 403 or 10018); nothing is sent for ten minutes"
        elif told.status == UNAUTHORIZED or told.code in AUTH_CODES:
            self._auth_refused = True
            self._auth_blocked_until = now + AUTH_WAIT
            self.reason = f"the venue refuses the key ({told.code or told.status}); tried again every 20 s"
        elif told.code == TOO_MANY or told.status == BUSY:
            window.block(now + _reset_wait(told))
            self.reason = f"the venue refuses {path} for a moment ({told.code or told.status})"
        elif told.code is not None:
            self._auth_refused = False

    def _endpoint(self, path: str) -> _Window:
        window = self._endpoints.get(path)
        if window is None:
            window = self._endpoints[path] = _Window(WINDOW, self._limits.get(path, DEFAULT_LIMIT))
        return window

    def _correct(self, window: _Window, told: Told, now: int) -> None:
        """Believe the venue where its numbers make sense: somebody else may use the same key."""
        if told.limit is None or not 1 <= told.limit <= LIMIT_MAX:
            return
        window.limit = told.limit
        if told.left is not None and 0 <= told.left < told.limit:
            for _ in range(told.limit - told.left - window.used(now)):
                window.add(now)


def _reset_wait(told: Told) -> int:
    wait = told.reset_in
    return wait if wait is not None and 0 < wait <= RESET_WAIT_MAX else RESET_WAIT
