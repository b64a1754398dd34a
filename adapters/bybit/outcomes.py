"""What Bybit's answers say of the requests they answer: a table of codes for each kind of request.

By the venue's own code, never by what a client library makes of it. A code that no table lists is UNKNOWN: only what
the venue documents as a refusal is one, and nothing is concluded from a status, a text or a shape that it does not
document. Sources: Bybit v5 docs, "Error Codes" and "Place Order"; the codes that say nothing for certain (server error,
time-out, frequency protection of the system) were seen on requests that were carried out all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from daemon.core.account_events import Answered, Op, Outcome, OutcomeKind
from daemon.core.units import NS_PER_MS

OK = 200
REASON_CHARACTERS_MAX = 200
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, UnicodeEncodeError, RecursionError)


class Rule(Struct, frozen=True):
    """One row: codes (numbers and ranges, both ends included), what they mean, and who says so."""

    codes: str
    kind: OutcomeKind
    source: str

    def each(self) -> Iterator[int]:
        """Every single code."""
        for part in self.codes.split():
            first, _, last = part.partition("-")
            yield from range(int(first), int(last or first) + 1)


_ERROR_CODES = 'Bybit v5 docs, "Error Codes"'
_DOUBT = "says nothing about whether it was carried out"

# No effect, for certain, whatever was asked.
_REFUSALS = (
    Rule(
        "10001-10010", OutcomeKind.REFUSED, f"{_ERROR_CODES}: parameters, window, key, signature, rights, rate, address"
    ),
    Rule("10017 10024 10027-10029", OutcomeKind.REFUSED, f"{_ERROR_CODES}: route, compliance, bans, account type"),
    Rule("33004", OutcomeKind.REFUSED, f"{_ERROR_CODES}: the key expired"),
    Rule("110003 110004 110006 110007 110011-110014", OutcomeKind.REFUSED, f"{_ERROR_CODES}: price, funds, leverage"),
    Rule("110009 110016 110017 110020-110023 110061", OutcomeKind.REFUSED, f"{_ERROR_CODES}: counts, limits"),
    Rule("110039-110042 110044-110048", OutcomeKind.REFUSED, f"{_ERROR_CODES}: margin, liquidation"),
    Rule("110051-110053 110057-110060", OutcomeKind.REFUSED, f"{_ERROR_CODES}: funds, take-profit and stop-loss"),
    Rule("110063 110066 110068 110069 110074 110086", OutcomeKind.REFUSED, f"{_ERROR_CODES}: state of the symbol"),
    Rule(
        "110089 110090 110092-110095 110098 110103", OutcomeKind.REFUSED, f"{_ERROR_CODES}: risk limit, trigger, size"
    ),
    Rule(
        "110108 110109 110118 110120 110121", OutcomeKind.REFUSED, f"{_ERROR_CODES}: tolerance, liquidity, price band"
    ),
    Rule("30208 30209 30228 3400139", OutcomeKind.REFUSED, f"{_ERROR_CODES}: price band, delisting, risk limit"),
    Rule("170116-170138 170140 170145 170148", OutcomeKind.REFUSED, f"{_ERROR_CODES}: spot parameters and balance"),
    Rule("170192-170194 170210 170217 170218 170222", OutcomeKind.REFUSED, f"{_ERROR_CODES}: spot price and rate"),
)
# Listed so that it is clear that they were thought of; what is not listed is treated the same.
_DOUBTS = (
    Rule("10000 10016 10018 10019 10429 429", OutcomeKind.UNKNOWN, f"{_ERROR_CODES}: server, load; {_DOUBT}"),
    Rule("170001 170007 170032 170035 170146 170147 170149 170150", OutcomeKind.UNKNOWN, f"{_ERROR_CODES}; {_DOUBT}"),
    Rule("170234 170310 170810", OutcomeKind.UNKNOWN, f"{_ERROR_CODES}; {_DOUBT}"),
    Rule("20001 20003 20006 10403 10404", OutcomeKind.UNKNOWN, "of the order socket, which is not used here"),
)
_ELSEWHERE = "of another kind of request; there it means nothing that can be relied on"
_GONE_CODES = "110001 110008 110010 170139 170142 170143 170190 170213"
_BUSY_CODES = "110079 170212 170191 30035"
_SAME_CODES = "110025-110027 110043 34040"
_EXISTS_CODES = "110072 110030 170141 10014"
_SETTING_CODES = "110015 110024 110028 110033 110034 110036 110038 110073 3400045"
_AMENDED_BELOW_FILLED = "110064"

CREATE = (
    *_REFUSALS,
    Rule(
        _EXISTS_CODES, OutcomeKind.EXISTS, 'Bybit v5 docs, "Place Order": orderLinkId is unique; an earlier one arrived'
    ),
    Rule(f"{_GONE_CODES} {_BUSY_CODES}", OutcomeKind.UNKNOWN, _ELSEWHERE),
    Rule(f"{_SAME_CODES} {_SETTING_CODES} {_AMENDED_BELOW_FILLED}", OutcomeKind.UNKNOWN, _ELSEWHERE),
    *_DOUBTS,
)
CHANGE = (
    *_REFUSALS,
    Rule(_AMENDED_BELOW_FILLED, OutcomeKind.REFUSED, f"{_ERROR_CODES}: the new quantity is not above what is filled"),
    Rule(
        _GONE_CODES, OutcomeKind.GONE, f"{_ERROR_CODES}: not open; it may have been filled, cancelled, or never placed"
    ),
    Rule(_BUSY_CODES, OutcomeKind.BUSY, f"{_ERROR_CODES}: the order is being processed"),
    Rule(f"{_EXISTS_CODES} {_SAME_CODES} {_SETTING_CODES}", OutcomeKind.UNKNOWN, _ELSEWHERE),
    *_DOUBTS,
)
SETTING = (
    *_REFUSALS,
    Rule(_SAME_CODES, OutcomeKind.NO_OP, f"{_ERROR_CODES}: not modified"),
    Rule(_SETTING_CODES, OutcomeKind.REFUSED, f"{_ERROR_CODES}: no position, or mode and margin do not allow it"),
    Rule(f"{_GONE_CODES} {_BUSY_CODES} {_EXISTS_CODES}", OutcomeKind.UNKNOWN, _ELSEWHERE),
    Rule(_AMENDED_BELOW_FILLED, OutcomeKind.UNKNOWN, _ELSEWHERE),
    *_DOUBTS,
)
QUESTION = (
    *_REFUSALS,
    Rule(f"{_GONE_CODES} {_BUSY_CODES} {_EXISTS_CODES}", OutcomeKind.UNKNOWN, "an error is never an empty answer"),
    Rule(f"{_SAME_CODES} {_SETTING_CODES} {_AMENDED_BELOW_FILLED}", OutcomeKind.UNKNOWN, _ELSEWHERE),
    *_DOUBTS,
)
TABLES: Mapping[Op, tuple[Rule, ...]] = MappingProxyType(
    {
        Op.CREATE: CREATE,
        Op.AMEND: CHANGE,
        Op.CANCEL: CHANGE,
        Op.CANCEL_ALL: CHANGE,
        Op.PROTECT: SETTING,
        Op.SET_LEVERAGE: SETTING,
    }
)
REFUSED_STATUSES: Mapping[int, str] = MappingProxyType(
    {
        400: "bad method or request",
        401: "missing or wrong authentication",
        403: "this address or region is refused, or asked too often",
        404: "unknown path, or the account has no such category",
    }
)


class Envelope(Struct, frozen=True, rename="camel"):
    """Bybit's answer. `ret_code` is a number; as text it is read too.

    {"retCode":0,"retMsg":"OK","result":{"orderId":"c6f055d9-7f21-4079-913d-e6523a9cfffa","orderLinkId":"linear-004"},
    "retExtInfo":{},"time":1672211918471}
    """

    ret_code: Annotated[int, Meta(ge=-(2**31), lt=2**31)] | str
    ret_msg: str | None = None
    result: msgspec.Raw = msgspec.Raw(b"{}")
    time: int | str | None = None


class _Placed(Struct, frozen=True, rename="camel"):
    order_id: str = ""


_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_placed = msgspec.json.Decoder(_Placed).decode
_NEEDS_ID = frozenset({Op.CREATE, Op.AMEND, Op.CANCEL})


def _index(rules: tuple[Rule, ...]) -> dict[int, OutcomeKind]:
    return {code: rule.kind for rule in rules for code in rule.each()}


_QUESTION_KINDS = _index(QUESTION)
_KINDS = {op: _index(TABLES[op]) if op in TABLES else _QUESTION_KINDS for op in Op}


def kind_of(op: Op, code: int) -> OutcomeKind:
    """What a code says of a request; UNKNOWN where the tables do not say."""
    return OutcomeKind.ACCEPTED if code == 0 else _KINDS[op].get(code, OutcomeKind.UNKNOWN)


def read_envelope(answered: Answered) -> Envelope | None:
    """The answer in Bybit's envelope, or None when it is none."""
    if answered.status != OK:
        return None
    try:
        return _decode_envelope(answered.body)
    except _UNREADABLE:
        return None


