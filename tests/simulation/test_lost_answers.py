"""Creates whose answers are lost, half of them taken: none doubled, none lost, none wrongly absent.

Three thousand of them here; `make campaign` loses ten thousand.
"""

from __future__ import annotations

import pytest

from tests.simulation.lost_answers import lose_answers

PARTS, EACH = 4, 750


@pytest.mark.parametrize("seed", range(PARTS))
def test_of_creates_whose_answers_are_lost_none_is_doubled_or_lost_or_wrongly_absent(seed: int) -> None:
    outcome = lose_answers(EACH, seed)
    assert outcome.findings == []
    assert outcome.lost >= EACH
    assert 0.45 < outcome.taken / outcome.lost < 0.55  # a coin, and hardly any order is refused by the venue
    assert outcome.absent > 0.4 * outcome.lost
    assert outcome.sent_again > 0.2 * outcome.lost
