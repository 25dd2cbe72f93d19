"""Each pair objective against an answer known another way: a limit, a reduction, an unbiased mean, a formula."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, user
from training.learning.objectives import PAIR_OBJECTIVES, PairTerms, Side, mixture, objective_of, soft_loss
from training.learning.objectives.divergences import score
from training.learning.recipes import ObjectiveDials, PolicyRecipe
from training.learning.rows import PreferenceRow

NUMBERS = st.floats(-60, -0.1)


def side(policy: float, reference: float, length: int = 10) -> Side:
    values = (torch.tensor([value], dtype=torch.float64) for value in (policy, reference, float(length)))
    return Side(*values)


SIDES = st.builds(side, NUMBERS, NUMBERS, st.integers(1, 60))


def loss(key: str, chosen: Side, rejected: Side, **dials: float | str | bool) -> float:
    settings = ObjectiveDials.from_json(dials)
    return float(PAIR_OBJECTIVES[key].loss(chosen, rejected, settings))


def same(left: float, right: float) -> bool:
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)


# Reductions to DPO, and to each other


@given(chosen=SIDES, rejected=SIDES, beta=st.floats(0.01, 3))
def test_what_extends_dpo_is_dpo_at_its_neutral_dial(chosen: Side, rejected: Side, beta: float) -> None:
    plain = loss("sigmoid", chosen, rejected, beta=beta)
    assert same(loss("h_dpo", chosen, rejected, beta=beta, entropy_alpha=1.0), plain)
    assert same(loss("robust", chosen, rejected, beta=beta, label_smoothing=0.0), plain)
    assert same(loss("orpo_asft_beta", chosen, rejected, beta=beta, odds_or_ratio="ratio", pairwise=True), plain)
    assert same(
        loss("sigmoid", chosen, rejected, beta=beta, f_divergence_type="alpha_divergence", f_alpha_divergence_coef=1.0),
        plain,
    )


@given(chosen=SIDES, rejected=SIDES, beta=st.floats(0.01, 3))
def test_the_pointwise_ratio_is_the_classifiers_loss(chosen: Side, rejected: Side, beta: float) -> None:
    two_axes = loss("orpo_asft_beta", chosen, rejected, beta=beta, odds_or_ratio="ratio", pairwise=False)
    assert same(two_axes, loss("bco_pair", chosen, rejected, beta=beta))


@given(chosen=SIDES, rejected=SIDES, beta=st.floats(0.01, 3))
def test_orpo_and_asft_are_their_axes_plus_a_likelihood(chosen: Side, rejected: Side, beta: float) -> None:
    pairwise = loss("orpo_asft_beta", chosen, rejected, beta=1.0, pairwise=True)
    pointwise = loss("orpo_asft_beta", chosen, rejected, beta=1.0, pairwise=False)
    likelihood = -float(chosen.mean_P)
    assert same(loss("orpo", chosen, rejected, beta=beta), likelihood + beta * pairwise)
    assert same(loss("asft", chosen, rejected, beta=beta), likelihood + beta * pointwise)
    assert same(loss("orpo", chosen, rejected, beta=beta, nll_weight=0.0), beta * pairwise)


@given(chosen=SIDES, rejected=SIDES)
def test_asft_is_the_corrected_formula(chosen: Side, rejected: Side) -> None:
    p_w, p_l = (math.exp(float(side.mean_P)) for side in (chosen, rejected))
    assert math.isclose(
        loss("asft", chosen, rejected, beta=0.7), -1.7 * math.log(p_w) - 0.7 * math.log(1 - p_l), rel_tol=1e-6
    )


@given(chosen=SIDES, rejected=SIDES, gamma=st.floats(0, 2))
def test_alpha_po_becomes_simpo_as_alpha_becomes_zero(chosen: Side, rejected: Side, gamma: float) -> None:
    simpo = loss("simpo", chosen, rejected, beta=2.0, simpo_gamma=gamma)
    assert same(loss("alpha_po", chosen, rejected, beta=2.0, simpo_gamma=gamma, alpha=0.0), simpo)
    near = loss("alpha_po", chosen, rejected, beta=2.0, simpo_gamma=gamma, alpha=1e-9)
    assert math.isclose(near, simpo, rel_tol=1e-5, abs_tol=1e-5)


@given(chosen=SIDES, rejected=SIDES)
def test_contrastive_learning_without_bias_is_dpo_without_a_reference(chosen: Side, rejected: Side) -> None:
    free = [Side(side.policy_P, torch.zeros(1), side.length_P) for side in (chosen, rejected)]
    assert same(loss("cpl", chosen, rejected, contrastive_bias=1.0), loss("sigmoid", *free))
    assert same(loss("cpo", chosen, rejected, nll_weight=0.0), loss("sigmoid", *free))


@given(chosen=SIDES, rejected=SIDES, flips=st.floats(0.01, 0.45))
def test_the_robust_loss_is_unbiased_under_flipped_labels(chosen: Side, rejected: Side, flips: float) -> None:
    seen = (1 - flips) * loss("robust", chosen, rejected, label_smoothing=flips) + flips * loss(
        "robust", rejected, chosen, label_smoothing=flips
    )
    assert math.isclose(seen, loss("sigmoid", chosen, rejected), rel_tol=1e-9, abs_tol=1e-9)


# Where each is least


def test_exo_is_zero_exactly_where_the_policys_odds_are_the_labels() -> None:
    odds = math.log(0.9 / 0.1)
    there = loss("exo_pair", side(odds, 0), side(0, 0), beta=1.0, label_smoothing=0.1)
    assert there == pytest.approx(0.0, abs=1e-12)
    for other in (odds - 1.0, odds + 1.0):
        assert loss("exo_pair", side(other, 0), side(0, 0), beta=1.0, label_smoothing=0.1) > 0.01


def test_sppo_is_zero_at_its_aims() -> None:
    assert loss("sppo_hard", side(5.0, 0), side(-5.0, 0), beta=0.1) == pytest.approx(0.0)


def test_discopop_has_a_valley_on_the_wrong_side_of_the_reference() -> None:
    """At a gap of 0 the blend's own slope, (1 − ln 2)/(4τ), outweighs both losses' −¾ where τ is below 0.1."""
    gap = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    zero, ten = torch.zeros(1, dtype=torch.float64), torch.full((1,), 10.0, dtype=torch.float64)
    for tau, wrong in ((0.05, True), (0.2, False)):
        dials = ObjectiveDials(beta=0.1, discopop_tau=tau)
        found = PAIR_OBJECTIVES["discopop"].loss(Side(gap, zero, ten), Side(zero, zero, ten), dials)
        (slope,) = torch.autograd.grad(found.sum(), gap)
        assert slope.item() == pytest.approx(0.1 * ((1 - math.log(2)) / (4 * tau) - 0.75))
        assert (slope.item() > 0) == wrong


def test_a_won_margin_costs_nothing_under_the_hinge() -> None:
    assert loss("hinge", side(-1, -8), side(-8, -4), beta=0.1) == 0.0
    assert loss("hinge", side(-1, -4), side(-8, -8), beta=0.1) == pytest.approx(0.7)


def test_nca_falls_again_when_the_chosen_likelihood_does() -> None:
    low, even, high = (loss("nca_pair", side(ratio, 0), side(-20, 0), beta=0.1) for ratio in (-20.0, 0.0, 10.0))
    assert low > even > high


def test_the_tabular_optimum_of_dpo_is_the_tilted_reference() -> None:
    """Three responses, everyone's probabilities by Bradley-Terry: the optimum is π_ref · exp(r/β), normalised."""
    reference = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    reward = torch.tensor([0.2, -0.5, 0.9], dtype=torch.float64)
    beta = 0.4
    logits = reference.log().clone().requires_grad_()
    optimiser = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")
    pairs = [(0, 1), (0, 2), (1, 2)]

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        policy = logits.log_softmax(0)
        first, second = (torch.tensor([pair[place] for pair in pairs]) for place in (0, 1))
        ones = torch.ones(3, dtype=torch.float64)
        sides = [Side(policy[index], reference.log()[index], ones) for index in (first, second)]
        label = torch.sigmoid(reward[first] - reward[second])
        total = soft_loss(
            PAIR_OBJECTIVES["sigmoid"], PairTerms(sides[0], sides[1], label, ones), ObjectiveDials(beta=beta)
        ).sum()
        total.backward()
        return total

    optimiser.step(closure)
    expected = (reference.log() + reward / beta).softmax(0)
    assert torch.allclose(logits.detach().softmax(0), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"])
def test_a_divergences_score_is_the_derivative_of_its_generator(kind: str) -> None:
    """f'(t) by a difference quotient, up to the constant that cancels in a pair."""
    coefficient = 0.5
    generators = {
        "reverse_kl": lambda t: t * math.log(t) - t,
        "forward_kl": lambda t: t - math.log(t),
        "js_divergence": lambda t: t * math.log(t) - (t + 1) * math.log((t + 1) / 2),
        "alpha_divergence": lambda t: (t**coefficient / coefficient - t) / (coefficient - 1),
    }
    dials = ObjectiveDials(f_divergence_type=kind, f_alpha_divergence_coef=coefficient)
    for t in (0.3, 1.0, 2.5):
        slope = (generators[kind](t + 1e-6) - generators[kind](t - 1e-6)) / 2e-6
        assert float(score(side(math.log(t), 0.0), dials)) == pytest.approx(slope, abs=1e-6)


# Whole batches


def batch(policy: list[float], reference: list[float]) -> Side:
    values = [torch.tensor(value, dtype=torch.float64) for value in (policy, reference, [5.0] * len(policy))]
    return Side(*values)


def certain(first: Side, second: Side, labels: list[float]) -> PairTerms:
    ones = torch.ones(len(labels), dtype=torch.float64)
    return PairTerms(first, second, torch.tensor(labels, dtype=torch.float64), ones)


@pytest.mark.parametrize("key", ["aot", "aot_unpaired"])
def test_a_batch_is_turned_before_it_is_sorted_and_its_order_means_nothing(key: str) -> None:
    up, down = batch([-3.0, -9.0, -4.0], [-5.0, -6.0, -4.5]), batch([-7.0, -2.0, -6.0], [-6.0, -3.0, -6.5])
    plain = soft_loss(PAIR_OBJECTIVES[key], certain(up, down, [1, 1, 1]), ObjectiveDials()).mean()
    turned = soft_loss(PAIR_OBJECTIVES[key], certain(down, up, [0, 0, 0]), ObjectiveDials()).mean()
    shuffled = [
        Side(*(getattr(one, name)[[2, 0, 1]] for name in ("policy_P", "reference_P", "length_P"))) for one in (up, down)
    ]
    other = soft_loss(PAIR_OBJECTIVES[key], certain(shuffled[0], shuffled[1], [1, 1, 1]), ObjectiveDials()).mean()
    assert torch.allclose(plain, turned) and torch.allclose(plain, other)


def row(p: float, weight: float = 1.0) -> PreferenceRow:
    return PreferenceRow(
        None, user("Hm?"), (answer("One."), answer("Two.")), (None, None), p, None, weight, "person", ()
    )


def test_an_objective_that_sorts_refuses_soft_labels_and_weights_in_words() -> None:
    with pytest.raises(ValueError, match="of 3 pairs 1 are ties or split votes and 1 have another weight"):
        mixture("aot").refuse_unfit([row(1.0), row(0.5), row(0.0, weight=2.0)])
    mixture("aot").refuse_unfit([row(1.0), row(0.0)])
    mixture("sigmoid").refuse_unfit([row(0.5, weight=2.0)])


# What a recipe may say


def test_a_mixture_is_the_weighted_sum_of_its_parts() -> None:
    first, second = batch([-3.0, -9.0], [-5.0, -6.0]), batch([-7.0, -2.0], [-6.0, -3.0])
    terms, dials = certain(first, second, [1.0, 0.3]), ObjectiveDials(beta=0.3)
    mixed = mixture("sigmoid", {"sigmoid": 0.8, "bco_pair": 0.2, "sft": 1.0})
    parts = {key: soft_loss(PAIR_OBJECTIVES[key], terms, dials) for key in ("sigmoid", "bco_pair", "sft")}
    expected = 0.8 * parts["sigmoid"] + 0.2 * parts["bco_pair"] + parts["sft"]
    assert torch.allclose(mixed.losses(terms, dials), expected)
    assert mixed.reference and not mixture("simpo", {"sft": 0.1}).reference


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss_type": "dpo"}, "no pair objective 'dpo'"),
        ({"loss_weights": {"rpo": 1.0}}, "no pair objective 'rpo'"),
        ({"simpo_gamma": 0.5}, "simpo_gamma has no meaning for sigmoid"),
        ({"loss_type": "aot"}, "set model_pairs_share to 0"),
        ({"loss_type": "aot", "model_pairs_share": 0.0, "use_weighting": True}, "leave use_weighting out"),
        ({"loss_weights": {"sft": -1.0}}, "loss_weights.sft is a number of at least 0"),
        ({"loss_weights": {"sigmoid": 0.0}}, "nothing would be learned"),
        ({"loss_weights": 3}, "loss_weights is a JSON object"),
        ({"ld_alpha": 2.0}, "ld_alpha is in"),
        ({"f_divergence_type": "total_variation"}, "f_divergence_type is one of"),
    ],
)
def test_a_recipe_that_does_not_fit_together_is_refused_in_words(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        objective_of(PolicyRecipe.from_json(changes))


def test_recipes_that_fit_are_taken() -> None:
    assert objective_of(PolicyRecipe(loss_type="simpo", beta=2.0, simpo_gamma=0.7)).parts[0][0].key == "simpo"
    assert objective_of(PolicyRecipe(loss_type="aot", model_pairs_share=0.0)).whole_batch
