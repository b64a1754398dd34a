"""What must hold of accounts at a venue, and of lanes with a twin."""

from __future__ import annotations

import re
from collections.abc import Iterator

from daemon.config.account import AccountSettings, fingerprint
from daemon.config.problem import Problem, join
from daemon.config.schema import TWIN, Config

NAME = re.compile("[a-z0-9_]{1,24}")
LANE_MAX = 16
_ONLY_BYBIT = ("account_id", "consent", "secrets", "unbound_ip_accepted", "unverified_id_accepted", "orders")


def account_problems(config: Config) -> Iterator[Problem]:
    """Keys that do not fit the kind of account, names that cannot be those of variables, ids that stand twice."""
    taken: dict[str, str] = {}
    for name, account in config.accounts.items():
        path = join("accounts", name)
        if account.venue == "simulated":
            yield from _simulated(path, account)
            continue
        if not NAME.fullmatch(name):
            what = f"{name!r} cannot be the name of an account at Bybit"
            yield Problem(path, what, "Use a-z, 0-9 and _, at most 24: its keys are read from variables of this name.")
        if account.account_id is None:
            yield Problem(f"{path}.account_id", "missing", 'Write Bybit\'s user id in quotes, such as "100001".')
            continue
        known = fingerprint(account.account_id)
        if known in taken:
            what = f"the same account as {taken[known]!r}"
            yield Problem(f"{path}.account_id", what, "Name each account at Bybit once.")
        taken.setdefault(known, name)


def _simulated(path: str, account: AccountSettings) -> Iterator[Problem]:
    blank = AccountSettings()
    for key in _ONLY_BYBIT:
        if getattr(account, key) != getattr(blank, key):
            yield Problem(join(path, key), "given for a simulated account", 'Remove it, or write venue = "bybit".')


def twin_problems(config: Config) -> Iterator[Problem]:
    """Twins of lanes that are simulated anyway, and names that are too long or taken."""
    names = {lane.name for lane in config.lanes}
    for index, lane in enumerate(config.lanes):
        account = config.accounts.get(lane.account)
        if not lane.twin or account is None:
            continue
        path = f"lanes[{index}]"
        if account.venue == "simulated":
            what = f"the account {lane.account!r} is simulated"
            yield Problem(f"{path}.twin", what, "Remove it; a twin stands beside a lane that trades at a venue.")
        if len(lane.name) > LANE_MAX - len(TWIN):
            what = f"{lane.name!r} is too long for a lane with a twin"
            yield Problem(f"{path}.name", what, f"Use at most {LANE_MAX - len(TWIN)} characters.")
        if lane.name + TWIN in names:
            what = f"the twin of {lane.name!r} is called {lane.name + TWIN!r}, which is a lane already"
            yield Problem(f"{path}.twin", what, "Give that lane another name.")
