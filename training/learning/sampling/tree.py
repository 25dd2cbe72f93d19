"""Responses that share beginnings: a tree of segments grown from the policy.

Qiu et al. 2024, "Reward Generalization in RLHF: A Topological Perspective" (arXiv:2402.10184): every node is a segment
of tokens, drawn after those of its ancestors; a response is a path from the root to a leaf. Each leaf alone is a sample
of the policy like any other; leaves with a common ancestor are the same up to there.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..models import Policy
from ..recipes import SamplerSettings
from ..rows import Message
from ..text import Tokens
from .decode import Drawn, draw


@dataclass(frozen=True)
class Leaf:
    """One response of a tree: ``path`` holds the child's number at each branching, ``segments`` its tokens by node.

    A response that ended early has fewer segments than the tree is deep, and no siblings below its last one.
    """

    path: tuple[int, ...]
    segments: tuple[Tokens, ...]
    token_logprobs: tuple[float, ...]
    text: str
    stopped: bool

    @property
    def token_ids(self) -> Tokens:
        """The whole response."""
        return tuple(token for segment in self.segments for token in segment)


@dataclass(frozen=True)
class Tree:
    """How a tree is grown: ``branching`` children of every open node down to ``depth``, ``segment_tokens`` a node.

    The last segment of a path is as long as the sampler's ``max_new_tokens`` leaves room for.
    """

    branching: int = 2
    depth: int = 2
    segment_tokens: int = 12

    def __post_init__(self) -> None:
        """Refuse what is no tree."""
        if self.branching < 2 or self.depth < 1 or self.segment_tokens < 1:
            raise ValueError(
                f"a tree has branching of at least 2, depth and segment_tokens of at least 1, not {self.branching}, "
                f"{self.depth} and {self.segment_tokens}"
            )


@dataclass(frozen=True)
class _Node:
    prompt: int
    path: tuple[int, ...]
    segments: tuple[Tokens, ...]
    logprobs: tuple[float, ...]
    stopped: bool


def grow(
    policy: Policy,
    prompts: Sequence[Sequence[Message]],
    settings: SamplerSettings,
    tree: Tree,
    seeds: Sequence[int],
) -> list[list[Leaf]]:
    """The leaves of one tree for every prompt, by path. One seed per prompt; every level is one batch.

    Raises ValueError where prompts and seeds differ in number or the segments leave no room for a last one.
    """
    if len(prompts) != len(seeds):
        raise ValueError(f"there are {len(prompts)} prompts and {len(seeds)} seeds: give one seed per prompt")
    if settings.max_new_tokens >= policy.text.context:
        raise ValueError(f"max_new_tokens leaves no room for a prompt in a context of {policy.text.context} tokens")
    last = settings.max_new_tokens - (tree.depth - 1) * tree.segment_tokens
    if last < 1:
        raise ValueError(
            f"{tree.depth - 1} segments of {tree.segment_tokens} tokens leave no room for a last one in "
            f"max_new_tokens {settings.max_new_tokens}: raise it, or grow a smaller tree"
        )
    room = policy.text.context - settings.max_new_tokens
    roots = [policy.text.prompt_tokens(prompt)[-room:] for prompt in prompts]
    level = [_Node(number, (), (), (), stopped=False) for number in range(len(prompts))]
    for depth in range(tree.depth):
        most = last if depth == tree.depth - 1 else tree.segment_tokens
        level = _grown(policy, roots, level, replace(settings, max_new_tokens=most), tree.branching, seeds)
    return [[_leaf(policy, node) for node in level if node.prompt == number] for number in range(len(prompts))]


def _grown(
    policy: Policy,
    roots: Sequence[Tokens],
    level: Sequence[_Node],
    settings: SamplerSettings,
    branching: int,
    seeds: Sequence[int],
) -> list[_Node]:
    """Every open node's children, and the nodes that have ended as they are."""
    children = [(node, child) for node in level if not node.stopped for child in range(branching)]
    begun = [roots[node.prompt] + tuple(t for segment in node.segments for t in segment) for node, _ in children]
    own = [_seed(seeds[node.prompt], (*node.path, child)) for node, child in children]
    drawn = iter(draw(policy, begun, settings, own))
    return [
        following for node in level for following in ([node] if node.stopped else _children(node, drawn, branching))
    ]


def _children(node: _Node, drawn: Iterator[Drawn], branching: int) -> list[_Node]:
    found = []
    for child in range(branching):
        one = next(drawn)
        found.append(
            _Node(
                node.prompt,
                (*node.path, child),
                (*node.segments, one.token_ids),
                (*node.logprobs, *one.token_logprobs),
                one.stopped,
            )
        )
    return found


def _seed(seed: int, path: tuple[int, ...]) -> int:
    """A node's own 63-bit seed."""
    return int.from_bytes(hashlib.sha256(json.dumps([seed, *path]).encode()).digest()[:8], "big") >> 1


def _leaf(policy: Policy, node: _Node) -> Leaf:
    tokens = [token for segment in node.segments for token in segment]
    text = policy.text.decode(tokens[:-1] if node.stopped else tokens)
    return Leaf(node.path, node.segments, node.logprobs, text, node.stopped)


def common_depth(first: Leaf, second: Leaf) -> int:
    """How many segments two leaves of one tree share: their deepest common ancestor's depth."""
    depth = 0
    for ours, theirs in zip(first.path, second.path, strict=False):
        if ours != theirs:
            break
        depth += 1
    return depth


def leaf_pairs(leaves: Sequence[Leaf], *, least: int = 1) -> list[tuple[int, int]]:
    """Pairs of leaves with at least ``least`` common segments, whose texts differ; the deepest ancestors first."""
    found = [
        (common_depth(leaves[i], leaves[j]), i, j)
        for i in range(len(leaves))
        for j in range(i + 1, len(leaves))
        if leaves[i].text != leaves[j].text
    ]
    return [(i, j) for depth, i, j in sorted(found, key=lambda one: (-one[0], one[1:])) if depth >= least]
