"""The wallet as account/wallet-balance and the wallet topic show it: one coin, USDT, at one dollar each.

Source: Bybit v5 docs, "Wallet" (websocket) and "Get Wallet Balance".

Assumptions:
- In isolated margin the account-wide margins and rates are not applicable and empty; what is free follows from the
  coin: walletBalance - totalPositionIM - totalOrderIM - locked - bonus.
"""

from __future__ import annotations

from decimal import Decimal

from adapters.sandbox.trading.spec import Result
from adapters.sandbox.trading.texts import plain
from adapters.simulated.account import Account
from daemon.core.units import ZERO, add, divide, subtract, to_cash

ACCOUNT_WIDE = (
    "accountIMRate",
    "accountMMRate",
    "totalMarginBalance",
    "totalAvailableBalance",
    "totalInitialMargin",
    "totalMaintenanceMargin",
)
BY_MARK = ("accountIMRate", "accountMMRate", "totalInitialMargin", "totalMaintenanceMargin")


def wallet_item(account: Account, realised: Decimal) -> Result:
    """The wallet. realised: of all positions ever, less fees and funding, USDT."""
    equity, cash = account.equity(), account.ledger.cash
    wide = dict.fromkeys(ACCOUNT_WIDE, "") if account.isolated else _account_wide(account, equity)
    return {
        "accountType": "UNIFIED",
        "accountLTV": "0",
        "totalEquity": plain(equity),
        "totalWalletBalance": plain(cash),
        "totalPerpUPL": plain(subtract(equity, cash)),
        **wide,
        **{f"{name}ByMp": wide[name] for name in BY_MARK},
        "coin": [_coin(account, realised, equity)],
    }


def _account_wide(account: Account, equity: Decimal) -> dict[str, str]:
    bound = add(account.initial_margin(), account.order_margin())
    needed = account.maintenance_margin()
    return {
        "accountIMRate": _rate(bound, equity),
        "accountMMRate": _rate(needed, equity),
        "totalMarginBalance": plain(equity),
        "totalAvailableBalance": plain(max(ZERO, account.available())),
        "totalInitialMargin": plain(bound),
        "totalMaintenanceMargin": plain(needed),
    }


def _coin(account: Account, realised: Decimal, equity: Decimal) -> Result:
    cash = account.ledger.cash
    return {
        "coin": "USDT",
        "equity": plain(equity),
        "usdValue": plain(equity),
        "walletBalance": plain(cash),
        "locked": "0",
        "spotHedgingQty": "0",
        "borrowAmount": "0",
        "accruedInterest": "0",
        "totalOrderIM": plain(account.order_margin()),
        "totalPositionIM": plain(account.initial_margin()),
        "totalPositionMM": plain(account.maintenance_margin()),
        "unrealisedPnl": plain(subtract(equity, cash)),
        "cumRealisedPnl": plain(realised),
        "bonus": "0",
        "collateralSwitch": True,
        "marginCollateral": True,
        "colRes": "0",
        "spotBorrow": "0",
        "free": "",
        "availableToWithdraw": "",
        "availableToBorrow": "",
    }


def _rate(part: Decimal, equity: Decimal) -> str:
    return plain(to_cash(divide(part, equity))) if equity > 0 else "0"
