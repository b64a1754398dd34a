"""Who reads what: public frames one decoder, each account's frames and answers its own."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.bybit.account_decoder import AccountDecoder
from adapters.bybit.decoder import FrameDecoder
from daemon.core.events import Fact


class VenueDecoder:
    """Implements `daemon.ports.Decoder` for a venue with public streams and any number of accounts.

    Frames of a connection that is nobody's are read as public ones, and quarantined when they are not.

    Args:
        accounts: names of the accounts whose private streams and answers are to be read.
        trade_window: as in `FrameDecoder`.
    """

    def __init__(self, accounts: Sequence[str], *, trade_window: int = 8192) -> None:
        self._accounts = [AccountDecoder(account) for account in accounts]
        others = {decoder.source: decoder.decode for decoder in self._accounts}
        self.public = FrameDecoder(trade_window=trade_window, others=others)
        self.decode = self.public.decode  # itself, so that public frames, which are nearly all, take no step more

    def observe(self, fact: Fact) -> Sequence[Fact]:
        """Take note of a link or an answer."""
        facts = list(self.public.observe(fact))
        for account in self._accounts:
            facts += account.observe(fact)
        return facts
