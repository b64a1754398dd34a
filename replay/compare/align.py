"""Aligns the rows of two decision streams.

Both streams are walked in step, the one that is behind in time first. A decision is found again by (lane, strategy,
symbol, evaluation); an order, a fill or a refusal by the decision that asked for it, because its own ids are derived
from row numbers that shift as soon as one run has a row more; any other row by what it says. What finds no partner
waits, at most `WAITING_ROWS` per stream; then, or at the end, those that wait are paired by their number, then by what
they belong to, so that a row whose very key was altered is still told as altered. What is left has no partner.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from replay.compare.rows import OF_ORDERS, UNREADABLE, Head, Row, parse

WAITING_ROWS = 20_000
STALLED_ROWS = 1_000
DECISIONS_REMEMBERED = 5_000  # an order names its decision within the same step
ORDERS_REMEMBERED = 20_000

Key: TypeAlias = tuple[str | int, ...]
Name = TypeVar("Name", int, tuple[str, str])
Value = TypeVar("Value")


class Pair(Struct, frozen=True, gc=False):
    """Two rows that belong together, or one without a partner.

    reordered: another pair stands before this one in one stream and behind it in the other.
    renumbered: both rows belong to the same decision, or name orders of the same decisions, which have another number
    in each stream.
    late: found among rows that had waited, out of turn.
    """

    left: Row | None
    right: Row | None
    reordered: bool = False
    renumbered: bool = False
    late: bool = False


Paired: TypeAlias = tuple[list[Row], list[Row], list[Pair]]


class Alignment:
    """Pairs of rows, in the order in which they are found; `waiting_lanes` counts waiting rows of money by lane."""

    def __init__(self) -> None:
        self.waiting_lanes: Counter[str] = Counter()
        self._left = _Side()
        self._right = _Side()
        self._reached = (0, 0)
        self._alone = 0

    def pairs(self, left: Iterator[Row], right: Iterator[Row]) -> Iterator[Pair]:
        """Walk both streams to their ends."""
        for row_left, row_right in in_step(left, right):
            yield from self._offer(row_left, row_right)
            if max(len(self._left.waiting), len(self._right.waiting)) > WAITING_ROWS:
                yield from self._settle(WAITING_ROWS // 2)
        yield from self._settle(0)

    def _offer(self, left: Row | None, right: Row | None) -> Iterator[Pair]:
        key_left = self._left.key(left) if left is not None else ()
        key_right = self._right.key(right) if right is not None else ()
        if left is not None and right is not None and key_left == key_right and left.body == right.body:
            yield self._found(left, right)
            return
        if left is not None:
            partner = self._meet(left, key_left, self._left, self._right)
            if partner is not None:
                yield self._found(left, partner)
        if right is not None:
            partner = self._meet(right, key_right, self._right, self._left)
            if partner is not None:
                yield self._found(partner, right)

    def _meet(self, row: Row, key: Key, mine: _Side, other: _Side) -> Row | None:
        """The partner that waits for a row; the row waits itself if there is none."""
        partner = other.take(key)
        if partner is None:
            mine.wait(key, row)
            self._count(row, 1)
        else:
            self._count(partner, -1)
        return partner

    def _count(self, row: Row, change: int) -> None:
        if row.head.kind != "decision":
            self.waiting_lanes[row.head.lane] += change

    def _found(self, left: Row, right: Row) -> Pair:
        reordered = left.line < self._reached[0] or right.line < self._reached[1]
        self._reached = (max(left.line, self._reached[0]), max(right.line, self._reached[1]))
        return Pair(left, right, reordered, self._renumbered(left, right))

    def _renumbered(self, left: Row, right: Row) -> bool:
        if left.head.kind == "decision":
            return self._same_orders(left, right)
        owner = self._left.owner(left)
        return left.decision_seq != right.decision_seq and owner is not None and owner == self._right.owner(right)

    def _same_orders(self, left: Row, right: Row) -> bool:
        """Whether two decisions name the same orders, though each stream has its own ids for them."""
        if left.orders == right.orders:
            return False
        owners = [self._left.owners(left), self._right.owners(right)]
        return owners[0] == owners[1] and None not in owners[0]

    def _settle(self, keep: int) -> Iterator[Pair]:
        """Pair or give up the rows that wait longest."""
        lefts, rights = self._left.oldest(keep), self._right.oldest(keep)
        for row in (*lefts, *rights):
            self._count(row, -1)
        found: list[Pair] = []
        for pair_up in (_by_number, _by_belonging, _by_place):
            lefts, rights, more = pair_up(lefts, rights)
            found += more
        for pair in found:
            yield self._late(pair, lefts, rights)
        self._alone += len(rights) - len(lefts)
        alone = [Pair(row, None) for row in lefts] + [Pair(None, row) for row in rights]
        yield from sorted(alone, key=_place)

    def _late(self, pair: Pair, lefts: list[Row], rights: list[Row]) -> Pair:
        """A late pair stands as far apart as there are rows before it that one stream lacks, or it is reordered."""
        assert pair.left is not None
        assert pair.right is not None
        before = bisect_left(rights, pair.right.line, key=_line) - bisect_left(lefts, pair.left.line, key=_line)
        in_order = pair.right.line - pair.left.line == self._alone + before
        return pair if in_order else msgspec.structs.replace(pair, reordered=True)


class _Side:
    """One stream: its rows that wait, and what its numbers stand for."""

    def __init__(self) -> None:
        self.waiting: dict[int, tuple[Key, Row]] = {}
        self._places: dict[Key, deque[int]] = {}
        self._decisions: dict[int, Key] = {}
        self._orders: dict[tuple[str, str], tuple[int, Key]] = {}

    def key(self, row: Row) -> Key:
        """What the row is found by in the other stream."""
        head = row.head
        if head.kind == "decision":
            key: Key = (head.lane, head.strategy, head.symbol, head.evaluation)
            _remember(self._decisions, head.seq, key, DECISIONS_REMEMBERED)
            return key
        if head.kind in OF_ORDERS:
            return (head.kind, head.lane, head.symbol, head.status, *self._owner(row))
        if head.kind == UNREADABLE:
            return (head.kind, row.line)
        return (head.kind, head.lane, head.symbol, head.ts, head.reason)

    def _owner(self, row: Row) -> Key:
        """The decision behind an order; its ids if that decision was taken before the streams parted."""
        head = row.head
        name = (head.lane, head.order_id)
        if name not in self._orders and row.decision_seq in self._decisions:
            _remember(self._orders, name, (row.decision_seq, self._decisions[row.decision_seq]), ORDERS_REMEMBERED)
        found = self._orders.get(name)
        return (head.order_id, head.fill_id) if found is None else found[1]

    def owner(self, row: Row) -> Key | None:
        """The decision that an order names, if it is the one that asked for it as far as known."""
        found = self._orders.get((row.head.lane, row.head.order_id))
        return found[1] if found is not None and found[0] == row.decision_seq else None

    def owners(self, row: Row) -> list[Key | None]:
        """The decisions behind the orders that a decision names; None for one that is not known."""
        found = [self._orders.get((row.head.lane, order_id)) for order_id in row.orders]
        return [None if one is None else one[1] for one in found]

    def wait(self, key: Key, row: Row) -> None:
        self.waiting[row.line] = (key, row)
        self._places.setdefault(key, deque()).append(row.line)

    def take(self, key: Key) -> Row | None:
        """The row of this key that waits longest."""
        lines = self._places.get(key)
        if lines is None:
            return None
        row = self.waiting.pop(lines.popleft())[1]
        if not lines:
            del self._places[key]
        return row

    def oldest(self, keep: int) -> list[Row]:
        """Remove and return all waiting rows but the `keep` latest, in the order of their stream."""
        count = max(len(self.waiting) - keep, 0)
        keys = [key for key, _ in islice(self.waiting.values(), count)]
        return [row for row in map(self.take, keys) if row is not None]


def in_step(left: Iterator[Row], right: Iterator[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Yield rows of both streams by time; None for the side that is ahead, but never for long."""
    row_left, row_right = next(left, None), next(right, None)
    stalled = 0
    while row_left is not None or row_right is not None:
        behind = _behind(row_left, row_right) if stalled < STALLED_ROWS else 0
        stalled = stalled + 1 if behind else 0
        yield (row_left if behind <= 0 else None, row_right if behind >= 0 else None)
        if behind <= 0:
            row_left = next(left, None)
        if behind >= 0:
            row_right = next(right, None)


