from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.remote.link_ids import GENERATIONS_MAX, is_ours, link_id

LINEAGE = "00112233445566778899"
names = st.text(min_size=1, max_size=60)
generations = st.integers(0, GENERATIONS_MAX - 1)


@given(names, names, generations)
def test_a_link_id_keeps_the_venues_rule(lineage: str, order: str, generation: int) -> None:
    made = link_id(lineage, order, generation)
    assert len(made) <= 36
    assert re.fullmatch(r"ls-[a-z2-7]{24}-[a-z2-7]{2}", made)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}", made)
    assert is_ours(made)


@given(names, names, generations)
def test_the_same_decision_has_the_same_name(lineage: str, order: str, generation: int) -> None:
    assert link_id(lineage, order, generation) == link_id(lineage, order, generation)


def test_the_name_of_a_decision_never_changes_between_versions() -> None:
    assert link_id(LINEAGE, "main-10-0") == "ls-hvef3664lvd2l2gsuw32lv5z-aa"


@given(st.lists(st.tuples(names, names, generations), unique=True, max_size=30))
def test_different_attempts_have_different_names(attempts: list[tuple[str, str, int]]) -> None:
    plain = [attempt for attempt in attempts if "/" not in attempt[0] + attempt[1]]
    assert len({link_id(*attempt) for attempt in plain}) == len(plain)


def test_ten_thousand_orders_have_ten_thousand_names() -> None:
    assert len({link_id(LINEAGE, f"main-{number}-0") for number in range(10_000)}) == 10_000
    assert len({link_id(LINEAGE, "main-1-0", generation) for generation in range(GENERATIONS_MAX)}) == GENERATIONS_MAX


@given(generations, st.integers(0, 29), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567-"))
def test_a_name_with_a_letter_changed_is_nearly_never_ours(generation: int, place: int, letter: str) -> None:
    made = link_id(LINEAGE, "main-1-0", generation)
    changed = made[:place] + letter + made[place + 1 :]
    if changed == made or place < 3:
        assert is_ours(changed) == (changed.startswith("ls-"))
    elif place == 29:
        assert not is_ours(changed)


def test_about_one_changed_letter_in_32_passes_the_check() -> None:
    made = link_id(LINEAGE, "main-1-0")
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    changed = [made[:at] + c + made[at + 1 :] for at in range(3, 29) for c in letters if c != made[at]]
    assert sum(is_ours(one) for one in changed) < len(changed) / 15


@pytest.mark.parametrize(
    "text", ["", "ls-", "x", "ls-" + "a" * 27 + "x", "by-hand", link_id(LINEAGE, "a")[3:], link_id(LINEAGE, "a") + "a"]
)
def test_other_peoples_names_are_not_ours(text: str) -> None:
    assert not is_ours(text)


@pytest.mark.parametrize("generation", [-1, GENERATIONS_MAX, 1000])
def test_there_are_no_more_than_32_generations(generation: int) -> None:
    with pytest.raises(ValueError, match=f"generation {generation} of main-1-0"):
        link_id(LINEAGE, "main-1-0", generation)
