from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.trouble import CLEAR, NEVER_ARRIVED, NOT_SENT, Fate, Troubles
from daemon.core.errors import InvariantBroken
from daemon.core.events import TroubleKind, VenueTrouble
from daemon.core.units import NS_PER_MS

BTC, ETH = "BTCUSDT", "ETHUSDT"
MS = NS_PER_MS
K = TroubleKind


def suffering(kind: TroubleKind, *, at: int = 0, symbol: str = "", count: int = 1, delay_ms: int = 0) -> Troubles:
    troubles = Troubles()
    troubles.suffer(VenueTrouble(kind=kind, symbol=symbol, count=count, delay_ms=delay_ms), at)
    return troubles


def test_without_trouble_every_request_is_clear_and_told_when_it_is_due() -> None:
    troubles = Troubles()
    assert troubles.on_request(BTC, 5) is CLEAR
    assert troubles.told_from(7) == 7
    assert Fate() == CLEAR


def test_a_rejection_refuses_as_many_requests_as_it_counts() -> None:
    troubles = suffering(K.REJECT, count=2)
    fates = [troubles.on_request(BTC, now) for now in range(3)]
    assert fates == [Fate("10016: server error"), Fate("10016: server error"), CLEAR]


def test_a_rejection_gives_the_reason_it_was_scripted_with() -> None:
    troubles = Troubles()
    troubles.suffer(VenueTrouble(kind=K.REJECT, reason="10006: too many visits"), 0)
    assert troubles.on_request(BTC, 0) == Fate("10006: too many visits")


def test_only_requests_about_its_symbol_are_concerned_and_counted() -> None:
    troubles = suffering(K.REJECT, symbol=BTC)
    assert troubles.on_request(ETH, 0) is CLEAR
    assert troubles.on_request("", 0) is CLEAR
    assert troubles.on_request(BTC, 0).refused is not None
    assert troubles.on_request(BTC, 0) is CLEAR


def test_a_trouble_of_all_symbols_concerns_requests_about_none() -> None:
    assert suffering(K.REJECT).on_request("", 0).refused is not None


@pytest.mark.parametrize("kind", [K.LATE, K.LOST_ANSWER])
def test_a_late_or_lost_answer_arrives_and_is_told_after_the_delay(kind: TroubleKind) -> None:
    troubles = suffering(kind, delay_ms=500)
    assert troubles.on_request(BTC, 10 * MS) == Fate(hidden_until=510 * MS)
    assert troubles.on_request(BTC, 20 * MS) is CLEAR
    assert troubles.told_from(20 * MS) == 20 * MS


def test_a_lost_request_never_arrives_which_is_known_after_the_delay() -> None:
    fate = suffering(K.LOST_REQUEST, delay_ms=3000).on_request(BTC, 10 * MS)
    assert fate == Fate(NEVER_ARRIVED, known_at=3010 * MS)
    assert NEVER_ARRIVED.startswith("110001: order does not exist")


def test_a_disconnect_sends_nothing_and_tells_nothing_until_it_is_over() -> None:
    troubles = suffering(K.DISCONNECT, at=100, delay_ms=1)
    over = 100 + MS
    assert troubles.on_request(BTC, 100) == Fate(NOT_SENT, known_at=100)
    assert troubles.on_request(ETH, over - 1) == Fate(NOT_SENT, known_at=over - 1)
    assert troubles.on_request(BTC, over) is CLEAR
    assert [troubles.told_from(due) for due in (100, over - 1, over, over + 1)] == [over, over, over, over + 1]


def test_a_disconnect_within_a_longer_one_does_not_end_it() -> None:
    troubles = suffering(K.DISCONNECT, delay_ms=10)
    troubles.suffer(VenueTrouble(kind=K.DISCONNECT, delay_ms=2), MS)
    assert troubles.told_from(0) == 10 * MS


def test_what_was_not_sent_counts_for_no_other_trouble() -> None:
    troubles = suffering(K.REJECT)
    troubles.suffer(VenueTrouble(kind=K.DISCONNECT, delay_ms=1), 0)
    assert troubles.on_request(BTC, 0).refused == NOT_SENT
    assert troubles.on_request(BTC, MS).refused == "10016: server error"


def test_troubles_that_meet_one_request_all_count_it_with_the_longest_delay_and_the_oldest_refusal() -> None:
    troubles = suffering(K.LATE, delay_ms=5)
    troubles.suffer(VenueTrouble(kind=K.LOST_REQUEST, delay_ms=7), 0)
    troubles.suffer(VenueTrouble(kind=K.REJECT), 0)
    troubles.suffer(VenueTrouble(kind=K.LATE, delay_ms=9), 0)
    assert troubles.on_request(BTC, 0) == Fate(NEVER_ARRIVED, known_at=7 * MS, hidden_until=9 * MS)
    assert troubles.on_request(BTC, 0) is CLEAR


@pytest.mark.parametrize("count", [0, -1])
def test_a_trouble_that_counts_no_request_does_nothing(count: int) -> None:
    assert suffering(K.REJECT, count=count).on_request(BTC, 0) is CLEAR


def test_a_negative_delay_is_none() -> None:
    assert suffering(K.DISCONNECT, at=5, delay_ms=-9).told_from(5) == 5
    assert suffering(K.LOST_REQUEST, delay_ms=-9).on_request(BTC, 5).known_at == 5


def test_deleveraging_is_not_for_here() -> None:
    with pytest.raises(InvariantBroken, match="not a matter of requests"):
        suffering(K.ADL, symbol=BTC)


REQUEST_KINDS = [K.REJECT, K.LATE, K.LOST_REQUEST, K.LOST_ANSWER]


@given(
    st.lists(st.tuples(st.sampled_from(REQUEST_KINDS), st.sampled_from(["", BTC, ETH]), st.integers(0, 5)), max_size=6),
    st.lists(st.sampled_from(["", BTC, ETH]), max_size=20),
)
def test_each_trouble_meets_exactly_the_next_requests_that_it_counts(
    scripted: list[tuple[TroubleKind, str, int]], requests: list[str]
) -> None:
    troubles = Troubles()
    for kind, symbol, count in scripted:
        troubles.suffer(VenueTrouble(kind=kind, symbol=symbol, count=count, delay_ms=1), 0)
    seen = dict.fromkeys(range(len(scripted)), 0)
    for requested in requests:
        met = []
        for index, (kind, symbol, count) in enumerate(scripted):
            if symbol in ("", requested) and seen[index] < count:
                seen[index] += 1
                met.append(kind)
        fate = troubles.on_request(requested, 0)
        assert (fate.refused is not None) is any(kind in (K.REJECT, K.LOST_REQUEST) for kind in met)
        assert (fate.hidden_until > 0) is any(kind in (K.LATE, K.LOST_ANSWER) for kind in met)
