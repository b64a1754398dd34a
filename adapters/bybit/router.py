"""Who reads what: public frames one decoder, each account's frames and answers its own."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.bybit.account_decoder import SOURCE_PREFIX, AccountDecoder
from adapters.bybit.decoder import FrameDecoder
from daemon.core.events import Fact, Quarantined


class VenueDecoder:
    """Implements `daemon.ports.Decoder` for a venue with public streams and any number of accounts.

    Args:
        accounts: names of the accounts whose private streams and answers are to be read.
        trade_window: as in `FrameDecoder`.
    """

    def __init__(self, accounts: Sequence[str], *, trade_window: int = 8192) -> None:
        self.public = FrameDecoder(trade_window=trade_window)
        self._accounts = [AccountDecoder(account) for account in accounts]
        self._by_source = {decoder.source: decoder for decoder in self._accounts}
        self._decode_public = self.public.decode

    def decode(self, frame: bytes, ts_recv: int, source: str) -> Sequence[Fact]:
        """Read one frame of a connection; a private one of no known account is quarantined."""
        if source[:8] != SOURCE_PREFIX:
            return self._decode_public(frame, ts_recv, source)
        account = self._by_source.get(source)
        if account is None:
            return (Quarantined(source, "a private frame of an account that is not configured"),)
        return account.decode(frame, ts_recv, source)

    def observe(self, fact: Fact) -> Sequence[Fact]:
        """Take note of a link or an answer."""
        facts = list(self.public.observe(fact))
        for account in self._accounts:
            facts += account.observe(fact)
        return facts
