"""What a policy in training is watched by: prompts of the inner validation share, never the held-out side.

At each look the policy answers every validation prompt once. Of those answers: how probably a person prefers them to
the incumbent's (the reward model's word), KL from the incumbent and from the anchor, and the entropy over the likeliest
tokens. Of fixed pairs of the incumbent's answers, which no training sees: the likelihoods of the better and the worse
one apart, the implicit reward's margin, and the share of pairs that it orders as the reward model does.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from .batches import collate, fill
from .logprobs import layout, response_logprobs, top_entropies
from .models import Policy
from .online.best_against_worst import answer
from .online.ranking import Ranker
from .online.rollouts import Rollout, rollouts, seed_of
from .recipes import PolicyRecipe
from .rows import Message
from .watch import Watch

Array = NDArray[np.float64]
LOOKS = 4  # within a run's first epoch, at least
TOP_K = 20  # tokens that the entropy is taken over
ENTROPY_OF = 32  # answers, of some forty tokens each: enough for two digits
TOKEN_BUDGET = 8192


@dataclass(frozen=True)
class LabelledPairs:
    """Two of the incumbent's answers to each prompt: log-probabilities under it [n, 2], and which is the better."""

    tokens: list[tuple[tuple[int, ...], tuple[int, ...]]]
    prompts: list[list[Message]]
    incumbent_n2: Array
    p_n: Array


@dataclass
class Monitor:
    """Measures ``policy`` when called; ``step`` names the files in ``work`` that make a look repeatable."""

    policy: Policy
    incumbent: Policy
    anchor: Policy  # the incumbent itself where it is the anchor
    ranker: Ranker
    prompts: list[list[Message]]
    recipe: PolicyRecipe
    work: Path

    def __call__(self, step: float) -> dict[str, float]:
        """One look. ``quality`` is what the best checkpoint is chosen by.

        It is ``win_probability``, in which a response that was cut counts 0, or -1 for a policy beyond ``max_kl``.
        """
        began = time.monotonic()
        drawn = self._samples(self.policy, f"{step:g}")
        won_n = self._won(drawn)
        kl_n = np.array(log_ratios(self.incumbent, self.prompts, drawn))
        from_anchor = float(self._kl_from_anchor(drawn, kl_n).mean())
        beyond = 0.0 < self.recipe.max_kl < from_anchor
        return {
            "quality": -1.0 if beyond else float(won_n.mean()),
            "win_probability": float(won_n.mean()),
            "win_probability_se": _standard_error(won_n),
            "kl_from_incumbent": float(kl_n.mean()),
            "kl_se": _standard_error(kl_n),
            "kl_from_anchor": from_anchor,
            "entropy": self._entropy(drawn[:ENTROPY_OF]),
            "ended": float(np.mean([one.stopped for one in drawn])),
            "mean_tokens": float(np.mean([len(one.token_ids) for one in drawn])),
            **self._ranked(),
            "seconds": time.monotonic() - began,
        }

    def _samples(self, policy: Policy, name: str, draw: str = "validation") -> list[Rollout]:
        """One answer to each prompt; two draws of the incumbent differ as its answers do."""
        return rollouts(
            policy,
            self.prompts,
            self.recipe.sampler,
            each=1,
            seed=seed_of(self.recipe.seed, draw),
            path=self.work / f"validation-{name}.jsonl",
        )

    @cached_property
    def _theirs(self) -> list[Rollout]:
        return self._samples(self.incumbent, "incumbent")

    def _read(self, drawn: Sequence[Rollout]) -> Array:
        return self.ranker.read([(self.prompts[one.prompt], answer(one.text)) for one in drawn])

    @cached_property
    def _theirs_read(self) -> Array:
        return self._read(self._theirs)

    def _won(self, drawn: Sequence[Rollout]) -> Array:
        """Probability [n] that a person prefers each answer to the incumbent's; 0 where it was cut."""
        probability_n = self.ranker.probability(self._read(drawn), self._theirs_read)
        return np.where([one.stopped for one in drawn], probability_n, 0.0)

    def _kl_from_anchor(self, drawn: Sequence[Rollout], kl_n: Array) -> Array:
        if self.anchor is self.incumbent:
            return kl_n
        return np.array(log_ratios(self.anchor, self.prompts, drawn))

    def _entropy(self, drawn: Sequence[Rollout]) -> float:
        """Mean entropy in nats, over the tokens of the policy's answers, of its ``TOP_K`` likeliest tokens' share."""
        groups = [self.policy.text.group_of_tokens(self.prompts[one.prompt], [one.token_ids]) for one in drawn]
        shape, total, count = layout(self.policy.model), 0.0, 0
        with torch.no_grad():
            for chosen in fill(groups, shape, TOKEN_BUDGET):
                batch = collate([groups[index] for index in chosen], shape).to(self.policy.device)
                entropy_N = top_entropies(self.policy.model, batch, TOP_K)
                total, count = total + float(entropy_N.sum()), count + len(entropy_N)
        return total / max(count, 1)

    @cached_property
    def _pairs(self) -> LabelledPairs | None:
        """The incumbent's two answers to each prompt where both ended and differ, as the reward model orders them."""
        sides = self._theirs, self._samples(self.incumbent, "incumbent-again", "validation again")
        kept = [
            (first, second)
            for first, second in zip(*sides, strict=True)
            if first.stopped and second.stopped and first.token_ids != second.token_ids
        ]
        if not kept:
            return None
        seen = [self._read([pair[side] for pair in kept]) for side in (0, 1)]
        return LabelledPairs(
            [(first.token_ids, second.token_ids) for first, second in kept],
            [self.prompts[first.prompt] for first, _ in kept],
            np.array([[first.logprob, second.logprob] for first, second in kept]),
            self.ranker.probability(*seen),
        )

    def _ranked(self) -> dict[str, float]:
        """What the policy makes of the incumbent's pairs. Ties of the reward model count half in ``accuracy``."""
        pairs = self._pairs
        if pairs is None:
            return {}
        text = self.policy.text
        groups = [text.group_of_tokens(*pair) for pair in zip(pairs.prompts, pairs.tokens, strict=True)]
        found = response_logprobs(self.policy, groups, token_budget=TOKEN_BUDGET)
        ours_n2 = np.array([[float(values.sum()) for values in pair] for pair in found])
        better_n = (pairs.p_n < 0.5).astype(int)  # the place of the one that the reward model prefers
        rows = np.arange(len(better_n))
        gain_n2 = ours_n2 - pairs.incumbent_n2
        margin_n = self.recipe.beta * (gain_n2[rows, better_n] - gain_n2[rows, 1 - better_n])
        right_n = np.where((pairs.p_n == 0.5) | (margin_n == 0.0), 0.5, margin_n > 0.0)
        return {
            "logps_chosen": float(ours_n2[rows, better_n].mean()),
            "logps_rejected": float(ours_n2[rows, 1 - better_n].mean()),
            "margin": float(margin_n.mean()),
            "accuracy": float(right_n.mean()),
        }


