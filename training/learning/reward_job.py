"""The deep refit: fine-tune a reward model, watch it on judgments kept back, compare it with baselines."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import job as jobs
from .devices import configure, honour, resolve
from .evaluation.reward import evaluate
from .job import Report, ShouldStop, Stopped
from .models import load_policy, model_digest
from .optimise import Part, optimise
from .recipes import RewardRecipe
from .rewards.baselines import bag_of_words, length_only
from .rewards.bradley_terry import Labels, davidson_loss, labels_of
from .rewards.pairwise import PairwiseReward, Rendered, RewardEnsemble, by_length
from .rewards.states import Pair
from .rows import PreferenceRow
from .watch import Watch

KEPT_BACK = 0.15  # of the prompts, to choose the checkpoint by
FEWEST_KEPT_BACK = 12  # judgments; below it nothing is kept back and the plan is followed to its end
LOOKS = 6  # measurements in a training


def train_reward(directory: Path, report: Report, should_stop: ShouldStop) -> dict[str, Any]:
    """Run or resume a reward job; returns what it stores in ``result.json``.

    Raises Stopped when it was asked to stop (call it again to go on), ValueError when the job is unusable.
    """
    if (done := jobs.finished(directory)) is not None:
        return done
    job, rows = jobs.Job.read(directory), jobs.read_snapshot(directory)
    if job.kind != "reward":
        raise ValueError(f"this is a {job.kind} job, not a reward job")
    recipe = RewardRecipe.from_json(job.recipe)
    configure(resolve()) if job.plan is None else honour(job.plan)
    train, kept = keep_back(rows)
    members = tuple(
        _train_member(directory, job.base, recipe, number, train, kept, report, should_stop)
        for number in range(recipe.members)
    )
    ensemble = RewardEnsemble(members)
    result = {**_assess(ensemble, train, kept), "rows": len(rows), "kept_back": len(kept), "base": job.base}
    ensemble.save(directory / "model", _card(job.base, recipe, result))
    return jobs.finish(directory, {**result, "digest": model_digest(directory / "model")})


def keep_back(rows: Sequence[PreferenceRow]) -> tuple[list[PreferenceRow], list[PreferenceRow]]:
    """Split by prompt, by a hash of it, so that no prompt stands on both sides and a resume splits alike."""

    def share(row: PreferenceRow) -> float:
        named = json.dumps(row.prompt, sort_keys=True).encode()
        return int.from_bytes(hashlib.sha256(named).digest()[:8], "big") / 2**64

    kept = [row for row in rows if share(row) < KEPT_BACK]
    if len(kept) < FEWEST_KEPT_BACK or len(kept) == len(rows):
        return list(rows), []
    return [row for row in rows if share(row) >= KEPT_BACK], kept


def _sides(row: PreferenceRow) -> tuple[Pair, Pair]:
    return (row.prompt, row.responses[0]), (row.prompt, row.responses[1])


Micro = tuple[Rendered, Labels]


def _train_member(
    directory: Path,
    base: str,
    recipe: RewardRecipe,
    number: int,
    train: list[PreferenceRow],
    kept: list[PreferenceRow],
    report: Report,
    should_stop: ShouldStop,
) -> PairwiseReward:
    """One member: the logistic solution on frozen states, then fine-tuning, then the checkpoint that predicts best."""
    place = jobs.work_directory(directory) / f"member-{number}"
    model = PairwiseReward.from_policy(load_policy(base), max_length=recipe.max_length)
    settings = replace(recipe.optim, seed=recipe.optim.seed + number)
    model.start_from([_sides(row) for row in train], [row.p for row in train], [row.weight for row in train])
    plan = _plan(model, train, recipe, settings.seed, settings.batch_size, settings.num_train_epochs)
    watch = _watch(model, kept, place, every=max(1, len(plan) // LOOKS))
    total = len(plan) * recipe.members

    def told(step: int, _: int, metrics: dict[str, float]) -> None:
        report(number * len(plan) + step, total, metrics)

    def loss(trained: PairwiseReward, micro: Micro) -> Part:
        return _loss(trained, micro, recipe.center_rewards_coefficient)

    done = optimise(
        model,
        plan,
        loss,
        settings,
        directory=place,
        report=told,
        should_stop=should_stop,
        enough=watch or (lambda step, metrics: False),
    )
    if not done.finished:
        raise Stopped
    if watch:
        watch.restore()
    return model


def _plan(
    model: PairwiseReward, rows: list[PreferenceRow], recipe: RewardRecipe, seed: int, size: int, epochs: float
) -> list[list[Micro]]:
    """All optimiser steps: a pure function of the rows and the recipe, so that a resumed run takes the same ones."""
    tokens = [[model.tokens(*side) for side in _sides(row)] for row in rows]
    shuffle = np.random.default_rng(seed)
    order: list[int] = []
    while len(order) < max(1, round(len(rows) * epochs)):
        order += shuffle.permutation(len(rows)).tolist()
    order = order[: max(1, round(len(rows) * epochs))]
    steps: list[list[Micro]] = []
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        longest = [max(map(len, tokens[index])) for index in chosen]
        parts = by_length([[0] * 2 * length for length in longest], recipe.optim.token_budget)
        steps.append([_micro(model, [chosen[place] for place in part], rows, tokens, recipe) for part in parts])
    return steps


def _micro(
    model: PairwiseReward,
    chosen: list[int],
    rows: list[PreferenceRow],
    tokens: list[list[tuple[int, ...]]],
    recipe: RewardRecipe,
) -> Micro:
    rendered = model.render([side for index in chosen for side in tokens[index]])
    return rendered, labels_of([rows[index] for index in chosen], recipe.strength_margin)


def _loss(model: PairwiseReward, micro: Micro, centre: float) -> Part:
    rendered, labels = micro
    first, second = model(rendered).unflatten(0, (-1, 2)).unbind(1)
    losses = davidson_loss(first - second, model.log_tie, labels)
    centred = centre * labels.weight * (first + second) ** 2
    right = ((first > second) == (labels.p > 0.5)).float() * labels.weight
    return Part(
        (losses + centred).sum(),
        float(labels.weight.sum()),
        {
            "rewards/accuracy": float(right.sum()),
            "rewards/margin": float(((first - second) * labels.weight).sum().detach()),
        },
    )


def _watch(model: PairwiseReward, kept: list[PreferenceRow], place: Path, every: int) -> Watch | None:
    if not kept:
        return None

    def measure(step: int) -> dict[str, float]:
        told = evaluate(_probabilities(RewardEnsemble((model,)), kept), [row.p for row in kept])
        return {"quality": -told.log_loss, "log_loss": told.log_loss, "accuracy": told.accuracy.value}

    return Watch(model, measure, place / "watch", every)


def _probabilities(ensemble: RewardEnsemble, rows: Sequence[PreferenceRow]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Probability that each row's first response is preferred: the members' mean."""
    rewards = ensemble.score([side for row in rows for side in _sides(row)])  # [members, 2n]
    difference = torch.from_numpy(rewards[:, 0::2] - rewards[:, 1::2])
    mean: np.ndarray[Any, np.dtype[np.float64]] = torch.sigmoid(difference).mean(0).numpy()
    return mean


