from __future__ import annotations

from decimal import Decimal

from adapters.simulated.agenda import Agenda
from adapters.simulated.latency import Constant, Sampled
from adapters.simulated.trouble import Troubles
from adapters.simulated.wire import Wire
from daemon.core.events import TroubleKind, VenueTrouble
from daemon.core.units import NS_PER_MS
from daemon.core.venue import TransferReport


def report(number: int) -> TransferReport:
    return TransferReport(Decimal(number), "test")


def make(troubles: Troubles, *, response: Constant | Sampled) -> tuple[Wire, Agenda]:
    agenda = Agenda()
    return Wire(agenda, troubles, entry=Constant(20), feed=Constant(7), response=response), agenda


def test_a_request_travels_for_the_entry_and_the_feed_latency() -> None:
    wire, agenda = make(Troubles(), response=Constant(0))
    arrived: list[int] = []
    wire.send(100, arrived.append)
    due, happening = agenda.pop()
    assert due == 127
    assert callable(happening)
    happening(due)
    assert arrived == [127]


def test_no_report_overtakes_another_whatever_their_latencies() -> None:
    wire, agenda = make(Troubles(), response=Sampled([1.0, 30.0, 500.0], "seed"))
    for number in range(50):
        wire.tell(number * NS_PER_MS, report(number))
    told = [agenda.pop() for _ in range(50)]
    assert [item for _, item in told] == [report(number) for number in range(50)]
    assert [due for due, _ in told] == sorted(due for due, _ in told)
    assert len({due for due, _ in told}) > 1


def test_what_happens_while_the_line_is_down_is_told_when_it_is_up_again() -> None:
    troubles = Troubles()
    wire, agenda = make(troubles, response=Constant(5))
    troubles.suffer(VenueTrouble(kind=TroubleKind.DISCONNECT, delay_ms=1), 1_000)
    wire.tell(2_000, report(1))
    assert agenda.next_due == 1_000 + NS_PER_MS
    wire.tell(3 * NS_PER_MS, report(2))
    agenda.pop()
    assert agenda.next_due == 3 * NS_PER_MS + 5


def test_hidden_reports_hold_back_those_after_them() -> None:
    wire, agenda = make(Troubles(), response=Constant(0))
    wire.hide_until(500)
    wire.tell(100, report(1))
    wire.tell(600, report(2))
    assert [agenda.pop()[0], agenda.pop()[0]] == [500, 600]
