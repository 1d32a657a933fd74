"""In a notebook's kernel: a busy cell and an interrupt leave the server alone."""

from __future__ import annotations

import time

import pytest
import socketio

jupyter_client = pytest.importorskip("jupyter_client")

START = """
import wsim
from wsim.simulator import create_websocket_simulator
sim = create_websocket_simulator("perfect", seed=1)
sim.on("pingCheck", lambda data=None: "pong")
server = wsim.serve(sim, port=0)
print(server.port)
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    manager, client = jupyter_client.manager.start_new_kernel()
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def said(client, code: str) -> str:
    """Run a cell to its end and return what it printed."""
    text = []

    def hook(message):
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            text.append(message["content"]["text"])

    reply = client.execute_interactive(code, output_hook=hook, timeout=30)
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(text).strip()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_busy_cells_interrupts_and_a_restart(kernel):
    manager, client = kernel
    port = said(client, START)
    frontend = socketio.SimpleClient()
    frontend.connect(f"http://127.0.0.1:{port}", transports=["websocket"])

    busy = client.execute("while True: sum(range(1000))")
    time.sleep(0.3)
    worst = 0.0
    for _ in range(20):
        asked = time.perf_counter()
        assert frontend.call("pingCheck", timeout=5) == "pong"
        worst = max(worst, time.perf_counter() - asked)
    assert worst < 1.0, "a busy cell must not stall the network"

    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=10)
    assert reply["parent_header"]["msg_id"] == busy
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert frontend.call("pingCheck", timeout=5) == "pong"
    frontend.disconnect()

    assert said(client, "server.close(); print(server.running)") == "False"
    again = said(client, "server = wsim.serve(sim, port=0); print(server.port)")
    frontend = socketio.SimpleClient()
    frontend.connect(f"http://127.0.0.1:{again}", transports=["websocket"])
    assert frontend.call("pingCheck", timeout=5) == "pong"
    frontend.disconnect()
    rows = said(client, "server.close(); print((sim.history.event_name == 'pingCheck').sum())")
    assert rows == "22"
