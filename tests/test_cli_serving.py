"""serve, proxy, set and replay as processes, the way a person types them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import socketio
from serving_harness import echo_server, hosted, until

from wsim.cli import main
from wsim.formats import load
from wsim.sessions import shipped

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@contextlib.asynccontextmanager
async def started(*args: Any) -> AsyncIterator[tuple[str, subprocess.Popen[str]]]:
    """Start a command; gives the address it says and the process."""
    command = [sys.executable, "-m", "wsim.cli", *map(str, args)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = await asyncio.to_thread(process.stdout.readline)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line
            yield found[0], process
        finally:
            if process.poll() is None:
                process.kill()


async def interrupted(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    said, _ = await asyncio.to_thread(process.communicate, None, 10)
    assert process.returncode == 0
    return said


async def client_of(url: str) -> socketio.AsyncClient:
    client = socketio.AsyncClient(handle_sigint=False)
    await client.connect(url, transports=["websocket"])
    return client


async def test_serve_set_and_stop_with_a_recording(tmp_path, capsys):
    path = tmp_path / "session.jsonl"
    options = ("--profile", "perfect", "--set", "latency_ms=20", "--port", 0, "--record", path)
    async with started("serve", *options) as (url, process):
        client = await client_of(url)
        assert (await client.call("pingCheck"))["pong"]
        heard: list[Any] = []
        client.on("systemStatus", heard.append)
        assert await asyncio.to_thread(main, ["set", "latency_ms=60"]) == 0
        assert "latency_ms=60" in capsys.readouterr().out
        await client.call("pingCheck")
        await until(lambda: heard)
        await client.disconnect()
        said = await interrupted(process)
    assert "1 connections" in said
    assert f"wsim compare {path}" in said
    frame = load(path)
    pings = frame[frame.event_name == "pingCheck"]
    assert list(pings.latency_ms) == [20, 60]
    assert frame.attrs["wsim"]["run-1"].get("cut") is None


async def test_namespaces_that_clients_may_connect_to():
    async with started("serve", "--port", 0, "--namespace", "/admin") as (url, _):
        client = socketio.AsyncClient(handle_sigint=False, reconnection=False)
        await client.connect(url, transports=["websocket"], namespaces=["/", "/admin"])
        await client.disconnect()
        with pytest.raises(socketio.exceptions.ConnectionError, match="failed to connect: /other"):
            await client.connect(url, transports=["websocket"], namespaces=["/other"])
        await client.disconnect()


async def test_what_was_recorded_survives_kill_9(tmp_path):
    path = tmp_path / "session.jsonl"
    async with started("serve", "--profile", "perfect", "--port", 0, "--record", path) as (
        url,
        process,
    ):
        client = await client_of(url)
        for _ in range(20):
            await client.call("pingCheck")
        await asyncio.sleep(0.1)
        process.kill()
        process.wait()
        await client.shutdown()
    frame = load(path)
    assert (frame.event_name == "pingCheck").sum() == 20
    assert frame.attrs["wsim"]["run-1"]["cut"] is True


def shipped_commands(seconds: float) -> int:
    frame = load(shipped())
    return int(((frame.direction == "inbound") & (frame.created_s < seconds)).sum())


async def test_proxy_and_replay_against_a_server(tmp_path, capsys):
    path = tmp_path / "outcome.jsonl"
    async with (
        hosted(socketio.ASGIApp(echo_server())) as upstream,
        started("proxy", "--upstream", upstream, "--profile", "perfect", "--port", 0) as (
            url,
            process,
        ),
    ):
        client = await client_of(url)
        assert await client.call("echo", "through") == "through"
        await client.disconnect()
        options = ["--duration", "3", "--speed", "3", "--seed", "1", "--record", str(path)]
        code = await asyncio.to_thread(
            main, ["replay", "--url", url, "--profile", "default", *options]
        )
        said = capsys.readouterr().out
        assert code == 0
        expected = shipped_commands(3)
        assert f"Played {expected} messages" in said
        assert "through the network default: " in said
        assert "recorded" in await interrupted(process)
    assert (load(path).direction == "inbound").sum() == expected


async def test_a_timeline_changes_the_network_as_it_runs(tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_text('{"steps": [{"at_s": 0.2, "set": {"latency_ms": 80}}]}')
    options = ("--profile", "perfect", "--port", 0, "--timeline", plan)
    async with started("serve", *options) as (url, process):
        client = await client_of(url)
        start = time.perf_counter()

        async def slow() -> None:
            while True:
                asked = time.perf_counter()
                await client.call("pingCheck")
                if time.perf_counter() - asked >= 0.16:
                    return

        await asyncio.wait_for(slow(), 5)
        assert time.perf_counter() - start < 5
        await client.disconnect()
        await interrupted(process)


async def test_what_the_name_of_a_profile_hides_is_said(capsys):
    async with started("serve", "--profile", "lte", "--port", 0):
        asked = ["set", "transport=tcp", "packet_loss_rate=0.05"]
        assert await asyncio.to_thread(main, asked) == 0
        said = capsys.readouterr().out
        assert ": lte, changed: latency_ms=35, " in said
        assert "packet_loss_rate=0.05" in said
        assert "transport=tcp" in said
        assert await asyncio.to_thread(main, ["set", "--profile", "lte"]) == 0
        said = capsys.readouterr().out
        assert ": lte: " in said
        assert "transport" not in said


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["set", "latency_ms=1"], "no server of yours is running"),
        (["set"], "nothing to set"),
        (["set", "latency=1"], "did you mean 'latency_ms'"),
        (["serve", "--profile", "mras"], "did you mean 'mars'"),
        (["serve", "--profile", "mars", "--port", "0"], "outlasts the heartbeat"),
        (["serve", "--host", "0.0.0.0"], "token"),
        (["serve", "--port", "0", "--namespace", "admin"], "write '/admin'"),
        (["serve", "--set", "latency_ms"], "not FIELD=VALUE"),
        (["proxy", "--upstream", "nowhere"], "upstream='nowhere'"),
        (["replay", "--url", "http://127.0.0.1:9", "--duration", "1"], "cannot connect"),
        (["replay", "missing.jsonl"], "missing.jsonl"),
        (["replay", "--record", "x.csv"], "not a .jsonl file"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(args, words, capsys):
    code = await asyncio.to_thread(main, args)
    said = capsys.readouterr().err
    assert code == 2
    assert words in said
    assert len(said.strip().splitlines()) == 1


async def test_help_names_every_option(capsys):
    for command in ("serve", "proxy", "set", "replay"):
        with pytest.raises(SystemExit) as left:
            main([command, "--help"])
        assert left.value.code == 0
        assert "--profile" in capsys.readouterr().out
