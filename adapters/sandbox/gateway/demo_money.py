"""`/v5/account/demo-apply-money`: play money for demo accounts, once a minute and up to a sum.

Source: Bybit v5 docs, "Request Demo Trading Funds". What an empty request brings (pybit sends `{}`) is not documented:
10,000 USDT here. The sandbox's accounts hold USDT only; other coins are checked and then left alone.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from adapters.sandbox.gateway.messages import Lines
from adapters.sandbox.refused import Refused

ONCE_PER_MS = 60_000
CAPS = {"BTC": Decimal(15), "ETH": Decimal(200), "USDT": Decimal(100_000), "USDC": Decimal(100_000)}
EMPTY_REQUEST = Decimal(10_000)
BAD_PARAMETER, TOO_OFTEN = 10001, 10006


def wanted_usdt(body: Lines) -> Decimal:
    """USDT to add, or to take away when below zero.

    Raises:
        Refused: the body makes no sense or asks for too much.
    """
    if not body:
        return EMPTY_REQUEST
    kind, wishes = body.get("adjustType", 0), body.get("utaDemoApplyMoney")
    if kind not in (0, 1) or isinstance(kind, bool) or not isinstance(wishes, list) or not wishes:
        raise Refused(BAD_PARAMETER, "params error: adjustType or utaDemoApplyMoney invalid")
    amount = sum((_amount(wish) for wish in wishes), Decimal(0))
    return -amount if kind else amount


def _amount(wish: object) -> Decimal:
    coin = wish.get("coin") if isinstance(wish, dict) else None
    text = str(wish.get("amountStr", "")) if isinstance(wish, dict) else ""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise Refused(BAD_PARAMETER, "params error: amountStr invalid") from None
    if coin not in CAPS or not amount.is_finite() or not 0 < amount <= CAPS[coin]:
        raise Refused(BAD_PARAMETER, f"params error: {coin} {text} exceeds the limit")
    return amount if coin == "USDT" else Decimal(0)


class MoneyWindow:
    """Lets an account ask once a real minute, or whenever it wants when limits are off."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._asked: dict[str, int] = {}

    def take(self, uid: str, real_ms: int) -> None:
        """Note a request.

        Raises:
            Refused: the last one is less than a minute ago.
        """
        last = self._asked.get(uid)
        if self._enabled and last is not None and real_ms - last < ONCE_PER_MS:
            raise Refused(TOO_OFTEN, "Too many visits. Exceeded the API Rate Limit.")
        self._asked[uid] = real_ms
