from __future__ import annotations

import msgspec
import pytest

from adapters.bybit.wire import decode_control, decode_orderbook, decode_ticker, decode_trades
from daemon.core.events import Side
from tests.adapters.bybit.frames import book, ticker, trade, trades


def test_prices_and_sizes_are_the_doubles_nearest_to_their_text() -> None:
    frame = decode_orderbook(book(1, [("109147.80", "0.1")], []))
    assert frame.data.bids == [(float("109147.80"), float("0.1"))]


def test_numbers_may_come_without_quotes() -> None:
    frame = decode_orderbook(book(1).replace(b'"109147.80"', b"109147.8"))
    assert frame.data.bids[0][0] == 109147.8


def test_fields_that_old_frames_lack_have_defaults() -> None:
    frame = decode_orderbook(
        b'{"type":"snapshot","ts":1680673821591,"data":{"s":"BTCPERP","b":[],"a":[],"u":20683568}}'
    )
    assert (frame.cts, frame.data.cross_seq) == (0, 0)
    item = trade("a")
    for name in ("L", "BT", "RPI", "seq"):
        del item[name]
    assert decode_trades(trades(item)).data[0].side is Side.BUY


def test_unknown_fields_are_skipped() -> None:
    assert decode_ticker(ticker(brandNew={"a": [1, 2]})).data.last is None


@pytest.mark.parametrize(
    "text", [b'"nan"', b'"-inf"', b'"1e999"', b'"1e15"', b'"0"', b'"-1"', b'"0x1"', b'""', b"null"]
)
def test_a_price_out_of_bounds_is_refused_by_the_decoder_itself(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_orderbook(book(1).replace(b'"109147.80"', text))


@pytest.mark.parametrize(
    ("frame", "control", "pong"),
    [
        (b'{"success":true,"ret_msg":"","conn_id":"3cd8","req_id":"1","op":"subscribe"}', True, False),
        (b'{"success":true,"ret_msg":"pong","conn_id":"3cd8","req_id":"1","op":"ping"}', True, True),
        (b'{"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"cejr"}', True, True),
        (b'{"op":"pong","args":["1672916271846"]}', True, True),
        (b'{"success":true,"conn_id":"aa01","data":{},"type":"COMMAND_RESP"}', True, False),
        (b'{"data":{},"topic":"tickers.BTCUSDT","op":"ping","success":true}', False, False),
        (b"{}", False, False),
    ],
)
def test_answers_are_told_from_data(frame: bytes, control: bool, pong: bool) -> None:
    decoded = decode_control(frame)
    assert (decoded.is_control, decoded.is_pong) == (control, pong)
