from __future__ import annotations

import pytest

from adapters.sandbox.settings import SandboxSettings, check
from daemon.core.errors import ConfigError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_hosts_are_accepted(host: str) -> None:
    settings = SandboxSettings(host=host)
    check(settings)
    assert settings.host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])
def test_any_other_host_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="loopback"):
        check(SandboxSettings(host=host))


@pytest.mark.parametrize(
    "settings",
    [
        SandboxSettings(port=-1),
        SandboxSettings(port=70_000),
        SandboxSettings(outbox_frames=0),
        SandboxSettings(stuck_s=0.0),
        SandboxSettings(idle_s=-1.0),
        SandboxSettings(settle_ms=-1),
        SandboxSettings(ack_delay_ms=-5),
    ],
)
def test_numbers_out_of_bounds_are_refused(settings: SandboxSettings) -> None:
    with pytest.raises(ConfigError):
        check(settings)
