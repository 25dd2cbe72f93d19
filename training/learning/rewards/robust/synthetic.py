"""Pairs without a label: what a policy says most often over what it says seldom.

RLP-SPG of "Fine-Tuning Language Models with Reward Learning on Policy" (Lang et al. 2024, arXiv:2403.19279): n samples
of a prompt are clustered by meaning; where the largest cluster holds more than a set share of them (its confidence),
its members are preferred to the others. Self-consistency stands in for a judgment: these rows carry source
``reward_model`` and are never counted or exported as anybody's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...rows import Message, PreferenceRow
from .fusion import unit


def clusters(similarity: ArrayLike, threshold: float) -> list[list[int]]:
    """Connected components of [n, n] similarities of at least ``threshold``, the largest first."""
    alike = np.asarray(similarity) >= threshold
    left = list(range(len(alike)))
    found: list[list[int]] = []
    while left:
        members, edge = {left[0]}, [left[0]]
        while edge:
            near = set(np.flatnonzero(alike[edge.pop()]).tolist()) - members
            members |= near
            edge += sorted(near)
        left = [place for place in left if place not in members]
        found.append(sorted(members))
    return sorted(found, key=lambda cluster: (-len(cluster), cluster[0]))


def synthetic_pair(vectors: ArrayLike, *, similarity: float, confidence: float, seed: int) -> tuple[int, int] | None:
    """Which of n samples with [n, d] vectors is preferred to which; None where no cluster holds enough of them."""
    found = clusters(unit(vectors) @ unit(vectors).T, similarity)
    count = sum(map(len, found))
    if len(found) < 2 or len(found[0]) <= max(confidence * count, len(found[1])):
        return None
    chance = np.random.default_rng(seed)
    others = [place for cluster in found[1:] for place in cluster]
    return int(chance.choice(found[0])), int(chance.choice(others))


def synthetic_row(prompt: list[Message], chosen: list[Message], other: list[Message], weight: float) -> PreferenceRow:
    """A synthetic preference as a row."""
    return PreferenceRow(None, prompt, (chosen, other), (None, None), 1.0, None, weight, "reward_model", ())


def confident_pairs(
    samples: Sequence[tuple[list[Message], Sequence[list[Message]]]],
    vectors: ArrayLike,
    *,
    similarity: float,
    confidence: float,
    weight: float,
    seed: int,
) -> list[PreferenceRow]:
    """At most one row for each prompt; ``vectors`` [n, d] stand in the order of all prompts' samples.

    They are centred first, per dimension over all samples: what all texts share says nothing of meaning.
    """
    x = np.asarray(vectors, dtype=np.float64)
    x = x - x.mean(0)
    rows: list[PreferenceRow] = []
    start = 0
    for number, (prompt, answers) in enumerate(samples):
        own = x[start : start + len(answers)]
        start += len(answers)
        pair = synthetic_pair(own, similarity=similarity, confidence=confidence, seed=seed + number)
        if pair is not None and answers[pair[0]] != answers[pair[1]]:
            rows.append(synthetic_row(prompt, answers[pair[0]], answers[pair[1]], weight))
    return rows
