"""A β for every pair by its reward margin: DPO without it, its formula with it, and where the margins come from."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.training.learning.tiny import answer, tiny_policy, user
from training.learning.objectives import PAIR_OBJECTIVES, PairTerms, Side, mixture, objective_of, soft_loss
from training.learning.objectives.dynamic_beta import LEAST, beta_of, reward_margin
from training.learning.objectives.pairs import pair_plan, pair_terms
from training.learning.online.margins import with_rewards
from training.learning.recipes import ObjectiveDials, OptimSettings, PolicyRecipe
from training.learning.rows import PreferenceRow

KEYS = ["sigmoid", "sigmoid_norm", "hinge", "robust"]


def side(ratio: list[float], margin: list[float] | None = None) -> Side:
    policy = torch.tensor(ratio, dtype=torch.float64, requires_grad=True)
    ahead = None if margin is None else torch.tensor(margin, dtype=torch.float64)
    return Side(policy, torch.zeros_like(policy), torch.full_like(policy, 2.0), margin_P=ahead)


def row(p: float, strength: int | None = None, ratings: tuple[dict, dict] | None = None) -> PreferenceRow:
    sides = (answer("The sea."), answer("Thanks! The sea is wide."))
    return PreferenceRow(1, user("Sea?"), sides, (None, None), p, strength, 1.0, "person", (1,), ratings=ratings)


@pytest.mark.parametrize("key", KEYS)
def test_without_a_weight_or_without_margins_it_is_the_plain_objective(key: str) -> None:
    dials = ObjectiveDials(beta=0.3, label_smoothing=0.1 if key == "robust" else 0.0)
    loss = PAIR_OBJECTIVES[key].loss
    plain = loss(side([1.0, -2.0]), side([0.5, 0.0]), dials)
    assert torch.equal(loss(side([1.0, -2.0], [3.0, -1.0]), side([0.5, 0.0]), dials), plain)
    assert torch.equal(loss(side([1.0, -2.0]), side([0.5, 0.0]), replace(dials, dynamic_beta=0.7)), plain)
    level = loss(side([1.0, -2.0], [0.0, 0.0]), side([0.5, 0.0]), replace(dials, dynamic_beta=0.7))
    assert torch.allclose(level, plain)  # a margin of 0 leaves β as it is


@pytest.mark.parametrize("key", KEYS)
def test_with_a_margin_it_is_the_plain_objective_at_that_pair_s_beta(key: str) -> None:
    dials = ObjectiveDials(beta=0.3, dynamic_beta=0.5, dynamic_beta_rate=2.0, label_smoothing=0.1 * (key == "robust"))
    loss = PAIR_OBJECTIVES[key].loss
    for margin in (2.0, -0.2):
        at, back = (
            replace(dials, beta=max(LEAST, 0.3 * (1 + 0.5 * (1 - math.exp(-2.0 * ahead)))), dynamic_beta=0.0)
            for ahead in (margin, -margin)
        )
        found = loss(side([1.0], [margin]), side([0.5]), dials)
        if key == "robust":  # it reads a pair both ways, and the other way its margin has the other sign
            sigmoid = PAIR_OBJECTIVES["sigmoid"].loss
            right, wrong = sigmoid(side([1.0]), side([0.5]), at), sigmoid(side([0.5]), side([1.0]), back)
            assert torch.allclose(found, (0.9 * right - 0.1 * wrong) / 0.8)
        else:
            assert torch.allclose(found, loss(side([1.0]), side([0.5]), at))


def test_beta_is_held_above_zero_and_below_its_ceiling_whatever_the_margin() -> None:
    dials = ObjectiveDials(beta=0.1, dynamic_beta=0.1)
    found = beta_of(side([0.0] * 4, [-1e6, -10.0, 10.0, 1e6]), side([0.0] * 4), dials)
    assert found.tolist() == pytest.approx([LEAST, LEAST, 0.1 * (1 + 0.1 * (1 - math.exp(-5))), 0.11])
    single = Side(*(torch.zeros(1) for _ in range(3)), margin_P=torch.tensor([-1e30]))
    assert float(beta_of(single, single, dials)) == pytest.approx(LEAST)


def test_the_other_side_has_the_opposite_margin_and_no_gradient_runs_into_it() -> None:
    dials = ObjectiveDials(beta=0.2, dynamic_beta=0.4, dynamic_beta_rate=1.0)
    first, second = side([1.5], [0.7]), side([0.5])
    ones = torch.ones(1, dtype=torch.float64)
    found = soft_loss(PAIR_OBJECTIVES["sigmoid"], PairTerms(first, second, 0.8 * ones, ones), dials)
    forward, back = (0.2 * (1 + 0.4 * (1 - math.exp(-margin))) for margin in (0.7, -0.7))
    expected = -0.8 * F.logsigmoid(forward * ones) - 0.2 * F.logsigmoid(-back * ones)
    assert torch.allclose(found, expected)
    (slope,) = torch.autograd.grad(found, first.policy_P)
    by_hand = -0.8 * forward * torch.sigmoid(-forward * ones) + 0.2 * back * torch.sigmoid(back * ones)
    assert torch.allclose(slope, by_hand)


def test_a_margin_is_a_reward_model_s_else_the_soft_label_s_else_the_stated_strength() -> None:
    rated = ({"reward": 2.5, "tone": 1.0}, {"reward": 1.0})
    assert reward_margin(row(0.9, 3, rated)) == 1.5
    assert reward_margin(row(0.9, 3, ({"tone": 1.0}, {"tone": 5.0}))) == pytest.approx(math.log(9))
    assert reward_margin(row(1.0, 3)) == 3.0 and reward_margin(row(0.0, -2)) == -2.0
    assert reward_margin(row(1.0)) == reward_margin(row(0.5)) == 0.0


class Lengths:
    """A ranker that likes whatever is short."""

    def read(self, pairs: list) -> np.ndarray:
        return np.array([[len(response[0]["content"])] for _, response in pairs], dtype=float)

    def utility(self, seen: np.ndarray, prompt: np.ndarray) -> np.ndarray:
        return -seen[:, 0]


def test_a_run_s_ranker_scores_people_s_pairs() -> None:
    (scored,) = with_rewards([row(1.0, 2, ({"tone": 4.0}, {"tone": 2.0}))], Lengths())
    assert scored.ratings == ({"tone": 4.0, "reward": -8.0}, {"tone": 2.0, "reward": -24.0})
    assert reward_margin(scored) == 16.0 and with_rewards([], Lengths()) == []


def test_a_plan_carries_the_margins_to_the_terms(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "tiny")
    rows = [row(1.0, 3), row(0.25), row(1.0)]
    for dials in (ObjectiveDials(dynamic_beta=0.1), ObjectiveDials()):
        settings = OptimSettings(batch_size=3)
        plan = pair_plan(policy, rows, settings, max_length=64, objective=mixture("sigmoid"), dials=dials)
        [micro] = plan.steps[0]
        margins = pair_terms(policy.model, micro, dials).first.margin_P
        assert (margins is None) == (dials.dynamic_beta == 0.0)
        if margins is not None:
            assert sorted(margins.tolist()) == pytest.approx([-math.log(3), 0.0, 3.0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss_type": "ipo", "dynamic_beta": 0.1}, "dynamic_beta has no meaning for ipo"),
        ({"dynamic_beta": -0.1}, "dynamic_beta is at least 0"),
    ],
)
def test_where_it_has_no_meaning_it_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        objective_of(PolicyRecipe.from_json(changes))
