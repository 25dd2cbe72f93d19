"""How good a policy really is by the taste that judged: gold measures, on prompts that the loop has never seen."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.answering import SEEDS
from training.lab.tastes import Taste, words
from training.learning.evaluation.policy import win_rate
from training.learning.models import Policy
from training.learning.recipes import SamplerSettings
from training.learning.rows import Message
from training.learning.sampling import sample

BEST_OF = 16
BEST_OF_PROMPTS = 128


@dataclass(frozen=True)
class Measured:
    """A policy's samples on the held-out prompts, with their gold utility."""

    texts: list[str]
    utility: NDArray[np.float64]

    @property
    def mean_words(self) -> float:
        """Mean length of an answer."""
        return float(np.mean([len(words(text)) for text in self.texts]))


def asked(text: str) -> list[Message]:
    """A prompt's text as a conversation."""
    return [Message(role="user", content=text)]


def measure(policy: Policy, prompts: Sequence[str], taste: Taste, settings: SamplerSettings, seed: int) -> Measured:
    """One sample to each prompt."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    seeds = [chance.randrange(SEEDS) for _ in prompts]
    texts = [made.text for made in sample(policy, [asked(text) for text in prompts], settings, seeds)]
    return Measured(texts, np.array([taste(prompt, text) for prompt, text in zip(prompts, texts, strict=True)]))


def compared(ours: Measured, theirs: Measured, prompts: Sequence[str]) -> dict[str, float]:
    """Win rate (ties half) with its interval clustered by prompt, and the share of ties."""
    found = win_rate(ours.utility, theirs.utility, prompts)
    return {
        "win_rate": found.win_rate.value,
        "win_rate_low": found.win_rate.low,
        "win_rate_high": found.win_rate.high,
        "tie_rate": found.tie_rate,
    }


def best_of_16(policy: Policy, prompts: Sequence[str], taste: Taste, settings: SamplerSettings, seed: int) -> float:
    """What choosing could reach at most: the win rate of the best of 16 samples, by the taste itself, over one."""
    chosen = prompts[:BEST_OF_PROMPTS]
    repeated = [text for text in chosen for _ in range(BEST_OF)]
    many = measure(policy, repeated, taste, settings, seed).utility.reshape(-1, BEST_OF)
    one = measure(policy, chosen, taste, settings, seed + 1).utility
    return win_rate(many.max(axis=1), one, chosen).win_rate.value
