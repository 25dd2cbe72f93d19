"""HAF-RM: one backbone, a reward head and the policy's own head, each trained by its preference loss.

Liu et al., "HAF-RM: A Hybrid Alignment Framework for Reward Model Training" (2024, arXiv:2407.04185).
"""

from typing import Any

import torch
from torch.nn import functional as F

from ...batches import Batch
from ...devices import Compute, precision
from ...logprobs import response_logprobs, sequence_sums
from ...models import Policy
from ...optimise import Part
from ...recipes import RewardRecipe
from ...rows import PreferenceRow
from ..lesson import Lesson
from .headed import HeadedReward
from .items import Item, Micro, pair_items, steps_of
from .scalar import pair_part, start_from_items

Referred = tuple[PreferenceRow, tuple[float, float]]  # a row, and the reference's log-probability of each response


class HybridReward(HeadedReward):
    """A scalar reward; while it trains, the policy's output layer reads the same states. It is not saved."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.speaking: Any = None  # the policy's output layer

    def speak_like(self, policy: Policy) -> None:
        """Take the policy's backbone and output layer as one's own: trained together, and not by copies."""
        backbone = getattr(policy.model, policy.model.base_model_prefix)
        setattr(self.classifier, self.classifier.base_model_prefix, backbone)
        self.speaking = policy.model.get_output_embeddings()

    def logprobs(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        """log π(y|x), [S]: the sum over the response's tokens, in nats, from the states that predict them."""
        logits_NV = self.speaking(states[batch.predictor_N]).float()
        return sequence_sums(-F.cross_entropy(logits_NV, batch.target_N, reduction="none"), batch)


def hybrid_part(model: HybridReward, micro: Micro[Referred], recipe: RewardRecipe) -> Part:
    """L = -log σ(r_w - r_l) + a·L_DPO, with a = ``policy_weight`` and β = ``beta``. Liu et al. 2024, equation 6.

    Both terms take soft labels and weights. a = 0 is Bradley-Terry.
    """
    rows = [row for row, _ in micro.labels]
    states = model.states(micro.batch)
    rewards = model.head(states[micro.batch.end_S]).float()[:, 0]
    part = pair_part(rewards, rows, recipe)
    if not recipe.policy_weight:
        return part
    reference = torch.tensor([value for _, both in micro.labels for value in both], device=rewards.device)
    first, second = (model.logprobs(states, micro.batch) - reference).view(-1, 2).unbind(1)
    margin = recipe.beta * (first - second)
    p = torch.tensor([row.p for row in rows], device=rewards.device)
    weight = torch.tensor([row.weight for row in rows], device=rewards.device)
    dpo = -(weight * (p * F.logsigmoid(margin) + (1.0 - p) * F.logsigmoid(-margin))).sum()
    return Part(
        part.loss + recipe.policy_weight * dpo, part.count, {**part.metrics, "policy/loss": float(dpo.detach())}
    )


def train_hybrid(lesson: Lesson) -> HybridReward:
    """One member. The reference is the policy before its first step; the policy's head is dropped at the end."""
    recipe = lesson.recipe
    about = {"method": "hybrid_haf", "max_length": recipe.max_length}
    model = HybridReward.from_policy(lesson.policy, 1, about)
    items = referred_items(model, lesson.policy, lesson.train, lesson.compute)
    model.speak_like(lesson.policy)
    start_from_items(model, pair_items(lesson.train))

    def loss(trained: HybridReward, micro: Micro[Referred]) -> Part:
        return hybrid_part(trained, micro, recipe)

    lesson.fit(model, steps_of(model, items, lesson.settings), loss, lesson.judging(model))
    model.speaking = None
    return model


def referred_items(
    model: HybridReward, policy: Policy, rows: list[PreferenceRow], compute: Compute | None = None
) -> list[Item[Referred]]:
    """Pairs with the frozen reference's log-probabilities of what the model will read, in the precision that it will
    be trained in: else the two differ before the first step."""
    groups = [model.group(row.prompt, row.responses) for row in rows]
    with precision(compute):
        found = response_logprobs(policy, groups)
    sums = [[float(values.sum()) for values in both] for both in found]
    return [
        Item(row.prompt, tuple(row.responses), (row, (first, second)))
        for row, (first, second) in zip(rows, sums, strict=True)
    ]
