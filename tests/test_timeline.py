"""Timelines: what changes when, from Python and from files, and what is refused."""

import json

import numpy as np
import pytest

from wsim import PROFILES, NetworkConditions
from wsim.channel import Channel
from wsim.errors import ConditionsError, FormatError, UnknownNameError
from wsim.profiles import profile
from wsim.timeline import Timeline

S = 1_000_000_000
DEFAULT = PROFILES["default"]
TUNNEL = (
    Timeline(name="tunnel")
    .at(10, "lte")
    .at(30, outage="hold", for_s=5)
    .at(40, restore=True)
    .at(50, set={"latency_ms": 250.0}, over_s=10)
)


class TestChanges:
    def test_a_profile_an_outage_and_back(self):
        changes = TUNNEL.changes(DEFAULT, 50)
        assert [(c.at_ns // S, c.label) for c in changes] == [
            (10, "lte"), (30, "outage"), (35, "lte"), (40, "default"),
        ]  # fmt: skip
        lte, out, again, back = (c.conditions for c in changes)
        assert lte == again == PROFILES["lte"].conditions
        assert out == lte.replace(outage=out.outage)
        assert (out.outage.windows_s, out.outage.effect) == (((30.0, 35.0),), "hold")
        assert back == DEFAULT.conditions

    def test_a_ramp_moves_numbers_on_a_straight_line(self):
        ramp = [c for c in TUNNEL.changes(DEFAULT) if c.at_ns > 40 * S]
        at = np.array([c.at_ns for c in ramp]) / S
        latency = np.array([c.conditions.latency_ms for c in ramp])
        assert latency == pytest.approx(50 + (at - 50) / 10 * 200)
        assert (at[-1], latency[-1]) == (60, 250)
        assert all(c.conditions.jitter_ms == 10 for c in ramp)

    def test_a_ramp_to_a_profile_ends_at_it_exactly(self):
        changes = Timeline().at(5, "starlink", over_s=2).changes("geo")
        assert changes[-1].conditions == PROFILES["starlink"].conditions
        assert changes[-1].at_ns == 7 * S
        assert changes[0].conditions.loss == PROFILES["geo"].conditions.loss

    def test_changes_are_sorted_and_cut_at_the_duration(self):
        times = [c.at_ns for c in TUNNEL.changes(DEFAULT)]
        assert times == sorted(times)
        assert [c.at_ns // S for c in TUNNEL.changes(DEFAULT, 35)] == [10, 30]

    def test_an_outage_without_an_end_lasts_to_the_next_step(self):
        changes = Timeline().at(1, outage=True).at(4, "lan").changes(DEFAULT)
        assert changes[0].conditions.outage.windows_s == ((1.0, 4.0),)
        assert changes[0].conditions.outage.effect == "drop"

    def test_settings_pile_up_on_what_holds(self):
        made = Timeline().at(1, "lte", set={"jitter_ms": 3}).at(2, set={"latency_ms": 9})
        first, second = made.changes(DEFAULT)
        assert first.label == "lte(jitter_ms=3)"
        assert second.conditions == profile("lte").conditions.replace(jitter_ms=3, latency_ms=9)

    def test_labels_can_be_given(self):
        assert Timeline().at(1, "lte", label="in town").changes(DEFAULT)[0].label == "in town"

    def test_it_drives_a_channel_in_steps_and_in_one_go(self):
        calm = NetworkConditions(disconnect_rate=0.0)
        changes = [(c.at_ns, c.conditions) for c in TUNNEL.changes(calm, 70)]
        times = np.arange(700) * S // 10
        many = Channel(calm, seed=2).send_many(times, np.full(700, 100), changes=changes)
        held = many.sent_ns[(many.parts[:, 7] > 0)] / S
        assert ((held >= 30) & (held < 35)).sum() >= 45
        assert many.parts[650:, 3].max() == 250_000_000
        channel, waiting, stepped = Channel(calm, seed=2), list(changes), {}
        for at in times.tolist():
            while waiting and waiting[0][0] <= at:
                channel.change(*waiting.pop(0))
            stepped |= {t.number: t.delivered_ns for t in channel.advance(at)}
            channel.send(at, 100)
        stepped |= {t.number: t.delivered_ns for t in channel.advance(200 * S)}
        assert [stepped[i] for i in range(700)] == [
            None if at < 0 else at for at in many.delivered_ns.tolist()
        ]


class TestFiles:
    TEXT = """
name: tunnel
steps:
  - {at_s: 10, profile: lte}
  - {at_s: 30, outage: hold, for_s: 5}
  - {at_s: 40, restore: true}
  - {at_s: 50, set: {latency_ms: 250.0}, over_s: 10}
"""

    def test_yaml_and_json_say_the_same_as_python(self, tmp_path):
        path = tmp_path / "any.yaml"
        path.write_text(self.TEXT)
        assert Timeline.from_file(path) == TUNNEL
        path = tmp_path / "any.json"
        path.write_text(json.dumps(TUNNEL.to_dict()))
        assert Timeline.from_file(path) == TUNNEL

    def test_profiles_of_ones_own_travel_along(self):
        mine = profile("lte").replace(name="mine", latency_ms=77)
        made = Timeline().at(3, mine)
        assert Timeline.from_dict(json.loads(json.dumps(made.to_dict()))) == made

    @pytest.mark.parametrize(
        ("step", "words"),
        [
            ("{profile: lte}", r"t\.yaml: steps\[0\] must contain \['at_s'\]"),
            ("{at_s: -1, profile: lte}", r"t\.yaml: steps\[0\].at_s must be bigger than"),
            ("{at_s: soon, profile: lte}", r"steps\[0\].at_s must be number \(it is 'soon'\)"),
            ("{at_s: 1, profle: lte}", r"steps\[0\]: no key 'profle'; did you mean 'profile'"),
            ("{at_s: 1, profile: lto}", r"t\.yaml: steps\[0\]: no profile 'lto'.*mean 'lte'"),
            ("{at_s: 1, outage: melt}", r"steps\[0\].outage must be one of .*'melt'"),
            ("{at_s: 1}", r"steps\[0\]: says nothing; give one of profile"),
            ("{at_s: 1, profile: lte, outage: drop}", r"says profile or set and outage"),
            ("{at_s: 1, set: {latncy_ms: 3}}", r"steps\[0\]: no network condition 'latncy_ms'"),
            ("{at_s: 1, set: {latency_ms: -3}}", r"steps\[0\]: latency_ms=-3 is not a number"),
            ("{at_s: 1, set: {loss_model: gilbrt}}", r"steps\[0\]: no loss kind 'gilbrt'"),
            ("{at_s: 1, restore: true, for_s: 3}", r"steps\[0\]: has restore and for_s"),
            ("{at_s: 1, profile: lte, for_s: 3, over_s: 2}", r"has for_s and over_s"),
            ("{at_s: 1, outage: drop, over_s: 3}", r"an outage has no ramp"),
        ],
    )
    def test_errors_name_the_file_the_step_and_the_fix(self, tmp_path, step, words):
        path = tmp_path / "t.yaml"
        path.write_text(f"steps:\n  - {step}\n")
        with pytest.raises((FormatError, ConditionsError, UnknownNameError), match=words):
            Timeline.from_file(path)

    def test_no_steps_is_an_error(self, tmp_path):
        path = tmp_path / "t.yaml"
        path.write_text("name: empty\n")
        with pytest.raises(FormatError, match=r"must contain \['steps'\]"):
            Timeline.from_file(path)


class TestOverlaps:
    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (
                lambda: Timeline().at(10, outage=True, for_s=5).at(12, "lte"),
                r"steps\[1\] at 12 s overlaps steps\[0\] from 10 s to 15 s",
            ),
            (
                lambda: Timeline().at(10, "lte", over_s=5).at(12, "lan"),
                r"steps\[1\] at 12 s overlaps steps\[0\] from 10 s to 15 s",
            ),
            (lambda: Timeline().at(10, "lte").at(10, "lan"), r"steps\[1\] at 10 s overlaps"),
            (lambda: Timeline().at(10, "lte").at(9, "lan"), r"at 9 s overlaps steps\[0\] at 10 s"),
        ],
    )
    def test_are_refused_with_their_place(self, make, words):
        with pytest.raises(ConditionsError, match=words):
            make()

    def test_one_step_may_begin_where_another_ends(self):
        made = Timeline().at(10, outage=True, for_s=5).at(15, "lte")
        assert [c.at_ns // S for c in made.changes(DEFAULT)] == [10, 15, 15]

    def test_what_the_conditions_refuse_later_names_the_step(self):
        made = Timeline().at(3, set={"loss_model": {"kind": "gilbert_elliott", "mean_burst": 1}})
        bad = NetworkConditions(packet_loss_rate=0.9)
        with pytest.raises(ConditionsError, match=r"steps\[0\] at 3 s: .*mean_burst"):
            made.changes(bad)
