"""fit_profile: what a known link did is found again in its log."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wsim import PROFILES, NetworkConditions, Traffic, fit_profile, load, simulate
from wsim.channel import Channel
from wsim.errors import ColumnsError
from wsim.fitting import goodness_of_fit
from wsim.fitting.delays import product_limit_quantiles
from wsim.fitting.logs import read_logs
from wsim.profiles import profile

COUNT = 20_000
DATA = Path(__file__).parents[1] / "data"
QUIET = NetworkConditions(latency_ms=40, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0)


def log(conditions, *, gap_s=0.05, sizes=(120,), irregular=False, direction="inbound", seed=5):
    """Return the frame that a link under these conditions would leave."""
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(gap_s, COUNT) if irregular else np.full(COUNT, gap_s)
    times = np.rint(np.cumsum(gaps) * 1e9).astype(np.int64)
    size = rng.choice(sizes, COUNT)
    found = Channel(conditions, seed=seed, direction=direction).send_many(times, size)
    delay = np.where(found.dropped, np.nan, (found.delivered_ns - times) / 1e6)
    return pd.DataFrame(
        {"sent_s": times / 1e9, "latency_ms": delay, "direction": direction, "size_bytes": size}
    )


def ks(conditions, frame):
    return goodness_of_fit(conditions, read_logs(frame, "inbound"))["ks"]


@pytest.mark.parametrize(
    "name", ["lan", "default", "wifi_home", "wifi_congested", "lte", "starlink", "geo", "moon_ops"]
)
def test_delays_of_the_profiles_are_found_again(name):
    conditions = PROFILES[name].conditions.replace(disconnect_rate=0)
    fitted = fit_profile(log(conditions)).conditions
    fresh = log(conditions, seed=99)  # not the log it was fitted to
    assert ks(fitted, fresh) < max(0.06, 1.5 * ks(conditions, fresh))
    assert fitted.packet_loss_rate == pytest.approx(conditions.packet_loss_rate, rel=0.4, abs=0.001)


def test_a_fixed_delay_stays_fixed():
    fitted = fit_profile(log(QUIET)).conditions
    assert fitted.latency_ms == pytest.approx(40.0, abs=0.02)
    assert fitted.jitter.is_fixed(fitted.jitter_ms)
    assert fitted.packet_loss_rate == 0
    assert fitted.outage is None


@pytest.mark.parametrize("burst", [3, 8])
def test_bursts_of_loss_are_found_again(burst):
    model = {"kind": "gilbert_elliott", "mean_burst": burst}
    fitted = fit_profile(log(QUIET.replace(packet_loss_rate=0.05, loss_model=model))).conditions
    assert fitted.packet_loss_rate == pytest.approx(0.05, rel=0.2)
    assert fitted.loss.mean_burst == pytest.approx(burst, rel=0.2)
    assert fitted.outage is None


def test_independent_loss_is_not_taken_for_bursts():
    fitted = fit_profile(log(QUIET.replace(packet_loss_rate=0.2))).conditions
    assert fitted.loss.kind == "bernoulli"
    assert fitted.packet_loss_rate == pytest.approx(0.2, abs=0.012)


@pytest.mark.parametrize("rho", [0.3, 0.8])
def test_the_correlation_by_message_is_found_again(rho):
    link = QUIET.replace(jitter_ms=4, jitter_correlation=rho)
    fitted = fit_profile(log(link)).conditions
    assert fitted.jitter_correlation == pytest.approx(rho, abs=0.03)
    assert fitted.jitter_memory_s == 0


def test_the_memory_in_seconds_is_found_again():
    link = QUIET.replace(jitter_ms=2, jitter_memory_s=0.2)
    fitted = fit_profile(log(link, irregular=True)).conditions
    assert fitted.jitter_memory_s == pytest.approx(0.2, rel=0.25)


@pytest.mark.parametrize("mbps", [0.5, 2.0])
def test_the_rate_is_found_again_and_taken_off_the_delays(mbps):
    link = QUIET.replace(bandwidth_mbps=mbps, jitter_ms=4, jitter_correlation=0.6)
    frame = log(link, sizes=(120, 120, 300, 1500))
    fitted = fit_profile(frame).conditions
    assert fitted.bandwidth_mbps == pytest.approx(mbps, rel=0.1)
    assert fitted.jitter_correlation == pytest.approx(0.6, abs=0.06)
    assert ks(fitted, frame) < 0.03


def test_one_size_says_nothing_of_the_rate():
    assert fit_profile(log(QUIET.replace(bandwidth_mbps=2))).conditions.bandwidth_mbps is None


@pytest.mark.parametrize("effect", ["drop", "hold"])
def test_outages_are_found_again(effect):
    outage = {"kind": "renewal", "mean_up_s": 20, "mean_down_s": 3, "down": "fixed"}
    link = QUIET.replace(outage={**outage, "effect": effect}, jitter_ms=2, packet_loss_rate=0.01)
    frame = log(link)
    fitted = fit_profile(frame).conditions
    assert fitted.outage.effect == effect
    assert fitted.outage.mean_down_s == pytest.approx(3, rel=0.1)
    assert fitted.outage.mean_up_s == pytest.approx(20, rel=0.4)
    assert fitted.packet_loss_rate == pytest.approx(0.01, rel=0.3)
    assert fitted.outage.down == "fixed"


def test_silence_of_the_sender_is_no_outage():
    frame = log(QUIET)
    quiet = frame[(frame.sent_s < 100) | (frame.sent_s > 160)]
    assert fit_profile(quiet).conditions.outage is None


def test_both_directions_make_one_profile():
    there = log(QUIET.replace(packet_loss_rate=0.1))
    back = log(QUIET.replace(latency_ms=90), direction="outbound")
    fitted = fit_profile(pd.concat([there, back]), name="field day")
    assert fitted.name == "field day"
    down = fitted.conditions.for_direction("outbound")
    assert (down.latency_ms, down.packet_loss_rate) == (pytest.approx(90, abs=0.02), 0)
    assert fitted.conditions.packet_loss_rate == pytest.approx(0.1, abs=0.01)
    assert profile(fitted.to_dict()) == fitted


def test_the_goodness_of_the_fit_is_stated():
    fitted = fit_profile(log(QUIET.replace(packet_loss_rate=0.05, jitter_ms=3)))
    assert "inbound: 20000 messages" in fitted.source
    assert "Kolmogorov-Smirnov distance of the delays 0.0" in fitted.source
    assert "loss 4.9" in fitted.source or "loss 5." in fitted.source


def test_a_simulated_history_can_be_fitted():
    link = NetworkConditions(latency_ms=60, jitter_ms=8, packet_loss_rate=0.03, disconnect_rate=0)
    traffic = Traffic.periodic("driveCommands", 50, size_bytes=120)
    frame = simulate(traffic, link, duration_s=120, seed=4, clients=2)
    fitted = fit_profile(frame).conditions
    assert fitted.packet_loss_rate == pytest.approx(0.03, rel=0.2)
    fresh = simulate(traffic, fitted, duration_s=120, seed=5)
    q = [0.1, 0.5, 0.9, 0.99]
    assert fresh.latency_ms.quantile(q).to_numpy() == pytest.approx(
        frame.latency_ms.quantile(q).to_numpy(), rel=0.03
    )


def test_cuts_are_counted_per_message():
    link = NetworkConditions(latency_ms=20, jitter_ms=0, packet_loss_rate=0, disconnect_rate=0.01)
    traffic = Traffic.periodic("driveCommands", 50, size_bytes=120)
    frame = simulate(traffic, link, duration_s=200, seed=4)
    assert fit_profile(frame).conditions.disconnect_rate == pytest.approx(0.01, rel=0.35)


def test_a_log_of_one_side_is_fitted_from_its_round_trips():
    there = log(QUIET.replace(jitter_ms=6, jitter_model="gamma", reorder=True))
    one_sided = there.assign(round_trip_ms=there.latency_ms + 40, latency_ms=np.nan, fate="unknown")
    fitted = fit_profile(one_sided)
    assert "fitted to round trips" in fitted.source
    inbound, outbound = (fitted.conditions.for_direction(d) for d in ("inbound", "outbound"))
    half = one_sided.round_trip_ms.min() / 2
    assert outbound.latency_ms == pytest.approx(half)
    u = (np.arange(20_000) + 0.5) / 20_000
    there_ms = inbound.jitter.sampler(inbound.latency_ms, inbound.jitter_ms)(u)
    q = [0.1, 0.5, 0.9, 0.99]
    assert np.quantile(there_ms + half, q) == pytest.approx(
        one_sided.round_trip_ms.quantile(q).to_numpy(), rel=0.02
    )


def test_the_field_log_that_comes_along_can_be_fitted():
    fitted = fit_profile(load(DATA / "field_log.har"))
    assert "fitted to round trips" in fitted.source
    assert 20 < fitted.conditions.latency_ms < 60


def test_product_limit_undoes_the_censoring():
    rng = np.random.default_rng(3)
    values, bounds = rng.normal(50, 10, 60_000), rng.normal(45, 15, 60_000)
    q = (0.1, 0.25, 0.5, 0.75, 0.9)
    got = product_limit_quantiles(np.maximum(values, bounds), values > bounds, q)
    assert got == pytest.approx(stats.norm.ppf(q, 50, 10), rel=0.01)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"sent_s": [1.0], "direction": ["inbound"]}), "no column latency_ms"),
        (
            pd.DataFrame({"sent_s": [1.0], "latency_ms": [2.0], "direction": ["inbound"]}),
            "too few messages to fit a profile: of 1",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(frame, words):
    with pytest.raises(ColumnsError, match=words):
        fit_profile(frame)
