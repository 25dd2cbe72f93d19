"""T-REG, inverse preference learning and intuitive fine-tuning against reductions, closed forms and plain sums."""

import math
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, exact, tiny_policy, user
from training.learning.batches import Batch, Layout, collate
from training.learning.logprobs import (
    LogprobCache,
    greedy_tokens,
    layout,
    response_logprobs,
    sequence_sums,
    token_logits,
    token_logprobs,
)
from training.learning.models import Policy, with_lora
from training.learning.objectives import PAIR_OBJECTIVES, Side, objective_of
from training.learning.objectives.ift import future_weights, ift_step, ift_steps, mixed_embeddings
from training.learning.objectives.ipl import IPL, ipl_losses, ipl_step, token_rewards_of_q
from training.learning.objectives.pairs import pair_groups, pair_plan, pair_terms
from training.learning.objectives.sft import sft_loss, sft_steps
from training.learning.objectives.t_reg import BETTER, WORSE, token_rewards, wished
from training.learning.objectives.training import Material, PreferenceTraining, preference_training
from training.learning.recipes import LoraSettings, ObjectiveDials, OptimSettings, PolicyRecipe
from training.learning.rows import PreferenceRow
from training.learning.text import Group

SETTINGS = OptimSettings(batch_size=2, token_budget=400, save_seconds=0)


def row(number: int, chosen: str, rejected: str, p: float = 1.0, weight: float = 1.0) -> PreferenceRow:
    sides = (answer(chosen), answer(rejected))
    return PreferenceRow(
        number, user(f"Tell me about river {number}."), sides, (None, None), p, None, weight, "person", (number,)
    )


ROWS = [row(1, "It is wide and deep and blue.", "Thanks!"), row(2, "No.", "The sea is wide.", p=0.0, weight=0.5)]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return exact(tiny_policy(tmp_path_factory.mktemp("tiny"), dtype=torch.float64))


def laid_out(
    policy: Policy, recipe: dict[str, Any], cache: Path, rows: list[PreferenceRow] = ROWS
) -> PreferenceTraining:
    known = LogprobCache(cache, "a" * 64, dtype="float64")
    dials = PolicyRecipe.from_json({"max_length": 128, **recipe})
    return preference_training(Material(policy, rows, dials, SETTINGS, policy, known, compute=None))


def of_lengths(*lengths: int) -> Batch:
    """A batch of sequences of which only the lengths are of interest."""
    return collate([Group((1,), ((2,) * length,)) for length in lengths], Layout(tree=False, hidden=8))


def gradient(policy: Policy, loss: torch.Tensor) -> torch.Tensor:
    policy.model.zero_grad()
    torch.autograd.backward(loss)
    return torch.cat([p.grad.flatten() for p in policy.model.parameters() if p.grad is not None])


# What the forward pass gives


@pytest.mark.parametrize("shape", ["llama", "gpt2", "gemma2"])
def test_a_logit_less_its_normaliser_is_the_log_probability_and_the_greedy_token_the_models_own(
    tmp_path: Path, shape: str
) -> None:
    policy = tiny_policy(tmp_path, shape=shape)
    group = pair_groups(policy, ROWS, 128)[0]
    batch = collate([group], layout(policy.model))
    with torch.no_grad():
        logit_N, normaliser_N = token_logits(policy.model, batch)
        assert torch.allclose(logit_N - normaliser_N, token_logprobs(policy.model, batch), atol=1e-5)
        plain = [
            policy.model(input_ids=torch.tensor([[*group.prompt, *response]])).logits[0, len(group.prompt) - 1 : -1]
            for response in group.responses
        ]
    assert torch.equal(greedy_tokens(policy.model, batch), torch.cat(plain).argmax(-1))
    assert torch.allclose(normaliser_N, torch.cat(plain).logsumexp(-1), atol=1e-4)


# T-REG


def side(policy: float, reference: float, length: int, guided: float | None) -> Side:
    values = [torch.tensor([value], dtype=torch.float64) for value in (policy, reference, float(length))]
    return Side(*values, guided_P=None if guided is None else torch.tensor([guided], dtype=torch.float64))


