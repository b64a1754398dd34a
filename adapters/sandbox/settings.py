"""Settings of the sandbox server."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Literal

from msgspec import Struct

from adapters.sandbox.clock import Speed
from adapters.sandbox.faults import Faults
from adapters.sandbox.gateway.settings import GatewaySettings, check_gateway
from daemon.core.errors import ConfigError


class SandboxSettings(Struct, frozen=True, kw_only=True):
    """How the server plays its market.

    host: a loopback address.  port: 0 takes any free one.  speed: market time per real time, or "max".
    start: "at_once", or with the "first_subscription".  settle_ms: how long no further subscription may come before the
    market starts (or goes on after a pause) when it waits for one.
    ack_delay_ms: real milliseconds before an ack and the snapshots after it; pybit breaks when they come at once.
    outbox_frames: frames that may wait for a client. At "max" the market then waits for it, at a fixed speed the client
    is cut, as Bybit cuts slow ones.  stuck_s: real seconds after which the market no longer waits.
    idle_s: seconds without a client's frame after which it is cut.
    at_end: "idle" keeps connections open after the recording, "close" ends them.
    faults: trouble of the public frames; the plan's `public` part when left out.
    gateway: accounts and what stands before them; None serves public data only.
    """

    host: str = "127.0.0.1"
    port: int = 0
    speed: Speed = 1.0
    start: Literal["at_once", "first_subscription"] = "at_once"
    settle_ms: int = 100
    ack_delay_ms: int = 5
    outbox_frames: int = 2048
    stuck_s: float = 10.0
    idle_s: float = 600.0
    at_end: Literal["idle", "close"] = "idle"
    faults: Faults = Faults()
    gateway: GatewaySettings | None = None

    @property
    def public_faults(self) -> Faults:
        """What the frames of the market meet."""
        return self.faults if self.gateway is None or self.faults != Faults() else self.gateway.plan.public


def check(settings: SandboxSettings) -> None:
    """Refuse settings that cannot work.

    Raises:
        ConfigError: the host is not loopback, a number is out of bounds, or accounts or plan make no sense.
    """
    if settings.host != "localhost" and not _loopback(settings.host):
        raise ConfigError(f"sandbox.host: {settings.host} is not a loopback address", cure="Use 127.0.0.1.")
    if not 0 <= settings.port <= 65_535:
        raise ConfigError(f"sandbox.port: {settings.port}", cure="Give 0 (any free port) to 65535.")
    if settings.outbox_frames < 1 or settings.stuck_s <= 0 or settings.idle_s <= 0:
        raise ConfigError("sandbox: outbox_frames, stuck_s and idle_s must be above zero", cure="Leave them out.")
    if settings.settle_ms < 0 or settings.ack_delay_ms < 0:
        raise ConfigError("sandbox: settle_ms and ack_delay_ms must not be negative", cure="Leave them out.")
    if settings.gateway is not None:
        check_gateway(settings.gateway)


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
