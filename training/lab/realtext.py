"""Reward models on real text: public pairs, prompts and models unseen, beside a model of length and one of words."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeling.measures.splits import root_text
from training.evaluating.files import Item, read_items
from training.learning.evaluation.accuracy import accuracy_gain, accuracy_of
from training.learning.evaluation.calibration import log_losses
from training.learning.evaluation.intervals import clustered_mean
from training.learning.evaluation.judgments import Flags, Judgments, length_matched, of_rows
from training.learning.evaluation.unseen import Fold, halves, unseen_folds
from training.learning.job import Job
from training.learning.models import Policy, find_model, load_policy
from training.learning.plain import jsonable
from training.learning.recipes import OptimSettings, RewardRecipe
from training.learning.reward_job import train_reward
from training.learning.rewards.baselines import bag_of_words, length_only
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.fast.features import FeatureModel
from training.learning.rewards.fast.posterior import FastPosterior
from training.learning.rewards.interface import sides
from training.learning.rewards.robust.posterior_reward import PosteriorReward
from training.learning.rows import PreferenceRow

Array = NDArray[np.float64]
Say = Callable[[str], None]
Learner = Callable[[list[PreferenceRow], list[PreferenceRow]], Array]
MEASURED_ON = 128  # groups that a feature model is measured on
BASELINES = ("length_only", "bag_of_words")


@dataclass(frozen=True)
class Plan:
    """What is compared; 0 is no limit. In each fold every model learns from the same ``train_pairs``, the deep one from
    the first ``deep_pairs`` of them (0: there is none), and all length-matched pairs are predicted besides
    ``test_pairs`` drawn at random."""

    base: str = "starter"
    folds: int = 2
    train_pairs: int = 0
    test_pairs: int = 0
    deep_pairs: int = 240
    max_length: int = 256
    epochs: float = 1.0
    learning_rate: float = 1e-4
    seed: int = 0


def measure(
    plan: Plan, files: Sequence[tuple[Path, str]], say: Say, show: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Fit and compare on each (file, whose labels), and show each one's figures as soon as they are known.

    Raises ValueError in words for what cannot be read.
    """
    find_model(plan.base)
    sets = []
    for path, labels in files:
        sets.append(_of_file(plan, path, labels, say))
        show(sets[-1])
    return {"plan": asdict(plan), "sets": sets}


@dataclass(frozen=True)
class Part:
    """One fold: the rows to fit on, the places to predict, and which of those were drawn at random."""

    train: list[PreferenceRow]
    test: list[int]
    drawn: list[int]


def _of_file(plan: Plan, path: Path, labels: str, say: Say) -> dict[str, Any]:
    items = read_items(path, "trl")
    chance = np.random.default_rng(plan.seed)
    rows = [_turned(item, labels, turn=bool(chance.random() < 0.5)) for item in items]
    writers = [tuple(writer for writer in item.writers if writer) for item in items]
    known = all(len(pair) == 2 for pair in writers)
    roots = [root_text([{"role": turn["role"], "content": turn["content"]} for turn in item.prompt]) for item in items]
    folds = unseen_folds(roots, writers if known else [()] * len(items), plan.folds)
    judgments = of_rows(rows)
    parts = [_part(plan, fold, rows, length_matched(judgments), chance) for fold in folds]
    said, seconds = _cross_fit(plan, rows, parts, say)
    half = halves(writers) if known else {}
    return {
        "file": path.name,
        "labels": labels,
        "pairs": len(rows),
        "split": "by prompt and by model family" if known else "by prompt",
        "families": [sorted(name for name, side in half.items() if side == one) for one in (0, 1)] if known else [],
        "fitted_to": [len(part.train) for part in parts],
        **_summary(judgments, said, sorted(place for part in parts for place in part.drawn)),
        "seconds": seconds,
    }


def _part(plan: Plan, fold: Fold, rows: list[PreferenceRow], matched: Flags, chance: np.random.Generator) -> Part:
    train, test = (chance.permutation(places).tolist() for places in (fold.train, fold.test))
    drawn = test[: plan.test_pairs or len(test)]
    asked = sorted({*drawn, *(place for place in test if matched[place])})
    return Part([rows[place] for place in train[: plan.train_pairs or len(train)]], asked, drawn)


