"""The report: one file that stands alone, says what happened and lets nothing break it."""

import json
import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from frames import make, periodic

from wsim.analysis.comparison import compare
from wsim.analysis.intervals import mean_t
from wsim.analysis.report import report
from wsim.analysis.report.bursts import stale_bursts
from wsim.analysis.report.sections import beside_tcp, first_screen, over_tcp, overloads
from wsim.analysis.report.study import Study, entries
from wsim.analysis.report.words import interval, verdict
from wsim.errors import ColumnsError, FormatError, UnknownNameError

HOSTILE = '<script>alert("1")</script> & $x$ <img src=x onerror=alert(1)> -->'
VOID = {"meta", "br", "img", "hr", "link", "input"}


class Page(HTMLParser):
    """Collects what tests ask for, and refuses a page whose tags do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(self.texts)


@pytest.fixture
def quick(monkeypatch):
    """Draw every picture, but leave out turning it into SVG, which takes most of the time."""
    monkeypatch.setattr("wsim.analysis.report.page.svg", lambda ax, prefix: "<svg></svg>")


def session(name, latency, loss=0.0, seed=0, seconds=20, **more):
    rng = np.random.default_rng(seed)
    n = seconds * 20
    late = np.maximum(rng.normal(latency, latency / 10, n), 0)
    lost, run = rng.random(n) < loss, f"{name}-{seed}"
    frame = periodic(20, seconds, late, lost=lost, profile=name, run=run, **more)
    frame["data"] = [{"linear": 0.5, "angular": 0.1}] * n
    frame.attrs["wsim"] = {
        f"{name}-{seed}": {
            "seed": seed, "started_at": 1.7e9, "duration_s": float(seconds), "evicted": 0,
            "conditions": {"latency_ms": latency, "packet_loss_rate": loss},
            "versions": {"wsim": "0.0.9"},
        }
    }  # fmt: skip
    return frame


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    frames = [session("near", 50), session("far", 300, 0.1)]
    path = tmp_path_factory.mktemp("report") / "deep" / "er" / "two.html"
    steps = []
    found = report(
        frames, path, title="Near or far", command="wsim compare near far --seed 0",
        progress=lambda done, total, what: steps.append((done, total, what)),
    )  # fmt: skip
    return found, Page(path.read_text(encoding="utf-8")), steps


def test_the_report_is_where_it_was_asked_for_and_nothing_else(two):
    path = two[0]
    assert path.name == "two.html"
    assert [p.name for p in path.parent.iterdir()] == ["two.html"]


def test_nothing_is_loaded_from_anywhere(two):
    text = two[0].read_text(encoding="utf-8")
    tags = {tag for tag, _ in two[1].tags}
    assert not tags & {"script", "link", "iframe", "object", "embed"}
    for _, attrs in two[1].tags:
        for key in ("src", "href", "xlink:href", "srcset"):
            assert attrs.get(key, "#").startswith(("#", "data:image/"))
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_the_first_screen_answers(two):
    text = two[1].text
    assert text.index("Near or far") < text.index("How would it have felt") < text.index("messages")
    assert "commands arrive after" in text
    first = text.split("What each network did")[1]
    for head in ("drop rate", "p50", "p90", "p99", "max", "jitter", "command age"):
        assert head in first


def test_the_chapters_are_in_order(two):
    heads = [
        "Would the rover have been safe?", "Latency", "Drop rates", "Command timelines",
        "Age of commands", "Path of the rover",
        "Where the time went", "Compared with near", "Bursts of stale commands",
        "Over TCP instead", "Every event", "Runs", "How this was made",
    ]  # fmt: skip
    text = re.findall(r"<h2>(.*?)</h2>", two[0].read_text(encoding="utf-8"))
    assert text == heads


def test_it_says_how_it_was_made(two):
    text = two[1].text
    assert "wsim compare near far --seed 0" in text
    assert "wsim 0.0.9" in text
    assert "2023-11-14 22:13:20 UTC" in text
    assert "packet_loss_rate=0.1" in text


def test_it_is_accessible(two):
    page = two[1]
    assert page.all("html")[0]["lang"] == "en"
    pictures = page.all("svg")
    assert len(pictures) >= 10
    assert all(len(picture["aria-label"]) > 20 for picture in pictures)
    assert all(picture["role"] == "img" for picture in pictures)
    assert all(th.get("scope") in {"col", "row"} for th in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert len(page.all("figcaption")) == len(page.all("figure"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_it_suits_dark_screens_and_paper(two):
    text = two[0].read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    body = text[text.index("</style>") :]
    assert "var(--c0)" in body
    assert not re.search(r"(fill|stroke): #(000000|0072b2|222222)", body)


def test_the_style_a_user_has_set_does_not_hide_the_words(tmp_path):
    import matplotlib.style

    frame, found = session("near", 50, 0.1, seconds=5), []
    for style in ("default", "dark_background"):
        with matplotlib.style.context(style):
            text = report(frame, tmp_path / "s.html").read_text(encoding="utf-8")
        found.append([text.count(f"var(--{name})") for name in ("ink", "paper", "c0")])
    assert found[0] == found[1]


def test_references_inside_pictures_have_their_targets(two):
    text = two[0].read_text(encoding="utf-8")
    ids = set(re.findall(r'\sid="([^"]+)"', text))
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    assert used <= ids


def test_progress_counts_up_to_its_total(two):
    steps = two[2]
    assert [done for done, *_ in steps] == sorted(done for done, *_ in steps)
    assert steps[-1][0] == steps[-1][1]
    assert len(steps) > 10


def test_the_same_frames_give_the_same_page(tmp_path):
    frame = session("near", 50, seconds=5)
    pages = [report(frame, tmp_path / f"{i}.html").read_text(encoding="utf-8") for i in range(2)]
    cut = [re.sub(r"<dt>written</dt><dd>.*?</dd>", "", page) for page in pages]
    assert cut[0] == cut[1]


def test_markup_in_names_and_payloads_is_text(tmp_path):
    frame = session(HOSTILE, 50, 0.1, event_name=HOSTILE, client_id=HOSTILE)
    frame["data"] = [{"x": HOSTILE}] * len(frame)
    for column, value in (("fate", "refused"), ("cause", "validation")):
        frame[column] = frame[column].astype(object)
        frame.loc[3, column] = value
    path = report(
        {HOSTILE: frame, "b\ud800\x00": frame}, tmp_path / "h.html", title=HOSTILE, command=HOSTILE,
        objectives=pd.DataFrame({HOSTILE: [HOSTILE]}), command_event=HOSTILE,
    )  # fmt: skip
    page = Page(path.read_text(encoding="utf-8"))
    assert not page.all("script")
    assert not page.all("img")
    assert not any("onerror" in attrs for _, attrs in page.tags)
    assert page.text.count(HOSTILE) > 5
    assert '"x": ' in page.text


DEEP: list = []
for _ in range(5000):
    DEEP = [DEEP]


@pytest.mark.parametrize("payload", [DEEP, b"\x00\xff", {"a": float("nan")}, object(), "x" * 10**6])
@pytest.mark.usefixtures("quick")
def test_strange_refused_payloads_are_shortened(tmp_path, payload):
    frame = make([0.0, 1.0], 10.0, fate=["delivered", "refused"])
    frame["data"] = pd.Series([None, payload], dtype=object)
    path = report(frame, tmp_path / "x.html")
    assert path.stat().st_size < 2e6
    assert "Messages that were refused" in path.read_text(encoding="utf-8")


POOR = {
    "empty": make([]),
    "one": make([0.0]),
    "one lost": make([0.0], np.nan),
    "all lost": make(np.arange(100) / 20, np.nan),
    "in flight": make(np.arange(3.0), np.nan, fate="in_flight"),
    "no payloads": make(np.arange(100) / 20).drop(columns=["data", "cause", "size_bytes"]),
    "bare": pd.DataFrame({"latency_ms": [1.0, 2.0, 3.0]}),
    "odd": make(np.arange(4.0), [np.inf, -5, np.nan, 10], fate="delivered"),
}


@pytest.mark.parametrize("name", POOR)
@pytest.mark.usefixtures("quick")
def test_poor_data_make_a_report_without_warnings(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = report(POOR[name], tmp_path / "poor.html")
    Page(path.read_text(encoding="utf-8"))


def test_all_poor_data_at_once(tmp_path):
    text = report(POOR, tmp_path / "poor.html").read_text(encoding="utf-8")
    assert "no messages were recorded" in text
    assert "none of 100 messages arrived" in text
    assert "nan" not in Page(text).text.lower().split()


@pytest.mark.usefixtures("quick")
def test_replicates_share_a_name_and_are_compared_by_runs(tmp_path):
    near = [session("near", 50, seed=i) for i in range(5)]
    far = [session("far", 80, seed=i) for i in range(5)]
    path = report({"near": near, "far": far}, tmp_path / "r.html")
    text = Page(path.read_text(encoding="utf-8")).text
    assert "2,000" in text
    assert "0, 1, 2, 3, 4" in text
    assert "p99 worse by" in text
    assert "paired t" in text


def test_the_drop_rate_of_replicates_agrees_with_the_comparison():
    runs = [session("far", 50, 0.02 * i, seed=i) for i in range(1, 6)]
    study = Study(entries({"none": [session("none", 50, seed=i) for i in range(5)], "far": runs}))
    found = compare([session("far", 50, seed=9)] * 5, runs, metrics=["drop_rate"]).iloc[0]
    row = study.row("far")
    assert row["drop_rate"] == pytest.approx(found["candidate"])
    rates = [float((run["fate"] == "dropped").mean()) for run in runs]
    assert row["drop_rate_low"] == pytest.approx(max(0.0, mean_t(rates).low))
    assert row["drop_rate_high"] == pytest.approx(mean_t(rates).high)
    assert 0 < study.row("none")["drop_rate_high"] < 0.01  # no loss seen is no rate of zero


def test_a_frame_is_split_by_profile_and_run():
    frame = pd.concat([session("a", 10, seed=1), session("b", 10), session("a", 10, seed=2)])
    found = entries(frame)
    assert [(entry.name, len(entry.runs)) for entry in found] == [("a", 2), ("b", 1)]
    assert [entry.name for entry in entries([session("x", 1), session("y", 1)])] == ["x", "y"]
    with pytest.raises(ColumnsError, match="nothing to report"):
        entries([])
    with pytest.raises(ColumnsError, match="DataFrame"):
        entries("history.json")


def test_the_pooled_numbers_are_those_of_the_frames():
    frames = [session("near", 50), session("far", 300, 0.1)]
    study = Study(entries(frames))
    for frame in frames:
        row = study.row(frame["profile"].iloc[0])
        assert row["sent"] == len(frame)
        assert row["dropped"] == frame["dropped"].sum()
        assert row["p50_ms"] == pytest.approx(frame["latency_ms"].median())


@pytest.mark.parametrize(
    ("latency", "word"), [(50, "direct"), (250, "sluggish"), (600, "hard to drive"),
                          (3000, "move and wait"), (750_000, "plans only")],
)  # fmt: skip
def test_networks_are_graded_by_the_age_of_commands(latency, word):
    study = Study(entries(periodic(20, 10, float(latency))))
    assert verdict(study, "default").word == word


def test_old_pictures_spoil_a_quick_command():
    drive = periodic(20, 10, 50.0)
    camera = periodic(5, 10, 2000.0, event_name="cameraFeed", direction="outbound")
    study = Study(entries(pd.concat([drive, camera], ignore_index=True)))
    said = verdict(study, "default")
    assert said.word == "move and wait"
    assert "nine in ten pictures of the camera arrive within 2 s" in said.sentence
    blind = camera.assign(fate="dropped", latency_ms=np.nan)
    study = Study(entries(pd.concat([drive, blind], ignore_index=True)))
    assert "no picture of the camera arrived" in verdict(study, "default").sentence
    assert verdict(study, "default").word == "blind"


def test_lost_emergency_stops_are_said():
    drive = periodic(20, 5, 50.0)
    stop = make([1.0, 2.0], [50.0, np.nan], event_name="emergencyStop")
    study = Study(entries(pd.concat([drive, stop], ignore_index=True)))
    assert "1 of 2 emergency stops never arrived" in verdict(study, "default").sentence


def stalled():
    created = np.arange(200) / 20
    latency = np.full(200, 50.0)
    held = (created >= 4) & (created < 6)
    latency[held] = (6 - created[held]) * 1e3 + 50
    return make(created, latency)


@pytest.mark.usefixtures("quick")
def test_bursts_of_stale_commands_are_named(tmp_path):
    (burst,) = stale_bursts(stalled(), "driveCommands")
    assert burst.at_s == pytest.approx(6.05)
    assert burst.oldest_ms == pytest.approx(2050)
    assert burst.size == 32
    text = Page(report(stalled(), tmp_path / "s.html").read_text(encoding="utf-8")).text
    assert "1 silence ended in 32 driveCommands" in text
    assert "2.05 s" in text


@pytest.mark.usefixtures("quick")
def test_tcp_counterparts_stand_beside_lossy_runs(tmp_path):
    frames = {"wifi": session("wifi", 50, 0.1), "lte": session("lte", 60, 0.05)}
    path = report(frames, tmp_path / "t.html", tcp_counterparts={"wifi": stalled()})
    text = Page(path.read_text(encoding="utf-8")).text
    part = text[text.rindex("Over TCP instead") :]
    assert "wifi over TCP" in part
    assert "wifi over TCP · driveCommands · inbound" in part
    assert "Without a counterpart over TCP: lte." in part
    with pytest.raises(UnknownNameError, match="did you mean 'wifi'"):
        report(frames, tmp_path / "t.html", tcp_counterparts={"wfi": stalled()})


def test_the_first_screen_grades_the_link_over_tcp_too():
    study = Study(entries({"lte": session("lte", 60), "wifi": session("wifi", 50, 0.1)}))
    tcp = beside_tcp(study, {"wifi": stalled()})
    verdicts, table = first_screen(study, tcp)
    assert [v.name for v in verdicts] == ["lte", "wifi", "wifi over TCP"]
    assert [row[0] for row in table.rows] == ["lte", "wifi", "wifi over TCP"]
    assert verdicts[1].word == "direct"
    assert verdicts[2].word != "direct"
    assert "none lost" in verdicts[2].sentence
    assert [v.name for v in first_screen(study, None)[0]] == ["lte", "wifi"]


def test_overloaded_tcp_is_said_beside_the_verdict_and_below():
    about = {"conditions": {"transport": "tcp", "packet_loss_rate": 0.3, "latency_ms": 200}}
    slow = stalled().assign(size_bytes=5_000, run="r")
    slow.attrs["wsim"] = {"r": about}
    study = Study(entries({"wifi": session("wifi", 50, 0.1)}))
    tcp = beside_tcp(study, {"wifi": slow})
    assert "clients miss heartbeats and are cut off" in first_screen(study, tcp)[0][1].sentence
    (note,) = overloads(study, tcp)
    assert note.startswith("wifi over TCP, inbound: 100.5 kB/s is more than TCP carries")
    assert note in over_tcp(study, tcp).notes
    assert overloads(study, None) == []


@pytest.mark.usefixtures("quick")
def test_objectives_are_checked_on_every_network(tmp_path):
    wanted = [{"kind": "latency", "event": "driveCommands", "share": 0.95, "limit_ms": 150}]
    frames = {"near": session("near", 10), "far": session("far", 300)}
    text = Page(report(frames, tmp_path / "o.html", objectives=wanted).read_text("utf-8")).text
    part = text[text.index("Objectives, at 95 %") :]
    assert part.index("pass (") < part.index("fail (")
    done = pd.DataFrame({"objective": ["99 % under 150 ms"], "outcome": ["pass"]})
    assert "99 % under 150 ms" in report(
        frames["near"], tmp_path / "o.html", objectives=done
    ).read_text("utf-8")


@pytest.mark.usefixtures("quick")
def test_errors_name_the_path_and_the_fix(tmp_path):
    frame = session("a", 10, seconds=1)
    with pytest.raises(FormatError, match=r"'x\.pdf'.*\.html"):
        report(frame, tmp_path / "x.pdf")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FormatError, match="cannot write"):
        report(frame, tmp_path / "file" / "x.html")
    with pytest.raises(UnknownNameError, match="did you mean 'near'"):
        report([session("near", 1), session("far", 1)], tmp_path / "x.html", baseline="naer")


@pytest.mark.usefixtures("quick")
def test_an_older_report_stays_if_writing_fails(tmp_path):
    path = tmp_path / "x.html"
    path.write_text("old")

    def stop(done, total, what):
        if done > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report(session("a", 10), path, progress=stop)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((0.1, 0.08, 0.12, "%"), "10 [8, 12] %"),
        ((41.0, 38.0, 44.0, "ms", "+"), "+41 [+38, +44] ms"),
        ((750_000.0, 749_000.0, 751_000.0, "ms"), "12.5 [12.5, 12.5] min"),
        ((934.0, -367.0, 2230.0, "ms"), "0.934 [-0.367, 2.23] s"),
        ((0.0, 0.0, 0.0, "ms"), "0 [0, 0] ms"),
        ((3.0, np.nan, np.nan, "Hz"), "3 Hz"),
        ((np.nan, 1, 2, "ms"), "–"),
    ],
)
def test_intervals_read_in_one_unit(given, words):
    assert interval(*given) == words


@pytest.mark.usefixtures("quick")
def test_the_page_survives_json_names(tmp_path):
    frame = session(json.dumps({"a": "b"}), 10, seconds=2)
    Page(report(frame, tmp_path / "j.html").read_text(encoding="utf-8"))
