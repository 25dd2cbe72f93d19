"""Published checks of reward models, against cases computed by hand or by brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from tests.training.evaluation.judged import a_row, judged
from training.learning.evaluation.contrast import asked_of, build_contrasts, consistency
from training.learning.evaluation.intervals import wilson
from training.learning.evaluation.one_to_many import one_to_many
from training.learning.evaluation.ppe import Votes, domain_quantile, preference
from training.learning.evaluation.rewardbench import SECTION_OF, rewardbench, weighted_mean
from training.learning.evaluation.verifiable import Sampled, auc, best_of_k, correctness

SCORED = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=7)


@given(SCORED)
def test_the_best_of_k_curve_is_the_mean_over_all_subsets(responses) -> None:
    scores, correct = np.array(responses, dtype=float).T
    curve = best_of_k(scores, correct)
    for k in range(1, len(scores) + 1):
        best = [
            correct[chosen][scores[chosen] == scores[chosen].max()].mean()
            for chosen in map(list, combinations(range(len(scores)), k))
        ]
        assert curve[k - 1] == pytest.approx(np.mean(best))


@given(SCORED)
def test_the_curve_begins_at_the_mean_and_ends_at_the_best(responses) -> None:
    scores, correct = np.array(responses, dtype=float).T
    curve = best_of_k(scores, correct)
    assert curve[0] == pytest.approx(correct.mean())
    assert curve[-1] == pytest.approx(correct[scores == scores.max()].mean())


@given(SCORED)
def test_the_area_under_the_curve_is_mann_and_whitneys(responses) -> None:
    scores, correct = np.array(responses, dtype=float).T
    right, wrong = scores[correct == 1], scores[correct == 0]
    if len(right) and len(wrong):
        expected = mannwhitneyu(right, wrong).statistic / len(right) / len(wrong)
        assert auc(scores, correct) == pytest.approx(expected)
    else:
        assert np.isnan(auc(scores, correct))


def test_a_perfect_and_a_turned_reward_stand_at_both_ends() -> None:
    right = np.array([1.0, 1.0, 0.0, 0.0])
    good = correctness([Sampled(right, right, "sums"), Sampled(right, right, "code")])
    assert (good.accuracy.value, good.roc_auc.value, good.end_score.value, good.oracle_loss.value) == (1, 1, 1, 0)
    bad = correctness([Sampled(-right, right, "sums"), Sampled(-right, right, "code")])
    assert (bad.accuracy.value, bad.end_score.value, bad.max_score.value) == (0.0, 0.0, 0.5)
    assert bad.oracle_loss.value == pytest.approx(np.mean((best_of_k(-right, right) - best_of_k(right, right)) ** 2))
    assert set(good.by_domain) == {"sums", "code"}


def test_a_level_that_differs_by_prompt_spoils_the_pooled_area_only() -> None:
    right = np.array([1.0, 0.0])
    found = correctness([Sampled(right, right), Sampled(right - 5, right)])
    assert (found.accuracy.value, found.roc_auc.value) == (1.0, 0.75)
    with pytest.raises(ValueError, match="no prompt"):
        correctness([])


def test_prompts_whose_answers_are_all_right_say_nothing_of_accuracy() -> None:
    found = correctness([Sampled(np.array([1.0, 2.0]), np.ones(2))])
    assert found.accuracy is None and found.roc_auc is None


def votes(seed: int = 0, n: int = 600, model_sees: float = 1.0) -> Votes:
    rng = np.random.default_rng(seed)
    pairs = np.array([rng.choice(4, 2, replace=False) for _ in range(n)])
    strength = np.array([0.0, 1.0, 2.0, 3.0])
    odds = strength[pairs[:, 0]] - strength[pairs[:, 1]]
    p = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    probability = 1 / (1 + np.exp(-model_sees * odds))
    return Votes(
        p, probability, pairs, list("abcd"), [n // 2 for n in range(n)], ["x" if n % 3 else "y" for n in range(n)]
    )


def test_a_reward_that_knows_the_models_orders_them_as_people_do() -> None:
    found = preference(votes())
    assert (found.spearman.value, found.kendall.value) == (1.0, 1.0)
    assert found.separability.value == 1.0 and found.confidence_agreement.value == 1.0
    assert found.rank_brier.value == 0.0
    assert found.row_wise_pearson.value > 0.8
    assert found.low_quantile.value == pytest.approx(np.quantile([one.value for one in found.by_domain.values()], 0.1))
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high


def test_a_turned_reward_disagrees_with_confidence() -> None:
    found = preference(votes(model_sees=-1.0))
    assert (found.spearman.value, found.confidence_agreement.value, found.rank_brier.value) == (-1.0, -1.0, 1.0)


def test_a_reward_without_an_opinion_separates_nothing() -> None:
    found = preference(votes(model_sees=0.0))
    assert found.separability.value == 0.0 and found.confidence_agreement.value == 0.0
    assert found.accuracy.value == 0.5 and found.brier.value == pytest.approx(0.25)


def test_a_low_quantile_looks_at_the_worst_domains() -> None:
    values, weight = np.array([1.0, 1.0, 0.0, 0.0]), np.ones(4)
    assert domain_quantile(values, weight, ["a", "a", "b", "b"]) == pytest.approx(0.1)
    assert np.isnan(domain_quantile(values, np.zeros(4), ["a"] * 4))


def test_sections_are_weighted_as_rewardbench_does() -> None:
    counts = {"alpacaeval-easy": (3, 4), "mt-bench-easy": (0, 4), "math-prm": (447, 447), "hep-cpp": (0, 984)}
    counts |= {"shp": (1, 1), "summarize": (0, 3), "bug": (0, 5)}
    subset = [name for name, (_, n) in counts.items() for _ in range(n)]
    chosen = np.array([float(place < k) for k, n in counts.values() for place in range(n)])
    found = rewardbench(chosen, np.full(len(chosen), 0.5), judged([1.0] * len(subset), subset=subset))
    assert {name: one.value for name, one in found.sections.items()} == pytest.approx(
        {"Chat": 3 / 8, "Reasoning": 0.5, "Prior Sets": 0.5, "Own": 0.0}
    )
    assert found.score.value == pytest.approx((3 / 8 + 0.5 + 0.5 * 0.5) / 2.5)
    assert found.score.low < found.score.value < found.score.high


def test_a_tie_is_not_won_and_own_subsets_make_no_score() -> None:
    found = rewardbench(np.zeros(3), np.zeros(3), judged([1.0] * 3, subset=["bug"] * 3))
    assert found.sections["Own"].value == 0.0 and found.score is None
    assert SECTION_OF["llmbar-natural"] == "Chat Hard"


def test_the_length_table_tells_longer_from_shorter() -> None:
    words = [(20, 10), (20, 10), (10, 20)]
    found = rewardbench(
        np.array([1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]), judged([1.0] * 3, words, subset=["bug"] * 3)
    )
    told = found.subsets[0].length
    assert (told.right_when_longer.value, told.right_when_shorter.value, told.model_longer.value) == (1.0, 0.0, 1.0)


def test_a_weighted_mean_of_one_estimate_is_it() -> None:
    one = wilson(7, 10)
    found = weighted_mean([one], [3.0])
    assert (found.value, found.low, found.high) == pytest.approx((one.value, one.low, one.high))
    assert weighted_mean([], []) is None


def test_a_tie_counts_against_the_right_answer() -> None:
    found = one_to_many(
        np.array([2.0, 1.0, 0.0]), [np.array([1.0, 0.0]), np.array([1.0, 0.0]), np.array([1.0, 2.0])], "abc"
    )
    assert found.accuracy.value == pytest.approx(1 / 3)
    assert found.mrr.value == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert found.by_chance == pytest.approx((1 / 3, (1 + 1 / 2 + 1 / 3) / 3))


def test_an_item_without_a_wrong_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one wrong"):
        one_to_many(np.array([1.0]), [np.array([])], ["a"])


ROWS = [
    a_row("How do I bake plain white bread at home?", "Knead flour.", "No."),
    a_row("How do I bake plain rye bread at home?", "No.", "Use a sour dough.", p=0.0),
    a_row("Who painted the ceiling of the chapel?", "Michelangelo.", "Nobody."),
    a_row("How do I bake plain white bread at home?", "Other.", "Doubtful.", p=0.6),
]


def test_contrasts_are_similar_prompts_with_the_responses_preferred_there() -> None:
    [found] = build_contrasts(ROWS)
    assert {one[0]["content"] for one in found.responses} == {"Knead flour.", "Use a sour dough."}
    assert 0.5 <= found.similarity <= 0.95
    assert build_contrasts(ROWS[2:3]) == [] and build_contrasts(ROWS, (0.99, 1.0)) == []
    assert [response[0]["content"] for _, response in asked_of([found])].count("Knead flour.") == 2


def test_the_same_response_to_both_prompts_contrasts_nothing() -> None:
    assert build_contrasts([a_row(row.prompt[0]["content"], "Yes.", "No.") for row in ROWS]) == []


def test_a_reward_that_ignores_the_prompt_is_right_once_in_each_contrast() -> None:
    found = consistency(np.array([1.0, 2.0, 1.0, 2.0]))
    assert found.own_response.value == 0.5 and found.own_prompt.value == 0.0
    assert not found.own_prompt_counts and found.contrasts == 1


def test_only_differences_within_a_prompt_decide_consistency() -> None:
    told = np.array([[1.0, 0.0, 0.0, 1.0]])
    shifted = told + np.array([[100.0, 100.0, 0.0, 0.0]])
    assert consistency(told).own_response.value == consistency(shifted).own_response.value == 1.0
    assert consistency(told, absolute=True).own_prompt.value == 1.0 and consistency(shifted).own_prompt.value == 0.5
    with pytest.raises(ValueError, match="no two similar prompts"):
        consistency(np.array([]))
