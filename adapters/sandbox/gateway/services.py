"""What requests and streams share: keys, limits, rules of the plan, the truth, and what time it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.sandbox.clock import Speed
from adapters.sandbox.gateway.accounts import KeyRing
from adapters.sandbox.gateway.limits import AddressGuard, RateLimiter
from adapters.sandbox.gateway.matching import Counted, Rule, Rules
from adapters.sandbox.gateway.messages import Instant
from adapters.sandbox.gateway.personality import OFFERS
from adapters.sandbox.gateway.plan import Maintenance, Skew
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.gateway.signing import Verifier, is_number
from adapters.sandbox.gateway.truth import TruthLog


class Services:
    """Made once for a gateway.

    Args:
        settings: of the gateway, checked.
        start_ms: when the market starts, milliseconds UTC; the plan's seconds count from here.
        speed: market time per real time.
        truth: takes everything that tests judge by.
        wall_ms: today's time, milliseconds UTC, by which clients may sign too; None where there is only the market's.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        start_ms: int,
        speed: Speed,
        truth: TruthLog,
        wall_ms: Callable[[], int] | None = None,
    ) -> None:
        plan = settings.plan
        self.start_ms = start_ms
        self.speed = speed
        self.truth = truth
        self._wall_ms = wall_ms
        self.plan = plan
        self.offer = OFFERS[settings.personality]
        self.verifier = Verifier(KeyRing(settings.accounts, settings.personality), speed)
        self.limiter = RateLimiter(settings.limits)
        self.guard = AddressGuard(settings.limits)
        self.request_rules = Rules(plan.requests, "requests", plan.seed)
        self.push_rules = Rules(plan.pushes, "pushes", plan.seed)
        self.stream_rules = Rules(plan.streams, "streams", plan.seed)

    def elapsed_s(self, now: Instant) -> float:
        """Market seconds since the start."""
        return (now.market_ms - self.start_ms) / 1000

    def server_ms(self, market_ms: int) -> int:
        """What the exchange's own clock says, milliseconds UTC: the market's time, unless the plan skews it."""
        return market_ms + self._skew_ms(market_ms)

    def wall_ms(self, market_ms: int) -> int | None:
        """Today's time by the exchange's own clock, skewed like the market's; None where it does not count."""
        return None if self._wall_ms is None else self._wall_ms() + self._skew_ms(market_ms)

    def _skew_ms(self, market_ms: int) -> int:
        elapsed_s = (market_ms - self.start_ms) / 1000
        return sum(skew.skew_ms for skew in self.plan.clock if _runs(skew, elapsed_s))

    def reset_ms(self, in_ms: int, signed: str, market_ms: int) -> int:
        """When a limit resets, by the clock that the client signed by: the market's, or today's if that is nearer.

        Args:
            in_ms: real milliseconds until then; at "max" they count as market time, for want of a relation.
            signed: the client's timestamp; empty for nobody's.
            market_ms: market time, milliseconds UTC.
        """
        server_ms, wall_ms = self.server_ms(market_ms), self.wall_ms(market_ms)
        if wall_ms is not None and is_number(signed) and abs(int(signed) - wall_ms) < abs(int(signed) - server_ms):
            return wall_ms + in_ms
        return server_ms + (in_ms if self.speed == "max" else int(in_ms * self.speed))

    def maintenance(self, now: Instant) -> Maintenance | None:
        """The maintenance that is going on."""
        elapsed_s = self.elapsed_s(now)
        return next((each for each in self.plan.maintenance if _runs(each, elapsed_s)), None)

    def note_faults(self, kind: str, met: Sequence[Counted[Rule]], **where: object) -> None:
        """Write down which rules fired."""
        for counted in met:
            self.truth.note("fault", {"kind": kind, "rule": counted.label, **where})


def _runs(each: Skew | Maintenance, elapsed_s: float) -> bool:
    return each.from_s <= elapsed_s and (each.until_s is None or elapsed_s < each.until_s)
