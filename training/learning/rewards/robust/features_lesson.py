"""Training and keeping a reward that reads declared features alone (``declared``)."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from ...batches import UNCUT, Layout, training_steps
from ...models import NoModel
from ...objectives.steps import LazySteps
from ...optimise import Part
from ...recipes import RewardRecipe
from ...rows import PreferenceRow
from ...text import Group
from ..fast.posterior import FastPosterior
from ..fast.states import Pair
from ..interface import Scored, sides
from ..lesson import Lesson
from .adjusted import told
from .declared import DECLARED, FeatureNetwork, Scale, bradley_terry, check_names, declared

Array = NDArray[np.float64]
LEARNING_RATE, EPOCHS = 0.01, 20.0  # a step costs nothing here, whatever a backbone's would
Micro = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # differences' sides [n, 2, k], labels [n] and weights [n]


class FeatureReward(Scored):
    """One member: rewards of declared features. Its directory is Heed's own: there is no transformer in it."""

    def __init__(self, network: FeatureNetwork, scale: Scale, names: Sequence[str]) -> None:
        self.network, self.scale, self.names = network, scale, tuple(names)

    def inputs(self, pairs: Sequence[Pair]) -> torch.Tensor:
        """Scaled features [n, k]."""
        return torch.as_tensor(self.scale(declared(pairs, self.names)), dtype=torch.float32)

    @torch.no_grad()
    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n]."""
        return np.asarray(self.network(self.inputs(pairs)).double().numpy())

    def save(self, directory: Path, card: str) -> None:
        """Write safetensors and JSON, whole or not at all."""
        part = directory.with_name(directory.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        scale = {"centre": torch.from_numpy(self.scale.centre), "spread": torch.from_numpy(self.scale.spread)}
        save_file({**self.network.state_dict(), **scale}, part / "model.safetensors")
        about = {"method": "domain_features", "names": self.names, "units": self.network.hidden.out_features}
        (part / "reward.json").write_text(json.dumps(about), encoding="utf-8")
        (part / "README.md").write_text(card, encoding="utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        part.rename(directory)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> "FeatureReward":
        """Read what ``save`` wrote; it is too small to leave the CPU. Raises NoModel in words."""
        try:
            about = json.loads((directory / "reward.json").read_text(encoding="utf-8"))
            tensors = load_file(directory / "model.safetensors")
            scale = Scale(tensors.pop("centre").numpy(), tensors.pop("spread").numpy())
            names = tuple(map(str, about["names"]))
            check_names(names)
            network = FeatureNetwork(len(names), int(about["units"]), 0)
            network.load_state_dict(tensors)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise NoModel(f"{directory.name} holds no reward model of declared features: train it again") from error
        return cls(network, scale, names)


def train_features(lesson: Lesson) -> FeatureReward:
    """The Bayesian logistic solution in the linear part, then both parts by Bradley-Terry; weights go to the
    findings."""
    recipe, train = lesson.recipe, lesson.train
    names = tuple(recipe.features) or DECLARED
    first, second = (declared(side, names) for side in sides(train))
    scale = Scale.fit(np.vstack([first, second]))
    network = FeatureNetwork(len(names), recipe.feature_units, lesson.settings.seed)
    model = FeatureReward(network, scale, names)
    labels, weights = [row.p for row in train], [row.weight for row in train]
    sides_N2K = np.stack([scale(first), scale(second)], axis=1)
    difference = sides_N2K[:, 0] - sides_N2K[:, 1]
    typical = float(np.sqrt((difference**2).sum(1).mean())) or 1.0
    fitted = FastPosterior.fit(difference / typical, labels, weights, dimension=len(names))
    with torch.no_grad():
        network.linear.weight.copy_(torch.as_tensor(fitted.mean / typical, dtype=torch.float32)[None])
    settings = replace(lesson.settings, learning_rate=LEARNING_RATE, num_train_epochs=EPOCHS)
    quick = replace(lesson, settings=settings)
    whole = torch.as_tensor(sides_N2K, dtype=torch.float32), torch.tensor(labels), torch.tensor(weights)
    quick.fit(
        network, _steps(quick, whole), lambda trained, micro: _loss(trained, micro, recipe), lesson.judging(model)
    )
    effects = network.effects(whole[0].flatten(0, 1))
    lesson.findings["feature_weights"] = dict(zip(names, map(float, effects), strict=True))
    lesson.findings["features"] = told(names, effects)
    return model


def _steps(lesson: Lesson, whole: Micro) -> LazySteps[Micro]:
    groups = [Group((0,), ((0,), (0,)))] * len(whole[0])  # every row costs the same
    settings = lesson.settings
    plan = training_steps(
        groups,
        Layout(tree=False, hidden=1),
        settings,
        token_budget=UNCUT,
    )
    return LazySteps(plan, lambda chosen: (whole[0][list(chosen)], whole[1][list(chosen)], whole[2][list(chosen)]))


def _loss(network: FeatureNetwork, micro: Micro, recipe: RewardRecipe) -> Part:
    sides_N2K, p_N, weight_N = micro
    first, second = network(sides_N2K.flatten(0, 1)).unflatten(0, (-1, 2)).unbind(1)
    losses = weight_N * bradley_terry(first - second, p_N)
    losses = losses + recipe.center_rewards_coefficient * weight_N * (first + second) ** 2
    right = ((first > second) == (p_N > 0.5)).float() * weight_N
    return Part(losses.sum(), float(weight_N.sum()), {"rewards/accuracy": float(right.sum())})


def unfit(recipe: RewardRecipe, rows: Sequence[PreferenceRow]) -> str:
    """Why this recipe cannot be trained, in words."""
    try:
        check_names(recipe.features)
    except ValueError as error:
        return str(error)
    return ""