def judge(answered: Answered, envelope: Envelope | None) -> Outcome:
    """Classify an answer, apart from the rows of a question. envelope: of `read_envelope`."""
    if not answered.sent:
        return _outcome(answered, OutcomeKind.NOT_SENT, answered.error or "not sent")
    if answered.error or not answered.status:
        return _outcome(answered, OutcomeKind.UNKNOWN, answered.error or "no answer")
    if answered.status in REFUSED_STATUSES:
        reason = f"HTTP {answered.status}: {REFUSED_STATUSES[answered.status]}"
        return _outcome(answered, OutcomeKind.REFUSED, reason, code=answered.status)
    if answered.status != OK:
        return _outcome(answered, OutcomeKind.UNKNOWN, f"HTTP {answered.status}", code=answered.status)
    code = None if envelope is None else _integer(envelope.ret_code)
    if envelope is None or code is None:
        return _outcome(answered, OutcomeKind.UNKNOWN, f"not an answer of Bybit's v5 API: {answered.body[:60]!r}")
    kind = kind_of(answered.op, code)
    reason = "" if kind is OutcomeKind.ACCEPTED else envelope.ret_msg or ""
    venue_id = _venue_id(envelope)
    if kind is OutcomeKind.ACCEPTED and answered.op in _NEEDS_ID and not venue_id:
        kind, reason = OutcomeKind.UNKNOWN, "accepted without an order id"
    return _outcome(answered, kind, reason, code=code, venue_id=venue_id, venue_ts=answer_time(envelope))


def answer_time(envelope: Envelope) -> int:
    """The venue's time of answering in nanoseconds, 0 when it gave none of this era."""
    milliseconds = _integer(envelope.time)
    return milliseconds * NS_PER_MS if milliseconds is not None and 10**12 <= milliseconds < 9 * 10**12 else 0


def _venue_id(envelope: Envelope) -> str:
    try:
        return _decode_placed(envelope.result).order_id[:REASON_CHARACTERS_MAX]
    except _UNREADABLE:
        return ""


def _integer(value: int | str | None) -> int | None:
    if isinstance(value, int):
        return value
    if value is None or len(value) > 18 or not (value.isascii() and value.removeprefix("-").isdigit()):
        return None
    return int(value)


def _outcome(
    answered: Answered, kind: OutcomeKind, reason: str, *, code: int = 0, venue_id: str = "", venue_ts: int = 0
) -> Outcome:
    return Outcome(
        account=answered.account,
        request=answered.request,
        op=answered.op,
        kind=kind,
        code=code,
        reason=reason[:REASON_CHARACTERS_MAX],
        venue_id=venue_id,
        venue_ts=venue_ts,
        signed=answered.signed,
        window_ms=answered.window_ms,
    )
