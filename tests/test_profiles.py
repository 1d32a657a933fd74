"""Profiles: the contract's values, the catalogue, user files, variants, errors."""

import json
import pickle

import pytest

from wsim import PROFILES, NetworkConditions, Profile
from wsim.conditions import condition_fields
from wsim.errors import ConditionsError, FormatError, UnknownNameError
from wsim.profiles import profile

CONTRACT = {
    "perfect": (0, 0, 0, 0, None),
    "default": (50, 10, 0.01, 0.001, 100),
    "stressed": (200, 50, 0.10, 0.01, 10),
    "mars": (750_000, 0, 0, 0, None),
    "mars_near": (182_000, 0, 0, 0, None),
    "mars_far": (1_338_000, 0, 0, 0, None),
}
TABLE = [
    "lan", "wifi_home", "wifi_congested", "3g", "lte", "lte_driving", "5g_nsa", "starlink", "geo",
    "rover_900_serial", "rover_900_ip", "rover_24_los", "rover_24_nlos", "moon_gateway", "moon",
    "moon_ops", "mars_relay", "mars_analog", "urc", "poor", "extreme",
]  # fmt: skip


@pytest.mark.parametrize("name", CONTRACT)
def test_the_contract(name):
    c = PROFILES[name].conditions
    assert (
        c.latency_ms, c.jitter_ms, c.packet_loss_rate, c.disconnect_rate, c.bandwidth_mbps,
    ) == CONTRACT[name]  # fmt: skip
    assert c.enabled
    assert PROFILES[name].time_scale == (300 if name.startswith("mars") else 1)
    assert PROFILES["default"].conditions == NetworkConditions()


def test_the_table_is_there():
    assert set(TABLE) <= set(PROFILES)
    assert len(PROFILES) == len(list(PROFILES)) >= 25


@pytest.mark.parametrize("name", PROFILES)
class TestEvery:
    def test_says_what_it_stands_for_and_where_it_comes_from(self, name):
        made = PROFILES[name]
        assert made.name == name
        assert made.sentence.endswith(".")
        assert len(made.source) > 8

    def test_names_what_is_assumed_and_nothing_that_is_default(self, name):
        made = PROFILES[name]
        changed = made.conditions.to_dict(changed_only=True)
        known = {info.name for info in condition_fields()}
        assert set(made.assumed) <= known
        if made.assumed:
            assert "assumed" in made.source or "defined" in made.source
        default_on_purpose = {"bandwidth_mbps", "jitter_ms", "packet_loss_rate", "disconnect_rate"}
        assert set(made.assumed) <= set(changed) | default_on_purpose

    def test_survives_json_and_pickle(self, name):
        made = PROFILES[name]
        assert Profile.from_dict(json.loads(json.dumps(made.to_dict()))) == made
        assert pickle.loads(pickle.dumps(made)) == made
        assert hash(made) == hash(Profile.from_dict(made.to_dict()))

    def test_both_directions_are_valid(self, name):
        conditions = PROFILES[name].conditions
        assert conditions.for_direction("inbound").outbound is None
        assert conditions.for_direction("outbound").outbound is None

    def test_repr_can_be_pasted_back(self, name):
        import wsim.impairments as shelf
        from wsim.impairments import kinds

        names = {"Profile": Profile, "NetworkConditions": NetworkConditions, "shelf": shelf}
        for family in ("jitter", "loss", "rate", "outage"):
            names |= {made.__name__: made for made in kinds(family).values()}
        assert eval(repr(PROFILES[name]), names) == PROFILES[name]


class TestProfile:
    def test_an_unknown_name_suggests_the_nearest(self):
        with pytest.raises(UnknownNameError, match="no profile 'mras'; did you mean 'mars'"):
            profile("mras")

    def test_takes_what_people_have(self):
        lte = PROFILES["lte"]
        assert profile("lte") is lte
        assert profile(lte) is lte
        assert profile(lte.conditions) == Profile("custom", lte.conditions)
        assert profile({"latency_ms": 7}).conditions.latency_ms == 7
        assert profile({"extends": "lte", "name": "mine"}).conditions == lte.conditions

    def test_a_variant_is_named_after_its_changes(self):
        variant = profile("lte").replace(packet_loss_rate=0.05)
        assert variant.name == "lte(packet_loss_rate=0.05)"
        assert variant.conditions.packet_loss_rate == 0.05
        assert profile("lte").replace(name="bad lte", jitter_ms=40).name == "bad lte"
        assert "jitter_ms" not in profile("lte").replace(jitter_ms=40).assumed
        assert profile("lte").conditions.packet_loss_rate == 0.002

    def test_a_variant_refuses_what_conditions_refuse(self):
        with pytest.raises(ConditionsError, match="packet_loss_rate=5"):
            profile("lte").replace(packet_loss_rate=5)
        with pytest.raises(ConditionsError, match="did you mean 'latency_ms'"):
            profile("lte").replace(latncy_ms=5)

    @pytest.mark.parametrize("scale", [0, -1, True, "fast", float("inf")])
    def test_refuses_a_nonsense_time_scale(self, scale):
        with pytest.raises(ConditionsError, match="time_scale"):
            Profile("x", NetworkConditions(), time_scale=scale)

    def test_refuses_what_is_no_conditions_or_field(self):
        with pytest.raises(ConditionsError, match="are no NetworkConditions"):
            Profile("x", {"latency_ms": 1})
        with pytest.raises(ConditionsError, match="assumed names no condition 'latency'"):
            Profile("x", NetworkConditions(), assumed=("latency",))


