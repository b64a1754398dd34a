"""The differences we know of: each has a name and a predicate that says whether it is this one.

A predicate looks at one difference and at what the market showed, and computes as far as it can what either engine's
rule gives there; it must not be true of a difference that only looks alike. The words for each stand in
docs/simulated-exchange.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tests.differential import on_bars, on_book, on_moves, on_special, on_touch
from tests.differential.compare import Difference

Predicate: TypeAlias = Callable[[Difference], bool]

EXPLANATIONS: dict[str, Predicate] = {
    "reduces_later": on_special.reduces_later,
    "other_position": on_special.other_position,
    "reduced_together": on_special.reduced_together,
    "cut_order_ends": on_special.cut_order_ends,
    "nothing_to_reduce": on_special.nothing_to_reduce,
    "post_only_amended": on_special.post_only_amended,
    "other_trigger": on_special.other_trigger,
    "amended_after_trigger": on_special.amended_after_trigger,
    "filled_at_trigger": on_special.filled_at_trigger,
    "own_orders_meet": on_book.own_orders_meet,
    "touched_limit": on_book.touched_limit,
    "remembered": on_book.remembered,
    "public_trade": on_book.public_trade,
    "size_of_touch": on_touch.size_of_touch,
    "trade_is_touch": on_touch.trade_is_touch,
    "touched_limit_quote": on_touch.touched_limit,
    "trade_fills": on_touch.trade_fills,
    "next_open": on_bars.next_open,
    "touched_limit_bar": on_bars.touched_limit,
    "volume_of_bar": on_bars.volume_of_bar,
    "stop_in_bar": on_bars.stop_in_bar,
    "seen_again": on_book.seen_again,
    "moved_market": on_moves.moved_market,
    "moved_trigger": on_moves.moved_trigger,
}


def explain(difference: Difference) -> str | None:
    """Name of the first explanation that fits, None when there is none."""
    return next((name for name, fits in EXPLANATIONS.items() if fits(difference)), None)
