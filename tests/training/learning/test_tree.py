"""Trees of responses: leaves share exactly what the tree says, and each is a sample like any other."""

import numpy as np
import pytest
import torch

from tests.training.learning.tiny import tiny_policy, user
from training.learning.logprobs import response_logprobs
from training.learning.models import Policy
from training.learning.recipes import SamplerSettings
from training.learning.sampling import sample
from training.learning.sampling.tree import Leaf, common_depth, grow, leaf_pairs
from training.learning.sampling.uniforms import leaf_seeds, path_of

SETTINGS = SamplerSettings(max_new_tokens=9, branching=2, depth=3, segment_tokens=3)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return tiny_policy(tmp_path_factory.mktemp("policy"))


@pytest.fixture(scope="module")
def trees(policy) -> list[list[Leaf]]:
    return grow(policy, [user("Tell me of the sea."), user("And rivers?")], SETTINGS, [1, 2])


def test_leaves_share_exactly_the_segments_of_their_common_path(trees) -> None:
    for leaves in trees:
        assert len({leaf.path for leaf in leaves}) == len(leaves) > 4
        for first in leaves:
            for second in leaves:
                shared = common_depth(first, second)
                assert first.segments[:shared] == second.segments[:shared]
                assert first.path[:shared] == second.path[:shared]
                if first is not second:
                    assert first.path[shared] != second.path[shared]
        for leaf in leaves:
            assert [len(segment) for segment in leaf.segments[:-1]] == [3] * (len(leaf.segments) - 1)
            assert leaf.stopped or len(leaf.token_ids) == 9


def test_their_log_probabilities_are_those_of_a_plain_forward_pass(policy, trees) -> None:
    leaves = trees[0]
    group = policy.text.group_of_tokens(user("Tell me of the sea."), [leaf.token_ids for leaf in leaves])
    for leaf, plain in zip(leaves, response_logprobs(policy, [group])[0], strict=True):
        assert torch.allclose(torch.tensor(leaf.token_logprobs), plain, atol=1e-4)


def test_a_tree_does_not_depend_on_its_neighbours_and_comes_again(policy, trees) -> None:
    (alone,) = grow(policy, [user("And rivers?")], SETTINGS, [2])
    assert [leaf.token_ids for leaf in alone] == [leaf.token_ids for leaf in trees[1]]


def test_a_leaf_is_distributed_as_a_plain_sample(policy) -> None:
    """The first token after a shared segment: over many trees its frequency is the policy's own probability."""
    settings = SamplerSettings(max_new_tokens=2, branching=2, depth=2, segment_tokens=1)
    grown = grow(policy, [user("a")] * 600, settings, list(range(600)))
    group = policy.text.group_of_tokens(user("a"), [grown[0][0].token_ids])
    with torch.no_grad():
        chance = policy.model(torch.tensor([group.prompt])).logits[0, -1].softmax(-1)
    first = np.array([leaves[0].token_ids[0] for leaves in grown])
    likeliest = int(chance.argmax())
    assert abs((first == likeliest).mean() - float(chance[likeliest])) < 4 * np.sqrt(0.25 / 600)


def leaf(path: tuple[int, ...], text: str) -> Leaf:
    return Leaf(path, tuple((step,) for step in path), (0.0,) * len(path), text, stopped=False)


def test_pairs_are_of_leaves_with_common_ancestors_the_deepest_first() -> None:
    leaves = [leaf((0, 0), "a"), leaf((0, 1), "b"), leaf((1, 0), "c"), leaf((1, 1), "c"), leaf((2,), "d")]
    assert leaf_pairs(leaves) == [(0, 1)]  # the two below 1 say the same
    assert leaf_pairs(leaves, least=0)[0] == (0, 1)
    assert len(leaf_pairs(leaves, least=0)) == 9


def test_plain_sampling_with_the_leaves_seeds_draws_the_same_tree(policy, trees) -> None:
    seeds = leaf_seeds(SETTINGS, 1, 8)
    drawn = sample(policy, [user("Tell me of the sea.")] * 8, SETTINGS, seeds)
    by_path = {leaf.path: leaf.token_ids for leaf in trees[0]}
    for seed, one in zip(seeds, drawn, strict=True):
        tree, path = path_of(SETTINGS, seed)
        assert tree == 1
        assert one.token_ids == next(by_path[path[:size]] for size in (3, 2, 1) if path[:size] in by_path)


def test_neighbouring_leaves_are_nearest_kin() -> None:
    assert [path_of(SETTINGS, seed)[1] for seed in leaf_seeds(SETTINGS, 5, 4)] == [
        (0, 0, 0),
        (0, 0, 1),
        (0, 1, 0),
        (0, 1, 1),
    ]
    assert {path_of(SETTINGS, seed)[0] for seed in leaf_seeds(SETTINGS, 5, 9)} == {5, 6}


def test_what_is_no_tree_is_refused(policy) -> None:
    for dials, words in (
        ({"branching": 1}, "2 and more"),
        ({"depth": 0}, "depth is at least 1"),
        ({"branching": 10, "depth": 9}, "at most 4096 leaves"),
        ({"branching": 2, "depth": 3, "segment_tokens": 80}, "leave none"),
    ):
        with pytest.raises(ValueError, match=words):
            SamplerSettings.from_json(dials)
    with pytest.raises(ValueError, match="number a tree"):
        grow(policy, [user("a")], SETTINGS, [])
    with pytest.raises(ValueError, match="branching of 2"):
        grow(policy, [user("a")], SamplerSettings(), [0])
    with pytest.raises(ValueError, match="room for a prompt"):
        grow(policy, [user("a")], SamplerSettings(max_new_tokens=256, branching=2), [0])
