"""Objectives on scores: pairs drawn by how far their scores lie apart, and offline reinforcement learning."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional as F

from ..lists import RankedList
from ..recipes import ObjectiveDials
from .ranked import ListObjective, ListTerms


def drawn_pairs(lists: Sequence[RankedList], seed: int) -> list[RankedList]:
    """k // 2 pairs of each list of k, drawn with probabilities ∝ (s_w − s_l)³, the better response first.

    Each weighs its share of the list. A list of equal scores gives none. The same seed draws the same pairs.
    """
    noise = np.random.default_rng(seed)
    found: list[RankedList] = []
    for ranked in lists:
        score_K = np.array(ranked.scores)
        apart_KK = np.maximum(score_K[:, None] - score_K, 0.0) ** 3
        count, u_C = len(score_K) // 2, noise.random(len(score_K) // 2)
        if not apart_KK.any():
            continue
        places_C = np.searchsorted(apart_KK.cumsum(), u_C * apart_KK.sum(), side="right")
        for place in places_C.tolist():
            better, worse = divmod(place, len(score_K))
            scores = (float(score_K[better]), float(score_K[worse]))
            responses = (ranked.responses[better], ranked.responses[worse])
            weight = ranked.weight / count
            found.append(RankedList(ranked.prompt, responses, (1, 2), scores, 1.0, weight, ranked.source))
    return found


def score_dpo_loss(terms: ListTerms, dials: ObjectiveDials) -> torch.Tensor:
    """−log σ(s_w·r_w − (1 − s_l)·r_l) with r = β·log-ratio: [G], of drawn pairs.

    Wang et al. 2025, "ScoreFlow", arXiv:2502.04306, with f(x) = x. Scores 1 and 0, a certain label's, are DPO; scores
    of ½ are DPO at β/2, and no other constant is DPO, though the paper says so of any.
    """
    reward_GK = dials.beta * terms.ratio_GK
    won_G = terms.score_GK[:, 0] * reward_GK[:, 0]
    return -F.logsigmoid(won_G - (1.0 - terms.score_GK[:, 1]) * reward_GK[:, 1])


SCORE_DPO = ListObjective("score_dpo", score_dpo_loss, ("beta",), scores=True, prepare=drawn_pairs)


@dataclass(frozen=True)
class Example:
    """A response to learn the likelihood of, with its score and a weight."""

    ranked: RankedList
    place: int
    score: float
    weight: float


def filtered(lists: Sequence[RankedList], dials: ObjectiveDials) -> list[Example]:
    """What scores at least ``score_threshold``, with the weight of its list."""
    return [one for one in _examples(lists) if one.score >= dials.score_threshold]


def reward_weighted(lists: Sequence[RankedList], dials: ObjectiveDials) -> list[Example]:
    """Every response with the weight k·softmax(score/β) within its list, which is 1 on average.

    Normalised per prompt, so that of samples of π_ref the optimum is π_ref·exp(score/β)/Z, whatever Z a prompt has.
    """
    found = []
    for ranked in lists:
        odds = np.exp((np.array(ranked.scores) - max(ranked.scores or (0.0,))) / dials.beta)
        share = len(odds) * odds / odds.sum()
        mine = zip(_examples([ranked]), share.tolist(), strict=True)
        found += [replace(one, weight=one.weight * part) for one, part in mine]
    return found


def conditioned(lists: Sequence[RankedList], dials: ObjectiveDials) -> list[Example]:
    """Every response with the weight of its list; its score goes into the prompt."""
    return _examples(lists)


def _examples(lists: Sequence[RankedList]) -> list[Example]:
    return [
        Example(ranked, place, score, ranked.weight)
        for ranked in lists
        for place, score in enumerate(ranked.scores or ())
    ]


@dataclass(frozen=True)
class OfflineObjective:
    """Fine-tuning on scored responses. Hu et al. 2023, "Aligning Language Models with Offline Reinforcement Learning
    from Human Feedback", arXiv:2308.12050.

    ``offline_mode`` filtered: the likelihood of what scores at least ``score_threshold``; weighted: of everything, by
    exp(score/β); decision_transformer: of everything, each response to its prompt with ``score=<its score>`` before
    it. The policy that this last one trains is one that answers with ``score=1.0`` before every prompt: its chat
    template writes it, from its first training on, in the run's own samples and measurements and in the directory
    that it saves (``scored_prompts``).
    """

    key: str = "offline_rl_alignment"

    @property
    def read(self) -> set[str]:
        """The dials that it reads."""
        return {"offline_mode", "score_threshold", "beta", "strength_weight"}

    def examples(self, lists: Sequence[RankedList], dials: ObjectiveDials) -> list[Example]:
        """What is learned. Raises ValueError in words where the lists have no scores, or none of them passes."""
        if any(ranked.scores is None for ranked in lists):
            raise ValueError(f"{self.key} reads scores, and some lists have ranks only: score them")
        found = MODES[dials.offline_mode](lists, dials)
        if not found:
            raise ValueError(f"no response scores {dials.score_threshold} or more: lower score_threshold")
        return found


MODES = {"filtered": filtered, "weighted": reward_weighted, "decision_transformer": conditioned}
OFFLINE = OfflineObjective()
