"""`/v5/user/query-api`: what a key is allowed to do and whose it is.

Source: Bybit v5 docs, "Get API Key Information". A key without a date says 1970 and -2 days, as seen from keys bound to
an address.
"""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.sandbox.gateway.accounts import Account, ApiKey

DAY_MS = 86_400_000
GROUPS = (
    *("ContractTrade", "Spot", "Wallet", "Options", "Derivatives", "CopyTrading", "BlockTrade", "Exchange", "NFT"),
    *("Affiliate", "Earn", "FiatP2P", "FiatBybitPay", "FiatConvertBroker"),
)


def key_info(account: Account, key: ApiKey, *, created_ms: int, now_ms: int) -> dict[str, object]:
    """The `result` of the route. created_ms: when the key came into being, milliseconds UTC."""
    return {
        "id": str(sum(key.key.encode()) + 13_000_000),
        "note": key.note,
        "apiKey": key.key,
        "readOnly": int(key.read_only),
        "secret": "",
        "permissions": {group: list(key.permissions.get(group, ())) for group in GROUPS} | _others(key),
        "ips": list(key.ips),
        "type": 1,
        "deadlineDay": -2 if key.expires_ms is None else max(0, (key.expires_ms - now_ms) // DAY_MS),
        "expiredAt": _date(key.expires_ms or 0),
        "createdAt": _date(created_ms),
        "unified": 0,
        "uta": 1,
        "userID": int(account.uid),
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
    }


def _others(key: ApiKey) -> dict[str, list[str]]:
    return {group: list(words) for group, words in key.permissions.items() if group not in GROUPS}


def _date(ts_ms: int) -> str:
    return datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
