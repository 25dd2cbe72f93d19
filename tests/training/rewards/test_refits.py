"""Refits of a reward model: what is known is not computed again, and the weights are those of a cold one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.learning.tiny import save_tiny, tiny_policy
from tests.training.rewards.test_pairwise import likes_questions, pairs
from training.learning.devices import resolve
from training.learning.job import Job
from training.learning.jobs import run_job
from training.learning.models import NoModel, load_policy
from training.learning.recipes import OptimSettings, RewardRecipe
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.frozen import Shared, Warm
from training.learning.rewards.lesson import Lesson, Progress
from training.learning.rewards.pairwise import PairwiseReward
from training.learning.rewards.pairwise_lesson import fit_ties
from training.learning.rewards.reading import head
from training.learning.rewards.warm_start import train_warm, warm_rows

ROWS = likes_questions(150)
PLAN = replace(resolve(), threads=1).to_json()


def recipe(**dials: Any) -> RewardRecipe:
    return RewardRecipe(optim=OptimSettings(learning_rate=1e-3, batch_size=16), **dials)


def refit(place: Path, name: str, count: int, cache: str | None = None, **dials: Any) -> dict[str, Any]:
    warm = {key: dials.pop(key) for key in ("warm", "learned") if key in dials}
    base = place / "base"
    if not base.exists():
        save_tiny(base)
    shared = None if cache is None else str(place / cache)
    Job("reward", str(base), recipe(**dials).to_json(), compute=PLAN, cache=shared, **warm).write(
        place / name, ROWS[:count]
    )
    return run_job(place / name, lambda *told: None, lambda: False)


def test_a_head_only_refit_computes_the_new_states_alone_and_ends_with_the_cold_ones_weights(tmp_path: Path) -> None:
    first = refit(tmp_path, "first", 140, "cache", train="head")
    again = refit(tmp_path, "again", 142, "cache", train="head")
    cold = refit(tmp_path, "cold", 142, train="head")
    sides = {repr(side) for row in ROWS[:142] for side in ((row.prompt, one) for one in row.responses)}
    known = {repr(side) for row in ROWS[:140] for side in ((row.prompt, one) for one in row.responses)}
    assert first["passes"]["states"]["found"] == 0
    assert again["passes"]["states"] == {
        "asked": len(sides),
        "found": len(known),
        "computed": len(sides) - len(known),
    }
    assert again["digest"] == cold["digest"] != first["digest"]
    assert again["log_loss"] == cold["log_loss"]
    assert again["accuracy"] > 0.75


@pytest.mark.slow
def test_a_refit_of_the_whole_model_ends_with_the_cold_ones_weights(tmp_path: Path) -> None:
    refit(tmp_path, "first", 60, "cache")
    assert refit(tmp_path, "again", 64, "cache")["digest"] == refit(tmp_path, "cold", 64)["digest"]


def test_frozen_states_are_those_the_head_reads(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "policy")
    model = PairwiseReward.from_policy(policy)
    asked = pairs(ROWS[:6])
    found = Shared(tmp_path / "cache").states_of(policy, 512).read(asked, model.tokens)
    np.testing.assert_allclose(found, model.last_states(asked), atol=1e-4)
    assert Shared(tmp_path / "cache").states_of(policy, 512).read([], model.tokens).size == 0


def test_the_tie_parameter_of_a_head_is_the_likeliest_one(tmp_path: Path) -> None:
    model = PairwiseReward.from_policy(tiny_policy(tmp_path / "policy"))
    rows = [replace(row, strength=0, p=0.5) for row in ROWS[:30]] + [
        replace(row, p=1.0, strength=1) for row in ROWS[30:90]
    ]
    states = np.zeros((180, head(model.classifier).in_features))
    fit_ties(model, states, rows, recipe())
    # With equal rewards Davidson's share of ties is ν / (2 + ν): a third gives ν = 1.
    assert float(model.log_tie.detach()) == pytest.approx(0.0, abs=1e-2)
    fit_ties(model, states, [replace(row, strength=None) for row in rows], recipe())
    assert float(model.log_tie.detach()) == pytest.approx(0.0, abs=1e-2)


def lesson(place: Path, warm: Warm | None, **dials: Any) -> Lesson:
    asked = recipe(method="warm_start", **dials)
    return Lesson(
        policy=load_policy(str(place / "base")),
        train=ROWS,
        kept=[],
        recipe=asked,
        settings=asked.optim,
        place=place / "work" / "member-0",
        progress=Progress(lambda *told: None, 1),
        shared=Shared(place / "cache", warm=warm),
    )


@pytest.mark.parametrize(
    ("learned", "replay", "new", "old"),
    [(148, 0.5, 2, 78), (75, 0.5, 40, 40), (75, 0.0, 75, 5), (75, 1.0, 5, 75), (0, 0.5, 80, 0), (150, 0.5, 0, 80)],
)
def test_a_warm_refit_takes_its_share_of_steps_and_mixes_new_with_old(
    tmp_path: Path, learned: int, replay: float, new: int, old: int
) -> None:
    save_tiny(tmp_path / "base")
    asked = lesson(tmp_path, None, replay=replay, warm_share=0.5)
    rows, steps = warm_rows(asked, Warm(tmp_path, ROWS[:learned]))
    assert steps == 5  # of 10
    known = {row.comparison_id for row in ROWS[:learned]}
    assert sum(row.comparison_id in known for row in rows) == old
    assert len(rows) == old + new


@pytest.mark.slow
def test_a_warm_refit_goes_on_from_the_model_there_is(tmp_path: Path) -> None:
    first = refit(tmp_path, "first", 140, method="warm_start")
    assert first["began"].startswith("cold")
    warm = {"warm": str(tmp_path / "first" / "model"), "learned": str(tmp_path / "first" / "snapshot.jsonl")}
    second = refit(tmp_path, "second", 150, method="warm_start", shrink=0.9, perturb=0.01, **warm)
    assert second["began"].startswith("warm: 1 steps on 16 judgments")
    assert second["digest"] != first["digest"]
    assert second["accuracy"] > 0.75
    assert RewardEnsemble.load(tmp_path / "second" / "model").score(pairs(ROWS[:2])).shape == (1, 4)
    gone = refit(tmp_path, "third", 150, method="warm_start", warm=str(tmp_path / "gone"))
    assert gone["began"].startswith("cold")


@pytest.mark.slow
def test_shrinking_all_the_way_is_a_fresh_model(tmp_path: Path) -> None:
    refit(tmp_path, "first", 140, method="warm_start")
    warm = Warm(tmp_path / "first" / "model", ROWS)
    asked = lesson(tmp_path, warm, shrink=0.0, warm_share=0.01)
    asked = replace(asked, settings=replace(asked.settings, learning_rate=1e-12))
    found = train_warm(asked)
    fresh = PairwiseReward.from_policy(asked.policy)
    for name, parameter in found.named_parameters():
        torch.testing.assert_close(parameter, dict(fresh.named_parameters())[name], atol=1e-6, rtol=0)


def test_another_length_is_refused_in_words(tmp_path: Path) -> None:
    refit(tmp_path, "first", 40, method="warm_start")
    warm = {"warm": str(tmp_path / "first" / "model")}
    with pytest.raises(NoModel, match="same max_length"):
        refit(tmp_path, "second", 40, method="warm_start", max_length=64, **warm)
