"""Bybit v5 public frames (linear) as msgspec structs: decoded once, numbers parsed from text to float64 in C.

Source: Bybit v5 docs, "WebSocket Stream > Public". Key order is free and unknown keys are skipped. Bounds refuse what
no market says: NaN, infinities, negative sizes, prices of zero, and times that are not milliseconds of this era.
`topic` is not a field: the decoder has read it before it chooses the struct.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, field
from msgspec.json import Decoder

from daemon.core.events import Side

Price: TypeAlias = Annotated[float, Meta(gt=0.0, lt=1e15)]
Size: TypeAlias = Annotated[float, Meta(ge=0.0, lt=1e15)]
PositiveSize: TypeAlias = Annotated[float, Meta(gt=0.0, lt=1e15)]
Turnover: TypeAlias = Annotated[float, Meta(ge=0.0, lt=1e21)]
Rate: TypeAlias = Annotated[float, Meta(gt=-1.0, lt=1.0)]
Milliseconds: TypeAlias = Annotated[int, Meta(ge=10**12, lt=9 * 10**12)]  # as nanoseconds they fit into 64 bits
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
PushType: TypeAlias = Literal["snapshot", "delta"]
Levels: TypeAlias = list[tuple[Price, Size]]


class OrderbookData(Struct, frozen=True, gc=False):
    """The `data` of an orderbook push: bids and asks as (price, size); size 0 deletes. seq is 0 when not given."""

    symbol: str = field(name="s")
    bids: Levels = field(name="b")
    asks: Levels = field(name="a")
    update_id: Count = field(name="u")
    cross_seq: Count = field(name="seq", default=0)


class OrderbookFrame(Struct, frozen=True, gc=False):
    """`orderbook.{depth}.{symbol}`; cts is the matching engine's time, 0 in frames before 2023-10.

    {"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1758845431663,"data":{"s":"BTCUSDT","b":[["109147.80","1.687"],
    ["109144.10","0.027"]],"a":[["109148.00","0"],["109154.30","0.076"]],"u":21111423,"seq":457538796406},
    "cts":1758845431662}
    """

    type: PushType
    ts: Milliseconds
    data: OrderbookData
    cts: Milliseconds | Literal[0] = 0


class TradeItem(Struct, frozen=True, gc=False):
    """One public trade; `side` is the taker's."""

    ts: Milliseconds = field(name="T")
    symbol: str = field(name="s")
    side: Side = field(name="S")
    size: PositiveSize = field(name="v")
    price: Price = field(name="p")
    trade_id: Annotated[str, Meta(min_length=1, max_length=64)] = field(name="i")


class TradeFrame(Struct, frozen=True, gc=False):
    """`publicTrade.{symbol}`: up to 1024 trades, sorted by time.

    {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1758841135824,"data":[{"T":1758841135823,"s":"BTCUSDT",
    "S":"Buy","v":"0.020","p":"109378.90","L":"ZeroPlusTick","i":"2a74ac78-691c-5b54-9dbe-5aafe8364627","BT":false,
    "RPI":false,"seq":457514743450}]}
    """

    data: list[TradeItem]


class TickerData(Struct, frozen=True, gc=False):
    """The fields of a ticker that a fact keeps; None means absent, which in a delta means unchanged."""

    symbol: str
    last: Price | None = field(name="lastPrice", default=None)
    mark: Price | None = field(name="markPrice", default=None)
    index: Price | None = field(name="indexPrice", default=None)
    open_interest: Size | None = field(name="openInterest", default=None)
    funding_rate: Rate | None = field(name="fundingRate", default=None)
    next_funding_ms: Milliseconds | None = field(name="nextFundingTime", default=None)
    bid: Price | None = field(name="bid1Price", default=None)
    bid_qty: Size | None = field(name="bid1Size", default=None)
    ask: Price | None = field(name="ask1Price", default=None)
    ask_qty: Size | None = field(name="ask1Size", default=None)


