"""Shared prompts, response positions and the cache give the numbers of a plain forward pass."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, exact, tiny_policy, user
from training.learning.batches import UNCUT, Layout, collate, fill, rows_of, training_steps
from training.learning.cache import LogprobCache
from training.learning.logprobs import (
    Wiring,
    layout,
    response_logprobs,
    sequence_sums,
    token_logprobs,
    top_entropies,
    wiring,
)
from training.learning.models import Policy
from training.learning.recipes import OptimSettings
from training.learning.text import Group

ANSWERS = ["The sea is wide.", "", "It is deep, and blue, and it is wide and deep and blue!"]
GROUPS_OF_TOKENS = st.lists(
    st.builds(
        Group,
        st.lists(st.integers(4, 299), min_size=1, max_size=12).map(tuple),
        st.lists(st.lists(st.integers(0, 299), min_size=1, max_size=9).map(tuple), min_size=1, max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return exact(tiny_policy(tmp_path_factory.mktemp("llama"), dtype=torch.float64))


def plain_logprobs(policy: Policy, group: Group) -> list[torch.Tensor]:
    """One sequence at a time, through the model's own logits: what everything else must equal."""
    found = []
    for response in group.responses:
        ids = torch.tensor([[*group.prompt, *response]])
        logits = policy.model(input_ids=ids).logits[0].log_softmax(-1)
        steps = logits[len(group.prompt) - 1 : -1].gather(1, torch.tensor(response)[:, None])
        found.append(steps[:, 0])
    return found


def gradient(policy: Policy, loss: torch.Tensor) -> torch.Tensor:
    policy.model.zero_grad()
    torch.autograd.backward(loss)
    return torch.cat([p.grad.flatten() for p in policy.model.parameters() if p.grad is not None])


@pytest.mark.parametrize("shape", ["llama", "qwen2", "gpt2"])
def test_a_shared_prompt_gives_the_loss_and_gradient_of_separate_sequences(tmp_path: Path, shape: str) -> None:
    policy = exact(tiny_policy(tmp_path / shape, shape=shape, dtype=torch.float64))
    assert wiring(policy.model) == Wiring(tree=True, head=True, narrow=True)
    groups = [
        policy.text.group(user("Tell me about the sea."), [answer(text) for text in ANSWERS[:2]]),
        policy.text.group(user("And what about rivers, please? Thanks!"), [answer(text) for text in ANSWERS[1:]]),
    ]
    batch = collate(groups, Layout(tree=True, hidden=10**6))
    assert batch.mask_R1LL is not None and len(batch.input_ids_RL) == 2
    weights = torch.arange(1.0, len(batch.target_N) + 1, dtype=torch.float64)
    shared = (token_logprobs(policy.model, batch) * weights).sum()
    shared_gradient = gradient(policy, shared)
    plain = (torch.cat([row for group in groups for row in plain_logprobs(policy, group)]) * weights).sum()
    plain_gradient = gradient(policy, plain)
    assert torch.allclose(shared, plain, rtol=1e-9, atol=0.0)
    assert (shared_gradient - plain_gradient).norm() <= 1e-9 * plain_gradient.norm()


@given(groups=GROUPS_OF_TOKENS, budget=st.integers(1, 60))
@settings(max_examples=30)
def test_any_groups_in_any_budget_give_plain_log_probabilities(llama: Policy, groups: list[Group], budget: int) -> None:
    found = response_logprobs(llama, groups, token_budget=budget)
    for group, values in zip(groups, found, strict=True):
        for value, plain in zip(values, plain_logprobs(llama, group), strict=True):
            assert torch.allclose(value, plain, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "head", "narrow"),
    [("mistral", True, True), ("bloom", True, False), ("mamba", True, False), ("gemma2", False, False)],
)
def test_an_architecture_of_another_kind_takes_the_unshared_path_with_the_same_numbers(
    tmp_path: Path, shape: str, head: bool, narrow: bool
) -> None:
    policy = tiny_policy(tmp_path / shape, shape=shape)
    assert wiring(policy.model) == Wiring(tree=False, head=head, narrow=narrow)
    group = policy.text.group(user("Tell me about the sea and the rivers."), [answer(text) for text in ANSWERS])
    assert collate([group], layout(policy.model)).mask_R1LL is None
    (found,) = response_logprobs(policy, [group])
    for value, plain in zip(found, plain_logprobs(policy, group), strict=True):
        assert torch.allclose(value, plain, rtol=1e-4, atol=1e-4)


