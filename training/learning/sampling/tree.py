"""Responses that share beginnings: a tree of segments grown from the policy.

Qiu et al. 2024, "Reward Generalization in RLHF: A Topological Perspective" (arXiv:2402.10184): every node is a segment
of tokens, drawn after those of its ancestors; a response is a path from the root to a leaf. Each leaf alone is a sample
of the policy like any other; leaves with a common ancestor are the same up to there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..models import Policy
from ..recipes import SamplerSettings
from ..rows import Message
from ..text import Tokens
from .decode import Drawn, draw
from .uniforms import node_seed


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
class _Node:
    prompt: int
    path: tuple[int, ...]
    segments: tuple[Tokens, ...]
    logprobs: tuple[float, ...]
    stopped: bool


def grow(
    policy: Policy, prompts: Sequence[Sequence[Message]], settings: SamplerSettings, trees: Sequence[int]
) -> list[list[Leaf]]:
    """All leaves of one tree for every prompt, by path; ``trees`` numbers them. Every level is one batch.

    The same leaves as ``sample`` draws with the seeds ``leaf_seeds``, but a shared segment is computed once. Raises
    ValueError where prompts and trees differ in number or nothing branches.
    """
    if len(prompts) != len(trees):
        raise ValueError(f"there are {len(prompts)} prompts and {len(trees)} trees: number a tree for each prompt")
    if settings.branching == 0:
        raise ValueError("a tree needs branching of 2 or more: this sampler's is 0")
    room = policy.text.context - settings.max_new_tokens
    if room < 1:
        raise ValueError(f"max_new_tokens leaves no room for a prompt in a context of {policy.text.context} tokens")
    roots = [policy.text.prompt_tokens(prompt)[-room:] for prompt in prompts]
    level = [_Node(number, (), (), (), stopped=False) for number in range(len(prompts))]
    last = settings.max_new_tokens - (settings.depth - 1) * settings.segment_tokens
    for step in range(settings.depth):
        most = last if step + 1 == settings.depth else settings.segment_tokens
        plain = replace(settings, max_new_tokens=most, branching=0)
        level = _grown(policy, roots, level, plain, settings.branching, trees)
    return [[_leaf(policy, node) for node in level if node.prompt == number] for number in range(len(prompts))]


def _grown(
    policy: Policy,
    roots: Sequence[Tokens],
    level: Sequence[_Node],
    settings: SamplerSettings,
    branching: int,
    trees: Sequence[int],
) -> list[_Node]:
    """Every open node's children, and the nodes that have ended as they are."""
    children = [(node, child) for node in level if not node.stopped for child in range(branching)]
    begun = [roots[node.prompt] + tuple(t for segment in node.segments for t in segment) for node, _ in children]
    own = [node_seed(trees[node.prompt], (*node.path, child)) for node, child in children]
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
