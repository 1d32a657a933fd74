"""What is on its way when the application asks reaches it, though nothing more follows."""

from __future__ import annotations

import asyncio

import pytest
from serving_harness import conditions

from wsim.clock import run
from wsim.serving.middleware import NetworkMiddleware
from wsim.serving.transport import ABORT


async def heard_by_a_busy_application(sent_at_ms, busy_ms):
    """Play text frames at given times to an application that is busy after the first one."""
    loop, heard = asyncio.get_running_loop(), {}
    start_s = loop.time()
    script = [("0", -1), *((str(number + 1), at) for number, at in enumerate(sent_at_ms))]

    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            heard[event["text"]] = round((loop.time() - start_s) * 1000, 6)
            if event["text"] == "1":
                await asyncio.sleep(busy_ms / 1000)

    async def receive():
        if not script:
            await asyncio.Event().wait()
        text, at_ms = script.pop(0)
        if at_ms < 0:
            return {"type": "websocket.connect"}
        await asyncio.sleep(max(0.0, start_s + at_ms / 1000 - loop.time()))
        return {"type": "websocket.receive", "text": text}

    async def send(event):
        pass

    extension = {"abort": lambda how: None, "congested": lambda: False}
    scope = {
        "type": "websocket", "path": "/", "query_string": b"", "headers": [],
        "client": ("127.0.0.1", 1), "extensions": {ABORT: extension},
    }  # fmt: skip
    served = asyncio.create_task(NetworkMiddleware(app, conditions(3))(scope, receive, send))
    await asyncio.sleep(0.1)
    served.cancel()
    return heard


@pytest.mark.parametrize("third_ms", [20, 21, 22, 22.9, 24])
def test_a_message_under_way_is_not_left_waiting_for_the_next(third_ms):
    heard = run(heard_by_a_busy_application([10, 15, third_ms], busy_ms=10))
    expected = {"1": 13, "2": 23, "3": max(third_ms + 3, 23)}
    assert heard == pytest.approx(expected, abs=1e-6)
