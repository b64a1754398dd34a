from __future__ import annotations

from daemon.app.acceptance.card import Card, Report, Seen, Verdict
from daemon.app.acceptance.markdown import to_markdown

SEEN = Seen(what="order/create", at_ms=12.4, code=110072, message="a | b", ms=3.25, detail={"age_ms": 4, "left": None})
CARD = Card(
    number=3,
    name="duplicate_link",
    title="A name that was used before",
    does="creates it twice",
    expects="110072",
    settles="whether names are unique",
    verdict=Verdict.RECORDED,
    conclusion="refused with 110072",
    differences=(),
    seen=(SEEN,),
    seconds=1.25,
)


def report(*, flat: bool, verdict: Verdict = Verdict.RECORDED, differences: tuple[str, ...] = ()) -> Report:
    card = Card(
        **{name: getattr(CARD, name) for name in CARD.__struct_fields__}
        | {"verdict": verdict, "differences": differences}
    )
    return Report(
        format=1,
        version="0.1.0",
        began="2026-11-28T17:00:00.000Z",
        environment="demo",
        account="#0123456789abcdef",
        symbol="BTCUSDT",
        flat=flat,
        cards=(card,),
    )


def test_an_open_question_stands_with_its_answer() -> None:
    assert "- Whether names are unique: refused with 110072." in to_markdown(report(flat=True)).splitlines()


def test_what_was_seen_is_a_row_that_a_bar_in_a_text_does_not_break() -> None:
    assert "| 12 | order/create | 110072 | a \\| b | 3.2 | age_ms 4, left - |" in to_markdown(report(flat=True))


def test_a_difference_stands_in_the_summary_and_in_the_card() -> None:
    text = to_markdown(report(flat=True, verdict=Verdict.DIFFERENT, differences=("it was 0",)))
    assert "| 3 | `duplicate_link` | different | it was 0 |" in text
    assert "- **Different**: it was 0" in text


def test_an_account_that_is_not_flat_is_said_at_once() -> None:
    assert "**Orders or positions may be left.**" in to_markdown(report(flat=False))
    assert "**Orders or positions may be left.**" not in to_markdown(report(flat=True))
