"""Random numbers that belong to a sample, not to its batch; and to a tree's nodes, where responses share beginnings.

Qiu et al. 2024, "Reward Generalization in RLHF: A Topological Perspective" (arXiv:2402.10184): every node is a segment
of tokens, drawn after those of its ancestors; a response is a path from the root to a leaf. Each leaf alone is a sample
of the policy like any other; leaves with a common ancestor are the same up to there.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import torch

from ..recipes import SamplerSettings


def uniforms(seeds: Sequence[int], count: int) -> torch.Tensor:
    """Numbers in [0, 1), [samples, count] fp64: row i is a function of seed i alone, its start of nothing else.

    Philox is counter-based, so a longer row begins with the shorter one. Raises ValueError for a seed outside
    0..2**64 - 1.
    """
    rows = np.empty((len(seeds), count))
    for row, seed in zip(rows, seeds, strict=True):
        if not 0 <= seed < 2**64:
            raise ValueError(f"a seed is an integer from 0 to 2**64 - 1, not {seed}")
        np.random.Generator(np.random.Philox(key=seed)).random(out=row)
    return torch.from_numpy(rows)


def noise(settings: SamplerSettings, seeds: Sequence[int]) -> torch.Tensor:
    """The numbers [samples, max_new_tokens] that samples are drawn with; in trees, segment by segment.

    A number decides a token, so two samples of one prompt are the same for as long as their numbers are: those of one
    tree, up to where their paths part.
    """
    if settings.branching == 0:
        return uniforms(seeds, settings.max_new_tokens)
    numbers = torch.empty(len(seeds), settings.max_new_tokens, dtype=torch.float64)
    for row, seed in zip(numbers, seeds, strict=True):
        tree, path = path_of(settings, seed)
        for step in range(settings.depth):
            start = step * settings.segment_tokens
            end = settings.max_new_tokens if step + 1 == settings.depth else start + settings.segment_tokens
            row[start:end] = uniforms([node_seed(tree, path[: step + 1])], end - start)[0]
    return numbers


def path_of(settings: SamplerSettings, seed: int) -> tuple[int, tuple[int, ...]]:
    """Which tree a seed means, and the child at each of its branchings: a seed is tree·leaves + leaf."""
    tree, leaf = divmod(seed, settings.branching**settings.depth)
    steps = [leaf // settings.branching**power % settings.branching for power in range(settings.depth)]
    return tree, tuple(steps[::-1])


def leaf_seeds(settings: SamplerSettings, tree: int, count: int) -> list[int]:
    """Seeds of the first ``count`` leaves of a tree, nearest kin first; beyond its last leaf the next tree follows."""
    first = tree * settings.branching**settings.depth
    return list(range(first, first + count))


def node_seed(tree: int, path: tuple[int, ...]) -> int:
    """The 63-bit seed of a tree's node."""
    return int.from_bytes(hashlib.sha256(json.dumps([tree, *path]).encode()).digest()[:8], "big") >> 1
