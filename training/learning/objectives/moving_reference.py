"""TR-DPO: a reference that follows the policy while it trains.

Gorbatovski et al. 2024, "Learn Your Reference Model for Real Good Alignment", arXiv:2404.09656, equations 5 and 6.
"""

import copy
import math
from typing import Any

import torch

from ..models import merged_state
from ..recipes import ObjectiveDials, PolicyRecipe


def refuse_still(recipe: PolicyRecipe, rows: int) -> None:
    """Raise ValueError in words when a round ends before its reference would move, with ``rows`` pairs of people's."""
    people = min(rows, recipe.n_people or rows)
    pairs = people + recipe.n_prompts if 0.0 < recipe.model_pairs_share < 1.0 else people
    if recipe.model_pairs_share == 1.0:
        pairs = max(people, recipe.n_prompts)  # people's where no fresh pair is sure
    steps = math.ceil(max(1, round(pairs * recipe.optim.num_train_epochs)) / recipe.optim.batch_size)
    if recipe.sync_ref_model and steps < recipe.ref_model_sync_steps:
        raise ValueError(
            f"sync_ref_model would move the reference every {recipe.ref_model_sync_steps} steps, and a round has at "
            f"most {steps}: lower ref_model_sync_steps"
        )


class MovingReference:
    """A frozen copy of the reference that takes in the policy's weights every ``ref_model_sync_steps`` steps.

    θ_ref ← α·θ + (1 − α)·θ_ref with α = ``ref_model_mixup_alpha``: soft below 1, hard at 1. TRL's names and rule
    (``sync_ref_model``). A policy with adapters is taken as if they were merged, which TRL refuses. It is part of a
    run's state: ``optimise`` saves and resumes it as its companion. Every round begins from the incumbent. What it
    says of a response holds until it moves, so nothing of it is cached, and every step pays for a pass of it.
    """

    def __init__(self, reference: Any, policy: Any, dials: ObjectiveDials) -> None:
        """``reference`` and ``policy`` are models of one architecture; the first is copied, not changed."""
        self.model = copy.deepcopy(reference).requires_grad_(False).eval()
        self.policy = policy
        self.share = dials.ref_model_mixup_alpha
        self.every = dials.ref_model_sync_steps

    def state(self) -> dict[str, torch.Tensor]:
        """Its weights by name; tied ones once."""
        return dict(self.model.named_parameters())

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        """Take the policy in when its step comes (they count from 1)."""
        if step % self.every:
            return
        now = merged_state(self.policy)
        for name, weight in self.model.named_parameters():
            weight.mul_(1.0 - self.share).add_(now[name].to(weight.dtype), alpha=self.share)
