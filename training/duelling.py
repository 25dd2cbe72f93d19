"""Fresh duels for an open trial: the part of the gate that samples from policies."""

import random

from training.answering import Shelf, answer, new_seeds
from training.dials import sampler
from training.duels import store_duels
from training.models import Trial
from training.snapshot import held_out_prompts


def add_duels(*, trial: Trial, count: int, shelf: Shelf, chance: random.Random) -> list[int]:
    """Add duels: held-out prompts drawn uniformly with replacement, a fresh response from each side.

    Returns the comparisons' ids; none when the project has no held-out prompt.
    """
    project = trial.project
    pool = list(held_out_prompts(project).order_by("pk"))
    if not pool or count < 1:
        return []
    prompts = [chance.choice(pool) for _ in range(count)]
    settings = sampler(project)
    sides = [
        answer(shelf=shelf, version=side, prompts=prompts, settings=settings, seeds=new_seeds(chance, count))
        for side in (trial.candidate, trial.incumbent)
    ]
    places = [chance.randrange(2) for _ in prompts]
    pairs = [
        (ours, theirs) if place == 0 else (theirs, ours) for place, ours, theirs in zip(places, *sides, strict=True)
    ]
    return store_duels(trial, prompts, pairs, places)