class TestFiles:
    def write(self, folder, name, text):
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def test_a_yaml_file_is_a_profile_named_after_itself(self, tmp_path):
        path = self.write(
            tmp_path,
            "canyon.yaml",
            "extends: rover_24_nlos\nsentence: Ours.\nsource: measured on 3 May\n"
            "conditions:\n  latency_ms: 12\n  loss_model: {kind: gilbert_elliott, mean_burst: 7}\n",
        )
        made = profile(path)
        assert (made.name, made.sentence, made.source) == ("canyon", "Ours.", "measured on 3 May")
        assert made.conditions.latency_ms == 12
        assert made.conditions.loss.mean_burst == 7
        assert made.conditions.outage == PROFILES["rover_24_nlos"].conditions.outage
        assert "loss_model" not in made.assumed
        assert profile(str(path)) == made

    def test_what_to_dict_gives_can_be_saved_as_json_and_read(self, tmp_path):
        made = profile("starlink").replace(name="mine", latency_ms=31)
        path = self.write(tmp_path, "mine.json", json.dumps(made.to_dict()))
        assert profile(path) == made

    def test_files_extend_each_other_but_not_in_circles(self, tmp_path):
        self.write(tmp_path, "a.yaml", "extends: b.yaml\nconditions: {jitter_ms: 3}\n")
        b = self.write(tmp_path, "b.yaml", "extends: lte\n")
        assert profile(tmp_path / "a.yaml").conditions.jitter_ms == 3
        b.write_text("extends: a.yaml\n")
        with pytest.raises(FormatError, match="round in a circle"):
            profile(b)

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("a.yaml", "conditions: {latency_ms: -1}", r"a\.yaml: latency_ms=-1 is not a number"),
            ("a.yaml", "conditions: {latncy_ms: 1}", r"a\.yaml: .*did you mean 'latency_ms'"),
            ("a.yaml", "condtions: {}", r"a\.yaml: no key 'condtions'; did you mean 'conditions'"),
            ("a.yaml", "extends: lto", r"a\.yaml: no profile to extend 'lto'; did you mean 'lte'"),
            ("a.yaml", "conditions: 5", r"a\.yaml: conditions=5 is not a mapping"),
            ("a.yaml", "- 1", r"a\.yaml: holds list, not a mapping"),
            ("a.yaml", "a: [1\nb: 2", r"a\.yaml: not YAML at line 2"),
            ("a.json", '{"name": }', r"a\.json: not JSON at line 1 column 10"),
            ("a.json", '{"conditions": {"loss_model": "gilbrt"}}', r"a\.json: .*no loss kind"),
            (
                "a.yaml",
                "conditions: {loss_model: {kind: gilbert_elliott, burst: 3}}",
                r"a\.yaml: loss 'gilbert_elliott' has no field 'burst'; did you mean 'mean_burst'",
            ),
            ("a.yaml", "assumed: [latency]", r"a\.yaml.*: assumed names no condition 'latency'"),
        ],
    )
    def test_errors_name_the_file_the_field_and_the_fix(self, tmp_path, name, text, words):
        with pytest.raises((ConditionsError, FormatError, UnknownNameError), match=words):
            profile(self.write(tmp_path, name, text))

    def test_numbers_with_exponents_are_numbers(self, tmp_path):
        path = self.write(tmp_path, "a.yaml", "conditions: {latency_ms: 1e2, jitter_ms: 2.5e-1}")
        assert (profile(path).conditions.latency_ms, profile(path).conditions.jitter_ms) == (
            100.0, 0.25,
        )  # fmt: skip

    def test_control_characters_are_no_yaml(self, tmp_path):
        with pytest.raises(FormatError, match=r"a\.yaml: not YAML"):
            profile(self.write(tmp_path, "a.yaml", "name: \x00"))

    def test_a_missing_file_is_said_to_be_missing(self, tmp_path):
        with pytest.raises(FormatError, match=r"none\.yaml: no such file"):
            profile(tmp_path / "none.yaml")
