"""Ties and graded strength in the policy's loss: probabilities that add up, limits, closed-form optima, plans."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, tiny_policy, user
from training.learning.objectives import PAIR_OBJECTIVES, PairTerms, Side, mixture, objective_of, soft_loss
from training.learning.objectives.pairs import pair_plan, pair_terms, strength_factor, strength_margin
from training.learning.recipes import ObjectiveDials, OptimSettings, PolicyRecipe
from training.learning.rewards.bradley_terry import Labels, davidson_loss
from training.learning.rows import PreferenceRow

TIED = ["davidson_dpo", "rao_kupper_dpo"]
GAPS = st.floats(-40, 40)


def side(ratio: float, offset: float | None = None) -> Side:
    value = torch.tensor([ratio], dtype=torch.float64)
    ahead = None if offset is None else torch.tensor([offset], dtype=torch.float64)
    return Side(value, torch.zeros_like(value), torch.full_like(value, 5.0), offset_P=ahead)


def row(p: float, strength: int | None) -> PreferenceRow:
    good, bad = answer("The sea is deep."), answer("Thanks! Blue.")
    return PreferenceRow(1, user("The sea?"), (good, bad), (None, None), p, strength, 1.0, "person", ())


def outcomes(key: str, gap: float, dials: ObjectiveDials) -> list[float]:
    """Probabilities of first, tie, second."""
    objective, first, second = PAIR_OBJECTIVES[key], side(gap), side(0.0)
    assert objective.tie_loss is not None
    losses = (
        objective.loss(first, second, dials),
        objective.tie_loss(first, second, dials),
        objective.loss(second, first, dials),
    )
    return [math.exp(-float(loss)) for loss in losses]


@pytest.mark.parametrize("key", TIED)
@given(gap=GAPS, tie=st.floats(0.01, 0.95))
def test_the_three_outcomes_add_up_to_one(key: str, gap: float, tie: float) -> None:
    assert sum(outcomes(key, gap, ObjectiveDials(beta=0.3, tie_probability=tie))) == pytest.approx(1.0)


@pytest.mark.parametrize("key", TIED)
@given(tie=st.floats(0.01, 0.95))
def test_equals_tie_as_often_as_the_dial_says(key: str, tie: float) -> None:
    first, tied, second = outcomes(key, 0.0, ObjectiveDials(tie_probability=tie))
    assert tied == pytest.approx(tie) and first == pytest.approx(second)


@pytest.mark.parametrize("key", TIED)
@given(gap=GAPS, p=st.floats(0, 1))
def test_without_ties_the_link_is_dpos(key: str, gap: float, p: float) -> None:
    ones = torch.ones(1, dtype=torch.float64)
    terms = PairTerms(side(gap), side(0.0), p * ones, ones, tie_P=torch.tensor([False]))
    dials = ObjectiveDials(beta=0.2, tie_probability=1e-12)
    plain = soft_loss(PAIR_OBJECTIVES["sigmoid"], terms, dials)
    assert float(soft_loss(PAIR_OBJECTIVES[key], terms, dials)) == pytest.approx(float(plain), abs=1e-6)


@given(gap=GAPS, tied=st.booleans(), p=st.sampled_from([0.0, 0.3, 1.0]))
def test_davidsons_link_is_the_reward_models(gap: float, tied: bool, p: float) -> None:
    ones = torch.ones(1, dtype=torch.float64)
    terms = PairTerms(side(gap), side(0.0), p * ones, 2 * ones, tie_P=torch.tensor([tied]))
    found = soft_loss(PAIR_OBJECTIVES["davidson_dpo"], terms, ObjectiveDials(beta=0.5, tie_probability=0.2))
    labels = Labels(p * ones, torch.tensor([tied]), 2 * ones)
    nu = torch.tensor(math.log(0.5), dtype=torch.float64)  # ν = 2t/(1 − t)
    assert torch.allclose(found, davidson_loss(torch.tensor([0.5 * gap], dtype=torch.float64), nu, labels))


@pytest.mark.parametrize("key", TIED)
def test_stated_ties_pull_rewards_together_and_doubt_does_less(key: str) -> None:
    """Three wins and two ties of a pair: the optimum of the rewards' difference against a search on a grid."""
    counts = {"win": 3.0, "tie": 2.0}
    dials = ObjectiveDials(beta=1.0, tie_probability=0.4)

    def total(gap: torch.Tensor) -> torch.Tensor:
        first, second = (Side(value, torch.zeros_like(gap), torch.ones_like(gap)) for value in (gap, 0 * gap))
        won = PairTerms(first, second, torch.ones_like(gap), torch.ones_like(gap), torch.zeros_like(gap).bool())
        tied = replace(won, p_P=0.5 * torch.ones_like(gap), tie_P=torch.ones_like(gap).bool())
        losses = [soft_loss(PAIR_OBJECTIVES[key], terms, dials) for terms in (won, tied)]
        return counts["win"] * losses[0] + counts["tie"] * losses[1]

    grid = torch.linspace(-1, 6, 7001, dtype=torch.float64)
    best = float(grid[total(grid).argmin()])
    # Both links' likelihood equations at these counts: P(first) − P(second) = wins/n for Davidson (its d enters by
    # halves), and for Rao and Kupper (wins + ties)·σ(−d + θ) = ties·σ(d + θ).
    if key == "davidson_dpo":
        first, _, second = outcomes(key, best, dials)
        assert first - second == pytest.approx(counts["win"] / 5, abs=1e-3)
    else:
        theta = 2 * math.atanh(0.4)
        left = 5 / (1 + math.exp(best - theta))
        right = 2 / (1 + math.exp(-best - theta))
        assert left == pytest.approx(right, abs=5e-3)
    assert total(torch.tensor([0.0])) < total(torch.tensor([6.0]))


