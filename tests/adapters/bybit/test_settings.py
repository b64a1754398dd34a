from __future__ import annotations

import msgspec
import pytest

from adapters.bybit.settings import NEVER, FeedSettings, Silence
from adapters.bybit.topics import TopicKind
from daemon.core.units import NS_PER_SECOND


def test_limits_of_silence_follow_the_kind_and_zero_means_never() -> None:
    silence = Silence()
    assert silence.limit_ns(TopicKind.ORDERBOOK) == 5 * NS_PER_SECOND
    assert silence.limit_ns(TopicKind.TICKER) == 5 * NS_PER_SECOND
    assert silence.limit_ns(TopicKind.TRADE) == 120 * NS_PER_SECOND
    assert silence.limit_ns(TopicKind.KLINE) == 70 * NS_PER_SECOND
    assert silence.limit_ns(TopicKind.LIQUIDATION) == NEVER


@pytest.mark.parametrize(
    "text", [b'{"ping_seconds":20}', b'{"ping_ms":0}', b'{"ack_ms":-1}', b'{"silence":{"x":1}}', b'{"ping_ms":1e12}']
)
def test_unknown_keys_and_impossible_times_are_refused(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=FeedSettings)


def test_the_defaults_are_what_the_venue_asks_for() -> None:
    settings = msgspec.json.decode(b"{}", type=FeedSettings)
    assert (settings.ping_ms, settings.pong_ms, settings.forbidden_ms) == (20_000, 10_000, 600_000)
