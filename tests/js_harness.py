"""The JavaScript client, driven from Python; skipped with a reason where it is not installed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "js"
WAYS = {"websocket": ["websocket"], "polling": ["polling"]}
"""Transports of a client, by name."""
HAS_NODE = shutil.which("node") is not None
HAS_CLIENT = (FOLDER / "node_modules" / "socket.io-client").is_dir()
needs_node = [
    pytest.mark.node,
    pytest.mark.skipif(not HAS_NODE, reason="node is not installed"),
    pytest.mark.skipif(not HAS_CLIENT, reason="run npm install in tests/js"),
]
needs_js_server = [
    *needs_node,
    pytest.mark.skipif(
        not (FOLDER / "node_modules" / "socket.io").is_dir(), reason="run npm install in tests/js"
    ),
]


@contextlib.asynccontextmanager
async def js_server(kind: str = "socket.io", **options: Any) -> AsyncIterator[str]:
    """Run npm's ``socket.io`` or plain ``ws`` as a server; gives its address."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "node", str(FOLDER / "server.mjs"), kind, json.dumps(options), stdout=pipe
    )
    assert process.stdout is not None
    try:
        port = json.loads(await process.stdout.readline())["port"]
        yield f"http://127.0.0.1:{port}"
    finally:
        await ended(process)


async def ended(process: asyncio.subprocess.Process) -> None:
    """End a process, and let go of its pipes."""
    if process.returncode is None:
        process.kill()
    await process.wait()
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()


class JsClient:
    """One Node process with a socket.io-client in it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.log: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls) -> JsClient:
        pipe = asyncio.subprocess.PIPE
        script = str(FOLDER / "client.mjs")
        return cls(await asyncio.create_subprocess_exec("node", script, stdin=pipe, stdout=pipe))

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.log.append(json.loads(line))
            self._news.set()

    def tell(self, command: str, **rest: Any) -> None:
        """Give a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, **rest}).encode() + b"\n")

    async def hear(self, what: str, timeout: float = 10, **fields: Any) -> dict[str, Any]:
        """Wait for something to happen from here on; return it and forget what was before."""
        async with asyncio.timeout(timeout):
            while True:
                for index, entry in enumerate(self.log):
                    if entry["what"] == what and fields.items() <= entry.items():
                        del self.log[: index + 1]
                        return entry
                self._news.clear()
                await self._news.wait()

    async def connect(self, url: str, **options: Any) -> dict[str, Any]:
        """Connect, and wait until it is done."""
        self.tell("connect", url=url, options=options)
        return await self.hear("connect")

    async def upgrade(self, url: str, **options: Any) -> tuple[str, str]:
        """Connect, and wait for the better transport; return the first and the last one."""
        self.tell("connect", url=url, options=options)
        first = (await self.hear("open"))["transport"]
        now = (await self.hear("connect"))["transport"]
        if now == "polling":  # on a busy machine it may have been quicker
            now = (await self.hear("upgrade"))["transport"]
        return first, now

    async def stop(self) -> None:
        """End the process."""
        if self._process.returncode is None:
            self._process.kill()
        await self._reader
        await ended(self._process)
