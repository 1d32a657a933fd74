"""The lab without widgets: every step of a session as a plain call, in virtual time."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

import wsim
from wsim.dashboard import LabSession, TrafficSettings
from wsim.errors import ConditionsError, FormatError, PayloadError, UnknownNameError, UsageError

CLEAN = {"latency_ms": 100.0, "jitter_ms": 0.0, "packet_loss_rate": 0.0, "disconnect_rate": 0.0}


@pytest.fixture
def lab():
    with LabSession(CLEAN, seed=1) as session:
        yield session


def commands(frame):
    return frame[frame["event_name"] == "driveCommands"]


def test_nothing_happens_until_time_passes(lab):
    assert lab.now_s == 0.0
    assert len(lab.frame) == 0
    assert not lab.running


def test_a_step_drives_the_rover(lab):
    lab.step(10)
    assert lab.now_s == 10.0
    sent = commands(lab.frame)
    assert len(sent) == pytest.approx(10 * 20, abs=5)
    assert sent["latency_ms"].to_numpy() == pytest.approx(100.0, abs=0.1)
    assert len(lab.scene().path) > 50


def test_the_same_seed_and_the_same_steps_give_the_same_history():
    frames = []
    for steps in ([10.0], [3.0, 3.0, 4.0]):
        with LabSession("stressed", seed=5) as lab:
            for seconds in steps:
                lab.step(seconds)
            frames.append(lab.frame.drop(columns="data"))
    assert frames[0].equals(frames[1])


def test_conditions_change_from_now_on_and_are_noted(lab):
    lab.step(5)
    lab.set_condition("latency_ms", 250)
    lab.step(5)
    sent = commands(lab.frame)
    late = sent[sent["created_s"] > 5.0]["latency_ms"]
    assert late.to_numpy() == pytest.approx(250.0, abs=0.1)
    assert lab.network_name == "custom*"
    changes = lab.frame.attrs["wsim"]["run-1"]["changes"]
    assert [change["at_s"] for change in changes][-1] == pytest.approx(5.0)


def test_a_refused_condition_changes_nothing(lab):
    before = lab.conditions
    with pytest.raises(ConditionsError, match="packet_loss_rate"):
        lab.set_conditions({"latency_ms": 20, "packet_loss_rate": 7})
    with pytest.raises(UnknownNameError, match="did you mean 'stressed'"):
        lab.set_profile("stresed")
    assert lab.conditions == before == lab.sim.conditions


def test_a_profile_brings_its_conditions_and_its_time_scale(lab):
    lab.set_profile("mars")
    assert lab.conditions.latency_ms == 750_000
    assert lab.network_name == "mars"
    assert lab.span_s == 300 * 30
    lab.set_traffic(drive_hz=2, camera_hz=0, status_hz=0)
    lab.step(3600)
    assert lab.scene().window.latency_ms.max() == pytest.approx(750_000, rel=1e-6)


def test_a_profile_file_with_an_error_is_refused_by_name(lab, tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text("conditions: {latency: 5}")
    with pytest.raises(ConditionsError, match=r"ours\.yaml.*latency"):
        lab.set_profile(str(path))
    assert lab.network_name == "custom"


def test_traffic_is_changed_and_checked(lab):
    lab.set_traffic(drive_hz=50, camera_hz=0)
    lab.step(4)
    events = lab.frame["event_name"].astype(str).value_counts()
    assert events["driveCommands"] == pytest.approx(4 * 50, abs=10)
    assert events.get("cameraFeed", 0) <= 1
    with pytest.raises(PayloadError, match="drive_hz=1000 is not a number of Hz from 0 to 200"):
        lab.set_traffic(drive_hz=1000)
    lab.set_traffic(camera_hz=10, camera_kb=12.5)
    lab.step(2)
    assert lab.frame["size_bytes"].max() == pytest.approx(12_500, abs=200)


def test_an_emergency_stop_crosses_the_network_and_stops_the_rover(lab):
    lab.drive(1.0, 0.0)
    lab.step(3)
    lab.emergency_stop()
    lab.step(3)
    stop = lab.frame[lab.frame["event_name"] == "emergencyStop"].iloc[0]
    assert stop["created_s"] == pytest.approx(3.0)
    assert stop["delivered_s"] == pytest.approx(3.1, abs=0.001)
    path = lab.scene().path
    # under way from the first command heard until the stop is heard
    assert path[-1, 0] == pytest.approx(3.1 - 0.2, abs=0.1)


def test_reset_begins_anew_and_keeps_what_was_kept(lab):
    lab.step(3)
    lab.keep()
    lab.reset(seed=9)
    assert (lab.now_s, lab.seed, len(lab.frame), list(lab.kept)) == (0.0, 9, 0, ["A"])
    with pytest.raises(UsageError, match="seed=-1"):
        lab.reset(seed=-1)


def test_speeds_are_numbers_or_names(lab):
    lab.set_speed("10 x")
    assert lab.speed == 10.0
    lab.set_speed(math.inf)
    lab.run()
    reached = threading.Event()
    lab.ask(lab.sim.clock.call_at, 60_000_000_000, reached.set)
    assert reached.wait(20)
    lab.pause()
    held = lab.now_s
    assert held >= 60.0
    assert lab.now_s == held
    for nonsense in ("warp", 0, -1, math.nan):
        with pytest.raises(UsageError, match="speed="):
            lab.set_speed(nonsense)
    with pytest.raises(UsageError, match="seconds="):
        lab.step(-1)


def test_kept_runs_can_be_compared(lab):
    lab.step(10)
    lab.keep()
    lab.set_condition("latency_ms", 180)
    lab.reset()
    lab.step(10)
    lab.keep()
    table = lab.kept.table()
    assert table["p50_ms"].to_numpy() == pytest.approx([100.0, 180.0], abs=1)
    verdicts = lab.comparison().set_index("metric")
    found = verdicts.loc["p50_ms (ms)"]
    assert found["difference"] == pytest.approx(80.0, abs=1)
    assert found["verdict"] == "worse"


def test_one_run_cannot_be_compared(lab):
    lab.step(1)
    lab.keep()
    with pytest.raises(UsageError, match="two kept runs"):
        lab.comparison()


def test_the_same_messages_over_another_network(lab):
    lab.step(10)
    again = lab.repeat_under("stressed")
    assert list(lab.kept) == ["A", "B"]
    assert again.profile == "stressed"
    first = lab.kept["A"].frame
    sent = again.frame[again.frame["copy"] == 0]
    gaps = [np.diff(np.sort(frame["created_s"])) for frame in (sent, first)]
    assert gaps[0] == pytest.approx(gaps[1])
    lab.repeat_under("perfect")
    assert list(lab.kept) == ["A", "B", "C"]


@pytest.mark.parametrize("suffix", [".json", ".csv", ".parquet", ".jsonl"])
def test_what_is_exported_can_be_loaded(lab, tmp_path, suffix):
    lab.step(5)
    path = lab.export(tmp_path / "deep" / f"history{suffix}")
    frame = wsim.load(path)
    assert len(frame) == len(lab.frame)
    assert lab.load(path).source == path.name
    assert lab.load_bytes(path.name, path.read_bytes()).profile == "custom"
    assert list(lab.kept) == ["A", "B"]


def test_uploads_that_are_no_histories_are_refused(lab):
    with pytest.raises(FormatError, match=r"nonsense\.json"):
        lab.load_bytes("nonsense.json", b"{not json")
    with pytest.raises(FormatError, match=r"\.exe"):
        lab.load_bytes("../../virus.exe", b"MZ")
    with pytest.raises(FormatError):
        lab.load("does/not/exist.json")
    assert len(lab.kept) == 0


def test_code_makes_the_same_lab_again(lab):
    lab.set_profile("stressed")
    lab.set_conditions({"latency_ms": 300.0, "outage": None})
    lab.set_traffic(drive_hz=10)
    text = lab.as_code()
    compile(text, "panel", "exec")
    names: dict[str, object] = {}
    exec(text[: text.index("panel = ")], names)
    assert names["network"] == lab.conditions
    assert names["traffic"] == lab.traffic == TrafficSettings(drive_hz=10)


def test_the_report_is_one_file(lab, tmp_path):
    lab.step(5)
    path = lab.save_report(tmp_path / "report.html")
    assert "<html" in path.read_text(encoding="utf-8")


def test_closing_leaves_no_thread_behind():
    before = threading.active_count()
    lab = LabSession("default")
    lab.run()
    lab.close()
    lab.close()
    assert threading.active_count() == before
    with pytest.raises(UsageError, match="closed"):
        lab.run()


def test_a_lab_that_cannot_start_leaves_no_thread_behind():
    before = threading.active_count()
    with pytest.raises(UsageError):
        LabSession("default", seed=-4)
    with pytest.raises(ConditionsError):
        LabSession("default", max_rows=-4)
    assert threading.active_count() == before


def test_the_ring_lets_go_of_old_rows_and_says_so():
    with LabSession(CLEAN, max_rows=100) as lab:
        lab.step(10)
        told = lab.numbers(lab.scene())
        assert len(lab.frame) == 100
        assert told["messages"].endswith(f"({lab.sim.recorder.evicted:,} evicted)")


def test_real_clients_are_served_beside_the_simulated_one(lab):
    socketio = pytest.importorskip("socketio", reason="needs python-socketio")
    url = lab.serve(port=0)
    assert lab.running
    client = socketio.SimpleClient()
    client.connect(url, transports=["websocket"], wait_timeout=10)
    client.emit("driveCommands", {"linear": 0.25, "angular": 0.0})
    names = [client.receive(timeout=10)[0] for _ in range(4)]
    assert set(names) <= {"cameraFeed", "systemStatus"}
    client.disconnect()
    lab.pause()
    frame = lab.frame
    mine = frame[
        frame["data"].map(lambda data: isinstance(data, dict) and data.get("linear") == 0.25)
    ]
    assert len(mine) == 1
    assert mine["latency_ms"].iloc[0] == pytest.approx(100.0, abs=1)
    with pytest.raises(UsageError, match="real time"):
        lab.set_speed("10 x")
    with pytest.raises(UsageError, match="real time"):
        lab.set_profile("mars")
    lab.stop_serving()
    lab.set_speed("10 x")
    with pytest.raises(UsageError, match="real time"):
        lab.serve(port=0)


def test_a_port_in_use_is_said(lab):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match=str(taken.getsockname()[1])):
            lab.serve(port=taken.getsockname()[1])
    with pytest.raises(UsageError, match="port=-1"):
        lab.serve(port=-1)


def test_what_tcp_cannot_carry_is_said():
    with LabSession({"latency_ms": 300, "packet_loss_rate": 0.05}, seed=1) as lab:
        assert lab.advice() == ""
        lab.set_condition("transport", "tcp")
        assert lab.advice().startswith("From the rover, 150 kB/s is more than TCP carries")
        lab.set_traffic(camera_hz=0)
        assert lab.advice() == ""


def test_numbers_are_about_the_network_in_force():
    with LabSession(CLEAN, seed=1) as lab:
        lab.step(10)
        lab.set_condition("latency_ms", 400)
        lab.step(1)
        told = lab.numbers(lab.scene())
        assert told["command p50 (median)"] == "400 ms"
        assert told["measured over"] == "1 s"
        lab.reset()
        lab.step(2)
        assert lab.numbers(lab.scene())["measured over"] == "2 s"
