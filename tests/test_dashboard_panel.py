"""The panel without a browser: each widget's value is one call, and errors are shown."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

import wsim
from wsim.dashboard import Dashboard
from wsim.dashboard import panel as panel_module


@pytest.fixture
def panel(tmp_path):
    made = Dashboard("default", seed=1, run=False, folder=tmp_path)
    yield made
    made.close()


def test_the_latency_slider_is_the_latency(panel):
    panel.network.controls["latency_ms"].slider.value = 210.00000000000003
    assert panel.lab.conditions.latency_ms == 210.0
    assert panel.lab.sim.conditions.latency_ms == 210.0
    assert panel.network.controls["latency_ms"].field.value == 210.0
    assert panel.error.value == ""


def test_choosing_a_profile_moves_every_control(panel):
    panel.profile.value = "stressed"
    assert panel.lab.network_name == "stressed"
    assert panel.network.controls["packet_loss_rate"].slider.value == 0.1
    assert panel.network.controls["bandwidth_mbps"].field.value == 10.0


def test_nonsense_in_a_field_is_said_and_taken_back(panel):
    field = panel.network.controls["packet_loss_rate"].field
    field.value = 7.0
    assert "packet_loss_rate=7.0 is not a number from 0 to 1" in panel.error.value
    assert field.value == panel.lab.conditions.packet_loss_rate == 0.01
    text = panel.network.controls["jitter_model"].box
    text.value = '{"kind": "<b>"}'
    assert "&lt;b&gt;" in panel.error.value
    assert "<b>" not in panel.error.value
    assert text.value == "normal"
    panel.network.controls["latency_ms"].field.value = 60.0
    assert panel.error.value == ""


def test_the_bar(panel):
    panel.bar.step.click()
    assert panel.lab.now_s == 1.0
    panel.bar.speed.value = "10 x"
    assert panel.lab.speed == 10.0
    panel.bar.seed.value = 42
    assert (panel.lab.seed, panel.lab.now_s) == (42, 0.0)
    panel.bar.seed.value = -1
    assert "seed=-1" in panel.error.value
    assert panel.bar.seed.value == 42
    panel.bar.run.click()
    assert panel.lab.running
    assert panel.bar.run.description == "Pause"
    panel.bar.run.click()
    assert not panel.lab.running
    panel.bar.stop.click()
    assert panel.lab.traffic.linear == 0.0
    assert panel.traffic.controls["linear"].field.value == 0.0
    panel.bar.reset.click()
    assert panel.lab.now_s == 0.0


def test_driving(panel):
    panel.traffic.controls["drive_hz"].field.value = 50
    assert panel.lab.traffic.drive_hz == 50
    pad = {child.description: child for child in panel.traffic.pad.children}
    pad["▲"].click()
    assert panel.lab.traffic.linear == 0.6
    panel.traffic.controls["drive_hz"].field.value = 5000
    assert "drive_hz=5000.0 is not a number of Hz from 0 to 200" in panel.error.value
    assert panel.traffic.controls["drive_hz"].field.value == 50


def test_keeping_comparing_and_forgetting(panel):
    panel.bar.keep.click()
    assert "nothing to keep yet" in panel.error.value
    panel.lab.step(10)
    panel.bar.keep.click()
    assert panel.note.value == "Kept this run as A: default."
    panel.profile.value = "stressed"
    panel.bar.reset.click()
    panel.lab.step(10)
    panel.bar.keep.click()
    assert "<td>B</td><td>stressed</td>" in panel.kept_table.value
    assert "B against A" in panel.verdicts.value
    panel.shelf.forget.value = "A"
    assert list(panel.lab.kept) == ["B"]
    assert panel.verdicts.value == ""


def test_the_same_seed_under_another_profile(panel):
    panel.lab.step(5)
    panel.shelf.other.value = "perfect"
    panel.shelf.again.click()
    assert panel.error.value == ""
    assert [kept.profile for kept in panel.lab.kept.values()] == ["default", "perfect"]
    assert "Kept B: perfect. Message by message it took" in panel.note.value


def test_files_in_and_out(panel, tmp_path):
    panel.lab.step(3)
    panel.shelf.suffix.value = ".json"
    panel.shelf.export.click()
    path = tmp_path / "history.json"
    assert len(wsim.load(path)) == len(panel.lab.frame)
    panel.shelf.load.click()
    assert "no file named" in panel.error.value
    panel.shelf.path.value = str(path)
    panel.shelf.load.click()
    assert list(panel.lab.kept) == ["A"]
    upload = {"name": "up.json", "content": path.read_bytes(), "type": "", "size": 1}
    panel.shelf.upload.value = ({**upload, "last_modified": path_time()},)
    assert list(panel.lab.kept) == ["A", "B"]
    broken = {**upload, "name": "<i>.json", "content": b"[1,", "last_modified": path_time()}
    panel.shelf.upload.value = (broken,)
    assert panel.error.value.startswith('<div class="wsim-error" role="alert">&lt;i&gt;.json: ')
    assert panel.note.value == ""
    assert list(panel.lab.kept) == ["A", "B"]


def path_time():
    import datetime

    return datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def test_a_profile_of_your_own(panel, tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text("conditions: {latency: 80}")
    panel.shelf.profile_file.value = str(path)
    assert "did you mean &#x27;latency_ms&#x27;" in panel.error.value
    path.write_text("conditions: {latency_ms: 80}")
    panel.shelf.profile_file.value = f" {path}"
    assert panel.error.value == ""
    assert panel.lab.network_name == panel.profile.value == "ours"
    assert panel.network.controls["latency_ms"].field.value == 80.0


def test_the_door_for_real_clients(panel):
    pytest.importorskip("aiohttp", reason="needs aiohttp")
    panel.shelf.port.value = 0
    panel.shelf.door.value = True
    assert "http://127.0.0.1:" in panel.note.value
    panel.profile.value = "mars"
    assert "real time" in panel.error.value
    assert panel.profile.value == "default"
    panel.shelf.door.value = False
    assert "closed" in panel.note.value
    panel.shelf.door.value = True
    panel.bar.reset.click()
    assert panel.shelf.door.value is False
    panel.shelf.port.value = 70_000
    panel.shelf.door.value = True
    assert "port=70000" in panel.error.value
    assert panel.shelf.door.value is False


def test_the_report_and_the_code(panel, tmp_path):
    panel.lab.step(3)
    panel.shelf.report.click()
    assert (tmp_path / "report.html").exists()
    panel.shelf.as_code.click()
    assert "wsim.Dashboard(" in panel.shelf.text.value


def test_pictures_and_texts_follow(panel):
    panel.lab.step(5)
    panel.live.now()
    assert "Latency: median" in panel.live.pictures[0].caption.value
    assert "driveCommands" in panel.history.value
    assert "command p50" in panel.numbers.value
    assert "5.0 s simulated" in panel.status.value


def test_a_load_beyond_tcp_is_said_until_it_is_mended(panel):
    panel.network.controls["latency_ms"].field.value = 300.0
    panel.network.controls["packet_loss_rate"].field.value = 0.05
    assert panel.advice.value == ""
    panel.network.controls["transport"].box.value = "tcp"
    assert "From the rover, 150 kB/s is more than TCP carries" in panel.advice.value
    panel.traffic.controls["camera_hz"].field.value = 0
    assert panel.advice.value == ""


def test_exceptions_of_the_users_handlers_are_shown(panel):
    def broken(data):
        raise KeyError("<speed>")

    panel.lab.ask(panel.lab.sim.on, "driveCommands", broken)
    panel.lab.step(2)
    panel.live.now()
    assert "a handler of driveCommands failed" in panel.error.value
    assert "&lt;speed&gt;" in panel.error.value


def test_traffic_that_ends_is_said(panel):
    def broken():
        raise OSError("no camera")

    panel.lab.ask(panel.lab._run._start, panel.lab._run._repeat("camera_hz", broken))
    panel.lab.step(1)
    panel.live.now()
    assert "no camera" in panel.error.value


def test_a_panel_of_the_same_name_replaces_the_one_before(tmp_path):
    before = threading.active_count()
    panels = [Dashboard(run=True, folder=tmp_path) for _ in range(3)]
    assert threading.active_count() == before + 1
    other = Dashboard(run=False, name="other", folder=tmp_path)
    assert panels[-1].lab.running
    for panel in (panels[-1], other):
        panel.close()
    assert threading.active_count() == before
    assert not {"lab", "other"} & set(panel_module._OPEN)


def test_in_a_loop_it_refreshes_by_itself_and_leaves_no_task_behind(tmp_path):
    async def main():
        panel = Dashboard(seed=1, hz=10, folder=tmp_path)
        panel.bar.speed.value = "as fast as possible"
        while panel.live.rounds < 3:
            await asyncio.sleep(0.01)
        panel.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(main()) == set()


def test_slow_work_is_done_in_a_thread_and_its_errors_are_shown(tmp_path):
    async def main():
        panel = Dashboard(run=False, folder=tmp_path)
        panel.shelf.path.value = "nowhere.json"
        panel.shelf.load.click()
        assert panel.note.value == "loading nowhere.json ..."
        while not panel.error.value:
            await asyncio.sleep(0.01)
        assert "nowhere.json" in panel.error.value
        panel.close()

    asyncio.run(main())


def test_a_callback_from_another_thread_comes_home(tmp_path):
    async def main():
        panel = Dashboard(run=False, folder=tmp_path)
        threads = []
        panel.lab.set_condition = lambda *_: threads.append(threading.get_ident())
        control = panel.network.controls["latency_ms"]
        control.apply = panel.act(panel.lab.set_condition)
        setter = threading.Thread(target=setattr, args=(control.slider, "value", 100.0))
        setter.start()
        setter.join()
        assert threads == []
        await asyncio.sleep(0.01)
        panel.close()
        return threads

    assert asyncio.run(main()) == [threading.get_ident()]


def test_every_control_and_button_is_labelled(panel):
    unlabelled = []
    todo = [panel.box]
    while todo:
        widget = todo.pop()
        todo += list(getattr(widget, "children", ()))
        if hasattr(widget, "description") and type(widget).__name__ not in ("Label", "FloatSlider"):
            named = widget.description or getattr(widget, "placeholder", "")
            if type(widget).__name__ not in ("HTML",) and not named:
                unlabelled.append(widget)
    assert unlabelled == []


def objects():
    """Count what is alive; weak references of pandas come and go by themselves."""
    gc.collect()
    return sum(type(thing).__name__ != "ReferenceType" for thing in gc.get_objects())


def test_refreshing_does_not_leak(panel):
    panel.lab.step(30)
    panel.live.now()
    before = objects()
    for _ in range(50):
        panel.lab.step(0.05)
        panel.live.now()
    assert objects() - before < 500  # the messages of 2.5 s among them
