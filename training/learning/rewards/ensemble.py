"""Reward models asked together, and reading back whichever model a directory holds."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..models import model_digest
from ..rows import Message, PreferenceRow
from .aggregate import aggregate, cautious_margin
from .fast.likelihood import sigmoid
from .fast.states import Pair
from .interface import SURE, RewardModel
from .loading import load_reward
from .places import member_place, member_places

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RewardEnsemble:
    """Members that are asked together: ``score`` gives [members, n].

    ``rule`` and ``uncertainty_weight`` say how they become one (``rewards.aggregate``). ``evaluation`` is a member that
    takes no part: what was optimised against the others is measured by it.
    """

    members: tuple[RewardModel, ...]
    rule: str = "mean"
    uncertainty_weight: float = 0.5
    evaluation: RewardModel | None = None

    def by(self, rule: str, uncertainty_weight: float) -> "RewardEnsemble":
        """The same members, asked by another rule."""
        return replace(self, rule=rule, uncertainty_weight=uncertainty_weight)

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards of (prompt, response) pairs: [members, n]."""
        return np.stack([member.score(pairs) for member in self.members])

    def utility(self, rewards_MN: Array, prompt_N: NDArray[np.int64]) -> Array:
        """What ``score`` gave of responses to the prompts ``prompt_N`` → [n], which orders those to one prompt."""
        return aggregate(rewards_MN, prompt_N, rule=self.rule, uncertainty_weight=self.uncertainty_weight)

    def summarise(self, pairs: Sequence[Pair]) -> Array:
        """What the members need to know of n responses to compare them, side by side: [n, all their widths]."""
        return np.concatenate([member.summarise(pairs) for member in self.members], axis=1)

    def standing(self, seen: Array, prompt_N: NDArray[np.int64]) -> Array:
        """How each response that was read stands among those to its prompt, by the rule: [n]. Of members without a
        reward of a single response, by what they say of pairs (``RewardModel.stand``)."""
        told = zip(self.members, self._own(seen), strict=True)
        return self.utility(np.stack([member.stand(own, prompt_N) for member, own in told]), prompt_N)

    def compared(self, first: Array, second: Array) -> Array:
        """Probability [n] by the rule that the first of two responses to one prompt, as they were read, is preferred;
        for labels to train a policy by."""
        sides = zip(self.members, self._own(first), self._own(second), strict=True)
        return self.together(np.stack([member.compare(one, other) for member, one, other in sides]))

    def _own(self, seen: Array) -> list[Array]:
        """Each member's part of what was read."""
        return np.split(seen, np.cumsum([member.width for member in self.members])[:-1], axis=1)

    def best_of(self, prompt: Sequence[Message], responses: Sequence[Sequence[Message]]) -> int:
        """Which of k responses to a prompt stands best by the ensemble's rule; the first of equals. Best of n:
        Stiennon et al. 2020, "Learning to summarize from human feedback", arXiv:2009.01325."""
        seen = self.summarise([(prompt, response) for response in responses])
        return int(np.argmax(self.standing(seen, np.zeros(len(responses), dtype=np.int64))))

    def together(self, probability_MN: Array) -> Array:
        """Members' probabilities [members, n] that the first is preferred → [n], for labels to train a policy by.

        By the mean rule their mean. By another rule the logistic function of their cautious log-odds: where the members
        doubt each other it comes out near one half, whichever side is first.
        """
        if self.rule == "mean":
            return np.asarray(probability_MN.mean(axis=0))
        sure_MN = np.clip(probability_MN, SURE, 1.0 - SURE)
        odds_MN = np.log(sure_MN) - np.log1p(-sure_MN)
        return sigmoid(cautious_margin(odds_MN, rule=self.rule, uncertainty_weight=self.uncertainty_weight))

    def probability(self, first: Sequence[Pair], second: Sequence[Pair]) -> Array:
        """Probability [n] that the first of two responses to one prompt is preferred: the members' mean, whatever the
        rule, which is for choosing and not for predicting: caution is no calibrated forecast."""
        return np.asarray(np.mean([member.probability(first, second) for member in self.members], axis=0))

    def judged(self, rows: Sequence[PreferenceRow]) -> Array:
        """Probability [n] that each row's first response is preferred: the members' mean."""
        return np.asarray(np.mean([member.judged(rows) for member in self.members], axis=0))

    def save(self, directory: Path, card: str) -> None:
        """The first member is the directory itself; the others lie in ``member-1``, ``member-2`` … within it, the
        evaluation member in ``evaluation``, and ``ensemble.json`` holds the rule."""
        for number, member in enumerate(self.members):
            member.save(member_place(directory, number), card)
        if self.evaluation is not None:
            self.evaluation.save(member_place(directory, None), card)
        rule = {"aggregate": self.rule, "uncertainty_weight": self.uncertainty_weight}
        (directory / "ensemble.json").write_text(json.dumps(rule), encoding="utf-8")

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> "RewardEnsemble":
        """Read what ``save`` wrote. Raises NoModel in words."""
        members = tuple(load_reward(place, device) for place in member_places(directory))
        beside = member_place(directory, None)
        evaluation = load_reward(beside, device) if beside.is_dir() else None
        path = directory / "ensemble.json"  # the first ensembles had none: they were averaged
        rule = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"aggregate": "mean"}
        weight = float(rule.get("uncertainty_weight", 0.5))
        return cls(members, str(rule["aggregate"]), weight, evaluation)


def ensemble_digest(directory: Path) -> str:
    """Names what ``save`` wrote, by the weights of every member and the rule: the same weights under another rule are
    another model. A lone member's digest is that of its weights. Raises NoModel without any."""
    others = sorted(member_places(directory)[1:])  # by name: the digests of ensembles that were saved already stay
    rule = (directory / "ensemble.json").read_bytes()
    told = model_digest(directory)
    if not others:
        return told
    whole = hashlib.sha256(told.encode() + rule)
    for place in others:
        whole.update(place.name.encode() + model_digest(place).encode())
    return whole.hexdigest()
