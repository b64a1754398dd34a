"""What a report says of an account at a venue."""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import Side
from daemon.core.records import Record
from daemon.core.remote.states import State
from daemon.core.units import NS_PER_SECOND
from daemon.core.venue_records import AdoptionLine, MismatchLine, ReconcileLine, SendLine, TrackLine
from replay.report import summarise
from replay.venue_tally import VenueReport, VenueTally

START = 1_746_532_800 * NS_PER_SECOND


def send(op: str, order_id: str = "") -> SendLine:
    return SendLine(1, 1, START, "main", "main-r1", op, order_id, "", "BTCUSDT", "POST", "/v5/x", "{}", 0)


def track(state: State) -> TrackLine:
    return TrackLine(2, 1, START, "main", "main-1-0", "ls-1", "BTCUSDT", state, "")


def test_requests_unknown_outcomes_and_reconciliations_are_counted() -> None:
    lines: list[Record] = [
        ReconcileLine(1, 1, START, "main", "begin", "starting"),
        ReconcileLine(1, 1, START + 1_200_000_000, "main", "ready", "starting"),
        ReconcileLine(1, 1, START + 9_000_000_000, "main", "ready", "in doubt"),
        send("set_leverage"),
        send("create", "main-1-0"),
        *map(track, (State.UNKNOWN, State.ABSENT, State.SENDING)),
        send("create", "main-1-0"),
        *map(track, (State.UNKNOWN, State.WORKING, State.FILLED)),
        track(State.UNKNOWN),
        MismatchLine(1, 1, START, "main", "position", "BTCUSDT", "", "0", "1", "adopted"),
        AdoptionLine(1, 1, START, "main", "BTCUSDT", Side.BUY, Decimal(1), Decimal(9), "why", Decimal(1), Decimal(0)),
    ]
    (lane,) = summarise(lines).lanes
    assert lane.venue == VenueReport(
        sent=2,
        requests=3,
        unknown=3,
        settled=2,
        mismatches=1,
        adoptions=1,
        reconciliations=2,
        ready_after=1.2,
    )


def test_a_lane_without_a_venue_says_nothing_of_one() -> None:
    assert VenueTally(START).report() is None