def _standard_error(values_n: Array) -> float:
    return float(values_n.std(ddof=1) / math.sqrt(len(values_n))) if len(values_n) > 1 else math.inf


def log_ratios(other: Policy, prompts: Sequence[list[Message]], drawn: Sequence[Rollout]) -> list[float]:
    """log π(y|x) - log other(y|x) of responses that were sampled from π."""
    groups = [other.text.group_of_tokens(prompts[one.prompt], [one.token_ids]) for one in drawn]
    theirs = response_logprobs(other, groups)
    return [one.logprob - float(values[0].sum()) for one, values in zip(drawn, theirs, strict=True)]


def looks_per_epoch(rounds: int) -> int:
    """How often a round's first epoch is looked at, its end included, so that the run's has ``LOOKS`` or more."""
    return -(-LOOKS // rounds)


def patience(rounds: int) -> int:
    """How many looks without a better one are borne: two rounds, or a long round's first epoch."""
    return 2 if looks_per_epoch(rounds) == 1 else LOOKS


def looks(steps: int, epochs: float, rounds: int) -> set[int]:
    """After which of a round's ``steps`` to look, besides its end: parts of its first epoch, then each epoch's end."""
    first = steps / max(epochs, 1.0)
    parts = looks_per_epoch(rounds)
    inside = [round(first * part / parts) for part in range(1, parts)]
    ends = [round(first * epoch) for epoch in range(1, math.ceil(epochs))]
    return {step for step in (*inside, *ends) if 0 < step < steps}


def looking(watch: Watch, due: set[int], at: Callable[[int], float]) -> Callable[[int, dict[str, float]], bool]:
    """For ``optimise`` as ``enough``: looks after the steps that are due, each ``at`` a place in the run.

    What was seen joins the step's metrics.
    """

    def enough(step: int, metrics: dict[str, float]) -> bool:
        if step in due:
            metrics |= watched_metrics(watch.look(at(step)))
        return step in due and watch.enough(at(step))

    return enough


def watched_metrics(told: dict[str, float]) -> dict[str, float]:
    """A look as figures of a run."""
    return {f"watch/{name}": value for name, value in told.items() if name != "step"}
