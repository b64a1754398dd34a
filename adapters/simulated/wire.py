"""The wire: how long it takes until the exchange hears of us, and we of it.

Assumptions:
- A request travels for one draw of the entry latency, plus one of the feed latency: an order that was decided on data
  of a certain age meets the market that much further on, see docs/simulated-exchange.md.
- All reports of an account come over one connection: none overtakes another, whatever order it is about.

Known limits: requests may overtake one another when latencies are sampled, as over HTTP; a held-back report holds back
all that follow it.
"""

from __future__ import annotations

from adapters.simulated.agenda import Agenda, Happening
from adapters.simulated.latency import Latency
from adapters.simulated.trouble import Troubles
from daemon.core.venue import Report


class Wire:
    """Both directions between the daemon and the exchange, over the exchange's agenda."""

    __slots__ = ("_agenda", "_entry", "_feed", "_response", "_told", "_troubles")

    def __init__(self, agenda: Agenda, troubles: Troubles, *, entry: Latency, feed: Latency, response: Latency) -> None:
        self._agenda = agenda
        self._troubles = troubles
        self._entry = entry
        self._feed = feed
        self._response = response
        self._told = 0

    def send(self, now: int, arrive: Happening) -> None:
        """Let a request of ours arrive at the exchange in its time."""
        self._agenda.add(now + self._entry.draw() + self._feed.draw(), arrive)

    def tell(self, happened: int, report: Report) -> None:
        """Let the daemon hear of what happened at the exchange, after everything it was told before."""
        heard = max(self._told, happened + self._response.draw())
        self._told = self._troubles.told_from(heard)
        self._agenda.add(self._told, report)

    def hide_until(self, due: int) -> None:
        """Tell nothing more before `due`, nanoseconds UTC."""
        self._told = max(self._told, due)
