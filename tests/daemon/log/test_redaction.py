from __future__ import annotations

import base64
import json
import string
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.log import REDACTED, Redactor

SECRET = 'k3y"/+=\\value&42'


def clean(event: dict[str, Any], *secrets: str) -> dict[str, Any]:
    return Redactor(secrets)(None, "info", event)


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        quote(SECRET, safe=""),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        json.dumps(SECRET),
        repr(SECRET),
    ],
)
def test_a_known_secret_is_removed_in_every_encoding(form: str) -> None:
    event = {"event": f"sent {form}", "body": f"<{form}>", "deep": {"a": [form.encode()]}, form: 1}
    assert form.strip("'\"") not in json.dumps(clean(event, SECRET))
    assert clean({"event": form}, SECRET)["event"].strip("'\"") == REDACTED


@given(
    st.text(string.ascii_letters + string.digits + "/+=_-", min_size=12, max_size=40),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_a_known_secret_never_survives(secret: str, before: str, after: str) -> None:
    cleaned = clean({"event": "x", "value": before + secret + after, "error": ValueError(secret)}, secret)
    assert secret not in str(cleaned["value"])
    assert secret not in cleaned["error"]


NAMES = """api_key apiKey API-KEY api_secret secret client_secret signature sign Authorization access_token password
    Cookie X-BAPI-SIGN X-BAPI-API-KEY private_key"""


@pytest.mark.parametrize("name", NAMES.split())
def test_what_stands_under_the_name_of_a_secret_is_removed(name: str) -> None:
    assert clean({"event": "x", name: "abc", "headers": {name: ["abc"]}}) == {
        "event": "x",
        name: REDACTED,
        "headers": {name: REDACTED},
    }


@pytest.mark.parametrize(
    "text",
    [
        "GET /v5/order?api_key=abcdef&sign=abcdef&symbol=BTCUSDT",
        '{"api_key":"abcdef","symbol":"BTCUSDT"}',
        '"{\\"signature\\":\\"abcdef\\",\\"symbol\\":\\"BTCUSDT\\"}"',
        "Authorization: Bearer abcdef BTCUSDT",
        "password = 'abcdef' for BTCUSDT",
    ],
)
def test_a_secret_inside_a_text_is_removed_and_the_rest_stays(text: str) -> None:
    cleaned = Redactor().text(text)
    assert "abcdef" not in cleaned
    assert "BTCUSDT" in cleaned


def test_words_that_merely_look_alike_stay() -> None:
    event = {"event": "signal_seen", "signals": 3, "design": "x", "keyboard": "y", "assigned": "z"}
    assert clean(event) == event


def test_short_secrets_are_not_searched_for() -> None:
    assert clean({"event": "abc"}, "abc", "") == {"event": "abc"}


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_every_value_becomes_something_that_can_be_written() -> None:
    nested: list[Any] = []
    nested.append(nested)
    values = {"a": Broken(), "b": nested, "c": float("nan"), "d": 10**5000, "e": b"\xff", "f": {1: {2}}, "g": None}
    cleaned = clean({"event": "x", **values})
    assert json.loads(json.dumps(cleaned, allow_nan=False))["g"] is None
    assert cleaned["a"] == "<Broken that cannot be shown: RuntimeError>"
    assert cleaned["c"] == "nan"
