"""Objectives on lists against brute force over permutations, sums over pairs, and what they are for a list of two."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, user
from training.learning.lists import RankedList, Ranks, list_of_row, lists_of_rows, pair_of
from training.learning.objectives import LIST_OBJECTIVES, PAIR_OBJECTIVES, PairTerms, Side, objective_of, soft_loss
from training.learning.objectives.lists import list_metrics, told
from training.learning.objectives.orders import MOST_ORDERS, reading
from training.learning.objectives.ranked import ListTerms
from training.learning.recipes import ObjectiveDials, PolicyRecipe
from training.learning.rows import PreferenceRow

NUMBERS = st.floats(-20, 20)
DIALS = ObjectiveDials(beta=0.3)


def ranked(ranks: Ranks, scores: Sequence[float] | None = None, p: float = 1.0) -> RankedList:
    answers = tuple(answer(f"Answer {place}") for place in range(len(ranks)))
    return RankedList(user("Why?"), answers, ranks, None if scores is None else tuple(scores), p)


def terms_of(lists: Sequence[RankedList], ratios: Sequence[Sequence[float]], tokens: int = 1) -> ListTerms:
    """Lists with these log-ratios; their reference is −1 everywhere, in float64 up to what was said."""
    said = told(lists, [reading(one) for one in lists], [[-1.0] * len(one.responses) for one in lists])
    policy = torch.zeros(said.there_GK.shape, dtype=torch.float64)
    for row, values in enumerate(ratios):
        policy[row, : len(values)] = torch.tensor(values, dtype=torch.float64) - 1.0
    names = ("reference_GK", "before_GKK", "first_GK", "chance_GO", "score_GK", "weight_G")
    exact = {name: getattr(said, name).double() for name in names}
    whole = {"there_GK": said.there_GK, "order_GOK": said.order_GOK, "known_G": said.known_G}
    return ListTerms(policy_GK=policy, length_GK=torch.full_like(policy, float(tokens)), **exact, **whole)


def loss(key: str, one: RankedList, ratios: Sequence[float], dials: ObjectiveDials = DIALS, tokens: int = 1) -> float:
    return float(LIST_OBJECTIVES[key].loss(terms_of([one], [ratios], tokens), dials)[0])


def luce(order: Sequence[int], rewards: Sequence[float], known: int) -> float:
    """−log of the probability that Luce's choices, each among what is left, give the first ``known`` places so."""
    total = 0.0
    for stage in range(known):
        left = [rewards[place] for place in order[stage:]]
        total += math.log(sum(map(math.exp, left))) - left[0]
    return total


def allowed(ranks: Ranks) -> list[tuple[int, ...]]:
    """Every order of the ranked places that the ranks allow, what has no rank behind, as it stands."""
    known = [place for place, rank in enumerate(ranks) if rank is not None]
    rest = tuple(place for place, rank in enumerate(ranks) if rank is None)
    found = [
        order for order in permutations(known) if all((ranks[a] or 0) <= (ranks[b] or 0) for a, b in pairwise(order))
    ]
    return [(*order, *rest) for order in found]


RANKS = st.lists(st.one_of(st.none(), st.integers(1, 3)), min_size=2, max_size=4).filter(lambda ranks: any(ranks))


@given(ranks=RANKS, data=st.data())
def test_plackett_luce_is_the_mean_over_every_order_that_the_ranks_allow(ranks: Ranks, data: st.DataObject) -> None:
    ratios = data.draw(st.lists(NUMBERS, min_size=len(ranks), max_size=len(ranks)))
    orders = allowed(tuple(ranks))
    rewards = [0.3 * ratio for ratio in ratios]
    known = sum(rank is not None for rank in ranks)
    expected = sum(luce(order, rewards, known) for order in orders) / len(orders)
    assert loss("plackett_luce", ranked(tuple(ranks)), ratios) == pytest.approx(expected, abs=1e-6)


def test_the_probabilities_of_all_orders_add_up_to_one() -> None:
    ratios = [1.0, -2.0, 5.0, 0.5]
    found = [loss("plackett_luce", ranked(tuple(ranks)), ratios) for ranks in permutations((1, 2, 3, 4))]
    assert sum(math.exp(-value) for value in found) == pytest.approx(1.0)
    tops = [tuple(1 if place == top else None for place in range(4)) for top in range(4)]
    assert sum(math.exp(-loss("plackett_luce", ranked(top), ratios)) for top in tops) == pytest.approx(1.0)


