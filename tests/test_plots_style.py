"""Names from anywhere can be drawn; times read well; colours and shapes tell series apart."""

import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from wsim.analysis.plots.style import (
    caption,
    description,
    duration,
    latency_axis,
    new_axes,
    plain,
    png,
    series_style,
    spreads,
)


@pytest.mark.parametrize(
    "name",
    [
        r"$\frac{",
        "a$b$c",
        "<script>alert(1)</script>",
        "日本\u0000\n名",
        "🚀",
        "x" * 500,
        r"\$1$",
        "",
    ],
)
def test_any_name_can_be_drawn(name):
    ax = new_axes(None)
    ax.set_title(plain(name))
    ax.plot([0, 1], label=plain(name) or "-")
    ax.legend()
    assert png(ax).startswith(b"\x89PNG")


def test_plain_keeps_ordinary_names_and_cuts_long_ones():
    assert plain("driveCommands · µ") == "driveCommands · µ"
    assert len(plain("x" * 500)) == 40
    assert plain("a$b$") == r"a\$b\$"
    assert plain("日") == "□"


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0 ms"), (41.27, "41.3 ms"), (0.25, "250 µs"), (1500, "1.5 s"), (750_000, "12.5 min"),
        (999.9, "1 s"), (-20, "-20 ms"), (7_200_000, "2 h"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_durations_read_well(ms, words):
    assert duration(ms) == words


def test_series_differ_in_colour_line_and_marker():
    styles = [series_style(i) for i in range(12)]
    for part in ("colour", "line", "marker", "hatch"):
        assert len({str(getattr(style, part)) for style in styles[:6]}) == 6
    assert len({(style.colour, str(style.line)) for style in styles}) == 12
    assert all(style.colour not in {"#f0e442", "#000000"} for style in styles)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_the_first_three_series_stand_out_from_white():
    for index in range(3):
        assert 1.05 / (luminance(series_style(index).colour) + 0.05) > 3.0


def test_latency_axes_are_linear_unless_the_values_range_widely():
    ax = new_axes(None)
    latency_axis(ax.xaxis, [20.0, 80.0])
    assert ax.get_xscale() == "linear"
    latency_axis(ax.yaxis, [0.0, 50.0, 750_000.0])
    assert ax.get_yscale() == "symlog"
    assert 0 in ax.get_yticks()
    assert not spreads(np.array([]))


def test_axes_of_their_own_show_themselves_and_pyplot_knows_nothing_of_them():
    before = dict(matplotlib.rcParams)
    ax = new_axes(None)
    data, extra = ax._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["text/plain"] == extra["image/png"]["alt"]
    assert new_axes(ax) is ax
    assert dict(matplotlib.rcParams) == before
    given = Figure().add_subplot()
    assert new_axes(given) is given


def test_drawing_needs_no_warning_filter():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = new_axes(None)
        ax.set_xlabel(plain("\ud800 surrogate 日"))
        png(ax)


def test_a_caption_adds_the_legend_the_remarks_and_the_words():
    ax = new_axes(None)
    ax.plot([0, 1], label="a line")
    returned = caption(ax, title="Title", x="x", y="y", words="All of it.", remarks=["", "beware"])
    assert returned is ax
    assert (ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()) == ("Title", "x", "y")
    assert description(ax) == "All of it."
    assert [text.get_text() for text in ax.texts if text.get_gid() == "note"] == ["beware"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a line"]
