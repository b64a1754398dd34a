from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from daemon.core.book import Book, Level

PRICES = st.integers(1, 12).map(float)
SIZES = st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.5])
SIDES = st.lists(st.tuples(PRICES, SIZES), max_size=6)
UPDATES = st.lists(
    st.tuples(st.sampled_from(["snapshot", "delta", "delta", "delta", "drop"]), SIDES, SIDES), max_size=40
)


class SortedBook:
    """The same rules in the plainest way: two sorted lists of levels, searched from the start each time."""

    def __init__(self) -> None:
        self.bids: list[Level] = []
        self.asks: list[Level] = []
        self.valid = False

    def update(self, kind: str, bids: list[Level], asks: list[Level]) -> None:
        if kind != "delta":
            self.bids, self.asks = [], []
        if kind == "drop":
            self.valid = False
            return
        self.bids = sorted(self._merge(self.bids, bids), reverse=True)
        self.asks = sorted(self._merge(self.asks, asks))
        crossed = bool(self.bids) and bool(self.asks) and self.bids[0][0] >= self.asks[0][0]
        self.valid = not crossed and (self.valid or kind == "snapshot")

    def _merge(self, levels: list[Level], changes: list[Level]) -> list[Level]:
        for price, size in changes:
            levels = [level for level in levels if level[0] != price]
            if size:
                levels.append((price, size))
        return levels


@given(UPDATES)
@example([("snapshot", [(1.0, 1.0)], [(2.0, 1.0)]), ("delta", [(1.0, 0.0)], []), ("delta", [(1.0, 2.0)], [])])
@example([("snapshot", [(1.0, 1.0)], [(2.0, 1.0)]), ("delta", [(3.0, 1.0)], []), ("delta", [(3.0, 0.0)], [])])
def test_it_equals_a_sorted_list_of_levels_after_every_update(
    updates: list[tuple[str, list[Level], list[Level]]],
) -> None:
    book, model = Book(), SortedBook()
    for kind, bids, asks in updates:
        if kind == "drop":
            book.drop()
        else:
            told = book.reset(_unique(bids), _unique(asks)) if kind == "snapshot" else book.apply(bids, asks)
            assert told == book.valid
        model.update(kind, _unique(bids) if kind == "snapshot" else bids, _unique(asks) if kind == "snapshot" else asks)
        assert book.valid == model.valid
        assert book.bid == (model.bids[0][0] if model.bids else 0.0)
        assert book.ask == (model.asks[0][0] if model.asks else 0.0)
        for count in (0, 1, 3, 20):
            assert book.top_bids(count) == model.bids[:count]
            assert book.top_asks(count) == model.asks[:count]


def _unique(levels: list[Level]) -> list[Level]:
    return list(dict(levels).items())


def test_a_book_is_not_valid_before_its_first_snapshot() -> None:
    book = Book()
    assert not book.valid
    assert not book.apply([(1.0, 1.0)], [(2.0, 1.0)])


def test_a_crossed_book_stays_invalid_until_the_next_snapshot() -> None:
    book = Book()
    assert book.reset([(99.0, 1.0)], [(100.0, 1.0)])
    assert not book.apply([(100.0, 1.0)], [])
    assert not book.apply([(100.0, 0.0)], [])
    assert book.reset([(99.0, 1.0)], [(100.0, 1.0)])


def test_a_crossed_snapshot_is_not_valid() -> None:
    assert not Book().reset([(100.0, 1.0)], [(100.0, 1.0)])


def test_a_side_may_be_empty() -> None:
    book = Book()
    assert book.reset([(99.0, 1.0)], [])
    assert (book.bid, book.ask) == (99.0, 0.0)