def _behind(left: Row | None, right: Row | None) -> int:
    """-1 when the left row is the older one, 1 when the right one is, 0 for the same time."""
    if left is None or right is None:
        return 0
    return (left.head.ts > right.head.ts) - (left.head.ts < right.head.ts)


def rows(lines: Iterable[bytes], start: int) -> Iterator[Row]:
    """Read lines; the first is number `start`."""
    ts = 0
    for line, raw in enumerate(lines, start):
        row = parse(raw, line, ts=ts)
        ts = row.head.ts
        yield row


def _number(head: Head) -> Key | None:
    return None if head.kind == UNREADABLE else (head.kind, head.seq)


def _belonging(head: Head) -> Key | None:
    if head.kind in OF_ORDERS:
        return (head.kind, head.lane, head.symbol, head.order_id)
    return None if head.kind in ("decision", UNREADABLE) else (head.kind, head.lane, head.symbol)


def _by_number(lefts: list[Row], rights: list[Row]) -> Paired:
    return _pair_up(lefts, rights, _number)


def _by_belonging(lefts: list[Row], rights: list[Row]) -> Paired:
    return _pair_up(lefts, rights, _belonging)


def _by_place(lefts: list[Row], rights: list[Row]) -> Paired:
    """Pair lines that cannot be read with what the other stream has at their number or, failing that, place."""
    found: list[Pair] = []
    for by in (_seq, _line):
        for left in [row for row in lefts if row.head.kind == UNREADABLE]:
            partner = next((row for row in rights if by(row) == by(left)), None)
            if partner is not None:
                found.append(_paired(left, partner, lefts, rights))
        for right in [row for row in rights if row.head.kind == UNREADABLE]:
            partner = next((row for row in lefts if by(row) == by(right)), None)
            if partner is not None:
                found.append(_paired(partner, right, lefts, rights))
    return lefts, rights, found


def _paired(left: Row, right: Row, lefts: list[Row], rights: list[Row]) -> Pair:
    lefts.remove(left)
    rights.remove(right)
    return Pair(left, right, late=True)


def _seq(row: Row) -> int:
    return row.head.seq


def _line(row: Row) -> int:
    return row.line


def _pair_up(lefts: list[Row], rights: list[Row], same: Callable[[Head], Key | None]) -> Paired:
    waiting: dict[Key, deque[Row]] = {}
    for row in rights:
        key = same(row.head)
        if key is not None:
            waiting.setdefault(key, deque()).append(row)
    found: list[Pair] = []
    rest: list[Row] = []
    taken: set[int] = set()
    for row in lefts:
        candidates = waiting.get(same(row.head) or ())
        if not candidates:
            rest.append(row)
            continue
        partner = candidates.popleft()
        taken.add(partner.line)
        found.append(Pair(row, partner, late=True))
    return rest, [row for row in rights if row.line not in taken], found


def _place(pair: Pair) -> int:
    row = pair.left or pair.right
    assert row is not None
    return row.line


def _remember(known: dict[Name, Value], name: Name, value: Value, limit: int) -> None:
    known[name] = value
    if len(known) > limit:
        del known[next(iter(known))]