@pytest.mark.parametrize("base", ["sigmoid", "simpo"])
def test_without_token_rewards_or_without_their_weight_t_reg_is_its_base(base: str) -> None:
    dials = ObjectiveDials(beta=0.3, base_loss_type=base, simpo_gamma=0.2)
    loss, plain = PAIR_OBJECTIVES["t_reg"].loss, PAIR_OBJECTIVES[base].loss
    for guided, alpha in ((None, 0.25), (3.0, 0.0)):
        sides = side(-9, -8, 4, guided), side(-7, -9, 5, guided)
        assert torch.equal(loss(*sides, replace(dials, t_reg_alpha=alpha)), plain(*sides, dials))


def test_t_reg_adds_the_token_rewards_less_where_the_pair_is_won() -> None:
    won, lost = side(-5, -8, 4, 1.5), side(-9, -8, 5, -0.5)
    dials = ObjectiveDials(beta=0.3, t_reg_alpha=0.5)
    for chosen, rejected, gap in ((won, lost, 4.0), (lost, won, -4.0)):
        added = float(PAIR_OBJECTIVES["t_reg"].loss(chosen, rejected, dials)) - math.log1p(math.exp(-0.3 * gap))
        assert added == pytest.approx(-0.5 * 0.3 * (1.5 - 0.5) / (1 + math.exp(0.3 * gap)))
    per_token = replace(dials, base_loss_type="simpo", simpo_gamma=0.0)
    margin = 0.3 * (-5 / 4 + 9 / 5)
    expected = math.log1p(math.exp(-margin)) - 0.5 / (1 + math.exp(margin)) * 0.3 * (1.5 / 4 - 0.5 / 5)
    assert float(PAIR_OBJECTIVES["t_reg"].loss(won, lost, per_token)) == pytest.approx(expected)


def test_the_weight_of_the_token_rewards_carries_no_gradient() -> None:
    policy_P = torch.tensor([-5.0], dtype=torch.float64, requires_grad=True)
    won = Side(policy_P, torch.zeros(1), torch.ones(1), guided_P=torch.ones(1, dtype=torch.float64))
    dials = ObjectiveDials(t_reg_alpha=0.5)
    lost = side(-4, 0, 3, 0.0)
    (with_tokens,) = torch.autograd.grad(PAIR_OBJECTIVES["t_reg"].loss(won, lost, dials).sum(), policy_P)
    (plain,) = torch.autograd.grad(PAIR_OBJECTIVES["sigmoid"].loss(won, lost, dials).sum(), policy_P)
    assert torch.equal(with_tokens, plain)


def test_a_tokens_reward_is_how_much_likelier_it_is_where_a_good_answer_was_asked_for(policy: Policy) -> None:
    groups = pair_groups(policy, ROWS, 128)
    found = token_rewards(policy, ROWS, groups, token_budget=500)
    for one, group, mine in zip(ROWS, groups, found, strict=True):
        well, badly = (
            response_logprobs(policy, [policy.text.group(wished(one.prompt, wish), one.responses)])[0]
            for wish in (BETTER, WORSE)
        )
        for place, values in enumerate(mine):
            assert torch.allclose(values, torch.sigmoid(well[place] - badly[place]) - 0.5)
            assert len(values) == len(group.responses[place]) and values.abs().max() < 0.5


def test_a_long_prompt_is_cut_at_its_start_and_the_response_tokens_stay(policy: Policy) -> None:
    long = replace(ROWS[0], prompt=user("The sea is wide. " * 120))
    groups = pair_groups(policy, [long], 64)
    assert groups[0].prompt_cut > 0
    (found,) = token_rewards(policy, [long], groups, token_budget=500)
    assert [len(values) for values in found] == [len(response) for response in groups[0].responses]


