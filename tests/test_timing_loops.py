"""Virtual and scaled loops."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsim import run
from wsim.errors import UsageError
from wsim.timing import loops


def test_virtual_time_jumps():
    async def main():
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(86_400)
        async with asyncio.timeout(10):
            await asyncio.sleep(5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 7)
        return loop.time() - before

    begin = time.perf_counter()
    assert run(main()) == 86_412
    assert time.perf_counter() - begin < 5


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=60))
def test_timers_of_equal_time_keep_their_order(delays):
    async def main():
        loop, seen = asyncio.get_running_loop(), []
        for number, delay in enumerate(delays):
            if number % 2:
                loop.call_later(delay, seen.append, (delay, number))
            else:
                loop.call_at_ns(
                    loop.now_ns + delay * 10**9,
                    lambda delay=delay, number=number: seen.append((delay, number)),
                )
        await asyncio.sleep(10)
        return seen

    seen = run(main())
    assert seen == sorted(seen)
    assert len(seen) == len(delays)


def test_a_cancelled_timer_does_not_run():
    async def main():
        loop, seen = asyncio.get_running_loop(), []
        handle = loop.call_later(1, seen.append, 1)
        loop.call_later(2, seen.append, 2)
        handle.cancel()
        await asyncio.sleep(3)
        return seen

    assert run(main()) == [2]


def test_time_stands_still_while_a_thread_works():
    async def main():
        loop = asyncio.get_running_loop()
        ticker = asyncio.create_task(asyncio.sleep(1000))
        before = loop.time()
        answer = await asyncio.to_thread(lambda: (time.sleep(0.05), 42)[1])
        passed = loop.time() - before
        ticker.cancel()
        return answer, passed

    assert run(main()) == (42, 0.0)


def test_the_end_waits_for_threads_that_are_still_at_work():
    async def main():
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, time.sleep, 0.1)  # nobody awaits it
        before = loop.time()
        await asyncio.sleep(0)
        return before

    begin = time.perf_counter()
    assert run(main()) == 0.0
    assert run(main(), 10_000.0) < 1e4
    assert time.perf_counter() - begin > 0.2


def test_waiting_for_what_never_happens_is_said(monkeypatch):
    monkeypatch.setattr(loops, "_PATIENCE_S", 0.05)

    async def main():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(UsageError, match="never happen"):
        run(main())


def test_sockets_work_in_virtual_time():
    async def main():
        async def echo(reader, writer):
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(b"hello\n")
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return line

    assert run(main()) == b"hello\n"


def test_an_exception_in_a_timer_goes_to_the_loop_s_handler():
    async def main():
        loop, seen = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda loop, context: seen.append(context["exception"]))
        loop.call_at_ns(5, lambda: 1 / 0)
        await asyncio.sleep(1)
        return seen

    assert [type(error) for error in run(main())] == [ZeroDivisionError]


@pytest.mark.realtime
def test_a_scaled_loop_sleeps_less():
    async def main():
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(10)
        return loop.time() - before

    begin = time.perf_counter()
    assert 10 <= run(main(), 100.0) < 100
    assert 0.09 < time.perf_counter() - begin < 2
