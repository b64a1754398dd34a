"""What an answer says of its request."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bybit.outcomes import CHANGE, CREATE, QUESTION, REFUSED_STATUSES, SETTING, Rule, judge, kind_of
from adapters.bybit.outcomes import read_envelope as read
from daemon.core.account_events import ACTS, Answered, Op, Outcome, OutcomeKind

# Every code that Bybit's documentation names for unified accounts, linear, spot where a client may meet it.
DOCUMENTED = """
    10000 10001 10002 10003 10004 10005 10006 10007 10009 10010 10014 10016 10017 10018 429 10024 10027 10028 10029
    33004 110001 110003 110004 110007 110012 110044 110045 110008 110010 110009 110020 110061 110011 110039 110040
    110046 110013 110015 110036 110038 110016 110089 110090 3400139 110017 110021 110022 110023 110024 110025 110028
    110026 110027 110030 110072 110033 110034 110043 110057 110058 110059 110060 110063 110064 110066 110074 110073
    110079 110086 110092 110093 110094 110108 110109 110118 110120 30209 110121 30208 30228 34040 3400045 170121
    170124 170130 170131 170132 170133 170134 170137 170136 170139 170140 170141 170142 170190 170191 170193 170194
    170210 170213 170222 170810 20001 20003 20006 10403 10404 10429 10019
