"""Signatures, and secrets that show themselves to nobody."""

from __future__ import annotations

import copy
import json
import pickle
import traceback

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from adapters.bybit.signing import HIDDEN, Credentials, Secret, auth_frame, sign_request, signed_headers

LOOPBACK = Credentials("loopback-key", "loopback-secret")
BODY = (
    '{"symbol":"BTCUSDT","side":"Buy","orderType":"Limit","timeInForce":"PostOnly","orderLinkId":"cid-1",'
    '"price":"50000","category":"linear","qty":"0.001"}'
)


@pytest.mark.parametrize(
    ("timestamp", "text", "signature"),
    [
        (
            1795194023460,
            "settleCoin=USDT&limit=200&category=linear",
            "fde8223b5a3375d352cdd3113c015328fd9705e2cd870bb802d9a87b7369f501",
        ),
        (1795194023384, BODY, "3a1c83d3b740d70b103f11bb8bee094c8bf832d2e0c2051634cd4d06027606ae"),
    ],
    ids=["get", "post"],
)
def test_requests_are_signed_as_recorded_clients_sign_them(timestamp: int, text: str, signature: str) -> None:
    assert sign_request(LOOPBACK, timestamp_ms=timestamp, window_ms=5000, text=text) == signature
    headers = signed_headers(LOOPBACK, timestamp_ms=timestamp, window_ms=5000, text=text)
    assert headers == {
        "X-BAPI-API-KEY": "loopback-key",
        "X-BAPI-TIMESTAMP": str(timestamp),
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": signature,
    }


def test_the_socket_is_opened_as_recorded_clients_open_it() -> None:
    assert msgspec.json.decode(auth_frame(LOOPBACK, expires_ms=1795193978065)) == {
        "op": "auth",
        "args": [
            "loopback-key",
            1795193978065,
            "8e2d5d504c22055e5c3fc21a6c3892f0675b79329e623c110f68a62c8ab45306",
        ],
    }


def forms(value: object) -> list[str]:
    """Every form in which something is usually written down."""
    error = ValueError("boom", value)
    captured = traceback.TracebackException(ValueError, error, None, capture_locals=True)
    return [
        repr(value),
        str(value),
        f"{value}",
        f"{value!r:>40}",
        f"{value:>40}",
        "%s %r" % (value, value),  # noqa: UP031 - this form too
        "{}".format(value),  # noqa: UP032 - this form too
        repr([value]),
        repr({"a": value}),
        "".join(captured.format()),
        repr(error),
        json.dumps(value, default=str),
        json.dumps(value, default=repr),
        msgspec.json.encode(value, enc_hook=str).decode(),
        pickle.dumps(value).decode("latin-1"),
        repr(copy.copy(value)),
        repr(copy.deepcopy(value)),
        str(structlog.processors.JSONRenderer()(None, "", {"value": value})),
        structlog.processors.KeyValueRenderer()(None, "", {"value": value}),
        repr(dir(value)),
    ]


@given(st.text(alphabet="qwzxkvj0123456789", min_size=12, max_size=64))
def test_no_form_shows_a_secret(text: str) -> None:
    for value in (Secret(text), Credentials(text, text)):
        written = forms(value)
        assert not any(text[start : start + 6] in form for form in written for start in range(len(text) - 5))
        assert written[0] == HIDDEN


def test_a_traceback_with_its_locals_shows_no_secret() -> None:
    def fail(credentials: Credentials) -> None:
        secret = credentials.secret
        raise ValueError(f"{credentials} {secret}")

    credentials = Credentials("the-key-of-" + "somebody", "the-secret-of-" + "somebody")
    with pytest.raises(ValueError, match="hidden") as caught:
        fail(credentials)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert [line for line in frames.format() if "of-somebody" in line] == []


@pytest.mark.parametrize("value", [Secret("abc"), Credentials("abc", "abc")])
def test_encoders_refuse_a_secret_and_a_copy_is_worth_nothing(value: object) -> None:
    with pytest.raises(TypeError):
        json.dumps(value)
    with pytest.raises(TypeError):
        msgspec.json.encode(value)
    copied = pickle.loads(pickle.dumps(value))
    secret = copied.secret if isinstance(copied, Credentials) else copied
    assert secret.reveal() == HIDDEN
    assert not hasattr(value, "__dict__")


def test_secrets_are_not_compared() -> None:
    assert Secret("a") != Secret("a")
    assert not Secret("")