@given(first=NUMBERS, second=NUMBERS, p=st.floats(0, 1))
def test_of_two_responses_plackett_luce_is_dpo(first: float, second: float, p: float) -> None:
    found = loss("plackett_luce", ranked((1, 2), p=p), [first, second])
    ones = torch.ones(1, dtype=torch.float64)
    one, other = (Side(value * ones, 0 * ones, ones) for value in (first, second))
    expected = soft_loss(PAIR_OBJECTIVES["sigmoid"], PairTerms(one, other, p * ones, ones), DIALS)
    assert found == pytest.approx(float(expected), abs=1e-5)
    tie = loss("plackett_luce", ranked((1, 1)), [first, second])
    assert tie == pytest.approx(loss("plackett_luce", ranked((1, 2), p=0.5), [first, second]), abs=1e-6)


def test_more_ties_than_can_be_counted_are_drawn_fairly_and_always_the_same() -> None:
    many = ranked((1,) * 7)
    read = reading(many)
    assert len(read.order_OK) == MOST_ORDERS and (read.order_OK == reading(many).order_OK).all()
    assert sorted(read.order_OK[0].tolist()) == list(range(7))
    assert len(reading(ranked((2, 2, 1, 2, 2))).order_OK) == 24
    even = loss("plackett_luce", many, [1.0] * 7)
    assert even == pytest.approx(math.log(math.factorial(7)), abs=1e-5)


@pytest.mark.parametrize("key", sorted(LIST_OBJECTIVES))
def test_lists_of_unequal_length_in_one_batch_are_what_they_are_alone(key: str) -> None:
    lists = [ranked((2, 1), (0.2, 0.8)), ranked((1, 3, 2, 3), (0.9, 0.2, 0.6, 0.2)), ranked((3, 1, None), (0.1, 1, 0))]
    ratios = [[0.5, -3.0], [1.0, 2.0, -4.0, 0.1], [7.0, 2.0, -1.0]]
    together = terms_of(lists, ratios, tokens=3)
    policy = together.policy_GK.clone().requires_grad_()
    losses = LIST_OBJECTIVES[key].loss(replace(together, policy_GK=policy), DIALS)
    alone = [loss(key, one, values, tokens=3) for one, values in zip(lists, ratios, strict=True)]
    assert losses.tolist() == pytest.approx(alone)
    (slope,) = torch.autograd.grad(losses.sum(), policy)
    assert bool(slope.isfinite().all()) and float(slope[~together.there_GK].abs().sum()) == 0.0


# The others


def test_rank_dpo_is_a_sum_over_ordered_pairs_and_ranks_count_from_one() -> None:
    ratios, scores = [1.0, -2.0, 0.5], [0.5, 0.9, 0.1]
    tau = [2, 1, 3]
    expected = 0.0
    for i, j in ((1, 0), (0, 2), (1, 2)):
        gain = abs(2 ** scores[i] - 2 ** scores[j])
        discount = abs(1 / math.log(1 + tau[i]) - 1 / math.log(1 + tau[j]))
        expected += gain * discount * math.log1p(math.exp(-0.3 * (ratios[i] - ratios[j])))
    assert loss("rank_dpo", ranked((2, 1, 3), scores), ratios) == pytest.approx(expected, rel=1e-6)
    assert loss("rank_dpo", ranked((1, 2), (0.5, 0.5)), [4.0, 0.0]) == 0.0


@given(first=NUMBERS, second=NUMBERS)
def test_rank_dpo_of_a_certain_pair_is_dpo_times_what_the_swap_costs(first: float, second: float) -> None:
    plain = loss("plackett_luce", ranked((1, 2)), [first, second])
    found = loss("rank_dpo", ranked((1, 2), (1.0, 0.0)), [first, second])
    assert found == pytest.approx((1 / math.log(2) - 1 / math.log(3)) * plain, abs=1e-9)