def test_the_plan_hands_every_token_its_reward_and_keeps_both_passes(policy: Policy, tmp_path: Path) -> None:
    training = laid_out(policy, {"loss_type": "t_reg"}, tmp_path)
    assert len(LogprobCache(tmp_path, "a" * 64, dtype="float64")) == 3 * 4
    ((micro, *_),) = [training.steps[0]]
    rewards = token_rewards(policy, ROWS, pair_groups(policy, ROWS, 128), token_budget=500)
    known = {len(values): values for pair in rewards for values in pair}
    terms = pair_terms(policy.model, micro)
    for number in range(len(micro.p_P)):
        for place, one in enumerate((terms.first, terms.second)):
            mine = token_logprobs(policy.model, micro.batch)[micro.batch.sequence_N == 2 * number + place]
            assert one.guided_P is not None
            assert torch.allclose(one.guided_P[number], (known[len(mine)] * mine).sum())


# Inverse preference learning


def q_batch(policy: Policy) -> Any:
    plan = pair_plan(policy, ROWS, SETTINGS, max_length=128, objective=IPL)
    return max(plan.steps[0], key=lambda micro: len(micro.p_P))


def test_without_discount_and_regulariser_ipl_is_dpo_without_a_reference(policy: Policy) -> None:
    micro = q_batch(policy)
    dials = ObjectiveDials(beta=0.3, ipl_gamma=1.0, ipl_lambda=0.0, label_smoothing=0.1)
    part = ipl_step(dials)(policy.model, micro)
    terms = pair_terms(policy.model, micro)
    zero = torch.zeros_like(terms.first.policy_P)
    first, second = (Side(side.policy_P, zero, side.length_P) for side in (terms.first, terms.second))
    smooth_P = 0.9 * terms.p_P + 0.1 * (1 - terms.p_P)
    plain = PAIR_OBJECTIVES["sigmoid"].loss
    expected = terms.weight_P * (smooth_P * plain(first, second, dials) + (1 - smooth_P) * plain(second, first, dials))
    assert torch.allclose(part.loss, expected.sum(), rtol=1e-9)
    ours, theirs = gradient(policy, part.loss), gradient(policy, expected.sum())
    assert (ours - theirs).norm() <= 1e-8 * theirs.norm()
    assert part.metrics["rewards/accuracies"] <= part.count


@settings(max_examples=30)
@given(gamma=st.floats(0, 1), beta=st.floats(0.05, 2))
def test_the_rewards_of_a_response_are_its_likelihood_and_what_the_values_leave(gamma: float, beta: float) -> None:
    noise = torch.Generator().manual_seed(1)
    logit_N, normaliser_N = torch.randn(2, 7, generator=noise, dtype=torch.float64)
    sequence_N = torch.tensor([0, 0, 0, 0, 1, 1, 1])
    dials = ObjectiveDials(beta=beta, ipl_gamma=gamma)
    reward_N = token_rewards_of_q(logit_N, normaliser_N, sequence_N, dials)
    for mine in (slice(0, 4), slice(4, 7)):
        value = beta * normaliser_N[mine]
        telescoped = beta * (logit_N - normaliser_N)[mine].sum() + value[0] + (1 - gamma) * value[1:].sum()
        assert torch.allclose(reward_N[mine].sum(), telescoped)


def test_the_regulariser_is_the_mean_square_of_all_token_rewards() -> None:
    reward_N = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    batch = of_lengths(2, 1)
    one = torch.ones(1, dtype=torch.float64)
    losses = [ipl_losses(reward_N, batch, one, 2 * one, ObjectiveDials(ipl_lambda=lam)) for lam in (0.0, 0.3)]
    assert float(losses[0]) == pytest.approx(2 * math.log1p(math.exp(1.5)))
    assert float(losses[1] - losses[0]) == pytest.approx(2 * 0.3 * (1 + 4 + 0.25) / 3)