# Graded strength


@pytest.mark.parametrize("key", ["sigmoid", "sigmoid_norm", "hinge", "robust", "simpo", "alpha_po", *TIED])
def test_an_offset_is_so_much_reward_taken_from_the_one_found_better(key: str) -> None:
    dials = ObjectiveDials(beta=0.5, strength_offset=1.0, label_smoothing=0.1 if key == "robust" else 0.0)
    objective = PAIR_OBJECTIVES[key]
    tokens = 5.0 if key in ("sigmoid_norm", "simpo") else 1.0  # these divide a ratio by its length
    if key == "alpha_po":
        dials, tokens = replace(dials, alpha=0.0), 5.0
    ahead = objective.loss(side(3.0, 0.7), side(1.0), dials)
    assert torch.allclose(ahead, objective.loss(side(3.0 - tokens * 0.7 / 0.5), side(1.0), dials))
    behind = objective.loss(side(1.0), side(3.0, 0.7), dials)
    assert torch.allclose(behind, objective.loss(side(1.0), side(3.0 - tokens * 0.7 / 0.5), dials))
    assert "strength_offset" in objective.dials


def test_the_optimum_under_an_offset_is_ahead_by_it() -> None:
    """A pair judged first with probability 0.8: σ(β·gap − Δ) = 0.8 where the loss is least."""
    gap = torch.linspace(-5, 15, 20001, dtype=torch.float64)
    offset = torch.full_like(gap, 0.9)
    first = Side(gap, 0 * gap, 0 * gap + 1, offset_P=offset)
    terms = PairTerms(first, Side(0 * gap, 0 * gap, 0 * gap + 1), 0 * gap + 0.8, 0 * gap + 1)
    losses = soft_loss(PAIR_OBJECTIVES["sigmoid"], terms, ObjectiveDials(beta=0.5))
    assert float(gap[losses.argmin()]) == pytest.approx((math.log(4) + 0.9) / 0.5, abs=2e-3)


def test_strength_becomes_a_margin_and_a_weight_by_its_dials() -> None:
    dials = ObjectiveDials(strength_offset=0.5, strength_weight=0.25)
    told = [(1.0, 3), (0.0, -2), (1.0, 1), (0.5, 0), (1.0, None)]
    margins = [strength_margin(row(p, strength), dials) for p, strength in told]
    assert margins == pytest.approx([0.5 * math.log(3), -0.5 * math.log(2), 0.0, 0.0, 0.0])
    assert [strength_factor(row(p, strength), dials) for p, strength in told] == [1.5, 1.25, 1.0, 1.0, 1.0]
    assert {strength_margin(row(p, strength), ObjectiveDials()) for p, strength in told} == {0.0}


def test_a_plan_carries_ties_margins_and_weights_to_the_terms(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "tiny")
    rows = [row(1.0, 3), row(0.5, 0), row(0.5, None)]
    for dials in (ObjectiveDials(strength_offset=0.5, strength_weight=1.0), ObjectiveDials()):
        plan = pair_plan(
            policy, rows, OptimSettings(batch_size=3), max_length=64, objective=mixture("davidson_dpo"), dials=dials
        )
        [micro] = plan.steps[0]
        terms = pair_terms(policy.model, micro, dials)
        assert terms.tie_P is not None and int(terms.tie_P.sum()) == 1
        assert float(terms.weight_P.max()) == 1.0 + 2 * dials.strength_weight
        offset = terms.first.offset_P
        assert (offset is None) == (dials.strength_offset == 0.0)
        if offset is not None:
            assert sorted(offset.tolist()) == pytest.approx([0.0, 0.0, 0.5 * math.log(3)])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tie_probability": 0.3}, "tie_probability has no meaning for sigmoid"),
        ({"loss_type": "ipo", "strength_offset": 0.3}, "strength_offset has no meaning for ipo"),
        ({"tie_probability": 1.0}, r"tie_probability is in \(0, 1\)"),
        ({"strength_weight": -1.0}, "strength_weight is at least 0"),
        ({"loss_type": "aot", "model_pairs_share": 0.0, "strength_weight": 0.5}, "leave strength_weight out"),
    ],
)
def test_dials_of_ties_and_strength_that_nobody_reads_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        objective_of(PolicyRecipe.from_json(changes))