def test_a_head_in_pieces_gives_the_same_loss_and_gradient(llama: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    group = llama.text.group(user("Tell me."), [answer(text) for text in ANSWERS])
    batch = collate([group], layout(llama.model))
    whole = token_logprobs(llama.model, batch)
    whole_gradient = gradient(llama, whole.sum())
    monkeypatch.setattr("training.learning.logprobs.LOGITS_AT_ONCE", 7 * 300)
    pieces = token_logprobs(llama.model, batch)
    assert torch.allclose(whole, pieces, rtol=1e-12)
    assert torch.allclose(whole_gradient, gradient(llama, pieces.sum()), rtol=1e-9, atol=1e-12)


def test_the_head_never_sees_prompt_or_padding_positions(llama: Policy) -> None:
    group = llama.text.group(user("Tell me about the sea. " * 4), [answer("Blue."), answer("")])
    batch = collate([group], layout(llama.model))
    seen = []
    hook = llama.model.lm_head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[0]))
    token_logprobs(llama.model, batch)
    hook.remove()
    assert seen == [sum(map(len, group.responses))]


def test_sequence_sums_add_each_responses_tokens(llama: Policy) -> None:
    group = llama.text.group(user("Tell me."), [answer(text) for text in ANSWERS])
    batch = collate([group], layout(llama.model))
    sums = sequence_sums(torch.ones(len(batch.target_N)), batch)
    assert sums.tolist() == [float(len(response)) for response in group.responses]


def test_many_long_responses_get_rows_of_their_own_and_two_share_one() -> None:
    pair = Group(tuple(range(30)), ((1,) * 40, (2,) * 30))
    assert len(rows_of(pair, 0, Layout(tree=True, hidden=256))) == 1
    many = Group((5,), tuple((1,) * 200 for _ in range(16)))
    assert len(rows_of(many, 0, Layout(tree=True, hidden=64))) == 16
    assert len(rows_of(pair, 0, Layout(tree=False, hidden=256))) == 2


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    budget=st.integers(60, 400),
)
def test_batches_hold_every_group_once_within_the_budget(lengths: list[int], budget: int) -> None:
    groups = [Group((1,) * length, ((2, 0), (3, 0))) for length in lengths]
    shape = Layout(tree=True, hidden=64)
    batches = fill(groups, shape, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(groups)))
    for batch in batches:
        assert collate([groups[index] for index in batch], shape).input_ids_RL.numel() <= budget


@given(lengths=st.lists(st.integers(1, 600), min_size=1, max_size=12))
def test_a_step_that_is_never_cut_is_one_batch_however_unlike_its_lengths(lengths: list[int]) -> None:
    groups = [Group((1,) * length, ((2, 0), (3, 0))) for length in lengths]
    [batch] = fill(groups, Layout(tree=True, hidden=64), UNCUT)
    assert sorted(batch) == list(range(len(groups)))
    assert fill([], Layout(tree=True, hidden=64), UNCUT) == []


def test_a_training_plan_is_a_function_of_its_seed_and_visits_each_group_once_per_epoch() -> None:
    groups = [Group((1,) * (3 + i % 7), ((2, 0), (3, 0))) for i in range(50)]
    shape = Layout(tree=True, hidden=64)

    def plan(seed: int) -> list[list[tuple[int, ...]]]:
        return training_steps(
            groups, shape, OptimSettings(batch_size=8, token_budget=60, num_train_epochs=2.0, seed=seed)
        )

    assert plan(1) == plan(1) != plan(2)
    visited = [index for step in plan(1) for batch in step for index in batch]
    assert len(visited) == 100 and sorted(visited[:48] + visited[48:50]) != visited
    assert all(visited.count(index) == 2 for index in range(50))
    assert all(sum(map(len, step)) == 8 for step in plan(1)[:-1])


def test_the_cache_answers_without_the_model_and_only_for_its_own_digest(llama: Policy, tmp_path: Path) -> None:
    group = llama.text.group(user("Tell me."), [answer(text) for text in ANSWERS])
    first = response_logprobs(llama, [group], cache=LogprobCache(tmp_path, "a" * 64))
    again = LogprobCache(tmp_path, "a" * 64)
    known = again.get(group)
    assert all(y is not None and torch.equal(x, y) for x, y in zip(first[0], known, strict=True))
    assert LogprobCache(tmp_path, "b" * 64).get(group) == [None] * 3


def test_cached_values_with_a_gradient_are_refused_in_words(llama: Policy, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="carry no gradient"):
        response_logprobs(llama, [], grad=True, cache=LogprobCache(tmp_path, "a" * 64))


def test_the_entropy_of_the_likeliest_tokens_is_that_of_their_own_distribution(llama: Policy) -> None:
    group = llama.text.group(user("Tell me about the sea."), [answer(text) for text in ANSWERS])
    shape = layout(llama.model)
    batch = collate([group], shape)
    k, expected = 5, []
    for response in group.responses:
        logits = llama.model(input_ids=torch.tensor([[*group.prompt, *response]])).logits[0, len(group.prompt) - 1 : -1]
        share = logits.sort(-1, descending=True).values[:, :k].softmax(-1)
        expected.append(-(share * share.log()).sum(-1))
    found = top_entropies(llama.model, batch, k)
    torch.testing.assert_close(found.double(), torch.cat(expected).detach(), rtol=1e-5, atol=1e-6)
    whole = top_entropies(llama.model, batch, 10**6)
    assert bool((found <= whole + 1e-6).all()) and float(found.max()) <= torch.log(torch.tensor(float(k)))
