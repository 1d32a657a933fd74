"""What a report says about driving: watchdog, emergency stop, distances, the whole loop."""

import frames
import numpy as np
import pandas as pd

from wsim.analysis.plots.style import description
from wsim.analysis.report.driving import driving
from wsim.analysis.report.study import Study, entries
from wsim.analysis.teleop import teleop


def drive(name, latency):
    commands = frames.make(np.arange(400) / 20, latency, profile=name, run=name)
    pictures = frames.make(
        np.arange(100) / 5, 90.0, event_name="cameraFeed", direction="outbound", profile=name,
        run=name,
    )  # fmt: skip
    return pd.concat([commands, pictures], ignore_index=True)


def chapter(*histories):
    return driving(Study(entries(list(histories))))


def test_one_row_a_network_from_the_table_of_teleop():
    slow = np.where(np.arange(400) % 100 < 30, 2_000.0, 40.0)
    made = chapter(drive("near", 40.0), drive("slow", slow))
    near, far = made.tables[0].rows
    table = teleop(drive("slow", slow), pauses="skip").iloc[0]
    assert near[:3] == ("near", "0", "0 %")
    assert far[1] == f"{table.watchdog_trips:.0f}" != "0"
    assert far[4] == f"{100 * table.stop_over_300ms:.3g} %"
    assert far[7] == f"{table.blind_distance_m:.3g} m"
    assert len(made.tables[0].heads) == len(made.tables[0].about) == len(near)


def test_the_loop_is_pictured_where_there_are_pictures():
    made = chapter(drive("near", 40.0))
    ax = made.pictures[0].draw()
    assert "near: median 215 ms" in description(ax)  # 140, 190, 240, 290: the next picture
    assert ax.get_xlabel() == "from the command to the picture"
    assert not chapter(frames.periodic(20, 20)).pictures


def test_without_commands_there_is_no_such_chapter():
    assert chapter(frames.periodic(20, 20, event_name="sensorData")) is None
