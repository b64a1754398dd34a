"""Frames and answers find their decoder."""

from __future__ import annotations

from adapters.bybit.router import VenueDecoder
from daemon.core.account_events import Executed, Op, Outcome, StreamState
from daemon.core.events import BookDown, BookSnapshot, Link, Quarantined, Trade
from daemon.ports import Decoder
from tests.adapters.bybit.frames import book, trade, trades
from tests.adapters.bybit.private_frames import answer, execution_row, private_push


def test_public_frames_go_to_the_public_decoder() -> None:
    decoder: Decoder = VenueDecoder(["main"])
    (seen,) = decoder.decode(trades(trade("t-1")), 1, "public-1")
    assert isinstance(seen, Trade)
    (snapshot,) = decoder.decode(book(1, kind="snapshot"), 1, "public-1")
    assert isinstance(snapshot, BookSnapshot)
    (down,) = decoder.observe(Link("public-1", up=False, reason="cut"))
    assert isinstance(down, BookDown)


def test_private_frames_go_to_their_account() -> None:
    decoder = VenueDecoder(["main", "second"])
    frame = private_push("execution", execution_row())
    for account in ("main", "second"):
        (seen,) = decoder.decode(frame, 1, f"private.{account}")
        assert isinstance(seen, Executed)
        assert seen.account == account


def test_a_private_frame_of_nobody_is_quarantined() -> None:
    (seen,) = VenueDecoder(["main"]).decode(private_push("order"), 1, "private.third")
    assert isinstance(seen, Quarantined)


def test_links_and_answers_are_told_to_the_account_they_concern() -> None:
    decoder = VenueDecoder(["main", "second"])
    assert decoder.observe(Link("private.second", up=True)) == [StreamState("second", up=True)]
    (outcome,) = decoder.observe(answer(Op.CREATE, {"orderId": "v"}, account="second"))
    assert isinstance(outcome, Outcome)
    assert outcome.account == "second"
