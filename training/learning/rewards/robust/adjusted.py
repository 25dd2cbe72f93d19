"""What is laid over a trained member when it scores: a lower bound, a blend with rules, fusion with its neighbours.

The member itself stays what it is, and its directory one that plain transformers reads; what is laid over it lies
beside in ``adjustments.json`` and ``adjustments.safetensors``.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors.numpy import load_file, save_file
from scipy.stats import norm

from ...rows import PreferenceRow
from ..fast.posterior import FastPosterior
from ..fast.states import Pair
from ..interface import RewardModel, Scored, sides
from ..lesson import Lesson
from .blend import find_blend, judged
from .declared import Scale, declared
from .fusion import Fusion, ngrams
from .pessimism import LowerBound

Array = NDArray[np.float64]
ABOUT, TENSORS = "adjustments.json", "adjustments.safetensors"
FOLDS = 5  # of the prompts that a blend is chosen on


@dataclass(frozen=True)
class Blend:
    """r → ``human``·r + Σ_k ``weights``[k]·(feature k in standard deviations), rules by ``names``."""

    names: tuple[str, ...]
    human: float
    weights: Array
    scale: Scale

    def __call__(self, rewards: Array, pairs: Sequence[Pair]) -> Array:
        """[n] blended rewards."""
        return np.asarray(self.human * rewards + self.scale(declared(pairs, self.names)) @ self.weights)


@dataclass(frozen=True)
class AdjustedReward(Scored):
    """A member with what is laid over it: first the bound, then the blend, then fusion."""

    member: RewardModel
    bound: LowerBound | None = None
    blend: Blend | None = None
    fusion: Fusion | None = None

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n]. The bound costs a second pass over the responses."""
        rewards = self.member.score(pairs)
        if self.bound is not None:
            rewards = self.bound.bound(rewards, _states(self.member, pairs))
        if self.blend is not None:
            rewards = self.blend(rewards, pairs)
        return rewards if self.fusion is None else self.fusion.fuse(rewards, ngrams(pairs))

    def save(self, directory: Path, card: str) -> None:
        """The member as it saves itself, then what is laid over it."""
        self.member.save(directory, card)
        tensors: dict[str, Array] = {}
        about: dict[str, object] = {}
        if self.bound is not None:
            about["bound"] = {"b": self.bound.b}
            tensors |= {"bound.reference": self.bound.reference, "bound.root": self.bound.root}
        if self.blend is not None:
            about["blend"] = {"names": list(self.blend.names), "human": self.blend.human}
            scale = {"blend.centre": self.blend.scale.centre, "blend.spread": self.blend.scale.spread}
            tensors |= {"blend.weights": self.blend.weights, **scale}
        if self.fusion is not None:
            about["fusion"] = {"neighbours": self.fusion.neighbours, "similarity": self.fusion.similarity}
            tensors |= {"fusion.embeddings": self.fusion.embeddings, "fusion.scores": self.fusion.scores}
        save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, directory / TENSORS)
        (directory / ABOUT).write_text(json.dumps(about), encoding="utf-8")


def with_adjustments(member: RewardModel, directory: Path) -> RewardModel:
    """The member with what was saved beside it; itself where there is nothing."""
    if not (directory / ABOUT).is_file():
        return member
    about = json.loads((directory / ABOUT).read_text(encoding="utf-8"))
    told: dict[str, Array] = load_file(directory / TENSORS)
    bound = blend = fusion = None
    if "bound" in about:
        bound = LowerBound(told["bound.reference"], told["bound.root"], float(about["bound"]["b"]))
    if "blend" in about:
        scale = Scale(told["blend.centre"], told["blend.spread"])
        names = tuple(map(str, about["blend"]["names"]))
        blend = Blend(names, float(about["blend"]["human"]), told["blend.weights"], scale)
    if "fusion" in about:
        near = about["fusion"]
        embeddings, scores = told["fusion.embeddings"], told["fusion.scores"]
        fusion = Fusion(embeddings, scores, int(near["neighbours"]), float(near["similarity"]))
    return AdjustedReward(member, bound, blend, fusion)


def adjusted(member: RewardModel, lesson: Lesson, apart: Sequence[PreferenceRow] = ()) -> RewardModel:
    """The member with what its recipe lays over it; itself where that is nothing. A blend is chosen on ``apart``."""
    recipe = lesson.recipe
    if not (recipe.pessimism or recipe.auxiliary or recipe.fusion_neighbours):
        return member
    made = AdjustedReward(member, _bound(member, lesson) if recipe.pessimism else None)
    if recipe.auxiliary:
        made = AdjustedReward(member, made.bound, find_adjustment(made, lesson, apart))
    if recipe.fusion_neighbours:
        first, second = sides(lesson.train)
        known = [*first, *second]
        near = {"neighbours": recipe.fusion_neighbours, "similarity": recipe.fusion_similarity}
        fusion = Fusion.fit(ngrams(known), made.score(known), **near)  # type: ignore[arg-type]
        made = AdjustedReward(member, made.bound, made.blend, fusion)
    return made


