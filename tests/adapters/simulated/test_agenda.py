from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.agenda import Agenda
from daemon.core.units import NEVER
from daemon.core.venue import TransferReport


def report(number: int) -> TransferReport:
    return TransferReport(Decimal(number), "test")


def test_an_empty_agenda_is_never_due() -> None:
    agenda = Agenda()
    assert agenda.next_due == NEVER
    with pytest.raises(IndexError):
        agenda.pop()


def test_what_is_added_for_an_earlier_time_comes_first() -> None:
    agenda = Agenda()
    agenda.add(20, report(1))
    agenda.add(10, report(2))
    assert agenda.next_due == 10
    assert agenda.pop() == (10, report(2))
    assert agenda.next_due == 20


@given(st.lists(st.integers(0, 5), max_size=40))
def test_everything_comes_by_time_then_by_the_order_of_adding(dues: list[int]) -> None:
    agenda = Agenda()
    for number, due in enumerate(dues):
        agenda.add(due, report(number))
    popped = [agenda.pop() for _ in dues]
    expected = sorted(((due, number) for number, due in enumerate(dues)))
    assert popped == [(due, report(number)) for due, number in expected]
    assert agenda.next_due == NEVER


def test_holding_back_puts_off_reports_in_their_order_and_no_happenings() -> None:
    agenda = Agenda()
    happened: list[int] = []
    agenda.add(10, report(1))
    agenda.add(20, happened.append)
    agenda.add(30, report(2))
    agenda.add(90, report(3))
    agenda.hold_back(50)
    assert agenda.next_due == 20
    assert [agenda.pop()[0] for _ in range(4)] == [20, 50, 50, 90]
    agenda.hold_back(50)
    assert agenda.next_due == NEVER