"""
CODES = [int(code) for code in DOCUMENTED.split()]


def answered(op: Op = Op.CREATE, *, body: str | None = None, code: object = 0, **changed: Any) -> Answered:
    if body is None:
        result = {"orderId": "v-1", "orderLinkId": "l-1"}
        envelope = {"retCode": code, "retMsg": "text", "result": result, "retExtInfo": {}, "time": 1_672_211_918_471}
        body = msgspec.json.encode(envelope).decode()
    fields: dict[str, Any] = {"status": 200, "body": body, "signed": 7, "window_ms": 3000, **changed}
    return Answered(account="main", request="r-1", op=op, **fields)


def outcome(op: Op = Op.CREATE, **changed: Any) -> Outcome:
    one = answered(op, **changed)
    return judge(one, read(one))


@pytest.mark.parametrize("rules", [CREATE, CHANGE, SETTING, QUESTION], ids=["create", "change", "setting", "question"])
def test_every_documented_code_is_classified_once_with_its_source(rules: tuple[Rule, ...]) -> None:
    listed = [code for rule in rules for code in rule.each()]
    assert not set(CODES) - set(listed)
    assert len(listed) == len(set(listed))
    assert all(rule.source for rule in rules)


def test_an_accepted_order_has_its_venue_id_and_times() -> None:
    seen = outcome()
    assert seen.kind is OutcomeKind.ACCEPTED
    assert (seen.venue_id, seen.venue_ts) == ("v-1", 1_672_211_918_471_000_000)
    assert (seen.request, seen.signed, seen.window_ms, seen.reason) == ("r-1", 7, 3000, "")


@pytest.mark.parametrize(
    ("op", "code", "kind"),
    [
        (Op.CREATE, 110007, OutcomeKind.REFUSED),
        (Op.CREATE, 10006, OutcomeKind.REFUSED),
        (Op.CREATE, 110072, OutcomeKind.EXISTS),
        (Op.CREATE, 10014, OutcomeKind.EXISTS),
        (Op.CREATE, 110001, OutcomeKind.UNKNOWN),
        (Op.CREATE, 10016, OutcomeKind.UNKNOWN),
        (Op.CREATE, 10000, OutcomeKind.UNKNOWN),
        (Op.CREATE, 170146, OutcomeKind.UNKNOWN),
        (Op.CREATE, 987654, OutcomeKind.UNKNOWN),
        (Op.CREATE, -1, OutcomeKind.UNKNOWN),
        (Op.CANCEL, 110001, OutcomeKind.GONE),
        (Op.CANCEL, 170213, OutcomeKind.GONE),
        (Op.CANCEL, 110079, OutcomeKind.BUSY),
        (Op.CANCEL_ALL, 10016, OutcomeKind.UNKNOWN),
        (Op.AMEND, 110064, OutcomeKind.REFUSED),
        (Op.AMEND, 110072, OutcomeKind.UNKNOWN),
        (Op.SET_LEVERAGE, 110043, OutcomeKind.NO_OP),
        (Op.SET_LEVERAGE, 110013, OutcomeKind.REFUSED),
        (Op.PROTECT, 34040, OutcomeKind.NO_OP),
        (Op.PROTECT, 10001, OutcomeKind.REFUSED),
        (Op.OPEN_ORDERS, 10005, OutcomeKind.REFUSED),
        (Op.ORDER, 110001, OutcomeKind.UNKNOWN),
        (Op.EXECUTIONS, 10016, OutcomeKind.UNKNOWN),
    ],
)
def test_codes_mean_what_the_table_of_their_request_says(op: Op, code: int, kind: OutcomeKind) -> None:
    seen = outcome(op, code=code)
    assert (seen.kind, seen.code, seen.reason) == (kind, code, "text")


def test_a_question_that_failed_is_never_an_empty_answer() -> None:
    kinds = {kind_of(op, code) for op in set(Op) - ACTS for code in range(1, 200_000)}
    assert kinds == {OutcomeKind.REFUSED, OutcomeKind.UNKNOWN}


@pytest.mark.parametrize("status", [204, 301, 302, 429, 500, 502, 503, 504])
def test_a_status_that_says_nothing_leaves_the_outcome_open(status: int) -> None:
    seen = outcome(status=status)
    assert (seen.kind, seen.code) == (OutcomeKind.UNKNOWN, status)


@pytest.mark.parametrize("status", REFUSED_STATUSES)
def test_a_refusal_by_status_needs_no_body(status: int) -> None:
    assert outcome(status=status, body="<html>no</html>").kind is OutcomeKind.REFUSED


def test_no_answer_is_unknown_unless_no_byte_left() -> None:
    assert outcome(status=0, body="", error="timeout").kind is OutcomeKind.UNKNOWN
    assert outcome(status=0, body="").kind is OutcomeKind.UNKNOWN
    unsent = outcome(status=0, body="", error="cannot connect", sent=False)
    assert (unsent.kind, unsent.reason) == (OutcomeKind.NOT_SENT, "cannot connect")


@pytest.mark.parametrize(
    "body", ["", "<html>captive portal</html>", "[]", "null", '{"retCode":null}', '{"retMsg":"OK"}', '{"retCode":true}']
)
def test_what_is_no_answer_of_the_venue_is_unknown(body: str) -> None:
    assert outcome(body=body).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("code", ["9223372036854775808", "9" * 5_000, "-2147483649", "1e999", "NaN"])
def test_a_code_of_no_size_leaves_the_outcome_unknown(code: str) -> None:
    body = f'{{"retCode":{code},"retMsg":"OK","result":{{"orderId":"v-1"}}}}'
    found = outcome(body=body)
    assert (found.kind, found.code) == (OutcomeKind.UNKNOWN, 0)


def test_a_code_written_as_text_is_read() -> None:
    assert outcome(code="110007").kind is OutcomeKind.REFUSED
    assert outcome(code="0").kind is OutcomeKind.ACCEPTED
    assert outcome(code="zero").kind is OutcomeKind.UNKNOWN
    assert outcome(code="").kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("op", [Op.CREATE, Op.AMEND, Op.CANCEL])
def test_an_acceptance_without_an_order_id_is_not_believed(op: Op) -> None:
    assert outcome(op, body='{"retCode":0,"retMsg":"OK","result":{}}').kind is OutcomeKind.UNKNOWN
    assert outcome(op, body='{"retCode":0,"retMsg":"OK","result":null}').kind is OutcomeKind.UNKNOWN


@given(
    st.sampled_from(Op),
    st.one_of(
        st.text(),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
            lambda inner: st.one_of(
                st.lists(inner), st.dictionaries(st.sampled_from(["retCode", "retMsg", "result", "time", "x"]), inner)
            ),
        ).map(json.dumps),
    ),
    st.integers(0, 599),
    st.text(max_size=20),
    st.booleans(),
)
def test_any_body_whatever_is_classified_without_an_error(
    op: Op, body: str, status: int, error: str, sent: bool
) -> None:
    seen = outcome(op, body=body, status=status, error=error, sent=sent)
    assert isinstance(seen, Outcome)
    assert len(seen.reason) <= 200
