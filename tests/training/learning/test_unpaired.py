"""Objectives of single responses: known values, soft labels, what the KL is measured on, and a training that learns."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, tiny_policy, user
from training.learning.logprobs import LogprobCache, response_logprobs
from training.learning.models import load_policy
from training.learning.objectives import PAIR_OBJECTIVES, UNPAIRED_OBJECTIVES, Side, objective_of
from training.learning.objectives.singles import singles, singles_plan, singles_terms, strangers
from training.learning.objectives.training import Material, preference_training
from training.learning.objectives.unpaired import UnpairedTerms, unpaired_losses
from training.learning.optimise import optimise
from training.learning.recipes import ObjectiveDials, OptimSettings, PolicyRecipe
from training.learning.rows import PreferenceRow

DIALS = ObjectiveDials(beta=0.1)


def terms(ratios: list[float], good: list[float], kl: float = 0.0) -> UnpairedTerms:
    values, labels = (torch.tensor(numbers, dtype=torch.float64) for numbers in (ratios, good))
    side = Side(values, torch.zeros_like(values), torch.full_like(values, 5.0))
    return UnpairedTerms(side, labels, torch.ones_like(values), torch.tensor(kl, dtype=torch.float64))


def rows(count: int, p: float = 1.0) -> list[PreferenceRow]:
    good, bad = answer("The sea is deep."), answer("Thanks! Blue.")
    return [
        PreferenceRow(number, user(f"Question {number}"), (good, bad), (None, None), p, None, 1.0, "person", ())
        for number in range(count)
    ]


def test_kto_gains_and_loses_around_the_divergence() -> None:
    losses = unpaired_losses(UNPAIRED_OBJECTIVES["kto"], terms([8.0, 8.0], [1.0, 0.0], kl=3.0), DIALS)
    won = 1 / (1 + math.exp(-0.5))
    assert losses.tolist() == pytest.approx([1 - won, won])


def test_kto_without_divergence_is_the_anchored_loss() -> None:
    given_terms = terms([4.0, -2.0, 7.0], [1.0, 0.0, 0.3])
    kto, anchored = (
        unpaired_losses(UNPAIRED_OBJECTIVES[key], given_terms, DIALS) for key in ("kto", "apo_zero_unpaired")
    )
    assert torch.allclose(kto, anchored)


def test_the_classifiers_shift_lies_between_both_kinds_whatever_their_numbers() -> None:
    """A pooled mean would lie at the good ones' reward, because there are nine of them."""
    many = terms([10.0] * 9 + [-30.0], [1.0] * 9 + [0.0])
    losses = unpaired_losses(UNPAIRED_OBJECTIVES["bco"], many, DIALS)
    assert losses[0].item() == pytest.approx(math.log1p(math.exp(-(1.0 + 1.0))))
    assert losses[-1].item() == pytest.approx(math.log1p(math.exp(-(3.0 - 1.0))))


def test_a_batch_of_pairs_halves_the_paired_anchored_loss() -> None:
    chosen, rejected = terms([4.0], [1.0]).side, terms([-2.0], [0.0]).side
    paired = PAIR_OBJECTIVES["apo_zero"].loss(chosen, rejected, DIALS)
    single = unpaired_losses(UNPAIRED_OBJECTIVES["apo_zero_unpaired"], terms([4.0, -2.0], [1.0, 0.0]), DIALS)
    assert torch.allclose(single.mean(), paired.mean() / 2)


@given(ratio=st.floats(-40, 40), good=st.floats(0, 1), key=st.sampled_from(["kto", "apo_zero_unpaired"]))
def test_a_soft_label_mixes_both_losses_with_their_weights(ratio: float, good: float, key: str) -> None:
    dials = ObjectiveDials(beta=0.1, desirable_weight=2.0, undesirable_weight=0.5)
    objective = UNPAIRED_OBJECTIVES[key]
    up, down, mixed = (float(unpaired_losses(objective, terms([ratio], [g]), dials)) for g in (1.0, 0.0, good))
    assert mixed == pytest.approx(good * up + (1 - good) * down, abs=1e-9)
    assert up == pytest.approx(2 * float(unpaired_losses(objective, terms([ratio], [1.0]), DIALS)))


