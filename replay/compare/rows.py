"""Lines of a decision stream as rows that can be aligned."""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec
from msgspec import Raw, Struct

from daemon.core.records import Record

CRC_MARK = b',"crc":"'
CRC_TAIL = len(CRC_MARK) + 10  # eight hex digits, quote, brace
DECISION_MARK = b'{"kind":"decision",'
SEQ = re.compile(rb'"seq":([0-9]+)')
UNREADABLE = "unreadable"
KINDS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Record))
OF_ORDERS = frozenset({"order", "fill", "refusal"})  # named by an order and the decision behind it


class SeenWindow(Struct, gc=False):
    """Window of a decision's context."""

    size: int = 0
    digest: str = ""


class SeenContext(Struct, gc=False):
    """Part of a decision's context that came from outside."""

    mark: float = 0.0
    window: SeenWindow | None = None


class SeenTerms(Struct, gc=False):
    """Which orders a decision to cancel or amend names."""

    orders: tuple[str, ...] = ()


class SeenChoice(Struct, gc=False):
    """Part of what was decided that is named by numbers of its own stream."""

    terms: SeenTerms | None = None


class Head(Struct, gc=False):
    """What aligning needs of a line; `decision` is an object in a decision row, a number in others."""

    kind: str
    seq: int
    cause: int = -1
    ts: int = 0
    lane: str = ""
    strategy: str = ""
    symbol: str = ""
    evaluation: int = -1
    order_id: str = ""
    fill_id: str = ""
    status: str = ""
    reason: str = ""
    context: SeenContext | None = None
    decision: Raw = msgspec.field(default_factory=Raw)


HEAD = msgspec.json.Decoder(Head)
CHOICE = msgspec.json.Decoder(SeenChoice)


class Row(Struct, gc=False):
    """A line with its head. content: without checksum.  line: place in its stream, counted from 1."""

    content: bytes
    crc: bytes
    line: int
    head: Head

    @property
    def decision_seq(self) -> int:
        """Number of the decision that a row other than a decision belongs to, -1 for none."""
        raw = bytes(self.head.decision)
        return int(raw) if raw.isdigit() else -1

    @property
    def orders(self) -> tuple[str, ...]:
        """Ids of the orders that a decision names; none for any other row."""
        raw = bytes(self.head.decision)
        if b'"orders":' not in raw:
            return ()
        terms = CHOICE.decode(raw).terms
        return terms.orders if terms is not None else ()

    @property
    def body(self) -> bytes:
        """The content behind its number; equal for rows that differ in `seq` only."""
        place = self.content.find(b',"cause":')
        return self.content[place:] if place >= 0 else self.content

    def decoded(self) -> dict[str, Any] | str:
        """The row as JSON values, as text where it is no JSON object."""
        try:
            value = msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self.content.decode("utf-8", "replace")
        return value if isinstance(value, dict) else self.content.decode("utf-8", "replace")


def parse(raw: bytes, line: int, *, ts: int = 0) -> Row:
    """Read a line; one that cannot be is of kind "unreadable", at the time `ts` of the one before it."""
    content = raw.removesuffix(b"\n")
    crc = b""
    if content[-CRC_TAIL:-10] == CRC_MARK and content.endswith(b'"}'):
        content, crc = content[:-CRC_TAIL] + b"}", content[-10:-2]
    try:
        head = HEAD.decode(content)
        if head.kind in KINDS:
            return Row(content, crc, line, head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    found = SEQ.search(content)
    return Row(content, crc, line, Head(kind=UNREADABLE, seq=int(found[1]) if found else -1, ts=ts))