def test_the_soft_optimal_q_function_of_the_true_rewards_is_where_the_loss_is_flat() -> None:
    """A tree of two tokens, each of three, with a reward per token; people judge by its discounted-free sum.

    Q* is found backwards from the end (soft value iteration). There r_{Q*} is the true reward, so Bradley-Terry labels
    are met exactly, and softmax(Q*/β) is the policy that is best at reward less β times its negative entropy: for γ = 1
    proportional to exp(Σr/β), by brute force over all nine responses.
    """
    beta, noise = 0.7, torch.Generator().manual_seed(4)
    first_A = torch.randn(3, generator=noise, dtype=torch.float64)
    second_AB = torch.randn(3, 3, generator=noise, dtype=torch.float64)
    paths = list(product(range(3), range(3)))
    truth = torch.stack([first_A[a] + second_AB[a, b] for a, b in paths])
    for gamma in (1.0, 0.8):
        value_A = beta * torch.logsumexp(second_AB / beta, -1)
        tables = [(first_A + gamma * value_A) / beta, second_AB / beta]  # logits: Q*/β
        logits_A, logits_AB = (table.clone().requires_grad_() for table in tables)
        if gamma == 1.0:
            found = torch.stack([logits_A.log_softmax(0)[a] + logits_AB.log_softmax(1)[a, b] for a, b in paths])
            assert torch.allclose(found, (truth / beta).log_softmax(0))
        dials = ObjectiveDials(beta=beta, ipl_gamma=gamma, ipl_lambda=0.0)
        loss = torch.zeros((), dtype=torch.float64)
        for (one, r_one), (other, r_other) in product(zip(paths, truth, strict=True), repeat=2):
            taken = [(logits_A[one[0]], logits_AB[one]), (logits_A[other[0]], logits_AB[other])]
            normaliser = [(logits_A.logsumexp(0), logits_AB[path[0]].logsumexp(0)) for path in (one, other)]
            batch = of_lengths(2, 2)
            logit_N, normaliser_N = (torch.stack([*pair[0], *pair[1]]) for pair in (taken, normaliser))
            reward_N = token_rewards_of_q(logit_N, normaliser_N, batch.sequence_N, dials)
            p_P = torch.sigmoid(r_one - r_other)[None]
            loss = loss + ipl_losses(reward_N, batch, p_P, torch.ones(1, dtype=torch.float64), dials).sum()
        slopes = torch.autograd.grad(loss, [logits_A, logits_AB])
        assert max(float(slope.abs().max()) for slope in slopes) < 1e-12


# Intuitive fine-tuning


def test_without_mixing_and_discount_ift_is_fine_tuning_on_the_chosen_responses(policy: Policy) -> None:
    steps = ift_steps(policy, ROWS, SETTINGS, max_length=128)
    chosen = [policy.text.group(one.prompt, [one.responses[int(one.p < 0.5)]], max_length=128) for one in ROWS]
    plain = sft_steps(policy, chosen, SETTINGS, weights=[[one.weight] for one in ROWS])
    dials = ObjectiveDials(ift_lambda=0.0, ift_gamma=0.0)
    for ours, theirs in zip(steps[0], plain[0], strict=True):
        mine, other = ift_step(dials)(policy.model, ours), sft_loss()(policy.model, theirs)
        assert torch.equal(mine.loss, other.loss) and mine.count == other.count
        assert torch.equal(gradient(policy, mine.loss), gradient(policy, other.loss))


def test_a_tie_is_half_a_demonstration_of_both_and_nothing_certain_is_learned_from_the_rejected(policy: Policy) -> None:
    steps = ift_steps(policy, [replace(ROWS[0], p=0.5)], SETTINGS, max_length=128)
    assert [micro.weight_S.tolist() for micro in steps[0]] == [[0.5, 0.5]]
    with pytest.raises(ValueError, match="no row has a weight above 0"):
        ift_steps(policy, [replace(ROWS[0], weight=0.0)], SETTINGS, max_length=128)


