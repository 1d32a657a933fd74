"""The control API: found by a file that only its user can read, and nothing for browsers."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys

import aiohttp
import pytest
from serving_harness import conditions

from wsim.errors import UsageError
from wsim.serving.control import ControlFile, folder, running, steer
from wsim.serving.endpoint import Server
from wsim.serving.proxy import Proxy
from wsim.simulator import WebSocketServerSimulator

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def served() -> Server:
    return Server(WebSocketServerSimulator({"network": conditions(1)}), port=0)


async def ask(*args, **options):
    return await asyncio.to_thread(steer, *args, **options)


async def test_a_running_server_is_found_and_steered():
    async with served() as server:
        status = await ask("/conditions", {"latency_ms": 40})
        assert status["network_conditions"]["latency_ms"] == 40
        assert server.sim.conditions.latency_ms == 40
        status = await ask("/profile", {"name": "stressed"}, port=server.port)
        assert status["profile"] == "stressed"
        assert await ask("/fail", {"how": "close"}) == {"failed": []}
        assert (await ask("/status"))["url"] == server.url
    assert running() == []


async def test_a_proxy_is_steered_alike():
    async with Proxy("http://127.0.0.1:9", "perfect", port=0) as proxy:
        await ask("/conditions", {"latency_ms": 40})
        assert proxy.network.conditions.latency_ms == 40
        status = await ask("/profile", {"name": "stressed"})
        assert (status["profile"], status["upstream"]) == ("stressed", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("/conditions", {"latency": 1}, "did you mean 'latency_ms'"),
        ("/conditions", {"latency_ms": -1}, "latency_ms=-1"),
        ("/conditions", {"latency_ms": 30_000}, "heartbeat"),
        ("/profile", {"name": "mras"}, "did you mean 'mars'"),
        ("/profile", {"name": "mars"}, "heartbeat"),
        ("/fail", {"how": "explode"}, "no way to fail 'explode'"),
        ("/fail", {"how": "close", "client_id": "nobody"}, "no connected client"),
        ("/fail", {"how": "blackhole", "duration_s": -1}, "duration_s"),
        ("/fail", {"when": 1}, "unexpected keyword"),
        ("/nothing", {}, "no POST /nothing"),
    ],
)
async def test_what_cannot_be_done_says_why_and_changes_nothing(path, content, words):
    async with served() as server:
        before = server.sim.conditions
        with pytest.raises(UsageError, match=words):
            await ask(path, content)
        assert server.sim.conditions == before


async def test_nobody_else_may():
    async with served() as server, aiohttp.ClientSession() as session:
        (entry,) = running()
        good = {"Authorization": f"Bearer {entry['token']}"}
        for headers, status in (
            ({}, 403),
            ({"Authorization": "Bearer wrong"}, 403),
            ({**good, "Origin": "http://localhost:3000"}, 403),
            ({**good, "Host": "evil.example"}, 403),
            (good, 200),
        ):
            async with session.get(f"{entry['url']}/status", headers=headers) as answer:
                assert answer.status == status
        async with session.post(f"{entry['url']}/fail", headers=good, data=b"[1]") as answer:
            assert answer.status == 400
        async with session.get(f"{server.url}/status", headers=good) as answer:
            assert answer.status == 404  # never on the port of the users' events


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
async def test_only_its_user_can_read_the_file(home):
    os.umask(0)
    try:
        file = ControlFile.write(5000, 5001, "s3cret")
    finally:
        os.umask(0o022)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder().stat().st_mode) == 0o700
    assert json.loads(file.path.read_text())["token"] == "s3cret"
    file.remove()
    assert not file.path.exists()


async def test_a_server_that_was_killed_is_forgotten():
    file = ControlFile.write(5000, 9, "left behind")
    with pytest.raises(UsageError, match="no server of yours is running"):
        await ask("/status")
    assert not file.path.exists()


async def test_no_server_on_that_port():
    async with served():
        with pytest.raises(UsageError, match="no server on port 1"):
            await ask("/status", port=1)


async def test_several_servers_are_listed_rather_than_one_chosen():
    async with served() as one, served() as other:
        low, high = sorted([one.port, other.port])
        with pytest.raises(UsageError, match=f"on ports {low}, {high}; give --port"):
            await ask("/conditions", {"latency_ms": 40})
        assert one.sim.conditions.latency_ms == other.sim.conditions.latency_ms == 1
        await ask("/conditions", {"latency_ms": 40}, port=other.port)
        assert (one.sim.conditions.latency_ms, other.sim.conditions.latency_ms) == (1, 40)
