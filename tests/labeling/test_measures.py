"""Agreement, strengths and intervals against worked examples; other people's code checks them in the slow tier."""

from math import isnan, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.kinds import pair
from labeling.measures import agreement
from labeling.measures.agreement import alpha_interval, cohen_kappa, krippendorff_alpha, pairwise_agreement
from labeling.measures.bradley_terry import fit, sigmoid
from labeling.measures.intervals import bootstrapped, clustered_mean, wilson_interval
from labeling.models.judgments import Answer

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", table C: four observers, twelve units.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
UNITS = [{rater: said for rater, row in enumerate(OBSERVERS) if (said := row[unit]) is not None} for unit in range(12)]


# --- agreement


@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_krippendorffs_own_example(level, value) -> None:
    assert krippendorff_alpha(UNITS, level=level) == pytest.approx(value, abs=5e-4)


def test_alpha_of_people_who_always_agree_is_one_and_of_opposites_negative() -> None:
    assert krippendorff_alpha([{1: -3, 2: -3}, {1: 2, 2: 2}]) == 1.0
    assert krippendorff_alpha([{1: -3, 2: 3}, {1: 3, 2: -3}] * 5) < -0.8


def test_alpha_of_coins_is_near_zero() -> None:
    chance = np.random.default_rng(1)
    units = [{1: int(a), 2: int(b)} for a, b in chance.integers(-3, 4, (4_000, 2))]
    assert abs(krippendorff_alpha(units)) < 0.05


@pytest.mark.parametrize("units", [[], [{}], [{1: 2}], [{1: 2}, {2: 3}], [{1: 2, 2: 2}] * 3])
def test_alpha_is_unknown_without_two_people_or_two_values(units) -> None:
    assert isnan(krippendorff_alpha(units))


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="write one of nominal"):
        krippendorff_alpha(UNITS, level="ratio")


def test_alphas_interval_holds_it_and_counts_the_units_that_two_rated() -> None:
    found = alpha_interval(UNITS, level="nominal")
    assert found.value == pytest.approx(krippendorff_alpha(UNITS, level="nominal"))
    assert found.low <= found.value <= found.high
    assert found.n == 11
    assert found == alpha_interval(UNITS, level="nominal")


def test_alphas_interval_is_unknown_without_shared_units() -> None:
    found = alpha_interval([{1: 2}])
    assert found.n == 0 and isnan(found.value) and isnan(found.low)
    assert isnan(alpha_interval([{1: 2, 2: 2}] * 4).high)


def test_kappa_is_cohens() -> None:
    # 20 of 25 said yes by both or no by both …: the textbook table (20, 5, 10, 15), kappa 0.4.
    one = [1] * 25 + [0] * 25
    other = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen_kappa(one, other) == pytest.approx(0.4)
    assert isnan(cohen_kappa([1, 1], [1, 1]))
    for answers in ([], [1]):
        with pytest.raises(ValueError, match="same questions"):
            cohen_kappa(answers, [])


def test_pairwise_agreement_counts_pairs_of_people() -> None:
    assert pairwise_agreement([{1: 2, 2: 2, 3: 0}, {1: 1}, {}]) == pytest.approx(1 / 3)
    assert isnan(pairwise_agreement([{1: 1}]))


# --- intervals


def test_wilsons_interval_is_the_textbooks() -> None:
    found = wilson_interval(8, 10)
    assert (found.value, found.n) == (0.8, 10)
    assert [found.low, found.high] == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert wilson_interval(0, 5).low == 0.0 and wilson_interval(5, 5).high == 1.0


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_what_is_no_share_has_no_interval(hits, n) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson_interval(hits, n)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_holds_the_share_and_stays_between_0_and_1(case) -> None:
    found = wilson_interval(*case)
    assert 0 <= found.low <= found.value + 1e-12 and found.value - 1e-12 <= found.high <= 1


def test_a_clustered_mean_of_lonely_observations_is_the_usual_one() -> None:
    values = [0.0, 1.0, 1.0, 0.0, 1.0]
    found = clustered_mean(values, range(5))
    half = 1.959964 * sqrt(np.var(values, ddof=1) / 5)
    assert [found.value, found.low, found.high] == pytest.approx([0.6, 0.6 - half, 0.6 + half], rel=1e-5)


def test_observations_that_come_together_widen_the_interval() -> None:
    values, alone = [0.0] * 10 + [1.0] * 10, range(20)
    together = [number // 10 for number in range(20)]
    assert clustered_mean(values, together).high > clustered_mean(values, alone).high
    lonely = clustered_mean([0.5, 0.7], [3, 3])
    assert (lonely.low, lonely.high) == (0.0, 1.0)
    with pytest.raises(ValueError, match="at least one value"):
        clustered_mean([], [])


def test_a_bootstrap_finds_the_spread_of_a_mean() -> None:
    values = np.random.default_rng(2).normal(3.0, 2.0, 400)
    found = bootstrapped(lambda drawn: float(values[drawn].mean()), 400)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)


# --- strengths


def test_two_versions_have_the_share_of_wins_with_half_a_win_each_way() -> None:
    found = fit([(1, 0)] * 10, [1.0] * 7 + [0.0] * 2 + [0.5], 2)
    assert found.theta[1] == pytest.approx(log(8.0 / 3.0))  # 7.5 + 0.5 against 2.5 + 0.5
    rate = found.win_rate(1)
    assert rate.value == pytest.approx(8 / 11) and rate.n == 10
    assert rate.low < 0.6 < rate.value < rate.high < 1
    assert found.win_rate(0).value == found.win_rate(0).low == 0.5


def test_a_clean_sweep_has_a_finite_strength_and_a_wide_interval() -> None:
    rate = fit([(1, 0)] * 8, [1.0] * 8, 2).win_rate(1)
    assert 0.9 < rate.value < 1 and rate.low < 0.75


