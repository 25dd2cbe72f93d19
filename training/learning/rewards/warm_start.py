"""A refit that goes on from the reward model there is, in a fraction of the steps of one that begins anew.

Ash and Adams 2020, "On Warm-Starting Neural Network Training", arXiv:1910.08475: plain warm starts generalise worse
than fresh ones; shrinking the weights and perturbing them before going on (their section 5) closes most of the gap.
There θ ← λ·θ + noise; here the point to shrink towards is the pretrained backbone with a head of zero, since that is
what a fresh training would begin from. New judgments are mixed with a replay of old ones.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ..models import NoModel
from ..rows import PreferenceRow
from .frozen import Warm
from .lesson import Lesson
from .pairwise import PairwiseReward
from .pairwise_lesson import train_pairwise, tune
from .places import member_place

KEY = "warm_start"
GOES_ON_FROM = ("davidson", "rao_kupper", "bradley_terry", KEY)  # methods whose models it can train further
COLD = "davidson"  # how the first one is trained, when there is nothing to go on from


def train_warm(lesson: Lesson) -> PairwiseReward:
    """One member: from the same member of the earlier ensemble, else a cold training by ``COLD``.

    The evaluation member goes on from the earlier evaluation member alone: begun from one of the others, it would share
    the faults that it is there to find.
    """
    warm = lesson.shared.warm if lesson.shared else None
    place = member_place(warm.directory, lesson.number) if warm else None
    if warm is None or place is None or not place.is_dir():
        lesson.findings["began"] = "cold: there was no reward model that it could go on from"
        return train_pairwise(replace(lesson, recipe=replace(lesson.recipe, method=COLD)))
    model = _earlier(place, lesson)
    _shrink_and_perturb(model, lesson)
    rows, steps = warm_rows(lesson, warm)
    settings = replace(lesson.settings, num_train_epochs=1.0)
    lesson.findings["began"] = f"warm: {steps} steps on {len(rows)} judgments, new and replayed"
    tune(replace(lesson, settings=settings), model, rows)
    return model


def _earlier(place: Path, lesson: Lesson) -> PairwiseReward:
    model = PairwiseReward.load(place, lesson.policy.device.type)
    if model.max_length != min(lesson.recipe.max_length, model.text.context):
        raise NoModel("the earlier reward model reads another length: choose the same max_length, or another method")
    return model


@torch.no_grad()
def _shrink_and_perturb(model: PairwiseReward, lesson: Lesson) -> None:
    """θ ← fresh + shrink·(θ − fresh) + perturb·s·ε, ε ~ N(0, 1), s the fresh tensor's standard deviation."""
    shrink, perturb = lesson.recipe.shrink, lesson.recipe.perturb
    if shrink == 1.0 and perturb == 0.0:
        return
    fresh = dict(PairwiseReward.from_policy(lesson.policy).named_parameters())
    chance = torch.Generator().manual_seed(lesson.settings.seed)
    for name, parameter in model.named_parameters():
        start = fresh[name]
        spread = start.std() if start.numel() > 1 else start.new_zeros(())
        noise = torch.randn(parameter.shape, generator=chance).to(parameter)
        parameter.copy_(start + shrink * (parameter - start) + perturb * spread * noise)


def warm_rows(lesson: Lesson, warm: Warm) -> tuple[list[PreferenceRow], int]:
    """What a warm refit reads, each row in it once a step's place, and in how many steps.

    At most ``warm_share`` of a cold refit's steps. ``1 - replay`` of the places are for new judgments, each at most as
    often as a cold refit reads it; the rest for old ones, drawn without replacement. Where one kind is too few for its
    places, the other takes them.
    """
    known = {_identity(row) for row in warm.learned}
    new = [row for row in lesson.train if _identity(row) not in known]
    old = [row for row in lesson.train if _identity(row) in known]
    size, epochs = lesson.settings.batch_size, lesson.settings.num_train_epochs
    cold = math.ceil(max(1, round(len(lesson.train) * epochs)) / size)
    places = size * max(1, math.floor(lesson.recipe.warm_share * cold))
    chance = np.random.default_rng(lesson.settings.seed)
    most_new = math.ceil(len(new) * epochs)
    for_old = min(places - min(round((1.0 - lesson.recipe.replay) * places), most_new), len(old))
    rows = _dealt(new, min(places - for_old, most_new), chance) + _dealt(old, for_old, chance)
    return rows, math.ceil(len(rows) / size)


def _identity(row: PreferenceRow) -> tuple[str, float, float]:
    return repr((row.prompt, row.responses)), row.p, row.weight


def _dealt(rows: list[PreferenceRow], count: int, chance: np.random.Generator) -> list[PreferenceRow]:
    """So many rows, each as often as any other up to one."""
    order: list[int] = []
    while rows and len(order) < count:
        order += chance.permutation(len(rows)).tolist()
    return [rows[index] for index in order[:count]]
