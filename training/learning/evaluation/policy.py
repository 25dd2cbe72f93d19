"""How a policy compares: win rate clustered by prompt, and its sequence KL from an anchor."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import Estimate, clustered_mean

Array = NDArray[np.float64]


@dataclass(frozen=True)
class WinRate:
    """Wins + ½ ties of one policy against another, its interval clustered by prompt, and the share of ties."""

    win_rate: Estimate
    tie_rate: float


def win_rate(ours: ArrayLike, theirs: ArrayLike, prompts: Sequence[Hashable]) -> WinRate:
    """From [n] utilities of each side's response to [n] prompts; equal utilities are ties."""
    difference = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    tied = np.abs(difference) < 1e-9
    outcome = np.where(tied, 0.5, difference > 0)
    return WinRate(clustered_mean(outcome, prompts), float(tied.mean()))


@dataclass(frozen=True)
class SequenceKL:
    """KL(policy ‖ anchor) over whole responses in nats, with its standard error and the number of samples."""

    kl: float
    standard_error: float
    n: int


FEWEST_SAMPLES = 256


def sequence_kl(policy_logprobs: ArrayLike, anchor_logprobs: ArrayLike) -> SequenceKL:
    """Monte Carlo over samples of the policy: the mean of log π(y|x) - log anchor(y|x), each [n] sums over tokens.

    Unbiased; it may come out below 0 when the true value is near 0. Samples must be fresh ones of the policy, drawn
    at temperature 1 without cuts, else it is the KL of something else. Raises ValueError below 256 of them.
    """
    ratio = np.asarray(policy_logprobs, dtype=np.float64) - np.asarray(anchor_logprobs, dtype=np.float64)
    if len(ratio) < FEWEST_SAMPLES:
        raise ValueError(f"a KL is measured on at least {FEWEST_SAMPLES} fresh samples, not {len(ratio)}")
    return SequenceKL(float(ratio.mean()), float(ratio.std(ddof=1) / np.sqrt(len(ratio))), len(ratio))
