"""Planned trouble in a configuration file."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.config import TroubleSettings, parse_config
from daemon.core.errors import ConfigError
from daemon.core.events import TroubleKind, VenueTrouble
from daemon.core.units import NS_PER_SECOND
from tests.daemon.config.builders import DOCUMENT, FORMATS, parse

REJECT = {"kind": "reject", "after_ms": 1500}


def plan(*troubles: dict[str, Any], kind: Any = "json") -> tuple[TroubleSettings, ...]:
    return parse({**DOCUMENT, "trouble": list(troubles)}, kind).trouble


def test_every_field_of_the_fact_can_be_configured_in_every_format() -> None:
    fields: dict[str, Any] = {
        "kind": "adl",
        "lane": "main",
        "symbol": "BTCUSDT",
        "count": 3,
        "delay_ms": 20,
        "reason": "10006: too many visits",
        "share": 0.5,
    }
    for kind in FORMATS:
        [trouble] = plan({**fields, "at": "2025-05-06T00:00:00Z"}, kind=kind)
        assert trouble.trouble() == VenueTrouble(**{**fields, "kind": TroubleKind.ADL})
    assert set(TroubleSettings.__struct_fields__) == {*VenueTrouble.__struct_fields__, "at", "after_ms"}


def test_trouble_comes_at_a_time_or_so_long_after_the_first_input() -> None:
    after, at, zoned = plan(
        REJECT,
        {"kind": "reject", "at": "2025-05-06T00:00:00.25Z"},
        {"kind": "reject", "at": "2025-05-06T02:00:00.25+02:00"},
    )
    assert after.due(7) == 7 + 1_500_000_000
    assert at.due(7) == zoned.due(7) == 1_746_489_600 * NS_PER_SECOND + 250_000_000


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ({"kind": "reject"}, "trouble[0].at: give either at or after_ms"),
        ({**REJECT, "at": "2025-05-06"}, "trouble[0].at: give either at or after_ms, and not both"),
        ({"kind": "reject", "at": "tomorrow"}, "trouble[0].at: 'tomorrow' is not ISO 8601"),
        ({"kind": "reject", "after_s": 5}, "trouble[0].after_s: unknown key\n  cure: Did you mean after_ms?"),
        ({"after_ms": 5}, "trouble[0].kind: missing"),
        ({**REJECT, "kind": "earthquake"}, "trouble[0].kind: Invalid enum value 'earthquake'"),
        ({**REJECT, "kind": "disconnect"}, "trouble[0].delay_ms: missing; without it, disconnect changes nothing"),
        ({**REJECT, "kind": "lost_answer"}, "trouble[0].delay_ms: missing"),
        ({**REJECT, "kind": "adl"}, "trouble[0].symbol: missing; a deleveraging"),
        ({**REJECT, "share": 50}, "trouble[0].share: Expected float <= 1.0, got 50\n  cure: It is a fraction"),
        ({**REJECT, "share": 0}, "trouble[0].share: Expected float > 0.0"),
        ({**REJECT, "count": 0}, "trouble[0].count: Expected int >= 1"),
        ({**REJECT, "after_ms": -1}, "trouble[0].after_ms: Expected int >= 0"),
        ({**REJECT, "lane": "mian"}, "trouble[0].lane: there is no lane 'mian'\n  cure: Did you mean main?"),
        ({**REJECT, "symbol": "ETHUSDT"}, "trouble[0].symbol: no data is configured for ETHUSDT"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_trouble_that_cannot_be_meant_is_refused_at_its_key(trouble: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(trouble)
    assert message in str(caught.value)


def test_a_time_of_toml_itself_is_to_be_written_as_text() -> None:
    text = '[feed]\nsymbols = ["BTCUSDT"]\n[[trouble]]\nkind = "reject"\nat = 2025-05-06T00:00:00Z\n'
    with pytest.raises(ConfigError, match=r"trouble\[0\]\.at: .*is not allowed here\n.*in quotes"):
        parse_config(text, "toml", "my.toml")
