"""Ensembles: how members come to differ, how they are asked together, and what is refused."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.training.rewards.test_pairwise import likes_questions, reward_job
from training.learning.jobs import run_job
from training.learning.models import model_digest
from training.learning.online.best_against_worst import best_against_worst
from training.learning.online.ranking import RewardRanker
from training.learning.recipes import PolicyRecipe, RewardRecipe
from training.learning.rewards.ensemble import RewardEnsemble, ensemble_digest
from training.learning.rewards.fast.likelihood import sigmoid
from training.learning.rewards.interface import Scored, by_round_robin
from training.learning.rewards.members import base_of, between_members, drawn_for


class Constant(Scored):
    """Scores by the answer's length times a factor, plus a constant."""

    def __init__(self, factor: float, constant: float = 0.0) -> None:
        self.factor, self.constant = factor, constant

    def score(self, pairs: Any) -> Any:
        return np.array([self.factor * len(response[0]["content"]) + self.constant for _, response in pairs])


def ensemble(*factors: float, rule: str = "mean") -> RewardEnsemble:
    return RewardEnsemble(tuple(Constant(factor, 100.0 * factor) for factor in factors), rule)  # type: ignore[arg-type]


def test_members_that_doubt_each_other_leave_one_half_under_the_worst_case() -> None:
    rows = likes_questions(6)
    asked = [([*row.prompt], row.responses[0]) for row in rows], [([*row.prompt], row.responses[1]) for row in rows]

    def labelled(*factors: float) -> Any:
        ranker = RewardRanker(ensemble(*factors, rule="min"))
        return ranker.probability(*(ranker.read(side) for side in asked))

    assert np.allclose(labelled(1.0, -1.0), 0.5)
    assert np.allclose(labelled(0.1, 0.2), ensemble(0.1).probability(*asked))


def test_predictions_are_the_members_mean_whatever_the_rule() -> None:
    rows = likes_questions(6)
    asked = [(row.prompt, row.responses[0]) for row in rows], [(row.prompt, row.responses[1]) for row in rows]
    one, two = (ensemble(factor).probability(*asked) for factor in (0.1, 0.2))
    assert np.allclose(ensemble(0.1, 0.2, rule="min").probability(*asked), (one + two) / 2)
    assert np.allclose(ensemble(0.1, 0.2, rule="min").judged(rows), (one + two) / 2)


def test_best_of_n_follows_the_rule_not_the_members_constants() -> None:
    prompt = likes_questions(1)[0].prompt
    groups = [(prompt, ["a", "bbb", "cc"])]
    bold = best_against_worst(groups, RewardRanker(ensemble(1.0, -0.2)), sure=0.5)
    assert bold[0].responses[0][0]["content"] == "bbb"
    shy = best_against_worst(groups, RewardRanker(ensemble(1.0, -1.0, rule="min")), sure=0.5)
    assert shy[0].responses[0][0]["content"] == "cc"  # the middle one is nobody's worst


@pytest.mark.parametrize("count", [2, 3, 8])
def test_standing_by_comparisons_is_a_reward_s_own_scale(count: int) -> None:
    """σ of reward differences: for two responses their log-odds at any distance, for more centred rewards nearby."""
    reward = np.random.default_rng(count).normal(size=count) * (3.0 if count == 2 else 1e-4)
    lone = np.array([7.0])
    seen, prompt = np.concatenate([reward, lone])[:, None], np.array([0] * count + [1])
    stood = by_round_robin(lambda one, other: sigmoid(one[:, 0] - other[:, 0]), seen, prompt)
    assert stood[:-1] == pytest.approx(reward - reward.mean(), rel=1e-6, abs=1e-9)
    assert stood[-1] == 0.0


def test_bootstraps_differ_by_member_and_never_by_attempt() -> None:
    rows = likes_questions(50)
    drawn = [drawn_for(RewardRecipe(bootstrap=True), rows, number) for number in (0, 1, 0)]
    assert drawn[0] == drawn[2]
    assert drawn[0] != drawn[1]
    assert 25 < len({row.comparison_id for row in drawn[0]}) < 40  # about 1 - 1/e of them
    assert drawn_for(RewardRecipe(), rows, 1) == rows


def test_bases_are_taken_in_turn() -> None:
    recipe = RewardRecipe(members=3, bases=["one", "two"])
    assert [base_of(recipe, "incumbent", number) for number in range(3)] == ["one", "two", "one"]
    assert base_of(RewardRecipe(), "incumbent", 2) == "incumbent"


