"""What a robust pairwise method trains on: judgments with doubtful ones treated, changed copies, synthetic pairs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...online.rollouts import seed_of
from ...rows import Message, PreferenceRow
from ..fast.states import Pair, pooled_states
from ..lesson import Lesson
from ..pairwise import PairwiseReward
from .convex import outermost, perturbed
from .fusion import ngrams
from .samples import Fresh
from .strength import Strength, doubtful, measure, treated
from .synthetic import confident_pairs

TOLD = 20  # doubtful labels that are written out; the list has all of them


@dataclass(frozen=True)
class Material:
    """Rows to train on and, of each, the margin [n] that is taken off its difference of rewards."""

    rows: list[PreferenceRow]
    margin: NDArray[np.float64]


def materials(lesson: Lesson, model: PairwiseReward, fresh: Sequence[Fresh]) -> Material:
    """Treat doubtful labels, then add what the recipe adds. ``model`` says what a response's tokens are."""
    recipe = lesson.recipe
    rows, margin = list(lesson.train), np.zeros(len(lesson.train))
    if recipe.strength_models:
        rows, margin = _by_strength(lesson, model)
    extra: list[PreferenceRow] = []
    if recipe.perturbations:
        extra += [copy for row in rows for copy in changed_copies(row, recipe.perturbations, recipe.optim.seed)]
    if recipe.synthetic_weight:
        made = synthetic_rows(lesson, fresh)
        lesson.findings["synthetic_pairs"] = len(made)
        extra += made
    return Material([*rows, *extra], np.concatenate([margin, np.zeros(len(extra))]))


def _by_strength(lesson: Lesson, model: PairwiseReward) -> tuple[list[PreferenceRow], NDArray[np.float64]]:
    """Rows and margins after the crowd has judged every label; what it doubts goes into the findings."""
    recipe, train = lesson.recipe, lesson.train
    states = lesson.frozen.read([(row.prompt, side) for row in train for side in row.responses], model.tokens)
    strength = strength_of(states, train, recipe.strength_models, lesson.settings.seed)
    places = doubtful(strength, [row.p for row in train], recipe.doubtful_share).tolist()
    lesson.findings.update(told_of(strength, train, places))
    rows, share = list(train), recipe.doubtful_share
    for place in places:
        rows[place] = treated(rows[place], float(strength.difference[place]), recipe.doubtful, share)
    gone = set(places) if recipe.doubtful == "drop" else set()
    stay = [place for place in range(len(rows)) if place not in gone]
    return [rows[place] for place in stay], recipe.adaptive_margin * strength.difference[stay]


def strength_of(states: NDArray[np.float64], rows: Sequence[PreferenceRow], models: int, seed: int) -> Strength:
    """What a crowd of heads makes of each row's label; ``states`` [2n, hidden] are its two responses', in turn."""
    prompts = [json.dumps(row.prompt, sort_keys=True) for row in rows]
    labels, weights = [row.p for row in rows], [row.weight for row in rows]
    return measure(states[0::2] - states[1::2], labels, weights, prompts, models=models, seed=seed)


def told_of(strength: Strength, rows: Sequence[PreferenceRow], places: Sequence[int]) -> dict[str, Any]:
    """Labels that are worth asking again, the most doubtful first: ``reannotate`` names their comparisons."""
    mu = strength.of_labels([row.p for row in rows])
    again = [
        {"comparison": rows[place].comparison_id, "mu": float(mu[place]), "sigma": float(strength.deviation[place])}
        for place in places
        if rows[place].comparison_id is not None
    ]
    words = [f"comparison {one['comparison']} (μ {one['mu']:.2f}, σ {one['sigma']:.2f})" for one in again[:TOLD]]
    more = f", and {len(again) - TOLD} more" if len(again) > TOLD else ""
    return {
        "reannotate": again,
        "labels_worth_asking_again": ", ".join(words) + more if words else "none",
        "doubtful_labels": len(places),
    }


def changed_copies(row: PreferenceRow, count: int, seed: int) -> list[PreferenceRow]:
    """ConvexDA: the outermost changed copies of both sides, paired in turn. Together they weigh as much as the row."""
    first, second = (_outer(row.prompt, side, count, seed_of(seed, json.dumps(side))) for side in row.responses)
    found = list(zip(first, second, strict=False))
    return [replace(row, responses=pair, weight=row.weight / len(found)) for pair in found]


def _outer(prompt: list[Message], response: list[Message], count: int, seed: int) -> list[list[Message]]:
    if not response:
        return []
    texts = perturbed(response[-1]["content"], count, seed)
    copies = [[*response[:-1], Message(role=response[-1]["role"], content=text)] for text in texts]
    everything: list[Pair] = [(prompt, response), *((prompt, copy) for copy in copies)]
    return [copies[place] for place in outermost(ngrams(everything))]


def synthetic_rows(lesson: Lesson, fresh: Sequence[Fresh]) -> list[PreferenceRow]:
    """RLP-SPG: pairs of what the policy says most often and what it says seldom, by its own middle layer."""
    recipe = lesson.recipe
    vectors = pooled_states(lesson.policy, [pair for one in fresh for pair in one.pairs])
    return confident_pairs(
        [(one.prompt, one.responses) for one in fresh],
        vectors,
        similarity=recipe.cluster_similarity,
        confidence=recipe.cluster_confidence,
        weight=recipe.synthetic_weight,
        seed=lesson.settings.seed,
    )
