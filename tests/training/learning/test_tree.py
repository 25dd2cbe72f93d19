"""Trees of responses: leaves share exactly what the tree says, and each is a sample like any other."""

import numpy as np
import pytest
import torch

from tests.training.learning.tiny import tiny_policy, user
from training.learning.logprobs import response_logprobs
from training.learning.models import Policy
from training.learning.recipes import SamplerSettings
from training.learning.sampling import Sample, sample
from training.learning.sampling.uniforms import leaf_seeds, path_of

SETTINGS = SamplerSettings(max_new_tokens=9, branching=2, depth=3, segment_tokens=3)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return tiny_policy(tmp_path_factory.mktemp("policy"))


def grown(policy: Policy, prompt: str, tree: int) -> list[Sample]:
    """All eight leaves of one tree."""
    return sample(policy, [user(prompt)] * 8, SETTINGS, leaf_seeds(SETTINGS, tree, 8))


def test_leaves_share_the_segments_of_their_common_path_and_the_tree_really_branches(policy) -> None:
    leaves = grown(policy, "Tell me of the sea.", 1)
    paths = [path_of(SETTINGS, seed)[1] for seed in leaf_seeds(SETTINGS, 1, 8)]
    for first, one in zip(paths, leaves, strict=True):
        for second, other in zip(paths, leaves, strict=True):
            shared = next((at for at in range(3) if first[at] != second[at]), 3)
            assert one.token_ids[: 3 * shared] == other.token_ids[: 3 * shared]
    assert len({leaf.token_ids for leaf in leaves}) > 4


def test_their_log_probabilities_are_those_of_a_plain_forward_pass(policy) -> None:
    leaves = grown(policy, "Tell me of the sea.", 1)
    group = policy.text.group_of_tokens(user("Tell me of the sea."), [leaf.token_ids for leaf in leaves])
    for leaf, plain in zip(leaves, response_logprobs(policy, [group])[0], strict=True):
        assert torch.allclose(torch.tensor(leaf.token_logprobs), plain, atol=1e-4)


def test_a_tree_does_not_depend_on_its_neighbours_and_comes_again(policy) -> None:
    seeds = [*leaf_seeds(SETTINGS, 1, 8), *leaf_seeds(SETTINGS, 2, 8)]
    beside = sample(policy, [user("Tell me of the sea.")] * 8 + [user("And rivers?")] * 8, SETTINGS, seeds)
    assert [leaf.token_ids for leaf in grown(policy, "And rivers?", 2)] == [leaf.token_ids for leaf in beside[8:]]


def test_a_leaf_is_distributed_as_a_plain_sample(policy) -> None:
    """Over many trees the first token's frequency is the policy's own probability."""
    settings = SamplerSettings(max_new_tokens=2, branching=2, depth=2, segment_tokens=1)
    firsts = [leaf_seeds(settings, tree, 1)[0] for tree in range(600)]
    leaves = sample(policy, [user("a")] * 600, settings, firsts)
    group = policy.text.group_of_tokens(user("a"), [leaves[0].token_ids])
    with torch.no_grad():
        chance = policy.model(torch.tensor([group.prompt])).logits[0, -1].softmax(-1)
    first = np.array([leaf.token_ids[0] for leaf in leaves])
    likeliest = int(chance.argmax())
    assert abs((first == likeliest).mean() - float(chance[likeliest])) < 4 * np.sqrt(0.25 / 600)


def test_neighbouring_leaves_are_nearest_kin_and_the_next_tree_follows_the_last_leaf() -> None:
    assert [path_of(SETTINGS, seed) for seed in leaf_seeds(SETTINGS, 5, 4)] == [
        (5, (0, 0, 0)),
        (5, (0, 0, 1)),
        (5, (0, 1, 0)),
        (5, (0, 1, 1)),
    ]
    assert {path_of(SETTINGS, seed)[0] for seed in leaf_seeds(SETTINGS, 5, 9)} == {5, 6}


@pytest.mark.parametrize(
    ("dials", "words"),
    [
        ({"branching": 1}, "2 and more"),
        ({"depth": 0}, "depth is at least 1"),
        ({"branching": 10, "depth": 9}, "at most 4096 leaves"),
        ({"branching": 2, "depth": 3, "segment_tokens": 80}, "leave none"),
    ],
)
def test_what_is_no_tree_is_refused(dials, words) -> None:
    with pytest.raises(ValueError, match=words):
        SamplerSettings.from_json(dials)
