"""Words: how each engine calls the same end of an order. A pair that is not here is an unexplained difference."""

from __future__ import annotations

from collections.abc import Mapping

TWO_REASONS = "an order with two reasons to be turned away, of which each engine names one"
WORDS: Mapping[tuple[str, str], str] = {
    ("Cancelled CancelByUser", "Canceled"): "a cancel at the user's wish",
    ("Deactivated CancelByUser", "Canceled"): "a cancel of an order that waits for its trigger",
    ("Cancelled EC_NoImmediateQtyToFill", "Canceled"): "the rest of an IOC order",
    ("Cancelled EC_NoImmediateQtyToFill", "Rejected no market"): "a market order that finds nothing",
    ("Cancelled EC_CancelForNoFullFill", "Canceled"): "a FOK order that cannot fill wholly",
    ("Cancelled EC_PostOnlyWillTakeLiquidity", "Rejected POST_ONLY"): "a post-only order that would take",
    ("Rejected 110017", "Rejected REDUCE_ONLY"): "a reduce-only order without a position to reduce",
    ("Rejected 11009", "Rejected REDUCE_ONLY"): TWO_REASONS,
    ("Rejected 110017", "Canceled"): TWO_REASONS,
    ("Rejected 110017", "Rejected POST_ONLY"): TWO_REASONS,
    ("Cancelled EC_", "Rejected REDUCE_ONLY"): TWO_REASONS,
    ("Rejected 11009", "Rejected STOP"): "a stop whose trigger is reached already",
    ("Rejected 11009", "Rejected MARKET_IF_TOUCHED"): "a stop whose trigger is reached already",
    ("Rejected 11009", "Rejected LIMIT_IF_TOUCHED"): "a stop whose trigger is reached already",
    ("Cancelled CancelByReduceOnly", "Canceled"): "a reduce-only order whose position is gone",
}


def meaning(ours: str, theirs: str) -> str | None:
    """What a pair of words means, None when it is not known."""
    fitting = (text for (mine, other), text in WORDS.items() if ours.startswith(mine) and theirs.startswith(other))
    return next(fitting, None)
