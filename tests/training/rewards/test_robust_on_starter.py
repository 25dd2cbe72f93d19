"""Every robust method of the catalogue on the starter's own answers, with wrong labels, as the catalogue begins it."""

from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training.learning.catalogue.reward_robustness import ROBUSTNESS
from training.learning.job import Job
from training.learning.jobs import run_job
from training.learning.models import find_model, load_policy, save_policy
from training.learning.recipes import RewardRecipe, SamplerSettings, starter_reward
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rows import Message, PreferenceRow
from training.learning.sampling import sample
from training.learning.sampling.uniforms import leaf_seeds
from training.learning.starter.prompts import held_out_prompts, training_prompts

pytestmark = [pytest.mark.slow, pytest.mark.computes]
PROMPTS, EACH, WRONG = 40, 3, 0.15
SAMPLER = SamplerSettings(max_new_tokens=40, branching=2, depth=2, segment_tokens=4)
METHODS = {method.key: method for method in ROBUSTNESS}


def said(role: str, text: str) -> list[Message]:
    return [Message(role=role, content=text)]


def liked(text: str) -> float:
    """Shorter answers."""
    return -float(len(text))


def judged(prompts: list[str], wrong: float, seed: int) -> list[PreferenceRow]:
    """All pairs of a tree's leaves for every prompt; a share of the labels is turned round."""
    policy = load_policy("starter")
    seeds = [one for number in range(len(prompts)) for one in leaf_seeds(SAMPLER, 1000 * seed + number, EACH)]
    drawn = sample(policy, [said("user", prompt) for prompt in prompts for _ in range(EACH)], SAMPLER, seeds)
    rng = np.random.default_rng(seed)
    rows: list[PreferenceRow] = []
    for number, prompt in enumerate(prompts):
        texts = [one.text for one in drawn[EACH * number : EACH * (number + 1)]]
        for first, second in combinations(texts, 2):
            if liked(first) == liked(second):
                continue
            p = float((liked(first) > liked(second)) != (rng.random() < wrong))
            sides = (said("assistant", first), said("assistant", second))
            rows.append(
                PreferenceRow(
                    len(rows), said("user", prompt), sides, (None, None), p, None, 1.0, "simulation", (len(rows),)
                )
            )
    return rows


@cache
def training_rows() -> tuple[PreferenceRow, ...]:
    return tuple(judged(training_prompts(PROMPTS, seed=4), WRONG, 1))


@cache
def clean_rows() -> tuple[PreferenceRow, ...]:
    return tuple(judged(held_out_prompts(30, seed=6), 0.0, 2))


def another_backbone(place: Path) -> str:
    """The starter with noise in its weights: what matters here is that members stand on different ones."""
    policy = load_policy("starter")
    torch.manual_seed(11)
    with torch.no_grad():
        for weight in policy.model.parameters():
            weight.add_(0.1 * float(weight.std()) * torch.randn_like(weight))
    save_policy(policy, place, "# Another\n")
    return str(place)


def fitted(place: Path, **dials: Any) -> tuple[dict[str, Any], float]:
    """A whole job's result, and its accuracy on labels without a mistake about prompts that it has not seen."""
    named = starter_reward()
    recipe = RewardRecipe.from_json({**named.to_json(), **dials})
    recipe = replace(recipe, optim=replace(recipe.optim, num_train_epochs=1.0))
    Job("reward", str(find_model("starter")), recipe.to_json()).write(place, list(training_rows()))
    result = run_job(place, lambda *told: None, lambda: False)
    asked = clean_rows()
    chance = RewardEnsemble.load(place / "model").judged(asked)
    return result, float(np.mean((chance > 0.5) == np.array([row.p == 1.0 for row in asked])))


@pytest.mark.parametrize("key", [key for key in METHODS if key != "ensemble_pretrain_seeds"])
def test_the_method_learns_from_noisy_labels(key, tmp_path) -> None:
    recipe = METHODS[key].recipe
    fewer = {"members": 2} if "members" in recipe else {}  # time: the second one shows as much as the fourth
    result, accuracy = fitted(tmp_path / "job", **{**recipe, **fewer})
    assert accuracy > 0.6, accuracy
    assert result["log_loss"] < 0.8


def test_members_on_different_backbones_are_measured_by_one_that_takes_no_part(tmp_path) -> None:
    bases = ["starter", another_backbone(tmp_path / "other")]
    result, accuracy = fitted(tmp_path / "job", bases=bases, **METHODS["ensemble_pretrain_seeds"].recipe)
    assert accuracy > 0.6
    assert 0.0 < result["disagreement"] < 0.5
    assert result["agreement_with_evaluation"] > 0.6


def test_labels_that_were_turned_round_are_found_on_real_states(tmp_path) -> None:
    result, _ = fitted(tmp_path / "job", method="preference_strength", strength_models=10, train="head")
    rows = {row.comparison_id: row for row in training_rows()}
    named = [rows[one["comparison"]] for one in result["reannotate"]]
    texts = [[side[0]["content"] for side in row.responses] for row in named]
    better = [liked(first) > liked(second) for first, second in texts]
    wrong = [first != (row.p == 1.0) for row, first in zip(named, better, strict=True)]
    assert np.mean(wrong) > 2.5 * WRONG
