"""Impairments: one small file each, behind the contract of :mod:`wsim.impairments.base`."""

from wsim.impairments import constant_rate, independent_loss, normal, uniform
from wsim.impairments.base import (
    Jitter,
    Loss,
    LossState,
    Outage,
    OutageState,
    Rate,
    RateState,
    Sampler,
    Spec,
    kinds,
    spec_from,
)

__all__ = [
    "Jitter",
    "Loss",
    "LossState",
    "Outage",
    "OutageState",
    "Rate",
    "RateState",
    "Sampler",
    "Spec",
    "constant_rate",
    "independent_loss",
    "kinds",
    "normal",
    "spec_from",
    "uniform",
]