def test_rrhf_is_a_hinge_on_every_ordered_pair_and_the_likelihood_of_the_best() -> None:
    ratios, tokens = [1.0, -2.0, 4.0], 5
    logps = [(ratio - 1.0) / tokens for ratio in ratios]
    found = loss("rrhf", ranked((2, 1, None)), ratios, ObjectiveDials(rrhf_weight=0.7), tokens)
    hinge = (logps[0] - logps[1]) + (logps[2] - logps[0]) + (logps[2] - logps[1])
    assert found == pytest.approx(0.7 * hinge - logps[1])
    right = loss("rrhf", ranked((2, 3, 1)), ratios, ObjectiveDials(), tokens)
    assert right == pytest.approx(-logps[2])
    summed = loss("rrhf", ranked((1, 1)), ratios[:2], ObjectiveDials(length_penalty=0.0), tokens)
    assert summed == pytest.approx(0.5 * 3.0 - (logps[0] + logps[1]) / 2)


@pytest.mark.parametrize("kind", ["sigmoid", "hinge", "ipo", "tpo-l"])
def test_tpo_compares_the_second_with_the_last_and_imitates_the_first(kind: str) -> None:
    logps, tokens = [-4.0, -9.0, -6.0], 3
    dials = ObjectiveDials(beta=0.4, tpo_loss_type=kind, tpo_l_gamma=0.3, nll_weight=0.8, label_smoothing=0.1)
    gap = (logps[0] - logps[1]) / (tokens if kind in ("ipo", "tpo-l") else 1)

    def compared(gap: float, margin: float) -> float:
        forms = {
            "hinge": max(0.0, 1 - 0.4 * gap),
            "ipo": (gap - 1 / 0.8) ** 2,
            "sigmoid": math.log1p(math.exp(-0.4 * gap)),
            "tpo-l": math.log1p(math.exp(margin - 0.4 * gap)),
        }
        return forms[kind]

    expected = 0.9 * compared(gap, 0.3) + 0.1 * compared(-gap, -0.3) - 0.8 * logps[2] / tokens
    found = loss("tpo", ranked((2, 3, 1)), [logp + 1.0 for logp in logps], dials, tokens)
    assert found == pytest.approx(expected)


@given(first=NUMBERS, second=NUMBERS, p=st.floats(0, 1))
def test_tpo_of_two_responses_is_cpo(first: float, second: float, p: float) -> None:
    ones = torch.ones(1, dtype=torch.float64)
    one, other = (Side((value - 1.0) * ones, 0 * ones, 4 * ones) for value in (first, second))
    expected = soft_loss(PAIR_OBJECTIVES["cpo"], PairTerms(one, other, p * ones, ones), DIALS)
    found = loss("tpo", ranked((1, 2), p=p), [first, second], DIALS, tokens=4)
    assert found == pytest.approx(float(expected), abs=1e-5)


def test_tpo_keeps_the_best_the_second_and_the_worst() -> None:
    kept = LIST_OBJECTIVES["tpo"].prepare([ranked((3, 1, 4, 2, None)), ranked((2, 1, 3))], 0)
    assert [one.ranks for one in kept] == [(1, 2, None), (2, 1, 3)]
    assert kept[0].responses[0] == answer("Answer 1")


# Lists themselves


@given(p=st.floats(0, 1), strength=st.sampled_from([None, 2]))
def test_a_row_becomes_a_list_and_a_pair_again(p: float, strength: int | None) -> None:
    row = PreferenceRow(3, user("Q"), (answer("a"), answer("b")), (None, None), p, strength, 2.0, "person", (1,))
    again = pair_of(list_of_row(row), 0, 1)
    assert (again.p, again.weight, again.responses, again.source) == (p, 2.0, row.responses, "person")
    assert pair_of(list_of_row(row), 1, 0).p == pytest.approx(1 - p)


def test_what_people_rated_is_the_score_on_the_scale_of_all_ratings() -> None:
    plain = PreferenceRow(1, user("Q"), (answer("a"), answer("b")), (None, None), 0.7, None, 1.0, "person", ())
    rows = [
        replace(plain, ratings=({"help": 4.0, "truth": 2.0}, {"help": 1.0})),
        replace(plain, ratings=({"help": 5.0}, {"help": 2.0})),
        plain,
        replace(plain, ratings=({"help": 5.0}, {})),
    ]
    found = [one.scores for one in lists_of_rows(rows)]
    assert found == [(0.5, 0.0), (1.0, 0.25), (0.7, pytest.approx(0.3)), (0.7, pytest.approx(0.3))]
    assert [one.p for one in lists_of_rows(rows)] == [0.7] * 4
    same = replace(plain, ratings=({"help": 3.0}, {"help": 3.0}))
    assert lists_of_rows([same]) == lists_of_rows([plain])


