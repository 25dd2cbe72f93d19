"""Training a pairwise model with what keeps it honest: margins, a contrastive term, MetaRM, a stage without labels."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from ...batches import UNCUT, Batch, collate, training_steps
from ...objectives.steps import LazySteps
from ...online.rollouts import seed_of
from ...optimise import Part
from ...recipes import RewardRecipe
from ...robust_dials import RobustDials
from ...rows import PreferenceRow
from ..bradley_terry import Labels, labels_of, link_loss
from ..lesson import Lesson
from ..pairwise import PairwiseReward
from ..pairwise_lesson import fit_head, fit_ties
from ..reading import head, last_states, layout
from .bottleneck_lesson import learn_bottleneck
from .contrast import simcse, views
from .declared import DECLARED, check_names
from .meta import ascended, at_weights, spread
from .robust_rows import Material, materials
from .samples import Fresh, fresh_samples
from .shared_beginnings import shared_words, told_of_trees

# Every key is the same training; which dials are on is what makes it one method or another.
KEYS = (
    "ensemble_pretrain_seeds",
    "preference_strength",
    "barfi",
    "reward_on_policy",
    "tree_structured",
    "convex_da",
    "reward_fusion",
)
DIALS = tuple(dial.name for dial in fields(RobustDials) if not dial.name.startswith("feature"))
META_PROMPTS = 4  # whose samples the inner ascent of one micro-batch reads


@dataclass(frozen=True)
class Micro:
    """Pairs as a batch with labels and margins [n]; fresh samples for MetaRM; the seed of dropout's masks."""

    batch: Batch
    labels: Labels
    margin: torch.Tensor
    fresh: Batch | None
    seed: int


class Reader(torch.nn.Module):
    """A reward model whose states are read beside its rewards."""

    def __init__(self, model: PairwiseReward) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Rewards [S] and the states [S, hidden] that they were read from."""
        states_SD = last_states(self.model.classifier, batch)
        return head(self.model.classifier)(states_SD)[:, 0].float(), states_SD.float()


def train_robust(lesson: Lesson) -> PairwiseReward:
    """One member by Davidson's ties (Bradley-Terry for trees), on what ``materials`` makes of the judgments."""
    recipe = lesson.recipe
    link = "bradley_terry" if recipe.method == "tree_structured" else "davidson"
    model = PairwiseReward.from_policy(lesson.policy, max_length=recipe.max_length, method=link)
    fresh = fresh_samples(lesson) if recipe.needs_samples else []
    found = materials(lesson, model, fresh)
    if recipe.bottleneck_epochs:
        learn_bottleneck(lesson, model, fresh)
    rows = found.rows
    pairs = [(row.prompt, side) for row in rows for side in row.responses]
    states = model.last_states(pairs) if recipe.bottleneck_epochs else lesson.frozen.read(pairs, model.tokens)
    fit_head(model, states, rows, recipe)
    if recipe.train == "head":
        fit_ties(model, states, rows, recipe)
        return model
    steps = _steps(lesson, model, found, fresh if recipe.meta_step else [])
    if recipe.method == "tree_structured":
        lesson.findings.update(told_of_trees(rows))
    lesson.fit(model, steps, lambda trained, micro: robust_loss(trained, micro, recipe), lesson.judging(model))
    return model


def robust_loss(model: PairwiseReward, micro: Micro, recipe: RewardRecipe) -> Part:
    """Sums over pairs: the link's loss at r₁ - r₂ - margin, at MetaRM's weights where it ascends, the pull to zero and
    the contrastive term.

    The margin is a crowd's own estimate of r₁ - r₂ times ``adaptive_margin``: -log σ(r_w - r_l - μ̂) of Wang et al.
    (arXiv:2401.06080, section 2.3) for either label. The fitted difference grows by it, so probabilities are surer than
    without; the judgments kept back decide when that has gone far enough.
    """
    reader = Reader(model)
    read = reader
    if micro.fresh is not None:
        samples, _ = reader(micro.fresh)
        moved = ascended(reader, spread(samples.view(-1, recipe.samples_each)), recipe.meta_step)
        read = at_weights(reader, moved)  # type: ignore[assignment]
    rewards_S, states_SD = read(micro.batch)
    first, second = rewards_S.view(-1, 2).unbind(1)
    weight = micro.labels.weight
    losses = link_loss(model.method, first - second - micro.margin, model.log_tie, micro.labels)
    losses = losses + recipe.center_rewards_coefficient * weight * (first + second) ** 2
    if recipe.contrastive_weight:
        seen = views(states_SD, torch.Generator().manual_seed(micro.seed))
        told = simcse(*seen, recipe.contrastive_temperature).view(-1, 2).mean(1)
        losses = losses + recipe.contrastive_weight * weight * told
    right = ((first > second) == (micro.labels.p > 0.5)).float() * weight
    metrics = {
        "rewards/accuracy": float(right.sum()),
        "rewards/margin": float(((first - second) * weight).sum().detach()),
    }
    return Part(losses.sum(), float(weight.sum()), metrics)


