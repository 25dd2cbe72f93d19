"""Robust reward methods as whole jobs: everything at once, resumed, read back, and refused where it does not fit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.learning.tiny import save_tiny
from tests.training.rewards.test_pairwise import likes_questions, pairs
from training.learning.devices import resolve
from training.learning.job import Job, Stopped
from training.learning.jobs import run_job
from training.learning.models import load_policy
from training.learning.recipes import OptimSettings, RewardRecipe
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.lesson import Lesson, Progress
from training.learning.rewards.methods import REWARD_METHODS, reward_method
from training.learning.rewards.robust.adjusted import AdjustedReward
from training.learning.rewards.robust.robust_lesson import train_robust
from training.learning.rewards.robust.robust_rows import changed_copies
from training.learning.rewards.robust.shared_beginnings import shared_words, told_of_trees
from training.learning.rows import PreferenceRow

EVERYTHING: dict[str, Any] = {
    "method": "preference_strength",
    "strength_models": 4,
    "doubtful": "flip",
    "adaptive_margin": 0.5,
    "contrastive_weight": 0.1,
    "meta_step": 0.001,
    "bottleneck_epochs": 1.0,
    "synthetic_weight": 0.2,
    "cluster_similarity": 0.1,
    "cluster_confidence": 0.3,
    "samples_each": 3,
    "sample_prompts": 6,
    "sample_tokens": 4,
    "perturbations": 3,
    "pessimism": 1.0,
    "auxiliary": ["question mark: any", "log words"],
    "fusion_neighbours": 3,
}


def clear(count: int, seed: int = 0) -> list[PreferenceRow]:
    """Judgments that prefer a side."""
    return [row for row in likes_questions(4 * count, seed) if row.p != 0.5][:count]


def with_turned_labels(rows: list[PreferenceRow], every: int) -> list[PreferenceRow]:
    """Every so many labels turned round."""
    return [replace(row, p=1.0 - row.p, strength=None) if place % every == 0 else row for place, row in enumerate(rows)]


def job(tmp_path: Path, name: str, rows: list[PreferenceRow], **dials: Any) -> Path:
    optim = OptimSettings(learning_rate=3e-4, batch_size=16, num_train_epochs=1.0)
    base = tmp_path / "base"
    plan = replace(resolve(), threads=1).to_json()
    reference = str(base if base.is_dir() else save_tiny(base))
    Job("reward", reference, RewardRecipe(optim=optim, **dials).to_json(), compute=plan).write(tmp_path / name, rows)
    return tmp_path / name


@pytest.mark.slow
@pytest.mark.computes
def test_everything_at_once_learns_and_names_doubtful_labels(tmp_path) -> None:
    rows = with_turned_labels(clear(130), every=8)
    turned = {row.comparison_id for place, row in enumerate(rows) if place % 8 == 0}
    directory = job(tmp_path, "whole", rows, **EVERYTHING)
    result = run_job(directory, lambda *told: None, lambda: False)
    found = {one["comparison"] for one in result["reannotate"]}
    assert len(found & turned) > 0.7 * len(found) > 0
    assert all(one["mu"] < 0 < one["sigma"] for one in result["reannotate"])
    assert result["labels_worth_asking_again"].startswith("comparison ")
    assert set(result["blend"]) == {"reward model", "question mark: any", "log words"}
    loaded = RewardEnsemble.load(directory / "model")
    assert isinstance(loaded.members[0], AdjustedReward)
    fresh = clear(30, seed=9)
    score = loaded.score(pairs(fresh))[0]
    assert np.mean((score[0::2] > score[1::2]) == np.array([row.p == 1.0 for row in fresh])) > 0.85


@pytest.mark.slow
@pytest.mark.computes
def test_a_stopped_job_with_every_stage_ends_with_the_same_weights(tmp_path) -> None:
    rows = with_turned_labels(clear(130), every=8)
    whole = run_job(job(tmp_path, "whole", rows, **EVERYTHING), lambda *told: None, lambda: False)
    for stops in (1, 5):  # in the stage without labels, and in the one with them
        broken = job(tmp_path, f"broken-{stops}", rows, **EVERYTHING)
        asked = iter([False] * stops)
        with pytest.raises(Stopped):
            run_job(broken, lambda *told: None, lambda: next(asked, True))  # noqa: B023 - called at once
        assert run_job(broken, lambda *told: None, lambda: False)["digest"] == whole["digest"]


@pytest.mark.parametrize(
    "dials",
    [
        {"method": "preference_strength", "contrastive_weight": 0.5},
        {"method": "preference_strength", "meta_step": 0.01},
        {"method": "reward_on_policy", "bottleneck_epochs": 1.0, "train": "head"},  # all it learns is the bottleneck's
    ],
)
def test_what_looks_at_a_whole_step_learns_the_same_whatever_the_budget_of_tokens(dials, tmp_path) -> None:
    save_tiny(tmp_path / "base")
    rows = clear(16)
    found = []
    for budget in (16, 8192):
        optim = OptimSettings(learning_rate=1e-3, batch_size=8, token_budget=budget)
        asked = RewardRecipe(**dials, samples_each=2, sample_prompts=8, sample_tokens=9, optim=optim)
        work, shown = tmp_path / str(budget), Progress(lambda *told: None, 1)
        model = train_robust(Lesson(load_policy(str(tmp_path / "base")), rows, [], asked, optim, work, shown))
        found.append(dict(model.classifier.named_parameters()))
    for name, parameter in found[0].items():
        assert torch.equal(parameter, found[1][name]), name


def test_declared_features_learn_what_they_can_see_and_show_their_weights(tmp_path) -> None:
    rows = clear(130)
    names = ["question mark: any", "log words"]
    directory = job(tmp_path, "features", rows, method="domain_features", features=names)
    result = run_job(directory, lambda *told: None, lambda: False)
    assert result["accuracy"] > 0.95
    assert result["feature_weights"]["question mark: any"] > abs(result["feature_weights"]["log words"])
    assert result["features"].startswith("question mark: any +")
    asked = pairs(rows[:3])
    loaded = RewardEnsemble.load(directory / "model")
    again = RewardEnsemble.load(directory / "model")
    assert np.array_equal(loaded.score(asked), again.score(asked))
    assert loaded.score(asked).shape == (1, 6)


@pytest.mark.parametrize(
    ("dials", "words"),
    [
        ({"method": "ensemble_pretrain_seeds", "members": 2}, "name two or more as bases"),
        ({"method": "preference_strength"}, "above 0"),
        ({"method": "barfi"}, "name the rules"),
        ({"method": "barfi", "auxiliary": ["charm"]}, "no feature 'charm'"),
        ({"method": "reward_on_policy"}, "above 0"),
        ({"method": "tree_structured"}, "begin alike"),
        ({"method": "convex_da"}, "above 0"),
        ({"method": "reward_fusion"}, "above 0"),
        ({"method": "domain_features", "features": ["charm"]}, "no feature 'charm'"),
    ],
)
def test_a_method_without_what_makes_it_one_is_refused_in_words(dials, words) -> None:
    recipe = RewardRecipe(**dials)
    rows = [
        replace(row, responses=(row.responses[0], [{"role": "assistant", "content": "Xylophone"}]))
        for row in likes_questions(4)
    ]
    with pytest.raises(ValueError, match=words):
        reward_method(recipe).refuse_unfit(recipe, rows)


def test_methods_that_read_no_robust_dial_refuse_it() -> None:
    with pytest.raises(ValueError, match="pessimism has no meaning for davidson"):
        reward_method(RewardRecipe(pessimism=1.0))
    assert reward_method(RewardRecipe(method="plackett_luce_pessimism", pessimism=1.0)).key == "plackett_luce_pessimism"


def test_changed_copies_keep_the_label_and_weigh_together_as_much_as_the_row() -> None:
    row = replace(
        likes_questions(1)[0],
        responses=(
            [{"role": "assistant", "content": "The sea is wide. It is blue and deep."}],
            [{"role": "assistant", "content": "Rivers run to it. They are long and cold."}],
        ),
        weight=3.0,
        p=1.0,
    )
    copies = changed_copies(row, 5, seed=0)
    assert copies == changed_copies(row, 5, seed=0)
    assert 1 < len(copies) <= 5
    assert sum(copy.weight for copy in copies) == pytest.approx(3.0)
    assert all(copy.p == 1.0 and copy.responses[0] != row.responses[0] for copy in copies)
    assert changed_copies(replace(row, responses=([], row.responses[1])), 5, seed=0) == []


def test_common_beginnings_are_counted_in_words() -> None:
    row = likes_questions(1)[0]

    def beside(first: str, second: str) -> PreferenceRow:
        made = [{"role": "assistant", "content": text} for text in (first, second)]
        return replace(row, responses=([made[0]], [made[1]]))  # type: ignore[list-item]

    rows = [beside("the sea is wide", "the sea was"), beside("a b", "a b"), beside("x", "y"), beside("", "y")]
    assert [shared_words(one) for one in rows] == [2, 2, 0, 0]
    assert told_of_trees(rows) == {"pairs_with_a_common_beginning": 0.5, "words_in_common": 2.0}


def test_every_robust_method_says_which_dials_it_reads() -> None:
    for key in ("barfi", "convex_da", "ensemble_pretrain_seeds"):
        assert "features" not in REWARD_METHODS[key].dials
        assert {"pessimism", "strength_margin"} <= set(REWARD_METHODS[key].dials)
    assert json.dumps(REWARD_METHODS["domain_features"].dials)


@pytest.mark.slow
@pytest.mark.computes
def test_a_lower_bound_lies_over_any_model_that_shows_its_states(tmp_path) -> None:
    rows = clear(130)
    directory = job(tmp_path, "bound", rows, method="plackett_luce_pessimism", pessimism=2.0)
    run_job(directory, lambda *told: None, lambda: False)
    loaded = RewardEnsemble.load(directory / "model").members[0]
    assert isinstance(loaded, AdjustedReward)
    assert loaded.bound is not None
    asked = pairs(rows[:10])
    below = loaded.member.score(asked) - loaded.score(asked)
    states = loaded.member.last_states(asked)  # type: ignore[attr-defined]
    assert np.allclose(below, loaded.bound.b * loaded.bound.norm(states))
    assert (below > 0).all()