def test_both_responses_of_a_row_are_examples_and_a_tie_is_half_good() -> None:
    found = singles([*rows(1), *rows(1, p=0.5)])
    assert [one.good for one in found] == [1.0, 0.0, 0.5, 0.5]
    assert found[0].response != found[1].response


@given(count=st.integers(2, 12), seed=st.integers(0, 99))
def test_the_divergence_is_measured_on_responses_to_other_prompts(count: int, seed: int) -> None:
    found = singles(
        [
            PreferenceRow(
                n, user(f"Q{n}"), (answer(f"Yes {n}"), answer(f"No {n}")), (None, None), 1.0, None, 1.0, "person", ()
            )
            for n in range(count)
        ]
    )
    for one, stranger in zip(found, strangers(found, seed), strict=True):
        assert stranger[0]["content"].split()[1] != one.prompt[-1]["content"][1:]
    assert strangers(found, seed) == strangers(found, seed)


def test_at_the_reference_there_is_no_divergence_and_away_from_it_it_is_the_mean_gap(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "tiny")
    objective = UNPAIRED_OBJECTIVES["kto"]
    settings = OptimSettings(batch_size=8)
    plan = singles_plan(policy, rows(4), settings, max_length=128, objective=objective)
    ((micro,),) = [plan.steps[0]]
    assert float(singles_terms(policy.model, micro).kl) == pytest.approx(0.0, abs=1e-4)
    with torch.no_grad():
        policy.model.lm_head.weight.mul_(1.1)
    now = singles_terms(policy.model, micro)
    found = singles(rows(4))
    groups = [
        policy.text.group(one.prompt, [stranger])
        for one, stranger in zip(found, strangers(found, settings.seed), strict=True)
    ]
    there = [values[0].sum() for values in response_logprobs(load_policy(tmp_path / "tiny"), groups)]
    here = [values[0].sum() for values in response_logprobs(policy, groups)]
    expected = torch.stack(here).sub(torch.stack(there)).mean().clamp(min=0)
    assert now.kl.item() == pytest.approx(float(expected), abs=1e-3)
    assert not now.kl.requires_grad


@pytest.mark.parametrize("key", sorted(UNPAIRED_OBJECTIVES))
def test_training_on_single_responses_prefers_the_good_style_on_a_new_prompt(key: str, tmp_path: Path) -> None:
    policy, reference = tiny_policy(tmp_path / "tiny"), load_policy(tmp_path / "tiny")
    recipe = PolicyRecipe(loss_type=key, beta=0.5, max_length=128)
    settings = OptimSettings(learning_rate=3e-3, batch_size=8, num_train_epochs=6.0, save_seconds=0)
    new = policy.text.group(user("Something else"), [answer("The sea is deep."), answer("Thanks! Blue.")])
    before = [values.sum() for values in response_logprobs(policy, [new])[0]]
    cache = LogprobCache(tmp_path / "cache", "a" * 64)
    training = preference_training(Material(policy, rows(12), recipe, settings, reference, cache, compute=None))
    seen: list[dict[str, float]] = []
    optimise(
        policy.model,
        training.steps,
        training.loss,
        settings,
        directory=tmp_path / "run",
        report=lambda step, total, metrics: seen.append(metrics),
    )
    after = [values.sum() for values in response_logprobs(policy, [new])[0]]
    assert (after[0] - before[0]) - (after[1] - before[1]) > 1.0
    assert seen[-1]["rewards/margins"] > 0.5 and seen[-1]["loss"] < seen[0]["loss"]
    assert len(cache) == 24 and len(training.steps) == 18


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss_weights": {"sft": 0.1}}, "mixes with nothing"),
        ({"ld_alpha": 0.5}, "ld_alpha has no meaning for kto"),
        ({"desirable_weight": -1.0}, "desirable_weight is at least 0"),
    ],
)
def test_a_recipe_of_singles_that_does_not_fit_is_refused_in_words(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        objective_of(PolicyRecipe.from_json({"loss_type": "kto", **changes}))
    assert objective_of(PolicyRecipe(loss_type="kto", undesirable_weight=1.3)).key == "kto"
