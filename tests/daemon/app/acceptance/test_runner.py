from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.app.acceptance.card import Report, Seen, Verdict
from daemon.app.acceptance.runner import NAMES, AcceptOptions, Prepared, hide, prepare, verdict_of
from daemon.core.errors import ArmingRefused, ConfigError
from tests.daemon.app.acceptance.test_markdown import report
from tests.simulation.configs import document, lane, plan_of_document, strategy

VENUE = {
    "rest_url": "http://127.0.0.1:9",
    "public_url": "ws://127.0.0.1:9/v5/public/linear",
    "private_url": "ws://127.0.0.1:9/v5/private",
}


def prepared(folder: Path, venue: dict[str, Any], options: AcceptOptions | None = None, **account: Any) -> Prepared:
    content = document([lane("main", strategy())], symbols=["BTCUSDT", "ETHUSDT"])
    content["venue"] = venue
    content["accounts"]["main"] |= {"venue": "bybit", "account_id": "100001", "consent": "100001"} | account
    variables = {"LOCKSTEP_MAIN_KEY": "key", "LOCKSTEP_MAIN_SECRET": "secret"}
    return prepare(plan_of_document(folder, content), options or AcceptOptions(), variables)


@pytest.mark.parametrize(
    "venue",
    [
        {"environment": "mainnet"},
        {
            "environment": "custom",
            "rest_url": "https://api.bytick.com",
            "public_url": "wss://stream.bytick.com/v5/public/linear",
            "private_url": "wss://stream.bytick.com/v5/private",
        },
    ],
)
def test_real_money_is_refused_and_no_consent_changes_that(tmp_path: Path, venue: dict[str, Any]) -> None:
    with pytest.raises(ArmingRefused, match="REAL_MONEY"):
        prepared(tmp_path, venue)


def test_the_demo_service_and_a_sandbox_may_be_played_on(tmp_path: Path) -> None:
    assert prepared(tmp_path, {"environment": "demo"}).grounds.host.name == "demo"
    assert prepared(tmp_path, {"environment": "custom", **VENUE}).symbol == "BTCUSDT"


def test_a_config_without_consent_is_refused_like_by_trade(tmp_path: Path) -> None:
    with pytest.raises(ArmingRefused, match="CONSENT_DIFFERS"):
        prepared(tmp_path, {"environment": "demo"}, consent="100002")


def test_an_accelerated_sandbox_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="real time"):
        prepared(tmp_path, {"environment": "custom", "clock": "venue", "speed": 60, **VENUE})


@pytest.mark.parametrize("options", [AcceptOptions(only=("nothing",)), AcceptOptions(symbol="XRPUSDT")])
def test_an_unknown_card_or_symbol_is_refused_with_those_there_are(tmp_path: Path, options: AcceptOptions) -> None:
    with pytest.raises(ConfigError, match=r"--only|--symbol") as raised:
        prepared(tmp_path, {"environment": "demo"}, options)
    assert any(word in raised.value.cure for word in ("resting_order", "ETHUSDT"))


def test_every_card_has_a_name_of_its_own() -> None:
    assert len(NAMES) == len(set(NAMES))


def test_the_whole_run_differs_when_a_card_does_or_something_is_left() -> None:
    good = report(flat=True)
    assert verdict_of(good) is Verdict.PASSED
    assert verdict_of(report(flat=False)) is Verdict.DIFFERENT
    assert verdict_of(report(flat=True, verdict=Verdict.DIFFERENT, differences=("no",))) is Verdict.DIFFERENT
    nothing: Report = msgspec.structs.replace(good, cards=())
    assert verdict_of(nothing) is Verdict.CANNOT_TELL


def test_an_id_that_the_venue_says_is_hidden_in_texts_and_leaves_numbers_alone() -> None:
    seen = Seen(
        what="order", at_ms=123450.5, message="account 12345 is shut", detail={"text": "12345", "number": 12345}
    )
    card = msgspec.structs.replace(report(flat=True).cards[0], seen=(seen,), differences=("12345: no",))
    clean = hide(msgspec.structs.replace(report(flat=True), cards=(card,)), {"12345": "#"})
    [found] = clean.cards
    assert found.differences == ("#: no",)
    assert found.seen == (
        Seen(what="order", at_ms=123450.5, message="account # is shut", detail={"text": "#", "number": 12345}),
    )
