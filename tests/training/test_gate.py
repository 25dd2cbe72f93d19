"""The gate's arithmetic, and the proof by simulation that it rarely promotes what is no better."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from training import gate
from training.gate import Evidence, Rules, Verdict

RULES = Rules()
RUNS = 2000


def played(outcomes: list[float], rules: Rules = RULES) -> Evidence:
    evidence = Evidence()
    for outcome in outcomes:
        evidence = evidence.after(outcome, evidence.stakes(rules))
    return evidence


def judged(
    runs: int, *, win_rate: float, overlap: int, ties: float, bias: float, spread: float, seed: int
) -> np.ndarray:
    """Outcomes [runs, 120]: each pair has its own win rate, each person ties or leans to the left at times.

    The side is tossed anew for every person, so a lean adds noise and no preference.
    """
    rng = np.random.default_rng(seed)
    shape = (runs, RULES.budget, overlap)
    pair = np.clip(win_rate + spread * rng.uniform(-1, 1, size=(runs, RULES.budget, 1)), 0, 1)
    prefers = rng.random(shape) < pair
    leaning = rng.random(shape) < bias
    candidate_left = rng.random(shape) < 0.5
    says = np.where(leaning, candidate_left, prefers).astype(float)
    tied = rng.random(shape) < ties
    mean: np.ndarray = np.where(tied, 0.5, says).mean(axis=2)
    return mean


def upper_bound(share: float, runs: int = RUNS) -> float:
    """The exact (Clopper-Pearson) one-sided 95 % upper bound of a share."""
    count = round(share * runs)
    return float(beta.ppf(0.95, count + 1, runs - count))


@pytest.mark.parametrize("overlap", [1, 3])
@pytest.mark.parametrize(
    ("ties", "bias", "spread"),
    [(0.0, 0.0, 0.0), (0.25, 0.0, 0.0), (0.1, 0.3, 0.5), (0.0, 0.5, 0.5), (0.5, 0.1, 0.3)],
)
def test_a_candidate_that_is_no_better_is_promoted_in_at_most_one_trial_of_twenty(
    overlap: int, ties: float, bias: float, spread: float
) -> None:
    outcomes = judged(RUNS, win_rate=0.5, overlap=overlap, ties=ties, bias=bias, spread=spread, seed=2026)
    promoted = gate.decide_many(outcomes, RULES).share(Verdict.BETTER)
    assert promoted <= 0.05
    assert upper_bound(promoted) <= 0.06


def test_a_candidate_that_is_worse_is_hardly_ever_promoted_and_soon_refused() -> None:
    outcomes = judged(RUNS, win_rate=0.3, overlap=1, ties=0.1, bias=0.1, spread=0.2, seed=1)
    ended = gate.decide_many(outcomes, RULES)
    assert ended.share(Verdict.BETTER) <= 0.001
    assert ended.share(Verdict.WORSE) >= 0.4
    assert ended.share(Verdict.WORSE) + ended.share(Verdict.HOPELESS) >= 0.999
    assert np.median(ended.duels) <= 45


@pytest.mark.parametrize("ties", [0.0, 0.2])
def test_a_candidate_that_wins_three_of_four_is_promoted_within_thirty_duels(ties: float) -> None:
    outcomes = judged(RUNS, win_rate=0.75 if not ties else 0.8125, overlap=1, ties=ties, bias=0, spread=0, seed=2)
    ended = gate.decide_many(outcomes, RULES)
    assert ended.share(Verdict.BETTER) >= 0.99
    assert np.median(ended.duels) <= 30


def test_a_candidate_that_wins_six_of_ten_is_more_often_promoted_than_not_within_the_budget() -> None:
    outcomes = judged(RUNS, win_rate=0.6, overlap=1, ties=0, bias=0, spread=0, seed=3)
    ended = gate.decide_many(outcomes, RULES)
    assert ended.share(Verdict.BETTER) >= 0.5
    assert ended.duels.max() <= RULES.budget


@given(st.lists(st.sampled_from([0.0, 1 / 6, 0.5, 5 / 6, 1.0]), max_size=130))
@settings(max_examples=40)
def test_one_trial_and_many_at_once_make_the_same_bets(outcomes: list[float]) -> None:
    outcomes = outcomes[: RULES.budget]
    evidence, at = Evidence(), 0
    while at < len(outcomes) and gate.verdict(evidence, RULES) is Verdict.UNDECIDED:
        evidence = evidence.after(outcomes[at], evidence.stakes(RULES))
        at += 1
    many = gate.decide_many(np.array([outcomes]).reshape(1, -1), RULES)
    assert many.verdicts[0] == gate.verdict(evidence, RULES)
    assert many.duels[0] == at


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=60))
@settings(max_examples=40)
def test_the_stake_is_fixed_by_the_past_and_the_bet_is_fair(outcomes: list[float]) -> None:
    """The mean of the next wealth over a fair coin is the wealth: such a candidate gains nothing."""
    evidence = played(outcomes)
    stakes = evidence.stakes(RULES)
    won, lost = evidence.after(1.0, stakes), evidence.after(0.0, stakes)
    for side in ("log_e_better", "log_e_worse"):
        mean = (np.exp(getattr(won, side)) + np.exp(getattr(lost, side))) / 2
        assert mean == pytest.approx(np.exp(getattr(evidence, side)), rel=1e-9)
    assert all(0 < stake < 2 for stake in stakes)


def test_a_tie_moves_nothing_but_the_count() -> None:
    before = played([1.0, 0.0, 1.0])
    after = before.after(0.5, before.stakes(RULES))
    assert (after.log_e_better, after.log_e_worse) == (before.log_e_better, before.log_e_worse)
    assert after.settled == before.settled + 1


def test_promotion_needs_the_wealth_that_the_error_level_asks_for() -> None:
    just_below = Evidence(settled=5, log_e_better=log(20) - 1e-6)
    assert gate.verdict(just_below, RULES) is Verdict.UNDECIDED
    assert gate.verdict(Evidence(settled=5, log_e_better=log(20)), RULES) is Verdict.BETTER


def test_the_mirrored_test_refuses_a_candidate_shown_worse() -> None:
    assert gate.verdict(played([0.0] * 12), RULES) is Verdict.WORSE


def test_a_trial_ends_when_even_winning_the_rest_could_not_decide() -> None:
    evidence = Evidence(settled=RULES.budget - 2, log_e_better=0.0)
    assert gate.verdict(evidence, RULES) is Verdict.HOPELESS
    assert gate.best_possible(np.array([0.0]), 2, RULES)[0] < RULES.threshold


def test_a_spent_budget_is_said_to_be_spent() -> None:
    assert gate.verdict(Evidence(settled=RULES.budget, log_e_better=1.0), RULES) is Verdict.SPENT


def test_the_forecast_is_short_for_a_strong_candidate_and_long_for_an_even_one() -> None:
    strong = [1.0] * 8 + [0.0]
    even = [1.0, 0.0] * 6
    near = gate.forecast(strong, RULES, played(strong))
    far = gate.forecast(even, RULES, played(even))
    assert 1 <= near.low <= near.duels <= near.high < far.duels <= RULES.budget - 12
    assert near.promoted > 0.9 > far.promoted
    assert near == gate.forecast(strong, RULES, played(strong))
    assert near.sentence.startswith(f"about {near.duels} more duels")


def test_the_forecast_of_a_decided_trial_is_nothing() -> None:
    won = [1.0] * 20
    assert gate.forecast(won, RULES, played(won)) == gate.Forecast(0, 0, 0, 1.0)
    spent = Evidence(settled=RULES.budget)
    assert gate.forecast([], RULES, spent).duels == 0


@pytest.mark.parametrize("rules", [{"alpha": 0.0}, {"alpha": 1.0}, {"budget": 0}])
def test_rules_without_an_honest_decision_are_refused(rules: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"alpha is between|the budget is at least"):
        Rules(**rules)  # type: ignore[arg-type]


def test_an_outcome_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Evidence().after(1.5, (0.5, 0.5))


def test_a_small_budget_has_a_table_of_its_own() -> None:
    small = Rules(alpha=0.1, budget=10)
    assert gate.verdict(played([1.0] * 8, small), small) is Verdict.BETTER
    assert gate.stake_table(small).chosen.shape[0] == 11


def test_the_e_value_is_the_wealth_and_stops_growing_where_nobody_reads_on() -> None:
    assert gate.e_value(0.0) == 1.0
    assert gate.e_value(50.0) == gate.e_value(20.0)
