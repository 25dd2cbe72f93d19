"""Pair objectives: known values, soft labels, weights, and a training that learns what it is told."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, tiny_policy, user
from training.learning.logprobs import LogprobCache, response_logprobs
from training.learning.models import Policy
from training.learning.objectives import (
    PAIR_OBJECTIVES,
    PairTerms,
    Side,
    mixture,
    pair_objective,
    soft_loss,
)
from training.learning.objectives.pairs import pair_loss, pair_metrics, pair_plan, pair_terms
from training.learning.objectives.sft import sft_loss, sft_steps
from training.learning.optimise import optimise
from training.learning.recipes import ObjectiveDials, OptimSettings
from training.learning.rows import PreferenceRow

DIALS = ObjectiveDials(beta=0.1)
NUMBERS = st.floats(-60, -0.1)
LENGTHS = st.integers(1, 60)


def side(policy: float, reference: float, length: int = 10) -> Side:
    values = (torch.tensor([value], dtype=torch.float64) for value in (policy, reference, float(length)))
    return Side(*values)


def terms(first: Side, second: Side, p: float = 1.0, weight: float = 1.0) -> PairTerms:
    label, weights = (torch.tensor([value], dtype=torch.float64) for value in (p, weight))
    return PairTerms(first, second, label, weights)


SOFT = st.sampled_from(sorted(key for key, objective in PAIR_OBJECTIVES.items() if not objective.whole_batch))
SIDES = st.builds(side, NUMBERS, NUMBERS, LENGTHS)


def test_dpo_is_the_logistic_loss_of_the_scaled_gap() -> None:
    loss = soft_loss(PAIR_OBJECTIVES["sigmoid"], terms(side(-10, -12), side(-9, -6)), DIALS)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-0.1 * (2 + 3))))


def test_ipo_is_the_squared_distance_of_the_mean_gap_to_its_margin() -> None:
    loss = soft_loss(PAIR_OBJECTIVES["ipo"], terms(side(-10, -12, 4), side(-9, -6, 6)), DIALS)
    assert loss.item() == pytest.approx((2 / 4 + 3 / 6 - 5.0) ** 2)


def test_sft_as_a_pair_objective_is_the_chosen_responses_loss_per_token() -> None:
    loss = soft_loss(PAIR_OBJECTIVES["sft"], terms(side(-10, 0, 4), side(-9, 0, 6)), DIALS)
    assert loss.item() == pytest.approx(2.5)


@given(first=SIDES, second=SIDES, p=st.floats(0, 1), weight=st.floats(0, 5), key=SOFT)
def test_naming_the_sides_the_other_way_round_changes_nothing(
    first: Side, second: Side, p: float, weight: float, key: str
) -> None:
    objective = PAIR_OBJECTIVES[key]
    there = soft_loss(objective, terms(first, second, p, weight), DIALS)
    back = soft_loss(objective, terms(second, first, 1.0 - p, weight), DIALS)
    assert torch.allclose(there, back, rtol=1e-9)


@given(first=SIDES, second=SIDES, p=st.floats(0, 1), weight=st.floats(0, 5), key=SOFT)
def test_a_soft_label_mixes_the_two_certain_losses_and_the_weight_multiplies(
    first: Side, second: Side, p: float, weight: float, key: str
) -> None:
    objective = PAIR_OBJECTIVES[key]
    won, lost = (soft_loss(objective, terms(first, second, label), DIALS) for label in (1.0, 0.0))
    mixed = soft_loss(objective, terms(first, second, p, weight), DIALS)
    assert torch.allclose(mixed, weight * (p * won + (1 - p) * lost), rtol=1e-9, atol=1e-12)


@given(first=SIDES, second=SIDES, smooth=st.floats(0, 0.49))
def test_label_smoothing_is_the_soft_label_one_minus_epsilon(first: Side, second: Side, smooth: float) -> None:
    objective = PAIR_OBJECTIVES["sigmoid"]
    smoothed = soft_loss(objective, terms(first, second), ObjectiveDials(beta=0.1, label_smoothing=smooth))
    assert torch.allclose(smoothed, soft_loss(objective, terms(first, second, 1 - smooth), DIALS), rtol=1e-9)


def test_a_tie_pulls_the_policy_back_to_the_reference() -> None:
    gap = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    zero, ten = torch.zeros(1, dtype=torch.float64), torch.full((1,), 10.0, dtype=torch.float64)
    pair = PairTerms(Side(gap, zero, ten), Side(-gap, zero, ten), zero + 0.5, zero + 1.0)
    (slope,) = torch.autograd.grad(soft_loss(PAIR_OBJECTIVES["sigmoid"], pair, DIALS).sum(), gap)
    assert slope.item() == pytest.approx(0.2 * (1 / (1 + math.exp(-0.6)) - 0.5))


def test_an_unknown_objective_is_refused_with_the_names_there_are() -> None:
    assert pair_objective("ipo").key == "ipo"
    with pytest.raises(ValueError, match=r"no pair objective 'dpo'; there are alpha_po, .*, sigmoid"):
        pair_objective("dpo")


def test_metrics_name_the_likelier_response_chosen_and_count_a_tie_half() -> None:
    pair = terms(side(-10, -12), side(-9, -6), p=0.3)
    found = pair_metrics(pair, DIALS)
    assert found == {
        "rewards/chosen": pytest.approx(-0.3),
        "rewards/rejected": pytest.approx(0.2),
        "rewards/margins": pytest.approx(-0.5),
        "rewards/accuracies": 0.0,
        "logps/chosen": -9.0,
        "logps/rejected": -10.0,
    }
    assert pair_metrics(replace(pair, p_P=pair.p_P * 0 + 0.5), DIALS)["rewards/accuracies"] == 0.5


# Training on rows


def rows(texts: Sequence[tuple[str, str]], p: float = 1.0, weight: float = 1.0) -> list[PreferenceRow]:
    return [
        PreferenceRow(
            comparison_id=number,
            prompt=user(f"Question {number}"),
            responses=(answer(first), answer(second)),
            response_ids=(None, None),
            p=p,
            strength=None,
            weight=weight,
            source="person",
            judgment_ids=(),
        )
        for number, (first, second) in enumerate(texts)
    ]


PAIRS = [("The sea is deep.", "Thanks! Blue."), ("It is wide.", "Thanks! Tell me."), ("And deep.", "Thanks! Hm.")] * 4
SETTINGS = OptimSettings(learning_rate=3e-3, batch_size=4, num_train_epochs=6.0, token_budget=120, save_seconds=0)


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    return tiny_policy(tmp_path / "tiny")


@pytest.mark.parametrize("key", ["sigmoid", "ipo"])
def test_training_on_pairs_prefers_the_chosen_style_on_a_new_prompt(policy: Policy, tmp_path: Path, key: str) -> None:
    objective = mixture(key)
    new = policy.text.group(user("Something else"), [answer("The sea is deep."), answer("Thanks! Blue.")])
    before = [values.sum() for values in response_logprobs(policy, [new])[0]]
    plan = pair_plan(policy, rows(PAIRS), SETTINGS, max_length=128, objective=objective)
    reports: list[dict[str, float]] = []
    optimise(
        policy.model,
        plan.steps,
        pair_loss(objective, ObjectiveDials(beta=0.5)),
        SETTINGS,
        directory=tmp_path / "run",
        report=lambda step, total, metrics: reports.append(metrics),
    )
    after = [values.sum() for values in response_logprobs(policy, [new])[0]]
    assert (after[0] - before[0]) - (after[1] - before[1]) > 1.0
    assert reports[0]["rewards/margins"] == pytest.approx(0.0, abs=1e-4)
    assert reports[-1]["rewards/margins"] > 0.5 and reports[-1]["loss"] < reports[0]["loss"]
    assert len(plan.steps) == 18 and plan.cut["groups_cut"] == 0


def test_the_plan_reads_the_reference_before_the_first_step_and_keeps_it(policy: Policy, tmp_path: Path) -> None:
    cache = LogprobCache(tmp_path / "cache", "a" * 64)
    objective = mixture("sigmoid")
    plan = pair_plan(policy, rows(PAIRS), SETTINGS, max_length=128, objective=objective, cache=cache)
    assert len(cache) == 24
    for micro in plan.steps[0]:
        terms_now = pair_terms(policy.model, micro)
        assert torch.allclose(terms_now.first.ratio_P, torch.zeros(1), atol=1e-4)
        assert terms_now.second.length_P.min() > 1
    with torch.no_grad():
        policy.model.lm_head.weight.mul_(1.1)
    again = pair_plan(policy, rows(PAIRS), SETTINGS, max_length=128, objective=objective, cache=cache)
    assert torch.equal(again.steps[0][0].reference_P2, plan.steps[0][0].reference_P2)
    assert not torch.allclose(pair_terms(policy.model, again.steps[0][0]).first.ratio_P, torch.zeros(1), atol=0.1)


def test_an_objective_without_reference_never_computes_one(policy: Policy) -> None:
    plan = pair_plan(policy, rows(PAIRS), SETTINGS, max_length=128, objective=mixture("sft"))
    assert all(micro.reference_P2.eq(0).all() for micro in plan.steps[0])


def test_a_cut_by_max_length_is_counted(policy: Policy) -> None:
    plan = pair_plan(policy, rows(PAIRS), SETTINGS, max_length=20, objective=mixture("sft"))
    assert plan.cut["groups_cut"] == 12 and plan.cut["prompt_tokens_cut"] > 12


def test_weight_zero_teaches_nothing(policy: Policy, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in policy.model.state_dict().items()}
    objective = mixture("sigmoid")
    plan = pair_plan(policy, rows(PAIRS, weight=0.0), SETTINGS, max_length=128, objective=objective)
    optimise(policy.model, plan.steps[:3], pair_loss(objective, DIALS), SETTINGS, directory=tmp_path / "run")
    assert all(torch.equal(value, before[name]) for name, value in policy.model.state_dict().items())


def test_an_added_likelihood_term_raises_the_chosen_response(policy: Policy, tmp_path: Path) -> None:
    objective = mixture("sigmoid", {"sft": 1.0})
    plan = pair_plan(policy, rows(PAIRS), SETTINGS, max_length=128, objective=objective)
    reports: list[dict[str, float]] = []
    optimise(
        policy.model,
        plan.steps,
        pair_loss(objective, DIALS),
        SETTINGS,
        directory=tmp_path / "run",
        report=lambda step, total, metrics: reports.append(metrics),
    )
    assert reports[-1]["logps/chosen"] > reports[0]["logps/chosen"] + 5.0


def test_fine_tuning_learns_weighted_responses(policy: Policy, tmp_path: Path) -> None:
    group = policy.text.group(user("Tell me."), [answer("The sea is wide."), answer("Thanks! Blue.")])
    before = [values.sum() for values in response_logprobs(policy, [group])[0]]
    steps = sft_steps(policy, [group] * 8, SETTINGS, weights=[(1.0, 0.0)] * 8)
    optimise(policy.model, steps, sft_loss(), SETTINGS, directory=tmp_path / "run")
    after = [values.sum() for values in response_logprobs(policy, [group])[0]]
    assert after[0] - before[0] > 5.0 > after[1] - before[1]


# Modifiers, against plain arithmetic on the model's own log-probabilities


def one_step(policy: Policy, dials: ObjectiveDials) -> PairTerms:
    settings = OptimSettings(batch_size=3)
    plan = pair_plan(policy, rows(PAIRS[:3]), settings, max_length=128, objective=mixture("sigmoid"), dials=dials)
    assert len(plan.steps) == 1
    found = [pair_terms(policy.model, micro, dials) for micro in plan.steps[0]]
    return max(found, key=lambda one: len(one.p_P))


def test_what_one_response_has_beyond_the_others_length_counts_less(policy: Policy) -> None:
    found = one_step(policy, ObjectiveDials(ld_alpha=0.4))
    assert torch.allclose(found.first.ratio_P, torch.zeros(len(found.p_P)), atol=1e-4)  # the reference's too
    known = {}
    for pair in PAIRS[:3]:
        for number in range(3):
            group = policy.text.group(user(f"Question {number}"), [answer(text) for text in pair])
            values = response_logprobs(policy, [group])[0]
            shared = min(map(len, values))
            sums = [float(one[:shared].sum() + 0.4 * one[shared:].sum()) for one in values]
            known[round(sums[0], 3), round(sums[1], 3)] = True
    for first, second in zip(found.first.policy_P.tolist(), found.second.policy_P.tolist(), strict=True):
        assert any(abs(first - a) < 2e-3 and abs(second - b) < 2e-3 for a, b in known)


def test_a_pairs_own_weight_is_how_likely_the_policy_finds_it(policy: Policy) -> None:
    """WPO's weight from the model's whole distribution at every token of the response."""
    found = one_step(policy, ObjectiveDials(use_weighting=True))
    assert found.first.certainty_P is not None and not found.first.certainty_P.requires_grad
    expected = []
    for number, pair in enumerate(PAIRS[:3]):
        for text in pair:
            group = policy.text.group(user(f"Question {number}"), [answer(text)])
            ids = torch.tensor([[*group.prompt, *group.responses[0]]])
            with torch.no_grad():
                logprobs = policy.model(input_ids=ids).logits[0, len(group.prompt) - 1 : -1].log_softmax(-1)
            chosen = logprobs.gather(1, torch.tensor(group.responses[0])[:, None])[:, 0]
            expected.append(float((chosen - logprobs.mul(2).logsumexp(-1)).mean().exp()))
    for weight in (*found.first.certainty_P.tolist(), *found.second.certainty_P.tolist()):  # type: ignore[union-attr]
        assert min(abs(weight - one) for one in expected) < 1e-4
    plain = replace(found, first=replace(found.first, certainty_P=None))
    both = found.first.certainty_P * found.second.certainty_P  # type: ignore[operator]
    losses = soft_loss(PAIR_OBJECTIVES["sigmoid"], found, DIALS)
    assert torch.allclose(losses, both * soft_loss(PAIR_OBJECTIVES["sigmoid"], plain, DIALS))


def test_label_smoothing_of_a_batch_mixes_it_with_the_batch_turned_round() -> None:
    first, second = (
        Side(*(torch.tensor(v) for v in values))
        for values in (([-3.0, -9.0], [-5.0, -6.0], [4.0, 4.0]), ([-7.0, -2.0], [-6.0, -3.0], [4.0, 4.0]))
    )
    pair = PairTerms(first, second, torch.ones(2), torch.ones(2))
    smoothed = soft_loss(PAIR_OBJECTIVES["aot"], pair, ObjectiveDials(label_smoothing=0.2))
    there, back = (PAIR_OBJECTIVES["aot"].loss(*sides, DIALS) for sides in ((first, second), (second, first)))
    assert torch.allclose(smoothed, 0.8 * there + 0.2 * back)
