"""Settings of the gateway: who trades here, in which environment, and what goes wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from adapters.sandbox.gateway.accounts import Account, Personality, check_accounts, default_accounts
from adapters.sandbox.gateway.limits import LimitSettings
from adapters.sandbox.gateway.matching import Rule
from adapters.sandbox.gateway.plan import Plan
from daemon.core.errors import ConfigError


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """What stands in front of the accounts.

    accounts: at least one.  personality: which environment it plays.  plan: trouble on purpose; of its `public` part
    the player takes care.
    """

    accounts: tuple[Account, ...] = default_accounts()
    personality: Personality = "demo"
    limits: LimitSettings = LimitSettings()
    plan: Plan = Plan()


def check_gateway(settings: GatewaySettings, symbols: Collection[str] | None = None) -> None:
    """Refuse settings that cannot work.

    Args:
        settings: to be checked.
        symbols: contracts of the market, once it is known.

    Raises:
        ConfigError: accounts are missing or cannot be told apart, or the plan speaks of an account or contract that is
            not there.
    """
    if not settings.accounts:
        raise ConfigError("sandbox.accounts: there are none", cure="Leave them out to get the default ones.")
    check_accounts(settings.accounts)
    uids = [account.uid for account in settings.accounts]
    plan = settings.plan
    for place, event in enumerate(plan.events):
        _check_uid(f"events[{place}].uid", event.uid, uids)
        for what in (event.fill, event.adl, event.funding):
            if what is not None and symbols is not None and what.symbol not in symbols:
                raise ConfigError(
                    f"faults: events[{place}]: there is no contract {what.symbol}",
                    cure=f"Choose one of {', '.join(symbols)}.",
                )
    kinds: dict[str, Sequence[Rule]] = {"requests": plan.requests, "pushes": plan.pushes, "streams": plan.streams}
    for kind, rules in kinds.items():
        for place, rule in enumerate(rules):
            if rule.when.uid:
                _check_uid(f"{kind}[{place}].when.uid", rule.when.uid, uids)


def _check_uid(path: str, uid: str, uids: list[str]) -> None:
    if uid not in uids:
        raise ConfigError(f"faults: {path}: there is no account {uid}", cure=f"Choose one of {', '.join(uids)}.")
