"""General preference: each response is a vector, and which of two is better is read from their angle.

Zhang et al., "General Preference Modeling with Preference Representations for Aligning Language Models" (2024,
arXiv:2410.02197). A scalar reward orders all responses; this one can hold rock, paper and scissors.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ...batches import Batch
from ...optimise import Part
from ...recipes import RewardRecipe
from ...rows import PreferenceRow
from ..fast.likelihood import sigmoid
from ..fast.states import Pair
from ..interface import by_round_robin, sides
from ..lesson import Lesson
from .headed import Array, HeadedReward, logistic_weights
from .items import Micro, pair_items, prompt_places, steps_of

REFERENCES = 64  # training responses that a single response is held against where a scalar is demanded


def preference(first_n2k: torch.Tensor, second_n2k: torch.Tensor, gates_nk: torch.Tensor) -> torch.Tensor:
    """s(y₁ ≻ y₂) = v₁ᵀ R v₂, [n], where R = diag(g₁, …, g_k) ⊗ [[0, -1], [1, 0]]. Zhang et al. 2024, equation 5.

    Skew-symmetric: s(y₁ ≻ y₂) = -s(y₂ ≻ y₁), so a response never beats itself.
    """
    first, second = (vectors.view(*vectors.shape[:-1], -1, 2) for vectors in (first_n2k, second_n2k))
    turned = first[..., 1] * second[..., 0] - first[..., 0] * second[..., 1]  # [n, k]
    return torch.as_tensor((gates_nk * turned).sum(-1))


class GeneralPreference(HeadedReward):
    """The classifier's 2k logits, L2-normalised, are a response's vector; ``extra`` holds the prompt's gates [k, D] and
    the vectors of reference responses [m, 2k].

    Where a scalar is demanded, it is the log-odds of the mean win probability against those references, which are a
    sample of the training responses: it orders the responses to a prompt, and loses what a cycle says. ``stand``
    holds responses against each other instead.
    """

    def vectors(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors [n, 2k] of unit length, and the prompts' gates [n, k], which sum to one."""
        states = self.states(batch)
        vectors = F.normalize(self.head(states[batch.end_S]).float(), dim=-1)
        asked = states[prompt_places(batch)]  # a causal backbone: no response is seen there
        return vectors, (asked @ self.extra["gates"].T).float().softmax(-1)

    @property
    def width(self) -> int:
        """A vector [2k] and its prompt's gates [k]."""
        return int(self.about["embedding_size"]) * 3 // 2

    def summarise(self, pairs: Sequence[Pair]) -> Array:
        """Vectors and gates [n, 3k]. One pass over the responses, however many comparisons follow."""
        return self.over(pairs, lambda batch: torch.cat(self.vectors(batch), dim=-1))

    def compare(self, first: Array, second: Array) -> Array:
        """σ(s(y₁ ≻ y₂) / τ), [n]. Both responses of a pair answer one prompt."""
        vectors, gates = self._parts(first)
        others, _ = self._parts(second)
        return sigmoid(preference(vectors, others, gates).numpy() / float(self.about["tau"]))

    def stand(self, seen: Array, prompt: NDArray[np.int64]) -> Array:
        """By round robin [n]: the scalar would rank by the references, and lose what a cycle says."""
        return by_round_robin(self.compare, seen, prompt)

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Log-odds [n] of the mean win probability against the references."""
        vectors, gates = self._parts(self.summarise(pairs))
        references = self.extra["references"].detach().cpu().double()
        against = preference(vectors[:, None], references[None], gates[:, None]).numpy()  # [n, m]
        return _log_odds(sigmoid(against / float(self.about["tau"])).mean(1))

    def _parts(self, seen: Array) -> tuple[torch.Tensor, torch.Tensor]:
        told, size = torch.from_numpy(seen), int(self.about["embedding_size"])
        return told[..., :size], told[..., size:]


def _log_odds(share: Array) -> Array:
    inside = np.clip(share, 1e-9, 1.0 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def preference_part(model: GeneralPreference, micro: Micro[PreferenceRow], tau: float) -> Part:
    """-[p·log σ(s/τ) + (1-p)·log σ(-s/τ)], weights multiplied in. Zhang et al. 2024, equation 8."""
    vectors, gates = model.vectors(micro.batch)
    logit = preference(vectors[0::2], vectors[1::2], gates[0::2]) / tau
    p = torch.tensor([row.p for row in micro.labels], device=logit.device)
    weight = torch.tensor([row.weight for row in micro.labels], device=logit.device)
    losses = -weight * (p * F.logsigmoid(logit) + (1.0 - p) * F.logsigmoid(-logit))
    right = ((logit > 0) == (p > 0.5)).float() * weight
    return Part(losses.sum(), float(weight.sum()), {"rewards/accuracy": float(right.sum())})


def train_general_preference(lesson: Lesson) -> GeneralPreference:
    """One member, begun where the logistic solution is: its first plane holds what one scalar can say."""
    recipe = lesson.recipe
    model = fresh(lesson, recipe)
    start_from_plane(model, lesson.train, lesson.settings.seed)

    def loss(trained: GeneralPreference, micro: Micro[PreferenceRow]) -> Part:
        return preference_part(trained, micro, recipe.tau)

    steps = steps_of(model, pair_items(lesson.train), lesson.settings)
    lesson.fit(model, steps, loss, lesson.judging(model))
    _refer(model, lesson.train, lesson.settings.seed)
    return model


def fresh(lesson: Lesson, recipe: RewardRecipe) -> GeneralPreference:
    """A model that prefers nothing yet; its gates are even, and stay so without ``prompt_gates``."""
    about = {
        "method": "general_preference",
        "max_length": recipe.max_length,
        "embedding_size": recipe.embedding_size,
        "tau": recipe.tau,
    }
    width = int(lesson.policy.model.config.hidden_size)
    model = GeneralPreference.from_policy(
        lesson.policy,
        recipe.embedding_size,
        about,
        gates=torch.zeros(recipe.embedding_size // 2, width),
        references=torch.zeros(REFERENCES, recipe.embedding_size),
    )
    model.extra["gates"].requires_grad_(recipe.prompt_gates)
    return model


def start_from_plane(model: GeneralPreference, rows: Sequence[PreferenceRow], seed: int) -> None:
    """Begin as the logistic solution u in the first plane, (1, u), whose preference grows with u₁ - u₂.

    The other planes begin small and random, without what all states share: else all vectors would point one way, and
    parallel vectors have neither a preference nor a gradient worth the name.
    """
    first, second = sides(rows)
    states = model.last_states([*first, *second])
    difference = states[: len(rows)] - states[len(rows) :]
    shared = states.mean(0)
    shared /= float(np.linalg.norm(shared)) ** 2 or 1.0
    weights = 0.1 * np.random.default_rng(seed).standard_normal(tuple(model.head.weight.shape))
    weights /= float(np.sqrt((states - states.mean(0)).var(0).sum())) or 1.0
    weights -= np.outer(weights @ states.mean(0), shared)
    weights[0] = shared
    utility = logistic_weights(difference, [row.p for row in rows], [row.weight for row in rows])
    weights[1] = utility - float(utility @ states.mean(0)) * shared
    with torch.no_grad():
        model.head.weight.copy_(torch.tensor(weights))


def _refer(model: GeneralPreference, rows: Sequence[PreferenceRow], seed: int) -> None:
    """Keep the vectors of a sample of the training responses, with repetition where there are few."""
    every = [pair for side in sides(rows) for pair in side]
    chosen = np.random.default_rng(seed).choice(len(every), REFERENCES, replace=len(every) < REFERENCES)
    vectors, _ = model._parts(model.summarise([every[place] for place in chosen]))
    with torch.no_grad():
        model.extra["references"].copy_(vectors)
