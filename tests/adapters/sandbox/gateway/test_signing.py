from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.clock import Speed
from adapters.sandbox.gateway.accounts import Account, ApiKey, KeyRing
from adapters.sandbox.gateway.signing import Signature, Verifier, sign, signature_of
from adapters.sandbox.refused import Refused

RECORDED = Path(__file__).parents[3] / "data" / "bybit" / "signed_requests.jsonl"
NOW = 1_795_194_023_460
KEY = ApiKey(key="loopback-key", secret="loopback-secret")


def verifier(key: ApiKey = KEY, speed: Speed = 1.0) -> Verifier:
    return Verifier(KeyRing([Account(uid="1", name="main", keys=(key,))], "live"), speed)


def signed(text: bytes = b"", *, at: str = str(NOW), window: str = "5000", secret: str = KEY.secret) -> Signature:
    return Signature(KEY.key, at, window, sign(secret, f"{at}{KEY.key}{window}".encode() + text))


def code_of(
    check: Verifier,
    signature: Signature,
    payload: bytes = b"",
    *,
    peer: str = "",
    now: int = NOW,
    wall: int | None = None,
) -> int:
    try:
        check.request(signature, payload, peer=peer, now_ms=now, wall_ms=wall)
    except Refused as refused:
        return refused.code
    return 0


def recorded() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]


def test_every_recorded_request_of_ccxt_and_pybit_is_accepted_and_none_with_a_byte_changed() -> None:
    requests = [one for one in recorded() if "frame" not in one]
    assert len(requests) == 66
    assert {one["client"] for one in requests} == {"ccxt-4.5.90", "pybit-5.17.0"}
    for one in requests:
        signature = signature_of({name.lower(): value for name, value in one["headers"].items()})
        assert signature is not None
        payload = (one["query"] if one["method"] == "GET" else one["body"]).encode()
        assert code_of(verifier(), signature, payload, now=int(signature.timestamp)) == 0
        assert code_of(verifier(), signature, payload + b" ", now=int(signature.timestamp)) == 10004


def test_every_recorded_auth_frame_is_accepted_with_expires_as_text_and_as_number() -> None:
    frames = [json.loads(one["frame"]) for one in recorded() if "frame" in one]
    assert len(frames) == 4
    assert {type(frame["args"][1]) for frame in frames} == {str, int}
    for frame in frames:
        account, _ = verifier().stream(frame["args"], peer="", now_ms=int(frame["args"][1]) - 500)
        assert account.uid == "1"


@pytest.mark.parametrize(
    ("at", "payload", "expected"),
    [
        (
            "1795194023460",
            b"settleCoin=USDT&limit=200&category=linear",
            "fde8223b5a3375d352cdd3113c015328fd9705e2cd870bb802d9a87b7369f501",
        ),
        (
            "1795194023384",
            (
                b'{"symbol":"BTCUSDT","side":"Buy","orderType":"Limit","timeInForce":"PostOnly","orderLinkId":"cid-1",'
                b'"price":"50000","category":"linear","qty":"0.001"}'
            ),
            "3a1c83d3b740d70b103f11bb8bee094c8bf832d2e0c2051634cd4d06027606ae",
        ),
    ],
)
def test_signatures_are_those_of_the_documentation(at: str, payload: bytes, expected: str) -> None:
    assert signed(payload, at=at).sign == expected


@pytest.mark.parametrize(("off", "code"), [(-5000, 0), (-5001, 10002), (999, 0), (1000, 10002), (0, 0)])
def test_a_timestamp_may_be_a_window_old_and_just_less_than_a_second_ahead(off: int, code: int) -> None:
    assert code_of(verifier(), signed(at=str(NOW + off))) == code


def test_the_window_is_as_many_times_wider_as_the_market_is_faster_and_open_at_full_speed() -> None:
    assert code_of(verifier(speed=60.0), signed(at=str(NOW - 300_000))) == 0
    assert code_of(verifier(speed=60.0), signed(at=str(NOW - 300_001))) == 10002
    assert code_of(verifier(speed="max"), signed(at="1")) == 0


@pytest.mark.parametrize(("off", "code"), [(-5000, 0), (-5001, 10002), (999, 0), (1000, 10002)])
def test_todays_clock_counts_beside_the_markets_where_it_is_given(off: int, code: int) -> None:
    today = NOW + 86_400_000
    check = verifier(speed=60.0)
    assert code_of(check, signed(at=str(today + off)), wall=today) == code
    assert code_of(check, signed(), wall=today) == 0
    assert code_of(check, signed(at=str(today))) == 10002


def test_a_window_of_our_own_choice_counts_and_five_seconds_without_one() -> None:
    assert code_of(verifier(), signed(at=str(NOW - 200), window="100")) == 10002
    assert code_of(verifier(), signed(at=str(NOW - 5000), window="")) == 0
    assert code_of(verifier(), signed(window="soon")) == 10001
    assert code_of(verifier(), signed(at="now")) == 10001


def test_each_reason_has_its_code() -> None:
    assert code_of(verifier(), Signature("other", str(NOW), "5000", "x")) == 10003
    assert code_of(verifier(), signed(secret="wrong")) == 10004
    bound = ApiKey(key=KEY.key, secret=KEY.secret, ips=("10.0.0.1",))
    assert code_of(verifier(bound), signed(), peer="127.0.0.1") == 10010
    assert code_of(verifier(bound), signed(), peer="10.0.0.1") == 0
    old = ApiKey(key=KEY.key, secret=KEY.secret, expires_ms=NOW)
    assert code_of(verifier(old), signed()) == 33004
    assert code_of(verifier(old), signed(at=str(NOW - 1)), now=NOW - 1) == 0
    foreign = ApiKey(key=KEY.key, secret=KEY.secret, personality="demo")
    assert code_of(verifier(foreign), signed()) == 10003


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ([], 10001),
        (["loopback-key", "soon", "x"], 10001),
        (["nobody", NOW + 1000, "x"], 10003),
        (["loopback-key", NOW + 1000, "x"], 10004),
        (["loopback-key", NOW, sign(KEY.secret, f"GET/realtime{NOW}".encode())], 10004),
    ],
)
def test_an_auth_frame_is_refused_for_its_first_fault(args: list[object], code: int) -> None:
    with pytest.raises(Refused) as caught:
        verifier().stream(args, peer="", now_ms=NOW)
    assert caught.value.code == code


@given(st.binary(max_size=64), st.binary(min_size=1, max_size=8))
def test_no_other_payload_passes_under_a_signature(payload: bytes, more: bytes) -> None:
    assert code_of(verifier(), signed(payload), payload) == 0
    assert code_of(verifier(), signed(payload), payload + more) == 10004


def test_headers_without_a_signature_are_none_and_a_secret_is_never_shown() -> None:
    assert signature_of({"x-bapi-api-key": "k", "x-bapi-timestamp": "1"}) is None
    assert "secret" not in repr(KEY) + repr(Account(uid="1", name="main", keys=(KEY,)))