def _states(member: object, pairs: Sequence[Pair]) -> Array:
    read = getattr(member, "last_states", None)
    if read is None:
        raise ValueError("a lower bound is measured on the states that a head reads; this reward model shows none")
    return np.asarray(read(pairs), dtype=np.float64)


def _bound(member: RewardModel, lesson: Lesson) -> LowerBound:
    """From the pairs that were compared; ν is the mean state of the responses in them."""
    first, second = (_states(member, side) for side in sides(lesson.train))
    weight, recipe = [row.weight for row in lesson.train], lesson.recipe
    reference = 0.5 * (first.mean(0) + second.mean(0))
    return LowerBound.fit(first - second, reference, dial=recipe.pessimism, ridge=recipe.bound_ridge, weight=weight)


def find_adjustment(model: RewardModel, lesson: Lesson, rows: Sequence[PreferenceRow]) -> Blend:
    """BARFI's blend on judgments that nothing else learns from or is measured on, scaled to log-odds.

    Rewards have no zero that holds between prompts, so signals are centred within each and measured by how far they
    vary there. The scale is that of blends found without the prompt they speak of: of its own judgments a blend is too
    sure.
    """
    names = tuple(lesson.recipe.auxiliary)
    first, second = sides(rows)
    pairs = [*first, *second]
    features = declared(pairs, names)
    scale = Scale.fit(features)
    prompts = np.array([json.dumps(prompt, sort_keys=True) for prompt, _ in pairs])
    signals = within(np.column_stack([model.score(pairs), scale(features)]), prompts)
    spread = signals.std(0)
    spread[spread < 1e-9] = 1.0
    signals /= spread
    labels, weight = (np.array([getattr(row, name) for row in rows]) for name in ("p", "weight"))

    def blend_of(places: NDArray[np.int64]) -> Array:
        both, count = np.concatenate([places, places + len(rows)]), len(places)
        compared = [(place, place + count) for place in range(count)]
        seen = judged(signals[both], prompts[both], compared, labels[places], weight[places])
        return find_blend(seen, seed=lesson.settings.seed)

    found = blend_of(np.arange(len(rows)))
    difference = signals[: len(rows)] - signals[len(rows) :]
    weights = slope(crossed(blend_of, difference, prompts[: len(rows)]), labels, weight) * found / spread
    lesson.findings["blend"] = dict(zip(("reward model", *names), map(float, found), strict=True))
    lesson.findings["blend_weights"] = told(("reward model", *names), found)
    lesson.findings["blend_judgments"] = len(rows)
    return Blend(names, float(weights[0]), weights[1:], scale)


def crossed(find: Callable[[NDArray[np.int64]], Array], difference: Array, prompts: NDArray[Any]) -> Array:
    """[n] blended differences of [n, k], each by the weights that ``find`` makes of rows of other prompts."""
    names, owner = np.unique(prompts, return_inverse=True)
    fold = owner % min(FOLDS, len(names))
    blended = np.zeros(len(difference))
    for number in range(fold.max() + 1):
        blended[fold == number] = difference[fold == number] @ find(np.flatnonzero(fold != number))
    return blended


def within(values: Array, prompts: ArrayLike) -> Array:
    """[n, k] values minus their mean over the responses to the same prompt."""
    _, place, count = np.unique(prompts, return_inverse=True, return_counts=True)
    sums = np.zeros((len(count), values.shape[1]))
    np.add.at(sums, place, values)
    return np.asarray(values - (sums / count[:, None])[place])


def slope(difference: Array, p: ArrayLike, weight: ArrayLike) -> float:
    """How many log-odds one unit of a blended difference [n] is worth: above 0, because the blend says who is better.

    The mean of the logistic posterior N(μ, s²) given that it is positive, μ + s·φ(μ/s)/Φ(μ/s): next to nothing where
    these judgments say the opposite.
    """
    fitted = FastPosterior.fit(difference[:, None], p, weight, dimension=1)
    mean, deviation = float(fitted.mean[0]), float(np.sqrt(fitted.covariance[0, 0]))
    z = mean / deviation
    return mean + deviation * float(np.exp(norm.logpdf(z) - norm.logcdf(z)))


def told(names: Sequence[str], values: Array) -> str:
    """Names with their values, the largest first, in words for a page."""
    order = np.argsort(-np.abs(values), kind="stable")
    return ", ".join(f"{names[place]} {values[place]:+.2f}" for place in order.tolist())