@pytest.mark.parametrize("tree", [True, False])
def test_inputs_of_response_tokens_are_mixed_with_the_greedy_ones_and_nothing_else(policy: Policy, tree: bool) -> None:
    groups = pair_groups(policy, ROWS, 128)
    batch = collate(groups, Layout(tree=tree, hidden=10**6))
    assert (batch.mask_R1LL is not None) is tree
    mixed = mixed_embeddings(policy.model, batch, 0.25)
    table = policy.model.get_input_embeddings().weight
    expected = table[batch.input_ids_RL].clone().flatten(0, 1)
    greedy = greedy_tokens(policy.model, batch)
    where = batch.predictor_N.tolist()
    for number in range(len(where) - 1):
        if batch.sequence_N[number] == batch.sequence_N[number + 1]:
            place = where[number + 1]
            assert int(batch.input_ids_RL.flatten()[place]) == int(batch.target_N[number])
            expected[place] = 0.75 * table[batch.target_N[number]] + 0.25 * table[greedy[number]]
    assert torch.allclose(mixed.flatten(0, 1), expected) and not mixed.requires_grad
    unmixed = mixed_embeddings(policy.model, batch, 0.0)
    assert torch.allclose(token_logprobs(policy.model, batch, unmixed), token_logprobs(policy.model, batch))


@settings(max_examples=30)
@given(discount=st.floats(0.01, 1), lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_a_token_weighs_what_is_lost_from_it_on(discount: float, lengths: list[int]) -> None:
    batch = of_lengths(*lengths)
    sequence_N = batch.sequence_N
    loss_N = torch.rand(len(sequence_N), generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 0.1
    found = future_weights(loss_N, batch, discount)
    for number, length in enumerate(lengths):
        mine = loss_N[sequence_N == number].tolist()
        future = [sum(discount ** (j - t) * mine[j] for j in range(t, length)) for t in range(length)]
        expected = torch.tensor(future, dtype=torch.float64) * length / sum(future)
        assert torch.allclose(found[sequence_N == number], expected)
    assert torch.allclose(sequence_sums(found, batch), torch.tensor(lengths, dtype=torch.float64))


def test_ift_trains_adapters_too_and_never_the_table_by_the_mix(tmp_path: Path) -> None:
    plain = tiny_policy(tmp_path, shape="qwen2")  # its head is no copy of its table
    dials = ObjectiveDials()
    (micro, *_) = ift_steps(plain, ROWS, SETTINGS, max_length=128)[0]
    torch.autograd.backward(ift_step(dials)(plain.model, micro).loss)
    assert plain.model.get_input_embeddings().weight.grad is None
    assert plain.model.lm_head.weight.grad.abs().sum() > 0
    adapted = with_lora(plain, LoraSettings(r=2, lora_alpha=4))
    torch.autograd.backward(ift_step(dials)(adapted.model, micro).loss)
    moved = [p.grad.abs().sum() for p in adapted.model.parameters() if p.requires_grad]
    assert sum(moved) > 0


# Recipes


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"loss_type": "t_reg", "base_loss_type": "ipo"}, "addition to sigmoid or simpo"),
        ({"loss_type": "ipl", "loss_weights": {"sft": 0.1}}, "mixes with nothing"),
        ({"loss_type": "ift", "beta": 0.5}, "beta has no meaning for ift"),
        ({"loss_type": "srpo", "sync_ref_model": True}, "sync_ref_model has no meaning for srpo"),
        ({"loss_type": "simpo", "sync_ref_model": True}, "sync_ref_model has no meaning for simpo"),
        ({"loss_type": "rationale", "base_loss_type": "kto"}, "there is no pair objective 'kto'"),
        ({"loss_type": "rationale", "base_loss_type": "aot"}, "set model_pairs_share to 0"),
        ({"loss_type": "rationale", "rationale_form": "cubic"}, "likelihood or logistic"),
        ({"ipl_lambda": -1.0}, "ipl_lambda is at least 0"),
        ({"ift_gamma": 1.5}, r"ift_gamma is in \[0, 1\]"),
        ({"ref_model_sync_steps": 0}, "ref_model_sync_steps is at least 1"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused_in_words(recipe: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        objective_of(PolicyRecipe.from_json(recipe))


@pytest.mark.parametrize("key", ["t_reg", "ipl", "ift", "srpo", "rationale"])
def test_each_lays_its_training_out_from_a_recipe(key: str, policy: Policy, tmp_path: Path) -> None:
    training = laid_out(policy, {"loss_type": key}, tmp_path)
    for micro in training.steps[0]:
        part = training.loss(policy.model, micro)
        assert torch.isfinite(part.loss) and part.count > 0 and training.companion is None
