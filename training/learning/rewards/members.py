"""The members of an ensemble: what each one is trained on, and what they say of one another afterwards."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..job import ShouldStop
from ..models import load_policy
from ..recipes import RewardRecipe
from ..rows import PreferenceRow, verdicts
from .aggregate import pair_disagreement
from .ensemble import RewardEnsemble
from .frozen import Shared
from .interface import RewardModel
from .keeping import set_apart
from .lesson import Lesson, Progress
from .robust.adjusted import adjusted
from .robust.blend import NOTHING_KEPT


def train_members(
    train: Callable[[Lesson], RewardModel],
    base: str,
    recipe: RewardRecipe,
    rows: tuple[list[PreferenceRow], list[PreferenceRow]],
    work: Path,
    progress: Progress,
    shared: Shared,
    should_stop: ShouldStop,
) -> tuple[RewardEnsemble, dict[str, Any]]:
    """Train every member on ``rows`` (for training, kept back); also returns what the first one found on its way.

    The evaluation member, where there is one, is the last: its seed and, where bases are named, its base come after the
    others', so that it shares as little with them as the recipe allows.
    """
    lessons = []
    members: list[RewardModel] = []
    for number in range(recipe.members + recipe.evaluation_member):
        learned, apart = for_the_blend(recipe, drawn_for(recipe, rows[0], number))
        lesson = Lesson(
            policy=load_policy(base_of(recipe, base, number), device=shared.device),
            train=learned,
            kept=rows[1],
            recipe=recipe,
            settings=replace(recipe.optim, seed=recipe.optim.seed + number),
            place=work / f"member-{number}",
            progress=progress,
            shared=shared,
            should_stop=should_stop,
            number=number if number < recipe.members else None,
        )
        members.append(adjusted(train(lesson), lesson, apart))
        lessons.append(lesson)
        progress.members_left -= 1
    evaluation = members.pop() if recipe.evaluation_member else None
    ensemble = RewardEnsemble(tuple(members), recipe.aggregate, recipe.uncertainty_weight, evaluation)
    return ensemble, lessons[0].findings


def base_of(recipe: RewardRecipe, base: str, number: int) -> str:
    """The backbone of member ``number``: the bases in turn, or the incumbent's."""
    return recipe.bases[number % len(recipe.bases)] if recipe.bases else base


def drawn_for(recipe: RewardRecipe, train: list[PreferenceRow], number: int) -> list[PreferenceRow]:
    """The judgments of member ``number``: all, or as many drawn with replacement (Christiano et al. 2017,
    arXiv:1706.03741, section 2.2.3), always the same ones for the same seed."""
    if not recipe.bootstrap:
        return train
    chance = np.random.default_rng([recipe.optim.seed, number])
    return [train[place] for place in chance.integers(len(train), size=len(train)).tolist()]


def for_the_blend(recipe: RewardRecipe, train: list[PreferenceRow]) -> tuple[list[PreferenceRow], list[PreferenceRow]]:
    """What a member learns from, and what its blend with rules is chosen on, where the recipe has one.

    On judgments that the reward has learned by heart no rule could help, and those kept back for the report are not
    chosen by. Raises ValueError where there are too few.
    """
    if not recipe.auxiliary:
        return train, []
    learned, apart = set_apart(train, "blend")
    if not verdicts(apart):
        raise ValueError(NOTHING_KEPT)
    return learned, verdicts(apart)


def between_members(ensemble: RewardEnsemble, kept: Sequence[PreferenceRow]) -> dict[str, Any]:
    """How far the members disagree on judgments kept back, and what the evaluation member says of them.

    ``disagreement`` is the mean share of members on a pair's smaller side and ``agreement_with_evaluation`` how often
    the ensemble prefers what the evaluation member prefers. Nothing for one member alone, or without such judgments.
    """
    kept = verdicts(kept)
    if not kept or (len(ensemble.members) < 2 and ensemble.evaluation is None):
        return {}
    told: dict[str, Any] = {"aggregate": ensemble.rule}
    if len(ensemble.members) > 1:
        chances = np.stack([member.judged(kept) for member in ensemble.members])
        told["disagreement"] = float(pair_disagreement(chances - 0.5).mean())
    if ensemble.evaluation is not None:
        theirs = ensemble.evaluation.judged(kept) - 0.5
        agreed = np.sign(ensemble.judged(kept) - 0.5) == np.sign(theirs)
        labels = np.array([row.p for row in kept])
        clear = labels != 0.5
        told["agreement_with_evaluation"] = float(agreed.mean())
        if clear.any():
            told["evaluation_accuracy"] = float((np.sign(theirs) == np.sign(labels - 0.5))[clear].mean())
    return told