def _assess(ensemble: RewardEnsemble, train: list[PreferenceRow], kept: list[PreferenceRow]) -> dict[str, Any]:
    """Accuracy and log loss on the judgments kept back, beside the baselines fitted on the same training rows."""
    if not kept:
        return {"accuracy": None, "log_loss": None, "baselines": {}}
    labels = [row.p for row in kept]
    told = evaluate(_probabilities(ensemble, kept), labels)
    models = {"length_only": length_only, "bag_of_words": bag_of_words}
    baselines = {name: evaluate(model(train, kept), labels).accuracy.value for name, model in models.items()}
    return {
        "accuracy": told.accuracy.value,
        "accuracy_low": told.accuracy.low,
        "accuracy_high": told.accuracy.high,
        "log_loss": told.log_loss,
        "calibration_error": told.calibration_error,
        "baselines": baselines,
    }


def _card(base: str, recipe: RewardRecipe, result: dict[str, Any]) -> str:
    return (
        "# Reward model\n\nA pairwise reward model (Bradley-Terry with Davidson's ties) trained by Heed. Its one "
        "logit, read at the last token of a rendered conversation, is the reward; only differences between "
        f"responses to one prompt have a meaning.\n\nBase: {Path(base).name}. Judgments: {result['rows']}, of which "
        f"{result['kept_back']} were kept back.\n\n```json\n{json.dumps(recipe.to_json(), indent=1)}\n```\n"
    )
