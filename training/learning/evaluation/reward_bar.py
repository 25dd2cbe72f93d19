"""How much a few noisy labels teach: accuracy on clean held-out pairs, beside length-only and bag-of-words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..rewards.baselines import bag_of_words, length_only
from ..rewards.fast.features import FeatureModel
from ..rewards.fast.posterior import FastPosterior
from ..rows import Message, PreferenceRow
from .intervals import Estimate
from .reward import accuracy

Taste = Callable[[str, str], float]
AnsweredTwice = tuple[str, tuple[str, str]]  # a prompt and two responses


@dataclass(frozen=True)
class RewardBar:
    """Accuracies on the same ``pairs`` clean held-out pairs, by model."""

    posterior: Estimate
    length_only: Estimate
    bag_of_words: Estimate
    labels: int
    pairs: int


def reward_bar(
    features: FeatureModel,
    taste: Taste,
    train: Sequence[AnsweredTwice],
    held_out: Sequence[AnsweredTwice],
    *,
    flips: float = 0.10,
    seed: int = 0,
) -> RewardBar:
    """Label ``train`` by ``taste`` with a share of ``flips`` turned round, learn, and predict ``held_out``.

    Held-out pairs that the taste finds equal have no right answer and are left out. Raises ValueError when none is
    left.
    """
    toss = np.random.default_rng(seed)
    labelled = [_judged(taste, pair, turned=bool(toss.random() < flips)) for pair in train]
    clean = [row for pair in held_out if (row := _judged(taste, pair, turned=False)).p != 0.5]
    if not clean:
        raise ValueError("the taste finds both responses of every held-out pair equal: give it others to tell apart")
    truth = [row.p for row in clean]
    phi = features.features([(row.prompt, side) for row in [*labelled, *clean] for side in row.responses])
    gap = phi[0::2] - phi[1::2]
    fitted = FastPosterior.fit(gap[: len(labelled)], [row.p for row in labelled], dimension=gap.shape[1])
    return RewardBar(
        accuracy(fitted.predict(gap[len(labelled) :]).probability, truth),
        accuracy(length_only(labelled, clean), truth),
        accuracy(bag_of_words(labelled, clean), truth),
        len(labelled),
        len(clean),
    )


def _judged(taste: Taste, pair: AnsweredTwice, *, turned: bool) -> PreferenceRow:
    prompt, (first, second) = pair
    gap = taste(prompt, first) - taste(prompt, second)
    p = 0.5 if gap == 0 else float((gap > 0) != turned)
    return PreferenceRow(
        comparison_id=None,
        prompt=[Message(role="user", content=prompt)],
        responses=([Message(role="assistant", content=first)], [Message(role="assistant", content=second)]),
        response_ids=(None, None),
        p=p,
        strength=None,
        weight=1.0,
        source="simulation",
        judgment_ids=(),
    )
