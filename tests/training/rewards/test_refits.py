"""Refits of a reward model: what is known is not computed again, and the weights are those of a cold one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from tests.training.learning.tiny import save_tiny, tiny_policy
from tests.training.rewards.test_pairwise import likes_questions, pairs
from training.learning.devices import resolve
from training.learning.job import Job
from training.learning.jobs import run_job
from training.learning.models import NoModel, load_policy
from training.learning.recipes import OptimSettings, RewardRecipe
from training.learning.rewards import frozen
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.fast.posterior import PRIOR_SCALES
from training.learning.rewards.frozen import Shared, Warm
from training.learning.rewards.lesson import Lesson, Progress
from training.learning.rewards.methods import reward_method
from training.learning.rewards.pairwise import PairwiseReward
from training.learning.rewards.pairwise_lesson import fit_head, fit_ties
from training.learning.rewards.reading import head
from training.learning.rewards.warm_start import train_warm, warm_rows
from training.learning.rows import Message, PreferenceRow
from training.learning.text import RENDERING

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


def test_renderings_of_an_older_version_of_the_code_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tiny_policy(tmp_path / "policy")
    asked, rendered = pairs(ROWS[:2]), []

    def render(prompt: Sequence[Message], response: Sequence[Message]) -> tuple[int, ...]:
        rendered.append(prompt)
        return (1, 2, 3)

    def read() -> int:
        before = len(rendered)
        Shared(tmp_path / "cache").states_of(policy, 512).read(asked, render)
        return len(rendered) - before

    assert (read(), read()) == (len(asked), 0)
    monkeypatch.setattr(frozen, "RENDERING", RENDERING + 1)
    assert (read(), read()) == (len(asked), 0)


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


def stated(number: int, strength: int) -> PreferenceRow:
    return replace(ROWS[number], p=1.0 if strength > 0 else 0.0, strength=strength)


def test_a_head_alone_counts_a_strong_verdict_as_often_as_its_strength_says(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "policy")
    rows = [stated(number, (1, 3, -1, -3)[number % 4]) for number in range(24)]
    twice = [replace(one, weight=1.0 if abs(one.strength or 0) == 1 else 2.0) for one in rows]  # 1 + ½·(3 - 1)

    def fitted(seen: list[PreferenceRow], strength_margin: float) -> np.ndarray[Any, Any]:
        model = PairwiseReward.from_policy(policy, method="bradley_terry")
        fit_head(model, model.last_states(pairs(seen)), seen, recipe(strength_margin=strength_margin))
        return head(model.classifier).weight[0].detach().numpy()

    assert np.array_equal(fitted(rows, 0.5), fitted(twice, 0.0))
    assert not np.allclose(fitted(rows, 0.5), fitted(rows, 0.0))


def test_a_head_alone_is_centred_as_the_whole_model_is(tmp_path: Path) -> None:
    """The minimum of the recipe's own loss and the head's prior, found by another optimiser."""
    model = PairwiseReward.from_policy(tiny_policy(tmp_path / "policy"), method="bradley_terry")
    chance = np.random.default_rng(0)
    states = chance.normal(size=(40, head(model.classifier).in_features)) + 0.5
    rows = [stated(number, 1 if number % 3 else -2) for number in range(20)]
    asked = recipe(center_rewards_coefficient=0.3, strength_margin=0.5)
    fit_head(model, states, rows, asked)
    found = head(model.classifier).weight[0].detach().double().numpy()

    label = np.array([row.p for row in rows])
    weight = np.array([1.5 if abs(row.strength or 0) == 2 else 1.0 for row in rows])
    first, second = states[0::2], states[1::2]
    typical = np.sqrt(((first - second) ** 2).sum(1).mean())

    def cost(theta: Any, scale: float) -> float:
        gap, sum_ = (first - second) @ theta, (first + second) @ theta
        told = np.logaddexp(0.0, -gap) * label + np.logaddexp(0.0, gap) * (1.0 - label)
        prior = 0.5 * ((theta * typical) ** 2).sum() / scale**2
        return float((weight * (told + 0.3 * sum_**2)).sum() + prior)

    best = [minimize(cost, np.zeros(len(found)), (scale,), tol=1e-10).x for scale in PRIOR_SCALES]
    assert min(np.abs(found - one).max() / np.abs(one).max() for one in best) < 1e-2
    with torch.no_grad():
        sums = (first + second) @ found
        model.start_from_states(states, label.tolist(), weight.tolist())
        assert np.abs(sums).mean() < 0.5 * np.abs((first + second) @ head(model.classifier).weight[0].numpy()).mean()


@pytest.mark.parametrize("dials", [{"train": "head"}, {"method": "domain_features"}])
def test_adapters_are_refused_where_no_backbone_is_trained(dials: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="lora adapts a backbone"):
        reward_method(RewardRecipe.from_json({**dials, "lora": {"r": 4}}))


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


def test_each_member_goes_on_from_itself_and_the_evaluation_member_never_from_another(tmp_path: Path) -> None:
    save_tiny(tmp_path / "base")
    began = []
    earlier = tmp_path / "earlier"
    for place, seed in ((earlier, 1), (earlier / "member-1", 2), (earlier / "evaluation", 3)):
        PairwiseReward.from_policy(tiny_policy(tmp_path / f"policy-{seed}", seed=seed)).save(place, "card")
        began.append(dict(PairwiseReward.load(place).named_parameters()))
    still = replace(recipe().optim, learning_rate=1e-12)
    asked = replace(lesson(tmp_path, Warm(earlier, ROWS), warm_share=0.01), settings=still)

    def moved(number: int | None, start: dict[str, torch.Tensor]) -> float:
        made = train_warm(replace(asked, number=number, place=tmp_path / f"work-{number}", findings={}))
        return max(float((value - start[name]).detach().abs().max()) for name, value in made.named_parameters())

    assert [moved(number, start) for number, start in zip((0, 1, None), began, strict=True)] == pytest.approx(
        [0.0] * 3, abs=1e-9
    )
    (earlier / "evaluation").rename(tmp_path / "gone")
    for number in (None, 2):  # none of that name: cold, and not from the first member
        cold = replace(asked, number=number, place=tmp_path / f"cold-{number}", findings={})
        train_warm(cold)
        assert cold.findings["began"].startswith("cold")


def test_another_length_is_refused_in_words(tmp_path: Path) -> None:
    refit(tmp_path, "first", 40, method="warm_start")
    warm = {"warm": str(tmp_path / "first" / "model")}
    with pytest.raises(NoModel, match="same max_length"):
        refit(tmp_path, "second", 40, method="warm_start", max_length=64, **warm)
