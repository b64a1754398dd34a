"""`lockstep accept` against `lockstep sandbox`: every card that a sandbox can show, in real processes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.app.acceptance.runner import NAMES
from tests.simulation.configs import document, lane, strategy, write_config
from tests.simulation.processes import finish, sandbox, start

pytestmark = pytest.mark.process

KEYS = {"LOCKSTEP_MAIN_KEY": "sandbox-key-1", "LOCKSTEP_MAIN_SECRET": "sandbox-secret-1"}
FAULTS = """
[[requests]]
name = "the first amend is taken, and nothing of it is done"
when = { route = "/v5/order/amend", nth = [1] }
answer = { code = 0, message = "OK" }

[[pushes]]
name = "no cancel of a plain order is pushed"
when = { topic = "order", status = "Cancelled" }
drop = true
"""


class Place:
    """A sandbox in real time, and a configuration that trades there."""

    def __init__(self, folder: Path, venue: dict[str, str]) -> None:
        self.out = folder / "report"
        self.env = KEYS | {"LOCKSTEP_STATE_DIR": str(folder / "state")}
        content = document([lane("main", strategy())], venue=venue, symbols=["BTCUSDT"])
        content["accounts"]["main"] |= {"venue": "bybit", "account_id": "100001", "consent": "100001"}
        self.config = write_config(folder / "config.json", content)

    def accept(self, *options: str) -> subprocess.Popen[bytes]:
        return start("accept", self.config, "--out", self.out, "--json", *options, env=self.env)

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode((self.out / "report.json").read_bytes())
        return found


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    options = getattr(request, "param", ())
    if options:
        (tmp_path / "faults.toml").write_text(options)
        options = ("--faults", str(tmp_path / "faults.toml"))
    with sandbox("--start", "at_once", "--speed", "1", "--steps", "600", *options) as venue:
        yield Place(tmp_path, venue)


def test_every_card_passes_against_the_sandbox_and_nothing_is_left(place: Place) -> None:
    code, out, err = finish(place.accept("--yes"))
    report = place.report()
    assert [card["name"] for card in report["cards"]] == list(NAMES)
    different = {card["name"]: card["differences"] for card in report["cards"] if card["differences"]}
    assert different == {}
    assert code == 0, err
    assert {card["name"] for card in report["cards"] if card["verdict"] == "cannot tell"} == {"funding"}
    assert report["flat"]
    assert msgspec.json.decode(out) == report
    for path in place.out.iterdir():
        if path.is_file() and path.name.startswith("report"):
            text = path.read_text()
            assert "sandbox-secret-1" not in text
            assert "100001" not in text


@pytest.mark.parametrize("place", [FAULTS], indirect=True)
def test_a_venue_that_does_something_else_is_found_out(place: Place) -> None:
    code, _, err = finish(place.accept("--yes", "--only", "resting_order"))
    assert code == 1, err
    [card] = place.report()["cards"]
    assert card["verdict"] == "different"
    told = " ".join(card["differences"])
    assert "no order with the new price" in told
    assert "no order in state Cancelled" in told
    assert place.report()["flat"]


def test_nothing_is_sent_before_somebody_says_yes(place: Place) -> None:
    process = place.accept()
    process.communicate(b"n\n", timeout=60)
    assert process.returncode == 130
    assert not place.out.exists()


HELD = """
[[events]]
at_s = 0
uid = "100001"

[events.request]
path = "/v5/order/create"

[events.request.body]
category = "linear"
symbol = "BTCUSDT"
side = "Buy"
orderType = "Limit"
qty = "0.01"
price = "80000"
"""


@pytest.mark.parametrize("place", [HELD], indirect=True)
def test_an_account_that_holds_something_is_left_alone(place: Place) -> None:
    code, _, err = finish(place.accept("--yes", "--only", "clock"))
    assert code == 9
    assert "holds a position or open orders" in err


SILENT = """
[[requests]]
name = "the service does not say whose a key is"
when = { route = "/v5/user/query-api" }
answer = { code = 10017, message = "Route not found." }
"""


@pytest.mark.parametrize("place", [SILENT], indirect=True)
def test_a_service_that_does_not_say_whose_a_key_is_leaves_a_report_of_that(place: Place) -> None:
    code, _, err = finish(place.accept("--yes"))
    assert code == 1, err
    [card] = place.report()["cards"]
    assert card["name"] == "identity"
    assert "10017" in card["differences"][0]