def test_disagreement_is_the_share_of_members_on_the_smaller_side() -> None:
    rows = [
        row for row in likes_questions(20) if len(row.responses[0][0]["content"]) != len(row.responses[1][0]["content"])
    ]
    told = between_members(ensemble(1.0, 1.0, 1.0, -1.0), rows)
    assert told["disagreement"] == pytest.approx(0.25)
    assert between_members(ensemble(1.0), rows) == {}


@pytest.mark.slow
class OfTwoMinds(Constant):
    """Of two minds about every pair, until a criterion says which one counts."""

    def judged(self, rows: Any) -> Any:
        sides = {"detail": 1.0, "brevity": -1.0}
        longer = [len(str(row.responses[0])) > len(str(row.responses[1])) for row in rows]
        return np.array(
            [0.5 + 0.4 * sides[row.criterion] * (1 if more else -1) for row, more in zip(rows, longer, strict=True)]
        )


def test_an_evaluation_member_is_asked_by_each_judgments_own_criterion() -> None:
    rows = [one for one in likes_questions(12) if len(str(one.responses[0])) > len(str(one.responses[1]))]
    by = [replace(one, criterion=name, p=p) for one in rows for name, p in (("detail", 1.0), ("brevity", 0.0))]
    minds: Any = [OfTwoMinds(0.0) for _ in range(3)]
    told = between_members(RewardEnsemble((minds[0], minds[1]), evaluation=minds[2]), by)
    assert told["evaluation_accuracy"] == told["agreement_with_evaluation"] == 1.0


def test_an_ensemble_job_keeps_its_rule_and_its_evaluation_member(tmp_path) -> None:
    directory = reward_job(
        tmp_path, count=110, members=2, aggregate="mean_minus_std", bootstrap=True, evaluation_member=True
    )
    result = run_job(directory, lambda *told: None, lambda: False)
    assert 0.0 <= result["disagreement"] <= 0.5
    assert 0.5 < result["agreement_with_evaluation"] <= 1.0
    loaded = RewardEnsemble.load(directory / "model")
    assert (loaded.rule, loaded.uncertainty_weight, len(loaded.members)) == ("mean_minus_std", 0.5, 2)
    assert result["digest"] == ensemble_digest(directory / "model") != model_digest(directory / "model")
    (directory / "model" / "ensemble.json").write_text('{"aggregate": "min"}')
    assert ensemble_digest(directory / "model") != result["digest"]
    row = likes_questions(1)[0]
    assert loaded.evaluation is not None
    scores = [
        *loaded.score([(row.prompt, row.responses[0])])[:, 0],
        loaded.evaluation.score([(row.prompt, row.responses[0])])[0],
    ]
    assert len({round(float(score), 6) for score in scores}) == 3


def test_an_ensemble_from_before_there_were_rules_is_averaged(tmp_path) -> None:
    directory = reward_job(tmp_path, count=20)
    run_job(directory, lambda *told: None, lambda: False)
    assert json.loads((directory / "model" / "ensemble.json").read_text())["aggregate"] == "mean"
    (directory / "model" / "ensemble.json").unlink()
    assert RewardEnsemble.load(directory / "model").rule == "mean"


@pytest.mark.parametrize(
    ("dials", "words"),
    [
        ({"aggregate": "best"}, "one of mean"),
        ({"aggregate": "min"}, "2 or more"),
        ({"members": 0}, "at least 1"),
        ({"bases": ["a", "b"]}, "a member for each base"),
        ({"bases": [""], "members": 2}, "list of names"),
        ({"bases": "starter"}, "JSON array"),
        ({"doubtful": "flip"}, "strength_models"),
        ({"doubtful": "hide"}, "keep, flip"),
        ({"strength_models": 3}, "in pairs"),
        ({"doubtful_share": 1.5}, "between 0 and 1"),
        ({"pessimism": -1.0}, "at least 0"),
        ({"samples_each": 1}, "2 or more"),
        ({"bound_ridge": 0.0}, "above 0"),
    ],
)
def test_dials_without_a_meaning_are_refused_in_words(dials, words) -> None:
    with pytest.raises(ValueError, match=words):
        RewardRecipe.from_json(dials)


def test_a_policy_recipe_may_ask_the_members_by_another_rule() -> None:
    assert PolicyRecipe.from_json({"reward_aggregate": "min"}).reward_aggregate == "min"
    with pytest.raises(ValueError, match="one of mean"):
        PolicyRecipe(reward_aggregate="worst")
