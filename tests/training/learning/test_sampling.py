"""Samples: seeded each by itself, drawn from the model's own distribution, whatever the batch."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, tiny_policy, user
from training.learning.logprobs import response_logprobs
from training.learning.models import Policy
from training.learning.recipes import SamplerSettings
from training.learning.sampling import sample
from training.learning.sampling.choose import choose
from training.learning.sampling.rows_cache import RowsCache
from training.learning.sampling.uniforms import uniforms

SHORT = SamplerSettings(max_new_tokens=24)
PROMPTS = [user("Tell me about the sea."), user("Hi"), [*user("And?"), *answer("Blue."), *user("Why is it blue?")]]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return tiny_policy(tmp_path_factory.mktemp("llama"))


@pytest.mark.parametrize("shape", ["llama", "gpt2", "mistral", "gemma2", "mamba"])
def test_a_sample_does_not_depend_on_its_batch(tmp_path: Path, shape: str) -> None:
    policy = tiny_policy(tmp_path, shape=shape, chat=shape != "gpt2")
    prompts, seeds = PROMPTS * 4, list(range(12))
    together = sample(policy, prompts, SHORT, seeds)
    alone = [sample(policy, [prompt], SHORT, [seed])[0] for prompt, seed in zip(prompts, seeds, strict=True)]
    small = sample(policy, prompts[::-1], replace(SHORT, batch_size=5), seeds[::-1])[::-1]
    assert [one.token_ids for one in together] == [one.token_ids for one in alone]
    assert [one.token_ids for one in together] == [one.token_ids for one in small]
    assert len({one.token_ids for one in together}) > 8
    assert shape in ("gemma2", "mamba") or {one.stopped for one in together} == {True, False}


@pytest.mark.parametrize("shape", ["llama", "gpt2", "mistral", "gemma2", "mamba", "bloom"])
def test_the_stored_log_probabilities_are_the_models_own(tmp_path: Path, shape: str) -> None:
    policy = tiny_policy(tmp_path, shape=shape)
    warm = replace(SHORT, temperature=1.3, top_k=50, top_p=0.9)
    drawn = sample(policy, PROMPTS * 3, warm, list(range(9)))
    groups = [policy.text.group_of_tokens(p, [s.token_ids]) for p, s in zip(PROMPTS * 3, drawn, strict=True)]
    for one, (values,) in zip(drawn, response_logprobs(policy, groups), strict=True):
        assert torch.allclose(torch.tensor(one.token_logprobs), values, atol=2e-4)


def test_a_stopped_sample_ends_with_the_end_token_and_its_text_leaves_it_out(llama: Policy) -> None:
    for one in sample(llama, PROMPTS * 10, SHORT, list(range(30))):
        assert one.stopped == (one.token_ids[-1] in llama.text.end_ids)
        assert not any(token in llama.text.end_ids for token in one.token_ids[:-1])
        assert one.stopped or len(one.token_ids) == 24
        assert "<|end|>" not in one.text and len(one.token_logprobs) == len(one.token_ids)


def test_temperature_zero_is_the_likeliest_token_and_ignores_the_seed(llama: Policy) -> None:
    greedy = replace(SHORT, temperature=0.0)
    first, second = sample(llama, [PROMPTS[0]] * 2, greedy, [1, 2])
    assert first == second
    ids = [*llama.text.prompt_tokens(PROMPTS[0])]
    for token in first.token_ids:
        assert int(llama.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()) == token
        ids.append(token)


def test_the_first_tokens_follow_the_models_distribution(llama: Policy) -> None:
    draws = 4000
    one = replace(SHORT, max_new_tokens=1, batch_size=1024)
    counts = Counter(s.token_ids[0] for s in sample(llama, [PROMPTS[0]] * draws, one, list(range(draws))))
    ids = torch.tensor([llama.text.prompt_tokens(PROMPTS[0])])
    probability = llama.model(input_ids=ids).logits[0, -1].double().softmax(-1).detach().numpy()
    for token in np.argsort(-probability)[:20]:
        error = (probability[token] * (1 - probability[token]) / draws) ** 0.5
        assert abs(counts[int(token)] / draws - probability[token]) < 5 * error


LOGITS = st.lists(st.integers(-400, 400).map(lambda n: n / 50), min_size=3, max_size=200)


def plain_choice(logits: torch.Tensor, uniform: float, chosen: SamplerSettings) -> int:
    """The same choice written out: sort when filtered, renormalise, walk the running sum."""
    weight = (logits.double() / chosen.temperature).softmax(-1)
    order = torch.arange(len(logits))
    if chosen.top_k or chosen.top_p < 1.0:
        order = torch.sort(weight, descending=True, stable=True).indices
        order = order[: chosen.top_k or len(order)]
        mass = weight[order] / weight[order].sum()
        order = order[mass.cumsum(0) - mass < chosen.top_p]
    running = (weight[order] / weight[order].sum()).cumsum(0)
    return int(order[min(int((running <= uniform).sum()), len(order) - 1)])


@given(
    logits=LOGITS,
    uniform=st.floats(0, 1, exclude_max=True),
    temperature=st.sampled_from([0.5, 1.0, 2.0]),
    top_k=st.sampled_from([0, 1, 5, 500]),
    top_p=st.sampled_from([1.0, 0.9, 0.3]),
)
@settings(max_examples=200)
def test_the_choice_is_the_written_out_choice(
    logits: list[float], uniform: float, temperature: float, top_k: int, top_p: float
) -> None:
    chosen = SamplerSettings(temperature=temperature, top_k=top_k, top_p=top_p)
    row = torch.tensor([logits])
    token, logprob = choose(row, torch.tensor([uniform], dtype=torch.float64), chosen)
    nearby = {plain_choice(row[0], min(max(uniform + d, 0.0), 1 - 1e-9), chosen) for d in (-2e-6, 0.0, 2e-6)}
    assert torch.isclose(logprob[0], row[0].log_softmax(-1)[token[0]], atol=1e-5)
    if len(set(logits)) == len(logits):  # among equal logits any may be the one kept
        assert int(token) in nearby


def test_a_flat_nucleus_wider_than_the_quick_search_keeps_its_mass() -> None:
    logits = torch.zeros(64, 1000)
    uniform = torch.linspace(0, 1 - 1e-9, 64, dtype=torch.float64)
    token, _ = choose(logits, uniform, SamplerSettings(top_p=0.9))
    assert len(set(token.tolist())) == 64


def test_a_token_of_zero_probability_is_never_chosen() -> None:
    logits = torch.full((3, 130), -1e4)
    logits[:, 128] = 0.0
    token, logprob = choose(logits, torch.tensor([0.0, 0.5, 1 - 1e-16], dtype=torch.float64), SamplerSettings())
    assert token.tolist() == [128] * 3 and logprob.tolist() == [0.0] * 3


def test_a_seeds_numbers_do_not_depend_on_how_many_are_asked() -> None:
    assert torch.equal(uniforms([3, 5], 10), uniforms([5, 3], 40)[[1, 0], :10])
    assert not torch.equal(uniforms([3], 10), uniforms([4], 10))
    with pytest.raises(ValueError, match="a seed is an integer"):
        uniforms([-1], 3)


@given(kept=st.sets(st.integers(0, 9), max_size=10))
def test_dropping_rows_keeps_each_open_rows_keys_and_values(kept: set[int]) -> None:
    cache = RowsCache(1)
    content = torch.arange(10.0)[:, None, None, None].expand(10, 2, 3, 4)
    cache.update(content, -content, 0)
    rows = cache.keep_rows(torch.tensor(sorted(kept), dtype=torch.long))
    assert sorted(rows.tolist()) == sorted(kept)
    keys, values = cache.update(torch.ones(len(rows), 2, 1, 4), torch.ones(len(rows), 2, 1, 4), 0)
    assert keys[:, 0, 0, 0].tolist() == rows.tolist()
    assert values[:, 1, 2, 3].tolist() == [-row for row in rows.tolist()]
    assert keys[:, :, 3].eq(1).all()


def test_a_prompt_is_read_once_however_many_samples_it_gets(llama: Policy) -> None:
    read: list[int] = []
    hook = llama.model.model.embed_tokens.register_forward_hook(lambda _, ids, __: read.append(ids[0].shape[0]))
    sample(llama, [PROMPTS[0]] * 8, replace(SHORT, max_new_tokens=2), list(range(8)))
    hook.remove()
    assert read[0] == 1


def test_a_prompt_too_long_for_the_context_keeps_its_end_and_counts_the_cut(llama: Policy) -> None:
    (one,) = sample(llama, [user("sea " * 300)], SHORT, [1])
    whole = llama.text.prompt_tokens(user("sea " * 300))
    assert one.prompt_cut == len(whole) - (256 - 24) > 0


def test_progress_is_told_after_every_batch(llama: Policy) -> None:
    told: list[tuple[int, int]] = []
    few = replace(SHORT, batch_size=4, max_new_tokens=2)
    sample(llama, [PROMPTS[0]] * 10, few, list(range(10)), progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 10), (8, 10), (10, 10)]


def test_nothing_to_sample_is_an_empty_list(llama: Policy) -> None:
    assert sample(llama, [], SHORT, []) == []


def test_impossible_requests_are_refused_in_words(llama: Policy) -> None:
    with pytest.raises(ValueError, match="one seed per prompt"):
        sample(llama, PROMPTS, SHORT, [1])
    with pytest.raises(ValueError, match="leaves no room for a prompt in a context of 256 tokens"):
        sample(llama, PROMPTS[:1], replace(SHORT, max_new_tokens=256), [1])
