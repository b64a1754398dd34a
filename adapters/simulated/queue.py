"""Queue: how much of the quantity at a price stands before a resting order, and what of it lets the order fill.

One small class for each `daemon.core.venue.QueueModel`, all with the methods of `Queue`, which one of your own needs as
well. An order remembers its own place: `Working.ahead`, and with it the size `displayed` at its price when last looked
at and what `traded` there since. For the same order and the same events, what was filled so far never is more under a
model than under the one after it: Through, Back, Proportional, Front.

Assumptions:
- A trade at exactly our price takes what stands before us first; only what is left of it may fill us. So does Bybit:
  price, then time.
- The displayed size holds what stands before us and behind us, never our own order. It grows at its end.
- A size that shrinks by more than traded since was cancelled for that part. Back: behind us, as long as it fits there.
  Proportional: on either side in proportion to what stands there, so that `cancelled * ahead / (ahead + behind)` goes
  from before us, behind = displayed - traded - ahead. Probability queue models, as hftbacktest and others name them,
  weight the two sides by a function of their sizes; this is the one that takes the sizes themselves.
- Where the size at our price is not known (no book, or a price outside what it shows), all there is stands before us
  until it is known; then at most what is displayed does.
- A trade beyond our price means that all before us is gone.

Known limits:
- A delta that comes before the trades which caused it counts as a cancel, and the trade counts again.
- Several orders of ours at one price do not see one another here: the caller lowers a trade by what it filled before.
- Cancels and joins that even out between two updates are not seen.
"""

# ruff: noqa: ARG002 - a queue model takes what its protocol hands it

from __future__ import annotations

from math import inf
from typing import Protocol

from adapters.simulated.resting import Resting
from adapters.simulated.working import Working
from daemon.core.book import Book
from daemon.core.events import BookDelta, BookDown, BookSnapshot, Side
from daemon.core.market import Market
from daemon.core.venue import QueueModel

DIGITS = 9
"""Quantities are rounded to a billionth of a base unit, below every step, so that 0.3 - 0.1 is 0.2."""


class Queue(Protocol):
    """A queue model. Quantities are base units, float64; None is a size that is not known.

    touch_fills: whether a price that only reaches an order's limit is enough to fill it.
    crossed: whether opposite quantity displayed at exactly its limit fills it.
    watches: whether it needs `resized` at all.
    """

    touch_fills: bool
    crossed: bool
    watches: bool

    def joined(self, order: Working, displayed: float | None) -> None:
        """The order came to rest where this much is displayed, or lost its place and stands at the end again."""
        ...

    def traded(self, order: Working, qty: float) -> float:
        """A taker of the other side traded this at exactly its price; returns what of it may fill the order."""
        ...

    def passed(self, order: Working) -> None:
        """A trade went through its price."""
        ...

    def resized(self, order: Working, displayed: float | None) -> None:
        """This much is displayed at its price now."""
        ...


class Through:
    """Everybody stands before us, always: only a price that goes through the limit fills."""

    touch_fills = False
    crossed = False
    watches = False

    def joined(self, order: Working, displayed: float | None) -> None:
        """Stand behind whatever there is and will be."""
        order.ahead = inf

    def traded(self, order: Working, qty: float) -> float:
        """Nothing of it fills us."""
        return 0.0

    def passed(self, order: Working) -> None:
        """Changes nothing."""

    def resized(self, order: Working, displayed: float | None) -> None:
        """Changes nothing."""


class Back:
    """What was displayed when we came stands before us, less what traded since; whoever cancels stood behind."""

    touch_fills = False
    crossed = True
    watches = True

    def joined(self, order: Working, displayed: float | None) -> None:
        """Stand behind all that is displayed."""
        _stand_last(order, displayed)

    def traded(self, order: Working, qty: float) -> float:
        """What those before us leave of it."""
        return _left_by_those_before(order, qty)

    def passed(self, order: Working) -> None:
        """Nobody is before us any more."""
        order.ahead = 0.0

    def resized(self, order: Working, displayed: float | None) -> None:
        """Before us stands no more than is displayed."""
        _look(order, displayed)


class Proportional(Back):
    """As `Back`, but whoever cancels stood before or behind us in proportion to what stands there."""

    def resized(self, order: Working, displayed: float | None) -> None:
        """Our part of what was cancelled goes from before us."""
        everybody = order.displayed - order.traded
        if displayed is not None and displayed < everybody < inf:
            stays = 1.0 - (everybody - displayed) / max(everybody, order.ahead)
            order.ahead = min(order.ahead, round(order.ahead * stays, DIGITS))
        _look(order, displayed)


class Front:
    """Nobody stands before us: whatever trades at the limit fills, and a price that reaches it is enough."""

    touch_fills = True
    crossed = True
    watches = False

    def joined(self, order: Working, displayed: float | None) -> None:
        """Stand first."""
        order.ahead = 0.0

    def traded(self, order: Working, qty: float) -> float:
        """All of it."""
        return qty

    def passed(self, order: Working) -> None:
        """Changes nothing."""

    def resized(self, order: Working, displayed: float | None) -> None:
        """Changes nothing."""


def make_queue(model: QueueModel) -> Queue:
    """The class of a model."""
    queues: dict[QueueModel, type[Queue]] = {
        QueueModel.THROUGH: Through,
        QueueModel.BACK: Back,
        QueueModel.PROPORTIONAL: Proportional,
        QueueModel.FRONT: Front,
    }
    return queues[model]()


def displayed(book: Book, side: Side, price: float) -> float | None:
    """Size displayed at a price of a side, base units; 0.0 where nobody stands.

    Returns:
        None when it is not known: the book was lost, or the price lies beyond the last level it shows.
    """
    if not book.valid:
        return None
    levels = book.bids if side is Side.BUY else book.asks
    size = levels.get(price)
    if size is not None:
        return size
    if side is Side.BUY:
        return 0.0 if price > min(levels, default=-inf) else None
    return 0.0 if price < max(levels, default=inf) else None


def join(queue: Queue, order: Working) -> None:
    """Put an order last in the queue at its limit, by what the book of its market displays there."""
    queue.joined(order, _shown(order))


def follow_book(queue: Queue, resting: Resting, market: Market, fact: BookSnapshot | BookDelta | BookDown) -> None:
    """Tell the resting orders of a symbol what is displayed at their prices, after `fact` changed its book."""
    if not queue.watches or not len(resting):
        return
    if isinstance(fact, BookDelta) and market.book.valid:
        for side, changes in ((Side.BUY, fact.bids), (Side.SELL, fact.asks)):
            for order, size in resting.among(side, changes):
                queue.resized(order, size or _shown(order))  # a level that vanished may have left the depth shown
    else:
        for order in resting.orders():
            queue.resized(order, _shown(order))


def _shown(order: Working) -> float | None:
    assert order.limit is not None, "only an order with a limit rests"
    return displayed(order.market.book, order.side, float(order.limit))


def _stand_last(order: Working, size: float | None) -> None:
    order.ahead = inf
    _look(order, size)


def _look(order: Working, size: float | None) -> None:
    """Note what is displayed, inf when it is not known; before us stands no more than that."""
    order.displayed = inf if size is None else size
    order.traded = 0.0
    order.ahead = min(order.ahead, order.displayed)


def _left_by_those_before(order: Working, qty: float) -> float:
    if order.ahead == inf:
        _look(order, _shown(order))
    before = order.ahead
    order.traded += qty
    order.ahead = round(max(0.0, before - qty), DIGITS) if before < inf else inf
    return round(max(0.0, qty - before), DIGITS)