def test_a_pair_of_a_longer_list_has_the_label_of_its_scores_or_ranks() -> None:
    scored, bare = ranked((2, 1, 2), (0.3, 0.9, 0.3)), ranked((2, 1, 2, None, None))
    assert pair_of(scored, 1, 0).p == pytest.approx(0.8)
    labels = [pair_of(bare, *pair).p for pair in ((1, 0), (0, 1), (0, 2), (0, 3), (4, 1), (3, 4))]
    assert labels == [1.0, 0.0, 0.5, 1.0, 0.0, 0.5]
    assert pair_of(ranked((2, 1)), 0, 1).p == 0.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"responses": (answer("a"),)}, "at least two responses"),
        ({"ranks": (1,)}, "a list of 2 responses has a rank"),
        ({"scores": (0.5,)}, "where it has scores a score"),
        ({"ranks": (None, None)}, "at least one response has one"),
        ({"ranks": (0, 1)}, "ranks count from 1"),
        ({"p": 1.5}, "p is a probability"),
        ({"weight": -1.0}, "weight is a finite number"),
        ({"scores": (0.5, 3.0)}, r"scores are in \[0, 1\]"),
    ],
)
def test_a_list_that_says_nothing_usable_is_refused_in_words(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(ranked((1, 2)), **changes)
    with pytest.raises(ValueError, match="p is a probability, and 1 for a list of more than two"):
        ranked((1, 2, 3), p=0.7)


def test_what_an_objective_cannot_use_is_refused_in_words() -> None:
    for key in ("rank_dpo", "score_dpo"):
        with pytest.raises(ValueError, match="1 of 2 lists have ranks only: score them, or choose plackett_luce"):
            LIST_OBJECTIVES[key].refuse_unfit([ranked((1, 2)), ranked((1, 2), (1, 0))])
    with pytest.raises(ValueError, match="no list to learn from"):
        LIST_OBJECTIVES["rrhf"].refuse_unfit([])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss_type": "plackett_luce", "loss_weights": {"sft": 0.1}}, "mixes with nothing"),
        ({"loss_type": "plackett_luce", "ld_alpha": 0.5}, "ld_alpha has no meaning for plackett_luce"),
        ({"loss_type": "rrhf", "beta": 0.5}, "beta has no meaning for rrhf"),
        ({"loss_type": "tpo", "tpo_loss_type": "aot"}, "tpo_loss_type is one of sigmoid, hinge"),
        ({"loss_type": "rrhf", "rrhf_weight": -1.0}, "rrhf_weight is at least 0"),
        ({"loss_type": "offline_rl_alignment", "offline_mode": "best"}, "offline_mode is one of filtered"),
        ({"loss_type": "offline_rl_alignment", "score_threshold": 2.0}, "score_threshold is in"),
        ({"loss_type": "curry_dpo", "tpo_l_gamma": 0.1}, "tpo_l_gamma has no meaning for curry_dpo"),
    ],
)
def test_a_recipe_of_lists_that_does_not_fit_is_refused_in_words(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        objective_of(PolicyRecipe.from_json(changes))


def test_metrics_are_of_the_best_and_the_worst_and_of_all_ordered_pairs() -> None:
    lists = [ranked((2, 1, 3)), ranked((1, None, None))]
    found = list_metrics(terms_of(lists, [[2.0, 4.0, 3.0], [0.0, 1.0, 5.0]]), DIALS)
    assert found["rewards/chosen"] == pytest.approx(0.3 * (4.0 + 0.0))
    assert found["rewards/rejected"] == pytest.approx(0.3 * (3.0 + 3.0))
    assert found["rewards/margins"] == pytest.approx(0.3 * (4.0 - 6.0))
    assert found["rewards/accuracies"] == pytest.approx(2 / 3)
    assert found["logps/chosen"] == pytest.approx(3.0 - 1.0)