def sees_whole_steps(recipe: RewardRecipe) -> bool:
    """Whether a step must not be cut: InfoNCE holds a response against all others of its step, and MetaRM's ascent,
    which every pair of the step is measured after, is one."""
    return bool(recipe.contrastive_weight or recipe.meta_step)


def _steps(lesson: Lesson, model: PairwiseReward, found: Material, fresh: list[Fresh]) -> LazySteps[Micro]:
    """All optimiser steps: a pure function of what it is given, so that a resumed run takes the same ones."""
    groups = [model.group(row.prompt, row.responses) for row in found.rows]
    sampled = [model.group(one.prompt, one.responses) for one in fresh]
    shape, settings, device = layout(model.classifier), lesson.settings, model.log_tie.device
    plan = training_steps(groups, shape, settings, token_budget=UNCUT if sees_whole_steps(lesson.recipe) else None)

    def build(chosen: tuple[int, ...]) -> Micro:
        seed = seed_of(settings.seed, "micro", list(chosen)) % 2**31
        labels = labels_of([found.rows[index] for index in chosen], lesson.recipe.strength_margin, device)
        beside = None
        if sampled:
            picked = np.random.default_rng(seed).permutation(len(sampled))[:META_PROMPTS]
            beside = collate([sampled[index] for index in picked.tolist()], shape).to(device)
        batch = collate([groups[index] for index in chosen], shape).to(device)
        margin = torch.as_tensor(found.margin[list(chosen)], dtype=torch.float32, device=device)
        return Micro(batch, labels, margin, beside, seed)

    return LazySteps(plan, build)


def unfit(key: str, recipe: RewardRecipe, rows: Sequence[PreferenceRow]) -> str:
    """Why this recipe and these judgments are not what ``key`` names, in words; nothing where they are."""
    wanted = {
        "ensemble_pretrain_seeds": (
            len(set(recipe.bases)) > 1,
            "its members stand on different backbones: name two or more as bases (`manage.py train starter --seed 1 "
            "--directory PLACE` makes another starter)",
        ),
        "preference_strength": (
            bool(recipe.strength_models or recipe.contrastive_weight or recipe.meta_step),
            "one of strength_models, contrastive_weight and meta_step is above 0",
        ),
        "barfi": (bool(recipe.auxiliary), f"name the rules to blend in as auxiliary, out of {', '.join(DECLARED)}"),
        "reward_on_policy": (
            bool(recipe.bottleneck_epochs or recipe.synthetic_weight),
            "bottleneck_epochs (RLP-UML) or synthetic_weight (RLP-SPG) is above 0",
        ),
        "tree_structured": (
            any(shared_words(row) for row in rows),
            "no two responses of these judgments begin alike: let the policy answer in trees first (sampler.branching)",
        ),
        "convex_da": (recipe.perturbations > 0, "perturbations is above 0"),
        "reward_fusion": (recipe.fusion_neighbours > 0, "fusion_neighbours is above 0"),
    }
    try:
        check_names(recipe.auxiliary)
    except ValueError as error:
        return str(error)
    if recipe.train == "head" and (recipe.adaptive_margin or recipe.contrastive_weight or recipe.meta_step):
        return "adaptive_margin, contrastive_weight and meta_step shape the backbone: train is all, or they are 0"
    fits, words = wanted[key]
    return "" if fits else words