def test_strength_passes_through_a_third_version() -> None:
    pairs = [(1, 0)] * 40 + [(2, 1)] * 40
    found = fit(pairs, ([1.0] * 30 + [0.0] * 10) * 2, 3)
    assert found.win_rate(2).value > found.win_rate(1).value > 0.5
    assert found.theta[2] == pytest.approx(2 * found.theta[1])


def test_any_two_versions_are_compared_the_same_way() -> None:
    pairs, outcomes = [(1, 0), (2, 1), (2, 0)] * 20, ([1.0, 1.0, 0.0] * 10) + ([0.0, 1.0, 1.0] * 10)
    found = fit(pairs, outcomes, 3)
    renamed = fit([((a + 2) % 3, (b + 2) % 3) for a, b in pairs], outcomes, 3)  # version 1 is called 0 now
    one, other = found.win_rate(2, against=1), renamed.win_rate(1)
    assert [one.value, one.low, one.high] == pytest.approx([other.value, other.low, other.high])


def test_a_version_that_nothing_leads_to_is_unknown() -> None:
    found = fit([(2, 3)] * 5, [1.0] * 5, 4)
    assert np.isnan(found.theta[1:]).all() and isnan(found.win_rate(2).value)
    assert found.judged.tolist() == [0, 0, 5, 5]
    nothing = fit([], [], 2)
    assert nothing.theta[0] == 0 and isnan(nothing.win_rate(1).value)


def test_the_order_of_a_pair_does_not_matter() -> None:
    one = fit([(1, 0), (2, 1), (2, 0)] * 9, [1.0, 0.0, 0.5] * 9, 3)
    other = fit([(0, 1), (1, 2), (0, 2)] * 9, [0.0, 1.0, 0.5] * 9, 3)
    assert one.theta == pytest.approx(other.theta)
    assert one.covariance == pytest.approx(other.covariance)


def test_judgments_of_the_same_prompts_widen_the_interval() -> None:
    outcomes = [float(number // 10 % 2 == 0) for number in range(100)]
    alone = fit([(1, 0)] * 100, outcomes, 2).win_rate(1)
    together = fit([(1, 0)] * 100, outcomes, 2, clusters=[number // 10 for number in range(100)]).win_rate(1)
    assert together.value == alone.value and together.high - together.low > 1.5 * (alone.high - alone.low)
    # Ten prompts of ten equal verdicts, five each way: at strength 0 the curvature is (100 + 1) / 4, each prompt's
    # score 10 · ½, so that the variance is 10 · 25 / 25.25² · 10 / 9.
    spread = sqrt(10 * 25 / 25.25**2 * 10 / 9)
    assert together.high == pytest.approx(float(sigmoid(np.array(1.959964 * spread))), abs=1e-6)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    chance, hits = np.random.default_rng(3), 0
    truth = float(sigmoid(np.array(0.8)))
    for _ in range(300):
        outcomes = (chance.random(60) < truth).astype(float)
        rate = fit([(1, 0)] * 60, outcomes, 2).win_rate(1)
        hits += rate.low <= truth <= rate.high
    assert 0.91 <= hits / 300 <= 0.99


# --- the kind of question


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("answer", list(Answer))
def test_an_answer_and_its_strength_say_the_same(answer, order) -> None:
    strength = pair.strength_of(answer, order)
    assert (strength is None) == (answer in (Answer.BOTH_BAD, Answer.CANT_TELL))
    assert pair.strength_of(answer, order[::-1]) == (None if strength is None else -strength)
    if strength is not None:
        assert pair.answer_of(strength, order) == answer
    assert pair.check_answer(answer.value) is answer


def test_nothing_said_is_cant_tell() -> None:
    assert pair.answer_of(None, (0, 1)) is Answer.CANT_TELL


@pytest.mark.django_db
@pytest.mark.parametrize("answer", list(Answer))
def test_the_database_computes_the_same_strength(project, ben, answer) -> None:
    from labeling.models import Judgment
    from tests.labeling.cast import comparisons, lease, submit

    comparisons(project, 1)
    taken = lease(ben, project)
    said = submit(ben, taken, answer=answer.value).judgment
    assert Judgment.objects.get().strength == said.strength == pair.strength_of(answer, taken.order)


# --- other people's code


@pytest.mark.slow
@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_is_that_of_the_krippendorff_package(level) -> None:
    import krippendorff

    chance = np.random.default_rng(4)
    for _ in range(20):
        table = chance.integers(-3, 4, (4, 30)).astype(float)
        table[chance.random(table.shape) < 0.3] = np.nan
        units = [{rater: int(value) for rater, value in enumerate(column) if not np.isnan(value)} for column in table.T]
        expected = krippendorff.alpha(reliability_data=table, level_of_measurement=level)
        assert krippendorff_alpha(units, level=level) == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
def test_strengths_are_those_of_choix() -> None:
    import choix

    chance = np.random.default_rng(5)
    truth = np.array([0.0, 0.7, -0.4, 1.2])
    pairs = [tuple(chance.choice(4, 2, replace=False)) for _ in range(4_000)]
    outcomes = [float(chance.random() < sigmoid(truth[i] - truth[j])) for i, j in pairs]
    wins = [(i, j) if won else (j, i) for (i, j), won in zip(pairs, outcomes, strict=True)]
    expected = choix.ilsr_pairwise(4, wins, alpha=1e-6)
    assert fit(pairs, outcomes, 4).theta == pytest.approx(expected - expected[0], abs=0.02)


def test_levels_are_the_ones_documented() -> None:
    assert set(agreement.LEVELS) == {"nominal", "ordinal", "interval"}