def _turned(item: Item, labels: str, *, turn: bool) -> PreferenceRow:
    """A row with the preferred side in a random place: in the file it is always the first."""
    order = (1, 0) if turn else (0, 1)
    return PreferenceRow(
        comparison_id=None,
        prompt=item.prompt,
        responses=(item.responses[order[0]], item.responses[order[1]]),
        response_ids=(None, None),
        p=item.good[order[0]],
        strength=None,
        weight=1.0,
        source="judge" if labels.startswith("model:") else "person",
        judgment_ids=(),
    )


def _cross_fit(
    plan: Plan, rows: list[PreferenceRow], parts: list[Part], say: Say
) -> tuple[dict[str, Array], dict[str, float]]:
    """Every model's predictions [n] of the rows, NaN where none was asked, and how long each model took."""
    policy = load_policy(plan.base)
    learners: dict[str, Learner] = {
        "pairwise": lambda train, test: _pairwise(plan, train, test),
        "posterior": lambda train, test: _posterior(policy, train, test),
        "length_only": length_only,
        "bag_of_words": bag_of_words,
    }
    if not plan.deep_pairs:
        del learners["pairwise"]
    found = {name: np.full(len(rows), np.nan) for name in learners}
    seconds = dict.fromkeys(learners, 0.0)
    for number, part in enumerate(parts, start=1):
        for name, learner in learners.items():
            began = time.perf_counter()
            found[name][part.test] = learner(part.train, [rows[place] for place in part.test])
            seconds[name] += round(time.perf_counter() - began, 1)
        say(f"fold {number} of {len(parts)}: fitted to {len(part.train)} pairs, {len(part.test)} predicted")
    return found, seconds


def _posterior(policy: Policy, train: list[PreferenceRow], test: list[PreferenceRow]) -> Array:
    features = FeatureModel.fit(policy, [(row.prompt, row.responses) for row in train[:MEASURED_ON]])
    first, second = (features.features(side) for side in sides(train))
    fitted = FastPosterior.fit(first - second, [row.p for row in train], dimension=first.shape[1])
    return PosteriorReward(features, fitted).judged(test)


def _pairwise(plan: Plan, train: list[PreferenceRow], test: list[PreferenceRow]) -> Array:
    """The deep refit as a run does it, on at most ``deep_pairs`` pairs, with some kept back for its checkpoint."""
    optim = OptimSettings(learning_rate=plan.learning_rate, num_train_epochs=plan.epochs, seed=plan.seed)
    recipe = RewardRecipe(max_length=plan.max_length, optim=optim)
    with tempfile.TemporaryDirectory(prefix="heed-realtext-") as place:
        directory = Path(place) / "job"
        Job("reward", plan.base, recipe.to_json()).write(directory, train[: plan.deep_pairs])
        train_reward(directory, lambda step, total, metrics: None, lambda: False)
        return RewardEnsemble.load(directory / "model").judged(test)


def _summary(judgments: Judgments, said: dict[str, Array], drawn: list[int]) -> dict[str, Any]:
    """Accuracy on pairs drawn at random and on length-matched ones, and how much better than the baselines there."""
    asked = np.isfinite(next(iter(said.values())))
    matched = asked & length_matched(judgments)
    anyone = np.zeros(len(asked), dtype=bool)
    anyone[drawn] = True
    kept = judgments.chosen(anyone)
    models = {
        name: {
            "accuracy": accuracy_of(judgments, told, anyone),
            "matched": accuracy_of(judgments, told, matched),
            "log_loss": clustered_mean(log_losses(told[anyone], kept.p), kept.prompts),
        }
        for name, told in said.items()
    }
    gains = {
        name: {other: accuracy_gain(judgments, said[name], said[other], matched) for other in BASELINES}
        for name in said
        if name not in BASELINES
    }
    figures = {"drawn": len(drawn), "matched": int(matched.sum()), "models": models, "gain_matched": gains}
    return dict(jsonable(figures))
