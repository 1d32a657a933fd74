"""The byte relay as a person uses it: safe by default, steered, recorded, on the command line."""

from __future__ import annotations

import asyncio
import doctest
import re
import signal
import subprocess
import sys

import pytest
from serving_harness import conditions
from tcp_harness import dialled, relayed, tcp_server

from wsim.cli import main
from wsim.errors import FormatError, UsageError
from wsim.formats import load
from wsim.serving import TcpProxy, tcp_proxy
from wsim.serving.control import running, steer

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


async def said_back(proxy, data):
    async with dialled(proxy) as (reader, writer):
        writer.write(data)
        return await reader.readexactly(len(data))


async def test_the_examples_in_the_documentation_hold():
    assert doctest.testmod(tcp_proxy).failed == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"host": "0.0.0.0"}, "bytes carry no token"),
        ({"host": "192.168.1.7"}, "bytes carry no token"),
        ({"upstream": "nowhere"}, "upstream='nowhere'"),
    ],
)
async def test_what_is_refused(options, words):
    with pytest.raises(UsageError, match=words):
        TcpProxy(**{"upstream": "tcp://127.0.0.1:9", "port": 0, **options})


async def test_it_is_found_and_steered_like_a_server():
    async def ask(*args):
        return await asyncio.to_thread(steer, *args)

    async with relayed("lte") as proxy:
        assert (await ask("/status"))["url"] == proxy.url == f"tcp://127.0.0.1:{proxy.port}"
        status = await ask("/conditions", {"latency_ms": 40, "packet_loss_rate": 0.1})
        assert status["network_conditions"]["latency_ms"] == 40
        assert status["network_conditions"]["transport"] == "tcp"
        assert (await ask("/profile", {"name": "perfect"}))["profile"] == "perfect"
        async with dialled(proxy) as (reader, writer):
            writer.write(b"x")
            await reader.read(1)
            assert await ask("/fail", {"how": "reset"}) == {"failed": ["connection-1"]}
            with pytest.raises(ConnectionResetError):
                await reader.read()
        with pytest.raises(UsageError, match="no way for a byte stream to fail 'garbage'"):
            await ask("/fail", {"how": "garbage"})
    assert running() == []


async def test_a_recording_is_written_as_it_runs(tmp_path):
    path = tmp_path / "bytes.jsonl"
    async with relayed(conditions(2), seed=5, record=path) as proxy:
        assert await said_back(proxy, b"secret") == b"secret"
        proxy.set(latency_ms=3)
    frame = load(path)
    assert list(frame.size_bytes) == [6, 6]
    assert list(frame.latency_ms) == [2, 2]
    notes = frame.attrs["wsim"]["run-1"]
    assert notes["seed"] == 5
    assert notes["upstream"] == proxy.upstream
    assert notes["conditions"]["latency_ms"] == 2
    assert [change["conditions"]["latency_ms"] for change in notes["changes"]] == [3]
    assert "secret" not in path.read_text()


async def test_what_cannot_start_leaves_nothing_behind(tmp_path):
    async with tcp_server() as upstream:
        proxy = TcpProxy(upstream, "perfect", port=0, record=tmp_path)
        with pytest.raises(FormatError, match="cannot record"):
            await proxy.start()
        assert not proxy.network.is_listening
    assert running() == []


async def test_on_the_command_line(tmp_path, capsys):
    path = tmp_path / "bytes.jsonl"
    plan = tmp_path / "plan.json"
    plan.write_text('{"steps": [{"at_s": 0.05, "set": {"latency_ms": 4}}]}')
    options = ["--tcp", "--profile", "perfect", "--port", "0", "--record", path]
    async with tcp_server() as upstream:
        command = [sys.executable, "-m", "wsim.cli", "proxy", *map(str, options)]
        command += ["--upstream", upstream, "--timeline", str(plan)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                line = await asyncio.to_thread(process.stdout.readline)
                host, port = re.search(r"tcp://([\d.]+):(\d+) and", line).groups()
                await asyncio.sleep(0.2)
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(b"hello")
                assert await reader.readexactly(5) == b"hello"
                fail = ["set", "--fail", "half_close"]
                assert await asyncio.to_thread(main, fail) == 0
                assert "half_close: connection-1" in capsys.readouterr().out
                assert await reader.read() == b""
                process.send_signal(signal.SIGINT)  # with the client still there
                said, _ = await asyncio.to_thread(process.communicate, None, 10)
                writer.close()
            finally:
                process.kill()
    assert process.returncode == 0
    assert "2 portions recorded." in said
    assert list(load(path).latency_ms) == [4, 4]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--tcp", "--upstream", "nowhere"], "a host and a port"),
        (["--upstream", "tcp://127.0.0.1"], "a host and a port"),
        (["--tcp", "--upstream", "127.0.0.1:9", "--token", "x"], "bytes carry neither"),
        (["--tcp", "--upstream", "127.0.0.1:9", "--host", "0.0.0.0"], "no token"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(args, words, capsys):
    assert await asyncio.to_thread(main, ["proxy", *args]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1


async def test_help_shows_it(capsys):
    with pytest.raises(SystemExit):
        main(["proxy", "--help"])
    said = capsys.readouterr().out
    assert "wsim proxy --tcp --upstream tcp://" in said
    assert "half_close_upstream" in said
