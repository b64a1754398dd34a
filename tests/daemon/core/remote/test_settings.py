from __future__ import annotations

import msgspec
import pytest

from daemon.core.remote.settings import RemoteSettings


def test_the_window_of_a_request_is_small_and_an_entry_is_never_sent_again_by_default() -> None:
    settings = RemoteSettings()
    assert (settings.recv_window_ms, settings.settle_ms, settings.answer_ms) == (3_000, 2_000, 5_000)
    proved_at = settings.recv_window_ms + settings.settle_ms
    assert settings.entry_deadline_ms <= proved_at < settings.exit_deadline_ms


def test_nothing_is_adopted_cancelled_or_continued_by_default() -> None:
    settings = RemoteSettings()
    assert (settings.foreign_position, settings.foreign_order, settings.on_stop) == ("refuse", "refuse", "keep")


@pytest.mark.parametrize(
    "text",
    [
        '{"recv_window_ms": 0}',
        '{"answer_ms": 86400001}',
        '{"settle_ms": -1}',
        '{"foreign_position": "ignore"}',
        '{"foreign_order": "adopt"}',
        '{"on_stop": "flatten"}',
        '{"margin_mode": "portfolio"}',
        '{"recv_window": 5}',
    ],
)
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=RemoteSettings)