class TickerFrame(Struct, frozen=True, gc=False):
    """`tickers.{symbol}`: a snapshot, then deltas of what changed.

    {"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","price24hPcnt":"0.023362","openInterest":
    "52774.528","fundingRate":"0.0001","bid1Price":"28550.70","bid1Size":"2.049","ask1Price":"28550.80","ask1Size":
    "15.328"},"cs":50193544280,"ts":1680673821770}
    """

    type: PushType
    ts: Milliseconds
    data: TickerData


class LooseTickerFrame(Struct, frozen=True, gc=False):
    """A ticker whose fields are looked at one by one, because some are empty text (no funding, no bid)."""

    type: PushType
    ts: Milliseconds
    data: dict[str, Any]


class KlineItem(Struct, frozen=True, gc=False):
    """One candle; start and end in ms with end = start + interval - 1; provisional until `confirm`."""

    start: Milliseconds
    end: Milliseconds
    interval: str
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Size
    turnover: Turnover
    confirm: bool


class KlineFrame(Struct, frozen=True, gc=False):
    """`kline.{interval}.{symbol}`.

    {"topic":"kline.5.BTCUSDT","data":[{"start":1672324800000,"end":1672325099999,"interval":"5","open":"16649.5",
    "close":"16677","high":"16677","low":"16608","volume":"2.081","turnover":"34666.4005","confirm":false,
    "timestamp":1672324988882}],"ts":1672324988882,"type":"snapshot"}
    """

    ts: Milliseconds
    data: list[KlineItem]


class LiquidationItem(Struct, frozen=True, gc=False):
    """One liquidation; `side` is that of the liquidated position, price the bankruptcy price."""

    ts: Milliseconds = field(name="T")
    symbol: str = field(name="s")
    side: Side = field(name="S")
    size: Size = field(name="v")
    price: Price = field(name="p")


class LiquidationFrame(Struct, frozen=True, gc=False):
    """`allLiquidation.{symbol}`; read for its shape only, no fact follows.

    {"topic":"allLiquidation.PIPPINUSDT","type":"snapshot","ts":1740480207578,"data":[{"T":1740480207110,
    "s":"PIPPINUSDT","S":"Sell","v":"2846","p":"0.02456"}]}
    """

    data: list[LiquidationItem]


class ControlFrame(Struct, frozen=True, gc=False):
    """An answer of the venue, or the envelope of a frame whose topic does not stand first.

    Ack:     {"success":true,"ret_msg":"","conn_id":"3cd84cb1","req_id":"1","op":"subscribe"}
    Refusal: {"success":false,"ret_msg":"Invalid topic: foo.BTCUSDT","conn_id":"cejreasp","op":"subscribe"}
    Pong:    {"success":true,"ret_msg":"pong","conn_id":"3cd84cb1","req_id":"1","op":"ping"}
             {"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"cejreasp"}
             {"op":"pong","args":["1672916271846"]}
    Options: {"success":true,"conn_id":"aa01","data":{"failTopics":[],"successTopics":["x"]},"type":"COMMAND_RESP"}
    """

    topic: str | None = None
    op: str | None = None
    success: bool | None = None
    ret_msg: str | None = None
    req_id: str | None = None
    type: str | None = None

    @property
    def is_control(self) -> bool:
        """Whether this answers a request of ours, rather than pushing data."""
        return self.topic is None and (self.op is not None or self.success is not None)

    @property
    def is_pong(self) -> bool:
        """Whether this answers a ping, in any of the three shapes."""
        return self.topic is None and (self.op in {"ping", "pong"} or self.ret_msg == "pong")


decode_orderbook = Decoder(OrderbookFrame, strict=False).decode
decode_trades = Decoder(TradeFrame, strict=False).decode
decode_ticker = Decoder(TickerFrame, strict=False).decode
decode_loose_ticker = Decoder(LooseTickerFrame, strict=False).decode
decode_klines = Decoder(KlineFrame, strict=False).decode
decode_liquidations = Decoder(LiquidationFrame, strict=False).decode
decode_control = Decoder(ControlFrame).decode
