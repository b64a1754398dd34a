"""Requests leave after the disk has what led to them; commands are answered likewise; nothing is sent in a replay."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from daemon.core.account_events import Op
from daemon.core.events import Command, Fact, Timer
from daemon.core.remote.requests import Call, Request
from daemon.loop import LiveLoop, LoopSettings, Pipeline, Stopped
from daemon.ports import Input, Received
from tests.daemon.loop.scripted import ScriptedClock, ScriptedSource, tick
from tests.daemon.loop.test_live import START, Diary, let_others_run

ACT = Request(id="1", account="main", op=Op.CREATE, call=Call("POST", "/v5/order/create", "{}"))
ASK = Request(id="2", account="main", op=Op.WALLET, call=Call("GET", "/v5/account/wallet-balance", ""))
LIMIT_S = 10


class Port:
    """Notes in a diary what it is given."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    def send(self, request: Request) -> None:
        self._diary.entries.append(("send", request.id))

    async def close(self) -> None:
        raise NotImplementedError


class Wishful(Pipeline):
    """Asks for these requests at its first input."""

    def __init__(self, diary: Diary, requests: Sequence[Request]) -> None:
        super().__init__(diary.pipeline._decoder, diary.engine)
        self._requests = requests

    def fact(self, seq: int, ts_recv: int, fact: Fact) -> None:
        super().fact(seq, ts_recv, fact)
        self.outbox += self._requests
        self._requests = []


def make_loop(
    diary: Diary, source: ScriptedSource, pipeline: Pipeline | None = None, *, inputs_max: int = 0
) -> LiveLoop:
    return LiveLoop(
        source=source,
        clock=ScriptedClock(START),
        journal=diary,
        pipeline=pipeline or diary.pipeline,
        resync=lambda _: None,
        settings=LoopSettings(timer=0, inputs_max=inputs_max),
        ports={"main": Port(diary)},
    )


def sent(diary: Diary) -> list[str]:
    return [entry[1] for entry in diary.entries if entry[0] == "send"]


def test_a_question_leaves_at_once_and_what_acts_only_when_its_records_are_durable() -> None:
    diary = Diary()

    async def scene() -> None:
        loop = make_loop(diary, ScriptedSource([[tick(START)]], open_end=True), Wishful(diary, [ACT, ASK]))
        running = asyncio.create_task(loop.run())
        await let_others_run()
        assert sent(diary) == ["2"]
        assert loop.waiting
        assert diary.entries.index(("want_sync",)) > diary.entries.index(("flush",))
        loop.written()
        assert sent(diary) == ["2"]
        diary.synced = 1
        loop.written()
        assert sent(diary) == ["2", "1"]
        assert not loop.waiting
        loop.stop()
        assert await running is Stopped.ASKED

    asyncio.run(asyncio.wait_for(scene(), LIMIT_S))


def test_requests_that_act_leave_in_the_order_in_which_they_were_made() -> None:
    diary = Diary()
    requests = [Request(id=str(number), account="main", op=Op.CANCEL, call=ACT.call) for number in range(20)]

    async def scene() -> None:
        loop = make_loop(diary, ScriptedSource([[tick(START)]], open_end=True), Wishful(diary, requests))
        running = asyncio.create_task(loop.run())
        await let_others_run()
        diary.synced = 1
        loop.written()
        loop.stop()
        await running

    asyncio.run(asyncio.wait_for(scene(), LIMIT_S))
    assert sent(diary) == [str(number) for number in range(20)]


def test_folding_recorded_inputs_sends_nothing() -> None:
    diary = Diary()
    pipeline = Wishful(diary, [ACT, ASK])
    pipeline.fold([Input(1, START, "fact", "loop", b'{"fact":"timer","name":"tick","due":1}')])
    assert pipeline.outbox == []


def test_a_run_without_requests_never_asks_for_a_sync() -> None:
    diary = Diary()
    asyncio.run(make_loop(diary, ScriptedSource([[tick(START)], [tick(START)]])).run())
    assert ("want_sync",) not in diary.entries


def command(request: str = "r1") -> Received:
    return Received(START, "control", fact=Command("halt", reason="a test", request=request))


def test_a_promise_is_kept_when_the_fact_was_handled_and_is_durable() -> None:
    diary = Diary()

    async def scene() -> None:
        loop = make_loop(diary, ScriptedSource([], open_end=True))
        running = asyncio.create_task(loop.run())
        promised = loop.promise(command())
        await let_others_run()
        assert [what for _, _, what in diary.appended()] == [command().fact]
        assert not promised.done()
        diary.synced = 1
        loop.written()
        assert await promised == 1
        assert diary.pipeline.commands == {"r1"}
        loop.stop()
        await running

    asyncio.run(asyncio.wait_for(scene(), LIMIT_S))


def test_a_promise_is_taken_back_when_the_loop_ends_before_it_is_kept() -> None:
    diary = Diary()

    async def scene() -> None:
        loop = make_loop(diary, ScriptedSource([], open_end=True))
        promised = loop.promise(command())
        loop.stop()
        await loop.run()
        with pytest.raises(asyncio.CancelledError):
            await promised

    asyncio.run(asyncio.wait_for(scene(), LIMIT_S))


def test_what_is_delivered_and_what_the_feed_brings_are_handled_in_the_order_of_arrival() -> None:
    diary = Diary()

    async def scene() -> None:
        loop = make_loop(diary, ScriptedSource([[tick(START + 1), tick(START + 3)]]), inputs_max=4)
        for at in (START, START + 2):
            loop.deliver(Received(at, "private.main", fact=Timer("delivered", at)))
        await loop.run()

    asyncio.run(asyncio.wait_for(scene(), LIMIT_S))
    assert diary.times() == [START, START + 1, START + 2, START + 3]


def test_a_stop_at_once_waits_for_no_disk() -> None:
    diary = Diary(congested_for=10**9)

    async def scene() -> Stopped:
        loop = make_loop(diary, ScriptedSource([[tick(START)]], open_end=True))
        running = asyncio.create_task(loop.run())
        await let_others_run()
        loop.stop(Stopped.AT_ONCE)
        return await running

    assert asyncio.run(asyncio.wait_for(scene(), LIMIT_S)) is Stopped.AT_ONCE


def test_what_had_not_left_when_the_loop_ended_never_leaves() -> None:
    """Its record may become durable when the journal is closed; the answer would be written down nowhere."""
    diary = Diary()

    async def scene() -> None:
        loop = make_loop(diary, ScriptedSource([[tick(START)]], open_end=True), Wishful(diary, [ACT]))
        running = asyncio.create_task(loop.run())
        await let_others_run()
        assert loop.waiting
        loop.stop()
        await running
        diary.synced = 1
        loop.written()

    asyncio.run(asyncio.wait_for(scene(), LIMIT_S))
    assert sent(diary) == []
